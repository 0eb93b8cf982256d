//! How rooms are run and what audiences do besides writing: rules, moderation, polls, questions,
//! reactions, emotes.
//!
//! Each thing is done in one place, whoever asks: `requests` takes room messages, `rest` takes HTTP, and
//! both call the same functions. What decides who may say what is remembered per room in `policies`, so
//! that a chat message costs no query; a change here acts at once, one of another process within
//! a second. What many members do at once (votes, reactions) is told twice a second at most: `windows`.

mod admission;
mod audit;
mod emotes;
mod limits;
mod links;
mod moderation;
mod policies;
mod policy;
mod polls;
mod questions;
mod rank;
mod reactions;
mod requests;
mod rest;
mod rules;
mod visit;
mod windows;
mod words;

use std::{net::IpAddr, sync::Arc};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub(crate) use admission::{Admission, admit, may_enter};
pub(crate) use policies::Policies;
pub(crate) use policy::Policy;
pub(crate) use rank::rank;
pub(crate) use requests::{handle, may_delete, pinned};
pub(crate) use rest::routes;
pub(crate) use windows::Windows;

use crate::{Secrets, Services, login_limit::network};

/// What rooms are run by. Clones are the same.
#[derive(Clone)]
pub(crate) struct Engage {
    inner: Arc<Inner>,
}

struct Inner {
    policies: Policies,
    windows: Windows,
    limits: limits::Limits,
    slow: admission::Slow,
    follows: admission::Follows,
    guests: visit::Guests,
    address_key: [u8; 32],
}

impl Engage {
    /// Remembers nothing yet.
    pub(crate) fn new(services: &Services) -> Self {
        let inner = Inner {
            policies: Policies::new(services.db.clone()),
            windows: Windows::default(),
            limits: limits::Limits::default(),
            slow: admission::Slow::default(),
            follows: admission::Follows::default(),
            guests: visit::Guests::default(),
            address_key: address_key(&services.secrets),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// What decides who may say what.
    pub(crate) fn policies(&self) -> &Policies {
        &self.inner.policies
    }

    /// What is told twice a second.
    pub(crate) fn windows(&self) -> &Windows {
        &self.inner.windows
    }

    /// Guests who came lately.
    pub(crate) fn guests(&self) -> &visit::Guests {
        &self.inner.guests
    }

    fn limits(&self) -> &limits::Limits {
        &self.inner.limits
    }

    /// A keyed hash of an address, or of its /64 network: who has the database cannot try all addresses.
    pub(crate) fn address_hash(&self, address: IpAddr) -> String {
        let mut hash = keyed(&self.inner.address_key);
        hash.update(network(address).to_string().as_bytes());
        hash.finalize().into_bytes()[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// A key of its own, so that nothing that is made with another one can be mistaken for this.
fn address_key(secrets: &Secrets) -> [u8; 32] {
    let mut hash = keyed(&secrets.token_key);
    hash.update(b"weir addresses of banned members");
    hash.finalize().into_bytes().into()
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}
