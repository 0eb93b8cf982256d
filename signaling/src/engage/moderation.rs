//! Keeping order: bans, purges, deletions, moderators.

use std::sync::Arc;

use weir_db::{ChatRow, NewBanRow};
use weir_protocol::room::{
    BanId, BanKind, MODERATORS_MAX, NewBan, Purge, RoomErrorCode, SetModerator, TIMEOUT_MAX_S,
    Unban,
};

use super::{
    audit::{self, Object},
    rank::{may_act_on, rank},
    visit::{Actor, Subject, bad, missing, reason, subject},
};
use crate::{
    App,
    happenings::{Happening, Member},
    live,
    rooms::{Room, RoomError},
};

/// Keeps somebody quiet. A ban ends their membership at once.
pub(super) async fn ban(
    app: &App,
    room: &Arc<Room>,
    actor: &Actor,
    new: &NewBan,
) -> Result<BanId, RoomError> {
    actor.must_moderate()?;
    let why = reason(new.reason.as_deref())?;
    let ends_at = ends_at(new)?;
    let target = subject(app, &room.target, &new.member).await?;
    may_act_on(actor.rank, target.rank)?;
    let row = NewBanRow {
        room: room.id,
        kind: new.kind,
        user: target.user.as_ref().map(|user| user.id),
        name: target.name.clone(),
        address_hash: address_of(app, room, &target, new.kind),
        reason: why.clone(),
        by: actor.user.id,
        ends_at,
        member_key: target.key.clone(),
    };
    let id = app.services.db.add_ban(&row).await?;
    refresh(app, room).await?;
    let action = new.kind.as_str();
    audit::log(
        app,
        room,
        actor,
        action,
        Object::new(&target.id, &target.name).because(&why),
    )
    .await?;
    // A shadow ban is not told to anybody.
    if new.kind != BanKind::Shadow {
        let happening = Happening::RoomUserBanned {
            room: room.target.clone(),
            kind: new.kind,
            member: Member {
                id: Some(target.id),
                name: target.name,
            },
            moderator: Member {
                id: Some(format!("user:{}", actor.user.name)),
                name: actor.user.name.clone(),
            },
            until: ends_at,
        };
        app.services.live.bus().emit(happening).await;
    }
    Ok(id)
}

/// Lifts what keeps somebody quiet.
pub(super) async fn unban(
    app: &App,
    room: &Arc<Room>,
    actor: &Actor,
    unban: &Unban,
) -> Result<(), RoomError> {
    actor.must_moderate()?;
    let target = subject(app, &room.target, &unban.member).await?;
    // Else a moderator could lift what the owner has said about themselves.
    may_act_on(actor.rank, target.rank)?;
    let lifted = app
        .services
        .db
        .lift_bans(room.id, &target.key, unban.kind)
        .await?;
    if lifted == 0 {
        return Err(missing("there is no such ban"));
    }
    refresh(app, room).await?;
    audit::log(
        app,
        room,
        actor,
        "unban",
        Object::new(target.id, target.name),
    )
    .await
}

/// Deletes all messages of somebody.
pub(super) async fn purge(
    app: &App,
    room: &Arc<Room>,
    actor: &Actor,
    purge: &Purge,
) -> Result<(), RoomError> {
    actor.must_moderate()?;
    let why = reason(purge.reason.as_deref())?;
    let target = subject(app, &room.target, &purge.member).await?;
    may_act_on(actor.rank, target.rank)?;
    app.rooms
        .purge(room, target.key.as_str().into(), target.id.clone())
        .await?;
    audit::log(
        app,
        room,
        actor,
        "purge",
        Object::new(target.id, target.name).because(&why),
    )
    .await
}

/// Whether a moderator may delete this message of somebody else; it is written down when so.
pub(super) async fn deletes(
    app: &App,
    room: &Room,
    actor: &Actor,
    row: &ChatRow,
    why: Option<&str>,
) -> Result<(), RoomError> {
    actor.must_moderate()?;
    let why = reason(why)?;
    let author = row.message.author.id.as_deref();
    // The author may be gone; what they left may be deleted.
    if let Some(author) = author
        && let Ok(target) = subject(app, &room.target, author).await
    {
        may_act_on(actor.rank, target.rank)?;
    }
    let mut object = Object::new(row.message.id, &row.message.author.name).because(&why);
    object.name = author.map(str::to_owned).or(object.name);
    audit::log(app, room, actor, "delete", object).await
}

/// Makes somebody a moderator, or takes that back.
pub(super) async fn set_moderator(
    app: &App,
    room: &Arc<Room>,
    actor: &Actor,
    set: &SetModerator,
) -> Result<(), RoomError> {
    if !actor.rank.runs() {
        return Err(RoomError::new(
            RoomErrorCode::Forbidden,
            "only the room's owner and admins choose its moderators",
        ));
    }
    let db = &app.services.db;
    let user = db.user_by_name(&set.name).await?;
    let user = user.ok_or_else(|| missing("there is no such user"))?;
    let engage = app.rooms.engage();
    let policy = engage.policies().of(room.target.subject).await?;
    let action = if set.moderator {
        let stands = rank(&policy, room.target.owner, &user);
        if stands > super::rank::Rank::Moderator {
            return Err(RoomError::new(
                RoomErrorCode::Conflict,
                "this user moderates the room anyway",
            ));
        }
        if policy.moderators.len() >= MODERATORS_MAX && !policy.moderators.contains(&user.id) {
            return Err(RoomError::new(
                RoomErrorCode::Conflict,
                "a room has up to 100 moderators; remove one first",
            ));
        }
        db.add_room_moderator(room.id, user.id).await?;
        "add_moderator"
    } else {
        if !db.remove_room_moderator(room.id, user.id).await? {
            return Err(missing("there is no such moderator"));
        }
        "remove_moderator"
    };
    refresh(app, room).await?;
    let object = Object::new(format!("user:{}", user.name), user.name);
    audit::log(app, room, actor, action, object).await
}

/// What was changed acts from now on.
pub(super) async fn refresh(app: &App, room: &Room) -> Result<(), RoomError> {
    let policies = app.rooms.engage().policies();
    Ok(policies.changed(&app.rooms, room.target.subject).await?)
}

fn ends_at(new: &NewBan) -> Result<Option<i64>, RoomError> {
    match (new.kind, new.seconds) {
        (BanKind::Timeout, None) => Err(bad("a timeout needs seconds: 1 to 1209600")),
        (_, None) => Ok(None),
        (_, Some(seconds @ 1..=TIMEOUT_MAX_S)) => Ok(Some(live::now() + i64::from(seconds) * 1000)),
        (_, Some(_)) => Err(bad("seconds is a number from 1 to 1209600")),
    }
}

/// Where a member to ban comes from, as far as that is known.
fn address_of(app: &App, room: &Room, target: &Subject, kind: BanKind) -> Option<String> {
    if kind != BanKind::Ban {
        return None;
    }
    let engage = app.rooms.engage();
    let here = room.address_of(&target.key);
    let here = here.map(|address| engage.address_hash(address));
    here.or_else(|| {
        let guest = engage.guests().find(room.target.subject, &target.key)?;
        Some(guest.address_hash)
    })
}
