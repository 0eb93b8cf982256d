//! Everybody who has an account.

use dioxus::prelude::*;
use weir_protocol::{Page, UserAccount};

use crate::{
    api,
    app::Route,
    page::{
        later::{parameter, use_later},
        people::cursor::page_of,
    },
    texts::admin,
    ui::{Avatar, Choice, Empty, More, TextField, moment, use_paged},
};

/// The list's address.
pub const ADDRESS: &str = "/api/v1/admin/users";

/// The part.
#[component]
pub fn Users() -> Element {
    let typed = use_signal(String::new);
    let search = use_later(typed);
    let role = use_signal(String::new);
    let state = use_signal(String::new);
    let address = format!(
        "{ADDRESS}?limit=50{}{}{}",
        parameter("q", &search.read()),
        parameter("role", &role.read()),
        parameter("state", &state.read()),
    );
    rsx! {
        div { class: "panel admin-filters", role: "search", "aria-label": admin::part_users(),
            TextField { label: admin::find_user(), value: typed, kind: "search", maxlength: 254 }
            Choice { label: admin::role(), value: role, options: roles_or_any() }
            Choice { label: admin::state(), value: state, options: states() }
        }
        // Other filters are another list.
        for address in [address] { List { key: "{address}", address: address.clone() } }
    }
}

#[component]
fn List(address: String) -> Element {
    let list = use_paged(move |cursor| {
        let address = page_of(&address, cursor);
        async move { api::get(&address).json::<Page<UserAccount>>().await }
    });
    if list.is_empty() {
        return rsx! { Empty { title: admin::no_users(), text: admin::no_users_text() } };
    }
    rsx! {
        ul { class: "lines panel admin-lines", role: "list",
            for user in list.items.cloned() {
                li { key: "{user.name}", class: "line-item",
                    Avatar { name: user.name.clone() }
                    div { class: "line-text",
                        p { class: "line-title",
                            Link { class: "link", to: Route::AdminUser { name: user.name.clone() }, "{user.name}" }
                            if let Some(name) = &user.display_name { span { class: "soft", " {name}" } }
                        }
                        p { class: "soft", "{address_of(&user)} · {admin::joined(moment(user.created_at))}" }
                    }
                    Badges { user: user.clone() }
                }
            }
        }
        More { list }
    }
}

/// Role, and what keeps somebody from doing what it allows.
#[component]
pub fn Badges(user: UserAccount) -> Element {
    let waits = user.role == "speaker" && !user.approved;
    rsx! {
        p { class: "admin-badges",
            if user.disabled_at.is_some() { span { class: "badge admin-bad", "{admin::banned()}" } }
            if waits { span { class: "badge badge-waits", "{admin::unapproved()}" } }
            span { class: "badge", "{role_name(&user.role)}" }
        }
    }
}

/// The address, as far as there is one.
pub fn address_of(user: &UserAccount) -> String {
    match &user.email {
        None => admin::no_email().to_owned(),
        Some(email) if user.email_verified => email.clone(),
        Some(email) => admin::email_unconfirmed(email),
    }
}

/// A role for people; what this client does not know stays as it is.
pub fn role_name(role: &str) -> String {
    let found = roles().into_iter().find(|(word, _)| word == role);
    found.map_or_else(|| role.to_owned(), |(_, name)| name)
}

/// Roles: as the API names them, and for people.
pub fn roles() -> Vec<(String, String)> {
    [
        ("attendee", admin::role_attendee()),
        ("speaker", admin::role_speaker()),
        ("moderator", admin::role_moderator()),
        ("admin", admin::role_admin()),
    ]
    .map(|(word, name)| (word.to_owned(), name.to_owned()))
    .to_vec()
}

fn roles_or_any() -> Vec<(String, String)> {
    let mut all = vec![(String::new(), admin::any_role().to_owned())];
    all.extend(roles());
    all
}

fn states() -> Vec<(String, String)> {
    [
        ("", admin::any_state()),
        ("active", admin::state_active()),
        ("disabled", admin::state_disabled()),
        ("unapproved", admin::state_unapproved()),
    ]
    .map(|(word, name)| (word.to_owned(), name.to_owned()))
    .to_vec()
}
