//! Who may do what. Pure: rows in, an answer out. What a credential may be used for is another
//! question, answered by `api/scope.rs`.

use weir_db::{Event, EventPart, Role, Stream, User};
use weir_protocol::{EventState, EventVisibility};

use crate::ApiError;

/// Whether the user may change this stream: its owner and admins may.
///
/// # Errors
/// 403.
pub(crate) fn may_change(user: &User, stream: &Stream) -> Result<(), ApiError> {
    if user.role == Role::Admin || stream.owner == Some(user.id) {
        return Ok(());
    }
    Err(ApiError::Forbidden("the stream belongs to somebody else"))
}

/// Whether the user may have streams: speakers, moderators and admins may.
///
/// # Errors
/// 403, with what is missing.
pub(crate) fn may_stream(user: &User) -> Result<(), ApiError> {
    if user.role == Role::Attendee {
        return Err(ApiError::Forbidden(
            "your account may watch and chat; ask for the role of a speaker to stream",
        ));
    }
    if !user.approved && user.role == Role::Speaker {
        return Err(ApiError::Forbidden(
            "your account waits for approval as a creator; an admin decides",
        ));
    }
    Ok(())
}

/// Whether the user administers the site.
///
/// # Errors
/// 403.
pub(crate) fn may_administer(user: &User) -> Result<(), ApiError> {
    match user.role {
        Role::Admin => Ok(()),
        _ => Err(ApiError::Forbidden("only admins may do this")),
    }
}

/// Whether the user may change this event: its owner, its co-organisers and admins may.
///
/// # Errors
/// 403.
pub(crate) fn may_organise(user: &User, event: &Event, part: EventPart) -> Result<(), ApiError> {
    if user.role == Role::Admin || event.owner == Some(user.id) || part.organises {
        return Ok(());
    }
    Err(ApiError::Forbidden("the event is organised by others"))
}

/// Whether the user may end an event for good, and say who organises it: its owner and admins may.
///
/// # Errors
/// 403.
pub(crate) fn owns_event(user: &User, event: &Event) -> Result<(), ApiError> {
    if user.role == Role::Admin || event.owner == Some(user.id) {
        return Ok(());
    }
    Err(ApiError::Forbidden("only the event's owner may do this"))
}

/// Whether somebody may see this event without an invitation.
pub(crate) fn sees_event(user: Option<&User>, event: &Event, part: EventPart) -> bool {
    let runs_it = user.is_some_and(|user| {
        may_organise(user, event, part).is_ok() || user.role == Role::Moderator
    });
    if runs_it || part.speaks {
        return true;
    }
    match (event.state, event.fields.visibility) {
        (EventState::Draft, _) => false,
        (_, EventVisibility::Public | EventVisibility::Unlisted) => true,
        (_, EventVisibility::Private) => part.attends,
    }
}

/// Whether the user sees all of this stream, whoever else may: its owner, and who keeps order on the site.
pub(crate) fn sees_all_of(user: &User, stream: &Stream) -> bool {
    matches!(user.role, Role::Admin | Role::Moderator) || stream.owner == Some(user.id)
}
