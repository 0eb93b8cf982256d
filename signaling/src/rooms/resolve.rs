//! From a room's name to what it belongs to, and whether somebody may enter it.

use weir_db::{RoomSubject, Stream, UserId};
use weir_protocol::room::{RoomErrorCode, RoomName};

use super::RoomError;
use crate::App;

/// What a room belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// As clients name it.
    pub(crate) name: RoomName,
    /// As the database names it.
    pub(crate) subject: RoomSubject,
    /// Its stream, whose state members are told.
    pub(crate) stream: Option<Stream>,
    /// Who runs it; `None` for the site's own.
    pub(crate) owner: Option<UserId>,
}

impl Target {
    /// The room of a stream.
    pub(crate) fn of_stream(stream: Stream) -> Self {
        Self {
            name: RoomName::Stream(stream.slug.clone()),
            subject: RoomSubject::Stream(stream.id),
            owner: stream.owner,
            stream: Some(stream),
        }
    }
}

/// The room with this name, whoever asks.
///
/// # Errors
/// `NotFound`.
pub(super) async fn find(app: &App, name: &RoomName) -> Result<Target, RoomError> {
    match name {
        RoomName::Stream(slug) => {
            let stream = app.services.db.stream_by_slug(slug).await?;
            stream.map(Target::of_stream).ok_or_else(no_such_room)
        }
        RoomName::Event { event, session } => {
            let db = &app.services.db;
            let event = db.event_by_slug(event).await?.ok_or_else(no_such_room)?;
            let session = db.event_session(event.id, session).await?;
            let session = session.ok_or_else(no_such_room)?;
            let stream = match session.fields.stream {
                Some(stream) => db.streams_by_ids(&[stream]).await?.pop(),
                None => None,
            };
            Ok(Target {
                name: name.clone(),
                subject: RoomSubject::EventSession(session.id.get()),
                stream,
                owner: event.owner,
            })
        }
    }
}

pub(super) fn no_such_room() -> RoomError {
    RoomError::new(
        RoomErrorCode::NotFound,
        "there is no such room, or it is not open to you",
    )
}
