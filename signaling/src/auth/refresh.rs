//! Refresh tokens. Each is good once; using it gives its successor.
//!
//! A token holds the device's id, 256 bits, and a code by which we know our own. Only hashes are kept:
//! of the token that is good and of the one before. A token of ours that is neither was stolen, or the
//! one that replaced it was: the device is logged out.
//!
//! The successor is computed from the token with a key of the server. So an answer that got lost can
//! be given again, for a moment ([`GRACE_MS`]), without any token being kept in clear.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq as _;
use weir_db::{DeviceId, KeyHash, UnixMillis};

use crate::secrets::{Mac, Secrets};

/// How long the token before is still answered with its successor: two pages of a browser that refresh
/// at once, and answers that were lost. A thief who is that fast shares a session with its owner until
/// the next refresh of either, where the other one's token is found out.
pub(super) const GRACE_MS: UnixMillis = 10_000;

/// So that scanners of leaked secrets can find it.
const PREFIX: &str = "weir_rt_";

const ID: usize = 8;
const SECRET: usize = 32;
const TAG: usize = 16;

/// Makes and reads refresh tokens.
#[derive(Clone)]
pub(crate) struct RefreshTokens(Mac);

/// What presenting a token means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Presented {
    /// It is the good one.
    Current,
    /// It is the one before, and its answer may have got lost.
    Again,
    /// It was used before.
    Reused,
    /// It never was one.
    Unknown,
}

/// A token that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) device: DeviceId,
    pub(super) hash: KeyHash,
    /// Whether this server made it.
    ours: bool,
}

impl RefreshTokens {
    pub(crate) fn new(secrets: &Secrets) -> Self {
        Self(secrets.mac("refresh tokens"))
    }

    /// The first one of a device.
    pub(super) fn first(&self, device: DeviceId) -> String {
        self.text(device, &rand::random())
    }

    /// The one after `token`, which is always the same.
    pub(super) fn successor(&self, device: DeviceId, token: &str) -> String {
        let secret = self.0.of(&[b"successor of ", token.as_bytes()]);
        self.text(device, &secret)
    }

    pub(super) fn read(&self, text: &str) -> Option<Read> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let bytes: [u8; ID + SECRET + TAG] = bytes.try_into().ok()?;
        let (id, rest) = bytes.split_at(ID);
        let (secret, tag) = rest.split_at(SECRET);
        let id = i64::from_be_bytes(id.try_into().ok()?);
        let device = id.to_string().parse().ok()?;
        Some(Read {
            device,
            hash: KeyHash::of(text),
            ours: self.tag(device, secret).ct_eq(tag).into(),
        })
    }

    fn text(&self, device: DeviceId, secret: &[u8; SECRET]) -> String {
        let mut bytes = device.get().to_be_bytes().to_vec();
        bytes.extend_from_slice(secret);
        bytes.extend_from_slice(&self.tag(device, secret));
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    fn tag(&self, device: DeviceId, secret: &[u8]) -> [u8; TAG] {
        let code = self
            .0
            .of(&[b"tag of ", &device.get().to_be_bytes(), secret]);
        *code.first_chunk().expect("32 bytes have 16")
    }
}

impl Read {
    /// What this token means for a device with these tokens.
    pub(super) fn against(
        &self,
        current: &str,
        previous: Option<&str>,
        rotated_at: UnixMillis,
        now: UnixMillis,
    ) -> Presented {
        let hash = self.hash.to_hex();
        if hash == current {
            Presented::Current
        } else if previous == Some(&hash) {
            match now.saturating_sub(rotated_at) <= GRACE_MS {
                true => Presented::Again,
                false => Presented::Reused,
            }
        } else if self.ours {
            Presented::Reused
        } else {
            Presented::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn tokens(byte: u8) -> RefreshTokens {
        RefreshTokens::new(&Secrets {
            token_key: [byte; crate::TOKEN_KEY_BYTES],
        })
    }

    #[test]
    fn a_token_means_what_its_place_in_the_row_says() {
        let tokens = tokens(1);
        let device = DeviceId::new();
        let first = tokens.first(device);
        assert_ne!(first, tokens.first(device));
        let second = tokens.successor(device, &first);
        assert_eq!(second, tokens.successor(device, &first));
        let third = tokens.successor(device, &second);
        let hash = |text: &str| KeyHash::of(text).to_hex();
        let (current, previous) = (hash(&third), hash(&second));
        let means = |text: &str, now: UnixMillis| {
            let read = tokens.read(text).unwrap();
            assert_eq!(read.device, device);
            read.against(&current, Some(&previous), 1_000, now)
        };
        assert_eq!(means(&third, 500_000), Presented::Current);
        assert_eq!(means(&second, 1_000 + GRACE_MS), Presented::Again);
        assert_eq!(means(&second, 1_001 + GRACE_MS), Presented::Reused);
        assert_eq!(means(&first, 1_000), Presented::Reused);
        // With a device's id alone nobody can log it out.
        let forged = super::tests::tokens(2).first(device);
        assert_eq!(means(&forged, 1_000), Presented::Unknown);
    }

    #[test]
    fn what_is_no_token_is_not_read() {
        let text = tokens(1).first(DeviceId::new());
        for bad in [
            "",
            "weir_rt_",
            "weir_rt_AAAA",
            &text[1..],
            &format!("{text}A"),
        ] {
            assert_eq!(tokens(1).read(bad), None, "{bad}");
        }
    }
}
