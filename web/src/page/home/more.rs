//! What stands below the live streams. It comes at once, when everything is known, so that nothing jumps.

use dioxus::prelude::*;
use futures_util::join;
use weir_protocol::{
    CategoryInfo, EventSummary, PlannedStream, StreamSlug, StreamSummary, UserCard,
};

use super::LIVE;
use crate::{
    app::Route,
    page::{
        browse::{self, CategoryTiles, Face, Faces, GhostCards, Plans, StreamCards, StreamRows},
        events::{self, ComingEvents},
    },
    session::{Who, use_session},
    texts::home,
};

/// Recommended streams on this page.
const RECOMMENDED: usize = 8;
/// Categories on this page.
const CATEGORIES: usize = 12;
/// Planned streams on this page.
const PLANNED: u32 = 5;

/// What is asked for once. What does not come is left out: the page is about what is live.
#[derive(Debug, Clone, Default, PartialEq)]
struct Others {
    recommended: Vec<StreamSummary>,
    following: Vec<UserCard>,
    categories: Vec<CategoryInfo>,
    planned: Vec<PlannedStream>,
    events: Vec<EventSummary>,
}

async fn ask(name: Option<String>) -> Others {
    let for_me = name.is_some();
    let following = async {
        match &name {
            Some(name) => browse::following(name).await,
            None => Ok(Vec::new()),
        }
    };
    let (recommended, following, categories, planned, events) = join!(
        browse::recommended(for_me),
        following,
        browse::categories(),
        browse::planned(PLANNED, None),
        events::coming(),
    );
    Others {
        recommended: recommended.unwrap_or_default(),
        following: following.unwrap_or_default(),
        categories: categories.unwrap_or_default(),
        planned: planned.map(|page| page.items).unwrap_or_default(),
        events,
    }
}

/// Whom the user follows, recommendations, categories, plans, and what is offline.
#[component]
pub fn More(live: Vec<StreamSummary>, offline: Vec<StreamSummary>) -> Element {
    let session = use_session();
    let others = use_resource(move || {
        let who = session.who();
        async move {
            match who {
                Who::Asking => None,
                Who::Nobody => Some(ask(None).await),
                Who::User(me) => Some(ask(Some(me.name)).await),
            }
        }
    });
    let others = others.read();
    let Some(Some(others)) = &*others else {
        return rsx! { div { class: "below", GhostCards {} } };
    };
    let recommended = beside(&others.recommended, &live);
    let rest: Vec<StreamSummary> = offline
        .iter()
        .filter(|it| !recommended.iter().any(|shown| shown.slug == it.slug))
        .cloned()
        .collect();
    let people = faces(&others.following, &live);
    let categories: Vec<_> = others.categories.iter().take(CATEGORIES).cloned().collect();
    let title = if session.user().is_some() {
        home::for_you()
    } else {
        home::recommended()
    };
    rsx! {
        if !people.is_empty() {
            section {
                h2 { class: "heading heading-small", "{home::following()}" }
                Faces { people }
            }
        }
        if !recommended.is_empty() {
            section {
                h2 { class: "heading heading-small", "{title}" }
                StreamCards { streams: recommended, level: 3 }
            }
        }
        if !categories.is_empty() {
            section {
                div { class: "heading-row",
                    h2 { class: "heading heading-small", "{home::categories()}" }
                    Link { class: "quiet-link", to: Route::Categories {}, "{home::all_categories()}" }
                }
                CategoryTiles { list: categories }
            }
        }
        ComingEvents { events: others.events.clone() }
        if !others.planned.is_empty() {
            section {
                div { class: "heading-row",
                    h2 { class: "heading heading-small", "{home::coming_up()}" }
                    Link { class: "quiet-link", to: Route::Schedule {}, "{home::whole_schedule()}" }
                }
                Plans { plans: others.planned.clone() }
            }
        }
        if !rest.is_empty() {
            section {
                h2 { class: "heading heading-small", "{home::offline_streams()}" }
                StreamRows { streams: rest }
            }
        }
    }
}

/// What is recommended and does not stand above already. What has begun or ended since then is shown as it is now.
fn beside(recommended: &[StreamSummary], live: &[StreamSummary]) -> Vec<StreamSummary> {
    let shown = &live[..live.len().min(LIVE)];
    let further = &live[shown.len()..];
    recommended
        .iter()
        .filter(|it| !shown.iter().any(|above| above.slug == it.slug))
        .map(|it| {
            let now = further.iter().find(|now| now.slug == it.slug);
            now.cloned().unwrap_or_else(|| StreamSummary {
                live: false,
                started_at: None,
                ..it.clone()
            })
        })
        .take(RECOMMENDED)
        .collect()
}

/// Who is live comes first.
fn faces(following: &[UserCard], live: &[StreamSummary]) -> Vec<Face> {
    let shows = |name: &str| -> Option<StreamSlug> {
        let of = |it: &&StreamSummary| it.owner.as_ref().is_some_and(|owner| owner.name == name);
        live.iter().find(of).map(|it| it.slug.clone())
    };
    let mut faces: Vec<Face> = following
        .iter()
        .map(|card| Face::new(card, shows(&card.name)))
        .collect();
    faces.sort_by_key(|face| face.live.is_none());
    faces
}
