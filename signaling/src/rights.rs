//! Who may do what. Pure: rows in, an answer out. What a credential may be used for is another
//! question, answered by `api/scope.rs`.

use weir_db::{Role, Stream, User};

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

/// Whether the user sees all of this stream, whoever else may: its owner, and who keeps order on the site.
pub(crate) fn sees_all_of(user: &User, stream: &Stream) -> bool {
    matches!(user.role, Role::Admin | Role::Moderator) || stream.owner == Some(user.id)
}
