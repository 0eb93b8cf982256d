//! Why something is refused.

use serde::{Deserialize, Serialize};

/// Why the server did not do what a message asked for. The membership goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RoomErrorCode {
    /// Not JSON, of no known type, or with a member that is missing, unknown or out of range.
    BadMessage,
    /// The message or its text is too long.
    TooLarge,
    /// The protocol's version is none that the server speaks.
    UnsupportedVersion,
    /// Join a room first.
    NotJoined,
    /// There is no such room or message, or it is not for this client.
    NotFound,
    /// The token is wrong or has ended: get a new one.
    Unauthorized,
    /// Known, but without the right.
    Forbidden,
    /// Nobody in particular may only read: log in, or say a nickname where the room takes guests.
    ReadOnly,
    /// The room has as many members as it may.
    RoomFull,
    /// Too many messages, or too many joins from this address; try again after `retry_after_ms`.
    TooFast,
    /// The time to edit the message is over, or it was deleted.
    NotEditable,
    /// As many messages as may be are pinned: unpin one first.
    TooManyPinned,
    /// The server cannot do it now; send it again with the same `ref` in a moment.
    Unavailable,
    /// Chat is off.
    ChatOff,
    /// Banned from the room.
    Banned,
    /// Timed out: try again after `retry_after_ms`.
    TimedOut,
    /// Slow mode: the next message may be sent after `retry_after_ms`.
    SlowMode,
    /// Only followers may write.
    FollowersOnly,
    /// Only emotes may be written.
    EmotesOnly,
    /// A word in it is blocked here.
    BlockedWord,
    /// Links are not allowed here.
    LinksNotAllowed,
    /// Clashes with what is there, for example a vote in a poll that is closed.
    Conflict,
}

/// Why a membership ended. The connection stays, and may join again where that makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// The client left, or joined another room.
    Left,
    /// The token ended: join again with a new one.
    TokenEnded,
    /// The token or the device was revoked: log in again.
    Revoked,
    /// A moderator banned this member.
    Banned,
    /// The room does not exist any more.
    Gone,
    /// The room is not open to this client any more.
    Forbidden,
    /// Too many messages from this client.
    TooFast,
    /// What this member may do has changed: join again with the newest sequence number.
    Changed,
    /// The server is stopping: connect again in a moment, with some jitter.
    Stopping,
}
