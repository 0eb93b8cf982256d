//! All rooms that somebody is in.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::{BoxFuture, OptionFuture};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use weir_db::{ChatReader, Db, RoomSubject, UserId};
use weir_protocol::{
    StreamSummary,
    room::{CloseReason, PINNED_MAX, RoomEventBody},
};

use super::{
    RoomError, RoomsConfig,
    limits::Limits,
    member::TransportKind,
    memory::{Kept, Memory, RECENT},
    policy,
    resolve::Target,
    room::{Audience, Room},
    writer::{Counters, Writer},
};
use crate::{
    Live, Services,
    engage::{self, Engage},
    happenings::{Consumer, Happening},
    metrics::Sample,
};

/// A room that nobody is in is kept in memory for so long: most who leave come back.
const LINGER: Duration = Duration::from_secs(60);

/// How often limits of those who were not heard of are forgotten.
const SWEEP: Duration = Duration::from_secs(60);

/// All rooms. Clones are the same.
#[derive(Clone)]
pub(crate) struct Rooms {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    live: Live,
    config: RoomsConfig,
    limits: Limits,
    writer: Writer,
    written: Arc<Counters>,
    engage: Engage,
    counts: Counts,
    rooms: Mutex<HashMap<RoomSubject, Arc<Room>>>,
    /// One at a time, so that no room is there twice.
    opening: tokio::sync::Mutex<()>,
    tasks: TaskTracker,
    draining: CancellationToken,
}

/// What happened in all rooms.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) websocket: AtomicU64,
    pub(super) data_channel: AtomicU64,
    pub(super) joins: AtomicU64,
    pub(super) resumed: AtomicU64,
    pub(super) lagged: AtomicU64,
    pub(super) resyncs: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) dropped: AtomicU64,
}

impl Counts {
    pub(super) fn of(&self, kind: TransportKind) -> &AtomicU64 {
        match kind {
            TransportKind::WebSocket => &self.websocket,
            TransportKind::DataChannel => &self.data_channel,
        }
    }
}

impl Rooms {
    /// Nobody is in any room yet. Must be called within a tokio runtime.
    pub(crate) fn new(services: &Services) -> Self {
        let config = services.config.rooms.clone();
        let (writer, work, written) =
            Writer::new(services.db.clone(), services.live.audience().clone());
        let tasks = TaskTracker::new();
        tasks.spawn(work);
        let inner = Inner {
            db: services.db.clone(),
            live: services.live.clone(),
            limits: Limits::new(&config),
            config,
            writer,
            written,
            engage: Engage::new(services),
            counts: Counts::default(),
            rooms: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
            tasks,
            draining: services.draining.clone(),
        };
        let rooms = Self {
            inner: Arc::new(inner),
        };
        rooms.inner.tasks.spawn(rooms.clone().watch());
        let draining = || services.draining.clone();
        rooms.spawn(engage::Policies::watch(rooms.clone(), draining()));
        rooms.spawn(engage::Windows::run(
            rooms.clone(),
            services.db.clone(),
            draining(),
        ));
        services.live.bus().register(Arc::new(rooms.clone()));
        rooms
    }

    /// The room of something, if somebody is in it.
    pub(crate) fn get(&self, subject: RoomSubject) -> Option<Arc<Room>> {
        self.rooms().get(&subject).cloned()
    }

    /// All rooms that somebody is in.
    pub(crate) fn all(&self) -> Vec<Arc<Room>> {
        self.rooms().values().cloned().collect()
    }

