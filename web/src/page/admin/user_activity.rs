//! What somebody did in the last days, in numbers and as a table.

use dioxus::prelude::*;
use weir_protocol::ActivityReport;

use super::user::address;
use crate::{
    api,
    page::people::save_file,
    texts::admin,
    ui::{Failure, Skeleton, duration, use_toasts},
};

/// The panel.
#[component]
pub fn Activity(name: String) -> Element {
    let toasts = use_toasts();
    let at = address(&name);
    let mut report = use_resource({
        let at = at.clone();
        move || {
            let ask = api::get(&format!("{at}/activity?limit=1"));
            async move { ask.json::<ActivityReport>().await }
        }
    });
    let download = move |_| {
        let (at, name) = (at.clone(), name.clone());
        async move {
            match api::get(&format!("{at}/activity.csv")).text().await {
                Ok(text) if save_file(&format!("{name}-activity.csv"), "text/csv", &text) => {}
                Ok(_) => toasts.fail(admin::not_saved()),
                Err(error) => toasts.fail(error.text()),
            }
        }
    };
    rsx! {
        section { class: "panel", "aria-labelledby": "activity-title",
            h2 { id: "activity-title", class: "panel-title", "{admin::activity()}" }
            p { class: "soft", "{admin::activity_note()}" }
            match &*report.read() {
                None => rsx! { Skeleton { lines: 2 } },
                Some(Err(error)) => rsx! { Failure { error: error.clone(), on_retry: move |()| report.restart() } },
                Some(Ok(ActivityReport { totals, .. })) => rsx! {
                    dl { class: "admin-tiles admin-tiles-small",
                        for (name, value) in [
                            (admin::activity_broadcasts(), totals.broadcasts.to_string()),
                            (admin::activity_watched(), duration(i64::try_from(totals.watch_ms).unwrap_or(i64::MAX))),
                            (admin::activity_messages(), totals.messages.to_string()),
                            (admin::activity_reactions(), totals.reactions.to_string()),
                        ] {
                            div { key: "{name}", class: "admin-tile",
                                dt { "{name}" }
                                dd { span { class: "admin-figure", "{value}" } }
                            }
                        }
                    }
                },
            }
            div { class: "actions",
                button { class: "action action-soft", r#type: "button", onclick: download, "{admin::download_csv()}" }
            }
        }
    }
}
