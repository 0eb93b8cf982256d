//! When credentials were used last, noted to the minute: a write for each request would be most of
//! the writes there are.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use weir_db::{Db, UnixMillis};

use super::Credential;

/// A newer time is written when the one in the row is older than this.
const EVERY_MS: UnixMillis = 60_000;

/// What is being written. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<HashSet<Credential>>>);

impl Seen {
    /// Notes a use, beside the request: nobody waits for it, and losing one does no harm.
    pub(super) fn note(&self, db: &Db, credential: Credential, last: Option<UnixMillis>) {
        if last.is_some_and(|last| crate::live::now() - last < EVERY_MS) {
            return;
        }
        let writing = self.0.clone();
        let begun = writing.lock().expect("nothing panics under this lock");
        if !{ begun }.insert(credential) {
            return;
        }
        let db = db.clone();
        tokio::spawn(async move {
            let written = match credential {
                Credential::Device(device) => db.device_seen(device).await,
                Credential::ApiToken(token) => db.api_token_used(token).await,
            };
            if let Err(error) = written {
                tracing::debug!(%error, "the use of a credential was not noted");
            }
            let mut writing = writing.lock().expect("nothing panics under this lock");
            writing.remove(&credential);
        });
    }
}
