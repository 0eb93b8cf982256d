//! One stream in a list.

use dioxus::prelude::*;
use weir_protocol::{StreamSummary, Visibility};

use super::stream_acts::Act;
use crate::{
    app::{Embedded, Handle, Route},
    icon,
    texts::{admin, frame},
    ui::{Menu, MenuButton, MenuLine, MenuLink, clock},
};

/// What it is, and what can be done with it.
#[component]
pub fn StreamRow(
    stream: StreamSummary,
    mut asked: Signal<Option<(Act, StreamSummary)>>,
) -> Element {
    let title = stream.title.clone();
    let slug = stream.slug.clone();
    let for_asking = stream.clone();
    let ask = use_callback(move |act: Act| asked.set(Some((act, for_asking.clone()))));
    rsx! {
        div { class: "line-text",
            p { class: "line-title",
                Link { class: "link", to: Route::Watch { handle: Handle(slug.clone()) }, "{title}" }
                " " span { class: "handle", "@{slug}" }
            }
            Facts { stream: stream.clone() }
        }
        div { class: "actions",
            if stream.live {
                button { class: "action action-danger", r#type: "button", "aria-label": "{admin::end_broadcast()}: {title}",
                    onclick: move |_| ask.call(Act::End), "{admin::end_broadcast()}" }
            }
            Menu { label: admin::actions_of(&title), class: "action action-soft admin-more", trigger: rsx! { icon::More {} },
                MenuLink { to: Route::StudioStream { stream: Embedded(slug) }, "{admin::open_studio()}" }
                MenuButton { on_press: move |()| ask.call(Act::ReplaceKey), "{admin::replace_key()}" }
                MenuLine {}
                MenuButton { danger: true, on_press: move |()| ask.call(Act::Delete), "{frame::delete()}" }
            }
        }
    }
}

#[component]
fn Facts(stream: StreamSummary) -> Element {
    let name = match stream.visibility {
        Visibility::Public => None,
        Visibility::Unlisted => Some(admin::visibility_unlisted()),
        Visibility::Private => Some(admin::visibility_private()),
    };
    let viewers = stream.viewers.total();
    rsx! {
        p { class: "soft admin-facts",
            if stream.live { span { class: "badge badge-live", "{frame::live()}" } }
            if let Some(name) = name { span { class: "badge", "{name}" } }
            match &stream.owner {
                Some(owner) => rsx! { Link { class: "link", to: Route::AdminUser { name: owner.name.clone() }, "{owner.name}" } },
                None => rsx! { span { "{admin::of_site()}" } },
            }
            if stream.live {
                span { "{frame::viewers(u64::from(viewers), viewers)}" }
                if let Some(at) = stream.started_at { span { "{admin::since(clock(at))}" } }
            }
        }
    }
}
