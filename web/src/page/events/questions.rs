//! What these pages ask the server.

use weir_protocol::{EventPage, EventSlug, EventSummary, MyRegistration, Page, Register};

use super::ticket;
use crate::{
    api::{self, ApiError, Ask},
    page::browse::cursor_parameter,
};

/// Public events; `past`: those that are over.
pub async fn list(
    past: bool,
    limit: u32,
    cursor: Option<String>,
) -> Result<Page<EventSummary>, ApiError> {
    let when = if past { "past" } else { "upcoming" };
    let cursor = cursor_parameter(cursor);
    api::get(&format!("/api/v1/events?when={when}&limit={limit}{cursor}"))
        .json()
        .await
}

/// All that an event's page shows.
pub async fn page(event: &EventSlug, invitation: Option<&str>) -> Result<EventPage, ApiError> {
    let query = invitation.map_or_else(String::new, |token| format!("?invitation={token}"));
    let ask = api::get(&format!("/api/v1/events/{event}{query}"));
    with_ticket(ask, event).json().await
}

/// Takes a place, or waits for one.
pub async fn register(event: &EventSlug, who: &Register) -> Result<MyRegistration, ApiError> {
    api::post(&format!("/api/v1/events/{event}/registrations"))
        .body(who)
        .json()
        .await
}

/// Gives the place back.
pub async fn withdraw(event: &EventSlug) -> Result<(), ApiError> {
    let ask = api::delete(&format!("/api/v1/events/{event}/registration"));
    with_ticket(ask, event).done().await
}

/// Is in a session.
pub async fn here(event: &EventSlug, session: &EventSlug) -> Result<(), ApiError> {
    with_ticket(api::post(&attendance(event, session)), event)
        .done()
        .await
}

/// Has left it.
pub async fn gone(event: &EventSlug, session: &EventSlug) -> Result<(), ApiError> {
    with_ticket(api::delete(&attendance(event, session)), event)
        .done()
        .await
}

fn attendance(event: &EventSlug, session: &EventSlug) -> String {
    format!("/api/v1/events/{event}/sessions/{session}/attendance")
}

/// An account counts before a ticket.
fn with_ticket(ask: Ask, event: &EventSlug) -> Ask {
    match ticket::known(event) {
        Some(ticket) => ask.field("weir-ticket", ticket),
        None => ask,
    }
}

/// A calendar file: of the event, or of one of its sessions.
pub fn calendar(
    event: &EventSlug,
    session: Option<&EventSlug>,
    invitation: Option<&str>,
) -> String {
    let part = session.map_or_else(String::new, |it| format!("/sessions/{it}"));
    let query = invitation.map_or_else(String::new, |token| format!("?invitation={token}"));
    format!("/api/v1/events/{event}{part}/calendar.ics{query}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn calendars_have_the_addresses_of_the_api() {
        let event: EventSlug = "day".parse().unwrap();
        assert_eq!(
            calendar(&event, None, None),
            "/api/v1/events/day/calendar.ics"
        );
        assert_eq!(
            calendar(&event, Some(&event), Some("t")),
            "/api/v1/events/day/sessions/day/calendar.ics?invitation=t"
        );
    }
}
