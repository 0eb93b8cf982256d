//! One stream of the user's: everything about it in tabs.

use dioxus::prelude::*;
use weir_protocol::{StreamSlug, StreamSummary};

use super::{
    details::Details, home::State, insight::Insight, key, live::Live, live_state::use_live_state,
    moderation::Moderation, questions, recordings::Recordings, restream::Restreams,
    schedule::Schedule, setup::SetUp,
};
use crate::{
    api::{Answer, ApiError},
    app::{Embedded, Handle, Route},
    icon,
    session::{Who, use_session},
    texts::{frame, insight as texts, studio as said},
    ui::{Empty, Failure, NeedsLogin, Skeleton, Tab, Tabs, use_title},
};

/// A stream as it was read, with the tag that an edit of it needs.
#[derive(Clone, PartialEq)]
pub struct Kept {
    pub summary: StreamSummary,
    pub tag: Option<String>,
}

impl From<Answer<StreamSummary>> for Kept {
    fn from(answer: Answer<StreamSummary>) -> Self {
        Self {
            summary: answer.value,
            tag: answer.tag,
        }
    }
}

/// `/studio/:stream`.
#[component]
pub fn StudioStream(stream: Embedded) -> Element {
    rsx! {
        // Another stream is another page.
        for slug in [stream.0] {
            Owned { key: "{slug}", slug: slug.clone(), dashboard: true }
        }
    }
}

/// Asks for the stream, and shows it to whoever may change it.
#[component]
pub fn Owned(slug: StreamSlug, dashboard: bool) -> Element {
    let session = use_session();
    let mut kept = use_signal(|| None::<Result<Kept, ApiError>>);
    let for_asking = slug.clone();
    let mut ask = use_future(move || {
        let slug = for_asking.clone();
        async move { kept.set(Some(questions::stream(&slug).await.map(Kept::from))) }
    });
    let may = |kept: &Kept| {
        let owner = kept.summary.owner.as_ref();
        session.is_admin() || owner.is_some_and(|owner| session.is(&owner.name))
    };
    match (session.who(), kept()) {
        (Who::Nobody, _) => rsx! { NeedsLogin {} },
        (Who::Asking, _) | (_, None) => rsx! { section { class: "page", Skeleton {} } },
        (_, Some(Err(error))) if error.is_not_found() => rsx! { NotYours {} },
        (_, Some(Err(error))) => rsx! {
            section { class: "page", Failure { error, on_retry: move |()| ask.restart() } }
        },
        (_, Some(Ok(found))) if !may(&found) => rsx! { NotYours {} },
        (_, Some(Ok(found))) if dashboard => rsx! {
            Dashboard { first: found, on_change: move |new| kept.set(Some(Ok(new))) }
        },
        (_, Some(Ok(found))) => rsx! { super::broadcast::Broadcast { stream: found.summary } },
    }
}

#[component]
fn NotYours() -> Element {
    rsx! {
        section { class: "page stack",
            h1 { "{frame::studio()}" }
            Empty { title: said::not_yours(), text: said::not_yours_text(),
                Link { class: "action", to: Route::Studio {}, "{said::your_streams()}" }
            }
        }
    }
}

#[component]
fn Dashboard(first: Kept, on_change: EventHandler<Kept>) -> Element {
    let slug = first.summary.slug.clone();
    let live = use_live_state(&slug);
    let on_air = first.summary.live && key::known(&slug).is_none();
    let chosen = use_signal(|| if on_air { "live" } else { "setup" });
    use_title(first.summary.title.clone());
    let now = live().unwrap_or_else(|| first.summary.clone());
    let count = now.viewers.total();
    let tabs = vec![
        Tab::new("setup", said::set_up()),
        Tab::new("live", said::live_tab()),
        Tab::new("insight", texts::insight()),
        Tab::new("details", said::details()),
        Tab::new("recordings", said::recordings()),
        Tab::new("restream", said::restream()),
        Tab::new("schedule", said::schedule()),
        Tab::new("moderation", said::moderation()),
    ];
    rsx! {
        section { class: "page stack",
            nav { Link { class: "quiet-link", to: Route::Studio {}, icon::Back {} "{said::your_streams()}" } }
            header { class: "studio-head",
                div { class: "studio-name",
                    h1 { "{first.summary.title}" }
                    p { class: "studio-facts", role: "status",
                        State { stream: now.clone() }
                        if now.live { span { class: "soft", "{frame::viewers(u64::from(count), count)}" } }
                        span { class: "soft", "@{slug}" }
                    }
                }
                div { class: "actions",
                    // While another program sends, this is not what one comes for.
                    Link { class: if now.live { "action action-soft" } else { "action" }, to: Route::GoLive { stream: Embedded(slug.clone()) }, "aria-label": said::go_live_here(),
                        icon::Broadcast {}
                        span { class: "studio-long", "{said::go_live_here()}" }
                        span { class: "studio-short", "{frame::go_live()}" }
                    }
                    Link { class: "action action-soft", to: Route::Watch { handle: Handle(slug.clone()) }, "{said::open_page()}" }
                }
            }
            Tabs { label: said::parts(), tabs, chosen,
                match chosen() {
                    "live" => rsx! { Live { slug: slug.clone(), state: live } },
                    "insight" => rsx! { Insight { slug: slug.clone() } },
                    "details" => rsx! { Details { kept: first.clone(), on_change } },
                    "recordings" => rsx! { Recordings { slug: slug.clone(), state: live } },
                    "restream" => rsx! { Restreams { slug: slug.clone() } },
                    "schedule" => rsx! { Schedule { slug: slug.clone() } },
                    "moderation" => rsx! { Moderation { slug: slug.clone() } },
                    _ => rsx! { SetUp { slug: slug.clone(), state: live, on_change } },
                }
            }
        }
    }
}
