//! How much a client may ask of rooms.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use governor::{
    DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use weir_db::RoomId;
use weir_protocol::room::{
    CHAT_TEXT_MAX, CLIENT_FRAME_MAX, EDIT_WINDOW_MS, RoomErrorCode, RoomLimits,
};

use super::{RoomError, identity::Person};
use crate::login_limit::network;

/// What a connection may ask for in a second, whatever it is, and in a burst. Far above what people do.
const REQUESTS_PER_SECOND: u32 = 50;
const REQUESTS_BURST: u32 = 100;

/// Settings of rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomsConfig {
    /// Connections in a room at most.
    pub max_members: u32,
    /// Joins from one address (or /64 network) a minute at most. Whole offices share an address.
    pub joins_per_minute: u32,
    /// Chat messages that somebody may send at once.
    pub messages_burst: u32,
    /// Chat messages that somebody may send a minute in the long run.
    pub messages_per_minute: u32,
}

impl Default for RoomsConfig {
    fn default() -> Self {
        Self {
            max_members: 10_000,
            joins_per_minute: 600,
            messages_burst: 10,
            messages_per_minute: 60,
        }
    }
}

impl RoomsConfig {
    /// As clients are told.
    pub(super) fn told(&self) -> RoomLimits {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        RoomLimits {
            text_chars: number(CHAT_TEXT_MAX),
            frame_bytes: number(CLIENT_FRAME_MAX),
            messages_burst: self.messages_burst,
            messages_per_minute: self.messages_per_minute,
            edit_window_ms: EDIT_WINDOW_MS,
        }
    }
}

/// Counts joins and chat messages.
pub(super) struct Limits {
    joins: DefaultKeyedRateLimiter<IpAddr>,
    messages: DefaultKeyedRateLimiter<(RoomId, Arc<str>)>,
}

impl Limits {
    pub(super) fn new(config: &RoomsConfig) -> Self {
        let joins = Quota::per_minute(positive(config.joins_per_minute));
        let messages = Quota::per_minute(positive(config.messages_per_minute))
            .allow_burst(positive(config.messages_burst));
        Self {
            joins: RateLimiter::keyed(joins),
            messages: RateLimiter::keyed(messages),
        }
    }

    pub(super) fn join(&self, address: IpAddr) -> Result<(), RoomError> {
        self.joins.check_key(&network(address)).map_err(|until| {
            too_fast("too many joins from your address; wait before the next")
                .retry(until.wait_time_from(DefaultClock::default().now()))
        })
    }

    pub(super) fn message(&self, room: RoomId, person: &Person) -> Result<(), RoomError> {
        let key = (room, person.key.clone());
        self.messages.check_key(&key).map_err(|until| {
            too_fast("you are writing too fast; wait before the next message")
                .retry(until.wait_time_from(DefaultClock::default().now()))
        })
    }

    /// Forgets those who have not been heard of for long enough. Called now and then.
    pub(super) fn sweep(&self) {
        self.joins.retain_recent();
        self.joins.shrink_to_fit();
        self.messages.retain_recent();
        self.messages.shrink_to_fit();
    }
}

/// Counts what one connection asks for.
pub(super) struct RequestLimit(DefaultDirectRateLimiter);

impl RequestLimit {
    pub(super) fn new() -> Self {
        let quota =
            Quota::per_second(positive(REQUESTS_PER_SECOND)).allow_burst(positive(REQUESTS_BURST));
        Self(RateLimiter::direct(quota))
    }

    pub(super) fn take(&self) -> Result<(), RoomError> {
        self.0.check().map_err(|until| {
            too_fast("too many requests on this connection; wait before the next")
                .retry(until.wait_time_from(DefaultClock::default().now()))
        })
    }
}

fn too_fast(detail: &'static str) -> RoomError {
    RoomError::new(RoomErrorCode::TooFast, detail).retry(Duration::from_secs(1))
}

fn positive(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN)
}
