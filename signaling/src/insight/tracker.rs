//! Who watches, minute by minute: a pure state machine. What happens goes in with the time, rows to
//! write come out by [`Tracker::take`].

use std::collections::{HashMap, HashSet, hash_map::Entry};

use weir_db::{
    BroadcastId, Figures, MINUTE_MS, Participation, StreamId, StreamMinute, UnixMillis, UserId,
    ViewProtocol, ViewerSession,
};
use weir_protocol::{QoeReport, StreamSlug, TransportsInUse};
use weir_sfu::{LayerChoice, SessionId, StreamStats, Via};

use super::{
    session::{Open, Reported},
    visitor::{Origin, Salt, Visitor, family},
    ways::{Way, Ways},
};

/// Who asked for no playlist for so long has left.
pub(crate) const HLS_AWAY_MS: i64 = 10_000;

/// A session that was answered and did not connect for so long never will.
const CONNECT_MS: i64 = 60_000;

/// Viewers that are tracked. More are not counted here; each costs about half a kilobyte.
const WATCHERS_MAX: usize = 100_000;

/// Rows that wait for a database that does not answer. When there are more the oldest are lost.
const WAITING_MAX: usize = 200_000;

/// Delays of one minute of a stream that go into its median; more change little.
const DELAYS_MAX: usize = 1_000;

/// One viewer's playback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// Over WebRTC.
    WebRtc(SessionId),
    /// Over HLS: whoever asks for the playlists, by [`Arrival::origin`].
    Hls(StreamId, Visitor),
}

/// Somebody who came to watch.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) stream: StreamId,
    pub(crate) user: Option<UserId>,
    /// Who it is said to be in the rows.
    pub(crate) visitor: Visitor,
    /// Where it comes from, whoever it is.
    pub(crate) origin: Visitor,
    pub(crate) agent: &'static str,
    pub(crate) at: UnixMillis,
}

/// Rows to write.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) sessions: Vec<ViewerSession>,
    pub(crate) minutes: Vec<StreamMinute>,
    pub(crate) participation: Vec<Participation>,
    /// Broadcasts that these belong to, whose totals have to be computed anew.
    pub(crate) broadcasts: Vec<BroadcastId>,
}

/// Who of the watchers is connected over WebRTC, by the stream and [`Arrival::origin`].
type Connected = HashMap<(StreamId, Visitor), Vec<SessionId>>;

/// Everybody who watches.
pub(crate) struct Tracker {
    salt: Salt,
    /// The key of origins, which are never written down: it stays.
    origins: Salt,
    /// Streams that are on the air, or about which there is something to write.
    streams: HashMap<StreamId, Channel>,
    on_air: HashMap<StreamSlug, StreamId>,
    arrivals: HashMap<SessionId, Arrival>,
    watchers: HashMap<Key, Watcher>,
    connected: Connected,
    waiting: Rows,
    said: HashMap<(BroadcastId, UserId), (UnixMillis, i64, i64)>,
    /// Broadcasts with changes since the last [`Tracker::take`], beside those on the air.
    touched: HashSet<BroadcastId>,
    ways: Ways,
}

/// One stream.
#[derive(Debug)]
struct Channel {
    broadcast: Option<BroadcastId>,
    on_air: bool,
    webrtc: i64,
    hls: i64,
    minute: UnixMillis,
    /// Until when the figures are complete.
    counted_to: UnixMillis,
    figures: Figures,
    delays: Vec<u32>,
    loss: f64,
}

/// One viewer. It has an open row while what it watches is on the air.
struct Watcher {
    arrival: Arrival,
    protocol: ViewProtocol,
    /// What carries its media, over WebRTC.
    via: Option<Via>,
    seen_at: UnixMillis,
    reported: Reported,
    open: Option<Open>,
}

impl Tracker {
    pub(crate) fn new(salt: Salt) -> Self {
        Self {
            salt,
            origins: Salt::fresh(),
            streams: HashMap::new(),
            on_air: HashMap::new(),
            arrivals: HashMap::new(),
            watchers: HashMap::new(),
            connected: HashMap::new(),
            waiting: Rows::default(),
            said: HashMap::new(),
            touched: HashSet::new(),
            ways: Ways::default(),
        }
    }

