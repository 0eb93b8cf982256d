//! Names of things, so that no bare integer can be taken for another.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasherDefault, Hasher},
};

/// A stream, the same for all its broadcasts. Given by the caller (the database row's id).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// One WebRTC session, publisher or viewer. Unique for the life of the process, and random, since
/// it stands in the session's address (`/whep/session/…`) where nobody may guess it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u128);

/// Marks a stream's transcode; rows are numbered far below it.
const TRANSCODED: u64 = 1 << 63;

impl StreamId {
    /// The stream's picture in H.264 with the same sound, for viewers who cannot decode what the
    /// publisher sends. A source, viewers and layers of its own; what is told of its viewers names the
    /// stream itself.
    #[must_use]
    pub fn transcoded(self) -> Self {
        Self(self.0 | TRANSCODED)
    }

    /// Whether this is a transcode.
    pub fn is_transcoded(self) -> bool {
        self.0 & TRANSCODED != 0
    }

    /// The stream of which this is the transcode, or the stream itself.
    #[must_use]
    pub fn original(self) -> Self {
        Self(self.0 & !TRANSCODED)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_transcoded() { "-h264" } else { "" };
        write!(f, "stream-{}{kind}", self.original().0)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A map by our own ids. They are given out by us, so nobody can choose them to collide, and a lookup
/// per viewer and frame need not defend itself.
pub(crate) type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// Spreads an integer over all bits (Fibonacci hashing).
#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, id: u64) {
        // 2⁶⁴ divided by the golden ratio; the high bits, which are the well mixed ones, go low.
        self.0 = (self.0 ^ id)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(32);
    }
}
