//! Who is here.

use dioxus::prelude::*;

use crate::{
    room::run::Room,
    texts::room as texts,
    ui::{Avatar, Skeleton},
};

/// Names, and how many have none.
#[component]
pub fn People(room: Room) -> Element {
    let here = use_memo(move || {
        let state = room.state.read();
        (state.members.clone(), u64::from(state.anonymous))
    });
    let (members, anonymous) = here();
    let Some(members) = members else {
        return rsx! { Skeleton { lines: 4 } };
    };
    rsx! {
        div { class: "room-part",
            if members.list.is_empty() { p { class: "soft", "{texts::nobody_here()}" } }
            ul { class: "present", role: "list",
                for member in members.list {
                    li { key: "{member.id}", class: "present-one",
                        Avatar { name: member.name.clone() }
                        if let Some(name) = member.id.strip_prefix("user:") {
                            Link { class: "present-name", to: "/u/{name}", "{member.name}" }
                        } else {
                            span { class: "present-name", "{member.name}" }
                        }
                        if member.moderator { span { class: "badge", "{texts::moderator()}" } }
                        if member.guest { span { class: "badge", "{texts::guest()}" } }
                    }
                }
            }
            if members.more { p { class: "soft", "{texts::more_people()}" } }
            if anonymous > 0 { p { class: "soft", "{texts::readers(anonymous)}" } }
        }
    }
}
