//! Signed tokens: JWT (RFC 7519) with HMAC-SHA-256. The keys that sign them are in the database, so
//! that all nodes have them, and are replaced on schedule; a token names its key (`kid`).

mod ring;

use std::{
    fmt,
    sync::{Arc, RwLock},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use weir_db::Db;

use crate::{ApiError, Secrets, secrets::Sealer};
use ring::Ring;
pub use ring::rotate_token_keys;

/// No token lives longer: keys are forgotten so long after their successor was made.
pub(crate) const LONGEST_TOKEN: Duration = Duration::from_secs(24 * 60 * 60);

/// Who issues tokens, so that one of another program is refused.
const ISSUER: &str = "weir";

/// A token with an unknown key makes us look for new keys at most this often: such tokens cost
/// nothing to make.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Seconds since the Unix epoch, as tokens count.
pub(crate) fn seconds_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// What every token says. `C` is what its kind says beside that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims<C> {
    iss: String,
    /// What it is for: a token is good for nothing else.
    aud: String,
    /// Issued at, in seconds since the Unix epoch.
    pub(crate) iat: u64,
    /// Ends at.
    pub(crate) exp: u64,
    /// Makes every token another one.
    jti: String,
    /// What this kind says.
    #[serde(flatten)]
    pub(crate) more: C,
}

/// Signs and checks tokens. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Tokens(Arc<Inner>);

struct Inner {
    db: Db,
    sealer: Sealer,
    rotation: Duration,
    ring: RwLock<Arc<Ring>>,
    /// When the database was asked last; held while it is asked, so that many wait for one answer.
    looked: tokio::sync::Mutex<Option<Instant>>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(…)")
    }
}

impl Tokens {
    /// A new key is made when the newest is older than `rotation`.
    pub(crate) fn new(db: Db, secrets: &Secrets, rotation: Duration) -> Self {
        Self(Arc::new(Inner {
            db,
            sealer: secrets.sealer(),
            rotation,
            ring: RwLock::default(),
            looked: tokio::sync::Mutex::default(),
        }))
    }

    /// A token that is good for `lifetime`, at most [`LONGEST_TOKEN`], and the second when it ends.
    pub(crate) async fn sign<C: Serialize>(
        &self,
        audience: &str,
        lifetime: Duration,
        more: C,
    ) -> Result<(String, u64), ApiError> {
        let ring = self.signing_ring().await?;
        let (kid, key) = ring.newest().ok_or(ApiError::Internal)?;
        let iat = seconds_now();
        let exp = iat + lifetime.min(LONGEST_TOKEN).as_secs();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: audience.to_owned(),
            iat,
            exp,
            jti: format!("{:032x}", rand::random::<u128>()),
            more,
        };
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(kid.to_owned());
        let token = jsonwebtoken::encode(&header, &claims, key).map_err(|error| {
            tracing::error!(%error, "cannot sign a token");
            ApiError::Internal
        })?;
        Ok((token, exp))
    }

    /// What a token says; `None` when it is forged, for something else, or has ended.
    pub(crate) async fn read<C: DeserializeOwned>(
        &self,
        audience: &str,
        token: &str,
    ) -> Result<Option<Claims<C>>, ApiError> {
        let Some(kid) = key_id(token) else {
            return Ok(None);
        };
        if !self.ring().knows(&kid) {
            self.look(LOOK_AGAIN).await?;
        }
        Ok(self.peek(audience, token))
    }

    /// The same with the keys that are known, without a look into the database.
    pub(crate) fn peek<C: DeserializeOwned>(
        &self,
        audience: &str,
        token: &str,
    ) -> Option<Claims<C>> {
        let ring = self.ring();
        let key = ring.checking(&key_id(token)?)?;
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud"]);
        rules.leeway = 0;
        let claims = jsonwebtoken::decode::<Claims<C>>(token, key, &rules)
            .ok()?
            .claims;
        // "now" of the library and of the second in which it ends: ended.
        (claims.exp > seconds_now()).then_some(claims)
    }

    /// Reads the keys anew, makes a new one when it is time, and forgets those that nothing was signed
    /// with for long. To be called every few seconds: keys may come from another node.
    pub(crate) async fn tend(&self) -> Result<(), ApiError> {
        self.look(Duration::ZERO).await?;
        if self.is_due() {
            self.renew().await?;
            let before = weir_millis().saturating_sub(millis(LONGEST_TOKEN));
            self.0.db.forget_token_keys(before).await?;
        }
        Ok(())
    }

    async fn signing_ring(&self) -> Result<Arc<Ring>, ApiError> {
        if self.ring().newest().is_none() {
            self.look(Duration::ZERO).await?;
        }
        if self.is_due() {
            self.renew().await?;
        }
        Ok(self.ring())
    }

    fn is_due(&self) -> bool {
        let oldest = weir_millis().saturating_sub(millis(self.0.rotation));
        self.ring().made_at().is_none_or(|made| made < oldest)
    }

    async fn renew(&self) -> Result<(), ApiError> {
        let mut looked = self.0.looked.lock().await;
        // Somebody else may have been faster.
        if self.is_due() {
            let (kid, sealed) = ring::fresh(&self.0.sealer);
            self.0.db.create_token_key(&kid, &sealed).await?;
            tracing::info!(kid, "new key signs access tokens");
            self.load().await?;
            *looked = Some(Instant::now());
        }
        Ok(())
    }

    async fn look(&self, at_most_every: Duration) -> Result<(), ApiError> {
        let mut looked = self.0.looked.lock().await;
        if looked.is_some_and(|looked| looked.elapsed() < at_most_every) {
            return Ok(());
        }
        self.load().await?;
        *looked = Some(Instant::now());
        Ok(())
    }

    async fn load(&self) -> Result<(), ApiError> {
        let ring = Ring::open(&self.0.sealer, &self.0.db.token_keys().await?);
        *self.0.ring.write().expect("nothing panics under this lock") = Arc::new(ring);
        Ok(())
    }

    fn ring(&self) -> Arc<Ring> {
        let ring = self.0.ring.read().expect("nothing panics under this lock");
        ring.clone()
    }
}

fn key_id(token: &str) -> Option<String> {
    jsonwebtoken::decode_header(token).ok()?.kid
}

fn weir_millis() -> i64 {
    crate::live::now()
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
