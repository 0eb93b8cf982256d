//! Telling viewers apart without knowing who they are.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use weir_db::{StreamId, UserId};

/// Bytes of a day's key.
pub(crate) const SALT_BYTES: usize = 32;

/// A keyed hash of a viewer of one stream on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Visitor([u8; 16]);

/// The key of one day's hashes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Salt([u8; SALT_BYTES]);

/// Where a viewer comes from; neither part is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin<'a> {
    /// The client's address.
    pub(crate) address: Option<IpAddr>,
    /// `User-Agent` as it was sent.
    pub(crate) agent: &'a [u8],
}

impl<'a> Origin<'a> {
    pub(crate) fn new(address: Option<IpAddr>, headers: &'a HeaderMap) -> Self {
        let agent = headers.get(header::USER_AGENT);
        Self {
            address,
            agent: agent.map_or(&b""[..], |agent| agent.as_bytes()),
        }
    }
}

impl Salt {
    /// A new key.
    pub(crate) fn fresh() -> Self {
        Self(rand::random())
    }

    pub(crate) fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; SALT_BYTES];
        if text.len() != 2 * SALT_BYTES || !text.is_ascii() {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// Whoever comes from there. The stream is part of it, so that nobody is followed from one to
    /// the next.
    pub(crate) fn stranger(&self, stream: StreamId, from: Origin<'_>) -> Visitor {
        let address = from.address.map(|address| match address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        });
        let address = address.map_or([0; 16], |address| address.octets());
        self.hash(stream, &[b"a", &address, from.agent])
    }

    /// Somebody who is logged in, wherever.
    pub(crate) fn user(&self, stream: StreamId, user: UserId) -> Visitor {
        self.hash(stream, &[b"u", &user.get().to_be_bytes()])
    }

    /// The key stands first and half of the digest is left out, so what the digest says of itself
    /// is not enough to go on hashing (length extension).
    fn hash(&self, stream: StreamId, parts: &[&[u8]]) -> Visitor {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(stream.get().to_be_bytes());
        for part in parts {
            hash.update(part);
        }
        let digest = hash.finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Visitor(half)
    }
}

impl Visitor {
    /// As it is stored.
    pub(crate) fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The family of a player: all that is kept of `User-Agent`. Browsers name the ones that they pretend
/// to be too, so the order counts.
pub(crate) fn family(agent: &[u8]) -> &'static str {
    const FAMILIES: [(&str, &str); 21] = [
        ("bot", "bot"),
        ("crawler", "bot"),
        ("obs-studio", "OBS"),
        ("obs/", "OBS"),
        ("edg/", "Edge"),
        ("edga/", "Edge"),
        ("edgios/", "Edge"),
        ("opr/", "Opera"),
        ("samsungbrowser/", "Samsung Internet"),
        ("fxios/", "Firefox"),
        ("firefox/", "Firefox"),
        ("crios/", "Chrome"),
        ("chrome/", "Chrome"),
        ("chromium/", "Chrome"),
        ("applecoremedia/", "Apple player"),
        ("safari/", "Safari"),
        ("vlc/", "VLC"),
        ("lavf/", "FFmpeg"),
        ("ffmpeg", "FFmpeg"),
        ("gstreamer", "GStreamer"),
        ("exoplayer", "ExoPlayer"),
    ];
    let agent = agent.to_ascii_lowercase();
    let named = |name: &str| {
        agent
            .windows(name.len())
            .any(|part| part == name.as_bytes())
    };
    let known = FAMILIES.iter().find(|(name, _)| named(name));
    known.map_or("other", |(_, family)| family)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(address: &str, agent: &'static str) -> Origin<'static> {
        Origin {
            address: Some(address.parse().expect("an address")),
            agent: agent.as_bytes(),
        }
    }

    #[test]
    fn viewers_are_told_apart_within_a_stream_and_a_day() {
        let stream: StreamId = "1".parse().expect("a number");
        let other: StreamId = "2".parse().expect("a number");
        let today = Salt::fresh();
        let one = today.stranger(stream, origin("192.0.2.1", "a"));
        assert_eq!(one, today.stranger(stream, origin("192.0.2.1", "a")));
        assert_eq!(one, today.stranger(stream, origin("::ffff:192.0.2.1", "a")));
        let user = "1".parse().expect("a number");
        for different in [
            today.stranger(stream, origin("192.0.2.2", "a")),
            today.stranger(stream, origin("192.0.2.1", "b")),
            today.stranger(other, origin("192.0.2.1", "a")),
            Salt::fresh().stranger(stream, origin("192.0.2.1", "a")),
            today.user(stream, user),
        ] {
            assert_ne!(one, different);
        }
        assert_eq!(today.user(stream, user), today.user(stream, user));
        assert_eq!(one.to_hex().len(), 32);
    }

    #[test]
    fn salts_are_read_back() {
        let salt = Salt::fresh();
        assert!(Salt::from_hex(&salt.to_hex()) == Some(salt));
        for bad in ["", "00", &"x".repeat(64), &"ä".repeat(32)] {
            assert!(Salt::from_hex(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn families_of_players() {
        let table = [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
                "Chrome",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0",
                "Edge",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/604.1",
                "Safari",
            ),
            (
                "AppleCoreMedia/1.0.0.22A3351 (iPhone; U; CPU OS 18_0 like Mac OS X)",
                "Apple player",
            ),
            ("VLC/3.0.21 LibVLC/3.0.21", "VLC"),
            ("Lavf/61.7.100", "FFmpeg"),
            ("Mozilla/5.0 (compatible; SomeBot/2.1)", "bot"),
            ("", "other"),
            ("\u{fffd}", "other"),
        ];
        for (agent, name) in table {
            assert_eq!(family(agent.as_bytes()), name, "{agent}");
        }
    }
}
