//! How the server can be reached, and what viewers used.

use dioxus::prelude::*;
use weir_protocol::{CheckState, Connectivity, ConnectivityCheck, TransportsInUse};

use super::{check_words::words, figures::number};
use crate::{
    api,
    texts::connectivity as texts,
    ui::{Failure, Skeleton, ago, moment},
};

/// The part.
#[component]
pub fn ConnectivityPart() -> Element {
    let mut found = use_resource(|| api::get("/api/v1/admin/connectivity").json::<Connectivity>());
    let testing = matches!(*found.state().read(), UseResourceState::Pending);
    let shown = found.read();
    rsx! {
        section { class: "panel", "aria-labelledby": "connectivity-title", "aria-busy": if testing { "true" } else { "false" },
            div { class: "admin-head",
                h2 { id: "connectivity-title", class: "panel-title", "{texts::title()}" }
                button {
                    class: "action action-soft",
                    r#type: "button",
                    disabled: testing,
                    onclick: move |_| found.restart(),
                    "{texts::again()}"
                }
            }
            p { class: "soft admin-prose", "{texts::note()}" }
            p { class: "check-sum", role: "status",
                if testing {
                    "{texts::testing()}"
                } else if let Some(Ok(found)) = &*shown {
                    strong { "{sum(&found.checks)}" }
                    span { class: "soft", title: moment(found.checked_at), "{texts::tested(ago(found.checked_at))}" }
                }
            }
            match &*shown {
                // The line above says it already.
                None => rsx! { div { "aria-hidden": "true", Skeleton { lines: 6 } } },
                Some(Err(error)) => rsx! { Failure { error: error.clone(), on_retry: move |()| found.restart() } },
                Some(Ok(found)) => rsx! { Checks { checks: found.checks.clone() } },
            }
        }
        if let Some(Ok(found)) = &*shown {
            Transports { used: found.transports }
        }
    }
}

/// How it stands, in one sentence.
fn sum(checks: &[ConnectivityCheck]) -> String {
    let count = |state| checks.iter().filter(|it| it.state == state).count() as u64;
    match (count(CheckState::Problem), count(CheckState::Warning)) {
        (0, 0) => texts::all_good().to_owned(),
        (0, warnings) => texts::to_look(warnings),
        (problems, _) => texts::to_do(problems),
    }
}

/// What is bad stands first and open; what is well is there for who asks.
#[component]
fn Checks(checks: Vec<ConnectivityCheck>) -> Element {
    let (mut bad, good): (Vec<_>, Vec<_>) = checks
        .into_iter()
        .partition(|check| check.state != CheckState::Ok);
    bad.sort_by_key(|check| std::cmp::Reverse(check.state));
    let good_ones = good.len() as u64;
    rsx! {
        if !bad.is_empty() {
            ul { class: "check-list", role: "list",
                for (number, check) in bad.into_iter().enumerate() { Check { key: "{number}", check } }
            }
        }
        if good_ones > 0 {
            details { class: "disclosure check-good",
                summary { "{texts::good_ones(good_ones)}" }
                ul { class: "check-list", role: "list",
                    for (number, check) in good.into_iter().enumerate() { Check { key: "{number}", check } }
                }
            }
        }
    }
}

#[component]
fn Check(check: ConnectivityCheck) -> Element {
    let (meaning, advice) = words(&check);
    let (badge, word) = match check.state {
        CheckState::Problem => ("badge admin-bad", texts::problem()),
        CheckState::Warning => ("badge check-warning", texts::warning()),
        CheckState::Ok => ("badge admin-good", texts::good()),
    };
    rsx! {
        li { class: "check", "data-code": check.code.as_str(), "data-state": check.state.as_str(),
            span { class: badge, "{word}" }
            div { class: "check-words",
                p { class: "check-meaning", "{meaning}" }
                if let Some(advice) = advice {
                    p { class: "soft", strong { "{texts::what_to_do()}" } " {advice}" }
                }
            }
        }
    }
}

/// Shares of the time that was watched.
#[component]
fn Transports(used: TransportsInUse) -> Element {
    let total = used.total_ms();
    let share = |ms: u64| ms as f64 / total.max(1) as f64;
    let ways = [
        (texts::way_udp(), share(used.udp_ms)),
        (texts::way_tcp(), share(used.tcp_ms)),
        (texts::way_turn(), share(used.turn_ms)),
        (texts::way_hls(), share(used.hls_ms)),
    ];
    rsx! {
        section { class: "panel", "aria-labelledby": "transports-title",
            h2 { id: "transports-title", class: "panel-title", "{texts::transports()}" }
            if total == 0 {
                p { class: "soft", "{texts::nobody_watched()}" }
            } else {
                p { class: "soft admin-prose", "{texts::transports_note()}" }
                dl { class: "admin-tiles admin-tiles-small",
                    for (name, share) in ways {
                        div { key: "{name}", class: "admin-tile",
                            dt { "{name}" }
                            dd {
                                span { class: "admin-figure", "{texts::share(number(share * 100.0))}" }
                                // A drawing: the page's policy takes no widths in attributes of style.
                                svg { class: "admin-bar", "aria-hidden": "true", view_box: "0 0 100 1", preserve_aspect_ratio: "none",
                                    rect { width: "{(share * 100.0).clamp(0.0, 100.0)}", height: "1" }
                                }
                            }
                        }
                    }
                }
            }
            if used.failed > 0 {
                p { "{texts::failed_sessions(used.failed)}" }
            }
        }
    }
}
