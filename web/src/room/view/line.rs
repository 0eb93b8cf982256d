//! One message, and what may be done with it.

use std::rc::Rc;

use dioxus::prelude::*;
use weir_protocol::room::{ChatMessage, ClientMessage, MessageId, OneMessage, ReactToMessage};

use crate::{
    dom, icon,
    room::{
        run::Room,
        text::{self, Span},
    },
    texts::room as texts,
    ui::{self, Menu, MenuButton, MenuLine},
};

/// Reactions that are one press away.
const QUICK: [&str; 3] = ["👍", "❤️", "😂"];

/// How one comes to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Passing over it.
    Mouse,
    /// Going there.
    Focus,
}

/// What the list or the form has to do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Answer it.
    Reply,
    /// Change it.
    Edit,
    /// Keep its author quiet for a while.
    Timeout,
    /// Keep its author out.
    Ban,
    /// Delete everything of its author.
    Purge,
}

/// A message. Its tools are there while it is `active` only: a list of hundreds has no hundreds of buttons.
#[component]
pub fn Line(
    room: Room,
    line: Rc<ChatMessage>,
    active: bool,
    /// Tab leads here.
    reachable: bool,
    /// The mouse is over it, or the focus is in it.
    on_active: EventHandler<(MessageId, By)>,
    on_wish: EventHandler<(Wish, MessageId)>,
) -> Element {
    let id = line.id;
    let you = use_memo(move || {
        room.state
            .read()
            .you
            .as_ref()
            .and_then(|you| you.id.clone())
    });
    let own_name = you().and_then(|it| it.strip_prefix("user:").map(str::to_owned));
    let names_you = own_name.as_ref().is_some_and(|own| {
        line.mentions
            .iter()
            .any(|it| it.name.eq_ignore_ascii_case(own))
    });
    let class = match (line.deleted, names_you) {
        (true, _) => "chat-line chat-deleted",
        (false, true) => "chat-line chat-for-you",
        (false, false) => "chat-line",
    };
    let author = &line.author;
    let tone = ui::tone(author.id.as_deref().unwrap_or(&author.name));
    rsx! {
        div {
            class: if active { format!("{class} chat-active") } else { class.to_owned() },
            tabindex: if reachable { "0" } else { "-1" },
            "data-message": "{id}",
            onmouseenter: move |_| on_active.call((id, By::Mouse)),
            onfocusin: move |_| on_active.call((id, By::Focus)),
            if let Some(reply) = &line.reply_to {
                p { class: "chat-reply", "{texts::answers(&reply.excerpt, &reply.author)}" }
            }
            p { class: "chat-body",
                span { class: "chat-name name-{tone}", "{author.name}" }
                if author.moderator { span { class: "badge chat-badge", "{texts::moderator()}" } }
                if author.guest { span { class: "badge chat-badge", "{texts::guest()}" } }
                " "
                if line.deleted {
                    span { class: "chat-mark", "{texts::deleted()}" }
                } else {
                    span { class: "chat-text",
                        for (at, span) in text::spans(&line.text, &line.mentions, &line.emotes, own_name.as_deref()).into_iter().enumerate() {
                            Piece { key: "{at}", span }
                        }
                    }
                    if line.edited_at.is_some() { span { class: "chat-mark", " ({texts::edited()})" } }
                    if line.hidden { span { class: "chat-mark", " ({texts::hidden()})" } }
                }
                time { class: "chat-time", " {ui::clock(line.sent_at)}" }
            }
            if !line.reactions.is_empty() {
                OnMessage { room, line: line.clone() }
            }
            if active && !line.deleted {
                Tools { room, line: line.clone(), on_wish }
            }
        }
    }
}

