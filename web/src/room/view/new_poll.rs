//! The form with which whoever runs the room opens a poll.

use dioxus::prelude::*;
use weir_protocol::room::{
    ClientMessage, NewPoll, POLL_OPTION_MAX, POLL_OPTIONS_MAX, POLL_QUESTION_MAX,
};

use crate::{
    icon,
    room::run::Room,
    texts::{frame, room as texts},
    ui::{Choice, Dialog, Submit, TextField, Tick},
};

/// How long polls may be open by themselves. Minutes.
const LENGTHS: [u32; 4] = [1, 2, 5, 15];

#[component]
pub fn NewPollForm(room: Room, on_close: EventHandler<()>) -> Element {
    let question = use_signal(String::new);
    let mut options = use_signal(|| vec![Signal::new(String::new()), Signal::new(String::new())]);
    let multiple = use_signal(|| false);
    let minutes = use_signal(String::new);
    let mut wanting = use_signal(|| false);
    let said = use_memo(move || {
        let options = options.read();
        let said = options.iter().map(|it| it.read().trim().to_owned());
        said.collect::<Vec<_>>()
    });
    let open = move |event: FormEvent| {
        event.prevent_default();
        wanting.set(true);
        let question = question.peek().trim().to_owned();
        let Some(options) = complete(&said.peek()).filter(|_| !question.is_empty()) else {
            return;
        };
        room.ask(ClientMessage::OpenPoll(NewPoll {
            question,
            options,
            multiple: *multiple.peek(),
            seconds: minutes.peek().parse().ok().map(|it: u32| it * 60),
        }));
        on_close.call(());
    };
    let mut lengths = vec![(String::new(), texts::until_closed().to_owned())];
    lengths.extend(LENGTHS.map(|it| (it.to_string(), texts::minutes(it.into()))));
    let count = options.read().len();
    let missing = if wanting() && question.read().trim().is_empty() {
        frame::required()
    } else {
        ""
    };
    rsx! {
        Dialog { title: texts::new_poll(), on_close,
            form { class: "form", novalidate: true, onsubmit: open,
                TextField { label: texts::poll_question(), value: question, required: true, maxlength: POLL_QUESTION_MAX as u32, error: missing, autofocus: true }
                fieldset { class: "poll-options",
                    legend { class: "unseen", "{texts::poll_options()}" }
                    for (at, option) in options().into_iter().enumerate() {
                        div { key: "{option.id():?}", class: "poll-option",
                            TextField { label: texts::poll_option(at + 1), value: option, required: at < 2, maxlength: POLL_OPTION_MAX as u32,
                                error: if wanting() { wrong(&said.read(), at) } else { "" } }
                            if count > 2 {
                                button { class: "quiet", r#type: "button", "aria-label": texts::poll_option_remove(at + 1),
                                    onclick: move |_| { options.write().remove(at); }, icon::Cross {} }
                            }
                        }
                    }
                    if count < POLL_OPTIONS_MAX {
                        button { class: "action action-soft", r#type: "button", onclick: move |_| options.write().push(Signal::new(String::new())), "{texts::poll_option_add()}" }
                    }
                }
                Tick { label: texts::poll_several(), value: multiple }
                Choice { label: texts::poll_ends(), value: minutes, options: lengths }
                div { class: "dialog-actions",
                    button { class: "action action-soft", r#type: "button", onclick: move |_| on_close.call(()), "{frame::cancel()}" }
                    Submit { label: texts::poll_start() }
                }
            }
        }
    }
}

/// The answers that were given, where a poll can be made of them; empty fields do not count.
fn complete(said: &[String]) -> Option<Vec<String>> {
    let given: Vec<String> = said.iter().filter(|it| !it.is_empty()).cloned().collect();
    let fits = given.len() >= 2 && (0..said.len()).all(|at| repeats(said, at).is_none());
    fits.then_some(given)
}

/// What is wrong with an answer.
fn wrong(said: &[String], at: usize) -> &'static str {
    let given = said.iter().filter(|it| !it.is_empty()).count();
    match said.get(at) {
        Some(text) if text.is_empty() && given < 2 && at < 2 => frame::required(),
        _ if repeats(said, at).is_some() => texts::poll_option_twice(),
        _ => "",
    }
}

/// The earlier place of the same answer.
fn repeats(said: &[String], at: usize) -> Option<usize> {
    let text = said.get(at).filter(|it| !it.is_empty())?;
    said[..at].iter().position(|earlier| earlier == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn a_poll_has_two_different_answers_at_least() {
        assert_eq!(
            complete(&said(&["Tea", "", "Coffee"])),
            Some(said(&["Tea", "Coffee"]))
        );
        assert_eq!(complete(&said(&["Tea", ""])), None);
        assert_eq!(complete(&said(&["Tea", "Coffee", "Tea"])), None);
    }
}
