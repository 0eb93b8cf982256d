//! The one who numbers and keeps what happens: requests of all rooms in one queue, messages that wait
//! together in one transaction. Nobody is told of anything before it is in the database.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};
use weir_db::{Appended, ChatChange, Db, DbError, NewChatMessage, RoomId, UserId, new_message_id};
use weir_protocol::room::{
    Author, ChatMessage, Emote, Mention, MessageId, PINNED_MAX, ReplyTo, RoomErrorCode, RoomEvent,
    RoomEventBody,
};

use super::{
    RoomError,
    error::unavailable,
    feed::Event,
    room::{Audience, Room},
};
use crate::{
    insight::{self, Said},
    live,
};

/// Requests that wait. When it is full, more are refused, and their clients send them again.
const QUEUE: usize = 4096;

/// Requests that are taken at once.
const BATCH: usize = 256;

/// Waits before a batch is tried again when the database failed. It may have been kept: then the
/// second try finds it so.
const RETRIES: [Duration; 3] = [
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_secs(1),
];

type Reply = oneshot::Sender<Result<Done, RoomError>>;

/// What was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) id: Option<MessageId>,
    pub(super) seq: u64,
}

/// A message that passed all checks.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) user: Option<UserId>,
    pub(super) author_key: Arc<str>,
    pub(super) author: Author,
    pub(super) client_ref: String,
    pub(super) text: String,
    pub(super) reply_to: Option<ReplyTo>,
    pub(super) mentions: Vec<String>,
    pub(super) emotes: Vec<Emote>,
    pub(super) hidden: bool,
}

enum Write {
    Message {
        room: Arc<Room>,
        draft: Box<Draft>,
        reply: Reply,
    },
    Event {
        room: Arc<Room>,
        body: Box<RoomEventBody>,
        audience: Audience,
    },
    Change {
        room: Arc<Room>,
        id: MessageId,
        change: ChatChange,
        reply: Reply,
    },
    Purge {
        room: Arc<Room>,
        author_key: Arc<str>,
        author: String,
        reply: Reply,
    },
}

/// The queue's entrance.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Write>,
}

impl Writer {
    pub(super) fn new(
        db: Db,
        figures: insight::Audience,
    ) -> (Self, impl Future<Output = ()>, Arc<Counters>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let counters = Arc::new(Counters {
            figures,
            ..Counters::default()
        });
        (Self { queue }, run(db, waiting, counters.clone()), counters)
    }

    pub(super) async fn message(&self, room: Arc<Room>, draft: Draft) -> Result<Done, RoomError> {
        let draft = Box::new(draft);
        self.ask(|reply| Write::Message { room, draft, reply })
            .await
    }

    pub(super) async fn change(
        &self,
        room: Arc<Room>,
        id: MessageId,
        change: ChatChange,
    ) -> Result<Done, RoomError> {
        let ask = |reply| Write::Change {
            room,
            id,
            change,
            reply,
        };
        self.ask(ask).await
    }

    pub(super) async fn purge(
        &self,
        room: Arc<Room>,
        author_key: Arc<str>,
        author: String,
    ) -> Result<Done, RoomError> {
        let ask = |reply| Write::Purge {
            room,
            author_key,
            author,
            reply,
        };
        self.ask(ask).await
    }

    /// Waits for its place in the queue, not until it is kept.
    pub(super) async fn event(&self, room: Arc<Room>, body: RoomEventBody, audience: Audience) {
        let body = Box::new(body);
        // The queue ends with the server.
        let _ = self
            .queue
            .send(Write::Event {
                room,
                body,
                audience,
            })
            .await;
    }

    async fn ask(&self, write: impl FnOnce(Reply) -> Write) -> Result<Done, RoomError> {
        let (reply, answer) = oneshot::channel();
        self.queue
            .try_send(write(reply))
            .map_err(|_| unavailable())?;
        answer.await.map_err(|_| unavailable())?
    }
}

/// What the writer did.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Told of what is said.
    figures: insight::Audience,
    pub(super) messages: AtomicU64,
    pub(super) transactions: AtomicU64,
    pub(super) failures: AtomicU64,
}

