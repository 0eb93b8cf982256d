//! Who speaks in a session, as a part of its form.

use dioxus::prelude::*;
use weir_protocol::{EventSessionSpeaker, NewSpeaker};

use crate::{
    icon,
    texts::organiser as said,
    ui::{TextArea, TextField},
};

/// Most speakers that the server takes.
const MOST: usize = 50;

/// One line of the form; copies are the same.
#[derive(Clone, Copy, PartialEq)]
pub struct Line {
    /// Stays with the line while others go.
    key: u32,
    name: Signal<String>,
    user: Signal<String>,
    bio: Signal<String>,
}

/// What stands in the form at first. The lines live with the component that keeps them.
pub fn lines(speakers: &[EventSessionSpeaker]) -> Vec<Line> {
    let numbered = speakers.iter().zip(0..);
    numbered
        .map(|(it, key)| Line {
            key,
            name: Signal::new(it.name.clone()),
            user: Signal::new(it.user.clone().unwrap_or_default()),
            bio: Signal::new(it.bio.clone()),
        })
        .collect()
}

/// What is sent: lines without any name are left out.
pub fn written(lines: &[Line]) -> Vec<NewSpeaker> {
    let some =
        |text: Signal<String>| Some(text.read().trim().to_owned()).filter(|it| !it.is_empty());
    let all = lines.iter().map(|it| NewSpeaker {
        user: some(it.user),
        name: some(it.name),
        bio: it.bio.cloned(),
    });
    all.filter(|it| it.user.is_some() || it.name.is_some())
        .collect()
}

/// The lines, and a button for another one.
#[component]
pub fn SpeakerFields(lines: Signal<Vec<Line>>) -> Element {
    let add = move |_| {
        let next = lines.peek().iter().map(|it| it.key + 1).max();
        lines.write().push(Line {
            key: next.unwrap_or_default(),
            name: Signal::new(String::new()),
            user: Signal::new(String::new()),
            bio: Signal::new(String::new()),
        });
    };
    rsx! {
        fieldset { class: "speaker-fields",
            legend { class: "field-label", "{said::speakers()}" }
            for (n, line) in lines().into_iter().enumerate() {
                div { key: "{line.key}", class: "speaker-line", role: "group", "aria-label": said::speaker(n + 1),
                    div { class: "fields-two",
                        TextField { label: said::speaker_name(), value: line.name, maxlength: 100 }
                        TextField { label: said::speaker_user(), value: line.user, optional: true, maxlength: 64, hint: said::speaker_user_hint() }
                    }
                    TextArea { label: said::speaker_bio(), value: line.bio, optional: true, rows: 2, maxlength: 2_000 }
                    button { class: "quiet speaker-remove", r#type: "button", "aria-label": said::remove_speaker(n + 1),
                        onclick: move |_| lines.write().retain(|it| it.key != line.key), icon::Cross {}
                    }
                }
            }
            if lines.read().len() < MOST {
                div { class: "actions", button { class: "action action-soft", r#type: "button", onclick: add, "{said::add_speaker()}" } }
            }
        }
    }
}