    /// The room of something, loaded when nobody is in it yet.
    pub(crate) async fn open(&self, target: &Target) -> Result<Arc<Room>, RoomError> {
        if let Some(room) = self.get(target.subject) {
            return Ok(room);
        }
        let _turn = self.inner.opening.lock().await;
        if let Some(room) = self.get(target.subject) {
            return Ok(room);
        }
        let db = &self.inner.db;
        let row = db.open_room(target.subject).await?;
        let limit = u32::try_from(RECENT).unwrap_or(u32::MAX);
        let newest = db.chat_before(row.id, None, ChatReader::Moderator, limit);
        let mut recent: Vec<Kept> = newest.await?.into_iter().map(Kept::from).collect();
        recent.reverse();
        let pins = u32::try_from(PINNED_MAX).unwrap_or(u32::MAX);
        let pinned = db.pinned_chat(row.id, pins).await?;
        let pinned = pinned.into_iter().map(Kept::from).collect();
        let settings = policy::settings(self, target).await?;
        let states = target
            .stream
            .as_ref()
            .map(|stream| self.inner.live.subscribe(stream));
        let now = states.as_ref().map(|states| states.borrow().clone());
        let memory = Memory::new(row.seq, recent, pinned);
        let room = Room::new(row.id, target.clone(), row.seq, memory, settings, now);
        let room = Arc::new(room);
        self.rooms().insert(target.subject, room.clone());
        let keep = self.clone().keep(room.clone(), states);
        self.inner.tasks.spawn(keep);
        tracing::debug!(room = %target.name, seq = row.seq, "room opened");
        Ok(room)
    }

    /// Something happened that members who are away are to learn of when they come back. Told in order
    /// with chat, under a number.
    pub(crate) async fn publish(&self, room: &Arc<Room>, body: RoomEventBody, audience: Audience) {
        debug_assert!(body.is_kept(), "what is of the moment goes to Room::tell");
        self.inner.writer.event(room.clone(), body, audience).await;
    }

    /// The room does not exist any more: its members are told, and nobody enters it.
    pub(crate) fn close(&self, subject: RoomSubject) {
        if let Some(room) = self.get(subject) {
            room.over.cancel();
        }
    }

    /// What a user may do has changed, or one of its tokens or devices is revoked: all its
    /// connections have to join again, by which those without the right do not come in.
    pub(crate) fn user_changed(&self, user: UserId) {
        for room in self.all() {
            let theirs = |person: &super::Person| person.user == Some(user);
            room.end_members(
                |identity| identity.person.as_ref().is_some_and(theirs),
                CloseReason::Changed,
            );
        }
    }

    /// A user may not be in this owner's rooms any more.
    fn blocked(&self, owner: UserId, user: UserId) {
        for room in self.all() {
            if room.target.owner == Some(owner) {
                room.end_members(
                    |who| {
                        let person = who.person.as_ref();
                        !who.moderator && person.is_some_and(|person| person.user == Some(user))
                    },
                    CloseReason::Forbidden,
                );
            }
        }
    }

    /// How rooms are run.
    pub(crate) fn engage(&self) -> &Engage {
        &self.inner.engage
    }

    /// Deletes all messages of the person with this key, whom clients know by `id`.
    pub(crate) async fn purge(
        &self,
        room: &Arc<Room>,
        key: Arc<str>,
        id: String,
    ) -> Result<(), RoomError> {
        self.inner.writer.purge(room.clone(), key, id).await?;
        Ok(())
    }

    pub(super) fn config(&self) -> &RoomsConfig {
        &self.inner.config
    }

    pub(super) fn db(&self) -> &Db {
        &self.inner.db
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    pub(super) fn writer(&self) -> &Writer {
        &self.inner.writer
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.inner.counts
    }

    pub(super) fn draining(&self) -> &CancellationToken {
        &self.inner.draining
    }

    /// Runs with the rooms.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.inner.tasks.spawn(task);
    }

