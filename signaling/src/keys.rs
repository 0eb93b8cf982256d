//! Stream keys: what a publisher proves its right with. Shown once, kept as a hash.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

pub use weir_db::KeyHash;

/// Random bytes in a key: 192 bits, so that guessing is hopeless and the text has no padding.
const KEY_BYTES: usize = 24;

/// A stream key in clear. Not `Display`, so that it is shown only on purpose.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamKey(String);

impl StreamKey {
    /// The key as the publisher types it: 32 characters of `A–Z`, `a–z`, `0–9`, `-` and `_`.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamKey(hidden)")
    }
}

/// A new key from the system's random source, and its hash.
pub fn generate() -> (StreamKey, KeyHash) {
    let bytes: [u8; KEY_BYTES] = rand::random();
    let key = StreamKey(URL_SAFE_NO_PAD.encode(bytes));
    let hash = hash(&key.0);
    (key, hash)
}

/// The hash under which a key is stored.
pub fn hash(key: &str) -> KeyHash {
    KeyHash::of(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_and_match_their_hash() {
        let (first, first_hash) = generate();
        let (second, second_hash) = generate();
        assert_ne!(first, second);
        assert!(first_hash != second_hash);
        assert!(hash(first.reveal()) == first_hash);
        assert_eq!(first.reveal().len(), 32);
    }

    #[test]
    fn debug_hides_the_key() {
        let (key, _) = generate();
        assert!(!format!("{key:?}").contains(key.reveal()));
    }
}