    /// A new day, a new key.
    pub(crate) fn set_salt(&mut self, salt: Salt) {
        self.salt = salt;
    }

    pub(crate) fn visitor(
        &self,
        stream: StreamId,
        user: Option<UserId>,
        from: Origin<'_>,
    ) -> Visitor {
        match user {
            Some(user) => self.salt.user(stream, user),
            None => self.salt.stranger(stream, from),
        }
    }

    pub(crate) fn origin(&self, stream: StreamId, from: Origin<'_>) -> Visitor {
        self.origins.stranger(stream, from)
    }

    /// A broadcast began, or was already on when its row was written.
    pub(crate) fn started(
        &mut self,
        (stream, slug): (StreamId, &StreamSlug),
        broadcast: BroadcastId,
        now: UnixMillis,
    ) {
        self.on_air.insert(slug.clone(), stream);
        let channel = self.channel(stream, now);
        channel.on_air = true;
        channel.broadcast = Some(broadcast);
        let mut begun = 0;
        for watcher in self.watchers.values_mut() {
            if watcher.arrival.stream != stream {
                continue;
            }
            match &mut watcher.open {
                Some(open) => _ = open.broadcast.get_or_insert(broadcast),
                // It stayed from the broadcast before.
                None => {
                    watcher.open = Some(Open::new(Some(broadcast), None, now));
                    begun += 1;
                }
            }
        }
        self.channel(stream, now).join(ViewProtocol::WebRtc, begun);
    }

    /// A broadcast ended; who stays waits for the next.
    pub(crate) fn ended(
        &mut self,
        (stream, slug): (StreamId, &StreamSlug),
        broadcast: BroadcastId,
        now: UnixMillis,
    ) {
        if self
            .streams
            .get(&stream)
            .is_none_or(|channel| channel.broadcast != Some(broadcast))
        {
            return;
        }
        self.on_air.remove(slug);
        let keys: Vec<Key> = self.keys(|watcher| watcher.arrival.stream == stream);
        for key in keys {
            self.close(key, now);
        }
        self.watchers.retain(|key, watcher| {
            watcher.arrival.stream != stream || matches!(key, Key::WebRtc(_))
        });
        let channel = self.channel(stream, now);
        channel.on_air = false;
        channel.broadcast = None;
        self.touched.insert(broadcast);
    }

    /// The stream is deleted, with everything that is known of it.
    pub(crate) fn forget(&mut self, (stream, slug): (StreamId, &StreamSlug)) {
        self.on_air.remove(slug);
        self.streams.remove(&stream);
        self.watchers
            .retain(|_, watcher| watcher.arrival.stream != stream);
        self.connected.retain(|(of, _), _| *of != stream);
        self.waiting.sessions.retain(|row| row.stream_id != stream);
        self.waiting.minutes.retain(|row| row.stream_id != stream);
    }

    /// A WHEP offer was answered.
    pub(crate) fn arrived(&mut self, session: SessionId, arrival: Arrival) {
        if self.arrivals.len() < WATCHERS_MAX {
            self.arrivals.insert(session, arrival);
        }
    }

    /// Its transport is up.
    pub(crate) fn connected(&mut self, session: SessionId, now: UnixMillis) {
        let Some(arrival) = self.arrivals.remove(&session) else {
            return;
        };
        let join_ms = (now - arrival.at).max(0);
        let place = (arrival.stream, arrival.origin);
        let key = Key::WebRtc(session);
        if self.is_full() {
            return;
        }
        // Before it is counted itself, lest it was two for a moment.
        if !self.connected.contains_key(&place) {
            self.count_hls(place, -1, now);
        }
        self.connected.entry(place).or_default().push(session);
        self.watch(key, arrival, ViewProtocol::WebRtc, Some(join_ms), now);
    }

    /// A WebRTC viewer is gone.
    pub(crate) fn left(&mut self, session: SessionId, now: UnixMillis) {
        let key = Key::WebRtc(session);
        self.close(key, now);
        let Some(watcher) = self.watchers.remove(&key) else {
            return;
        };
        let place = (watcher.arrival.stream, watcher.arrival.origin);
        let Entry::Occupied(mut sessions) = self.connected.entry(place) else {
            return;
        };
        sessions.get_mut().retain(|one| *one != session);
        if sessions.get().is_empty() {
            sessions.remove();
            self.count_hls(place, 1, now);
        }
    }

