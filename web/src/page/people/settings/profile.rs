//! What the public sees of the user.

use dioxus::prelude::*;
use weir_protocol::{EditProfile, ProfileLink, UserProfile};

use super::{
    Panel,
    links::{LinkDraft, Links, drafts, read},
    picture::Picture,
};
use crate::{
    api::{self, Answer, ApiError},
    app::Route,
    page::people::form::{FormBody, Wrong, use_form},
    texts::{frame, people},
    ui::{Failure, Skeleton, Submit, TextArea, TextField, use_toasts},
};

const NAME: &str = "name";
const LINKS: &str = "links";

/// The part.
#[component]
pub fn ProfilePart() -> Element {
    let mut profile = use_resource(|| api::get("/api/v1/me/profile").tagged::<UserProfile>());
    // Read by the picture and the form: each change makes a new tag.
    let tag = use_signal(|| None::<String>);
    match &*profile.read() {
        None => rsx! { Panel { title: people::part_profile(), Skeleton { lines: 5 } } },
        Some(Err(error)) => rsx! {
            Failure { error: error.clone(), on_retry: move |()| profile.restart() }
        },
        Some(Ok(Answer { value, tag: read })) => rsx! {
            Editor { profile: value.clone(), read: read.clone(), tag }
        },
    }
}

/// Changes the profile as it was read last.
pub async fn edit(
    mut tag: Signal<Option<String>>,
    edit: &EditProfile,
) -> Result<UserProfile, ApiError> {
    let known = tag.peek().clone();
    let asked = api::patch("/api/v1/me")
        .body(edit)
        .if_match(known.as_deref());
    let Answer { value, tag: new } = asked.tagged::<UserProfile>().await?;
    tag.set(new);
    Ok(value)
}

#[component]
fn Editor(profile: UserProfile, read: Option<String>, tag: Signal<Option<String>>) -> Element {
    use_hook(|| tag.set(read));
    rsx! {
        Panel { title: people::part_profile(), note: people::profile_note(),
            Picture { name: profile.name.clone(), address: profile.avatar_url.clone(), tag }
            Words { profile: profile.clone(), tag }
            Link { class: "link", to: Route::User { name: profile.name.clone() }, "{people::see_page()}" }
        }
    }
}

#[component]
fn Words(profile: UserProfile, tag: Signal<Option<String>>) -> Element {
    let toasts = use_toasts();
    let form = use_form();
    let shown = profile.display_name.clone();
    let own = shown != profile.name;
    let name = use_signal(|| if own { shown } else { String::new() });
    let bio = use_signal(|| profile.bio.clone());
    let links: Signal<Vec<LinkDraft>> = use_signal(|| drafts(&profile.links));
    let submit = move |()| {
        let links: Vec<ProfileLink> = match read(&links.peek()) {
            Ok(links) => links,
            Err(text) => {
                form.refuse(Wrong::at(LINKS, text));
                Vec::new()
            }
        };
        let wanted = name.peek().trim().to_owned();
        let change = EditProfile {
            display_name: Some((!wanted.is_empty()).then_some(wanted)),
            bio: Some(bio.peek().clone()),
            links: Some(links),
            ..EditProfile::default()
        };
        form.send(async move {
            edit(tag, &change).await?;
            toasts.say(frame::saved());
            Ok(())
        });
    };
    rsx! {
        FormBody { form, on_submit: submit,
            TextField { label: people::display_name(), hint: people::display_name_hint(), value: name, error: form.error(NAME), autocomplete: "nickname", optional: true, maxlength: 64 }
            TextArea { label: people::bio(), value: bio, optional: true, rows: 5, maxlength: 2000 }
            Links { links, error: form.error(LINKS) }
            Submit { label: frame::save(), busy: form.busy() }
        }
    }
}
