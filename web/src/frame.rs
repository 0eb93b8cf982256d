//! What stands around every page.

mod search;

use dioxus::{core::spawn_forever, prelude::*};

use search::HeaderSearch;

use crate::{
    api,
    app::Route,
    icon,
    page::people::{Query, Unread, provide_unread},
    session::{Session, Who, use_session},
    settings::Theme,
    texts::{self, Language, event, frame, people},
    ui::{Avatar, Menu, MenuButton, MenuLine, MenuLink, Toasts, use_toasts},
};

/// The header, the page, the footer.
#[component]
pub fn Frame() -> Element {
    let session = use_session();
    let unread = provide_unread(session);
    rsx! {
        a { class: "skip", href: "#content", "{frame::skip()}" }
        header { class: "top",
            Link { class: "brand", to: Route::Home {}, "aria-label": frame::home_label(),
                icon::Mark {}
                span { class: "brand-name", "Weir" }
            }
            HeaderSearch {}
            div { class: "top-end",
                match session.who() {
                    Who::User(me) => rsx! { AccountMenu { name: me.name, session, unread } },
                    Who::Nobody => rsx! { ThemeButton {} ComeIn {} },
                    Who::Asking => rsx! { span { class: "avatar", "aria-hidden": "true" } },
                }
            }
        }
        main { id: "content", tabindex: "-1", Outlet::<Route> {} }
        footer { class: "bottom",
            p { "{frame::motto()}" }
            Languages {}
        }
        Toasts {}
    }
}

/// For whoever is not logged in. One comes back to the page that one was on.
#[component]
fn ComeIn() -> Element {
    let here = match use_route::<Route>() {
        Route::Login { query } | Route::Register { query } => query,
        Route::Forgot {} | Route::ResetPassword { .. } | Route::ConfirmEmail { .. } => {
            Query::back_to("/")
        }
        page => Query::back_to(&page.to_string()),
    };
    rsx! {
        nav { class: "top-in", "aria-label": frame::your_account(),
            Link { class: "action action-soft action-in", to: Route::Login { query: here.clone() }, "{frame::log_in()}" }
            Link { class: "action action-in action-new", to: Route::Register { query: here }, "{frame::register()}" }
        }
    }
}

#[component]
fn AccountMenu(name: String, session: Session, unread: Unread) -> Element {
    let count = unread.count();
    let label = if count > 0 {
        format!("{}, {}", frame::your_account(), people::unread(count))
    } else {
        frame::your_account().to_owned()
    };
    let toasts = use_toasts();
    let mut theme = use_signal(Theme::current);
    rsx! {
        Menu { label, class: "quiet quiet-round",
            trigger: rsx! {
                span { class: "told-anchor",
                    Avatar { name: name.clone() }
                    if count > 0 { span { class: "told-mark" } }
                }
            },
            p { class: "menu-title", role: "presentation", "@{name}" }
            MenuLink { to: Route::User { name: name.clone() }, "{frame::your_page()}" }
            MenuLink { to: Route::Notifications {},
                "{frame::notifications()}"
                if count > 0 { span { class: "told-count", "{count}" span { class: "unseen", " {people::unread(count)}" } } }
            }
            MenuLink { to: Route::Events {}, "{event::events()}" }
            MenuLink { to: Route::Studio {}, icon::Broadcast {} "{frame::studio()}" }
            MenuLink { to: Route::Settings {}, "{frame::settings()}" }
            if session.is_admin() { MenuLink { to: Route::Admin {}, "{frame::administration()}" } }
            MenuLine {}
            MenuButton {
                on_press: move |()| {
                    let next = theme().other();
                    next.choose();
                    theme.set(next);
                },
                icon::Contrast {}
                "{other(theme())}"
            }
            MenuLine {}
            MenuButton {
                on_press: move |()| {
                    spawn_forever(async move {
                        if let Err(error) = session.end().await {
                            toasts.fail(error.text());
                        }
                    });
                },
                "{frame::log_out()}"
            }
        }
    }
}

fn other(theme: Theme) -> &'static str {
    match theme.other() {
        Theme::Dark => frame::to_dark(),
        Theme::Light => frame::to_light(),
    }
}

#[component]
fn ThemeButton() -> Element {
    let mut theme = use_signal(Theme::current);
    let label = other(theme());
    rsx! {
        button {
            class: "quiet",
            r#type: "button",
            "aria-label": label,
            title: label,
            onclick: move |_| {
                let next = theme().other();
                next.choose();
                theme.set(next);
            },
            icon::Contrast {}
        }
    }
}

#[component]
fn Languages() -> Element {
    rsx! {
        div { class: "languages", role: "group", "aria-label": frame::language(),
            for language in Language::ALL {
                button {
                    key: "{language.tag()}",
                    class: "quiet-link",
                    r#type: "button",
                    lang: language.tag(),
                    "aria-pressed": if language == texts::language() { "true" } else { "false" },
                    onclick: move |_| language.choose(),
                    "{language.name()}"
                }
            }
        }
    }
}

/// Before the first page: whose session has just ended by time gets a fresh one, so that the first questions are
/// asked as that user.
pub async fn prepare() {
    let language = Language::preferred();
    texts::speak(language);
    if let Some(root) = crate::dom::document().document_element() {
        let _ = root.set_attribute("lang", language.tag());
    }
    api::refresh_if_due().await;
}
