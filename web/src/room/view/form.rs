//! Where one writes, or how one comes to write.

use dioxus::{prelude::*, web::WebEventExt as _};
use web_sys::Element as DomElement;
use weir_protocol::room::{ClientMessage, EditMessage, MessageId, NICKNAME_MAX};

use super::{NoteAt, login};
use crate::{
    dom, icon,
    room::{
        run::Room,
        state::{Link, Place},
        words,
    },
    settings,
    texts::{frame, room as texts},
};

/// From so many characters before the limit on, it is said how many are left.
const NEAR_LIMIT: usize = 80;

/// What the form is for.
#[derive(Debug, Clone, Default, PartialEq)]
enum Mode {
    /// A new message.
    #[default]
    New,
    /// An answer to one.
    Answer {
        /// Which.
        id: MessageId,
        /// Whose.
        name: String,
    },
    /// Another text of an own one.
    Edit {
        /// Which.
        id: MessageId,
    },
}

/// What is being written; copies are the same. It outlives the form, which goes while another part of the room is
/// looked at.
#[derive(Clone, Copy, PartialEq)]
pub struct Draft {
    text: Signal<String>,
    mode: Signal<Mode>,
    /// The field is to have the keyboard.
    summoned: Signal<bool>,
}

/// Nothing yet.
pub fn use_draft() -> Draft {
    Draft {
        text: use_signal(String::new),
        mode: use_signal(Mode::default),
        summoned: use_signal(|| false),
    }
}

impl Draft {
    /// Goes on in the field with an answer to a message of `name`.
    pub fn answer(mut self, id: MessageId, name: String) {
        self.mode.set(Mode::Answer { id, name });
        self.summoned.set(true);
    }

    /// Goes on in the field with another text of an own message.
    pub fn edit(mut self, id: MessageId, text: String) {
        self.text.set(text);
        self.mode.set(Mode::Edit { id });
        self.summoned.set(true);
    }
}

/// The form, for who may write; the way to it for everybody else.
#[component]
pub fn Form(room: Room, draft: Draft) -> Element {
    let may = use_memo(move || {
        let state = room.state.read();
        (state.may_send(), state.you.is_some(), state.settings.guests)
    });
    let modes = use_memo(move || words::modes(&room.state.read().settings));
    rsx! {
        div { class: "chat-foot",
            Typing { room }
            if !modes.read().is_empty() {
                ul { class: "chat-modes", role: "list",
                    for text in modes() { li { key: "{text}", "{text}" } }
                }
            }
            match may() {
                (true, ..) => rsx! { Writing { room, draft } },
                (false, true, guests) => rsx! {
                    NoteAt { room, place: Place::Chat }
                    a { class: "action", href: "{login()}", "{texts::log_in()}" }
                    if guests { AsGuest { room } }
                },
                // Who it is, the room will say.
                (false, false, _) => rsx! {},
            }
        }
    }
}

