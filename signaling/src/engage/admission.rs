//! Who may enter a room, and what may be said in it. Nothing here asks the database for a message, but
//! once in a while whether somebody follows.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use weir_db::{Db, DbError, RoomId, StreamId, UserId};
use weir_protocol::room::{Emote, LinkPolicy, RoomErrorCode};

use super::{Engage, Policy, emotes, links};
use crate::{
    live,
    rooms::{Identity, Room, RoomError, Target},
};

/// For so long it is remembered that somebody follows; that somebody does not, a tenth as long.
const FOLLOWS_KNOWN: Duration = Duration::from_secs(10);

/// Follows that are remembered at most, and times of slow mode.
const REMEMBERED: usize = 50_000;

/// How a message is let through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Admission {
    /// Only its author and moderators see it.
    pub(crate) hidden: bool,
    /// Emotes in it.
    pub(crate) emotes: Vec<Emote>,
}

/// Whether a member may be in the room.
///
/// # Errors
/// `Banned`.
pub(crate) fn may_enter(engage: &Engage, policy: &Policy, who: &Identity) -> Result<(), RoomError> {
    match is_kept_out(engage, policy, who, live::now()) {
        true => Err(RoomError::new(
            RoomErrorCode::Banned,
            "you are banned from this room; ask its moderators to lift that",
        )),
        false => Ok(()),
    }
}

/// Accounts are kept out by themselves, guests by their address too. Who moderates is let in, so that
/// nobody locks them out.
pub(super) fn is_kept_out(engage: &Engage, policy: &Policy, who: &Identity, now: i64) -> bool {
    let Some(person) = &who.person else {
        return false;
    };
    if who.moderator {
        return false;
    }
    policy.held(&person.key, now).banned > 0
        || person.is_guest()
            && policy.knows_addresses()
            && policy.keeps_out(&engage.address_hash(who.address), now)
}

/// Whether a member may say this, here and now. `client_ref` is the client's name of a new message, and
/// absent for a new text of an old one, against which slow mode does not stand.
///
/// # Errors
/// With what is in the way, and when it may be tried again.
pub(crate) async fn admit(
    engage: &Engage,
    db: &Db,
    room: &Room,
    who: &Identity,
    text: &str,
    client_ref: Option<&str>,
) -> Result<Admission, RoomError> {
    let policy = engage.policies().of(room.target.subject).await?;
    let emotes = emotes::used(text, &policy.known);
    if who.moderator {
        return Ok(Admission {
            hidden: false,
            emotes,
        });
    }
    let hidden = may_write(engage, &policy, who)?;
    let rules = &policy.rules;
    if !rules.chat {
        return refuse(
            RoomErrorCode::ChatOff,
            "chat is off in this room; only moderators write",
        );
    }
    if rules.followers_only {
        follows(engage, db, &policy, &room.target, who).await?;
    }
    if rules.emotes_only && !emotes::is_only_emotes(text, &policy.known) {
        return refuse(
            RoomErrorCode::EmotesOnly,
            "only emotes and emoji may be written in this room now",
        );
    }
    check_text(&policy, text)?;
    if let Some(client_ref) = client_ref
        && rules.slow_ms > 0
    {
        let person = who.writer()?;
        let interval = Duration::from_millis(rules.slow_ms.into());
        let place = (room.id, person.key.clone());
        engage
            .inner
            .slow
            .take(place, client_ref, interval, Instant::now())?;
    }
    Ok(Admission { hidden, emotes })
}

/// Whether a member may take part at all, and whether others are not to notice.
pub(super) fn may_write(
    engage: &Engage,
    policy: &Policy,
    who: &Identity,
) -> Result<bool, RoomError> {
    let person = who.writer()?;
    if who.moderator {
        return Ok(false);
    }
    let now = live::now();
    may_enter(engage, policy, who)?;
    let held = policy.held(&person.key, now);
    if held.timed_out > 0 {
        let left = u64::try_from(held.timed_out.saturating_sub(now)).unwrap_or_default();
        let left = Duration::from_millis(left);
        let detail = format!(
            "a moderator has timed you out; you may write again in {} s",
            left.as_secs() + 1
        );
        return Err(RoomError::new(RoomErrorCode::TimedOut, detail).retry(left));
    }
    if person.is_guest() && !policy.rules.guests {
        return refuse(
            RoomErrorCode::ReadOnly,
            "this room takes no guests any more; log in to write",
        );
    }
    Ok(held.shadowed > 0)
}