/// A piece of a text.
#[component]
pub fn Piece(span: Span) -> Element {
    match span {
        Span::Words(words) => rsx! { "{words}" },
        Span::Link(address) => rsx! {
            a { class: "link", href: "{address}", target: "_blank", rel: "noopener noreferrer nofollow ugc", "{address}" }
        },
        Span::Name { text, you } => rsx! {
            span { class: if you { "chat-you" } else { "chat-mention" }, "{text}" }
        },
        Span::Emote(emote) => rsx! {
            img { class: "chat-emote", src: "/api/v1/images/{emote.image}", alt: ":{emote.code}:", title: ":{emote.code}:" }
        },
    }
}

/// The reactions on a message, with their counts.
#[component]
fn OnMessage(room: Room, line: Rc<ChatMessage>) -> Element {
    let id = line.id;
    let state = room.state.read();
    let may = state.may_send();
    let is_own = |emoji: &str| state.own_reactions.contains(&(id, emoji.to_owned()));
    rsx! {
        div { class: "chat-reactions",
            for reaction in line.reactions.iter().cloned() {
                button {
                    key: "{reaction.emoji}", class: "chat-reaction", r#type: "button",
                    disabled: !may,
                    "aria-label": texts::reaction_count(reaction.count, &reaction.emoji),
                    "aria-pressed": "{is_own(&reaction.emoji)}",
                    onclick: {
                        let (emoji, on) = (reaction.emoji.clone(), !is_own(&reaction.emoji));
                        move |_| room.ask(ClientMessage::ReactToMessage(ReactToMessage { id, emoji: emoji.clone(), on }))
                    },
                    "{reaction.emoji} {reaction.count}"
                }
            }
        }
    }
}

#[component]
fn Tools(room: Room, line: Rc<ChatMessage>, on_wish: EventHandler<(Wish, MessageId)>) -> Element {
    let id = line.id;
    let state = room.state.read();
    if !state.may_send() {
        return rsx! {};
    }
    let name = line.author.name.clone();
    let own = state.is_own(&line);
    let editable = state.is_editable(&line, dom::wall_ms() as i64);
    let moderates = state.moderates();
    let others = moderates && !own && line.author.id.is_some();
    let pinned = line.pinned_at.is_some();
    rsx! {
        div { class: "chat-tools",
            for emoji in QUICK {
                button {
                    key: "{emoji}", class: "chat-tool", r#type: "button", "aria-label": texts::react_with(emoji),
                    onclick: {
                        let on = !state.own_reactions.contains(&(id, emoji.to_owned()));
                        move |_| room.ask(ClientMessage::ReactToMessage(ReactToMessage { id, emoji: emoji.to_owned(), on }))
                    },
                    "{emoji}"
                }
            }
            button { class: "chat-tool", r#type: "button", "aria-label": texts::reply_to(&name), title: texts::reply(),
                onclick: move |_| on_wish.call((Wish::Reply, id)),
                icon::Reply {}
            }
            if own || moderates {
                Menu { label: texts::message_menu(&name), class: "chat-tool", trigger: rsx! { icon::More {} },
                    if editable {
                        MenuButton { on_press: move |()| on_wish.call((Wish::Edit, id)), "{texts::edit()}" }
                    }
                    if moderates {
                        MenuButton {
                            on_press: move |()| {
                                let one = OneMessage { id };
                                room.ask(if pinned { ClientMessage::Unpin(one) } else { ClientMessage::Pin(one) });
                            },
                            if pinned { "{texts::unpin()}" } else { "{texts::pin()}" }
                        }
                    }
                    MenuButton { danger: true, on_press: move |()| room.ask(ClientMessage::Delete(OneMessage { id })), "{texts::delete()}" }
                    if others {
                        MenuLine {}
                        MenuButton { on_press: move |()| on_wish.call((Wish::Timeout, id)), "{texts::timeout()}" }
                        MenuButton { danger: true, on_press: move |()| on_wish.call((Wish::Ban, id)), "{texts::ban()}" }
                        MenuButton { danger: true, on_press: move |()| on_wish.call((Wish::Purge, id)), "{texts::purge(&name)}" }
                    }
                }
            }
        }
    }
}
