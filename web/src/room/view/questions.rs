//! What the audience asks the stage.

use dioxus::prelude::*;
use weir_protocol::room::{
    ClientMessage, NewQuestion, QUESTION_MAX, Question, QuestionState, SetQuestion, Upvote,
};

use super::{NoteAt, login};
use crate::{
    icon,
    room::{run::Room, state::Place},
    texts::room as texts,
    ui::{Empty, Menu, MenuButton, Skeleton, TextArea},
};

/// The questions, what is being answered first, and a form.
#[component]
pub fn Questions(room: Room) -> Element {
    let about = use_memo(move || {
        let state = room.state.read();
        (state.may_send(), state.moderates(), state.questions.clone())
    });
    let (may, moderates, questions) = about();
    let mut text = use_signal(String::new);
    let ask = move |event: FormEvent| {
        event.prevent_default();
        let asked = text.peek().trim().replace(['\n', '\r'], " ");
        if !asked.is_empty() {
            room.ask(ClientMessage::Ask(NewQuestion { text: asked }));
            text.set(String::new());
        }
    };
    rsx! {
        div { class: "room-part",
            if may {
                form { class: "stack stack-tight", onsubmit: ask,
                    TextArea { label: texts::ask(), value: text, rows: 2, maxlength: QUESTION_MAX as u32 }
                    button { class: "action action-soft", r#type: "submit", "{texts::ask_send()}" }
                }
            } else {
                a { class: "link", href: "{login()}", "{texts::log_in_ask()}" }
            }
            NoteAt { room, place: Place::Questions }
            match questions {
                None => rsx! { Skeleton { lines: 3 } },
                Some(list) if list.is_empty() => rsx! { Empty { title: texts::no_questions() } },
                Some(list) => rsx! {
                    ul { class: "questions", role: "list",
                        for question in list {
                            li { key: "{question.id}", OneQuestion { room, question, may, moderates } }
                        }
                    }
                },
            }
        }
    }
}

#[component]
fn OneQuestion(room: Room, question: Question, may: bool, moderates: bool) -> Element {
    let id = question.id;
    let (voted, state) = (question.voted, question.state);
    let word = match state {
        QuestionState::Open => None,
        QuestionState::Waiting => Some(texts::state_waiting()),
        QuestionState::Pinned => Some(texts::state_pinned()),
        QuestionState::Answered => Some(texts::state_answered()),
        QuestionState::Dismissed => Some(texts::state_dismissed()),
    };
    let open = matches!(state, QuestionState::Open | QuestionState::Pinned);
    let ways = [
        (
            QuestionState::Open,
            if state == QuestionState::Waiting {
                texts::to_approve()
            } else {
                texts::to_open()
            },
        ),
        (QuestionState::Pinned, texts::to_pin()),
        (QuestionState::Answered, texts::to_answered()),
        (QuestionState::Dismissed, texts::to_dismiss()),
    ];
    rsx! {
        article { class: if state == QuestionState::Pinned { "question question-now" } else { "question" },
            button {
                class: "question-vote", r#type: "button", disabled: !may || !open,
                "aria-pressed": "{voted}", "aria-label": texts::want_to_know(&question.text),
                onclick: move |_| room.ask(ClientMessage::Upvote(Upvote { question: id, vote: !voted })),
                icon::Up {}
                span { "aria-hidden": "true", "{question.votes}" }
            }
            div { class: "question-body",
                p { class: "question-text", "{question.text}" }
                p { class: "soft question-by",
                    "{texts::asked_by(&question.author.name)} · {texts::question_votes(question.votes)}"
                    if let Some(word) = word { span { class: "badge", "{word}" } }
                }
            }
            if moderates {
                Menu { label: texts::question_menu(), class: "chat-tool", trigger: rsx! { icon::More {} },
                    for (to, name) in ways.into_iter().filter(|(to, _)| *to != state) {
                        MenuButton { key: "{to.as_str()}", on_press: move |()| room.ask(ClientMessage::SetQuestion(SetQuestion { question: id, state: to })), "{name}" }
                    }
                }
            }
        }
    }
}
