//! Following the streamer: to hear when there is something to see.

use dioxus::prelude::*;
use weir_protocol::UserProfile;

use crate::{
    api::{self, ApiError},
    dom,
    session::use_session,
    texts::watch,
    ui::use_toasts,
};

/// `GET /api/v1/users/{name}`.
async fn profile(name: &str) -> Result<UserProfile, ApiError> {
    api::get(&format!("/api/v1/users/{name}")).json().await
}

/// `PUT` and `DELETE /api/v1/me/following/{name}`.
async fn follow(name: &str, on: bool) -> Result<(), ApiError> {
    let address = format!("/api/v1/me/following/{name}");
    let ask = if on {
        api::put(&address)
    } else {
        api::delete(&address)
    };
    ask.done().await
}

/// The button; nothing on one's own stream, and the way to log in for nobody.
#[component]
pub fn Follow(name: String) -> Element {
    let session = use_session();
    let toasts = use_toasts();
    let mut follows = use_signal(|| None::<bool>);
    let mut busy = use_signal(|| false);
    let user = use_memo(move || session.user().map(|me| me.name));
    let asked = name.clone();
    use_effect(move || {
        let (name, known) = (asked.clone(), user().is_some());
        spawn(async move {
            if !known {
                return follows.set(None);
            }
            // Whether it is not known, or not so: one may follow.
            let answer = profile(&name).await.ok();
            let now = answer.and_then(|it| it.followed_by_you);
            follows.set(Some(now.unwrap_or(false)));
        });
    });
    if user().is_none() {
        let here = dom::window().location().pathname().unwrap_or_default();
        return rsx! {
            a { class: "action", href: "/login?next={here}", "{watch::follow()}" }
        };
    }
    if user().as_ref() == Some(&name) {
        return rsx! {};
    }
    let on = follows().unwrap_or(false);
    let press = move |_| {
        let name = name.clone();
        async move {
            if busy() {
                return;
            }
            busy.set(true);
            let to = !follows().unwrap_or(false);
            match follow(&name, to).await {
                Ok(()) => follows.set(Some(to)),
                Err(error) => toasts.fail(error.text()),
            }
            busy.set(false);
        }
    };
    rsx! {
        button {
            class: if on { "action action-soft" } else { "action" },
            r#type: "button", disabled: follows().is_none(), "aria-pressed": "{on}", "aria-busy": "{busy}", onclick: press,
            if on { "{watch::following()}" } else { "{watch::follow()}" }
        }
    }
}
