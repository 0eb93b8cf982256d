//! What the user is told of, and how.

use dioxus::prelude::*;
use weir_protocol::{NotificationKind, NotificationSettingItem, NotificationWish};

use super::Panel;
use crate::{
    api::{self, ApiError},
    texts::people,
    ui::{Failure, Skeleton, Switch, use_toasts},
};

const ADDRESS: &str = "/api/v1/me/notification-settings";

/// The panel.
#[component]
pub fn WishesPanel() -> Element {
    let toasts = use_toasts();
    let mut wishes = use_signal(|| None::<Result<Vec<NotificationSettingItem>, ApiError>>);
    let load = move || async move {
        wishes.set(Some(api::get(ADDRESS).json().await));
    };
    use_future(load);
    let change = move |to: NotificationSettingItem| {
        spawn(async move {
            let wish = NotificationWish {
                in_app: to.in_app,
                by_mail: to.by_mail,
            };
            let address = format!("{ADDRESS}/{}", to.kind.as_str());
            match api::put(&address).body(&wish).done().await {
                Ok(()) => {
                    if let Some(Ok(list)) = wishes.write().as_mut()
                        && let Some(item) = list.iter_mut().find(|item| item.kind == to.kind)
                    {
                        *item = to;
                    }
                }
                Err(error) => toasts.fail(error.text()),
            }
        });
    };
    let content = match &*wishes.read() {
        None => rsx! { Skeleton { lines: 7 } },
        Some(Err(error)) => {
            rsx! { Failure { error: error.clone(), on_retry: move |()| { spawn(load()); } } }
        }
        Some(Ok(list)) => rsx! {
            for item in list.iter().copied() {
                div { key: "{item.kind.as_str()}", class: "wish",
                    Switch { label: kind_name(item.kind), on: item.in_app,
                        on_change: move |in_app| change(NotificationSettingItem { in_app, ..item }) }
                    // The only kind of which there are letters.
                    if item.kind == NotificationKind::StreamLive {
                        Switch { label: people::live_by_mail(), hint: people::live_by_mail_hint(), on: item.by_mail,
                            on_change: move |by_mail| change(NotificationSettingItem { by_mail, ..item }) }
                    }
                }
            }
        },
    };
    rsx! {
        Panel { title: people::wishes(), note: people::wishes_note(), {content} }
    }
}

fn kind_name(kind: NotificationKind) -> &'static str {
    match kind {
        NotificationKind::StreamLive => people::kind_stream_live(),
        NotificationKind::Follower => people::kind_follower(),
        NotificationKind::Mention => people::kind_mention(),
        NotificationKind::Approval => people::kind_approval(),
        NotificationKind::Raid => people::kind_raid(),
        NotificationKind::Event => people::kind_event(),
        NotificationKind::Account => people::kind_account(),
    }
}
