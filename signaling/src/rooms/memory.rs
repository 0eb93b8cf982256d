//! What a room remembers: the newest events for who comes back, the newest messages for who comes.

use std::{collections::VecDeque, sync::Arc};

use weir_db::ChatRow;
use weir_protocol::room::{
    ChatMessage, HISTORY_ON_JOIN, MessageId, PINNED_MAX, ReactionCount, RoomEventBody,
};

use super::{feed::Event, identity::Identity, room::Audience};

/// Events for who comes back. Who was away for longer is told from the database.
pub(super) const RING: usize = 1024;

/// Messages for who comes: more than are shown, since some of them only moderators see.
pub(super) const RECENT: usize = HISTORY_ON_JOIN + 30;

/// A message and whose it is.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) message: ChatMessage,
    pub(super) author_key: Arc<str>,
}

impl From<ChatRow> for Kept {
    fn from(row: ChatRow) -> Self {
        Self {
            message: row.message,
            author_key: row.author_key.into(),
        }
    }
}

impl Kept {
    pub(super) fn is_for(&self, identity: &Identity) -> bool {
        !self.message.hidden || identity.moderator || identity.key() == Some(&self.author_key)
    }
}

#[derive(Debug)]
pub(super) struct Memory {
    /// All events with a number above this one are in the ring.
    floor: u64,
    ring: VecDeque<Arc<Event>>,
    recent: VecDeque<Kept>,
    /// `recent` is all that was ever said here.
    complete: bool,
    pinned: Vec<Kept>,
}

impl Memory {
    /// Of a room that was empty: the newest messages (in order) and pins (the newest first).
    pub(super) fn new(seq: u64, recent: Vec<Kept>, pinned: Vec<Kept>) -> Self {
        Self {
            floor: seq,
            ring: VecDeque::new(),
            complete: recent.len() < RECENT,
            recent: recent.into(),
            pinned,
        }
    }

    /// Takes an event in that is kept. What it undoes is gone from here too: gives back a way to undo
    /// it in what waits elsewhere.
    pub(super) fn take(&mut self, event: Arc<Event>) -> Option<Undo> {
        let undo = match &event.event.body {
            RoomEventBody::Message { message } => {
                if let Some(author_key) = event.author_key.clone() {
                    let message = message.clone();
                    self.recent.push_back(Kept {
                        message,
                        author_key,
                    });
                }
                if self.recent.len() > RECENT {
                    self.recent.pop_front();
                    self.complete = false;
                }
                None
            }
            RoomEventBody::Changed { message } => {
                self.change(message, event.author_key.as_ref());
                message
                    .deleted
                    .then(|| Undo::Message(Box::new(message.clone())))
            }
            RoomEventBody::Purged { .. } => event.author_key.clone().map(|key| {
                let theirs = |kept: &&mut Kept| kept.author_key == key;
                for kept in self.recent.iter_mut().filter(theirs) {
                    erase(&mut kept.message);
                }
                self.pinned.retain(|kept| kept.author_key != key);
                Undo::Author(key)
            }),
            _ => None,
        };
        if let Some(undo) = &undo {
            undo.apply(self.ring.iter_mut());
        }
        self.ring.push_back(event);
        if self.ring.len() > RING
            && let Some(oldest) = self.ring.pop_front()
        {
            self.floor = oldest.seq();
        }
        undo
    }

    fn change(&mut self, message: &ChatMessage, author_key: Option<&Arc<str>>) {
        for kept in &mut self.recent {
            if kept.message.id == message.id {
                kept.message = message.clone();
            }
            if message.deleted
                && let Some(reply) = &mut kept.message.reply_to
                && reply.id == message.id
            {
                reply.excerpt.clear();
            }
        }
        self.pinned.retain(|kept| kept.message.id != message.id);
        if message.pinned_at.is_some()
            && let Some(author_key) = author_key
        {
            let kept = Kept {
                message: message.clone(),
                author_key: author_key.clone(),
            };
            self.pinned.push(kept);
            self.pinned
                .sort_by_key(|kept| std::cmp::Reverse(kept.message.pinned_at));
            self.pinned.truncate(PINNED_MAX);
        }
    }

