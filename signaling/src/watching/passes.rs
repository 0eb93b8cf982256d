//! Viewer tokens in use: what a signed token must still find to be worth something.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use weir_db::{StreamId, UnixMillis, UserId, ViewerToken, ViewerTokenId};

use super::{hls_gate::BELIEVED, viewer::ENDED};
use crate::{ApiError, App, live};

/// What viewer tokens are signed for.
const AUDIENCE: &str = "weir:viewer";

/// How often tokens that another node took back are looked for.
const LOOK: Duration = Duration::from_secs(1);

/// How far back is looked: clocks of nodes differ, and a change is visible only when it is committed.
const LOOK_BACK: UnixMillis = 10_000;

/// How often rows of tokens that ended long ago are removed, and how long ago that is.
const FORGET_EVERY: Duration = Duration::from_secs(60 * 60);
const FORGET_AFTER: UnixMillis = 30 * 24 * 60 * 60 * 1000;

/// What a viewer token says beside its end.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Says {
    /// Its row.
    vid: String,
}

/// The right to watch one stream, by a token that was good when it was shown.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    row: Arc<ViewerToken>,
    over: CancellationToken,
    /// Where HLS was served under it last, and when that was found right.
    served: Arc<Mutex<Option<(String, Instant)>>>,
}

impl Pass {
    /// Whether it was found right a moment ago to serve this stream under it.
    pub(super) fn serves(&self, slug: &str) -> bool {
        let served = self.served.lock().expect("nothing panics under this lock");
        let right = |(name, at): &(String, Instant)| name == slug && at.elapsed() < BELIEVED;
        served.as_ref().is_some_and(right)
    }

    /// It is right to serve this stream under it.
    pub(super) fn remember(&self, slug: &str) {
        let mut served = self.served.lock().expect("nothing panics under this lock");
        *served = Some((slug.to_owned(), Instant::now()));
    }

    /// Its row.
    pub(crate) fn id(&self) -> ViewerTokenId {
        self.row.id
    }

    /// What may be watched.
    pub(crate) fn stream(&self) -> StreamId {
        self.row.stream
    }

    /// Whose it is.
    pub(crate) fn user(&self) -> Option<UserId> {
        self.row.user
    }

    /// What its holder is called.
    pub(crate) fn nickname(&self) -> Option<&str> {
        self.row.nickname.as_deref()
    }

    /// WebRTC sessions at one time.
    pub(crate) fn max_sessions(&self) -> usize {
        usize::try_from(self.row.max_sessions).unwrap_or(usize::MAX)
    }

    /// What its guest is called in rooms, for programs.
    pub(crate) fn room_key(&self) -> String {
        format!("guest:pass-{}", self.row.id)
    }

    /// When it lets nobody in any more.
    pub(crate) fn expires_at(&self) -> UnixMillis {
        self.row.expires_at
    }

    /// Cancelled when it is taken back: sessions, memberships and requests under it end then.
    pub(crate) fn over(&self) -> CancellationToken {
        self.over.clone()
    }
}

/// Tokens that were shown to this server, until they end. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Passes {
    known: Arc<Mutex<HashMap<ViewerTokenId, Pass>>>,
}

impl Passes {
    /// The token with this id, if it was shown here and has not ended for good.
    pub(crate) fn known(&self, id: ViewerTokenId) -> Option<Pass> {
        self.lock().get(&id).cloned()
    }

    /// Takes a token back.
    pub(super) fn end(&self, id: ViewerTokenId) {
        if let Some(pass) = self.lock().get(&id) {
            pass.over.cancel();
        }
    }

    fn keep(&self, row: ViewerToken) -> Pass {
        let mut known = self.lock();
        let pass = known.entry(row.id).or_insert_with(|| Pass {
            row: Arc::new(row.clone()),
            over: CancellationToken::new(),
            served: Arc::default(),
        });
        // Somebody who comes in again by an invitation may stay for longer.
        if pass.row.expires_at < row.expires_at {
            pass.row = Arc::new(row);
        }
        pass.clone()
    }

    fn forget(&self, ended_before: UnixMillis, in_use: impl Fn(ViewerTokenId) -> bool) {
        self.lock()
            .retain(|id, pass| pass.row.expires_at >= ended_before || in_use(*id));
    }

    fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ViewerTokenId, Pass>> {
        self.known.lock().expect("nothing panics under this lock")
    }
}

impl App {
    /// Signs a row's token.
    pub(crate) async fn sign_pass(&self, row: &ViewerToken) -> Result<String, ApiError> {
        let left = u64::try_from(row.expires_at - live::now()).unwrap_or(0);
        // Rounded up: the row says when it really ends.
        let lifetime = Duration::from_secs(left.div_ceil(1000));
        let says = Says {
            vid: row.id.to_string(),
        };
        let (token, _) = self.tokens.sign(AUDIENCE, lifetime, says).await?;
        Ok(token)
    }

    /// What a viewer token is worth; `None` for a text that is none.
    ///
    /// # Errors
    /// 401 for one that has ended or was taken back.
    pub(crate) async fn pass(&self, token: &str) -> Result<Option<Pass>, ApiError> {
        let Some(claims) = self.tokens.read::<Says>(AUDIENCE, token).await? else {
            return Ok(None);
        };
        let id: ViewerTokenId = claims.more.vid.parse().map_err(|_| ENDED)?;
        let now = live::now();
        if let Some(pass) = self.watching.passes.known(id)
            && (pass.expires_at() > now || pass.over.is_cancelled())
        {
            return (!pass.over.is_cancelled())
                .then_some(Some(pass))
                .ok_or(ENDED);
        }
        let row = self.services.db.viewer_token(id).await?.ok_or(ENDED)?;
        if row.revoked_at.is_some() || row.expires_at <= now {
            return Err(ENDED);
        }
        Ok(Some(self.watching.passes.keep(row)))
    }
}

/// Ends what goes on under tokens that other nodes took back, and forgets those that have ended, until the
/// server stops.
pub(crate) async fn keep_passes(app: App) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut forgotten_at = None;
    let draining = app.services.draining.clone();
    loop {
        tokio::select! {
            () = draining.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let (db, now) = (&app.services.db, live::now());
        let is_due = |at: tokio::time::Instant| at.elapsed() >= FORGET_EVERY;
        if forgotten_at.is_none_or(is_due) {
            forgotten_at = Some(tokio::time::Instant::now());
            if let Err(error) = db.forget_viewer_tokens(now - FORGET_AFTER).await {
                tracing::warn!(%error, "old viewer tokens could not be removed");
            }
        }
        if app.watching.passes.is_empty() {
            continue;
        }
        match db.viewer_tokens_revoked_since(now - LOOK_BACK).await {
            Ok(ids) => app.end_passes(&ids).await,
            Err(error) => tracing::warn!(%error, "revoked viewer tokens could not be read"),
        }
        let viewers = app.services.live.viewers();
        app.watching
            .passes
            .forget(now - LOOK_BACK, |id| !viewers.under(id).is_empty());
    }
}