    /// Who watches by HLS from there, if anybody does, becomes a viewer of its own, or is one no more.
    fn count_hls(&mut self, (stream, origin): (StreamId, Visitor), more: i64, now: UnixMillis) {
        if self.watchers.contains_key(&Key::Hls(stream, origin)) {
            self.channel(stream, now).count(ViewProtocol::Hls, more);
        }
    }

    /// Somebody asked for a playlist of what is on the air.
    pub(crate) fn asked_for_playlist(&mut self, slug: &str, from: Origin<'_>, now: UnixMillis) {
        let Some(stream) = slug
            .parse()
            .ok()
            .and_then(|slug: StreamSlug| self.on_air.get(&slug))
        else {
            return;
        };
        let stream = *stream;
        let origin = self.origin(stream, from);
        let key = Key::Hls(stream, origin);
        if let Some(watcher) = self.watchers.get_mut(&key) {
            watcher.seen_at = now;
            return;
        }
        if self.is_full() {
            return;
        }
        let connected = self.connected.get(&(stream, origin));
        let connected = connected.and_then(|sessions| sessions.first());
        let connected = connected.and_then(|one| self.watchers.get(&Key::WebRtc(*one)));
        let (user, visitor) = match connected {
            Some(watcher) => (watcher.arrival.user, watcher.arrival.visitor),
            None => (None, self.salt.stranger(stream, from)),
        };
        let arrival = Arrival {
            stream,
            user,
            visitor,
            origin,
            agent: family(from.agent),
            at: now,
        };
        self.watch(key, arrival, ViewProtocol::Hls, None, now);
    }

    /// What a player says. `None` when nobody plays there; `Some(false)` when it says too much.
    pub(crate) fn report(
        &mut self,
        key: Key,
        stream: StreamId,
        user: Option<UserId>,
        report: &QoeReport,
        now: UnixMillis,
    ) -> Option<bool> {
        let watcher = self.watchers.get_mut(&key)?;
        if watcher.arrival.stream != stream {
            return None;
        }
        let Some(news) = watcher.reported.take_in(report, now) else {
            return Some(false);
        };
        watcher.arrival.user = watcher.arrival.user.or(user);
        if let Some(open) = &mut watcher.open {
            open.report(&news, report, now);
        }
        let channel = self.channel(stream, now);
        channel.figures.stalls += news.stalls;
        channel.figures.stall_ms += news.stall_ms;
        if let Some(delay) = report
            .delay_ms
            .filter(|_| channel.delays.len() < DELAYS_MAX)
        {
            channel.delays.push(delay);
        }
        Some(true)
    }

    /// How many watch a stream by HLS: each pair of address and user agent that asked for a playlist
    /// within 10 s counts once, unless it is connected over WebRTC too. People behind one address may
    /// count as one, and a cache in front of the server does.
    pub(crate) fn over_hls(&self, stream: StreamId) -> u32 {
        let channel = self.streams.get(&stream);
        channel.map_or(0, |channel| u32::try_from(channel.hls).unwrap_or(0))
    }

