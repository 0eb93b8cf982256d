//! Who may enter a room, who moderates it, and what may be said in it. Every chat message passes
//! [`admit`] before it is kept; `crate::engage` decides.

use weir_db::{RoomSubject, User};
use weir_protocol::room::RoomSettings;

use super::{
    Identity, Room, RoomError, Rooms,
    resolve::{self, Target},
};
use crate::engage::{self, Admission};

/// How a room is run, when somebody enters it first.
pub(super) async fn settings(rooms: &Rooms, target: &Target) -> Result<RoomSettings, RoomError> {
    let policy = rooms.engage().policies().of(target.subject).await?;
    Ok(policy.rules.settings())
}

/// Whether a user moderates the room: who runs it does, its moderators, and moderators and admins of
/// the site.
pub(super) async fn moderates(
    rooms: &Rooms,
    target: &Target,
    user: &User,
) -> Result<bool, RoomError> {
    let policy = rooms.engage().policies().of(target.subject).await?;
    Ok(engage::rank(&policy, target.owner, user).moderates())
}

/// Whether a member may be in the room. Asked when it enters, and every minute again.
///
/// # Errors
/// `NotFound` for who may not know of the room, others with what is missing.
pub(super) async fn may_enter(
    rooms: &Rooms,
    target: &Target,
    who: &Identity,
) -> Result<(), RoomError> {
    if let RoomSubject::EventSession(session) = target.subject
        && !crate::events::lets_in(rooms.db(), session, who).await?
    {
        return Err(resolve::no_such_room());
    }
    let engage = rooms.engage();
    let policy = engage.policies().of(target.subject).await?;
    engage::may_enter(engage, &policy, who)?;
    let user = who.person.as_ref().and_then(|person| person.user);
    if let (Some(owner), Some(user), false) = (target.owner, user, who.moderator)
        && rooms.db().is_blocked(owner, user).await?
    {
        return Err(resolve::no_such_room());
    }
    Ok(())
}

/// Whether a member may say this, here and now. `client_ref` names a new message, and is absent for a
/// new text of an old one.
///
/// # Errors
/// With what is in the way, and when it may be tried again.
pub(super) async fn admit(
    rooms: &Rooms,
    room: &Room,
    who: &Identity,
    text: &str,
    client_ref: Option<&str>,
) -> Result<Admission, RoomError> {
    engage::admit(rooms.engage(), rooms.db(), room, who, text, client_ref).await
}