async fn run(db: Db, mut waiting: mpsc::Receiver<Write>, counters: Arc<Counters>) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let mut together = Vec::new();
        for write in batch.drain(..) {
            match write {
                Write::Message { .. } | Write::Event { .. } => together.push(write),
                // In the order in which they were asked for.
                Write::Change {
                    room,
                    id,
                    change,
                    reply,
                } => {
                    append(&db, std::mem::take(&mut together), &counters).await;
                    let _ = reply.send(apply(&db, &room, id, &change).await);
                }
                Write::Purge {
                    room,
                    author_key,
                    author,
                    reply,
                } => {
                    append(&db, std::mem::take(&mut together), &counters).await;
                    let _ = reply.send(purge(&db, &room, author_key, author).await);
                }
            }
        }
        append(&db, together, &counters).await;
    }
}

/// A number that nothing in the room has.
fn number(room: &Room) -> u64 {
    room.assigned.fetch_add(1, Ordering::Relaxed) + 1
}

/// A message or event with its number.
struct Numbered {
    room: Arc<Room>,
    seq: u64,
    at: i64,
    what: What,
}

enum What {
    Message {
        id: MessageId,
        draft: Box<Draft>,
        reply: Reply,
    },
    Event(Box<RoomEventBody>, Audience),
}

async fn append(db: &Db, writes: Vec<Write>, counters: &Counters) {
    if writes.is_empty() {
        return;
    }
    let at = live::now();
    let numbered: Vec<Numbered> = writes
        .into_iter()
        .filter_map(|write| {
            let (room, what) = match write {
                Write::Message { room, draft, reply } => {
                    let id = new_message_id();
                    (room, What::Message { id, draft, reply })
                }
                Write::Event {
                    room,
                    body,
                    audience,
                } => (room, What::Event(body, audience)),
                Write::Change { .. } | Write::Purge { .. } => return None,
            };
            let seq = number(&room);
            Some(Numbered {
                room,
                seq,
                at,
                what,
            })
        })
        .collect();
    match store(db, &numbered, counters).await {
        Ok(results) => tell(numbered, results, counters),
        // A room is gone, with which the others have nothing to do.
        Err(DbError::NotFound { .. }) => {
            let mut by_room: HashMap<RoomId, Vec<Numbered>> = HashMap::new();
            for one in numbered {
                by_room.entry(one.room.id).or_default().push(one);
            }
            for of_room in by_room.into_values() {
                match store(db, &of_room, counters).await {
                    Ok(results) => tell(of_room, results, counters),
                    Err(error) => refuse(of_room, error, counters),
                }
            }
        }
        Err(error) => refuse(numbered, error, counters),
    }
}

async fn store(
    db: &Db,
    numbered: &[Numbered],
    counters: &Counters,
) -> Result<Vec<Appended>, DbError> {
    let messages: Vec<NewChatMessage> = numbered.iter().filter_map(row).collect();
    let mut heads: HashMap<RoomId, u64> = HashMap::new();
    for one in numbered {
        let head = heads.entry(one.room.id).or_default();
        *head = one.seq.max(*head);
    }
    let heads: Vec<(RoomId, u64)> = heads.into_iter().collect();
    let mut waits = RETRIES.iter();
    loop {
        counters.transactions.fetch_add(1, Ordering::Relaxed);
        match (db.append_chat(&messages, &heads).await, waits.next()) {
            (Err(DbError::Backend(error)), Some(wait)) => {
                tracing::warn!(%error, "chat could not be kept; trying again");
                tokio::time::sleep(*wait).await;
            }
            (result, _) => return result,
        }
    }
}

fn row(one: &Numbered) -> Option<NewChatMessage> {
    let What::Message { id, draft, .. } = &one.what else {
        return None;
    };
    Some(NewChatMessage {
        id: *id,
        room: one.room.id,
        seq: one.seq,
        author: draft.user,
        author_key: draft.author_key.to_string(),
        guest_name: draft.user.is_none().then(|| draft.author.name.clone()),
        moderator: draft.author.moderator,
        client_ref: draft.client_ref.clone(),
        text: draft.text.clone(),
        reply_to: draft.reply_to.as_ref().map(|reply| reply.id),
        mentions: draft.mentions.clone(),
        emotes: draft.emotes.clone(),
        hidden: draft.hidden,
        sent_at: one.at,
    })
}

