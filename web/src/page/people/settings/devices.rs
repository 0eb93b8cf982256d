//! Where the user is logged in.

use dioxus::prelude::*;
use weir_protocol::{DeviceInfo, Page};

use super::{Panel, device_name::device_name};
use crate::{
    api,
    page::people::cursor::page_of,
    session::use_session,
    texts::{frame, people},
    ui::{Confirm, More, ago, use_paged, use_toasts},
};

const ADDRESS: &str = "/api/v1/me/devices";

/// The panel.
#[component]
pub fn DevicesPanel() -> Element {
    let toasts = use_toasts();
    let session = use_session();
    let list = use_paged(|cursor| async move {
        api::get(&page_of(ADDRESS, cursor))
            .json::<Page<DeviceInfo>>()
            .await
    });
    let mut asked = use_signal(|| false);
    let end = move |id: String, current: bool| {
        spawn(async move {
            if current {
                if let Err(error) = session.end().await {
                    toasts.fail(error.text());
                }
                return;
            }
            let outcome = api::delete(&format!("{ADDRESS}/{id}")).done().await;
            toasts.outcome(&outcome, people::device_ended());
            list.again();
        });
    };
    let end_others = move |()| {
        asked.set(false);
        spawn(async move {
            let outcome = api::delete(ADDRESS).done().await;
            toasts.outcome(&outcome, people::others_ended());
            list.again();
        });
    };
    let others = list.items.read().iter().any(|device| !device.current);
    rsx! {
        Panel { title: people::part_devices(), note: people::devices_note(),
            ul { class: "lines", role: "list",
                for device in list.items.cloned() {
                    li { key: "{device.id}", class: "line-item",
                        div { class: "line-text",
                            p { class: "line-title", title: "{device.name}",
                                "{device_name(&device.name)} "
                                if device.current { span { class: "badge", "{people::this_device()}" } }
                            }
                            p { class: "soft", "{people::seen(ago(device.last_seen_at), &device.network)}" }
                        }
                        button { class: "action action-soft", r#type: "button",
                            "aria-label": people::log_out_device(device_name(&device.name)),
                            onclick: { let id = device.id.clone(); let current = device.current; move |_| end(id.clone(), current) },
                            "{frame::log_out()}"
                        }
                    }
                }
            }
            More { list }
            if others {
                div { class: "actions",
                    button { class: "action action-soft", r#type: "button", onclick: move |_| asked.set(true), "{people::end_others()}" }
                }
            }
            if asked() {
                Confirm { title: people::end_others(), text: people::end_others_text(), action: frame::log_out(),
                    on_confirm: end_others, on_close: move |()| asked.set(false) }
            }
        }
    }
}