/// Words and links, wherever they are written.
pub(super) fn check_text(policy: &Policy, text: &str) -> Result<(), RoomError> {
    if policy.blocked.is_in(text) {
        return refuse(
            RoomErrorCode::BlockedWord,
            "a word in it is blocked in this room; write it in another way",
        );
    }
    let allowed = match policy.rules.links {
        LinkPolicy::Allow => true,
        LinkPolicy::Moderators => links::hosts(text).is_empty(),
        LinkPolicy::Hosts => links::hosts(text)
            .iter()
            .all(|host| links::is_listed(host, &policy.rules.link_hosts)),
    };
    match allowed {
        true => Ok(()),
        false => refuse(
            RoomErrorCode::LinksNotAllowed,
            "links, or links to this site, are not allowed in this room; leave it out",
        ),
    }
}

async fn follows(
    engage: &Engage,
    db: &Db,
    policy: &Policy,
    target: &Target,
    who: &Identity,
) -> Result<(), RoomError> {
    let user = who.person.as_ref().and_then(|person| person.user);
    let since = match (user, &target.stream) {
        (Some(user), Some(stream)) => engage.inner.follows.since(db, user, stream.id).await?,
        _ => None,
    };
    let Some(since) = since else {
        return refuse(
            RoomErrorCode::FollowersOnly,
            "only followers of this stream's owner may write; follow to take part",
        );
    };
    let age = i64::try_from(policy.rules.followers_age_ms).unwrap_or(i64::MAX);
    let left = since.saturating_add(age).saturating_sub(live::now());
    match u64::try_from(left) {
        Ok(left) if left > 0 => Err(RoomError::new(
            RoomErrorCode::FollowersOnly,
            "you have not followed for long enough to write here yet",
        )
        .retry(Duration::from_millis(left))),
        _ => Ok(()),
    }
}

fn refuse<T>(code: RoomErrorCode, detail: &'static str) -> Result<T, RoomError> {
    Err(RoomError::new(code, detail))
}

type Place = (RoomId, Arc<str>);

/// When who wrote last, and under which name: what is sent again is not held back.
#[derive(Default)]
pub(super) struct Slow(Mutex<HashMap<Place, (Instant, String)>>);

impl Slow {
    fn take(
        &self,
        place: Place,
        client_ref: &str,
        interval: Duration,
        now: Instant,
    ) -> Result<(), RoomError> {
        let mut last = self.0.lock().expect("nothing panics under this lock");
        if let Some((at, name)) = last.get(&place) {
            let free = *at + interval;
            if now < free && name != client_ref {
                return Err(RoomError::new(
                    RoomErrorCode::SlowMode,
                    "slow mode is on; wait before the next message",
                )
                .retry(free - now));
            }
            if now < free {
                return Ok(());
            }
        }
        if last.len() >= REMEMBERED {
            last.retain(|_, (at, _)| now < *at + interval);
        }
        last.insert(place, (now, client_ref.to_owned()));
        Ok(())
    }
}

/// Since when who follows the owner of which stream, with the time when that was looked up.
#[derive(Default)]
pub(super) struct Follows(Mutex<HashMap<(UserId, StreamId), Looked>>);

/// When it was looked up, and since when the user follows.
type Looked = (Instant, Option<i64>);

impl Follows {
    async fn since(&self, db: &Db, user: UserId, stream: StreamId) -> Result<Option<i64>, DbError> {
        let known = {
            let known = self.0.lock().expect("nothing panics under this lock");
            known.get(&(user, stream)).copied()
        };
        if let Some((at, since)) = known {
            let lasts = match since {
                Some(_) => FOLLOWS_KNOWN,
                None => FOLLOWS_KNOWN / 10,
            };
            if at.elapsed() < lasts {
                return Ok(since);
            }
        }
        let since = db.follows_owner_since(user, stream).await?;
        let mut known = self.0.lock().expect("nothing panics under this lock");
        if known.len() >= REMEMBERED {
            known.retain(|_, (at, _)| at.elapsed() < FOLLOWS_KNOWN);
        }
        known.insert((user, stream), (Instant::now(), since));
        Ok(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_mode_holds_back_new_messages_only() {
        let slow = Slow::default();
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let room: RoomId = "1".parse().expect("an id");
        let say = |key: &str, name: &str, at| slow.take((room, key.into()), name, 5 * second, at);
        assert!(say("a", "1", start).is_ok());
        assert!(say("b", "1", start).is_ok());
        let refusal = say("a", "2", start + second).expect_err("too early");
        assert_eq!(refusal.code, RoomErrorCode::SlowMode);
        assert_eq!(refusal.retry_after, Some(4 * second));
        assert!(say("a", "1", start + 2 * second).is_ok(), "sent again");
        assert!(say("a", "2", start + 5 * second).is_ok());
        assert!(say("a", "3", start + 6 * second).is_err());
    }
}