fn tell(numbered: Vec<Numbered>, results: Vec<Appended>, counters: &Counters) {
    let mut results = results.into_iter();
    for Numbered {
        room,
        seq,
        at,
        what,
    } in numbered
    {
        match what {
            What::Event(body, audience) => {
                let event = RoomEvent {
                    seq: Some(seq),
                    at,
                    body: *body,
                };
                room.take_in(Event::new(event, audience));
            }
            What::Message { id, draft, reply } => {
                let result = results.next().expect("one for each message");
                if let Appended::Before { id, seq } = result {
                    let _ = reply.send(Ok(Done { id: Some(id), seq }));
                    continue;
                }
                counters.messages.fetch_add(1, Ordering::Relaxed);
                // What nobody else sees is no part in the conversation.
                if !draft.hidden {
                    let subject = room.target.subject;
                    counters.figures.said(subject, draft.user, Said::Message);
                }
                room.take_in(event_of(id, seq, at, *draft));
                let _ = reply.send(Ok(Done { id: Some(id), seq }));
            }
        }
    }
}

fn event_of(id: MessageId, seq: u64, at: i64, draft: Draft) -> Event {
    let message = ChatMessage {
        id,
        seq,
        author: draft.author,
        text: draft.text,
        sent_at: at,
        edited_at: None,
        deleted: false,
        pinned_at: None,
        reply_to: draft.reply_to,
        mentions: draft
            .mentions
            .into_iter()
            .map(|name| Mention { name })
            .collect(),
        emotes: draft.emotes,
        reactions: Vec::new(),
        hidden: draft.hidden,
    };
    let event = RoomEvent {
        seq: Some(seq),
        at,
        body: RoomEventBody::Message { message },
    };
    let mut event = Event::new(event, audience(draft.hidden, &draft.author_key));
    event.author_key = Some(draft.author_key);
    event.client_ref = Some(draft.client_ref);
    event
}

fn audience(hidden: bool, author_key: &Arc<str>) -> Audience {
    match hidden {
        true => Audience::ModeratorsAnd(author_key.clone()),
        false => Audience::Everyone,
    }
}

fn refuse(numbered: Vec<Numbered>, error: DbError, counters: &Counters) {
    counters.failures.fetch_add(1, Ordering::Relaxed);
    let error = RoomError::from(error);
    for one in numbered {
        if let What::Message { reply, .. } = one.what {
            let _ = reply.send(Err(error.clone()));
        }
    }
}

async fn apply(
    db: &Db,
    room: &Room,
    id: MessageId,
    change: &ChatChange,
) -> Result<Done, RoomError> {
    if matches!(change, ChatChange::Pin { .. }) && room.pins() >= PINNED_MAX {
        return Err(RoomError::new(
            RoomErrorCode::TooManyPinned,
            "10 messages are pinned already; unpin one first",
        ));
    }
    let seq = number(room);
    let row = db.change_chat(room.id, id, change, seq).await?;
    let row = row.ok_or_else(|| {
        RoomError::new(
            RoomErrorCode::NotFound,
            "there is no such message, or it is deleted",
        )
    })?;
    let author_key: Arc<str> = row.author_key.into();
    let event = RoomEvent {
        seq: Some(seq),
        at: live::now(),
        body: RoomEventBody::Changed {
            message: row.message.clone(),
        },
    };
    let mut event = Event::new(event, audience(row.message.hidden, &author_key));
    event.author_key = Some(author_key);
    room.take_in(event);
    Ok(Done { id: Some(id), seq })
}

async fn purge(
    db: &Db,
    room: &Room,
    author_key: Arc<str>,
    author: String,
) -> Result<Done, RoomError> {
    let seq = number(room);
    let at = live::now();
    db.purge_chat(room.id, &author_key, seq, at).await?;
    let event = RoomEvent {
        seq: Some(seq),
        at,
        body: RoomEventBody::Purged { author },
    };
    let mut event = Event::new(event, Audience::Everyone);
    event.author_key = Some(author_key);
    room.take_in(event);
    Ok(Done { id: None, seq })
}
