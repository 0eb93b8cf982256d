//! What these pages ask the server.

use weir_protocol::{
    AttendanceReport, AttendeeReport, CreateEvent, CreateEventInvitation, CreateEventSession,
    DecideRegistration, EditEvent, EditEventSession, EventDetails, EventInvitation,
    EventInvitationAccess, EventPage, EventSession, EventSlug, EventState, EventSummary, Page,
    RegistrationDecision, RegistrationRow, SetEventState, StreamSummary, UploadedImage,
};

use crate::api::{self, Answer, ApiError};

type Asked<T> = Result<T, ApiError>;

/// The user's own events, drafts too.
pub async fn mine(cursor: Option<String>) -> Asked<Page<EventSummary>> {
    api::get(&paged("/api/v1/me/events", cursor)).json().await
}

pub async fn create(event: &CreateEvent) -> Asked<EventDetails> {
    api::post("/api/v1/events").body(event).json().await
}

/// With the tag that an edit needs.
pub async fn event(slug: &EventSlug) -> Asked<Answer<EventPage>> {
    api::get(&of(slug, "")).tagged().await
}

pub async fn edit(slug: &EventSlug, tag: Option<&str>, edit: &EditEvent) -> Asked<EventDetails> {
    let ask = api::patch(&of(slug, "")).if_match(tag);
    ask.body(edit).json().await
}

pub async fn set_state(slug: &EventSlug, state: EventState) -> Asked<()> {
    let ask = api::post(&of(slug, "/state"));
    ask.body(&SetEventState { state }).done().await
}

pub async fn delete(slug: &EventSlug) -> Asked<()> {
    api::delete(&of(slug, "")).done().await
}

pub async fn create_session(slug: &EventSlug, new: &CreateEventSession) -> Asked<EventSession> {
    api::post(&of(slug, "/sessions")).body(new).json().await
}

/// Only where nobody changed it since this version was read.
pub async fn edit_session(
    slug: &EventSlug,
    before: &EventSession,
    edit: &EditEventSession,
) -> Asked<EventSession> {
    let ask = api::patch(&of(slug, &format!("/sessions/{}", before.slug)));
    let tag = format!("\"{}\"", before.version);
    ask.if_match(Some(&tag)).body(edit).json().await
}

pub async fn delete_session(slug: &EventSlug, session: &EventSlug) -> Asked<()> {
    api::delete(&of(slug, &format!("/sessions/{session}")))
        .done()
        .await
}

/// Registrations with a status, or with any; `search` is the beginning of a word of a name.
pub async fn registrations(
    slug: &EventSlug,
    status: &str,
    search: &str,
    cursor: Option<String>,
) -> Asked<Page<RegistrationRow>> {
    let mut address = of(slug, "/registrations?limit=50");
    for (name, value) in [("status", status), ("q", search.trim())] {
        if !value.is_empty() {
            address.push_str(&format!("&{name}={}", encoded(value)));
        }
    }
    if let Some(cursor) = cursor {
        address.push_str(&format!("&cursor={}", encoded(&cursor)));
    }
    api::get(&address).json().await
}

pub async fn decide(
    slug: &EventSlug,
    id: &str,
    decision: RegistrationDecision,
) -> Asked<RegistrationRow> {
    let ask = api::patch(&of(slug, &format!("/registrations/{id}")));
    ask.body(&DecideRegistration { decision }).json().await
}

/// Checks an attendee in, or takes that back.
pub async fn check_in(slug: &EventSlug, id: &str, present: bool) -> Asked<RegistrationRow> {
    let address = of(slug, &format!("/registrations/{id}/check-in"));
    let ask = if present {
        api::put(&address)
    } else {
        api::delete(&address)
    };
    ask.json().await
}

pub async fn invitations(slug: &EventSlug, cursor: Option<String>) -> Asked<Page<EventInvitation>> {
    api::get(&paged(&of(slug, "/invitations"), cursor))
        .json()
        .await
}

pub async fn invite(slug: &EventSlug, new: &CreateEventInvitation) -> Asked<EventInvitationAccess> {
    api::post(&of(slug, "/invitations")).body(new).json().await
}

pub async fn revoke(slug: &EventSlug, id: &str) -> Asked<()> {
    api::delete(&of(slug, &format!("/invitations/{id}")))
        .done()
        .await
}

/// Makes somebody an organiser, or none.
pub async fn organiser(slug: &EventSlug, name: &str, is_one: bool) -> Asked<()> {
    let address = of(slug, &format!("/organisers/{}", encoded(name)));
    let ask = if is_one {
        api::put(&address)
    } else {
        api::delete(&address)
    };
    ask.done().await
}

pub async fn report(slug: &EventSlug) -> Asked<AttendanceReport> {
    api::get(&of(slug, "/report")).json().await
}

pub async fn attendance(slug: &EventSlug, cursor: Option<String>) -> Asked<Page<AttendeeReport>> {
    api::get(&paged(&of(slug, "/attendance"), cursor))
        .json()
        .await
}

/// The first of the user's streams: those that a session can be shown on.
pub async fn streams() -> Asked<Vec<StreamSummary>> {
    let page: Page<StreamSummary> = api::get("/api/v1/me/streams?limit=100").json().await?;
    Ok(page.items)
}

pub async fn upload(file: web_sys::Blob) -> Asked<UploadedImage> {
    let media_type = file.type_();
    let ask = api::post("/api/v1/images");
    ask.raw(file.into(), &media_type).json().await
}

/// An address of the event's own.
pub fn of(slug: &EventSlug, what: &str) -> String {
    format!("/api/v1/events/{slug}{what}")
}

fn paged(address: &str, cursor: Option<String>) -> String {
    match cursor {
        Some(cursor) => format!("{address}?cursor={}", encoded(&cursor)),
        None => address.to_owned(),
    }
}

fn encoded(text: &str) -> String {
    String::from(js_sys::encode_uri_component(text))
}