#[component]
fn Writing(room: Room, draft: Draft) -> Element {
    let Draft {
        mut text,
        mut mode,
        mut summoned,
    } = draft;
    let mut field = use_signal(|| None::<DomElement>);
    let about = use_memo(move || {
        let state = room.state.read();
        (state.text_max(), state.link == Link::Ready)
    });
    let focus = move || {
        if let Some(field) = field.peek().as_ref() {
            dom::call_quietly(field, "focus");
        }
    };
    // Whoever answers or edits goes on in the field.
    use_effect(move || {
        if summoned() {
            summoned.set(false);
            focus();
        }
    });
    // What was refused comes back, before what was written since.
    use_effect(move || {
        let returned = room.state.read().returned.clone();
        if let Some(back) = returned {
            room.act(|client, _| client.take_returned());
            let since = text.peek().clone();
            text.set(if since.is_empty() {
                back.text
            } else {
                format!("{} {since}", back.text)
            });
        }
    });
    let (max, ready) = about();
    let length = text.read().trim().chars().count();
    let over = length > max;
    let mut leave = move || {
        if matches!(*mode.peek(), Mode::Edit { .. }) {
            text.set(String::new());
        }
        mode.set(Mode::New);
        focus();
    };
    let send = move |event: FormEvent| {
        event.prevent_default();
        let said = text.peek().trim().to_owned();
        if said.is_empty() || said.chars().count() > about.peek().0 {
            return;
        }
        match mode.peek().clone() {
            Mode::New => room.act(move |client, _| client.send(said, None)),
            Mode::Answer { id, .. } => room.act(move |client, _| client.send(said, Some(id))),
            Mode::Edit { id, .. } => {
                room.ask(ClientMessage::Edit(EditMessage { id, text: said }));
            }
        }
        text.set(String::new());
        mode.set(Mode::New);
        room.act(|client, _| client.set_at_end(true));
    };
    rsx! {
        match mode() {
            Mode::New => rsx! {},
            Mode::Answer { name, .. } => rsx! { Doing { text: texts::answering(name), on_leave: move |()| leave() } },
            Mode::Edit { .. } => rsx! { Doing { text: texts::editing(), on_leave: move |()| leave() } },
        }
        NoteAt { room, place: Place::Chat }
        form { class: "chat-form", onsubmit: send,
            input {
                class: "input", r#type: "text", autocomplete: "off", value: "{text}",
                placeholder: texts::write(), "aria-label": texts::your_message(),
                "aria-invalid": "{over}",
                // Keys of the player are letters here.
                onkeydown: move |event| {
                    if event.key() == Key::Escape && *mode.peek() != Mode::New {
                        event.prevent_default();
                        leave();
                    }
                },
                oninput: move |event| {
                    text.set(event.value());
                    room.act(|client, now| client.typing(now));
                },
                onmounted: move |event| field.set(event.try_as_web_event()),
            }
            button { class: "action chat-send", r#type: "submit", "aria-label": texts::send(), "aria-disabled": "{over || !ready && length == 0}",
                icon::Send {}
            }
        }
        p { class: if over { "chat-left chat-over" } else { "chat-left" }, role: "status",
            if over { "{texts::over((length - max) as u64)}" }
            else if length + NEAR_LIMIT > max { "{texts::left((max - length) as u64)}" }
        }
    }
}

/// What the form is for, and the way back to a new message.
#[component]
fn Doing(text: String, on_leave: EventHandler<()>) -> Element {
    rsx! {
        p { class: "chat-doing",
            span { "{text}" }
            button { class: "chat-tool", r#type: "button", "aria-label": frame::cancel(), onclick: move |_| on_leave.call(()), icon::Cross {} }
        }
    }
}

#[component]
fn AsGuest(room: Room) -> Element {
    let mut name = use_signal(|| settings::guest_name().unwrap_or_default());
    let send = move |event: FormEvent| {
        event.prevent_default();
        let name = name.peek().trim().to_owned();
        if !name.is_empty() {
            settings::set_guest_name(&name);
            room.act(move |client, now| client.be_guest(name, now));
        }
    };
    rsx! {
        p { class: "soft", "{texts::or_guest()}" }
        form { class: "chat-form", onsubmit: send,
            input {
                class: "input", r#type: "text", autocomplete: "nickname", maxlength: "{NICKNAME_MAX}", value: "{name}",
                placeholder: texts::nickname(), "aria-label": texts::nickname(),
                oninput: move |event| name.set(event.value()),
            }
            button { class: "action action-soft", r#type: "submit", "{texts::join_guest()}" }
        }
    }
}

/// Who is writing. Not read out: it would never be silent.
#[component]
fn Typing(room: Room) -> Element {
    let typing = use_memo(move || {
        let state = room.state.read();
        let own = state.you.as_ref().and_then(|you| you.name.clone());
        let mut names = state.typing.names.clone();
        let mut count = u64::from(state.typing.count);
        if let Some(at) = names.iter().position(|it| Some(it) == own.as_ref()) {
            names.remove(at);
            count = count.saturating_sub(1);
        }
        (names, count)
    });
    let (names, count) = typing();
    let said = match (names.as_slice(), count) {
        (_, 0) => String::new(),
        ([name], 1) => texts::typing_one(name),
        ([first, second], 2) => texts::typing_two(first, second),
        _ => texts::typing_more(count),
    };
    rsx! { p { class: "chat-typing", "{said}" } }
}
