//! What is posted to the endpoints of webhooks.

use serde::{Deserialize, Serialize};

use crate::{IngestProtocol, StreamSlug, finding::Severity};

/// The body of a delivery, in the form of Standard Webhooks. Members may be added to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookEvent {
    /// What happened.
    #[serde(flatten)]
    pub what: WebhookData,
    /// When: RFC 3339, in UTC.
    #[cfg_attr(feature = "openapi", schema(format = "date-time"))]
    pub timestamp: String,
}

/// Defines the types of events once: as words for filters, and with their data.
macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $word:literal { $($(#[$member_doc:meta])* $member:ident: $type:ty),* $(,)? })+) => {
        /// Types of events.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum WebhookEventType {
            $($(#[$doc])* #[serde(rename = $word)] $name,)+
        }

        impl WebhookEventType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word, as in `type`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }
        }

        /// What happened, by type.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(tag = "type", content = "data")]
        pub enum WebhookData {
            $($(#[$doc])* #[serde(rename = $word)] $name {
                $($(#[$member_doc])* $member: $type,)*
            },)+
        }

        impl WebhookData {
            /// Its type.
            pub fn kind(&self) -> WebhookEventType {
                match self {
                    $(Self::$name { .. } => WebhookEventType::$name,)+
                }
            }
        }
    };
}

events! {
    /// A broadcast is on the air.
    StreamStarted = "stream.started" {
        /// Whose.
        stream: WebhookStream,
        /// It.
        broadcast: WebhookBroadcast,
    }
    /// A broadcast is over.
    StreamEnded = "stream.ended" {
        /// Whose.
        stream: WebhookStream,
        /// It.
        broadcast: WebhookBroadcast,
    }
    /// A stream was made.
    StreamCreated = "stream.created" {
        /// It.
        stream: WebhookStream,
    }
    /// A stream's description or settings changed.
    StreamUpdated = "stream.updated" {
        /// It, as it is now.
        stream: WebhookStream,
    }
    /// A stream is gone.
    StreamDeleted = "stream.deleted" {
        /// It, as it was.
        stream: WebhookStream,
    }
    /// A recording can be watched.
    RecordingReady = "recording.ready" {
        /// Whose.
        stream: WebhookStream,
        /// It.
        recording: WebhookRecording,
    }
    /// Somebody made an account. Only the site's endpoints hear of it.
    UserRegistered = "user.registered" {
        /// Who.
        user: WebhookUser,
    }
    /// Somebody follows you.
    UserFollowed = "user.followed" {
        /// Who is followed.
        user: WebhookUser,
        /// Who follows.
        follower: WebhookUser,
    }
    /// A chat message was deleted by a moderator.
    RoomMessageDeleted = "room.message_deleted" {
        /// Where: `stream:<slug>` or `event:<slug>/<session>`.
        room: String,
        /// The stream whose room it is.
        stream: Option<WebhookStream>,
        /// The message.
        message_id: String,
        /// Who wrote it.
        author: WebhookMember,
        /// Who deleted it.
        moderator: WebhookMember,
    }
    /// Somebody was banned from a room, or may not write there for a time.
    RoomUserBanned = "room.user_banned" {
        /// Where: `stream:<slug>` or `event:<slug>/<session>`.
        room: String,
        /// The stream whose room it is.
        stream: Option<WebhookStream>,
        /// `ban` or `timeout`.
        kind: String,
        /// Who.
        member: WebhookMember,
        /// Who did it.
        moderator: WebhookMember,
        /// Until when; absent when for good.
        until: Option<i64>,
    }
    /// Something is wrong with a stream.
    FindingOpened = "finding.opened" {
        /// Which one.
        stream: WebhookStream,
        /// What.
        finding: WebhookFinding,
    }
    /// It is right again, or the broadcast is over.
    FindingResolved = "finding.resolved" {
        /// Which one.
        stream: WebhookStream,
        /// What it was.
        finding: WebhookFinding,
    }
    /// A test that somebody asked for.
    Test = "webhook.test" {
        /// The endpoint.
        webhook_id: String,
    }
}

/// A stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookStream {
    /// Stays the same for its whole life.
    pub id: String,
    /// Name in addresses.
    pub slug: StreamSlug,
    /// Title for people.
    pub title: String,
}

/// A time that a stream is or was live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookBroadcast {
    /// Of the broadcast.
    pub id: String,
    /// How the publisher reached the server.
    pub protocol: IngestProtocol,
    /// When media began.
    pub started_at: i64,
    /// When it ended; absent while it is live.
    pub ended_at: Option<i64>,
    /// Most viewers at one time.
    pub peak_viewers: u32,
}

/// A recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookRecording {
    /// Of the recording.
    pub id: String,
    /// What was recorded.
    pub broadcast_id: String,
    /// How long it is.
    pub duration_ms: i64,
    /// Size of its media in bytes.
    pub bytes: i64,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookUser {
    /// Stays the same for the account's whole life.
    pub id: String,
    /// Name to log in with.
    pub name: String,
}

/// Somebody in a room, who may be a guest without an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookMember {
    /// `user:<name>` or `guest:<code>`; absent when the account is gone.
    pub id: Option<String>,
    /// The name that is shown.
    pub name: String,
}

/// Something that the server noticed about a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookFinding {
    /// Of the finding.
    pub id: String,
    /// What kind, as a stable word.
    pub kind: String,
    /// How bad it is.
    pub severity: Severity,
    /// What, for people.
    pub detail: String,
    /// What to do about it, for people.
    pub fix: String,
    /// When it began.
    pub opened_at: i64,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn events_have_the_form_of_standard_webhooks() {
        let event = WebhookEvent {
            what: WebhookData::StreamDeleted {
                stream: WebhookStream {
                    id: "7".to_owned(),
                    slug: "demo".parse().unwrap(),
                    title: "Demo".to_owned(),
                },
            },
            timestamp: "2026-11-21T12:00:00.000Z".to_owned(),
        };
        let json = json!({
            "type": "stream.deleted",
            "timestamp": "2026-11-21T12:00:00.000Z",
            "data": {"stream": {"id": "7", "slug": "demo", "title": "Demo"}},
        });
        assert_eq!(serde_json::to_value(&event).unwrap(), json);
        assert_eq!(serde_json::from_value::<WebhookEvent>(json).unwrap(), event);
    }

    #[test]
    fn words_of_filters_are_those_of_events() {
        for kind in WebhookEventType::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
