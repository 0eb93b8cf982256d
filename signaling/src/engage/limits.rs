//! How often members may do what they do besides writing.

use std::{num::NonZeroU32, sync::Arc};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use weir_db::RoomId;
use weir_protocol::room::RoomErrorCode;

use crate::rooms::{Person, RoomError};

/// Votes, upvotes and reactions on messages: a second, and at once.
const ACTIONS: (u32, u32) = (5, 20);

/// Reactions that are shown for a moment: a second, and at once.
const REACTIONS: (u32, u32) = (8, 20);

/// Questions: a minute, and at once.
const QUESTIONS: (u32, u32) = (4, 4);

type Counted = DefaultKeyedRateLimiter<(RoomId, Arc<str>)>;

/// Counts what members do.
pub(super) struct Limits {
    actions: Counted,
    reactions: Counted,
    questions: Counted,
}

impl Default for Limits {
    fn default() -> Self {
        let a_second = |(rate, burst)| Quota::per_second(some(rate)).allow_burst(some(burst));
        let (rate, burst) = QUESTIONS;
        Self {
            actions: RateLimiter::keyed(a_second(ACTIONS)),
            reactions: RateLimiter::keyed(a_second(REACTIONS)),
            questions: RateLimiter::keyed(Quota::per_minute(some(rate)).allow_burst(some(burst))),
        }
    }
}

impl Limits {
    pub(super) fn action(&self, room: RoomId, person: &Person) -> Result<(), RoomError> {
        take(
            &self.actions,
            room,
            person,
            "too many votes and reactions; wait a moment",
        )
    }

    pub(super) fn reaction(&self, room: RoomId, person: &Person) -> Result<(), RoomError> {
        take(
            &self.reactions,
            room,
            person,
            "too many reactions; wait a moment",
        )
    }

    pub(super) fn question(&self, room: RoomId, person: &Person) -> Result<(), RoomError> {
        take(
            &self.questions,
            room,
            person,
            "too many questions; wait before the next",
        )
    }

    /// Forgets those who have not been heard of for long enough.
    pub(super) fn sweep(&self) {
        for counted in [&self.actions, &self.reactions, &self.questions] {
            counted.retain_recent();
            counted.shrink_to_fit();
        }
    }
}

fn take(
    counted: &Counted,
    room: RoomId,
    person: &Person,
    detail: &'static str,
) -> Result<(), RoomError> {
    counted
        .check_key(&(room, person.key.clone()))
        .map_err(|until| {
            RoomError::new(RoomErrorCode::TooFast, detail)
                .retry(until.wait_time_from(DefaultClock::default().now()))
        })
}

fn some(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN)
}
