//! The keys as they are in memory.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use weir_db::{Db, DbError, TokenKey, UnixMillis};

use crate::{Secrets, secrets::Sealer};

/// Bytes of a signing key (RFC 7518 section 3.2: at least the size of the hash).
const KEY_BYTES: usize = 32;

/// All keys that tokens may be signed with.
#[derive(Default)]
pub(super) struct Ring {
    /// Signs: its name, the key, and when it was made.
    newest: Option<(String, EncodingKey, UnixMillis)>,
    checking: HashMap<String, DecodingKey>,
}

impl Ring {
    /// From rows, the newest first. Keys sealed under another secret are left out: the data folder is
    /// another one, and a new key is due.
    pub(super) fn open(sealer: &Sealer, rows: &[TokenKey]) -> Self {
        let mut ring = Self::default();
        for row in rows {
            let Some(key) = sealer.open(&context(&row.kid), &row.sealed) else {
                tracing::warn!(
                    kid = row.kid,
                    "a signing key was sealed with another token.key; tokens of it are refused"
                );
                continue;
            };
            ring.checking
                .insert(row.kid.clone(), DecodingKey::from_secret(&key));
            if ring.newest.is_none() {
                let signing = EncodingKey::from_secret(&key);
                ring.newest = Some((row.kid.clone(), signing, row.created_at));
            }
        }
        ring
    }

    pub(super) fn newest(&self) -> Option<(&str, &EncodingKey)> {
        let (kid, key, _) = self.newest.as_ref()?;
        Some((kid, key))
    }

    pub(super) fn made_at(&self) -> Option<UnixMillis> {
        self.newest.as_ref().map(|(_, _, made)| *made)
    }

    pub(super) fn knows(&self, kid: &str) -> bool {
        self.checking.contains_key(kid)
    }

    pub(super) fn checking(&self, kid: &str) -> Option<&DecodingKey> {
        self.checking.get(kid)
    }
}

/// A new key: its name, and itself sealed.
pub(super) fn fresh(sealer: &Sealer) -> (String, String) {
    let kid = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 9]>());
    let key: [u8; KEY_BYTES] = rand::random();
    let sealed = sealer.seal(&context(&kid), &key);
    (kid, sealed)
}

fn context(kid: &str) -> String {
    format!("token key {kid}")
}

/// Makes a new key that signs from now on, also on nodes that run; gives its name. Tokens that older
/// keys signed stay good until they end, or with `drop_old` end now.
///
/// # Errors
/// When the database fails.
pub async fn rotate_token_keys(
    db: &Db,
    secrets: &Secrets,
    drop_old: bool,
) -> Result<String, DbError> {
    let (kid, sealed) = fresh(&secrets.sealer());
    db.create_token_key(&kid, &sealed).await?;
    if drop_old {
        db.drop_other_token_keys(&kid).await?;
    }
    Ok(kid)
}
