//! Coming in to a private stream by a link that somebody handed out.

use dioxus::prelude::*;
use weir_protocol::{AcceptInvitation, InvitedTo, ViewerAccess};

use super::{
    entry::Entry,
    form::{FormBody, use_form},
    query::Query,
};
use crate::{
    api::{self, ApiError},
    app::Route,
    dom,
    session::{Who, use_session},
    texts::{frame, people},
    ui::{Failure, Skeleton, Submit, TextField, moment},
};

const NICKNAME: &str = "nickname";

/// The page that links name: `/invite/…`
#[component]
pub fn Invitation(code: String) -> Element {
    let address = address(&code);
    let mut invited = use_resource(move || {
        let asked = api::get(&address);
        async move { asked.json::<InvitedTo>().await }
    });
    let state = invited.read();
    let title = match &*state {
        Some(Ok(invited)) => invited.title.clone(),
        _ => people::invitation().to_owned(),
    };
    rsx! {
        Entry { title,
            match &*state {
                None => rsx! { Skeleton { lines: 2 } },
                Some(Err(ApiError::Refused(problem))) if problem.status == 404 => rsx! { p { "{people::invitation_gone()}" } },
                Some(Err(error)) => rsx! { Failure { error: error.clone(), on_retry: move |()| invited.restart() } },
                Some(Ok(invited)) => rsx! {
                    p {
                        match &invited.owner {
                            Some(owner) => rsx! { "{people::invited_by(owner)}" },
                            None => rsx! { "{people::invited()}" },
                        }
                    }
                    p { class: "soft", "{people::invited_until(moment(invited.expires_at))}" }
                    Accept { code }
                },
            }
        }
    }
}

#[component]
fn Accept(code: String) -> Element {
    let form = use_form();
    let nickname = use_signal(String::new);
    let who = use_session().who();
    let guest = who == Who::Nobody;
    let back = Query::back_to(&format!("/invite/{code}"));
    let address = address(&code);
    let submit = move |()| {
        if guest {
            form.require(NICKNAME, &nickname.peek());
        }
        let request = AcceptInvitation {
            nickname: guest.then(|| nickname.peek().trim().to_owned()),
        };
        let asked = api::post(&address).body(&request);
        form.send(async move {
            let access: ViewerAccess = asked.json().await?;
            // The token stands behind its hash, and is read when the client starts.
            let _ = dom::window().location().replace(&access.watch_url);
            Ok(())
        });
    };
    rsx! {
        FormBody { form, on_submit: submit,
            if guest {
                TextField { label: people::nickname(), hint: people::nickname_hint(), value: nickname, error: form.error(NICKNAME), autocomplete: "nickname", required: true, maxlength: 40 }
            }
            div { class: "actions entry-actions",
                Submit { label: people::come_in(), busy: form.busy(), disabled: who == Who::Asking }
                if guest { Link { class: "link", to: Route::Login { query: back }, "{frame::log_in()}" } }
            }
        }
    }
}

fn address(code: &str) -> String {
    format!("/api/v1/invitations/{}", js_sys::encode_uri_component(code))
}
