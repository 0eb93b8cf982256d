//! What members ask for.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use weir_db::{ChatChange, ChatReader, ChatRow, User, excerpt};
use weir_protocol::room::{
    Ack, AskHistory, AskMembers, ClientMessage, CloseReason, EDIT_WINDOW_MS, EditMessage,
    HISTORY_ON_JOIN, HISTORY_PAGE_MAX, Join, Joined, Members, MessageId, ROOM_PROTOCOL, Ready,
    ReplyTo, RoomErrorCode, SendMessage, ServerMessage, You,
};

use super::{
    RoomError,
    error::unavailable,
    feed::{Frame, pack_history, shown},
    history,
    identity::{self, Identity, Person},
    member::{Membership, Origin, Outcome, Seat, TransportKind, recheck_after},
    policy, resolve,
    room::{Attached, Room, Start},
    text,
    writer::{Done, Draft},
};
use crate::{
    App, engage,
    happenings::{Happening, Member as Told},
    live,
    watching::Viewer,
};

/// Enters a room.
pub(super) async fn join(
    app: Arc<App>,
    origin: Arc<Origin>,
    kind: TransportKind,
    r#ref: Option<String>,
    join: Join,
) -> Outcome {
    match enter(&app, &origin, kind, r#ref.clone(), join).await {
        Ok(outcome) => outcome,
        Err(error) => refused(&app, error, r#ref),
    }
}

async fn enter(
    app: &App,
    origin: &Origin,
    kind: TransportKind,
    r#ref: Option<String>,
    join: Join,
) -> Result<Outcome, RoomError> {
    let rooms = &app.rooms;
    if join
        .protocol
        .is_some_and(|version| version != ROOM_PROTOCOL)
    {
        return Err(RoomError::new(
            RoomErrorCode::UnsupportedVersion,
            format!("this server speaks version {ROOM_PROTOCOL} of the room protocol"),
        ));
    }
    rooms.limits().join(origin.address)?;
    if rooms.draining().is_cancelled() {
        return Err(unavailable());
    }
    let target = resolve::find(app, &join.room).await?;
    let token = join.token.or_else(|| origin.token.clone());
    let viewer = identity::viewer(app, token.as_deref(), origin.session).await?;
    may_watch(app, &target, &viewer).await?;
    let mut guest_secret = None;
    let person = match (&viewer, &join.nickname) {
        (Viewer::User(user), _) => Some(Person::of_user(user)),
        (Viewer::Token(pass), _) => Some(Person::of_pass(app, pass).await?),
        (Viewer::Nobody, None) => None,
        (Viewer::Nobody, Some(nickname)) => {
            let (person, secret) = identity::guest(nickname, join.guest_secret.as_deref())?;
            guest_secret = Some(secret);
            Some(person)
        }
    };
    let identity = Arc::new(Identity {
        moderator: moderates(app, &target, viewer.user()).await?,
        person,
        address: origin.address,
    });
    policy::may_enter(rooms, &target, &identity).await?;
    let engage = rooms.engage();
    engage.guests().note(engage, target.subject, &identity);
    let room = rooms.open(&target).await?;
    if guest_secret.is_some() && !room.settings().guests {
        return Err(RoomError::new(
            RoomErrorCode::ReadOnly,
            "this room takes no guests; log in to write, or join without a nickname to read",
        ));
    }
    let Attached {
        seat,
        batches,
        ended,
        start,
        snapshot,
    } = room.attach(&identity, join.since, rooms.config().max_members)?;
    let seat = Seat::taken(rooms.clone(), room.clone(), seat, kind);
    let position = snapshot.position;
    let start = history::since(rooms.db(), &room, &identity, start, position).await?;
    let resumed = matches!(start, Start::Events(_));
    let counts = rooms.counts();
    counts.joins.fetch_add(1, Ordering::Relaxed);
    counts.resumed.fetch_add(resumed.into(), Ordering::Relaxed);
    let end = token.as_deref().and_then(identity::end_of);
    let watch = match (&viewer, token.as_deref()) {
        (Viewer::User(_), Some(token)) => Some(identity::watch(app, token).await?),
        _ => None,
    };
    let person = identity.person.as_ref();
    let joined = ServerMessage::Joined(Box::new(Joined {
        r#ref,
        room: target.name.clone(),
        protocol: ROOM_PROTOCOL,
        you: You {
            id: person.map(|person| person.id.clone()),
            name: person.map(|person| person.name.clone()),
            guest_secret,
            may_send: person.is_some(),
            moderator: identity.moderator,
            until: end.map(|(_, until)| until),
        },
        resumed,
        settings: snapshot.settings,
        presence: snapshot.presence,
        typing: snapshot.typing,
        pinned: snapshot.pinned,
        stream: snapshot.stream,
        limits: rooms.config().told(),
        polls: engage.windows().open_polls(rooms.db(), room.id).await?,
        emotes: engage.policies().of(target.subject).await?.emotes(),
    }));
    let mut frames = vec![Frame::of(&joined)];
    match start {
        Start::Events(events) => frames.extend(events),
        Start::Fresh(messages, more) => {
            let before = history::cursor(&messages, more);
            frames.extend(pack_history(messages, before, None));
        }
        Start::Database { .. } => return Err(unavailable()),
    }
    // Who moderated before may have seen more than it now would be told.
    let seq = position.max(join.since.filter(|_| resumed).unwrap_or(0));
    frames.push(Frame::of(&ServerMessage::Ready(Ready { seq })));
    let membership = Membership {
        room,
        identity,
        batches,
        ended,
        position,
        token,
        until: end.map(|(at, _)| at),
        watch,
        recheck_at: recheck_after(Instant::now()),
        _seat: seat,
    };
    // Taken back while the seat was being taken.
    if viewer.over().is_cancelled() {
        return Err(RoomError::from(crate::ApiError::BadCredentials(
            "the viewer token was taken back",
        )));
    }
    Ok(Outcome::Joined(Box::new(membership), frames))
}

/// Whoever may not see a stream does not know of its room.
async fn may_watch(app: &App, target: &resolve::Target, viewer: &Viewer) -> Result<(), RoomError> {
    match &target.stream {
        Some(stream) => Ok(app.check_watchable(stream, viewer).await?),
        None => Ok(()),
    }
}

async fn moderates(
    app: &App,
    target: &resolve::Target,
    user: Option<&User>,
) -> Result<bool, RoomError> {
    match user {
        Some(user) => policy::moderates(&app.rooms, target, user).await,
        None => Ok(false),
    }
}

/// A newer token of the same user.
pub(super) async fn renew(
    app: Arc<App>,
    identity: Arc<Identity>,
    r#ref: Option<String>,
    token: String,
) -> Outcome {
    let whose = async {
        let user = identity::user(&app, &token).await?;
        match identity.key() == Some(&Person::of_user(&user).key) {
            true => Ok(()),
            false => Err(RoomError::new(
                RoomErrorCode::Unauthorized,
                "the token is somebody else's; join again with it",
            )),
        }
    };
    match whose.await {
        Ok(()) => Outcome::Renewed {
            until: identity::end_of(&token).map(|(at, _)| at),
            token,
            frames: vec![ack(r#ref, None)],
        },
        Err(error) => refused(&app, error, r#ref),
    }
}

/// Whether a member may still be here, as who it is.
pub(super) async fn recheck(
    app: Arc<App>,
    room: Arc<Room>,
    identity: Arc<Identity>,
    token: Option<String>,
    origin: Arc<Origin>,
) -> Outcome {
    let check = async {
        let viewer = identity::viewer(&app, token.as_deref(), origin.session).await?;
        // As it is now: its visibility may have changed.
        let target = resolve::find(&app, &room.target.name).await?;
        may_watch(&app, &target, &viewer).await?;
        policy::may_enter(&app.rooms, &room.target, &identity).await?;
        moderates(&app, &room.target, viewer.user()).await
    };
    let verdict = match check.await {
        Ok(moderator) if moderator == identity.moderator => Ok(()),
        Ok(_) => Err((
            CloseReason::Changed,
            "what you may do here has changed; join again".to_owned(),
        )),
        Err(error) => match error.code {
            RoomErrorCode::Unauthorized => Err((CloseReason::Revoked, error.detail.into_owned())),
            // The database does not answer: no reason to throw anybody out.
            RoomErrorCode::Unavailable => Ok(()),
            RoomErrorCode::Banned => Err((CloseReason::Banned, error.detail.into_owned())),
            _ => Err((CloseReason::Forbidden, error.detail.into_owned())),
        },
    };
    Outcome::Rechecked(verdict)
}

/// Everything else. One arm for each thing that can be asked for.
pub(super) async fn handle(
    app: Arc<App>,
    room: Arc<Room>,
    who: Arc<Identity>,
    r#ref: Option<String>,
    message: ClientMessage,
) -> Outcome {
    let name = r#ref.clone();
    let done = match message {
        ClientMessage::Send(message) => send(&app, &room, &who, r#ref, message).await,
        ClientMessage::Edit(message) => edit(&app, &room, &who, message)
            .await
            .map(|done| vec![ack(r#ref, Some(done))]),
        ClientMessage::Delete(message) => delete(&app, &room, &who, message.id, None)
            .await
            .map(|done| vec![ack(r#ref, Some(done))]),
        ClientMessage::Pin(message) => {
            let change = ChatChange::Pin { at: live::now() };
            pin(&app, &room, &who, message.id, change)
                .await
                .map(|done| vec![ack(r#ref, Some(done))])
        }
        ClientMessage::Unpin(message) => pin(&app, &room, &who, message.id, ChatChange::Unpin)
            .await
            .map(|done| vec![ack(r#ref, Some(done))]),
        ClientMessage::History(ask) => page(&app, &room, &who, r#ref, ask).await,
        ClientMessage::Members(ask) => members(&room, r#ref, ask),
        // These are the connection's own matters.
        ClientMessage::Join(_)
        | ClientMessage::Renew(_)
        | ClientMessage::Leave {}
        | ClientMessage::Typing {}
        | ClientMessage::Ping {} => Ok(Vec::new()),
        other => engage::handle(&app, &room, &who, r#ref, other)
            .await
            .map(|answer| answer.iter().map(Frame::of).collect()),
    };
    match done {
        Ok(frames) => Outcome::Answer(frames),
        Err(error) => refused(&app, error, name),
    }
}

async fn send(
    app: &App,
    room: &Arc<Room>,
    who: &Identity,
    r#ref: Option<String>,
    message: SendMessage,
) -> Result<Vec<Frame>, RoomError> {
    let person = who.writer()?;
    let Some(client_ref) = r#ref else {
        return Err(RoomError::new(
            RoomErrorCode::BadMessage,
            "send needs a ref: a new one for each text, the same one when it is sent again",
        ));
    };
    // Said before: no limit and no rule stands against hearing so.
    if let Some((id, seq)) = room.by_ref(&person.key, &client_ref) {
        let done = Done { id: Some(id), seq };
        return Ok(vec![ack(Some(client_ref), Some(done))]);
    }
    let text = text::normal(&message.text)?;
    if !who.moderator {
        app.rooms.limits().message(room.id, person)?;
    }
    let admission = policy::admit(&app.rooms, room, who, &text, Some(&client_ref)).await?;
    let reply_to = match message.reply_to {
        Some(id) => Some(answered(app, room, who, id).await?),
        None => None,
    };
    let mentions = app
        .rooms
        .db()
        .existing_names(&text::mentioned(&text))
        .await?;
    let draft = Draft {
        user: person.user,
        author_key: person.key.clone(),
        author: who.author(person),
        client_ref: client_ref.clone(),
        text,
        reply_to,
        mentions,
        emotes: admission.emotes,
        hidden: admission.hidden,
    };
    let done = app.rooms.writer().message(room.clone(), draft).await?;
    room.wrote(person);
    Ok(vec![ack(Some(client_ref), Some(done))])
}

/// What a message answers.
async fn answered(
    app: &App,
    room: &Room,
    who: &Identity,
    id: MessageId,
) -> Result<ReplyTo, RoomError> {
    let (message, is_for) = match room.find(id) {
        Some(kept) => {
            let is_for = kept.is_for(who);
            (kept.message, is_for)
        }
        None => {
            let row = known(app, room, who, id).await?;
            (row.message, true)
        }
    };
    if !is_for || message.deleted {
        return Err(no_such_message());
    }
    Ok(ReplyTo {
        id,
        author: message.author.name,
        excerpt: excerpt(&message.text),
    })
}

/// A message that this member may know of.
async fn known(
    app: &App,
    room: &Room,
    who: &Identity,
    id: MessageId,
) -> Result<ChatRow, RoomError> {
    let row = app.rooms.db().chat_message(room.id, id).await?;
    let own = |row: &ChatRow| who.key().is_some_and(|key| **key == row.author_key);
    row.filter(|row| !row.message.hidden || who.moderator || own(row))
        .ok_or_else(no_such_message)
}

async fn edit(
    app: &App,
    room: &Arc<Room>,
    who: &Identity,
    message: EditMessage,
) -> Result<Done, RoomError> {
    let person = who.writer()?;
    let row = known(app, room, who, message.id).await?;
    if row.author_key != *person.key {
        return Err(RoomError::new(
            RoomErrorCode::Forbidden,
            "only its author may edit a message",
        ));
    }
    if row.message.deleted || live::now() > row.message.sent_at + EDIT_WINDOW_MS {
        return Err(RoomError::new(
            RoomErrorCode::NotEditable,
            "a message may be edited for five minutes, and not when it is deleted",
        ));
    }
    let text = text::normal(&message.text)?;
    if !who.moderator {
        app.rooms.limits().message(room.id, person)?;
    }
    let admission = policy::admit(&app.rooms, room, who, &text, None).await?;
    let mentions = app
        .rooms
        .db()
        .existing_names(&text::mentioned(&text))
        .await?;
    let change = ChatChange::Edit {
        text,
        mentions,
        emotes: admission.emotes,
        at: live::now(),
    };
    app.rooms
        .writer()
        .change(room.clone(), message.id, change)
        .await
}

/// Deletes a message: its author, or a moderator for a reason.
pub(crate) async fn delete_message(
    app: &App,
    room: &Arc<Room>,
    who: &Identity,
    id: MessageId,
    reason: Option<&str>,
) -> Result<(), RoomError> {
    delete(app, room, who, id, reason).await?;
    Ok(())
}

async fn delete(
    app: &App,
    room: &Arc<Room>,
    who: &Identity,
    id: MessageId,
    reason: Option<&str>,
) -> Result<Done, RoomError> {
    let person = who.writer()?;
    let row = known(app, room, who, id).await?;
    let change = ChatChange::Delete { at: live::now() };
    if row.author_key != *person.key {
        if !who.moderator {
            return Err(RoomError::new(
                RoomErrorCode::Forbidden,
                "only its author and moderators may delete a message",
            ));
        }
        engage::may_delete(app, room, who, &row, reason).await?;
        let done = app.rooms.writer().change(room.clone(), id, change).await?;
        let author = row.message.author;
        let happening = Happening::RoomMessageDeleted {
            room: room.target.clone(),
            message: id,
            author: Told {
                id: author.id,
                name: author.name,
            },
            moderator: Told {
                id: Some(person.id.clone()),
                name: person.name.clone(),
            },
        };
        app.services.live.bus().emit(happening).await;
        return Ok(done);
    }
    app.rooms.writer().change(room.clone(), id, change).await
}

async fn pin(
    app: &App,
    room: &Arc<Room>,
    who: &Identity,
    id: MessageId,
    change: ChatChange,
) -> Result<Done, RoomError> {
    if !who.moderator {
        return Err(RoomError::new(
            RoomErrorCode::Forbidden,
            "only moderators may pin and unpin messages",
        ));
    }
    let action = match &change {
        ChatChange::Unpin => "unpin",
        _ => "pin",
    };
    let done = app.rooms.writer().change(room.clone(), id, change).await?;
    engage::pinned(app, room, who, id, action).await?;
    Ok(done)
}

async fn page(
    app: &App,
    room: &Room,
    who: &Identity,
    r#ref: Option<String>,
    ask: AskHistory,
) -> Result<Vec<Frame>, RoomError> {
    let limit = page_size(ask.limit)?;
    let (messages, more) = history::page(app.rooms.db(), room, who, ask.before, limit).await?;
    let before = history::cursor(&messages, more);
    Ok(pack_history(messages, before, r#ref.as_deref()))
}

fn members(room: &Room, r#ref: Option<String>, ask: AskMembers) -> Result<Vec<Frame>, RoomError> {
    let limit = page_size(ask.limit)?;
    let (members, after) = room.members(ask.after.as_deref(), usize::from(limit));
    Ok(vec![Frame::of(&ServerMessage::Members(Members {
        r#ref,
        members,
        after,
    }))])
}

fn page_size(limit: Option<u8>) -> Result<u8, RoomError> {
    match limit {
        None => Ok(u8::try_from(HISTORY_ON_JOIN).unwrap_or(HISTORY_PAGE_MAX)),
        Some(limit @ 1..=HISTORY_PAGE_MAX) => Ok(limit),
        Some(_) => Err(RoomError::new(
            RoomErrorCode::BadMessage,
            "limit is a number from 1 to 100",
        )),
    }
}

fn ack(r#ref: Option<String>, done: Option<Done>) -> Frame {
    Frame::of(&ServerMessage::Ack(Ack {
        r#ref,
        id: done.and_then(|done| done.id),
        seq: done.map(|done| done.seq),
        made: None,
    }))
}

fn refused(app: &App, error: RoomError, r#ref: Option<String>) -> Outcome {
    let refused = &app.rooms.counts().refused;
    refused.fetch_add(1, Ordering::Relaxed);
    Outcome::Answer(vec![Frame::of(&error.answer(r#ref))])
}

fn no_such_message() -> RoomError {
    RoomError::new(RoomErrorCode::NotFound, "there is no such message here")
}

/// Whose eyes look into the database.
pub(super) fn reader(who: &Identity) -> ChatReader<'_> {
    match who.moderator {
        true => ChatReader::Moderator,
        false => ChatReader::Plain(who.key().map(|key| &**key)),
    }
}

/// A row as this member may see it.
pub(super) fn seen(row: ChatRow, who: &Identity) -> weir_protocol::room::ChatMessage {
    shown(row.message, who.moderator)
}
