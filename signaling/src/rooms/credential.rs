//! What a connection shows to be let in: nothing, a user's token, or a viewer token of the stream.

use std::{
    pin::Pin,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::http::{Request, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use tokio_util::sync::WaitForCancellationFutureOwned;
use weir_db::{User, UserId};
use weir_protocol::{Scope, room::RoomErrorCode};
use weir_sfu::SessionId;

use super::{RoomError, identity::Person, resolve::Target};
use crate::{
    App, auth,
    watching::{Pass, Viewer, Who},
};

/// When a credential is taken back; waited for without being asked for anew.
pub(super) type TakenBack = Pin<Box<WaitForCancellationFutureOwned>>;

/// What was shown, and found good.
pub(super) enum Credential {
    /// Nothing.
    None,
    /// A user's token that may be used in rooms.
    User(Box<User>),
    /// A viewer token.
    Pass(Pass),
}

impl Credential {
    /// What a token is worth; without one, what the WebRTC session was opened with.
    ///
    /// # Errors
    /// `Unauthorized` for a token that is wrong or has ended.
    pub(super) async fn of(
        app: &App,
        token: Option<&str>,
        session: Option<SessionId>,
    ) -> Result<Self, RoomError> {
        let Some(token) = token else {
            return Ok(match session.and_then(|session| of_session(app, session)) {
                Some(pass) => Self::Pass(pass),
                None => Self::None,
            });
        };
        if let Some(pass) = app.pass(token).await? {
            return Ok(Self::Pass(pass));
        }
        Ok(Self::User(Box::new(user(app, token).await?)))
    }

    /// The user who logged in.
    pub(super) fn user(&self) -> Option<&User> {
        match self {
            Self::User(user) => Some(user),
            Self::None | Self::Pass(_) => None,
        }
    }

    /// The name under which its holder writes.
    pub(super) async fn person(&self, app: &App) -> Result<Option<Person>, RoomError> {
        let pass = match self {
            Self::None => return Ok(None),
            Self::User(user) => return Ok(Some(Person::of_user(user))),
            Self::Pass(pass) => pass,
        };
        if let Some(user) = pass.user() {
            return Ok(user_by_id(app, user).await?.as_ref().map(Person::of_user));
        }
        let guest =
            |name: &str| Person::of_guest(name.to_owned(), &format!("viewer token {}", pass.id()));
        Ok(pass.nickname().map(guest))
    }

    /// Whether its holder may watch what the room belongs to.
    ///
    /// # Errors
    /// `NotFound` for what must not be seen, `Forbidden` for who is blocked.
    pub(super) async fn may_watch(&self, app: &App, target: &Target) -> Result<(), RoomError> {
        let Some(stream) = &target.stream else {
            return Ok(());
        };
        let viewer = match self {
            Self::None => Viewer::Nobody,
            Self::User(user) => Viewer::User((**user).clone()),
            Self::Pass(pass) => Viewer::Token(pass.clone()),
        };
        // As the stream is now: the room may be older than what was changed.
        let stream = app.services.db.stream_by_slug(&stream.slug).await?;
        let stream = stream.ok_or_else(super::resolve::no_such_room)?;
        Ok(app.check_watchable(&stream, &viewer).await?)
    }

    /// When it ends by itself, also in milliseconds since the Unix epoch.
    pub(super) fn end(&self, token: Option<&str>) -> Option<(Instant, i64)> {
        match self {
            Self::None => None,
            Self::User(_) => end_of(token?),
            Self::Pass(pass) => instant(pass.expires_at()),
        }
    }

    /// When somebody takes it back.
    pub(super) fn taken_back(&self) -> Option<TakenBack> {
        match self {
            Self::Pass(pass) => Some(Box::pin(pass.over().cancelled_owned())),
            Self::None | Self::User(_) => None,
        }
    }
}

/// The viewer token under which a WebRTC session watches. That of a user's token counts for watching
/// alone: it need not be one that may be used in rooms.
fn of_session(app: &App, session: SessionId) -> Option<Pass> {
    match app.services.live.viewers().who(session)? {
        Who::Token(id) => app.watching.passes.known(id),
        Who::Nobody | Who::User(_) => None,
    }
}

async fn user_by_id(app: &App, id: UserId) -> Result<Option<User>, RoomError> {
    Ok(app.services.db.user_by_id(id).await?)
}

/// The user of a token that may be used in rooms.
async fn user(app: &App, token: &str) -> Result<User, RoomError> {
    let refusal = || {
        RoomError::new(
            RoomErrorCode::Unauthorized,
            "the token is wrong or has ended; get a new one",
        )
    };
    // Checked as if it came with a request, so that there is one place that knows tokens.
    let request = Request::builder()
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(())
        .map_err(|_| refusal())?;
    let (parts, ()) = request.into_parts();
    auth::user(app, &parts, Scope::Rooms)
        .await?
        .ok_or_else(refusal)
}

/// When a token ends; `None` for one that does not say. It was checked before: here only its claims are
/// read.
fn end_of(token: &str) -> Option<(Instant, i64)> {
    #[derive(Deserialize)]
    struct Claims {
        exp: i64,
    }
    let payload = token.split('.').nth(1)?;
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    instant(claims.exp.checked_mul(1000)?)
}

fn instant(at_ms: i64) -> Option<(Instant, i64)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let at = Duration::from_millis(u64::try_from(at_ms).ok()?);
    let at = Instant::now().checked_add(at.saturating_sub(now))?;
    Some((at, at_ms))
}
