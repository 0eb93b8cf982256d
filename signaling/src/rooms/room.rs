//! A room in memory: who is in it, what happened, and the batches in which members are told.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{Notify, broadcast, oneshot};
use tokio_util::sync::CancellationToken;
use weir_db::RoomId;
use weir_protocol::{
    StreamSummary,
    room::{
        ChatMessage, CloseReason, Member, MessageId, MessageReactions, Presence, RoomErrorCode,
        RoomEvent, RoomEventBody, RoomSettings, Typing,
    },
};

use super::{
    RoomError,
    feed::{Batch, Event, Frame, Part, pack, shown},
    identity::{Identity, Person},
    memory::{Kept, Memory},
    people::People,
    resolve::Target,
    typing::Writers,
};
use crate::live;

/// Batches that wait for the slowest member. One that falls further behind is told from the ring, from
/// the database, or begins anew: nothing is kept for it.
const BATCHES: usize = 64;

/// Events that wait for the next batch are gathered for so long for each 40 members: in a small room
/// nobody waits, in a large one a batch costs a system call a member.
const GATHER: Duration = Duration::from_millis(1);
const MEMBERS_PER_GATHER: u32 = 40;
const GATHER_MAX: Duration = Duration::from_millis(100);

/// Live state is told at most so often.
const STREAM_INTERVAL: Duration = Duration::from_secs(1);

/// Who may know of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Audience {
    /// All members.
    Everyone,
    /// Moderators, and the person with this key.
    ModeratorsAnd(Arc<str>),
}

/// A room that somebody is in.
pub(crate) struct Room {
    /// Its row.
    pub(crate) id: RoomId,
    /// What it belongs to.
    pub(crate) target: Target,
    /// The newest number that was given out. The writer's alone.
    pub(super) assigned: AtomicU64,
    /// Something waits for the next batch.
    pub(super) changed: Notify,
    /// The room does not exist any more.
    pub(super) over: CancellationToken,
    state: Mutex<State>,
    batches: broadcast::Sender<Arc<Batch>>,
}

struct State {
    /// The newest number that happened.
    seq: u64,
    memory: Memory,
    plain: Feed,
    moderators: Feed,
    /// Of the moment: for the next batch, never delayed.
    moment: Vec<Arc<Event>>,
    people: People,
    typing: Writers,
    settings: RoomSettings,
    stream: Option<StreamSummary>,
    stream_told: Option<Instant>,
    stream_changed: bool,
    seats: HashMap<u64, Seat>,
    next_seat: u64,
    last_batch: Option<Instant>,
    empty_since: Option<Instant>,
}

/// What is on its way to one kind of member.
struct Feed {
    /// The newest number that is in a batch.
    position: u64,
    /// In order, with the times when they happened.
    waiting: std::collections::VecDeque<(Instant, Arc<Event>)>,
}

struct Seat {
    identity: Arc<Identity>,
    end: oneshot::Sender<CloseReason>,
}

/// A new member's place.
pub(super) struct Attached {
    pub(super) seat: u64,
    pub(super) batches: broadcast::Receiver<Arc<Batch>>,
    pub(super) ended: oneshot::Receiver<CloseReason>,
    pub(super) start: Start,
    pub(super) snapshot: Snapshot,
}

/// How a member gets up to date.
pub(super) enum Start {
    /// By these messages.
    Events(Vec<Frame>),
    /// By what the database has from one number to another.
    Database { after: u64 },
    /// From the beginning: the newest messages, and whether there are older ones.
    Fresh(Vec<ChatMessage>, bool),
}

/// How the room is at a moment.
pub(super) struct Snapshot {
    /// A member that has all of this is up to date to this number.
    pub(super) position: u64,
    pub(super) settings: RoomSettings,
    pub(super) presence: Presence,
    pub(super) typing: Typing,
    pub(super) pinned: Vec<ChatMessage>,
    pub(super) stream: Option<StreamSummary>,
}

impl Room {
    pub(super) fn new(
        id: RoomId,
        target: Target,
        seq: u64,
        memory: Memory,
        settings: RoomSettings,
        stream: Option<StreamSummary>,
    ) -> Self {
        let feed = || Feed {
            position: seq,
            waiting: std::collections::VecDeque::new(),
        };
        let state = State {
            seq,
            memory,
            plain: feed(),
            moderators: feed(),
            moment: Vec::new(),
            people: People::default(),
            typing: Writers::default(),
            settings,
            stream,
            stream_told: None,
            stream_changed: false,
            seats: HashMap::new(),
            next_seat: 0,
            last_batch: None,
            empty_since: Some(Instant::now()),
        };
        Self {
            id,
            target,
            assigned: AtomicU64::new(seq),
            changed: Notify::new(),
            over: CancellationToken::new(),
            state: Mutex::new(state),
            batches: broadcast::Sender::new(BATCHES),
        }
    }

