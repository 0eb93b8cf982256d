//! What many do at once, told together twice a second: votes, upvotes, reactions.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use weir_db::{Db, DbError, RoomId, RoomSubject};
use weir_protocol::room::{MessageId, Poll, PollId, QuestionId, ReactionCount, RoomEventBody};

use super::questions::tell_one;
use crate::{
    live,
    rooms::{Audience, Room, Rooms},
};

/// How often it is told.
pub(super) const WINDOW: Duration = Duration::from_millis(500);

/// Windows between two looks for polls whose time is over.
const POLLS_EVERY: u32 = 2;

/// Windows between two clearings of limits.
const SWEEP_EVERY: u32 = 120;

/// Different reactions that are told of one window; further ones are dropped, which nobody sees.
const KINDS: usize = 32;

/// Messages with other reactions that are told together.
const MESSAGES_TOGETHER: usize = 50;

/// What waits to be told.
#[derive(Default)]
pub(crate) struct Windows {
    waiting: Mutex<HashMap<RoomSubject, Waiting>>,
    /// Open polls as they were read last: many who come at once ask for the same.
    open: Mutex<HashMap<RoomId, (Instant, Vec<Poll>)>>,
}

#[derive(Default)]
struct Waiting {
    polls: HashSet<PollId>,
    questions: HashSet<QuestionId>,
    messages: HashSet<MessageId>,
    reactions: HashMap<String, u64>,
}

impl Windows {
    pub(super) fn poll(&self, room: &Room, poll: PollId) {
        self.with(room, |waiting| {
            waiting.polls.insert(poll);
        });
    }

    pub(super) fn question(&self, room: &Room, question: QuestionId) {
        self.with(room, |waiting| {
            waiting.questions.insert(question);
        });
    }

    pub(super) fn message(&self, room: &Room, message: MessageId) {
        self.with(room, |waiting| {
            waiting.messages.insert(message);
        });
    }

    pub(super) fn reaction(&self, room: &Room, emoji: &str) {
        self.with(room, |waiting| {
            if let Some(count) = waiting.reactions.get_mut(emoji) {
                *count += 1;
            } else if waiting.reactions.len() < KINDS {
                waiting.reactions.insert(emoji.to_owned(), 1);
            }
        });
    }

    /// Open polls of a room, at most a window old.
    pub(crate) async fn open_polls(&self, db: &Db, room: RoomId) -> Result<Vec<Poll>, DbError> {
        let known = {
            let open = self.open.lock().expect("nothing panics under this lock");
            open.get(&room).cloned()
        };
        if let Some((at, polls)) = known
            && at.elapsed() < WINDOW
        {
            return Ok(polls);
        }
        let polls = db.open_polls(room).await?;
        let mut open = self.open.lock().expect("nothing panics under this lock");
        open.retain(|_, (at, _)| at.elapsed() < WINDOW);
        open.insert(room, (Instant::now(), polls.clone()));
        Ok(polls)
    }

    pub(super) fn forget_open(&self, room: RoomId) {
        self.open
            .lock()
            .expect("nothing panics under this lock")
            .remove(&room);
    }

    fn with(&self, room: &Room, change: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.waiting.lock().expect("nothing panics under this lock");
        change(waiting.entry(room.target.subject).or_default());
    }

    fn take(&self) -> HashMap<RoomSubject, Waiting> {
        std::mem::take(&mut *self.waiting.lock().expect("nothing panics under this lock"))
    }

    /// Tells what waits, and closes polls whose time is over, until cancelled.
    pub(crate) async fn run(rooms: Rooms, db: Db, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(WINDOW);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut count: u32 = 0;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            count = count.wrapping_add(1);
            let engage = rooms.engage().clone();
            if count.is_multiple_of(SWEEP_EVERY) {
                engage.limits().sweep();
            }
            if count.is_multiple_of(POLLS_EVERY)
                && let Err(error) = close_polls(&rooms, &db).await
            {
                tracing::warn!(%error, "polls could not be closed");
            }
            for (subject, waiting) in engage.windows().take() {
                let Some(room) = rooms.get(subject) else {
                    continue;
                };
                if let Err(error) = tell(&db, &room, waiting).await {
                    tracing::warn!(%error, "votes and reactions could not be told");
                }
            }
        }
    }
}

async fn tell(db: &Db, room: &Room, waiting: Waiting) -> Result<(), DbError> {
    if !waiting.reactions.is_empty() {
        let mut reactions: Vec<ReactionCount> = waiting
            .reactions
            .into_iter()
            .map(|(emoji, count)| ReactionCount { emoji, count })
            .collect();
        reactions.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.emoji.cmp(&b.emoji)));
        room.tell(RoomEventBody::Reactions { reactions }, Audience::Everyone);
    }
    let polls: Vec<PollId> = waiting.polls.into_iter().collect();
    for poll in db.polls(room.id, &polls).await? {
        room.tell(RoomEventBody::Poll { poll }, Audience::Everyone);
    }
    let messages: Vec<MessageId> = waiting.messages.into_iter().collect();
    for some in db
        .message_reactions(&messages)
        .await?
        .chunks(MESSAGES_TOGETHER)
    {
        let messages = some.to_vec();
        room.set_reactions(some);
        room.tell(
            RoomEventBody::MessageReactions { messages },
            Audience::Everyone,
        );
    }
    let questions: Vec<QuestionId> = waiting.questions.into_iter().collect();
    for (question, author) in db.questions(room.id, &questions).await? {
        tell_one(room, question, &author);
    }
    Ok(())
}

async fn close_polls(rooms: &Rooms, db: &Db) -> Result<(), DbError> {
    let now = live::now();
    if db.next_poll_end().await?.is_none_or(|end| end > now) {
        return Ok(());
    }
    let mut closed: HashMap<RoomId, Vec<PollId>> = HashMap::new();
    for (room, poll) in db.close_ended_polls(now).await? {
        closed.entry(room).or_default().push(poll);
    }
    let here: Vec<Arc<Room>> = rooms.all();
    for room in here {
        let Some(polls) = closed.remove(&room.id) else {
            continue;
        };
        rooms.engage().windows().forget_open(room.id);
        for poll in db.polls(room.id, &polls).await? {
            room.tell(RoomEventBody::Poll { poll }, Audience::Everyone);
        }
    }
    Ok(())
}
