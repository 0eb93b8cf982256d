//! What the server says.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    chat::{ChatMessage, MessageId, is_false},
    error::{CloseReason, RoomErrorCode},
    name::RoomName,
    poll::Poll,
    presence::{Members, Presence, Typing},
    qa::{Question, Questions},
    reaction::{Emote, MessageReactions, ReactionCount},
    settings::RoomSettings,
};
use crate::StreamSummary;

/// What the server says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The client is in the room. Followed by [`History`](Self::History), or by the events since, and
    /// then by [`Ready`](Self::Ready).
    Joined(Box<Joined>),
    /// Messages, the oldest first.
    History(History),
    /// The client is up to date: what follows is new.
    Ready(Ready),
    /// What happened.
    Events(Events),
    /// Done.
    Ack(Ack),
    /// Not done.
    Error(Refusal),
    /// The client fell too far behind: it forgets the messages that it has. The newest follow as
    /// [`History`](Self::History), then [`Ready`](Self::Ready).
    Resync(Resync),
    /// A page of people.
    Members(Members),
    /// A page of questions.
    Questions(Questions),
    /// The client is no member any more.
    Closed(Closed),
    /// A sign of life.
    Pong {
        /// The question's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        r#ref: Option<String>,
    },
}

/// The client is in the room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Joined {
    /// The question's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#ref: Option<String>,
    /// Which room.
    pub room: RoomName,
    /// The version that the server speaks.
    pub protocol: u32,
    /// Who the client is here.
    pub you: You,
    /// What the client has is right, and what it missed follows as events. When false, it forgets the
    /// messages that it has and gets the newest.
    pub resumed: bool,
    /// How the room is run.
    pub settings: RoomSettings,
    /// Who is here.
    pub presence: Presence,
    /// Who is writing.
    pub typing: Typing,
    /// Pinned messages, the newest pin first.
    pub pinned: Vec<ChatMessage>,
    /// The stream of the room; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamSummary>,
    /// What the client may do how often.
    pub limits: RoomLimits,
    /// Open polls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub polls: Vec<Poll>,
    /// Emotes that may be used here: the room's and the site's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emotes: Vec<Emote>,
}

/// Who the client is in the room.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct You {
    /// As in [`Author::id`](super::Author::id); absent for nobody in particular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name that others see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A guest's: sent with the next join, one is the same guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest_secret: Option<String>,
    /// May write.
    #[serde(default, skip_serializing_if = "is_false")]
    pub may_send: bool,
    /// May delete and pin what others wrote.
    #[serde(default, skip_serializing_if = "is_false")]
    pub moderator: bool,
    /// When the membership ends unless the token is renewed, in milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

impl fmt::Debug for You {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("You")
            .field("may_send", &self.may_send)
            .field("moderator", &self.moderator)
            .finish_non_exhaustive()
    }
}

/// What a client may do how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoomLimits {
    /// Characters of a text.
    pub text_chars: u32,
    /// Bytes of a message of the client.
    pub frame_bytes: u32,
    /// Chat messages at once.
    pub messages_burst: u32,
    /// Chat messages a minute in the long run.
    pub messages_per_minute: u32,
    /// For so long a message may be edited.
    pub edit_window_ms: i64,
}

/// Messages, the oldest first. May come in several parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct History {
    /// The question's; absent on joining.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#ref: Option<String>,
    /// The messages as they are now, deleted ones without their text.
    pub messages: Vec<ChatMessage>,
    /// Asks for the page before; absent when there is none, and in all parts but the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Another part of the same page follows.
    #[serde(default, skip_serializing_if = "is_false")]
    pub more: bool,
}

/// The client is up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ready {
    /// The sequence number to come again with, until an event has a newer one.
    pub seq: u64,
}

/// What happened, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Events {
    /// At least one.
    pub events: Vec<RoomEvent>,
}

/// Something that happened in the room.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoomEvent {
    /// Its sequence number: grows, with gaps. Absent for what is only of the moment (presence, typing,
    /// the stream's state), which is not told again to who comes back: it gets the state of then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// When it happened, in milliseconds since the Unix epoch.
    pub at: i64,
    /// What.
    #[serde(flatten)]
    pub body: RoomEventBody,
}

