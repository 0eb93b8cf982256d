//! The addresses on a profile, as they are being edited.

use dioxus::prelude::*;
use weir_protocol::ProfileLink;

use crate::{icon, texts::people, ui::TextField};

/// As many as the server takes.
const LINKS_MAX: usize = 8;

/// A link with its fields. Copies are the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkDraft {
    key: u32,
    label: Signal<String>,
    url: Signal<String>,
}

impl LinkDraft {
    fn new(key: u32, label: &str, url: &str) -> Self {
        Self {
            key,
            label: Signal::new(label.to_owned()),
            url: Signal::new(url.to_owned()),
        }
    }
}

/// Those of a profile.
pub fn drafts(links: &[ProfileLink]) -> Vec<LinkDraft> {
    let numbered = (0..).zip(links);
    numbered
        .map(|(key, link)| LinkDraft::new(key, &link.label, &link.url))
        .collect()
}

/// What they say, without empty ones; or what is wrong.
pub fn read(drafts: &[LinkDraft]) -> Result<Vec<ProfileLink>, String> {
    let texts = drafts.iter().map(|draft| {
        let label = draft.label.peek().trim().to_owned();
        let url = draft.url.peek().trim().to_owned();
        (label, url)
    });
    complete(texts)
}

fn complete(texts: impl Iterator<Item = (String, String)>) -> Result<Vec<ProfileLink>, String> {
    texts
        .filter(|(label, url)| !label.is_empty() || !url.is_empty())
        .map(|(label, url)| {
            let host = url
                .strip_prefix("https://")
                .or_else(|| url.strip_prefix("http://"));
            if host.is_none_or(str::is_empty) {
                return Err(people::link_bad().to_owned());
            }
            // Whoever gives no name sees the address.
            let label = if label.is_empty() {
                host.unwrap_or_default()
                    .trim_end_matches('/')
                    .chars()
                    .take(40)
                    .collect()
            } else {
                label
            };
            Ok(ProfileLink { label, url })
        })
        .collect()
}

/// The fields.
#[component]
pub fn Links(links: Signal<Vec<LinkDraft>>, error: String) -> Element {
    let mut next = use_signal(|| links.peek().len() as u32);
    let add = move |_| {
        let key = next();
        next += 1;
        links.write().push(LinkDraft::new(key, "", ""));
    };
    let bad = !error.is_empty();
    rsx! {
        fieldset { class: "links",
            legend { class: "field-label", "{people::links()}" }
            for draft in links() {
                div { key: "{draft.key}", class: "links-row",
                    TextField { label: people::link_label(), value: draft.label, maxlength: 40 }
                    TextField { label: people::link_url(), value: draft.url, kind: "url", autocomplete: "url", maxlength: 500, placeholder: "https://",
                        error: if bad && !good(&draft) { error.clone() } else { String::new() } }
                    button { class: "quiet", r#type: "button", "aria-label": people::remove_link(), title: people::remove_link(),
                        onclick: move |_| links.write().retain(|it| it.key != draft.key),
                        icon::Cross {}
                    }
                }
            }
            if links.read().len() < LINKS_MAX {
                button { class: "action action-soft action-small", r#type: "button", onclick: add, "{people::add_link()}" }
            }
        }
    }
}

fn good(draft: &LinkDraft) -> bool {
    read(&[*draft]).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read_one(label: &str, url: &str) -> Result<Vec<ProfileLink>, String> {
        complete([(label.to_owned(), url.to_owned())].into_iter())
    }

    #[test]
    fn links_are_addresses_with_names() {
        assert!(read_one("", "").unwrap().is_empty(), "an empty row is none");
        let named = read_one("", "https://example.org/").unwrap();
        assert_eq!(named[0].label, "example.org");
        for bad in ["", "https://", "example.org", "javascript:alert(1)"] {
            assert!(read_one("Me", bad).is_err(), "{bad}");
        }
    }
}
