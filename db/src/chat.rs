//! Rooms and chat messages.
//!
//! What happens in a room is numbered by the one who keeps the room, who hands the numbers in here
//! with what they belong to. A message has its number (`seq`, its place), and the number of its last
//! change (`changed_seq`), so "what changed since" is one look into an index.

mod read;
mod write;

pub use read::excerpt;
use weir_protocol::room::{ChatMessage, Emote, MessageId};

use crate::{RoomId, StreamId, UnixMillis, UserId};

/// What a room belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoomSubject {
    /// A stream; the room goes when it goes.
    Stream(StreamId),
    /// A session of an event, by the number of its row. Whoever deletes it deletes the room by
    /// [`Db::delete_room`](crate::Db::delete_room).
    EventSession(i64),
}

impl RoomSubject {
    fn kind(self) -> &'static str {
        match self {
            Self::Stream(_) => "stream",
            Self::EventSession(_) => "event_session",
        }
    }

    fn id(self) -> i64 {
        match self {
            Self::Stream(stream) => stream.0,
            Self::EventSession(session) => session,
        }
    }

    fn stream(self) -> Option<StreamId> {
        match self {
            Self::Stream(stream) => Some(stream),
            Self::EventSession(_) => None,
        }
    }
}

/// A room's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomRow {
    /// Row id.
    pub id: RoomId,
    /// The newest sequence number that was given in it.
    pub seq: u64,
}

/// A message to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChatMessage {
    /// Its id, by [`new_message_id`].
    pub id: MessageId,
    /// In which room.
    pub room: RoomId,
    /// Its place: new in the room.
    pub seq: u64,
    /// The author, when that is a user.
    pub author: Option<UserId>,
    /// `user:<id>` or `guest:<code>`.
    pub author_key: String,
    /// The author's name, when that is a guest.
    pub guest_name: Option<String>,
    /// The author moderates the room.
    pub moderator: bool,
    /// The client's own name for it.
    pub client_ref: String,
    /// What is said.
    pub text: String,
    /// What is answered.
    pub reply_to: Option<MessageId>,
    /// Names of users in it.
    pub mentions: Vec<String>,
    /// Emotes in it.
    pub emotes: Vec<Emote>,
    /// Only the author and moderators see it.
    pub hidden: bool,
    /// When.
    pub sent_at: UnixMillis,
}

/// What became of a message to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is kept.
    New,
    /// Its author had sent it before: that one counts.
    Before {
        /// The earlier one's id.
        id: MessageId,
        /// The earlier one's place.
        seq: u64,
    },
}

/// A message with what only the server knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatRow {
    /// As clients see it.
    pub message: ChatMessage,
    /// Number of its last change.
    pub changed_seq: u64,
    /// The author, when that is a user who still exists.
    pub author: Option<UserId>,
    /// `user:<id>` or `guest:<code>`.
    pub author_key: String,
}

/// What to change of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatChange {
    /// Another text.
    Edit {
        /// The text.
        text: String,
        /// Names of users in it.
        mentions: Vec<String>,
        /// Emotes in it.
        emotes: Vec<Emote>,
        /// When.
        at: UnixMillis,
    },
    /// The text goes, the place stays.
    Delete {
        /// When.
        at: UnixMillis,
    },
    /// Shown at the top.
    Pin {
        /// When.
        at: UnixMillis,
    },
    /// Not shown at the top any more.
    Unpin,
}

/// Whose eyes look: hidden messages are for moderators and their authors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatReader<'a> {
    /// Sees everything.
    Moderator,
    /// Sees what is hidden of this author only; of nobody, without a key.
    Plain(Option<&'a str>),
}

/// A fresh id for a message.
pub fn new_message_id() -> MessageId {
    MessageId::new(crate::id::fresh())
}

fn number(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
