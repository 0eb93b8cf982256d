//! Who stands where in which room, for whoever asks over HTTP or in the room.

use std::{
    borrow::Cow,
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use weir_db::{RoomId, RoomSubject, User};
use weir_protocol::room::{REASON_MAX, RoomErrorCode};

use super::{Engage, rank, rank::Rank};
use crate::{
    ApiError, App,
    rooms::{Identity, Person, Room, RoomError, Target},
    watching::Viewer,
};

/// Somebody with an account, and where they stand in a room.
pub(super) struct Actor {
    pub(super) user: User,
    pub(super) rank: Rank,
}

impl Actor {
    /// # Errors
    /// `Forbidden`.
    pub(super) fn must_moderate(&self) -> Result<(), RoomError> {
        match self.rank.moderates() {
            true => Ok(()),
            false => Err(only_moderators()),
        }
    }
}

/// Somebody on whom one may act.
pub(super) struct Subject {
    pub(super) key: String,
    /// As clients know them.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) user: Option<User>,
    pub(super) rank: Rank,
}

/// A visit of a room over HTTP.
pub(super) struct Visit {
    pub(super) target: Target,
    pub(super) who: Identity,
    actor: Option<Actor>,
}

impl Visit {
    /// Comes to the room of a stream.
    ///
    /// # Errors
    /// 404 for a stream that is not there for this user; 403 for who is banned.
    pub(super) async fn of(
        app: &App,
        slug: &str,
        user: Option<User>,
        address: IpAddr,
    ) -> Result<Self, ApiError> {
        let viewer = user.clone().map_or(Viewer::Nobody, Viewer::User);
        let target = Target::of_stream(app.watchable(slug, &viewer).await?);
        let engage = app.rooms.engage();
        let policy = engage.policies().of(target.subject).await?;
        let actor = user.map(|user| Actor {
            rank: rank(&policy, target.owner, &user),
            user,
        });
        let who = Identity {
            person: actor.as_ref().map(|actor| Person::of_user(&actor.user)),
            moderator: actor.as_ref().is_some_and(|actor| actor.rank.moderates()),
            address,
        };
        super::may_enter(engage, &policy, &who)?;
        Ok(Self { target, who, actor })
    }

    /// # Errors
    /// 401 without an account.
    pub(super) fn actor(&self) -> Result<&Actor, ApiError> {
        self.actor
            .as_ref()
            .ok_or(ApiError::NoCredentials("log in first"))
    }

    /// # Errors
    /// 401 and 403.
    pub(super) fn moderator(&self) -> Result<&Actor, ApiError> {
        let actor = self.actor()?;
        actor.must_moderate()?;
        Ok(actor)
    }

    /// # Errors
    /// 401 and 403 for all but the owner and admins.
    pub(super) fn runner(&self) -> Result<&Actor, ApiError> {
        let actor = self.actor()?;
        match actor.rank.runs() {
            true => Ok(actor),
            false => Err(ApiError::Forbidden(
                "only the room's owner and admins may do this",
            )),
        }
    }

    /// The room, when anybody was ever in it. For reading.
    pub(super) async fn row(&self, app: &App) -> Result<Option<RoomId>, ApiError> {
        let row = app.services.db.room_of(self.target.subject).await?;
        Ok(row.map(|row| row.id))
    }

    /// The room. For changing.
    pub(super) async fn room(&self, app: &App) -> Result<Arc<Room>, ApiError> {
        Ok(app.rooms.open(&self.target).await?)
    }
}

/// Who asks in a room, looked up anew: a role may have changed since they came.
///
/// # Errors
/// `Forbidden` for who has no account.
pub(super) async fn actor(app: &App, target: &Target, who: &Identity) -> Result<Actor, RoomError> {
    let person = who.writer()?;
    let name = person
        .id
        .strip_prefix("user:")
        .ok_or_else(only_moderators)?;
    let user = app.services.db.user_by_name(name).await?;
    let user = user.ok_or_else(only_moderators)?;
    let policy = app.rooms.engage().policies().of(target.subject).await?;
    Ok(Actor {
        rank: rank(&policy, target.owner, &user),
        user,
    })
}

/// The member with this id.
///
/// # Errors
/// `NotFound`.
pub(super) async fn subject(
    app: &App,
    target: &Target,
    member: &str,
) -> Result<Subject, RoomError> {
    let engage = app.rooms.engage();
    if let Some(name) = member.strip_prefix("user:") {
        let user = app.services.db.user_by_name(name).await?;
        let user = user.ok_or_else(|| missing("there is no such member"))?;
        let policy = engage.policies().of(target.subject).await?;
        let person = Person::of_user(&user);
        return Ok(Subject {
            key: person.key.to_string(),
            id: person.id,
            name: person.name,
            rank: rank(&policy, target.owner, &user),
            user: Some(user),
        });
    }
    let code = member.strip_prefix("guest:").unwrap_or_default();
    if code.len() != 16 || !code.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(RoomError::new(
            RoomErrorCode::BadMessage,
            "a member is told by user:<name> or guest:<code>, as in the author of a message",
        ));
    }
    let known = engage.guests().find(target.subject, member);
    Ok(Subject {
        key: member.to_owned(),
        id: member.to_owned(),
        name: known.map_or_else(|| "guest".to_owned(), |known| known.name),
        user: None,
        rank: Rank::Member,
    })
}

