//! The error of every parser here.

/// Bytes that are not what they claim to be. The peer is at fault; the datagram is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed {format}: {reason}")]
pub struct Malformed {
    /// What was expected: "RTP", "RTCP", …
    pub format: &'static str,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Malformed {
    pub(crate) const fn new(format: &'static str, reason: &'static str) -> Self {
        Self { format, reason }
    }
}
