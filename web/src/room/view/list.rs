//! The messages. The list stays at its end unless the reader went up.

use dioxus::{prelude::*, web::WebEventExt as _};
use web_sys::Element as DomElement;
use weir_protocol::room::{BanKind, ClientMessage, MessageId, NewBan, Purge};

use super::{
    form::Draft,
    line::{By, Line, Wish},
};
use crate::{
    dom,
    room::{run::Room, state::Outgoing},
    texts::{frame, room as texts},
    ui::Confirm,
};

/// So near to the end counts as there. Pixels.
const NEAR_END: i32 = 48;
/// When so many messages came within the time, they are not read out any more: nothing else could be heard.
const CALM: usize = 5;
const CALM_MS: f64 = 15_000.0;

/// Somebody whom a moderator is about to act upon.
#[derive(Debug, Clone, PartialEq)]
struct Case {
    wish: Wish,
    member: String,
    name: String,
}

/// The messages, and what may be done with them. By keyboard: arrows move among them, Tab goes on to what may be done.
#[component]
pub fn List(room: Room, draft: Draft) -> Element {
    let lines = use_memo(move || room.state.read().lines.clone());
    let outbox = use_memo(move || room.state.read().on_the_way());
    let paging = use_memo(move || room.state.read().paging);
    let mut at_end = use_signal(|| true);
    let mut list = use_signal(|| None::<DomElement>);
    let mut active = use_signal(|| None::<MessageId>);
    let mut seen = use_signal(|| 0_u64);
    let mut case = use_signal(|| None::<Case>);
    // How far the reader was from the end when older messages were asked for, and the oldest one then.
    let mut held = use_signal(|| None::<(i32, u64)>);
    let mut came = use_signal(Vec::<f64>::new);
    let newest = move || lines.read().list().last().map_or(0, |line| line.seq);
    let oldest = move || lines.read().list().first().map_or(0, |line| line.seq);

    use_effect(move || {
        let (newest, oldest) = (newest(), oldest());
        let _ = outbox.read().len();
        let Some(list) = list() else { return };
        let anchor = *held.peek();
        if let Some((from_end, before)) = anchor
            && before != oldest
        {
            list.set_scroll_top(list.scroll_height() - from_end);
            held.set(None);
        } else if *at_end.peek() {
            list.set_scroll_top(list.scroll_height());
        }
        if *at_end.peek() && *seen.peek() != newest {
            seen.set(newest);
            let now = dom::now_ms();
            let mut came = came.write();
            came.retain(|at| now - at < CALM_MS);
            came.push(now);
        }
    });

    let scrolled = move |_| {
        let Some(list) = list.peek().clone() else {
            return;
        };
        let now = list.scroll_height() - list.scroll_top() - list.client_height() < NEAR_END;
        if now != *at_end.peek() {
            at_end.set(now);
            room.act(move |client, _| client.set_at_end(now));
            if now {
                seen.set(newest());
            }
        }
    };
    let mut to_end = move || {
        at_end.set(true);
        room.act(|client, _| client.set_at_end(true));
        seen.set(newest());
        if let Some(list) = list.peek().as_ref() {
            list.set_scroll_top(list.scroll_height());
        }
    };
    let older = move |_| {
        if let Some(list) = list.peek().as_ref() {
            held.set(Some((list.scroll_height() - list.scroll_top(), oldest())));
        }
        at_end.set(false);
        room.act(|client, _| {
            client.set_at_end(false);
            client.ask_older();
        });
    };
    let keys = move |event: KeyboardEvent| {
        let step = match event.key() {
            Key::ArrowUp => Step::Up,
            Key::ArrowDown => Step::Down,
            Key::Home => Step::First,
            Key::End => Step::Last,
            _ => return,
        };
        if let Some(list) = list.peek().as_ref()
            && walk(list, step)
        {
            event.prevent_default();
        }
    };
    let wished = move |(wish, id): (Wish, MessageId)| {
        let Some(line) = lines.peek().find(id).cloned() else {
            return;
        };
        let author = line.author.clone();
        match wish {
            Wish::Reply => draft.answer(id, author.name),
            Wish::Edit => draft.edit(id, line.text.clone()),
            Wish::Timeout => {
                if let Some(member) = author.id {
                    room.ask(ClientMessage::Ban(NewBan {
                        member,
                        kind: BanKind::Timeout,
                        seconds: Some(600),
                        reason: None,
                    }));
                }
            }
            Wish::Ban | Wish::Purge => case.set(author.id.map(|member| Case {
                wish,
                member,
                name: author.name,
            })),
        }
    };

    let all = lines.read();
    let count = all.list().len();
    let unseen = all.list().iter().filter(|line| line.seq > seen()).count() as u64;
    let busy = came.read().len() > CALM || held().is_some() || !at_end();
    rsx! {
        div { class: "chat-frame",
            div {
                class: "chat-list", role: "log", "aria-label": texts::messages(),
                "aria-live": if busy { "off" } else { "polite" },
                "aria-busy": "{paging}",
                onmounted: move |event| list.set(event.try_as_web_event()),
                onscroll: scrolled,
                onkeydown: keys,
                onmouseleave: move |_| if !list.peek().as_ref().is_some_and(has_focus) { active.set(None) },
                if all.before().is_some() {
                    button { class: "chat-small chat-older", r#type: "button", "aria-disabled": "{paging}", onclick: older,
                        "{texts::older()}"
                    }
                }
                if count == 0 && outbox.read().is_empty() {
                    div { class: "chat-empty",
                        p { class: "empty-title", "{texts::no_messages()}" }
                        p { class: "soft", "{texts::say_hello()}" }
                    }
                }
                for (at, line) in all.list().iter().enumerate() {
                    Line {
                        key: "{line.id}",
                        room,
                        line: line.clone(),
                        active: active() == Some(line.id),
                        reachable: active().map_or(at + 1 == count, |id| id == line.id),
                        // On the way to a menu's entries the mouse passes over other messages.
                        on_active: move |(id, by)| if by == By::Focus || !list.peek().as_ref().is_some_and(has_menu) { active.set(Some(id)) },
                        on_wish: wished,
                    }
                }
                for out in outbox() {
                    Pending { key: "{out.name}", out }
                }
            }
            if !at_end() {
                button { class: "chat-newest", r#type: "button", onclick: move |_| to_end(),
                    if unseen > 0 { "{texts::newest(unseen)}" } else { "{texts::to_end()}" }
                }
            }
        }
        if let Some(Case { wish, member, name }) = case() {
            Confirm {
                title: if wish == Wish::Ban { texts::ban_title(&name) } else { texts::purge_title(&name) },
                text: if wish == Wish::Ban { texts::ban_text(&name) } else { texts::purge_text().to_owned() },
                action: if wish == Wish::Ban { texts::ban() } else { frame::delete() },
                on_close: move |()| case.set(None),
                on_confirm: move |()| {
                    let member = member.clone();
                    room.ask(match wish {
                        Wish::Ban => ClientMessage::Ban(NewBan { member, kind: BanKind::Ban, seconds: None, reason: None }),
                        _ => ClientMessage::Purge(Purge { member, reason: None }),
                    });
                    case.set(None);
                },
            }
        }
    }
}