    /// Takes a member in, up to date from `since` on.
    pub(super) fn attach(
        &self,
        identity: &Arc<Identity>,
        since: Option<u64>,
        max_members: u32,
    ) -> Result<Attached, RoomError> {
        let mut state = self.state();
        if self.over.is_cancelled() {
            return Err(RoomError::new(
                RoomErrorCode::NotFound,
                "there is no such room any more",
            ));
        }
        if state.seats.len() >= usize::try_from(max_members).unwrap_or(usize::MAX)
            && !identity.moderator
        {
            return Err(RoomError::new(
                RoomErrorCode::RoomFull,
                "the room is full; try again later",
            )
            .retry(Duration::from_secs(10)));
        }
        let seat = state.next_seat;
        state.next_seat += 1;
        state.empty_since = None;
        let (end, ended) = oneshot::channel();
        let identity_kept = identity.clone();
        state.seats.insert(
            seat,
            Seat {
                identity: identity_kept,
                end,
            },
        );
        state.people.enter(member_of(identity));
        let start = state.start(since, identity);
        let snapshot = state.snapshot(identity);
        let batches = self.batches.subscribe();
        drop(state);
        self.changed.notify_one();
        Ok(Attached {
            seat,
            batches,
            ended,
            start,
            snapshot,
        })
    }

    /// A member that fell behind goes on from its position.
    pub(super) fn catch_up(
        &self,
        identity: &Identity,
        position: u64,
    ) -> (broadcast::Receiver<Arc<Batch>>, Start, Snapshot) {
        let state = self.state();
        let start = state.start(Some(position), identity);
        (self.batches.subscribe(), start, state.snapshot(identity))
    }

    /// The newest messages, for a member for whom nothing else is left.
    pub(super) fn newest(&self, identity: &Identity, until: u64) -> (Vec<ChatMessage>, bool) {
        self.state().memory.newest(until, identity)
    }

