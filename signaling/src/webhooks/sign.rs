//! Signatures of Standard Webhooks: HMAC-SHA-256 over id, time and body, in base64.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use weir_db::WebhookId;

/// What a secret begins with, so that it is known for one wherever it turns up.
const PREFIX: &str = "whsec_";

/// Keeps these keys apart from everything else that is made from the same one.
const PURPOSE: &[u8] = b"weir webhook secret";

/// An endpoint's secret. It is computed from the server's own key and from what stands in the database,
/// so that neither a backup nor a copied database holds it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret([u8; 32]);

impl Secret {
    pub(super) fn derive(key: &[u8], webhook: WebhookId, salt: &str) -> Self {
        let mut mac = mac(key);
        mac.update(PURPOSE);
        mac.update(&webhook.get().to_be_bytes());
        mac.update(salt.as_bytes());
        Self(mac.finalize().into_bytes().into())
    }

    /// The only place where it is told, to whoever made it.
    pub(super) fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(self.0))
    }

    /// One signature, like `v1,…`.
    fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        let mut mac = mac(&self.0);
        mac.update(format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The header field `webhook-signature`: one signature for each secret that is valid now.
pub(super) fn signatures(secrets: &[Secret], id: &str, seconds: i64, body: &str) -> String {
    let all: Vec<String> = secrets
        .iter()
        .map(|secret| secret.sign(id, seconds, body))
        .collect();
    all.join(" ")
}

/// What a new secret is computed from.
pub(super) fn fresh_salt() -> String {
    STANDARD.encode(rand::random::<[u8; 18]>())
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length (RFC 2104)")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// The example of the reference libraries' documentation, by the rules of the specification.
    #[test]
    fn signatures_are_those_of_the_specification() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let mut mac = mac(&key);
        mac.update(b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}");
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        assert_eq!(signature, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");

        let secret = Secret([7; 32]);
        let body = "{\"type\":\"webhook.test\"}";
        let one = secret.sign("12", 1_700_000_000, body);
        // Computed by the standardwebhooks package from PyPI.
        assert_eq!(one, "v1,2TkL90MLLgikPGLJV74kBg3OQTy817dIne0oCLMioD4=");
        let both = signatures(
            &[secret.clone(), Secret([8; 32])],
            "12",
            1_700_000_000,
            body,
        );
        assert!(both.starts_with(&format!("{one} v1,")), "{both}");
        assert_eq!(
            secret.reveal(),
            "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="
        );
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    #[test]
    fn each_endpoint_and_each_rotation_has_another_secret() {
        let id: WebhookId = "5".parse().unwrap();
        let secret = Secret::derive(b"key", id, "salt");
        assert_eq!(secret, Secret::derive(b"key", id, "salt"));
        for other in [
            Secret::derive(b"another", id, "salt"),
            Secret::derive(b"key", "6".parse().unwrap(), "salt"),
            Secret::derive(b"key", id, "pepper"),
        ] {
            assert_ne!(secret, other);
        }
        assert_ne!(fresh_salt(), fresh_salt());
    }
}
