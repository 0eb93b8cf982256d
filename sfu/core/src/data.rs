//! The data channel between a client and its room. What it carries is not looked at.

use std::time::{Duration, Instant};

use str0m::channel::ChannelId;

use crate::{SessionId, StreamId};

/// The one channel that is served: ordered and reliable. Others are closed.
pub(crate) const LABEL: &str = "weir";

/// Longest message in bytes, both ways. A longer one is refused, or closes the channel.
pub const MAX_MESSAGE: usize = 64 * 1024;

/// Bytes that wait for one client, sent but not acknowledged included. Beyond, a message is refused
/// with [`SendDataError::Full`]: the caller waits or lets the client begin anew.
pub(crate) const BUFFERED_DATA: usize = 256 * 1024;

/// What one client may send: messages, and bytes. Far above what people type and click; a client
/// beyond it loses its channel, since a reliable one may not lose messages.
const MESSAGES_PER_SECOND: u64 = 100;
const BYTES_PER_SECOND: u64 = 256 * 1024;

/// How many seconds' worth may come at once.
const BURST_SECONDS: u64 = 2;

/// What happens on clients' data channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataEvent {
    /// A client opened its channel.
    Opened {
        /// Which stream.
        stream: StreamId,
        /// Which session.
        session: SessionId,
    },
    /// A client's message.
    Message {
        /// Which stream.
        stream: StreamId,
        /// Which session.
        session: SessionId,
        /// Sent as text; whether it is UTF-8 is for the receiver to check.
        text: bool,
        /// At most [`MAX_MESSAGE`] of them.
        bytes: Vec<u8>,
    },
    /// The channel is closed: by the client, by its session's end, or because it sent too much.
    Closed {
        /// Which stream.
        stream: StreamId,
        /// Which session.
        session: SessionId,
    },
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendDataError {
    /// The session is over or never was.
    #[error("there is no such session")]
    NoSession,
    /// The client has no open channel.
    #[error("the client has opened no channel \"{LABEL}\"")]
    NotOpen,
    /// The client does not keep up. Try again later, or let it begin anew.
    #[error("{BUFFERED_DATA} bytes wait for the client already")]
    Full,
    /// Longer than this client or we take.
    #[error("the message is longer than {MAX_MESSAGE} bytes or than the client takes")]
    TooLarge,
    /// SCTP has no empty messages, and str0m 0.25 not the stand-in of RFC 8831 section 6.6.
    #[error("the message is empty; send at least one byte")]
    Empty,
}

/// A channel in use.
#[derive(Debug)]
pub(crate) struct OpenChannel {
    pub(crate) id: ChannelId,
    allowance: Allowance,
}

impl OpenChannel {
    pub(crate) fn new(id: ChannelId) -> Self {
        Self {
            id,
            allowance: Allowance::default(),
        }
    }

    /// False when the client sent more than it may.
    pub(crate) fn admit(&mut self, now: Instant, bytes: usize) -> bool {
        bytes <= MAX_MESSAGE && self.allowance.take(now, bytes as u64)
    }
}

/// Two leaky buckets: what came and has not run out yet.
#[derive(Debug, Default)]
struct Allowance {
    since: Option<Instant>,
    messages: f64,
    bytes: f64,
}

impl Allowance {
    fn take(&mut self, now: Instant, bytes: u64) -> bool {
        let passed = self
            .since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.since = Some(now);
        let seconds = passed.as_secs_f64();
        let add =
            |level: f64, rate: u64, new: u64| (level - seconds * rate as f64).max(0.0) + new as f64;
        self.messages = add(self.messages, MESSAGES_PER_SECOND, 1);
        self.bytes = add(self.bytes, BYTES_PER_SECOND, bytes);
        self.messages <= (MESSAGES_PER_SECOND * BURST_SECONDS) as f64
            && self.bytes <= (BYTES_PER_SECOND * BURST_SECONDS) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_told_from_a_conversation() {
        let start = Instant::now();
        let mut allowance = Allowance::default();
        for millis in (0..60_000).step_by(20) {
            let now = start + Duration::from_millis(millis);
            assert!(allowance.take(now, 2_000), "50 a second, for ever");
        }
        let now = start + Duration::from_secs(60);
        let taken = (0..1_000).take_while(|_| allowance.take(now, 10)).count();
        assert!((190..=200).contains(&taken), "{taken}");
        let mut allowance = Allowance::default();
        let taken = (0..1_000)
            .take_while(|_| allowance.take(now, 65_536))
            .count();
        assert_eq!(taken, 8);
    }
}