    /// How many viewers are tracked, and how many rows wait to be written.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        let rows = &self.waiting;
        let waiting = rows.sessions.len() + rows.minutes.len() + rows.participation.len();
        (self.watchers.len(), waiting)
    }

    /// What carried the media of the last hour.
    pub(crate) fn transports(&self, now: UnixMillis) -> TransportsInUse {
        self.ways.last_hour(now)
    }

    /// Streams with viewers whom the media plane knows.
    pub(crate) fn streams_over_webrtc(&self) -> Vec<StreamId> {
        let watched = self
            .streams
            .iter()
            .filter(|(_, channel)| channel.webrtc > 0);
        watched.map(|(stream, _)| *stream).collect()
    }

    /// How a stream's viewers are served now.
    pub(crate) fn sample(&mut self, stream: StreamId, stats: &StreamStats, now: UnixMillis) {
        let (mut sum, mut count) = (0.0, 0);
        for viewer in &stats.viewers {
            let Some(watcher) = self.watchers.get_mut(&Key::WebRtc(viewer.session)) else {
                continue;
            };
            watcher.seen_at = now;
            watcher.via = viewer.via;
            let Some(open) = &mut watcher.open else {
                continue;
            };
            let paused = matches!(viewer.choice, LayerChoice::Paused | LayerChoice::AudioOnly);
            let layer = match (&viewer.layer, viewer.height) {
                (None, _) => "none".to_owned(),
                (Some(_), _) if paused => "none".to_owned(),
                (Some(_), Some(height)) => format!("{height}p"),
                (Some(name), None) if name.is_empty() => "source".to_owned(),
                (Some(name), None) => name.clone(),
            };
            open.sample(layer, viewer.loss, now);
            sum += f64::from(viewer.loss);
            count += 1;
        }
        if count > 0 {
            let channel = self.channel(stream, now);
            channel.loss += sum;
            channel.figures.losses += count;
        }
    }

    /// Somebody wrote in a stream's chat.
    pub(crate) fn said(
        &mut self,
        stream: StreamId,
        user: Option<UserId>,
        what: Said,
        now: UnixMillis,
    ) {
        let channel = self.channel(stream, now);
        let (messages, reactions) = match what {
            Said::Message => (1, 0),
            Said::Reaction => (0, 1),
        };
        channel.figures.messages += messages;
        channel.figures.reactions += reactions;
        if let Some((broadcast, user)) = channel.broadcast.zip(user) {
            let said = self.said.entry((broadcast, user)).or_insert((now, 0, 0));
            said.0 = now;
            said.1 += messages;
            said.2 += reactions;
        }
    }

    /// Time has passed. To be called every few seconds.
    pub(crate) fn tick(&mut self, now: UnixMillis) {
        let silent = |watcher: &Watcher| {
            watcher.protocol == ViewProtocol::Hls && now - watcher.seen_at >= HLS_AWAY_MS
        };
        for key in self.keys(silent) {
            if let Some(watcher) = self.watchers.get(&key) {
                let seen_at = watcher.seen_at;
                self.close_as_of(key, seen_at, now);
                self.watchers.remove(&key);
            }
        }
        let (watching, connected) = (self.watchers.values(), &self.connected);
        let watching =
            watching.filter(|watcher| watcher.open.is_some() && watcher.counts(connected));
        self.ways.pass(watching.filter_map(Watcher::way), now);
        let mut failed = Vec::new();
        self.arrivals.retain(|_, arrival| {
            let lost = now - arrival.at >= CONNECT_MS;
            if lost {
                failed.push(arrival.stream);
            }
            !lost
        });
        for stream in failed {
            self.channel(stream, now).figures.failed_joins += 1;
            self.ways.failed(now);
        }
        let streams: Vec<StreamId> = self.streams.keys().copied().collect();
        for stream in streams {
            self.channel(stream, now);
        }
        self.streams
            .retain(|_, channel| channel.on_air || channel.is_wanted());
    }

    /// The rows to write: ended sessions, finished minutes, and how far open sessions are. With `all`,
    /// the minute that has begun too: the server stops.
    pub(crate) fn take(&mut self, all: bool, now: UnixMillis) -> Rows {
        self.tick(now);
        if all {
            for (stream, channel) in &mut self.streams {
                channel.finish(*stream, &mut self.waiting.minutes);
            }
        }
        let mut rows = std::mem::take(&mut self.waiting);
        for watcher in self.watchers.values() {
            if let Some(open) = &watcher.open {
                let seen_at = match watcher.protocol {
                    ViewProtocol::WebRtc => now,
                    ViewProtocol::Hls => watcher.seen_at,
                };
                rows.sessions.push(watcher.row(open, seen_at, None));
            }
        }
        let said = self.said.drain();
        let said = said.map(
            |((broadcast_id, user_id), (at, messages, reactions))| Participation {
                broadcast_id,
                user_id,
                at,
                messages,
                reactions,
            },
        );
        rows.participation.extend(said);
        let on_air = self
            .streams
            .values()
            .filter_map(|channel| channel.broadcast);
        self.touched.extend(on_air);
        rows.broadcasts.extend(self.touched.drain());
        rows
    }

    /// Rows that could not be written: they are given out again.
    pub(crate) fn put_back(&mut self, rows: Rows) {
        // Open ones are made anew.
        let ended = rows
            .sessions
            .into_iter()
            .filter(|row| row.ended_at.is_some());
        self.waiting.sessions.extend(ended);
        self.waiting.minutes.extend(rows.minutes);
        self.waiting.participation.extend(rows.participation);
        self.touched.extend(rows.broadcasts);
        let lost = trim(&mut self.waiting.sessions)
            + trim(&mut self.waiting.minutes)
            + trim(&mut self.waiting.participation);
        if lost > 0 {
            tracing::warn!(
                lost,
                "figures of viewers are lost: the database does not take them"
            );
        }
    }

    /// What is known of a viewer who is there now: stalls, stalled time, last delay, time to join.
    pub(crate) fn quality(&self, session: SessionId) -> Option<Quality> {
        let watcher = self.watchers.get(&Key::WebRtc(session))?;
        let open = watcher.open.as_ref()?;
        Some(Quality {
            stalls: open.stalls,
            stall_ms: open.stall_ms,
            delay_ms: open.last_delay(),
            join_ms: open.join_ms,
        })
    }

    fn is_full(&self) -> bool {
        self.watchers.len() >= WATCHERS_MAX
    }

    fn watch(
        &mut self,
        key: Key,
        arrival: Arrival,
        protocol: ViewProtocol,
        join_ms: Option<i64>,
        now: UnixMillis,
    ) {
        let stream = arrival.stream;
        let open = Open::new(self.channel(stream, now).broadcast, join_ms, now);
        let watcher = Watcher {
            arrival,
            protocol,
            via: None,
            seen_at: now,
            reported: Reported::new(now),
            open: Some(open),
        };
        if watcher.counts(&self.connected) {
            self.channel(stream, now).join(protocol, 1);
        }
        self.watchers.insert(key, watcher);
    }

    /// Ends a viewer's row, if one is open.
    fn close(&mut self, key: Key, now: UnixMillis) {
        self.close_as_of(key, now, now);
    }

    fn close_as_of(&mut self, key: Key, ended_at: UnixMillis, now: UnixMillis) {
        let Some(watcher) = self.watchers.get_mut(&key) else {
            return;
        };
        let Some(mut open) = watcher.open.take() else {
            return;
        };
        open.settle(ended_at);
        let row = watcher.row(&open, ended_at, Some(ended_at));
        let (stream, protocol) = (row.stream_id, row.protocol);
        let counts = watcher.counts(&self.connected);
        self.touched.extend(row.broadcast_id);
        self.waiting.sessions.push(row);
        if counts {
            self.channel(stream, now).count(protocol, -1);
        }
    }

    fn keys(&self, which: impl Fn(&Watcher) -> bool) -> Vec<Key> {
        let found = self.watchers.iter().filter(|(_, watcher)| which(watcher));
        found.map(|(key, _)| *key).collect()
    }

    /// The stream's figures, complete until now.
    fn channel(&mut self, stream: StreamId, now: UnixMillis) -> &mut Channel {
        let channel = self
            .streams
            .entry(stream)
            .or_insert_with(|| Channel::new(now));
        channel.advance(stream, now, &mut self.waiting.minutes);
        channel
    }
}

