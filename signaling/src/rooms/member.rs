//! A connection and its membership, whatever carries it. It asks for one thing after the other: what
//! it says next is not read before the last was answered, so a client that floods holds up itself.

use std::{
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use axum::extract::ws::Utf8Bytes;
use futures_util::future::{BoxFuture, OptionFuture};
use tokio::sync::{
    broadcast::{self, error::RecvError},
    oneshot,
};
use weir_protocol::room::{
    CLIENT_FRAME_MAX, ClientFrame, ClientMessage, CloseReason, Closed, REF_MAX, Ready, Resync,
    RoomErrorCode, ServerMessage,
};

use weir_sfu::SessionId;

use super::{
    RoomError, Rooms,
    feed::{Batch, Frame, pack_history},
    history,
    identity::Identity,
    limits::RequestLimit,
    requests,
    room::{Room, Start},
};
use crate::{App, auth::Watch};

/// A connection without a membership is closed after so long.
const IDLE: Duration = Duration::from_secs(30);

/// How often it is asked whether a member may still be here. What the server itself changes or
/// revokes acts at once; this finds what others did.
const RECHECK: Duration = Duration::from_secs(60);

/// What carries messages.
pub(super) trait Transport: Send {
    /// Its name in figures.
    const KIND: TransportKind;

    /// The next message; may be dropped and called again without loss.
    fn receive(&mut self) -> impl Future<Output = Received> + Send;

    /// Sends a message, and waits while the client does not take it.
    fn send(&mut self, frame: &Frame) -> impl Future<Output = Result<(), Lost>> + Send;

    /// The server has nothing more to say.
    fn goodbye(self) -> impl Future<Output = ()> + Send;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TransportKind {
    WebSocket,
    DataChannel,
}

pub(super) enum Received {
    Text(Utf8Bytes),
    /// Sent as something else.
    NotText,
    Gone,
}

/// The client is gone, or took nothing for too long.
pub(super) struct Lost;

/// Where a connection comes from, and what it carried when it was opened.
pub(super) struct Origin {
    pub(super) address: IpAddr,
    pub(super) token: Option<String>,
    /// The WebRTC session that it belongs to.
    pub(super) session: Option<SessionId>,
}

/// Being in a room.
pub(super) struct Membership {
    pub(super) room: Arc<Room>,
    pub(super) identity: Arc<Identity>,
    pub(super) batches: broadcast::Receiver<Arc<Batch>>,
    pub(super) ended: oneshot::Receiver<CloseReason>,
    /// The newest number that the client has.
    pub(super) position: u64,
    pub(super) token: Option<String>,
    pub(super) until: Option<Instant>,
    /// Of the credential that the member came with, if it is a user's.
    pub(super) watch: Option<Watch>,
    pub(super) recheck_at: Instant,
    pub(super) _seat: Seat,
}

/// Leaves the room when it is dropped.
pub(super) struct Seat {
    pub(super) rooms: Rooms,
    pub(super) room: Arc<Room>,
    pub(super) seat: u64,
    pub(super) kind: TransportKind,
}

impl Seat {
    pub(super) fn taken(rooms: Rooms, room: Arc<Room>, seat: u64, kind: TransportKind) -> Self {
        rooms.counts().of(kind).fetch_add(1, Ordering::Relaxed);
        Self {
            rooms,
            room,
            seat,
            kind,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.rooms
            .counts()
            .of(self.kind)
            .fetch_sub(1, Ordering::Relaxed);
        self.room.detach(self.seat);
    }
}

/// When a recheck is due after `now`: spread, so that those who came together do not ask together.
pub(super) fn recheck_after(now: Instant) -> Instant {
    now + RECHECK.mul_f64(rand::random_range(0.75..1.25))
}

/// What came of something that was asked for.
pub(super) enum Outcome {
    Answer(Vec<Frame>),
    Joined(Box<Membership>, Vec<Frame>),
    Renewed {
        token: String,
        until: Option<Instant>,
        frames: Vec<Frame>,
    },
    /// Whether the member may stay.
    Rechecked(Result<(), (CloseReason, String)>),
}

enum Next {
    Batch(Arc<Batch>),
    Behind,
    Ended(CloseReason),
}

/// Serves a connection until it ends.
pub(super) async fn run<T: Transport>(app: Arc<App>, origin: Origin, transport: T) {
    let connection = Connection {
        rooms: app.rooms.clone(),
        app,
        origin: Arc::new(origin),
        transport,
        member: None,
        asked: None,
        limit: RequestLimit::new(),
        idle_since: Instant::now(),
    };
    connection.serve().await;
}

struct Connection<T> {
    rooms: Rooms,
    app: Arc<App>,
    origin: Arc<Origin>,
    transport: T,
    member: Option<Box<Membership>>,
    asked: Option<BoxFuture<'static, Outcome>>,
    limit: RequestLimit,
    idle_since: Instant,
}

impl<T: Transport> Connection<T> {
    async fn serve(mut self) {
        let timer = tokio::time::sleep(IDLE);
        tokio::pin!(timer);
        loop {
            let wake = self.wake_at();
            if timer.deadline() != wake.into() {
                timer.as_mut().reset(wake.into());
            }
            let going_on = tokio::select! {
                next = next(&mut self.member) => self.tell(next).await,
                Some(outcome) = OptionFuture::from(self.asked.as_mut()) => {
                    self.asked = None;
                    self.answer(outcome).await
                }
                received = self.transport.receive(), if self.asked.is_none() => {
                    self.take(received).await
                }
                () = timer.as_mut() => self.time(Instant::now()).await,
            };
            if going_on.is_err() {
                self.member = None;
                return self.transport.goodbye().await;
            }
        }
    }

    fn wake_at(&self) -> Instant {
        match &self.member {
            None => self.idle_since + IDLE,
            Some(member) => {
                // While it waits for an answer it is not rechecked.
                let recheck = self.asked.is_none().then_some(member.recheck_at);
                let far = Instant::now() + RECHECK;
                [recheck, member.until]
                    .into_iter()
                    .flatten()
                    .min()
                    .unwrap_or(far)
            }
        }
    }

    async fn time(&mut self, now: Instant) -> Result<(), Lost> {
        let Some(member) = &self.member else {
            return match now >= self.idle_since + IDLE && self.asked.is_none() {
                true => Err(Lost),
                false => {
                    self.idle_since = now;
                    Ok(())
                }
            };
        };
        if member.until.is_some_and(|until| now >= until) {
            let detail = "the token has ended; join again with a new one";
            return self.end(CloseReason::TokenEnded, detail.into(), None).await;
        }
        if self.asked.is_none() && now >= member.recheck_at {
            let (app, room) = (self.app.clone(), member.room.clone());
            let (identity, token) = (member.identity.clone(), member.token.clone());
            let origin = self.origin.clone();
            let recheck = requests::recheck(app, room, identity, token, origin);
            self.asked = Some(Box::pin(recheck));
        }
        Ok(())
    }

    /// What happened in the room.
    async fn tell(&mut self, next: Next) -> Result<(), Lost> {
        match next {
            Next::Ended(reason) => {
                let detail = match reason {
                    CloseReason::Changed => "what you may do here has changed; join again",
                    CloseReason::Gone => "the room does not exist any more",
                    CloseReason::Banned => "a moderator has banned you from this room",
                    CloseReason::Revoked => "the token is revoked; log in again",
                    CloseReason::Stopping => "the server is stopping; connect again in a moment",
                    _ => "the membership has ended",
                };
                self.end(reason, detail.into(), None).await?;
                match reason {
                    CloseReason::Stopping => Err(Lost),
                    _ => Ok(()),
                }
            }
            Next::Batch(batch) => {
                let Some(member) = &mut self.member else {
                    return Ok(());
                };
                let (frames, position) = batch.of(&member.identity);
                for frame in frames {
                    self.transport.send(frame).await?;
                }
                member.position = position;
                Ok(())
            }
            Next::Behind => self.catch_up().await,
        }
    }

    /// The member missed batches: it is told what was in them.
    async fn catch_up(&mut self) -> Result<(), Lost> {
        let Some(member) = &mut self.member else {
            return Ok(());
        };
        self.rooms.counts().lagged.fetch_add(1, Ordering::Relaxed);
        let (batches, start, snapshot) = member.room.catch_up(&member.identity, member.position);
        member.batches = batches;
        let position = snapshot.position;
        let db = self.rooms.db();
        let frames = match history::since(db, &member.room, &member.identity, start, position).await
        {
            Ok(Start::Events(frames)) => frames,
            Ok(Start::Fresh(messages, more)) => {
                self.rooms.counts().resyncs.fetch_add(1, Ordering::Relaxed);
                let detail = "you fell too far behind; forget the messages that you have";
                let mut frames = vec![Frame::of(&ServerMessage::Resync(Resync {
                    detail: detail.into(),
                }))];
                frames.extend(pack_history(
                    messages.clone(),
                    history::cursor(&messages, more),
                    None,
                ));
                frames
            }
            Ok(Start::Database { .. }) | Err(_) => {
                let detail = "what you missed cannot be told now; join again in a moment";
                let reason = CloseReason::Changed;
                return self.end(reason, detail.into(), None).await;
            }
        };
        for frame in &frames {
            self.transport.send(frame).await?;
        }
        let ready = ServerMessage::Ready(Ready { seq: position });
        self.transport.send(&Frame::of(&ready)).await?;
        member.position = position;
        Ok(())
    }

    /// What the client says.
    async fn take(&mut self, received: Received) -> Result<(), Lost> {
        let text = match received {
            Received::Gone => return Err(Lost),
            Received::Text(text) => text,
            Received::NotText => {
                let error = bad_message("messages are JSON objects, sent as text");
                return self.refuse(error, None).await;
            }
        };
        if text.len() > CLIENT_FRAME_MAX {
            let detail = "the message is too long; send at most 8 KiB";
            let error = RoomError::new(RoomErrorCode::TooLarge, detail);
            return self.refuse(error, None).await;
        }
        let ClientFrame { r#ref, message } = match serde_json::from_str(&text) {
            Ok(frame) => frame,
            Err(error) => {
                let error = bad_message(format!("the message cannot be read: {error}"));
                return self.refuse(error, ref_of(&text)).await;
            }
        };
        if r#ref.as_deref().is_some_and(|name| !is_ref(name)) {
            let error = bad_message("ref has 1 to 64 characters and no control characters");
            return self.refuse(error, None).await;
        }
        if let Err(error) = self.limit.take() {
            return self.refuse(error, r#ref).await;
        }
        match (message, &mut self.member) {
            (ClientMessage::Join(join), member) => {
                *member = None;
                let app = self.app.clone();
                let joining = requests::join(app, self.origin.clone(), T::KIND, r#ref, join);
                self.asked = Some(Box::pin(joining));
                Ok(())
            }
            (ClientMessage::Ping {}, _) => {
                let pong = ServerMessage::Pong { r#ref };
                self.transport.send(&Frame::of(&pong)).await
            }
            (_, None) => {
                let error = RoomError::new(RoomErrorCode::NotJoined, "join a room first");
                self.refuse(error, r#ref).await
            }
            (ClientMessage::Leave {}, Some(_)) => {
                let detail = "you left".to_owned();
                self.end(CloseReason::Left, detail, r#ref).await
            }
            (ClientMessage::Typing {}, Some(member)) => match member.identity.writer() {
                Ok(person) => {
                    member.room.writes(person);
                    Ok(())
                }
                Err(error) => self.refuse(error, r#ref).await,
            },
            (ClientMessage::Renew(renew), Some(member)) => {
                let (app, identity) = (self.app.clone(), member.identity.clone());
                let renewing = requests::renew(app, identity, r#ref, renew.token);
                self.asked = Some(Box::pin(renewing));
                Ok(())
            }
            (message, Some(member)) => {
                let (app, room) = (self.app.clone(), member.room.clone());
                let asking = requests::handle(app, room, member.identity.clone(), r#ref, message);
                self.asked = Some(Box::pin(asking));
                Ok(())
            }
        }
    }

    /// What was asked for is done, or not.
    async fn answer(&mut self, outcome: Outcome) -> Result<(), Lost> {
        let frames = match outcome {
            Outcome::Answer(frames) => frames,
            Outcome::Joined(member, frames) => {
                self.member = Some(member);
                frames
            }
            Outcome::Renewed {
                token,
                until,
                frames,
            } => {
                if let Some(member) = &mut self.member {
                    member.token = Some(token);
                    member.until = until;
                }
                frames
            }
            Outcome::Rechecked(Ok(())) => {
                if let Some(member) = &mut self.member {
                    member.recheck_at = recheck_after(Instant::now());
                }
                return Ok(());
            }
            Outcome::Rechecked(Err((reason, detail))) => {
                return self.end(reason, detail, None).await;
            }
        };
        for frame in &frames {
            self.transport.send(frame).await?;
        }
        Ok(())
    }

    async fn refuse(&mut self, error: RoomError, r#ref: Option<String>) -> Result<(), Lost> {
        self.rooms.counts().refused.fetch_add(1, Ordering::Relaxed);
        self.transport.send(&Frame::of(&error.answer(r#ref))).await
    }

    async fn end(
        &mut self,
        reason: CloseReason,
        detail: String,
        r#ref: Option<String>,
    ) -> Result<(), Lost> {
        self.member = None;
        // What it asked for as a member goes on, but is not answered any more.
        self.asked = None;
        self.idle_since = Instant::now();
        let closed = ServerMessage::Closed(Closed {
            r#ref,
            reason,
            detail,
        });
        self.transport.send(&Frame::of(&closed)).await
    }
}

/// Waits until the member's credential has ended: its device was logged out, or its user locked.
async fn revoked(watch: Option<&Watch>) {
    match watch {
        Some(watch) => watch.ended().cancelled().await,
        None => std::future::pending().await,
    }
}

/// What happens next in the room of a member; nothing without one.
async fn next(member: &mut Option<Box<Membership>>) -> Next {
    let Some(member) = member else {
        return std::future::pending().await;
    };
    tokio::select! {
        biased;
        reason = &mut member.ended => Next::Ended(reason.unwrap_or(CloseReason::Gone)),
        () = revoked(member.watch.as_ref()) => Next::Ended(CloseReason::Revoked),
        batch = member.batches.recv() => match batch {
            Ok(batch) => Next::Batch(batch),
            Err(RecvError::Lagged(_)) => Next::Behind,
            Err(RecvError::Closed) => Next::Ended(CloseReason::Gone),
        },
    }
}

/// The `ref` of a message that cannot be read otherwise, so that the client knows what was refused.
fn ref_of(text: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let name = value.get("ref")?.as_str()?;
    is_ref(name).then(|| name.to_owned())
}

fn is_ref(name: &str) -> bool {
    let chars = name.chars().count();
    (1..=REF_MAX).contains(&chars) && !name.chars().any(char::is_control)
}

fn bad_message(detail: impl Into<std::borrow::Cow<'static, str>>) -> RoomError {
    RoomError::new(RoomErrorCode::BadMessage, detail)
}
