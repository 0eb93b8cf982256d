//! What the server was told when it started, and where to say something else.

use dioxus::prelude::*;
use weir_protocol::ServerSetting;

use crate::{
    api,
    texts::admin,
    ui::{Failure, Skeleton, TextField, Tick},
};

/// The panel.
#[component]
pub fn Settings() -> Element {
    let typed = use_signal(String::new);
    // What somebody has set is what one looks for; there are a hundred others.
    let changed = use_signal(|| true);
    let mut settings =
        use_resource(|| api::get("/api/v1/admin/settings").json::<Vec<ServerSetting>>());
    rsx! {
        section { class: "panel", "aria-labelledby": "settings-title",
            h2 { id: "settings-title", class: "panel-title", "{admin::server_settings()}" }
            p { class: "soft admin-prose", "{admin::server_settings_note()}" }
            div { class: "admin-filters", role: "search",
                TextField { label: admin::find_setting(), value: typed, kind: "search", maxlength: 64 }
                Tick { label: admin::only_changed(), value: changed }
            }
            match &*settings.read() {
                None => rsx! { Skeleton { lines: 6 } },
                Some(Err(error)) => rsx! { Failure { error: error.clone(), on_retry: move |()| settings.restart() } },
                Some(Ok(all)) => {
                    let found = found(all, &typed.read(), changed());
                    rsx! {
                        if found.is_empty() { p { class: "soft", "{admin::no_setting()}" } }
                        dl { class: "admin-settings",
                            for setting in found {
                                div { key: "{setting.key}", class: "admin-setting",
                                    dt {
                                        code { "{setting.key}" }
                                        code { class: "admin-variable", "{setting.variable}" }
                                    }
                                    dd {
                                        if setting.value.is_empty() {
                                            span { class: "soft", "{admin::not_set()}" }
                                        } else {
                                            code { class: "admin-value", "{setting.value}" }
                                        }
                                        if setting.is_default { span { class: "badge", "{admin::is_default()}" } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Those whose name or variable has this text.
fn found(all: &[ServerSetting], text: &str, changed: bool) -> Vec<ServerSetting> {
    let text = text.trim().to_lowercase();
    let fits = |setting: &&ServerSetting| {
        let named = setting.key.contains(&text) || setting.variable.to_lowercase().contains(&text);
        named && !(changed && setting.is_default)
    };
    all.iter().filter(fits).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_found_by_either_name() {
        let setting = |key: &str, variable: &str, is_default| ServerSetting {
            key: key.to_owned(),
            value: String::new(),
            variable: variable.to_owned(),
            is_default,
        };
        let all = [
            setting("http.listen", "WEIR_HTTP_LISTEN", false),
            setting("http.public_url", "WEIR_HTTP_PUBLIC_URL", true),
        ];
        let keys = |text: &str, changed| -> Vec<String> {
            let found = found(&all, text, changed);
            found.into_iter().map(|it| it.key).collect()
        };
        assert_eq!(keys("", false).len(), 2);
        assert_eq!(keys("", true), ["http.listen"]);
        assert_eq!(keys(" http_public", false), ["http.public_url"]);
        assert_eq!(keys("HTTP.L", false), ["http.listen"]);
        assert!(keys("smtp", false).is_empty());
    }
}