/// What somebody said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// A chat message.
    Message,
    /// A reaction.
    Reaction,
}

/// How one viewer's playback goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Quality {
    pub(crate) stalls: i64,
    pub(crate) stall_ms: i64,
    pub(crate) delay_ms: Option<u32>,
    pub(crate) join_ms: Option<i64>,
}

impl Channel {
    fn new(now: UnixMillis) -> Self {
        Self {
            broadcast: None,
            on_air: false,
            webrtc: 0,
            hls: 0,
            minute: now - now.rem_euclid(MINUTE_MS),
            counted_to: now,
            figures: Figures::default(),
            delays: Vec::new(),
            loss: 0.0,
        }
    }

    /// Counts time up to now, and finishes minutes that are over.
    fn advance(&mut self, stream: StreamId, now: UnixMillis, finished: &mut Vec<StreamMinute>) {
        // A machine that slept, or a clock that was set: what nobody saw is not made up.
        if now - self.counted_to > 10 * MINUTE_MS {
            self.finish(stream, finished);
            self.minute = now - now.rem_euclid(MINUTE_MS);
            self.counted_to = now;
        }
        while now >= self.minute + MINUTE_MS {
            self.integrate(self.minute + MINUTE_MS);
            self.finish(stream, finished);
            self.minute += MINUTE_MS;
        }
        self.integrate(now);
    }

