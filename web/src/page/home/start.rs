//! From nothing to a live picture: an account, the studio, and on the air.

use dioxus::prelude::*;

use super::shell::WithTheShell;
use crate::{
    session::{Who, use_session},
    texts::{frame, home},
};

/// Three steps, and what of them is done already.
#[component]
pub fn HowToStart() -> Element {
    let who = use_session().who();
    rsx! {
        section { class: "start", "aria-labelledby": "start-title",
            h2 { id: "start-title", "{home::start_title()}" }
            ol { class: "steps",
                li { Account { who: who.clone() } }
                li {
                    h3 { "{home::start_studio()}" }
                    p { "{home::start_studio_text()}" }
                    if may_stream(&who) {
                        Link { class: "action", to: "/studio", "{home::start_studio()}" }
                    }
                }
                li {
                    h3 { "{home::start_go_live()}" }
                    p { "{home::start_go_live_text()}" }
                }
            }
            WithTheShell {}
        }
    }
}

/// While it is not known yet, it is most likely who was logged in before: nothing jumps when the answer comes.
fn may_stream(who: &Who) -> bool {
    match who {
        Who::Nobody => false,
        Who::Asking => true,
        Who::User(me) => me.role != "attendee",
    }
}

#[component]
fn Account(who: Who) -> Element {
    if who == Who::Nobody {
        return rsx! {
            h3 { "{home::start_log_in()}" }
            p { "{home::start_log_in_text()}" }
            div { class: "actions",
                Link { class: "action", to: "/login?next=/studio", "{frame::log_in()}" }
                Link { class: "action action-soft", to: "/register?next=/studio", "{frame::register()}" }
            }
            p { "{home::start_register_text()}" }
        };
    }
    if may_stream(&who) {
        return rsx! {
            h3 { class: "step-done", "{home::start_logged_in()}" }
            p { "{home::start_logged_in_text()}" }
        };
    }
    rsx! {
        h3 { "{home::start_may_not()}" }
        p { "{home::start_may_not_text()}" }
    }
}
