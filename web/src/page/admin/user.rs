//! One account: who it is, what it may do.

use dioxus::prelude::*;
use weir_protocol::{EditUser, UserAccount, UserRole};

use super::{
    Part,
    user_access::Access,
    user_activity::Activity,
    users::{ADDRESS, Badges, address_of, role_name, roles},
};
use crate::{
    api::{self, ApiError},
    app::Route,
    icon,
    texts::admin,
    ui::{Avatar, Choice, Failure, Skeleton, Submit, Switch, moment, use_toasts},
};

/// An account that is shown, and the tag that an edit of it needs.
#[derive(Clone, Copy, PartialEq)]
pub struct Shown {
    /// As it was read last.
    pub user: Signal<Option<UserAccount>>,
    tag: Signal<Option<String>>,
}

impl Shown {
    async fn read(mut self, name: &str) -> Result<(), ApiError> {
        let answer = api::get(&address(name)).tagged::<UserAccount>().await?;
        self.tag.set(answer.tag);
        self.user.set(Some(answer.value));
        Ok(())
    }

    /// Changes it; where somebody else was faster, the new state is shown.
    pub async fn edit(mut self, edit: EditUser) -> Result<(), ApiError> {
        let name = self.user.peek().as_ref().map(|it| it.name.clone());
        let name = name.unwrap_or_default();
        let tag = self.tag.peek().clone();
        let asked = api::patch(&address(&name)).if_match(tag.as_deref());
        match asked.body(&edit).tagged::<UserAccount>().await {
            Ok(answer) => {
                self.tag.set(answer.tag);
                self.user.set(Some(answer.value));
                Ok(())
            }
            Err(error) => {
                if error.status() == Some(412) {
                    let _ = self.read(&name).await;
                }
                Err(error)
            }
        }
    }
}

/// Where an account is asked for.
pub fn address(name: &str) -> String {
    format!("{ADDRESS}/{}", js_sys::encode_uri_component(name))
}

/// The page.
#[component]
pub fn User(name: String) -> Element {
    let shown = Shown {
        user: use_signal(|| None),
        tag: use_signal(|| None),
    };
    let mut error = use_signal(|| None::<ApiError>);
    let mut reading = use_future({
        let name = name.clone();
        move || {
            let name = name.clone();
            async move { error.set(shown.read(&name).await.err()) }
        }
    });
    rsx! {
        Link { class: "link admin-back", to: Part::Users.route(), icon::Back {} "{admin::back_to_users()}" }
        if let Some(error) = error() {
            Failure { error, on_retry: move |()| reading.restart() }
        } else if let Some(user) = shown.user.cloned() {
            section { class: "panel", "aria-label": user.name.clone(),
                div { class: "admin-who",
                    Avatar { name: user.name.clone(), large: true }
                    div { class: "line-text",
                        h2 { class: "admin-name", "{user.name}" }
                        if let Some(name) = &user.display_name { p { "{name}" } }
                        p { class: "soft", "{address_of(&user)} · {admin::joined(moment(user.created_at))}" }
                    }
                    Badges { user: user.clone() }
                }
                div { class: "actions",
                    Link { class: "action action-soft", to: Route::User { name: user.name.clone() }, "{admin::public_page()}" }
                }
            }
            Rights { shown, user: user.clone() }
            Access { shown, user: user.clone() }
            Activity { name: user.name.clone() }
        } else {
            Skeleton { lines: 6 }
        }
    }
}

#[component]
fn Rights(shown: Shown, user: UserAccount) -> Element {
    let toasts = use_toasts();
    let now = user.role.clone();
    let mut role = use_signal(|| now.clone());
    // A role that was changed elsewhere is chosen anew.
    use_effect(use_reactive!(|now| role.set(now)));
    let mut busy = use_signal(|| false);
    let mut change = move |edit: EditUser, done: String| {
        if busy() {
            return;
        }
        busy.set(true);
        spawn(async move {
            let outcome = shown.edit(edit).await;
            toasts.outcome(&outcome, done);
            busy.set(false);
        });
    };
    let name = user.name.clone();
    let save = move |event: FormEvent| {
        event.prevent_default();
        let edit = EditUser {
            role: role_of(&role.peek()),
            ..EditUser::default()
        };
        change(edit, admin::role_saved(&name, role_name(&role.peek())));
    };
    let approve = move |approved: bool| {
        let edit = EditUser {
            approved: Some(approved),
            ..EditUser::default()
        };
        change(edit, crate::texts::frame::saved().to_owned());
    };
    rsx! {
        section { class: "panel", "aria-labelledby": "rights-title",
            h2 { id: "rights-title", class: "panel-title", "{admin::rights()}" }
            p { class: "soft", "{admin::rights_note()}" }
            form { class: "form", onsubmit: save,
                Choice { label: admin::role(), value: role, options: roles(), hint: role_hint(&role.read()) }
                div { class: "actions",
                    Submit { label: admin::save_role(), busy: busy(), disabled: *role.read() == user.role }
                }
            }
            if user.role == "speaker" {
                Switch { label: admin::approved(), on: user.approved, on_change: approve, hint: admin::approved_hint() }
            }
        }
    }
}

fn role_of(word: &str) -> Option<UserRole> {
    Some(match word {
        "admin" => UserRole::Admin,
        "moderator" => UserRole::Moderator,
        "speaker" => UserRole::Speaker,
        "attendee" => UserRole::Attendee,
        _ => return None,
    })
}

fn role_hint(word: &str) -> &'static str {
    match role_of(word) {
        Some(UserRole::Admin) => admin::role_admin_hint(),
        Some(UserRole::Moderator) => admin::role_moderator_hint(),
        Some(UserRole::Speaker) => admin::role_speaker_hint(),
        Some(UserRole::Attendee) => admin::role_attendee_hint(),
        None => "",
    }
}
