//! Time-limited TURN credentials, as coturn's `use-auth-secret` and most TURN servers check them:
//! the user name carries its own end, and the password is a MAC of the user name under a secret
//! that only the two servers know (draft-uberti-behave-turn-rest-00, section 2.2).

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// A user name and password that end by themselves. Never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `expiry:id`, where expiry is in seconds since the Unix epoch.
    pub username: String,
    /// Base64 of HMAC-SHA1 of the user name under the shared secret.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// Makes the credentials of one session, valid from `now` for `lifetime`. `id` names the session
/// in the TURN server's log; a colon in it is allowed, since servers split at the first one.
pub fn issue(secret: &[u8], id: &str, now: SystemTime, lifetime: Duration) -> Credentials {
    // A clock before 1970 gives credentials that have ended, which is the safe side.
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let expiry = now.saturating_add(lifetime).as_secs();
    let username = format!("{expiry}:{id}");
    let password = password(secret, &username);
    Credentials { username, password }
}

/// The password that belongs to a user name.
pub fn password(secret: &[u8], username: &str) -> String {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(secret).expect("HMAC takes keys of any length (RFC 2104)");
    mac.update(username.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mac_is_the_one_of_rfc_2202() {
        // RFC 2202 section 3, test case 2.
        let mac = STANDARD
            .decode(password(b"Jefe", "what do ya want for nothing?"))
            .expect("base64");
        let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    }

    #[test]
    fn user_name_says_when_it_ends() {
        let now = UNIX_EPOCH + Duration::from_secs(1_400_000_000);
        let credentials = issue(b"north", "viewer", now, Duration::from_secs(86_400));
        assert_eq!(credentials.username, "1400086400:viewer");
        // printf '1400086400:viewer' | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(credentials.password, "JZxmm0kDg4/+lW1u36yQV7gzD+I=");
    }

    #[test]
    fn password_stays_out_of_logs() {
        let credentials = issue(b"north", "viewer", UNIX_EPOCH, Duration::ZERO);
        assert!(!format!("{credentials:?}").contains(&credentials.password));
    }
}