    pub(super) fn detach(&self, seat: u64) {
        let mut state = self.state();
        let Some(Seat { identity, .. }) = state.seats.remove(&seat) else {
            return;
        };
        let member = member_of(&identity);
        state.people.leave(member.as_ref());
        if let Some(member) = member
            && !state.people.has(&member)
        {
            state.typing.stopped(&member.id);
        }
        if state.seats.is_empty() {
            state.empty_since = Some(Instant::now());
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Ends memberships. Each of these connections is told why.
    pub(crate) fn end_members(&self, which: impl Fn(&Identity) -> bool, reason: CloseReason) {
        let mut state = self.state();
        let those: Vec<u64> = state
            .seats
            .iter()
            .filter(|(_, seat)| which(&seat.identity))
            .map(|(seat, _)| *seat)
            .collect();
        let mut ends = Vec::new();
        for seat in those {
            if let Some(Seat { identity, end }) = state.seats.remove(&seat) {
                state.people.leave(member_of(&identity).as_ref());
                ends.push(end);
            }
        }
        if state.seats.is_empty() {
            state.empty_since.get_or_insert_with(Instant::now);
        }
        drop(state);
        for end in ends {
            // Who has left by itself need not be told.
            let _ = end.send(reason);
        }
        self.changed.notify_one();
    }

    /// Something happened that is kept, under a number that is newer than all before.
    pub(super) fn take_in(&self, event: Event) {
        let now = Instant::now();
        let event = Arc::new(event);
        let mut state = self.state();
        state.seq = event.seq();
        if let Some(undo) = state.memory.take(event.clone()) {
            let State {
                plain, moderators, ..
            } = &mut *state;
            let waiting = plain.waiting.iter_mut().chain(&mut moderators.waiting);
            undo.apply(waiting.map(|(_, event)| event));
        }
        state.plain.waiting.push_back((now, event.clone()));
        state.moderators.waiting.push_back((now, event));
        drop(state);
        self.changed.notify_one();
    }

    /// Tells something of the moment: not kept, not numbered, not told again.
    pub(crate) fn tell(&self, body: RoomEventBody, audience: Audience) {
        self.state().tell(body, audience);
        self.changed.notify_one();
    }

    /// How the room is run from now on; members are told.
    pub(crate) fn set_settings(&self, settings: RoomSettings) {
        let mut state = self.state();
        if state.settings == settings {
            return;
        }
        state.settings = settings;
        state.tell(RoomEventBody::Settings { settings }, Audience::Everyone);
        drop(state);
        self.changed.notify_one();
    }

    pub(crate) fn settings(&self) -> RoomSettings {
        self.state().settings
    }

    /// The stream's state is another one.
    pub(super) fn set_stream(&self, stream: StreamSummary) {
        let mut state = self.state();
        state.stream = Some(stream);
        state.stream_changed = true;
    }

    pub(super) fn writes(&self, person: &Person) {
        self.state().typing.writes(person, Instant::now());
        self.changed.notify_one();
    }

    pub(super) fn wrote(&self, person: &Person) {
        self.state().typing.stopped(&person.id);
        self.changed.notify_one();
    }

    /// These messages have other reactions on them.
    pub(crate) fn set_reactions(&self, changed: &[MessageReactions]) {
        let mut state = self.state();
        for message in changed {
            state.memory.react(message.id, &message.reactions);
        }
    }

    /// Where the person with this key comes from, if they are here.
    pub(crate) fn address_of(&self, key: &str) -> Option<IpAddr> {
        let state = self.state();
        let mut seats = state.seats.values();
        let seat = seats.find(|seat| seat.identity.key().is_some_and(|own| **own == *key))?;
        Some(seat.identity.address)
    }

    pub(super) fn members(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> (Vec<Member>, Option<String>) {
        self.state().people.page(after, limit)
    }

    pub(super) fn find(&self, id: MessageId) -> Option<Kept> {
        self.state().memory.find(id).cloned()
    }

    pub(super) fn by_ref(&self, author_key: &str, client_ref: &str) -> Option<(MessageId, u64)> {
        self.state().memory.by_ref(author_key, client_ref)
    }

    pub(super) fn pins(&self) -> usize {
        self.state().memory.pins()
    }

    /// Up to where a member of this kind may know of messages.
    pub(super) fn horizon(&self, identity: &Identity) -> u64 {
        self.state().feed(identity).position
    }

    /// Users who are here, each once for each connection.
    pub(crate) fn users(&self) -> Vec<weir_db::UserId> {
        let state = self.state();
        let people = state
            .seats
            .values()
            .filter_map(|seat| seat.identity.person.as_ref());
        people.filter_map(|person| person.user).collect()
    }

    #[cfg(test)]
    pub(super) fn connections(&self) -> usize {
        self.state().seats.len()
    }

    /// Since when nobody is here; `None` while somebody is, or something waits.
    pub(super) fn empty_since(&self) -> Option<Instant> {
        let state = self.state();
        let waits = !state.plain.waiting.is_empty() || !state.moderators.waiting.is_empty();
        state.empty_since.filter(|_| !waits)
    }

    /// Sends what is due. Gives the time when something more will be.
    pub(super) fn tick(&self, now: Instant) -> Option<Instant> {
        let mut state = self.state();
        let gather =
            GATHER * (u32::try_from(state.seats.len()).unwrap_or(u32::MAX) / MEMBERS_PER_GATHER);
        let earliest = state
            .last_batch
            .map_or(now, |last| last + gather.min(GATHER_MAX));
        state.poll_moment(now);
        if now >= earliest
            && let Some(batch) = state.gather(now)
        {
            state.last_batch = Some(now);
            // Within the lock: who comes in gets this batch, or starts after it.
            let _ = self.batches.send(Arc::new(batch));
        }
        let next = state.next()?;
        let earliest = state
            .last_batch
            .map_or(now, |last| last + gather.min(GATHER_MAX));
        Some(next.max(earliest))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics under this lock")
    }
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Room")
            .field("name", &self.target.name)
            .field("assigned", &self.assigned.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

impl State {
    fn feed(&self, identity: &Identity) -> &Feed {
        match identity.moderator {
            true => &self.moderators,
            false => &self.plain,
        }
    }

    fn start(&self, since: Option<u64>, identity: &Identity) -> Start {
        let position = self.feed(identity).position;
        let fresh = || {
            let (messages, more) = self.memory.newest(position, identity);
            Start::Fresh(messages, more)
        };
        match since {
            // A number that was never given: the database is an older one than the client has seen.
            Some(since) if since > self.seq => fresh(),
            Some(since) => match self.memory.since(since, position, identity) {
                Some(events) => {
                    let events = events.iter().map(|event| &**event);
                    Start::Events(pack(events, identity.moderator))
                }
                None => Start::Database { after: since },
            },
            None => fresh(),
        }
    }

    fn snapshot(&self, identity: &Identity) -> Snapshot {
        let position = self.feed(identity).position;
        Snapshot {
            position,
            settings: self.settings,
            presence: self.people.now(),
            typing: self.typing.now(),
            pinned: self
                .memory
                .pinned(position, identity)
                .into_iter()
                .map(|message| shown(message, identity.moderator))
                .collect(),
            stream: self.stream.clone(),
        }
    }

    fn tell(&mut self, body: RoomEventBody, audience: Audience) {
        let event = RoomEvent {
            seq: None,
            at: live::now(),
            body,
        };
        self.moment.push(Arc::new(Event::new(event, audience)));
    }

    /// Gathers presence, typing and the stream's state, where they changed and it is time.
    fn poll_moment(&mut self, now: Instant) {
        if let Some(presence) = self.people.poll(now) {
            self.tell(RoomEventBody::Presence(presence), Audience::Everyone);
        }
        if let Some(typing) = self.typing.poll(now) {
            self.tell(RoomEventBody::Typing(typing), Audience::Everyone);
        }
        if self.stream_changed && self.stream_due().is_none_or(|due| now >= due) {
            self.stream_changed = false;
            self.stream_told = Some(now);
            if let Some(stream) = self.stream.clone() {
                self.tell(RoomEventBody::Stream { stream }, Audience::Everyone);
            }
        }
    }

    fn stream_due(&self) -> Option<Instant> {
        self.stream_told.map(|told| told + STREAM_INTERVAL)
    }

    fn delay(&self) -> Duration {
        Duration::from_millis(self.settings.delay_ms.into())
    }

    /// When something is due.
    fn next(&self) -> Option<Instant> {
        let at_once = !self.moment.is_empty() || !self.moderators.waiting.is_empty();
        let delayed = self.plain.waiting.front().map(|(at, _)| *at + self.delay());
        let stream = self
            .stream_changed
            .then(|| self.stream_due().unwrap_or_else(Instant::now));
        let others = [delayed, stream, self.people.next(), self.typing.next()];
        others
            .into_iter()
            .flatten()
            .chain(at_once.then(Instant::now))
            .min()
    }

    /// The next batch, if there is anything for it.
    fn gather(&mut self, now: Instant) -> Option<Batch> {
        let delay = self.delay();
        let plain = self.plain.due(now, delay);
        let moderators = self.moderators.due(now, Duration::ZERO);
        let moment = std::mem::take(&mut self.moment);
        if plain.is_empty() && moderators.is_empty() && moment.is_empty() {
            return None;
        }
        let all = |kept: &[Arc<Event>]| -> Vec<Arc<Event>> {
            kept.iter().chain(&moment).cloned().collect()
        };
        let (plain, moderators) = (all(&plain), all(&moderators));
        let open = |event: &&Arc<Event>| event.audience == Audience::Everyone;
        let theirs = |event: &&Arc<Event>| {
            matches!(
                event.audience,
                Audience::Everyone | Audience::ModeratorsAnd(_)
            )
        };
        let frames = |events: &[Arc<Event>], which: &dyn Fn(&&Arc<Event>) -> bool, moderator| {
            let events = events.iter().filter(which).map(|event| &**event);
            pack(events, moderator)
        };
        let plain_frames = frames(&plain, &open, false);
        // Mostly there is nothing that only moderators see: then they share the others' messages.
        let same = plain.len() == moderators.len() && moderators.iter().all(|event| open(&event));
        let moderator_frames = match same && delay.is_zero() {
            true => plain_frames.clone(),
            false => frames(&moderators, &theirs, true),
        };
        let mut special: Vec<(Arc<str>, bool, Vec<Frame>)> = Vec::new();
        for (events, moderator) in [(&plain, false), (&moderators, true)] {
            for event in events.iter() {
                let key = match &event.audience {
                    Audience::ModeratorsAnd(key) if !moderator => key,
                    _ => continue,
                };
                if special.iter().any(|(k, m, _)| k == key && *m == moderator) {
                    continue;
                }
                let mine = |event: &&Arc<Event>| match &event.audience {
                    Audience::ModeratorsAnd(k) if k == key => true,
                    _ if moderator => theirs(event),
                    _ => open(event),
                };
                special.push((key.clone(), moderator, frames(events, &mine, moderator)));
            }
        }
        Some(Batch {
            plain: Part {
                frames: plain_frames,
                position: self.plain.position,
            },
            moderators: Part {
                frames: moderator_frames,
                position: self.moderators.position,
            },
            special,
        })
    }
}

impl Feed {
    fn due(&mut self, now: Instant, delay: Duration) -> Vec<Arc<Event>> {
        let mut due = Vec::new();
        while let Some((at, event)) = self.waiting.front()
            && *at + delay <= now
        {
            self.position = event.seq();
            due.push(event.clone());
            self.waiting.pop_front();
        }
        due
    }
}

fn member_of(identity: &Identity) -> Option<Member> {
    let person = identity.person.as_ref()?;
    Some(identity.member(person))
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
