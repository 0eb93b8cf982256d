//! Access tokens: what a user shows after logging in. JWT (RFC 7519) with HMAC-SHA-256.

use std::{fmt, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

/// How long a token works. A working day; there is no refresh yet, so it ends by logging in anew.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// Bytes of the signing key (RFC 7518 section 3.2: at least the size of the hash).
pub const TOKEN_KEY_BYTES: usize = 32;

/// Who issued the token, so that one made for another purpose with the same key is refused.
const ISSUER: &str = "weir";

/// What the server keeps secret. Given by the caller, who reads it from the data folder.
#[derive(Clone)]
pub struct Secrets {
    /// Key that signs access tokens.
    pub token_key: [u8; TOKEN_KEY_BYTES],
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(hidden)")
    }
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer.
    iss: String,
    /// The user's name.
    pub sub: String,
    /// Issued at, in seconds since the Unix epoch.
    pub iat: u64,
    /// Ends at, in seconds since the Unix epoch.
    pub exp: u64,
}

/// Signs and checks tokens.
#[derive(Clone)]
pub(crate) struct Tokens {
    signing: EncodingKey,
    checking: DecodingKey,
}

impl Tokens {
    pub(crate) fn new(secrets: &Secrets) -> Self {
        Self {
            signing: EncodingKey::from_secret(&secrets.token_key),
            checking: DecodingKey::from_secret(&secrets.token_key),
        }
    }

    /// A token for a user, and the second when it ends. None when the signing library fails.
    pub(crate) fn issue(&self, user: &str, now: u64) -> Option<(String, u64)> {
        let exp = now + TOKEN_LIFETIME.as_secs();
        let claims = Claims {
            iss: ISSUER.into(),
            sub: user.to_owned(),
            iat: now,
            exp,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing)
            .ok()
            .map(|token| (token, exp))
    }

    /// The user of a token; none when it is forged, foreign or has ended.
    pub(crate) fn user(&self, token: &str) -> Option<String> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_required_spec_claims(&["exp", "iss", "sub"]);
        rules.leeway = 0;
        let token = jsonwebtoken::decode::<Claims>(token, &self.checking, &rules).ok()?;
        Some(token.claims.sub)
    }
}

/// What a token for another purpose than logging in says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Said<C> {
    iss: String,
    aud: String,
    exp: u64,
    /// What this kind says.
    #[serde(flatten)]
    pub(crate) more: C,
}

impl Tokens {
    /// A token for one purpose, and the second when it ends.
    pub(crate) async fn sign<C: Serialize>(
        &self,
        audience: &str,
        lifetime: Duration,
        more: C,
    ) -> Result<(String, u64), crate::ApiError> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let exp = now.unwrap_or_default().as_secs() + lifetime.as_secs();
        let said = Said {
            iss: ISSUER.into(),
            aud: audience.into(),
            exp,
            more,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &said, &self.signing)
            .map(|token| (token, exp))
            .map_err(|_| crate::ApiError::Internal)
    }

    /// What a token for a purpose says; `None` for one that is for something else.
    pub(crate) async fn read<C: serde::de::DeserializeOwned>(
        &self,
        audience: &str,
        token: &str,
    ) -> Result<Option<Said<C>>, crate::ApiError> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud"]);
        rules.leeway = 0;
        let read = jsonwebtoken::decode::<Said<C>>(token, &self.checking, &rules);
        Ok(read.ok().map(|token| token.claims))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    fn now() -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs()
    }

    fn tokens(byte: u8) -> Tokens {
        Tokens::new(&Secrets {
            token_key: [byte; TOKEN_KEY_BYTES],
        })
    }

    #[test]
    fn token_names_its_user_until_it_ends() {
        let (token, exp) = tokens(1).issue("ann", now()).unwrap();
        assert_eq!(tokens(1).user(&token), Some("ann".to_owned()));
        assert_eq!(
            exp,
            jsonwebtoken::dangerous::insecure_decode::<Claims>(&token)
                .unwrap()
                .claims
                .exp
        );

        let (ended, _) = tokens(1)
            .issue("ann", now() - TOKEN_LIFETIME.as_secs() - 1)
            .unwrap();
        assert_eq!(tokens(1).user(&ended), None);
    }

    #[test]
    fn forged_and_foreign_tokens_are_refused() {
        let (token, _) = tokens(1).issue("ann", now()).unwrap();
        assert_eq!(tokens(2).user(&token), None);
        assert_eq!(tokens(1).user("not.a.token"), None);

        // RFC 8725 section 3.1: an unsigned token must not pass.
        let payload = token.split('.').nth(1).unwrap();
        assert_eq!(
            tokens(1).user(&format!("eyJhbGciOiJub25lIn0.{payload}.")),
            None
        );

        let foreign = Claims {
            iss: "other".into(),
            sub: "ann".into(),
            iat: now(),
            exp: now() + 60,
        };
        let foreign = jsonwebtoken::encode(
            &Header::new(Algorithm::HS256),
            &foreign,
            &EncodingKey::from_secret(&[1; TOKEN_KEY_BYTES]),
        )
        .unwrap();
        assert_eq!(tokens(1).user(&foreign), None);
    }
}
