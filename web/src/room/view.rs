//! What people see of a room.

mod form;
mod line;
mod list;
mod new_poll;
mod people;
mod pinned;
mod polls;
mod questions;
mod react;

use dioxus::prelude::*;
use weir_protocol::{Caption, room::RoomName};

use super::{
    run::{Room, use_room},
    state::{Link, Place},
    words,
};
use crate::{
    dom,
    texts::room as texts,
    ui::{Skeleton, Tab, Tabs},
};

use self::{
    form::{Draft, Form, use_draft},
    list::List,
    people::People,
    pinned::Pinned,
    polls::Polls,
    questions::Questions,
    react::Reactions,
};

/// The room beside a picture. Another room is another panel: give it a key. `moderates` hears whether the user runs it,
/// and `captions` what the publisher wants to be read.
#[component]
pub fn RoomPanel(
    name: RoomName,
    mut moderates: Signal<bool>,
    captions: Option<Signal<Caption>>,
) -> Element {
    let room = use_room(name);
    let runs_it = use_memo(move || room.state.read().moderates());
    use_effect(move || moderates.set(runs_it()));
    let caption = use_memo(move || room.state.read().caption.clone());
    use_effect(move || {
        if let Some(mut captions) = captions {
            captions.set(caption());
        }
    });
    let mut chosen = use_signal(|| "chat");
    let draft = use_draft();
    let here = use_memo(move || {
        let state = room.state.read();
        let open = state.polls.iter().filter(|it| it.closed_at.is_none());
        (
            state.link.clone(),
            open.count() as u64,
            u64::from(state.people),
        )
    });
    let (link, open, people) = here();
    let polls = match open {
        0 => texts::polls().to_owned(),
        count => texts::polls_open(count),
    };
    let tabs = vec![
        Tab::new("chat", texts::chat()),
        Tab::new("polls", polls),
        Tab::new("questions", texts::questions()),
        Tab::new("people", texts::people_count(people)),
    ];
    // The list is shown from its end on, and holds no more than that while another part is looked at.
    use_effect(move || {
        chosen();
        room.act(|client, _| client.set_at_end(true));
    });
    // What is not asked for before somebody looks at it.
    use_effect(move || {
        let ready = here().0 == Link::Ready;
        match chosen() {
            "questions" if ready => room.act(|client, _| {
                if client.state.questions.is_none() {
                    client.ask_questions();
                }
            }),
            "people" if ready => room.act(|client, _| {
                if client.state.members.is_none() {
                    client.ask_members();
                }
            }),
            _ => {}
        }
    });
    rsx! {
        section { class: "room", "aria-label": texts::panel(), "data-room": word(&link),
            if let Some(why) = words::absent(&link) {
                p { class: "room-absent", role: "status", "{why}" }
            } else if link == Link::Connecting {
                div { class: "room-absent", Skeleton { lines: 6 } }
            } else {
                Tabs { label: texts::parts(), tabs, chosen,
                    match chosen() {
                        "polls" => rsx! { Polls { room } },
                        "questions" => rsx! { Questions { room } },
                        "people" => rsx! { People { room } },
                        _ => rsx! { Chat { room, draft, on_polls: move |()| chosen.set("polls") } },
                    }
                }
            }
            // Always there, so that what appears in it is read out.
            p { class: "room-lost", role: "status", if link == Link::Lost { "{texts::lost()}" } }
        }
    }
}

/// For tests and support, in `data-room`.
fn word(link: &Link) -> &'static str {
    match link {
        Link::Connecting => "connecting",
        Link::Ready => "ready",
        Link::Lost => "lost",
        Link::Closed(_) => "closed",
        Link::Refused(..) => "refused",
    }
}

#[component]
fn Chat(room: Room, draft: Draft, on_polls: EventHandler<()>) -> Element {
    rsx! {
        div { class: "chat",
            Raid { room }
            OpenPoll { room, on_polls }
            Pinned { room }
            List { room, draft }
            Reactions { room }
            Form { room, draft }
        }
    }
}

/// The streamer sends everybody on.
#[component]
fn Raid(room: Room) -> Element {
    let raid = use_memo(move || room.state.read().raid.clone());
    let Some((to, title)) = raid() else {
        return rsx! {};
    };
    let said = texts::raid(title);
    rsx! {
        p { class: "chat-bar", role: "status",
            span { "{said}" }
            a { class: "link", href: "/@{to}", "{texts::raid_go()}" }
        }
    }
}

/// That there is a poll, for those who read the chat.
#[component]
fn OpenPoll(room: Room, on_polls: EventHandler<()>) -> Element {
    let poll = use_memo(move || {
        let state = room.state.read();
        let open = |it: &&weir_protocol::room::Poll| it.closed_at.is_none() && it.chosen.is_none();
        state.polls.iter().find(open).map(|it| it.question.clone())
    });
    let Some(question) = poll() else {
        return rsx! {};
    };
    let said = texts::poll_open(question);
    rsx! {
        p { class: "chat-bar",
            span { class: "chat-bar-text", "{said}" }
            button { class: "chat-small", r#type: "button", onclick: move |_| on_polls.call(()), "{texts::vote_now()}" }
        }
    }
}

/// What became of what was asked for, at its place.
#[component]
fn NoteAt(room: Room, place: Place) -> Element {
    let note = use_memo(move || room.state.read().note(place).cloned());
    let said = note().map(|it| words::note(&it, dom::now_ms() as u64));
    let said = said.unwrap_or_default();
    rsx! {
        // Always there, so that what appears in it is read out.
        p { class: "chat-note", role: "alert", "{said}" }
    }
}

/// The way to log in and back.
fn login() -> String {
    let here = dom::window().location().pathname().unwrap_or_default();
    format!("/login?next={here}")
}