    /// Figures for `/metrics`.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let counts = &self.inner.counts;
        let written = &self.inner.written;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let members = |transport, count: &AtomicU64| {
            let help = "Connections in rooms now";
            Sample::gauge("weir_room_members", help, read(count) as f64)
                .with("transport", transport)
        };
        let counter = |name, help, count: &AtomicU64| Sample::counter(name, help, read(count));
        vec![
            Sample::gauge(
                "weir_rooms",
                "Rooms with somebody in them now, or a minute ago",
                self.rooms().len() as f64,
            ),
            members("websocket", &counts.websocket),
            members("data_channel", &counts.data_channel),
            counter(
                "weir_room_joins",
                "Times that rooms were joined",
                &counts.joins,
            ),
            counter(
                "weir_room_resumed",
                "Joins that went on from where the client was",
                &counts.resumed,
            ),
            counter(
                "weir_room_messages",
                "Chat messages kept",
                &written.messages,
            ),
            counter(
                "weir_room_transactions",
                "Transactions in which chat messages were kept",
                &written.transactions,
            ),
            counter(
                "weir_room_write_failures",
                "Transactions of chat messages that failed for good",
                &written.failures,
            ),
            counter(
                "weir_room_lagged",
                "Times that a member fell behind and was told what it missed",
                &counts.lagged,
            ),
            counter(
                "weir_room_resyncs",
                "Times that a member fell so far behind that it began anew",
                &counts.resyncs,
            ),
            counter(
                "weir_room_refused",
                "Requests of members that were refused",
                &counts.refused,
            ),
            counter(
                "weir_room_dropped",
                "Connections given up because they took nothing for too long",
                &counts.dropped,
            ),
        ]
    }

    /// Tells members when the server stops, and forgets what is old.
    async fn watch(self) {
        let mut ticks = tokio::time::interval(SWEEP);
        loop {
            tokio::select! {
                () = self.inner.draining.cancelled() => break,
                _ = ticks.tick() => self.inner.limits.sweep(),
            }
        }
        for room in self.all() {
            room.end_members(|_| true, CloseReason::Stopping);
        }
    }

    /// Sends a room's batches until it is gone, or nobody was in it for a while.
    async fn keep(self, room: Arc<Room>, mut states: Option<watch::Receiver<StreamSummary>>) {
        let mut not_before = Instant::now();
        loop {
            let next = room.tick(Instant::now());
            let next = next.map(|at| tokio::time::sleep_until(at.into()));
            let linger = room.empty_since().map(|since| {
                let at = (since + LINGER).max(not_before);
                tokio::time::sleep_until(at.into())
            });
            let state = states.as_mut().map(watch::Receiver::changed);
            tokio::select! {
                () = room.over.cancelled() => break,
                () = room.changed.notified() => {}
                Some(()) = OptionFuture::from(next) => {}
                Some(changed) = OptionFuture::from(state) => match (changed, states.as_mut()) {
                    (Ok(()), Some(states)) => room.set_stream(states.borrow_and_update().clone()),
                    // The stream is deleted.
                    _ => break,
                },
                Some(()) = OptionFuture::from(linger) => {
                    if self.forget_if_unused(&room) {
                        return;
                    }
                    not_before = Instant::now() + Duration::from_secs(1);
                }
            }
        }
        room.over.cancel();
        self.rooms().remove(&room.target.subject);
        room.end_members(|_| true, CloseReason::Gone);
        tracing::debug!(room = %room.target.name, "room is gone");
    }

    /// Nobody is in it, and nobody is about to be: who enters or writes has a clone.
    fn forget_if_unused(&self, room: &Arc<Room>) -> bool {
        const HERE_AND_IN_THE_MAP: usize = 2;
        let mut rooms = self.rooms();
        let unused = room.empty_since().is_some_and(|at| at.elapsed() >= LINGER)
            && Arc::strong_count(room) <= HERE_AND_IN_THE_MAP;
        if unused {
            rooms.remove(&room.target.subject);
        }
        unused
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomSubject, Arc<Room>>> {
        self.inner
            .rooms
            .lock()
            .expect("nothing panics under this lock")
    }
}

impl Consumer for Rooms {
    fn consume<'a>(&'a self, happening: &'a Happening) -> BoxFuture<'a, ()> {
        match happening {
            Happening::StreamDeleted { stream } => self.close(RoomSubject::Stream(stream.id)),
            Happening::UserDeleted { user } => self.user_changed(user.id),
            Happening::UserBlocked { owner, user } => self.blocked(owner.id, user.id),
            _ => {}
        }
        Box::pin(std::future::ready(()))
    }
}
