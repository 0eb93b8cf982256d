//! Who may enter a room, who moderates it, and what may be said in it. Every chat message passes
//! [`admit`] before it is kept; this is where moderation has its say.

use weir_db::{Role, User};
use weir_protocol::room::RoomSettings;

use super::{Identity, Room, RoomError, Rooms, resolve::Target};

/// How a message is let through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Admission {
    /// Only its author and moderators see it.
    pub(super) hidden: bool,
}

/// How a room is run, when somebody enters it first.
pub(super) async fn settings(_rooms: &Rooms, _target: &Target) -> Result<RoomSettings, RoomError> {
    Ok(RoomSettings::default())
}

/// Whether a user moderates the room: who runs it does, and moderators and admins of the site.
pub(super) async fn moderates(
    _rooms: &Rooms,
    target: &Target,
    user: &User,
) -> Result<bool, RoomError> {
    let of_the_site = matches!(user.role, Role::Admin | Role::Moderator);
    Ok(of_the_site || target.owner == Some(user.id))
}

/// Whether a member may be in the room. Asked when it enters, and every minute again.
///
/// # Errors
/// `NotFound` for who may not know of the room, others with what is missing.
pub(super) async fn may_enter(
    _rooms: &Rooms,
    _target: &Target,
    _who: &Identity,
) -> Result<(), RoomError> {
    Ok(())
}

/// Whether a member may say this, here and now; for new messages and for new texts of old ones.
///
/// # Errors
/// With what is in the way, and when it may be tried again.
pub(super) async fn admit(
    _rooms: &Rooms,
    _room: &Room,
    _who: &Identity,
    _text: &str,
) -> Result<Admission, RoomError> {
    Ok(Admission::default())
}
