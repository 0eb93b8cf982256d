//! Says that somebody is in a session, as long as they are: guests, and players over HLS, the server does not see
//! by themselves.

use dioxus::{core::spawn_forever, prelude::*};
use gloo_timers::future::TimeoutFuture;
use weir_protocol::{EventPage, EventSession, EventSlug, EventState, RegistrationStatus};

use super::{questions, ticket};
use crate::{dom, session::use_session};

/// How often, as the server asks for. Milliseconds.
const EVERY_MS: u32 = 10_000;
/// Sessions run late: the server counts so long before and after. Milliseconds.
const SLACK_MS: i64 = 60 * 60 * 1_000;

/// For as long as the component lives.
pub fn use_attendance(page: Signal<Option<EventPage>>, event: &EventSlug, session: &EventSlug) {
    let who = use_session();
    let told = use_signal(|| false);
    let (of, at) = (event.clone(), session.clone());
    use_future(move || {
        let (of, at) = (of.clone(), at.clone());
        let mut told = told;
        async move {
            loop {
                let counts = page.peek().as_ref().is_some_and(|page| {
                    let session = page.sessions.iter().find(|it| it.slug == at);
                    let known = who.user().is_some();
                    session.is_some_and(|session| {
                        is_on(page, session, dom::wall_ms() as i64)
                            && may_attend(page, known, ticket::known(&of).is_some())
                    })
                });
                if counts && questions::here(&of, &at).await.is_ok() {
                    told.set(true);
                }
                let wait = if page.peek().is_some() { EVERY_MS } else { 500 };
                TimeoutFuture::new(wait).await;
            }
        }
    });
    let (of, at) = (event.clone(), session.clone());
    use_drop(move || {
        if *told.peek() {
            let (of, at) = (of.clone(), at.clone());
            // Who is gone without a word counts as there for half a minute.
            spawn_forever(async move {
                let _ = questions::gone(&of, &at).await;
            });
        }
    });
}

/// Whether attendance is counted now.
fn is_on(page: &EventPage, session: &EventSession, now: i64) -> bool {
    let times = session.starts_at - SLACK_MS..session.ends_at + SLACK_MS;
    page.event.summary.state == EventState::Published
        && times.contains(&now)
        && session.stream.as_ref().is_some_and(|it| it.live)
}

/// Where places are given away, those without one are not counted.
fn may_attend(page: &EventPage, logged_in: bool, has_ticket: bool) -> bool {
    let placed = page
        .registration
        .as_ref()
        .is_some_and(|it| it.status == RegistrationStatus::Confirmed);
    let open = page.event.attendee_limit.is_none() && !page.event.approval;
    (logged_in && (placed || open || page.may_edit)) || (has_ticket && placed)
}