    /// Events after one number and not after another, if they are all still here.
    pub(super) fn since(
        &self,
        after: u64,
        until: u64,
        identity: &Identity,
    ) -> Option<Vec<Arc<Event>>> {
        if after < self.floor {
            return None;
        }
        let from = self.ring.partition_point(|event| event.seq() <= after);
        let events = self.ring.range(from..);
        let events = events.take_while(|event| event.seq() <= until);
        Some(
            events
                .filter(|event| event.audience.has(identity))
                .cloned()
                .collect(),
        )
    }

    /// The newest messages up to a number, in order, and whether there may be older ones.
    pub(super) fn newest(&self, until: u64, identity: &Identity) -> (Vec<ChatMessage>, bool) {
        let theirs = |kept: &&Kept| kept.message.seq <= until && kept.is_for(identity);
        let mut messages: Vec<ChatMessage> = self
            .recent
            .iter()
            .rev()
            .filter(theirs)
            .take(HISTORY_ON_JOIN + 1)
            .map(|kept| super::feed::shown(kept.message.clone(), identity.moderator))
            .collect();
        let more = messages.len() > HISTORY_ON_JOIN || !self.complete;
        messages.truncate(HISTORY_ON_JOIN);
        messages.reverse();
        (messages, more)
    }

    pub(super) fn pinned(&self, until: u64, identity: &Identity) -> Vec<ChatMessage> {
        let theirs = |kept: &&Kept| kept.message.seq <= until && kept.is_for(identity);
        let pinned = self.pinned.iter().filter(theirs);
        pinned
            .map(|kept| super::feed::shown(kept.message.clone(), identity.moderator))
            .collect()
    }

    /// A message that is still here has other reactions on it.
    pub(super) fn react(&mut self, id: MessageId, reactions: &[ReactionCount]) {
        let both = self.recent.iter_mut().rev().chain(&mut self.pinned);
        for kept in both.filter(|kept| kept.message.id == id) {
            kept.message.reactions = reactions.to_vec();
        }
    }

    pub(super) fn pins(&self) -> usize {
        self.pinned.len()
    }

    pub(super) fn find(&self, id: MessageId) -> Option<&Kept> {
        self.recent.iter().rev().find(|kept| kept.message.id == id)
    }

    /// The message that somebody sent under this name not long ago.
    pub(super) fn by_ref(&self, author_key: &str, client_ref: &str) -> Option<(MessageId, u64)> {
        let theirs = |event: &&Arc<Event>| {
            event.client_ref.as_deref() == Some(client_ref)
                && event.author_key.as_deref() == Some(author_key)
        };
        let event = self.ring.iter().rev().find(theirs)?;
        event.message().map(|message| (message.id, message.seq))
    }
}

/// Takes back what was said, in events that somebody might still be told.
#[derive(Debug, Clone)]
pub(super) enum Undo {
    /// A message, as it is now.
    Message(Box<ChatMessage>),
    /// All of an author's.
    Author(Arc<str>),
}

impl Undo {
    pub(super) fn apply<'a>(&self, events: impl Iterator<Item = &'a mut Arc<Event>>) {
        for event in events {
            let Some(message) = event.message() else {
                continue;
            };
            let now = match self {
                Self::Message(now) if now.id == message.id => (**now).clone(),
                Self::Author(key) if event.author_key.as_ref() == Some(key) => {
                    let mut message = message.clone();
                    erase(&mut message);
                    message
                }
                _ => continue,
            };
            *event = Arc::new(event.with_message(now));
        }
    }
}

fn erase(message: &mut ChatMessage) {
    message.text.clear();
    message.mentions.clear();
    message.deleted = true;
    message.pinned_at = None;
}

impl Audience {
    /// Whether a member may know of it.
    pub(super) fn has(&self, identity: &Identity) -> bool {
        match self {
            Self::Everyone => true,
            Self::ModeratorsAnd(key) => identity.moderator || identity.key() == Some(key),
        }
    }
}
