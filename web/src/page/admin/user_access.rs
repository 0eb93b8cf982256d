//! Whether somebody gets in: banning, logging out, second factor, the end of an account.

use dioxus::{core::spawn_forever, prelude::*};
use weir_protocol::{EditUser, UserAccount};

use super::{
    Part,
    user::{Shown, address},
};
use crate::{
    api,
    texts::{admin, frame},
    ui::{Confirm, moment, use_toasts},
};

/// What is asked before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Ban,
    LogOut,
    DropFactor,
    Delete,
}

/// The panel.
#[component]
pub fn Access(shown: Shown, user: UserAccount) -> Element {
    let toasts = use_toasts();
    let mut asked = use_signal(|| None::<Act>);
    let mut busy = use_signal(|| false);
    let name = user.name.clone();
    let ban = move |disabled: bool, name: String| async move {
        let edit = EditUser {
            disabled: Some(disabled),
            ..EditUser::default()
        };
        let done = match disabled {
            true => admin::was_banned(&name),
            false => admin::was_unbanned(&name),
        };
        toasts.outcome(&shown.edit(edit).await, done);
    };
    let act = {
        let name = name.clone();
        move |()| {
            let (Some(act), name) = (asked(), name.clone()) else {
                return;
            };
            busy.set(true);
            let navigator = navigator();
            spawn(async move {
                let at = address(&name);
                match act {
                    Act::Ban => ban(true, name).await,
                    Act::LogOut => {
                        let outcome = api::delete(&format!("{at}/devices")).done().await;
                        toasts.outcome(&outcome, admin::logged_out(&name));
                    }
                    Act::DropFactor => match api::delete(&format!("{at}/totp")).done().await {
                        Err(error) if error.status() == Some(409) => {
                            toasts.say(admin::no_factor(&name));
                        }
                        outcome => toasts.outcome(&outcome, admin::factor_dropped()),
                    },
                    Act::Delete => {
                        let outcome = api::delete(&at).done().await;
                        toasts.outcome(&outcome, admin::user_deleted(&name));
                        if outcome.is_ok() {
                            // This page goes with the account.
                            spawn_forever(async move {
                                navigator.replace(Part::Users.route());
                            });
                            return;
                        }
                    }
                }
                busy.set(false);
                asked.set(None);
            });
        }
    };
    let banned = user.disabled_at.is_some();
    let lift = {
        let name = name.clone();
        move || {
            spawn(ban(false, name.clone()));
        }
    };
    rsx! {
        section { class: "panel", "aria-labelledby": "access-title",
            h2 { id: "access-title", class: "panel-title", "{admin::access()}" }
            match user.disabled_at {
                Some(at) => rsx! { p { "{admin::banned_since(moment(at))}" } },
                None => rsx! { p { class: "soft", "{admin::not_banned()}" } },
            }
            div { class: "actions",
                // One button, so that it keeps the focus when it changes its meaning.
                button { class: if banned { "action" } else { "action action-danger" }, r#type: "button",
                    onclick: move |_| if banned { lift() } else { asked.set(Some(Act::Ban)) },
                    if banned { "{admin::unban()}" } else { "{admin::ban()}" }
                }
                button { class: "action action-soft", r#type: "button", onclick: move |_| asked.set(Some(Act::LogOut)), "{admin::log_out_all()}" }
                button { class: "action action-soft", r#type: "button", onclick: move |_| asked.set(Some(Act::DropFactor)), "{admin::drop_factor()}" }
                button { class: "action action-soft admin-danger", r#type: "button", onclick: move |_| asked.set(Some(Act::Delete)), "{admin::delete_user()}" }
            }
        }
        if let Some(what) = asked() {
            Confirm { title: title(what, &name), text: text(what), action: verb(what), busy: busy(),
                on_confirm: act, on_close: move |()| asked.set(None) }
        }
    }
}

fn title(act: Act, name: &str) -> String {
    match act {
        Act::Ban => admin::ban_title(name),
        Act::LogOut => admin::log_out_all_title(name),
        Act::DropFactor => admin::drop_factor_title(name),
        Act::Delete => admin::delete_user_title(name),
    }
}

fn text(act: Act) -> &'static str {
    match act {
        Act::Ban => admin::ban_text(),
        Act::LogOut => admin::log_out_all_text(),
        Act::DropFactor => admin::drop_factor_text(),
        Act::Delete => admin::delete_user_text(),
    }
}

fn verb(act: Act) -> &'static str {
    match act {
        Act::Ban => admin::ban(),
        Act::LogOut => frame::log_out(),
        Act::DropFactor => admin::drop_factor(),
        Act::Delete => admin::delete_user(),
    }
}
