//! A user's public page.

use dioxus::prelude::*;
use weir_protocol::UserProfile;

use super::{user_broadcasts::Broadcasts, user_card::Card, user_streams::Streams};
use crate::{
    api,
    app::Route,
    session::use_session,
    texts::people,
    ui::{Failure, Skeleton, use_title},
};

/// `/u/…`
#[component]
pub fn User(name: String) -> Element {
    let session = use_session();
    // What the server says depends on who asks.
    let mut profile = use_resource(use_reactive!(|name| {
        let _ = session.who();
        let address = address(&name);
        async move { api::get(&address).json::<UserProfile>().await }
    }));
    let state = profile.read();
    let title = match &*state {
        Some(Ok(profile)) => profile.display_name.clone(),
        _ => format!("@{name}"),
    };
    use_title(title);
    rsx! {
        div { class: "page person",
            match &*state {
                None => rsx! { Skeleton { lines: 5 } },
                Some(Err(error)) if error.is_not_found() => rsx! {
                    section { class: "notice",
                        h1 { "{people::no_user()}" }
                        p { "{people::no_user_text(&name)}" }
                        Link { class: "action", to: Route::Home {}, "{people::see_live()}" }
                    }
                },
                Some(Err(error)) => rsx! { Failure { error: error.clone(), on_retry: move |()| profile.restart() } },
                Some(Ok(found)) => rsx! {
                    // A list of one: with another name, all below is made anew.
                    for found in std::iter::once(found.clone()) {
                        Person { key: "{found.name}", profile: found, on_change: move |()| profile.restart() }
                    }
                },
            }
        }
    }
}

#[component]
fn Person(profile: UserProfile, on_change: EventHandler<()>) -> Element {
    let (name, live) = (profile.name.clone(), profile.live.clone());
    rsx! {
        Card { profile, on_change }
        Streams { name: name.clone(), live }
        Broadcasts { name }
    }
}

/// What the server says of a user.
pub fn address(name: &str) -> String {
    format!("/api/v1/users/{}", js_sys::encode_uri_component(name))
}
