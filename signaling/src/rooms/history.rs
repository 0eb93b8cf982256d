//! What was said before: for who comes back, by page, and over HTTP.

use axum::extract::State;
use weir_db::Db;
use weir_protocol::{
    Page, StreamSlug,
    room::{ChatMessage, RoomEvent, RoomEventBody},
};

use super::{
    Identity, Person, Room, RoomError,
    feed::{Event, pack},
    policy,
    requests::{reader, seen},
    resolve::Target,
    room::{Audience, Start},
};
use crate::{
    ApiError, App, Refusals,
    api::{self, Json, PageQuery, Path, Query},
    auth::client::ClientAddress,
    watching::Viewer,
};

/// Changes that are told from the database to who comes back. Who missed more begins anew.
const CATCH_UP: u32 = 500;

/// Makes of [`Start::Database`] what can be sent.
pub(super) async fn since(
    db: &Db,
    room: &Room,
    who: &Identity,
    start: Start,
    position: u64,
) -> Result<Start, RoomError> {
    let Start::Database { after } = start else {
        return Ok(start);
    };
    let eyes = reader(who);
    let rows = db.chat_changes(room.id, after, position, eyes, CATCH_UP + 1);
    let rows = rows.await?;
    if rows.len() > usize::try_from(CATCH_UP).unwrap_or(usize::MAX) {
        let (messages, more) = room.newest(who, position);
        return Ok(Start::Fresh(messages, more));
    }
    let events: Vec<Event> = rows
        .into_iter()
        .map(|row| {
            let seq = row.changed_seq;
            let message = seen(row, who);
            let at = message.edited_at.unwrap_or(message.sent_at);
            let body = match message.seq > after {
                true => RoomEventBody::Message { message },
                false => RoomEventBody::Changed { message },
            };
            let event = RoomEvent {
                seq: Some(seq),
                at,
                body,
            };
            Event::new(event, Audience::Everyone)
        })
        .collect();
    Ok(Start::Events(pack(&events, who.moderator)))
}

/// Messages before a place, the oldest first, and whether there are older ones.
pub(super) async fn page(
    db: &Db,
    room: &Room,
    who: &Identity,
    before: Option<u64>,
    limit: u8,
) -> Result<(Vec<ChatMessage>, bool), RoomError> {
    // What is delayed for this member is not told early.
    let horizon = room.horizon(who).saturating_add(1);
    let before = before.map_or(horizon, |before| before.min(horizon));
    let eyes = reader(who);
    let rows = db.chat_before(room.id, Some(before), eyes, u32::from(limit) + 1);
    let mut rows = rows.await?;
    let more = rows.len() > usize::from(limit);
    rows.truncate(limit.into());
    rows.reverse();
    Ok((rows.into_iter().map(|row| seen(row, who)).collect(), more))
}

/// What asks for the page before these messages.
pub(super) fn cursor(messages: &[ChatMessage], more: bool) -> Option<u64> {
    messages.first().filter(|_| more).map(|first| first.seq)
}

/// Chat of a stream
///
/// What was said in the stream's room, the newest first. Deleted messages are there without their text.
/// New messages are told in the room itself, over the WebSocket `/ws` or the data channel.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/chat", tag = "rooms", security((), ("bearer" = [])),
    params(("slug" = StreamSlug, Path), PageQuery),
    responses((status = OK, body = Page<ChatMessage>), Refusals),
)]
pub(crate) async fn list(
    State(app): State<App>,
    Path(slug): Path<String>,
    ClientAddress(address): ClientAddress,
    Query(query): Query<PageQuery>,
    viewer: Viewer,
) -> Result<Json<Page<ChatMessage>>, ApiError> {
    let limit = query.limit()?;
    let before: Option<u64> = query.after()?;
    let target = Target::of_stream(app.watchable(&slug, &viewer).await?);
    let moderator = match viewer.user() {
        Some(user) => policy::moderates(&app.rooms, &target, user).await?,
        None => false,
    };
    let person = match &viewer {
        Viewer::User(user) => Some(Person::of_user(user)),
        Viewer::Token(pass) => Some(Person::of_pass(&app, pass).await?),
        Viewer::Nobody => None,
    };
    let who = Identity {
        person,
        moderator,
        address,
    };
    policy::may_enter(&app.rooms, &target, &who).await?;
    let db = &app.services.db;
    let Some(row) = db.room_of(target.subject).await? else {
        return Ok(Json(Page {
            items: Vec::new(),
            next: None,
        }));
    };
    let horizon = app
        .rooms
        .get(target.subject)
        .map(|room| room.horizon(&who).saturating_add(1));
    let before = before.into_iter().chain(horizon).min();
    let rows = db.chat_before(row.id, before, reader(&who), limit + 1);
    let page = api::page(
        rows.await?,
        limit,
        |row| row.message.seq,
        |row| seen(row, &who),
    );
    Ok(Json(page))
}