/// A reason as it is kept: one line.
///
/// # Errors
/// `BadMessage`.
pub(super) fn reason(text: Option<&str>) -> Result<String, RoomError> {
    let text = text.unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() > REASON_MAX || text.chars().any(char::is_control) {
        return Err(bad(
            "a reason has up to 300 characters and no control characters",
        ));
    }
    Ok(text)
}

pub(super) fn bad(detail: impl Into<Cow<'static, str>>) -> RoomError {
    RoomError::new(RoomErrorCode::BadMessage, detail)
}

pub(super) fn missing(detail: &'static str) -> RoomError {
    RoomError::new(RoomErrorCode::NotFound, detail)
}

fn only_moderators() -> RoomError {
    RoomError::new(
        RoomErrorCode::Forbidden,
        "only moderators of the room may do this",
    )
}

/// Guests who came lately, so that one who has left can be banned by address.
#[derive(Default)]
pub(crate) struct Guests(Mutex<HashMap<(RoomSubject, Arc<str>), Guest>>);

/// A guest as it came last.
#[derive(Debug, Clone)]
pub(super) struct Guest {
    pub(super) name: String,
    pub(super) address_hash: String,
    at: Instant,
}

impl Guests {
    /// Guests remembered at most: beyond it, those who came more than an hour ago are forgotten, and
    /// when there are none, all.
    const MOST: usize = 20_000;
    const LONG_AGO: Duration = Duration::from_secs(60 * 60);

    pub(crate) fn note(&self, engage: &Engage, subject: RoomSubject, who: &Identity) {
        let Some(person) = who.person.as_ref().filter(|person| person.is_guest()) else {
            return;
        };
        let guest = Guest {
            name: person.name.clone(),
            address_hash: engage.address_hash(who.address),
            at: Instant::now(),
        };
        let mut guests = self.0.lock().expect("nothing panics under this lock");
        if guests.len() >= Self::MOST {
            guests.retain(|_, guest| guest.at.elapsed() < Self::LONG_AGO);
        }
        if guests.len() >= Self::MOST {
            guests.clear();
        }
        guests.insert((subject, person.key.clone()), guest);
    }

    pub(super) fn find(&self, subject: RoomSubject, key: &str) -> Option<Guest> {
        let guests = self.0.lock().expect("nothing panics under this lock");
        guests.get(&(subject, key.into())).cloned()
    }
}

/// What a room refuses, over HTTP.
impl From<RoomError> for ApiError {
    fn from(error: RoomError) -> Self {
        use RoomErrorCode as Code;
        let fixed = |otherwise| match &error.detail {
            Cow::Borrowed(text) => *text,
            Cow::Owned(_) => otherwise,
        };
        match error.code {
            Code::BadMessage | Code::TooLarge | Code::UnsupportedVersion => {
                Self::BadRequest(error.detail.into_owned())
            }
            Code::NotJoined | Code::NotFound => {
                let what = fixed("thing in this room");
                Self::NotFound(
                    what.strip_prefix("there is no such ")
                        .unwrap_or("thing in this room"),
                )
            }
            Code::Unauthorized => Self::BadCredentials("the token is wrong or has ended"),
            Code::TooFast | Code::SlowMode | Code::TimedOut => {
                Self::TooManyRequests(error.retry_after.unwrap_or(Duration::from_secs(1)))
            }
            Code::TooManyPinned | Code::Conflict | Code::NotEditable => {
                Self::Conflict(error.detail.into_owned())
            }
            Code::Unavailable | Code::RoomFull => Self::Unavailable(error.detail.into_owned()),
            Code::Forbidden
            | Code::ReadOnly
            | Code::ChatOff
            | Code::Banned
            | Code::FollowersOnly
            | Code::EmotesOnly
            | Code::BlockedWord
            | Code::LinksNotAllowed => Self::Forbidden(fixed("this room does not allow it")),
        }
    }
}
