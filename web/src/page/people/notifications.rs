//! What the user was told of.

use dioxus::{core::spawn_forever, prelude::*};
use weir_protocol::{NotificationItem, Page, ReadNotifications};

use super::{
    cursor::page_of,
    news::{News, news},
    settings::Part,
    unread::use_unread,
};
use crate::{
    api,
    session::{Who, use_session},
    texts::{frame, people},
    ui::{Empty, More, NeedsLogin, Paged, Skeleton, ago, moment, use_paged, use_title, use_toasts},
};

const ADDRESS: &str = "/api/v1/me/notifications";

/// `/notifications`
#[component]
pub fn Notifications() -> Element {
    use_title(frame::notifications());
    match use_session().who() {
        Who::Nobody => rsx! { NeedsLogin {} },
        Who::Asking => rsx! { section { class: "page", Skeleton { lines: 5 } } },
        Who::User(_) => rsx! { List {} },
    }
}

#[component]
fn List() -> Element {
    let toasts = use_toasts();
    let unread = use_unread();
    let list = use_paged(|cursor| async move {
        api::get(&page_of(ADDRESS, cursor))
            .json::<Page<NotificationItem>>()
            .await
    });
    let read_all = move |_| async move {
        // Up to the newest that is shown: what came meanwhile is still to be read.
        let up_to = list.items.peek().first().map(|item| item.id.clone());
        let request = ReadNotifications { up_to };
        match api::post(&format!("{ADDRESS}/read"))
            .body(&request)
            .done()
            .await
        {
            Ok(()) => {
                list.again();
                unread.ask().await;
            }
            Err(error) => toasts.fail(error.text()),
        }
    };
    let waits = list.items.read().iter().any(|item| item.read_at.is_none());
    rsx! {
        section { class: "page told",
            div { class: "told-head",
                h1 { class: "heading", "{frame::notifications()}" }
                div { class: "actions",
                    if waits {
                        button { class: "action action-soft", r#type: "button", onclick: read_all, "{people::read_all()}" }
                    }
                    Link { class: "action action-soft", to: Part::Notifications.route(), "{people::wishes()}" }
                }
            }
            if list.is_empty() {
                Empty { title: people::no_news(), text: people::no_news_text() }
            }
            ul { class: "lines panel told-list", role: "list", hidden: list.items.read().is_empty(),
                for item in list.items.cloned() {
                    li { key: "{item.id}", class: if item.read_at.is_none() { "line-item told-new" } else { "line-item" },
                        Item { item: item.clone(), list }
                    }
                }
            }
            More { list }
        }
    }
}

#[component]
fn Item(item: NotificationItem, list: Paged<NotificationItem>) -> Element {
    let unread = use_unread();
    let News { text, detail, path } = news(&item);
    let (id, fresh) = (item.id.clone(), item.read_at.is_none());
    let read = move || {
        if !fresh {
            return;
        }
        let (id, mut items) = (id.clone(), list.items);
        // The page that it leads to comes before the answer does.
        spawn_forever(async move {
            if api::put(&format!("{ADDRESS}/{id}/read"))
                .done()
                .await
                .is_ok()
            {
                if let Ok(mut items) = items.try_write()
                    && let Some(item) = items.iter_mut().find(|item| item.id == id)
                {
                    item.read_at = Some(crate::dom::wall_ms() as i64);
                }
                unread.ask().await;
            }
        });
    };
    let read_by_link = read.clone();
    rsx! {
        div { class: "line-text",
            p { class: "line-title",
                if fresh { span { class: "told-dot", span { class: "unseen", "{people::unread_mark()} " } } }
                match path {
                    Some(path) => rsx! { Link { class: "told-link", to: path, onclick: move |_| read_by_link(), "{text}" } },
                    None => rsx! { "{text}" },
                }
            }
            if !detail.is_empty() { p { "{detail}" } }
            p { class: "soft", title: moment(item.created_at), "{ago(item.created_at)}" }
        }
        if fresh {
            button { class: "action action-soft action-small", r#type: "button", onclick: move |_| read(), "aria-label": people::read_this(&text), "{people::read()}" }
        }
    }
}