/// An own message that the server has not told to everybody yet.
#[component]
fn Pending(out: Outgoing) -> Element {
    rsx! {
        div { class: "chat-line chat-pending", "aria-hidden": "true",
            span { class: "chat-text", "{out.text}" }
            span { class: "chat-mark", " {texts::sending()}" }
        }
    }
}

fn has_focus(list: &DomElement) -> bool {
    list.contains(dom::document().active_element().as_deref())
}

fn has_menu(list: &DomElement) -> bool {
    matches!(list.query_selector("[role=menu]"), Ok(Some(_)))
}

#[derive(Clone, Copy)]
enum Step {
    Up,
    Down,
    First,
    Last,
}

/// From the message that has the focus to another one. False where none has it.
fn walk(list: &DomElement, step: Step) -> bool {
    let is_line = |it: &DomElement| it.matches(".chat-line").unwrap_or(false);
    let Some(here) = dom::document().active_element().filter(is_line) else {
        return false;
    };
    let there = match step {
        Step::Up => here.previous_element_sibling(),
        Step::Down => here.next_element_sibling(),
        Step::First => list.query_selector(".chat-line").ok().flatten(),
        Step::Last => list
            .query_selector(".chat-line:not(.chat-pending):last-of-type")
            .ok()
            .flatten(),
    };
    if let Some(there) = there.filter(is_line) {
        dom::call_quietly(&there, "focus");
    }
    true
}
