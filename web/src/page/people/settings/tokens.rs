//! Tokens of programs that act for the user.

use dioxus::prelude::*;
use weir_protocol::{ApiTokenInfo, CreatedApiToken, Page};

use super::{
    Panel,
    token_form::{TokenForm, scope_name},
};
use crate::{
    api,
    page::people::cursor::page_of,
    texts::people,
    ui::{Confirm, CopyField, More, ago, moment, use_paged, use_toasts},
};

/// The list of them.
pub const ADDRESS: &str = "/api/v1/me/tokens";

/// The panel.
#[component]
pub fn TokensPanel() -> Element {
    let toasts = use_toasts();
    let list = use_paged(|cursor| async move {
        api::get(&page_of(ADDRESS, cursor))
            .json::<Page<ApiTokenInfo>>()
            .await
    });
    let mut made = use_signal(|| None::<CreatedApiToken>);
    let mut making = use_signal(|| false);
    let mut asked = use_signal(|| None::<ApiTokenInfo>);
    let revoke = move |()| {
        let Some(token) = asked() else { return };
        asked.set(None);
        made.set(None);
        spawn(async move {
            let outcome = api::delete(&format!("{ADDRESS}/{}", token.id)).done().await;
            toasts.outcome(&outcome, people::token_revoked());
            list.again();
        });
    };
    rsx! {
        Panel { title: people::part_tokens(), note: people::tokens_note(),
            if let Some(CreatedApiToken { token, info }) = made() {
                div { class: "stack fresh",
                    p { role: "status", "{people::token_made(&info.name)}" }
                    CopyField { label: people::token(), value: token, secret: true }
                }
            }
            if list.is_empty() && !making() { p { "{people::no_tokens()}" } }
            ul { class: "lines", role: "list",
                for token in list.items.cloned() {
                    li { key: "{token.id}", class: "line-item",
                        div { class: "line-text",
                            p { class: "line-title", "{token.name} " code { "{token.prefix}…" } }
                            p { class: "soft", {token.scopes.iter().map(|scope| scope_name(*scope)).collect::<Vec<_>>().join(", ")} }
                            p { class: "soft", "{used(&token)} {ends(&token)}" }
                        }
                        button { class: "action action-soft", r#type: "button", "aria-label": people::revoke_this(&token.name),
                            onclick: move |_| asked.set(Some(token.clone())), "{people::revoke()}"
                        }
                    }
                }
            }
            More { list }
            if making() {
                TokenForm {
                    on_made: move |new| { made.set(Some(new)); making.set(false); list.again(); },
                    on_cancel: move |()| making.set(false),
                }
            } else {
                div { class: "actions",
                    button { class: "action", r#type: "button", onclick: move |_| { made.set(None); making.set(true); }, "{people::new_token()}" }
                }
            }
            if let Some(token) = asked() {
                Confirm { title: people::revoke_this(&token.name), text: people::revoke_text(), action: people::revoke(),
                    on_confirm: revoke, on_close: move |()| asked.set(None) }
            }
            p { class: "soft", a { class: "link", href: "/api/docs", "{people::api_docs()}" } }
        }
    }
}

fn used(token: &ApiTokenInfo) -> String {
    match token.last_used_at {
        Some(at) => people::used(ago(at)),
        None => people::never_used().to_owned(),
    }
}

fn ends(token: &ApiTokenInfo) -> String {
    match token.expires_at {
        Some(at) => people::ends(moment(at)),
        None => people::never_ends().to_owned(),
    }
}
