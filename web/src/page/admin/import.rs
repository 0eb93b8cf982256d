//! Users from a file: first what would happen, then that it happens.

use dioxus::{prelude::*, web::WebEventExt as _};
use wasm_bindgen::JsCast as _;
use web_sys::{File, HtmlInputElement};
use weir_protocol::{ImportReport, ImportedRow, RowOutcome};

use super::Part;
use crate::{
    api, dom,
    texts::admin,
    ui::{use_id, use_toasts},
};

const ADDRESS: &str = "/api/v1/admin/users/import";

/// Rows that are drawn: a table of thousands is slow and nobody reads it.
const SHOWN: usize = 200;

/// The part.
#[component]
pub fn Import() -> Element {
    let toasts = use_toasts();
    let id = use_id("file");
    let mut file = use_signal(|| None::<File>);
    let mut report = use_signal(|| None::<ImportReport>);
    let mut busy = use_signal(|| false);
    let mut wrong = use_signal(String::new);
    let mut send = move |dry_run: bool| {
        let Some(chosen) = file.cloned() else { return };
        if busy() {
            return;
        }
        busy.set(true);
        wrong.set(String::new());
        spawn(async move {
            let address = format!("{ADDRESS}?dry_run={dry_run}");
            let asked = api::post(&address).raw(chosen.into(), "text/csv");
            match asked.json::<ImportReport>().await {
                Ok(found) => report.set(Some(found)),
                Err(error) if dry_run => {
                    report.set(None);
                    wrong.set(error.text());
                }
                Err(error) => toasts.fail(error.text()),
            }
            busy.set(false);
        });
    };
    let chosen = move |event: FormEvent| {
        let Some((input, found)) = file_of(&event) else {
            return;
        };
        // The same file may be chosen again, after it was mended.
        input.set_value("");
        file.set(Some(found));
        send(true);
    };
    rsx! {
        section { class: "panel", "aria-labelledby": "import-title", "aria-busy": "{busy}",
            h2 { id: "import-title", class: "panel-title", "{admin::import_title()}" }
            p { class: "soft admin-prose", "{admin::import_note()}" }
            pre { class: "admin-code", "name,email,role,display_name\nann,ann@example.org,speaker,Ann Archer\nbob,bob@example.org,attendee," }
            div { class: "field",
                label { class: "field-label", r#for: "{id}",
                    if report.read().is_some() { "{admin::another_file()}" } else { "{admin::file()}" }
                }
                input { id: "{id}", class: "input", r#type: "file", accept: ".csv,text/csv", disabled: busy(),
                    "aria-describedby": "{id}-hint {id}-error", "aria-invalid": if wrong.read().is_empty() { "false" } else { "true" },
                    onchange: chosen }
                p { id: "{id}-hint", class: "field-hint", "{admin::file_hint()}" }
                p { id: "{id}-error", class: "field-error", role: "alert", "{wrong}" }
            }
        }
        if let (Some(report), Some(file)) = (report(), file()) {
            Report { report, name: file.name(), busy: busy(), on_import: move |()| send(false) }
        }
    }
}

#[component]
fn Report(report: ImportReport, name: String, busy: bool, on_import: EventHandler<()>) -> Element {
    let title = match report.dry_run {
        true => admin::preview(&name),
        false => admin::imported(&name),
    };
    let note = match (report.dry_run, report.errors) {
        (true, _) => admin::preview_note(),
        (false, 0) => admin::imported_whole(),
        (false, _) => admin::imported_note(),
    };
    let something = report.created + report.updated > 0;
    let rows = in_front(&report.rows);
    rsx! {
        section { class: "panel", "aria-labelledby": "report-title",
            h2 { id: "report-title", class: "panel-title", "{title}" }
            p { role: "status", "{note}" }
            dl { class: "admin-tiles admin-tiles-small",
                for (what, count) in [
                    (admin::to_create(), report.created),
                    (admin::to_update(), report.updated),
                    (admin::to_skip(), report.skipped),
                    (admin::to_leave(), report.errors),
                ] {
                    div { key: "{what}", class: "admin-tile",
                        dt { "{what}" }
                        dd { span { class: "admin-figure", "{count}" } }
                    }
                }
            }
            div { class: "actions",
                if !report.dry_run {
                    Link { class: "action", to: Part::Users.route(), "{admin::import_again()}" }
                } else if something {
                    button { class: "action", r#type: "button", "aria-busy": "{busy}", onclick: move |_| on_import.call(()), "{admin::import_now()}" }
                } else {
                    p { class: "soft", "{admin::import_nothing()}" }
                }
            }
            if report.rows.len() > SHOWN {
                p { class: "soft", "{admin::rows_shown(report.rows.len(), SHOWN)}" }
            }
            div { class: "table-wrap", role: "region", tabindex: "0", "aria-label": admin::rows(),
                table { class: "table admin-rows",
                    thead { tr {
                        th { scope: "col", "{admin::line()}" }
                        th { scope: "col", "{admin::name()}" }
                        th { scope: "col", "{admin::outcome()}" }
                        th { scope: "col", "{admin::why()}" }
                    } }
                    tbody {
                        for row in rows {
                            tr { key: "{row.line}",
                                td { "{row.line}" }
                                th { scope: "row", "{row.name}" }
                                td { span { class: badge(row.outcome), "{outcome(row.outcome)}" } }
                                td { class: "admin-why", {row.error.clone().unwrap_or_default()} }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The rows that are shown: those that need a look first, each kind in the file's order.
fn in_front(rows: &[ImportedRow]) -> Vec<ImportedRow> {
    let (wrong, right): (Vec<_>, Vec<_>) = rows
        .iter()
        .partition(|row| row.outcome == RowOutcome::Error);
    let all = wrong.into_iter().chain(right);
    all.take(SHOWN).cloned().collect()
}

fn badge(outcome: RowOutcome) -> &'static str {
    match outcome {
        RowOutcome::Created => "badge admin-good",
        RowOutcome::Error => "badge admin-bad",
        RowOutcome::Updated | RowOutcome::Skipped => "badge",
    }
}

fn outcome(outcome: RowOutcome) -> &'static str {
    match outcome {
        RowOutcome::Created => admin::outcome_created(),
        RowOutcome::Updated => admin::outcome_updated(),
        RowOutcome::Skipped => admin::outcome_skipped(),
        RowOutcome::Error => admin::outcome_error(),
    }
}

fn file_of(event: &FormEvent) -> Option<(HtmlInputElement, File)> {
    let input: HtmlInputElement = event.try_as_web_event()?.target()?.dyn_into().ok()?;
    let files = dom::property(&input, "files")?;
    let file = js_sys::Reflect::get_u32(&files, 0).ok()?.dyn_into().ok()?;
    Some((input, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_were_left_out_stand_in_front() {
        let row = |line, outcome| ImportedRow {
            line,
            name: String::new(),
            outcome,
            error: None,
        };
        let mut rows = vec![
            row(2, RowOutcome::Created),
            row(3, RowOutcome::Error),
            row(4, RowOutcome::Skipped),
            row(5, RowOutcome::Error),
        ];
        let lines = |rows: &[ImportedRow]| -> Vec<u64> {
            in_front(rows).iter().map(|row| row.line).collect()
        };
        assert_eq!(lines(&rows), [3, 5, 2, 4]);
        rows.extend((6..1_000).map(|line| row(line, RowOutcome::Created)));
        assert_eq!(lines(&rows).len(), SHOWN);
    }
}
