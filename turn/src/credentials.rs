//! Time-limited TURN credentials, as coturn's `use-auth-secret` and most TURN servers check them:
//! the user name carries its own end, and the password is a MAC of the user name under a secret
//! that only the two servers know (draft-uberti-behave-turn-rest-00, section 2.2).

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
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

/// What stands for a session in user names. A session's own name must not: whoever knows that may end
/// the session, and a user name is sent in the clear to every TURN server, and stands in its log. Who has
/// the secret finds the session by it.
pub fn pseudonym(secret: &[u8], session: &str) -> String {
    /// No user name begins so: those begin with a number.
    const PURPOSE: &[u8] = b"session ";
    /// Octets that are enough to tell sessions apart.
    const LEN: usize = 12;
    let mut mac = mac(secret);
    mac.update(PURPOSE);
    mac.update(session.as_bytes());
    let sum = mac.finalize().into_bytes();
    URL_SAFE_NO_PAD.encode(sum.get(..LEN).unwrap_or_default())
}

/// When credentials with this user name end, in seconds since 1970. None when it does not say.
pub fn expiry(username: &str) -> Option<u64> {
    let (expiry, _) = username.split_once(':')?;
    let digits = !expiry.is_empty() && expiry.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| expiry.parse().ok()).flatten()
}

/// The password that belongs to a user name.
pub fn password(secret: &[u8], username: &str) -> String {
    let mut mac = mac(secret);
    mac.update(username.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn mac(secret: &[u8]) -> Hmac<Sha1> {
    Hmac::new_from_slice(secret).expect("HMAC takes keys of any length (RFC 2104)")
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
    fn user_names_are_read_again() {
        let credentials = issue(b"north", "viewer", UNIX_EPOCH, Duration::from_secs(60));
        assert_eq!(expiry(&credentials.username), Some(60));
        for bad in [
            "",
            "viewer",
            ":viewer",
            "+60:viewer",
            "6o:viewer",
            "99999999999999999999:x",
        ] {
            assert_eq!(expiry(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_pseudonym_says_nothing_of_the_session() {
        let session = "00c0ffee00c0ffee00c0ffee00c00001";
        let pseudonym = pseudonym(b"north", session);
        assert_eq!(pseudonym.len(), 16);
        assert_eq!(pseudonym, super::pseudonym(b"north", session));
        assert_ne!(pseudonym, super::pseudonym(b"south", session));
        assert_ne!(pseudonym, super::pseudonym(b"north", "00c0ffee"));
        let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        assert!(pseudonym.chars().all(safe));
    }

    #[test]
    fn password_stays_out_of_logs() {
        let credentials = issue(b"north", "viewer", UNIX_EPOCH, Duration::ZERO);
        assert!(!format!("{credentials:?}").contains(&credentials.password));
    }
}
