//! Who sends a request: long-term credentials (RFC 8489 section 9.2) whose user names say when they end.

use aws_lc_rs::digest;
use md5::{Digest as _, Md5};
use weir_rtp::stun::{Message, Writer};

use super::{
    Client, Now, Refusal,
    codec::attribute::{NONCE, PASSWORD_ALGORITHM, PASSWORD_ALGORITHMS, REALM, USERNAME},
    nonce::Nonces,
};
use crate::credentials;

/// Says whose users these are. Clients show it nowhere.
pub(crate) const REALM_NAME: &str = "weir";

/// SHA-256 and MD5, each without parameters, the better one first (RFC 8489 section 18.5).
pub(crate) const ALGORITHMS: [u8; 8] = [0, 2, 0, 0, 0, 1, 0, 0];
const SHA256: [u8; 4] = [0, 2, 0, 0];
const MD5: [u8; 4] = [0, 1, 0, 0];

/// Longest user name in octets; ours are shorter.
const MAX_USERNAME: usize = 128;

/// A user that has proven itself.
pub(crate) struct User {
    pub(crate) name: String,
    key: Vec<u8>,
    /// By which integrity the answer is signed.
    sha256: bool,
}

impl User {
    /// Signs an answer as the request was.
    pub(crate) fn sign(&self, answer: &mut Writer<'_>) {
        if self.sha256 {
            answer.integrity_sha256(&self.key);
        } else {
            answer.integrity(&self.key);
        }
    }
}

/// Why a request is not a user's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unproven {
    /// It says nothing of a user: the first of each client.
    Silent,
    /// It says something wrong.
    Wrong(Refusal),
}

/// Finds the user, or says why there is none.
pub(crate) fn user(
    now: Now,
    client: &Client,
    message: &Message<'_>,
    nonces: &Nonces,
    secret: &[u8],
) -> Result<User, Unproven> {
    let (sha1, sha256) = message.claims_integrity();
    if !sha1 && !sha256 {
        return Err(Unproven::Silent);
    }
    let bad = Unproven::Wrong(Refusal::BadRequest);
    let unauthorized = Unproven::Wrong(Refusal::Unauthorized);
    let (Some(name), Some(realm), Some(nonce)) = (
        message.attribute(USERNAME),
        message.attribute(REALM),
        message.attribute(NONCE),
    ) else {
        return Err(bad);
    };
    let algorithm = algorithm(message).ok_or(bad)?;
    let name = std::str::from_utf8(name)
        .ok()
        .filter(|name| name.len() <= MAX_USERNAME && realm == REALM_NAME.as_bytes())
        .filter(|name| credentials::expiry(name).is_some_and(|expiry| now.unix < expiry));
    let Some(name) = name else {
        return Err(unauthorized);
    };
    let key = key(algorithm, name, &credentials::password(secret, name));
    // Who sends both is asked for the better one.
    let right = match sha256 {
        true => message.has_integrity_sha256(&key),
        false => message.has_integrity(&key),
    };
    if !right {
        return Err(unauthorized);
    }
    if !nonces.is_fresh(now.at, client.peer, nonce) {
        return Err(Unproven::Wrong(Refusal::StaleNonce));
    }
    Ok(User {
        name: name.to_owned(),
        key,
        sha256,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Md5,
    Sha256,
}

/// What the password is hashed with (RFC 8489 section 9.2.4). Who chooses must repeat what it was
/// offered, so that nobody on the way can have taken the better one out.
fn algorithm(message: &Message<'_>) -> Option<Algorithm> {
    let offered = message.attribute(PASSWORD_ALGORITHMS);
    let chosen = message.attribute(PASSWORD_ALGORITHM);
    match (offered, chosen) {
        (None, None) => Some(Algorithm::Md5),
        (Some(offered), Some(chosen)) if offered == ALGORITHMS => {
            if chosen == SHA256 {
                Some(Algorithm::Sha256)
            } else if chosen == MD5 {
                Some(Algorithm::Md5)
            } else {
                None
            }
        }
        (Some(_), _) | (None, Some(_)) => None,
    }
}

/// RFC 8489 section 9.2.2.
pub(crate) fn key(algorithm: Algorithm, name: &str, password: &str) -> Vec<u8> {
    let text = format!("{name}:{REALM_NAME}:{password}");
    match algorithm {
        Algorithm::Md5 => Md5::digest(text).to_vec(),
        Algorithm::Sha256 => digest::digest(&digest::SHA256, text.as_bytes())
            .as_ref()
            .to_vec(),
    }
}
