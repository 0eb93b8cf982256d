//! What is wrong with the stream, for its streamer.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use weir_protocol::{
    StreamSlug,
    finding::{Finding, Severity},
};

use crate::{api, texts::watch};

/// How often it is asked for. Milliseconds.
const REFRESH_MS: u32 = 5_000;

/// The list, for whoever may see it; nothing for everybody else.
#[component]
pub fn Findings(slug: StreamSlug) -> Element {
    let mut findings = use_signal(Vec::<Finding>::new);
    use_future(move || {
        let slug = slug.clone();
        async move {
            // Who is not logged in owns nothing.
            while api::logged_in() {
                match api::findings(&slug).await {
                    Ok(news) => {
                        let open: Vec<_> = news.into_iter().filter(|it| it.active).collect();
                        if *findings.peek() != open {
                            findings.set(open);
                        }
                    }
                    // Somebody else's.
                    Err(error) if matches!(error.status(), Some(401 | 403 | 404)) => return,
                    Err(_) => {}
                }
                TimeoutFuture::new(REFRESH_MS).await;
            }
        }
    });
    let findings = findings.read();
    if findings.is_empty() {
        return rsx! {};
    }
    rsx! {
        section { class: "findings", "aria-labelledby": "findings-title",
            h2 { id: "findings-title", class: "heading heading-small", "{watch::your_stream()}" }
            ul { class: "finding-list", role: "list", "aria-live": "polite",
                for finding in findings.iter() {
                    li { key: "{finding.id}", class: "finding finding-{finding.severity.as_str()}",
                        h3 { class: "finding-title",
                            span { class: "badge", "{word(finding.severity)}" }
                            " {finding.text.title}"
                        }
                        p { "{finding.text.effect}" }
                        if let Some(repair) = &finding.text.repair {
                            p { "{repair}" }
                        }
                        p { class: "finding-fix", strong { "{watch::what_to_do()}" } " {finding.text.fix}" }
                    }
                }
            }
        }
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => watch::note(),
        Severity::Warning => watch::warning(),
        Severity::Error => watch::error(),
    }
}