    /// Time before now, a clock that went back, counts once.
    fn integrate(&mut self, to: UnixMillis) {
        let passed = to - self.counted_to;
        if passed <= 0 {
            return;
        }
        self.counted_to = to;
        self.figures.webrtc_ms += self.webrtc * passed;
        self.figures.hls_ms += self.hls * passed;
        if self.on_air {
            self.figures.live_ms += passed;
        }
        self.figures.peak = self.figures.peak.max(self.webrtc + self.hls);
    }

    fn count(&mut self, protocol: ViewProtocol, more: i64) {
        match protocol {
            ViewProtocol::WebRtc => self.webrtc += more,
            ViewProtocol::Hls => self.hls += more,
        }
        self.figures.peak = self.figures.peak.max(self.webrtc + self.hls);
    }

    fn join(&mut self, protocol: ViewProtocol, more: i64) {
        self.count(protocol, more);
        self.figures.joins += more;
    }

    fn finish(&mut self, stream: StreamId, finished: &mut Vec<StreamMinute>) {
        let mut figures = std::mem::take(&mut self.figures);
        self.delays.sort_unstable();
        if let Some(median) = self.delays.get(self.delays.len() / 2) {
            figures.delay_ms = i64::from(*median);
            figures.delays = i64::try_from(self.delays.len()).unwrap_or(i64::MAX);
        }
        self.delays.clear();
        if figures.losses > 0 {
            // Samples of a minute are few.
            #[allow(clippy::cast_precision_loss)]
            let samples = figures.losses as f64;
            figures.loss = self.loss / samples;
        }
        self.loss = 0.0;
        if figures != Figures::default() {
            let at = self.minute;
            finished.push(StreamMinute {
                stream_id: stream,
                at,
                figures,
            });
        }
    }

    fn is_wanted(&self) -> bool {
        self.webrtc + self.hls > 0 || self.figures != Figures::default() || !self.delays.is_empty()
    }
}

impl Watcher {
    /// Whether it is one more who watches. A player that falls back to HLS keeps its WebRTC session for
    /// as long as that may come back: it is one viewer, the one who is connected.
    fn counts(&self, connected: &Connected) -> bool {
        let place = (self.arrival.stream, self.arrival.origin);
        self.protocol == ViewProtocol::WebRtc || !connected.contains_key(&place)
    }

    /// None before a WebRTC viewer was sampled.
    fn way(&self) -> Option<Way> {
        match (self.protocol, self.via) {
            (ViewProtocol::Hls, _) => Some(Way::Hls),
            (ViewProtocol::WebRtc, Some(Via::Udp)) => Some(Way::Udp),
            (ViewProtocol::WebRtc, Some(Via::Tcp)) => Some(Way::Tcp),
            (ViewProtocol::WebRtc, Some(Via::Relay)) => Some(Way::Turn),
            (ViewProtocol::WebRtc, None) => None,
        }
    }

    fn row(&self, open: &Open, seen_at: UnixMillis, ended_at: Option<UnixMillis>) -> ViewerSession {
        ViewerSession {
            id: open.id,
            stream_id: self.arrival.stream,
            broadcast_id: open.broadcast,
            user_id: self.arrival.user,
            protocol: self.protocol,
            viewer: self.arrival.visitor.to_hex(),
            agent: self.arrival.agent.to_owned(),
            started_at: open.started_at,
            seen_at: seen_at.max(open.started_at),
            ended_at: ended_at.map(|at| at.max(open.started_at)),
            layers: open.layers(),
            stalls: open.stalls,
            stall_ms: open.stall_ms,
            delay_ms: open.median_delay(),
            loss: open.mean_loss(),
            join_ms: open.join_ms,
        }
    }
}

fn trim<T>(rows: &mut Vec<T>) -> usize {
    let lost = rows.len().saturating_sub(WAITING_MAX);
    rows.drain(..lost);
    lost
}

#[cfg(test)]
#[path = "tracker_tests.rs"]
mod tests;
