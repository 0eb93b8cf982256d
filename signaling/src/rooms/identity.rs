//! Who a member is, and by which credential.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use weir_db::{User, UserId};
use weir_protocol::{
    Scope,
    room::{Author, Member, NICKNAME_MAX, RoomErrorCode},
};

use weir_sfu::SessionId;

use super::{RoomError, text};
use crate::{
    App,
    auth::{self, Watch},
    watching::{Pass, Viewer, Who},
};

/// Bytes of a guest's secret.
const SECRET_BYTES: usize = 16;

/// Characters of a guest's secret that a client may say.
const SECRET_CHARS: std::ops::RangeInclusive<usize> = 22..=64;

/// Somebody with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// `user:<id>` or `guest:<code>`: stays when the user is renamed. Not told to clients.
    pub(crate) key: Arc<str>,
    /// `user:<name>` or `guest:<code>`, as clients know this person.
    pub(crate) id: String,
    /// The name to show.
    pub(crate) name: String,
    /// The user, when it is one.
    pub(crate) user: Option<UserId>,
}

impl Person {
    pub(crate) fn is_guest(&self) -> bool {
        self.user.is_none()
    }

    pub(crate) fn of_user(user: &User) -> Self {
        Self {
            key: format!("user:{}", user.id).into(),
            id: format!("user:{}", user.name),
            name: user
                .display_name
                .clone()
                .unwrap_or_else(|| user.name.clone()),
            user: Some(user.id),
        }
    }

    /// Who came in by a viewer token: the user whose it is, or a guest who is the same one by the same token.
    pub(crate) async fn of_pass(app: &App, pass: &Pass) -> Result<Self, RoomError> {
        if let Some(user) = pass.user() {
            let user = app.services.db.user_by_id(user).await?;
            if let Some(user) = user.filter(|user| user.disabled_at.is_none()) {
                return Ok(Self::of_user(&user));
            }
        }
        let key = pass.room_key();
        Ok(Self {
            id: key.clone(),
            key: key.into(),
            name: pass.nickname().unwrap_or("guest").to_owned(),
            user: None,
        })
    }

    fn of_guest(nickname: String, secret: &str) -> Self {
        let digest = Sha256::digest(format!("weir guest {secret}"));
        let code: String = digest[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let key = format!("guest:{code}");
        Self {
            key: key.as_str().into(),
            id: key,
            name: nickname,
            user: None,
        }
    }
}

/// Who a member is in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Nobody in particular reads only.
    pub(crate) person: Option<Person>,
    /// Moderates the room.
    pub(crate) moderator: bool,
    /// Where the connection comes from. Never stored, other than hashed.
    pub(crate) address: IpAddr,
}

impl Identity {
    pub(crate) fn key(&self) -> Option<&Arc<str>> {
        self.person.as_ref().map(|person| &person.key)
    }

    /// Whoever writes must have a name.
    pub(crate) fn writer(&self) -> Result<&Person, RoomError> {
        self.person.as_ref().ok_or_else(|| {
            RoomError::new(
                RoomErrorCode::ReadOnly,
                "you only read here; join with a token, or with a nickname where the room takes guests",
            )
        })
    }

    pub(super) fn author(&self, person: &Person) -> Author {
        Author {
            id: Some(person.id.clone()),
            name: person.name.clone(),
            guest: person.is_guest(),
            moderator: self.moderator,
        }
    }

    pub(super) fn member(&self, person: &Person) -> Member {
        Member {
            id: person.id.clone(),
            name: person.name.clone(),
            guest: person.is_guest(),
            moderator: self.moderator,
        }
    }
}

/// The user of a token that may be used in rooms.
///
/// # Errors
/// As for a request with this token.
pub(super) async fn user(app: &App, token: &str) -> Result<User, RoomError> {
    let caller = auth::token_user(app, token, Scope::Rooms).await?;
    Ok(caller.user)
}

/// Watches what the token goes by, which may end before the token does.
///
/// # Errors
/// As for a request with this token.
pub(super) async fn watch(app: &App, token: &str) -> Result<Watch, RoomError> {
    let caller = auth::token_user(app, token, Scope::Rooms).await?;
    Ok(app.watch(caller.credential))
}

/// Whose a token is: a user's that may be used in rooms, or a viewer token; nobody's without one, unless
/// the WebRTC session was opened by a viewer token. A user's token counts for watching alone then: it need
/// not be one that may be used in rooms.
///
/// # Errors
/// As for a request with this token.
pub(super) async fn viewer(
    app: &App,
    token: Option<&str>,
    session: Option<SessionId>,
) -> Result<Viewer, RoomError> {
    let Some(token) = token else {
        let who = session.and_then(|session| app.services.live.viewers().who(session));
        let pass = who
            .and_then(Who::token)
            .and_then(|id| app.watching.passes.known(id));
        return Ok(pass.map_or(Viewer::Nobody, Viewer::Token));
    };
    if let Some(pass) = app.pass(token).await? {
        return Ok(Viewer::Token(pass));
    }
    user(app, token).await.map(Viewer::User)
}

/// When a token ends; `None` for one that does not say. It was checked before: here only its claims are
/// read.
pub(super) fn end_of(token: &str) -> Option<(Instant, i64)> {
    #[derive(Deserialize)]
    struct Claims {
        exp: u64,
    }
    let payload = token.split('.').nth(1)?;
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let left = Duration::from_secs(claims.exp).saturating_sub(now);
    let at = Instant::now().checked_add(left)?;
    Some((at, i64::try_from(claims.exp.checked_mul(1000)?).ok()?))
}

/// A guest by nickname, with the secret by which it is the same one next time.
pub(super) fn guest(nickname: &str, secret: Option<&str>) -> Result<(Person, String), RoomError> {
    let bad = |detail: &'static str| RoomError::new(RoomErrorCode::BadMessage, detail);
    let nickname = text::line(nickname);
    let chars = nickname.chars().count();
    if chars == 0 || chars > NICKNAME_MAX || nickname.chars().any(char::is_control) {
        return Err(bad(
            "a nickname has 1 to 32 characters and no control characters",
        ));
    }
    let secret = match secret {
        Some(secret) if SECRET_CHARS.contains(&secret.len()) => secret.to_owned(),
        Some(_) => return Err(bad("guest_secret is not one that the server gave")),
        None => URL_SAFE_NO_PAD.encode(rand::random::<[u8; SECRET_BYTES]>()),
    };
    Ok((Person::of_guest(nickname, &secret), secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_the_same_by_its_secret_only() {
        let (first, secret) = guest(" Zoë ", None).expect("guest");
        assert_eq!(first.name, "Zoë");
        let (again, _) = guest("Zoë", Some(&secret)).expect("guest");
        assert_eq!(first, again);
        let (other, _) = guest("Zoë", None).expect("guest");
        assert_ne!(first.key, other.key);
        assert!(!first.key.contains(&secret));
        for bad in ["", "  ", "a\u{7}b", &"x".repeat(33)] {
            assert!(guest(bad, None).is_err(), "{bad:?}");
        }
        assert!(guest("a", Some("short")).is_err());
    }
}
