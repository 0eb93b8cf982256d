//! What the server keeps secret, and what is made of it: one key for each purpose, so that none of
//! them says anything about another.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hkdf, hmac,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Bytes of the secret in the data folder.
pub const TOKEN_KEY_BYTES: usize = 32;

/// What the server keeps secret. Given by the caller, who reads it from the data folder. All nodes
/// that share a database have the same.
#[derive(Clone)]
pub struct Secrets {
    /// What all other keys are made of.
    pub token_key: [u8; TOKEN_KEY_BYTES],
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(hidden)")
    }
}

impl Secrets {
    /// The key of a purpose (HKDF, RFC 5869).
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut key = [0; 32];
        hkdf::Salt::new(hkdf::HKDF_SHA256, b"weir")
            .extract(&self.token_key)
            .expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|made| made.fill(&mut key))
            .expect("32 bytes are what HKDF-SHA-256 gives in one step");
        key
    }

    /// What passwords for this server's own TURN server are made with.
    pub fn turn(&self) -> [u8; 32] {
        self.derive("turn")
    }

    /// What encrypts secrets that are kept in the database.
    pub(crate) fn sealer(&self) -> Sealer {
        let key = RandomizedNonceKey::new(&AES_256_GCM, &self.derive("seal"));
        Sealer(key.expect("32 bytes are a key of AES-256"))
    }

    /// What makes and checks message authentication codes of a purpose.
    pub(crate) fn mac(&self, purpose: &str) -> Mac {
        Mac(hmac::Key::new(hmac::HMAC_SHA256, &self.derive(purpose)))
    }
}

/// HMAC-SHA-256 with the key of one purpose.
#[derive(Clone)]
pub(crate) struct Mac(hmac::Key);

impl Mac {
    /// The code of these parts, of which each begins where the one before ends: the caller sees to it
    /// that they are told apart.
    pub(crate) fn of(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        let code = context.sign();
        code.as_ref().try_into().expect("SHA-256 gives 32 bytes")
    }
}

/// Encrypts what is kept in the database (AES-256-GCM), so that a copy of the database alone is worth
/// nothing.
pub(crate) struct Sealer(RandomizedNonceKey);

impl Sealer {
    /// Encrypts; opened only under the same `context`, so that rows cannot be swapped.
    pub(crate) fn seal(&self, context: &str, plain: &[u8]) -> String {
        let mut text = plain.to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(context.as_bytes()), &mut text)
            .expect("short texts can be sealed");
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut text);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// `None` when it was sealed under another secret or context, or was changed.
    pub(crate) fn open(&self, context: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, text) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let plain = self
            .0
            .open_in_place(nonce, Aad::from(context.as_bytes()), &mut text)
            .ok()?;
        Some(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn secrets(byte: u8) -> Secrets {
        Secrets {
            token_key: [byte; TOKEN_KEY_BYTES],
        }
    }

    #[test]
    fn what_is_sealed_opens_under_the_same_secret_and_context_only() {
        let sealed = secrets(1).sealer().seal("row 1", b"secret");
        assert_eq!(
            secrets(1).sealer().open("row 1", &sealed).unwrap(),
            b"secret"
        );
        assert_ne!(sealed, secrets(1).sealer().seal("row 1", b"secret"));
        assert_eq!(secrets(1).sealer().open("row 2", &sealed), None);
        assert_eq!(secrets(2).sealer().open("row 1", &sealed), None);
        let mut changed = sealed.clone();
        let last = if changed.pop() == Some('A') { 'B' } else { 'A' };
        changed.insert(changed.len() / 2, last);
        assert_eq!(secrets(1).sealer().open("row 1", &changed), None);
        assert_eq!(secrets(1).sealer().open("row 1", "AAAA"), None);
        assert_eq!(secrets(1).sealer().open("row 1", "?"), None);
    }

    #[test]
    fn purposes_have_keys_of_their_own() {
        let secrets = secrets(1);
        assert_ne!(secrets.derive("a"), secrets.derive("b"));
        assert_ne!(secrets.derive("a"), secrets.token_key);
        assert_eq!(
            secrets.mac("a").of(&[b"x", b"y"]),
            secrets.mac("a").of(&[b"xy"])
        );
        assert_ne!(secrets.mac("a").of(&[b"x"]), secrets.mac("b").of(&[b"x"]));
    }
}
