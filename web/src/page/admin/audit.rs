//! Who did what, in rooms and to the site.

use dioxus::prelude::*;
use weir_protocol::{Page, room::AuditEntry};

use crate::{
    api,
    app::{Handle, Route},
    page::{
        later::{parameter, use_later},
        people::cursor::page_of,
    },
    texts::admin,
    ui::{Avatar, Choice, Empty, More, TextField, ago, moment, use_paged},
};

const ADDRESS: &str = "/api/v1/admin/audit";

/// The part.
#[component]
pub fn Audit() -> Element {
    let typed = use_signal(String::new);
    let by = use_later(typed);
    let action = use_signal(String::new);
    let address = format!(
        "{ADDRESS}?limit=50{}{}",
        parameter("by", &by.read()),
        parameter("action", &action.read())
    );
    let mut options = vec![(String::new(), admin::any_action().to_owned())];
    options.extend(
        actions()
            .into_iter()
            .map(|(word, said)| (word.to_owned(), said.to_owned())),
    );
    rsx! {
        div { class: "panel admin-filters", role: "search", "aria-label": admin::part_audit(),
            p { class: "soft admin-filters-title", "{admin::audit_note()}" }
            TextField { label: admin::by(), value: typed, hint: admin::by_hint(), kind: "search", maxlength: 64 }
            Choice { label: admin::action(), value: action, options }
        }
        for address in [address] { List { key: "{address}", address: address.clone() } }
    }
}

#[component]
fn List(address: String) -> Element {
    let list = use_paged(move |cursor| {
        let address = page_of(&address, cursor);
        async move { api::get(&address).json::<Page<AuditEntry>>().await }
    });
    if list.is_empty() {
        return rsx! { Empty { title: admin::no_entries(), text: admin::no_entries_text() } };
    }
    rsx! {
        ul { class: "lines panel admin-lines", role: "list",
            for entry in list.items.cloned() {
                li { key: "{entry.id.get()}", class: "line-item",
                    Avatar { name: entry.by.clone() }
                    div { class: "line-text",
                        p {
                            Link { class: "link", to: Route::AdminUser { name: entry.by.clone() }, "{entry.by}" }
                            if entry.target.is_some() {
                                " {admin::of_target(action_name(&entry.action))} "
                                Target { entry: entry.clone() }
                            } else {
                                " {action_name(&entry.action)}"
                            }
                        }
                        if let Some(reason) = &entry.reason { blockquote { class: "quote", "{reason}" } }
                        p { class: "soft admin-facts",
                            time { title: moment(entry.at), "{ago(entry.at)}" }
                            if entry.room != SITE { span { "{admin::in_room(&entry.room)}" } }
                        }
                    }
                }
            }
        }
        More { list }
    }
}

/// The room of what concerns the whole site.
const SITE: &str = "site";

/// Whom or what it was done to, as a link where there is a page of it.
#[component]
fn Target(entry: AuditEntry) -> Element {
    let id = entry.target.clone().unwrap_or_default();
    let name = entry.target_name.clone().unwrap_or_else(|| id.clone());
    match id.split_once(':') {
        Some(("user", user)) => {
            rsx! { Link { class: "link", to: Route::AdminUser { name: user.to_owned() }, "{name}" } }
        }
        Some(("stream", slug)) => match slug.parse() {
            Ok(slug) => {
                rsx! { Link { class: "link", to: Route::Watch { handle: Handle(slug) }, "{name}" } }
            }
            Err(_) => rsx! { span { "{name}" } },
        },
        _ => rsx! { span { class: "soft", "{name}" } },
    }
}

/// An action for people; what this client does not know stays as it is.
fn action_name(action: &str) -> &str {
    let mut all = actions().into_iter();
    all.find(|(word, _)| *word == action)
        .map_or(action, |(_, said)| said)
}

/// Actions: as the API names them, and for people. What admins look for first stands in front.
fn actions() -> [(&'static str, &'static str); 37] {
    [
        ("lock", admin::act_lock()),
        ("unlock", admin::act_unlock()),
        ("make_admin", admin::act_make_admin()),
        ("make_moderator", admin::act_make_moderator()),
        ("make_speaker", admin::act_make_speaker()),
        ("make_attendee", admin::act_make_attendee()),
        ("approve", admin::act_approve()),
        ("unapprove", admin::act_unapprove()),
        ("approve_application", admin::act_approve_application()),
        ("refuse_application", admin::act_refuse_application()),
        ("import_users", admin::act_import_users()),
        ("delete_user", admin::act_delete_user()),
        ("log_out", admin::act_log_out()),
        ("remove_second_factor", admin::act_remove_second_factor()),
        ("end_broadcast", admin::act_end_broadcast()),
        ("replace_key", admin::act_replace_key()),
        ("delete_stream", admin::act_delete_stream()),
        ("add_webhook", admin::act_add_webhook()),
        ("remove_webhook", admin::act_remove_webhook()),
        ("ban", admin::act_ban()),
        ("shadow", admin::act_shadow()),
        ("timeout", admin::act_timeout()),
        ("unban", admin::act_unban()),
        ("delete", admin::act_delete()),
        ("purge", admin::act_purge()),
        ("pin", admin::act_pin()),
        ("unpin", admin::act_unpin()),
        ("rules", admin::act_rules()),
        ("add_moderator", admin::act_add_moderator()),
        ("remove_moderator", admin::act_remove_moderator()),
        ("poll", admin::act_poll()),
        ("close_poll", admin::act_close_poll()),
        ("delete_poll", admin::act_delete_poll()),
        ("question", admin::act_question()),
        ("delete_question", admin::act_delete_question()),
        ("add_emote", admin::act_add_emote()),
        ("remove_emote", admin::act_remove_emote()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_said_in_words() {
        assert_eq!(action_name("lock"), "banned from the site");
        assert_eq!(action_name("of_tomorrow"), "of_tomorrow");
        for (word, said) in actions() {
            assert_ne!(word, said);
        }
    }
}
