//! Nonces that are remembered by nobody: each holds when it was made, and a code over that and the
//! client's address (RFC 8489 section 9.2).

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// How long one works. RFC 8656 section 5 wants an hour at most.
const LIFETIME: u32 = 30 * 60;

/// Says that password algorithms may be chosen (RFC 8489 sections 9.2 and 18.1: the first bit of 24).
const COOKIE: &str = "obMatJos2gAAA";

/// Octets of the code that are sent. A forged nonce is worth nothing without a password.
const CODE: usize = 8;

/// Octets of the time.
const TIME: usize = 4;

/// Makes and checks them.
pub(crate) struct Nonces {
    key: hmac::Key,
    started: Instant,
}

impl Nonces {
    pub(crate) fn new(started: Instant, key: &[u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            started,
        }
    }

    /// A nonce for this client.
    pub(crate) fn make(&self, now: Instant, client: SocketAddr) -> String {
        let time = self.seconds(now).to_be_bytes();
        let mut bytes = time.to_vec();
        bytes.extend(self.code(time, client));
        let mut nonce = COOKIE.to_owned();
        URL_SAFE_NO_PAD.encode_string(bytes, &mut nonce);
        nonce
    }

    /// Whether this is a nonce that this client was given and that still works.
    pub(crate) fn is_fresh(&self, now: Instant, client: SocketAddr, nonce: &[u8]) -> bool {
        let made = nonce
            .strip_prefix(COOKIE.as_bytes())
            .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let Some((time, code)) = made.as_deref().and_then(<[u8]>::split_first_chunk::<TIME>) else {
            return false;
        };
        let right = self.code(*time, client);
        let known = aws_lc_rs::constant_time::verify_slices_are_equal(&right, code).is_ok();
        let age = self.seconds(now).checked_sub(u32::from_be_bytes(*time));
        known && age.is_some_and(|age| age <= LIFETIME)
    }

    fn seconds(&self, now: Instant) -> u32 {
        let passed: Duration = now.saturating_duration_since(self.started);
        // 136 years.
        u32::try_from(passed.as_secs()).unwrap_or(u32::MAX)
    }

    fn code(&self, time: [u8; TIME], client: SocketAddr) -> [u8; CODE] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&time);
        context.update(&client.port().to_be_bytes());
        match client.ip() {
            IpAddr::V4(ip) => context.update(&ip.octets()),
            IpAddr::V6(ip) => context.update(&ip.octets()),
        }
        let sum = context.sign();
        let mut code = [0; CODE];
        code.iter_mut()
            .zip(sum.as_ref())
            .for_each(|(to, from)| *to = *from);
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_one_clients_for_its_time() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let nonces = Nonces::new(start, &[1; 32]);
        let client: SocketAddr = "192.0.2.7:5000".parse().unwrap();
        let nonce = nonces.make(at(100), client);
        assert!(nonces.is_fresh(at(100), client, nonce.as_bytes()));
        assert!(nonces.is_fresh(at(100 + 1_800), client, nonce.as_bytes()));
        assert!(!nonces.is_fresh(at(100 + 1_801), client, nonce.as_bytes()));
        assert!(!nonces.is_fresh(at(99), client, nonce.as_bytes()));
        for other in ["192.0.2.7:5001", "192.0.2.8:5000", "[2001:db8::1]:5000"] {
            assert!(!nonces.is_fresh(at(100), other.parse().unwrap(), nonce.as_bytes()));
        }
        assert!(!Nonces::new(start, &[2; 32]).is_fresh(at(100), client, nonce.as_bytes()));
        for at in 0..nonce.len() {
            let mut changed = nonce.clone().into_bytes();
            changed[at] ^= 1;
            assert!(!nonces.is_fresh(start + Duration::from_secs(100), client, &changed));
            assert!(!nonces.is_fresh(start, client, &nonce.as_bytes()[..at]));
        }
    }
}
