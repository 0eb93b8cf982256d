//! Ids and times of rows.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// Milliseconds since the Unix epoch.
pub type UnixMillis = i64;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) i64);

        impl $name {
            /// A positive number, the same in every process and after a restart.
            pub fn get(self) -> i64 {
                self.0
            }

            pub(crate) fn fresh() -> Self {
                Self(fresh())
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;

            /// Reads what `Display` writes, as it stands in addresses and in JSON. Any number is taken:
            /// one that no row has finds none.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// A user's row.
    UserId
}
id! {
    /// A stream's row. Stays when the slug is used again by another stream.
    StreamId
}
id! {
    /// One time that a stream was live.
    BroadcastId
}
id! {
    /// An event's row. Stays when the slug changes.
    EventId
}
id! {
    /// A session of an event.
    EventSessionId
}
id! {
    /// Somebody's registration for an event.
    RegistrationId
}
id! {
    /// A link that lets people register for an event.
    EventInvitationId
}
id! {
    /// One time that somebody was in a session of an event.
    AttendanceId
}
id! {
    /// A mail that waits.
    MailId
}
id! {
    /// A happening that users were told of: everybody's notification of it has the same id.
    NotificationId
}

id! {
    /// Where a user is logged in.
    DeviceId
}
id! {
    /// A token of a program.
    ApiTokenId
}
id! {
    /// An endpoint that is told what happens.
    WebhookId
}
id! {
    /// Something that endpoints are told. Grows with time.
    WebhookEventId
}
id! {
    /// A room's row.
    RoomId
}
id! {
    /// A server elsewhere that a stream is sent to.
    RestreamId
}

impl RestreamId {
    /// For a row that is about to be made: what is encrypted for it is bound to its id.
    pub fn draw() -> Self {
        Self::fresh()
    }
}

id! {
    /// A category's row.
    CategoryId
}
id! {
    /// An invitation's row.
    InvitationId
}
id! {
    /// A viewer token's row.
    ViewerTokenId
}
id! {
    /// A coming stream's row.
    ScheduleId
}
id! {
    /// Something that was wrong with a broadcast. Grows with time.
    FindingId
}
id! {
    /// One time that somebody watched.
    ViewerSessionId
}

id! {
    /// A recording's row.
    RecordingId
}
id! {
    /// A clip's row.
    ClipId
}

impl ClipId {
    /// For a clip that is made now. It has a row when its file is there.
    pub fn begin() -> Self {
        Self::fresh()
    }
}

impl BroadcastId {
    /// For a broadcast that begins now. Its media begins before its row is written.
    pub fn begin() -> Self {
        Self::fresh()
    }
}

impl ViewerSessionId {
    /// For a session that begins now. Sessions are tracked in memory before they are written down.
    pub fn begin() -> Self {
        Self::fresh()
    }
}

/// Bits of an id below its milliseconds: two processes that write in the same millisecond clash once
/// in two million times, and then one gets a `Conflict` of `id`.
const LOW_BITS: u32 = 21;

/// The system's clock. Only rows take it, never media.
pub(crate) fn now() -> UnixMillis {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// The least id that is given out at this time.
pub(crate) fn first_at(at: UnixMillis) -> i64 {
    (at.clamp(0, (1 << 42) - 1)) << LOW_BITS
}

/// A new positive id, ordered by time of creation: 42 bits of milliseconds (until the year 2109) and 21
/// bits that start at random and count up, so that one process never repeats itself.
pub(crate) fn fresh() -> i64 {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let low_mask = (1u64 << LOW_BITS) - 1;
    // The random start is drawn with the first id; zero would mean "not drawn".
    let _ = COUNTER.compare_exchange(
        0,
        1 + u64::from(rand::random::<u32>()),
        Ordering::Relaxed,
        Ordering::Relaxed,
    );
    let low = COUNTER.fetch_add(1, Ordering::Relaxed) & low_mask;
    let high = (now().unsigned_abs() & ((1 << 42) - 1)) << LOW_BITS;
    i64::try_from(high | low).expect("42 + 21 bits fit i63")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_positive_and_never_repeat() {
        let ids: HashSet<i64> = (0..10_000).map(|_| fresh()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| *id > 0));
    }
}