/// What can happen in a room. A client skips types that it does not know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RoomEventBody {
    /// A new message.
    Message {
        /// The message.
        message: ChatMessage,
    },
    /// A message is not as it was: edited, deleted, pinned or unpinned. It is whole: who does not have
    /// it puts it in its place.
    Changed {
        /// The message as it is now.
        message: ChatMessage,
    },
    /// All messages of somebody are deleted.
    Purged {
        /// As in [`Author::id`](super::Author::id).
        author: String,
    },
    /// Who is here. Of the moment.
    Presence(Presence),
    /// Who is writing. Of the moment.
    Typing(Typing),
    /// The stream went live or offline, has another title or another number of viewers. Of the moment.
    Stream {
        /// As `GET /api/v1/streams/{slug}` shows it.
        stream: StreamSummary,
    },
    /// The room is run in another way. Of the moment.
    Settings {
        /// All of them.
        settings: RoomSettings,
    },
    /// What everybody here watches together is in another state. Of the moment: who comes asks
    /// `GET /api/v1/streams/{slug}/party`.
    Party {
        /// The state; `None` when the party is over.
        party: Option<crate::Party>,
    },
    /// A poll was opened, closed or removed, or its results are others. Of the moment: who comes back
    /// gets the open ones with [`Joined::polls`].
    Poll {
        /// The poll as it is now.
        poll: Poll,
    },
    /// Questions that are new or not as they were. Of the moment: who comes back asks for a page.
    Questions {
        /// As they are now.
        questions: Vec<Question>,
    },
    /// Reactions of the last half second, all together. Of the moment.
    Reactions {
        /// How often which.
        reactions: Vec<ReactionCount>,
    },
    /// Messages have other reactions on them. Of the moment.
    MessageReactions {
        /// Those messages.
        messages: Vec<MessageReactions>,
    },
    /// Other emotes may be used than before. Of the moment.
    Emotes {
        /// All of them.
        emotes: Vec<Emote>,
    },
    /// Sending the stream to a server elsewhere goes otherwise than before. Told to those who run the
    /// room. Of the moment: who comes asks `GET /api/v1/streams/{slug}/restreams`.
    Restream {
        /// Which, as in [`Restream::id`](crate::Restream::id).
        id: String,
        /// How it goes now.
        status: crate::RestreamStatus,
    },
    /// Something is wrong with the stream, is not as it was, or is over. Of the moment, and only for the owner
    /// and moderators: who comes asks `GET /api/v1/streams/{slug}/findings?live=true`.
    Finding {
        /// As it is now.
        finding: Box<crate::finding::Finding>,
    },
    /// What the publisher wants to be read with its pictures. Of the moment, and about as late as the pictures of a
    /// viewer without delay: who sees them later shows it later.
    Caption {
        /// In place of what was to be read before.
        caption: crate::Caption,
    },
    /// The audience is sent to another stream.
    Raid {
        /// Name of that stream in addresses.
        to: String,
        /// Its title.
        title: String,
    },
}

impl RoomEventBody {
    /// Whether it is kept for those who come back, under a sequence number. The rest is of the moment.
    pub fn is_kept(&self) -> bool {
        match self {
            Self::Message { .. }
            | Self::Changed { .. }
            | Self::Purged { .. }
            | Self::Raid { .. } => true,
            Self::Presence(_)
            | Self::Typing(_)
            | Self::Stream { .. }
            | Self::Settings { .. }
            | Self::Poll { .. }
            | Self::Questions { .. }
            | Self::Reactions { .. }
            | Self::MessageReactions { .. }
            | Self::Emotes { .. }
            | Self::Restream { .. }
            | Self::Party { .. }
            | Self::Finding { .. }
            | Self::Caption { .. } => false,
        }
    }
}

/// Done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ack {
    /// The question's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#ref: Option<String>,
    /// Of the message that was kept or changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// Of the poll, question or ban that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<String>,
    /// Under which number it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
}

/// Not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Refusal {
    /// The question's, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#ref: Option<String>,
    /// For programs.
    pub code: RoomErrorCode,
    /// For people: what to do about it.
    pub detail: String,
    /// When it may be tried again, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// The client fell too far behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Resync {
    /// For people.
    pub detail: String,
}

/// The client is no member any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Closed {
    /// The question's, when the client asked to leave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#ref: Option<String>,
    /// For programs.
    pub reason: CloseReason,
    /// For people.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_flat_objects() {
        let event = RoomEvent {
            seq: Some(7),
            at: 1,
            body: RoomEventBody::Purged {
                author: "user:ann".into(),
            },
        };
        let text = serde_json::to_string(&ServerMessage::Events(Events {
            events: vec![event],
        }))
        .expect("json");
        assert_eq!(
            text,
            r#"{"type":"events","events":[{"seq":7,"at":1,"type":"purged","author":"user:ann"}]}"#
        );
    }
}
