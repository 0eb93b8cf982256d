//! Reactions: of the moment, and on messages.

use std::sync::Arc;

use weir_db::DbError;
use weir_protocol::room::{MESSAGE_REACTIONS_MAX, MessageId, RoomErrorCode};

use super::{
    Policy,
    admission::may_write,
    emotes,
    visit::{bad, missing},
};
use crate::{
    App,
    insight::Said,
    rooms::{Identity, Room, RoomError},
};

/// Shows a reaction to everybody for a moment, with all others of the half second.
pub(super) async fn react(
    app: &App,
    room: &Arc<Room>,
    who: &Identity,
    emoji: &str,
) -> Result<(), RoomError> {
    let person = who.writer()?;
    let engage = app.rooms.engage();
    let policy = engage.policies().of(room.target.subject).await?;
    let shadowed = may_write(engage, &policy, who)?;
    check(&policy, emoji)?;
    engage.limits().reaction(room.id, person)?;
    if !shadowed {
        engage.windows().reaction(room, emoji);
        let figures = app.services.live.audience();
        figures.said(room.target.subject, person.user, Said::Reaction);
    }
    Ok(())
}

/// Puts a reaction on a message, or takes it off.
pub(super) async fn react_to(
    app: &App,
    room: &Arc<Room>,
    who: &Identity,
    message: MessageId,
    emoji: &str,
    on: bool,
) -> Result<(), RoomError> {
    let person = who.writer()?;
    let engage = app.rooms.engage();
    let policy = engage.policies().of(room.target.subject).await?;
    let shadowed = may_write(engage, &policy, who)?;
    // An emote that is gone may still be taken off.
    if on {
        check(&policy, emoji)?;
    }
    engage.limits().action(room.id, person)?;
    if shadowed {
        return Ok(());
    }
    let db = &app.services.db;
    let most = MESSAGE_REACTIONS_MAX;
    match db
        .react_to_message(room.id, message, &person.key, emoji, on, most)
        .await
    {
        Ok(true) => {
            engage.windows().message(room, message);
            Ok(())
        }
        Ok(false) => Ok(()),
        Err(DbError::NotFound { .. }) => Err(missing("there is no such message")),
        Err(DbError::Conflict { .. }) => Err(RoomError::new(
            RoomErrorCode::Conflict,
            "the message has 20 different reactions already; use one of them",
        )),
        Err(error) => Err(error.into()),
    }
}

fn check(policy: &Policy, emoji: &str) -> Result<(), RoomError> {
    match emotes::is_reaction(emoji, &policy.known) {
        true => Ok(()),
        false => Err(bad(
            "a reaction is an emoji, or the code of an emote of this room between colons",
        )),
    }
}
