//! What streams can be about.

use dioxus::prelude::*;
use weir_protocol::{CategoryInfo, Page, StreamSlug};

use crate::{
    api,
    app::Route,
    page::people::{
        cursor::page_of,
        form::{FormBody, Wrong, use_form},
    },
    texts::{admin, frame},
    ui::{Confirm, Dialog, More, Paged, Submit, TextField, use_paged, use_toasts},
};

const ADDRESS: &str = "/api/v1/admin/categories";
const NAME: &str = "name";
const SLUG: &str = "slug";

/// The panel.
#[component]
pub fn Categories() -> Element {
    let toasts = use_toasts();
    let list = use_paged(|cursor| async move {
        api::get(&page_of("/api/v1/categories?limit=100", cursor))
            .json::<Page<CategoryInfo>>()
            .await
    });
    let mut adding = use_signal(|| false);
    let mut renamed = use_signal(|| None::<CategoryInfo>);
    let mut removed = use_signal(|| None::<CategoryInfo>);
    let remove = move |()| {
        let Some(category) = removed() else { return };
        removed.set(None);
        spawn(async move {
            let outcome = api::delete(&format!("{ADDRESS}/{}", category.slug));
            toasts.outcome(
                &outcome.done().await,
                admin::category_deleted(&category.name),
            );
            list.again();
        });
    };
    rsx! {
        section { class: "panel", "aria-labelledby": "categories-title",
            div { class: "admin-head",
                h2 { id: "categories-title", class: "panel-title", "{admin::categories()}" }
                button { class: "action", r#type: "button", onclick: move |_| adding.set(true), "{admin::add_category()}" }
            }
            p { class: "soft", "{admin::categories_note()}" }
            if list.is_empty() { p { "{admin::no_categories()}" } }
            ul { class: "lines", role: "list",
                for category in list.items.cloned() {
                    li { key: "{category.slug}", class: "line-item",
                        div { class: "line-text",
                            p { class: "line-title",
                                Link { class: "link", to: Route::CategoryPage { slug: category.slug.to_string() }, "{category.name}" }
                            }
                            p { class: "soft", "/category/{category.slug}" }
                        }
                        div { class: "actions",
                            button { class: "action action-soft", r#type: "button", "aria-label": admin::rename_this(&category.name),
                                onclick: { let it = category.clone(); move |_| renamed.set(Some(it.clone())) }, "{admin::rename()}" }
                            button { class: "action action-soft", r#type: "button", "aria-label": admin::delete_this(&category.name),
                                onclick: { let it = category.clone(); move |_| removed.set(Some(it.clone())) }, "{frame::delete()}" }
                        }
                    }
                }
            }
            More { list }
        }
        if adding() { Editor { known: None, list, on_close: move |()| adding.set(false) } }
        if let Some(category) = renamed() { Editor { known: Some(category), list, on_close: move |()| renamed.set(None) } }
        if let Some(category) = removed() {
            Confirm { title: admin::delete_category(&category.name), text: admin::delete_category_text(), action: frame::delete(),
                on_confirm: remove, on_close: move |()| removed.set(None) }
        }
    }
}

/// A new one, or another name for one that is there.
#[component]
fn Editor(
    known: Option<CategoryInfo>,
    list: Paged<CategoryInfo>,
    on_close: EventHandler<()>,
) -> Element {
    let toasts = use_toasts();
    let form = use_form();
    let begin = known.clone();
    let name = use_signal(|| {
        begin
            .as_ref()
            .map_or_else(String::new, |it| it.name.clone())
    });
    let slug = use_signal(|| {
        known
            .as_ref()
            .map_or_else(String::new, |it| it.slug.to_string())
    });
    let (title, verb) = match &known {
        Some(category) => (admin::rename_this(&category.name), frame::save()),
        None => (admin::add_category().to_owned(), admin::add_category()),
    };
    let submit = move |()| {
        form.require(NAME, &name.peek());
        let Ok(slug) = slug.peek().trim().parse::<StreamSlug>() else {
            form.refuse(Wrong::at(SLUG, admin::category_address_hint()));
            // Goes to the error.
            form.send(std::future::ready(Ok(())));
            return;
        };
        let of = known.clone();
        let new = CategoryInfo {
            slug,
            name: name.peek().trim().to_owned(),
            image: of.as_ref().and_then(|it| it.image.clone()),
        };
        form.send(async move {
            let (ask, done) = match of {
                None => (api::post(ADDRESS), admin::category_added(&new.name)),
                Some(old) => (
                    api::put(&format!("{ADDRESS}/{}", old.slug)),
                    frame::saved().to_owned(),
                ),
            };
            ask.body(&new).done().await?;
            toasts.say(done);
            list.again();
            on_close.call(());
            Ok(())
        });
    };
    rsx! {
        Dialog { title, on_close,
            FormBody { form, on_submit: submit,
                TextField { label: admin::category_name(), value: name, error: form.error(NAME), required: true, maxlength: 100, autofocus: true }
                TextField { label: admin::category_address(), value: slug, hint: admin::category_address_hint(), error: form.error(SLUG), required: true, maxlength: 64 }
                div { class: "dialog-actions",
                    button { class: "action action-soft", r#type: "button", onclick: move |_| on_close.call(()), "{frame::cancel()}" }
                    Submit { label: verb, busy: form.busy() }
                }
            }
        }
    }
}
