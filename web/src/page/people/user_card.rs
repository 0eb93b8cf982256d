//! Who a user is, and following and blocking.

use dioxus::prelude::*;
use weir_protocol::UserProfile;

use super::{news::role_name, query::Query, settings::Part};
use crate::{
    api::{self, ApiError},
    app::Route,
    icon,
    session::{Who, use_session},
    texts::people,
    ui::{Avatar, Confirm, Menu, MenuButton, moment, use_toasts},
};

/// `on_change` when the user has followed, blocked or the like.
#[component]
pub fn Card(profile: UserProfile, on_change: EventHandler<()>) -> Element {
    let UserProfile {
        name,
        display_name,
        role,
        bio,
        avatar_url,
        banner_url,
        links,
        created_at,
        followers,
        following,
        ..
    } = profile.clone();
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    rsx! {
        section { class: "panel person-card", "aria-labelledby": "person-name",
            if let Some(banner) = banner_url { img { class: "person-banner", src: "{banner}", alt: "" } }
            div { class: "person-head",
                Avatar { name: name.clone(), picture: avatar_url, large: true }
                div { class: "person-names",
                    h1 { id: "person-name", class: "person-name", "{display_name}" }
                    p { class: "handle", "@{name} "
                        if matches!(role.as_str(), "admin" | "moderator") { span { class: "badge", "{role_name(&role)}" } }
                    }
                    p { class: "soft", "{people::followers(count(followers))} · {people::following(count(following))}" }
                }
                Acts { profile, on_change }
            }
            if !bio.is_empty() { p { class: "person-bio", "{bio}" } }
            if !links.is_empty() {
                ul { class: "person-links", role: "list",
                    for link in links {
                        // Only addresses of web pages come from the server.
                        li { key: "{link.url}", a { class: "link", href: "{link.url}", rel: "nofollow ugc noopener", target: "_blank", "{link.label}" } }
                    }
                }
            }
            p { class: "soft", "{people::joined(moment(created_at))}" }
        }
    }
}

#[component]
fn Acts(profile: UserProfile, on_change: EventHandler<()>) -> Element {
    let toasts = use_toasts();
    let session = use_session();
    let name = profile.name.clone();
    let mut busy = use_signal(|| false);
    let mut asked = use_signal(|| false);
    let follows = profile.followed_by_you == Some(true);
    let blocked = profile.blocked_by_you == Some(true);
    let mut done = move |outcome: Result<(), ApiError>, text: String| {
        toasts.outcome(&outcome, text);
        on_change.call(());
        busy.set(false);
    };
    let relation = {
        let name = js_sys::encode_uri_component(&name);
        move |list: &str| format!("/api/v1/me/{list}/{name}")
    };
    let following = relation("following");
    let blocks = relation("blocks");
    let (followed, unfollowed) = (people::you_follow(&name), people::you_follow_no_more(&name));
    let (said_blocked, said_unblocked) = (people::blocked(&name), people::unblocked(&name));
    let follow = move |_| {
        if busy() {
            return;
        }
        busy.set(true);
        let (ask, said) = if follows {
            (api::delete(&following), unfollowed.clone())
        } else {
            (api::put(&following), followed.clone())
        };
        spawn(async move { done(ask.done().await, said) });
    };
    let mut set_block = move |block: bool| {
        asked.set(false);
        busy.set(true);
        let (ask, said) = if block {
            (api::put(&blocks), said_blocked.clone())
        } else {
            (api::delete(&blocks), said_unblocked.clone())
        };
        spawn(async move { done(ask.done().await, said) });
    };
    let mut set_block_again = set_block.clone();
    match session.who() {
        Who::Asking => rsx! {},
        Who::Nobody => rsx! {
            div { class: "actions person-acts",
                Link { class: "action", to: Route::Login { query: Query::back_to(&format!("/u/{name}")) }, "{people::follow()}" }
            }
        },
        Who::User(me) if me.name == name => rsx! {
            div { class: "actions person-acts",
                Link { class: "action action-soft", to: Part::Profile.route(), "{people::edit_profile()}" }
            }
        },
        Who::User(_) => rsx! {
            div { class: "actions person-acts",
                if blocked {
                    button { class: "action action-soft", r#type: "button", "aria-busy": "{busy}", onclick: move |_| set_block(false), "{people::unblock()}" }
                } else {
                    button { class: if follows { "action action-soft" } else { "action" }, r#type: "button", "aria-pressed": "{follows}", "aria-busy": "{busy}", onclick: follow,
                        if follows { "{people::following_now()}" } else { "{people::follow()}" }
                    }
                    Menu { label: people::more_about(&name), class: "quiet person-more",
                        trigger: rsx! { icon::More {} },
                        MenuButton { danger: true, on_press: move |()| asked.set(true), "{people::block_this(&name)}" }
                    }
                }
                if asked() {
                    Confirm { title: people::block_this(&name), text: people::block_text(), action: people::block(),
                        on_confirm: move |()| set_block_again(true), on_close: move |()| asked.set(false) }
                }
            }
        },
    }
}
