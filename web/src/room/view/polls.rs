//! Polls: a form until one has voted, bars with words from then on.

use std::collections::BTreeSet;

use dioxus::prelude::*;
use weir_protocol::room::{ClientMessage, OnePoll, Poll, PollVote};

use super::{NoteAt, login, new_poll::NewPollForm};
use crate::{
    room::{run::Room, state::Place},
    texts::room as texts,
    ui::{Empty, use_id},
};

/// All polls that are open, and those that closed while one was here.
#[component]
pub fn Polls(room: Room) -> Element {
    let about = use_memo(move || {
        let state = room.state.read();
        (state.polls.clone(), state.moderates())
    });
    let (polls, moderates) = about();
    let mut making = use_signal(|| false);
    rsx! {
        div { class: "room-part",
            if moderates {
                button { class: "action action-soft", r#type: "button", onclick: move |_| making.set(true), "{texts::new_poll()}" }
            }
            NoteAt { room, place: Place::Polls }
            if polls.is_empty() {
                Empty { title: texts::no_polls(), text: if moderates { texts::no_polls_moderator() } else { texts::no_polls_text() } }
            }
            for poll in polls.into_iter().rev() {
                OnePollView { key: "{poll.id}", room, poll }
            }
        }
        if making() {
            NewPollForm { room, on_close: move |()| making.set(false) }
        }
    }
}

#[component]
fn OnePollView(room: Room, poll: Poll) -> Element {
    let id = use_id("poll");
    let mut again = use_signal(|| false);
    let mut picked = use_signal(BTreeSet::<u8>::new);
    let about = use_memo(move || {
        let state = room.state.read();
        (state.may_send(), state.moderates())
    });
    let (may, moderates) = about();
    let key = poll.id;
    let open = poll.closed_at.is_none();
    let voted = poll.chosen.as_ref().is_some_and(|it| !it.is_empty());
    // Who runs the room watches the votes come in.
    let asks = open && may && (again() || !voted && !moderates);
    let multiple = poll.multiple;
    let vote = move |event: FormEvent| {
        event.prevent_default();
        let choices: Vec<u8> = picked.peek().iter().copied().collect();
        if !choices.is_empty() {
            room.ask(ClientMessage::VotePoll(PollVote { poll: key, choices }));
            again.set(false);
        }
    };
    rsx! {
        section { class: "panel poll", "aria-labelledby": "{id}",
            h2 { id: "{id}", class: "panel-title", "{poll.question}" }
            if asks {
                form { class: "poll-form", onsubmit: vote,
                    if multiple { p { class: "soft", "{texts::poll_multiple()}" } }
                    div { class: "poll-choices", role: if multiple { "group" } else { "radiogroup" }, "aria-labelledby": "{id}",
                        for (at, option) in poll.options.iter().enumerate().map(|(at, it)| (at as u8, it)) {
                            label { key: "{at}", class: "poll-choice",
                                input {
                                    class: "tick", name: "{id}", r#type: if multiple { "checkbox" } else { "radio" },
                                    checked: picked.read().contains(&at),
                                    onchange: move |event| {
                                        let mut picked = picked.write();
                                        if !multiple {
                                            // A radio button tells of being chosen only.
                                            picked.clear();
                                            picked.insert(at);
                                        } else if event.checked() {
                                            picked.insert(at);
                                        } else {
                                            picked.remove(&at);
                                        }
                                    },
                                }
                                span { "{option.text}" }
                            }
                        }
                    }
                    button { class: "action", r#type: "submit", disabled: picked.read().is_empty(), "{texts::vote()}" }
                }
            } else {
                ul { class: "bars", role: "list",
                    for (at, option) in poll.options.iter().enumerate() {
                        li { key: "{at}", class: "bar-row",
                            span { class: "bar-name",
                                "{option.text}"
                                if poll.chosen.as_ref().is_some_and(|it| it.contains(&(at as u8))) {
                                    span { class: "soft", " ({texts::your_choice()})" }
                                }
                            }
                            span { class: "bar-votes", "{texts::result(option.votes, percent(option.votes, poll.voters))}" }
                            span { class: "bar", "aria-hidden": "true",
                                span { class: "bar-fill", width: "{percent(option.votes, poll.voters)}%" }
                            }
                        }
                    }
                }
                p { class: "soft",
                    "{texts::voters(poll.voters)}"
                    if !open { " · {texts::poll_closed()}" }
                }
                if open && !may { a { class: "link", href: "{login()}", "{texts::log_in_vote()}" } }
                if open && may {
                    button { class: "chat-small", r#type: "button", onclick: move |_| again.set(true),
                        if voted { "{texts::change_vote()}" } else { "{texts::vote()}" }
                    }
                }
            }
            if open && moderates {
                button { class: "chat-small", r#type: "button", onclick: move |_| room.ask(ClientMessage::ClosePoll(OnePoll { poll: key })),
                    "{texts::close_poll()}"
                }
            }
        }
    }
}

/// Of those who voted; with several choices the sum may be more than 100.
fn percent(votes: u64, voters: u64) -> u64 {
    match voters {
        0 => 0,
        voters => (votes * 100 + voters / 2) / voters,
    }
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn shares_are_rounded() {
        assert_eq!(percent(0, 0), 0);
        assert_eq!(percent(1, 3), 33);
        assert_eq!(percent(2, 3), 67);
        assert_eq!(percent(3, 3), 100);
    }
}
