//! A shard with viewers behind paths of all kinds, from event to event in virtual time.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use str0m::{
    Candidate, Event, Input, Output as RtcOutput, Rtc, RtcConfig,
    change::SdpAnswer,
    media::{Direction, MediaKind},
    net::{Protocol, Receive},
};
use weir_sfu_core::{
    Flexfec, IceParameters, LayerChoice, LayerId, Output, SessionId, Shard, ShardConfig,
    ShardMessage, SourceInfo, ViewerStats, Wallclock,
};

use crate::{
    keyed,
    ladder::Ladder,
    path::Path,
    receiver::{Receiver, Streams},
    world::{STREAM, restarted, server},
};

/// The shard of the viewers; the stream's home is the other, and is played by [`Ladder`].
const SHARD: u16 = 0;

pub struct Sim {
    pub start: Instant,
    pub now: Instant,
    pub shard: Shard,
    pub source: Option<Ladder>,
    pub viewers: Vec<Viewer>,
    /// Keyframe requests that reached the source.
    pub requests: Vec<(Instant, Option<LayerId>)>,
    /// The layers that viewers need, a bit for each.
    pub needed: u8,
    network: BTreeMap<(Instant, u64), (usize, Way, Vec<u8>)>,
    sent: u64,
    info: Option<SourceInfo>,
    /// Called with true before media goes through the shard, and with false after it.
    pub around: fn(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

pub struct Viewer {
    pub rtc: Rtc,
    pub addr: SocketAddr,
    pub session: SessionId,
    pub down: Path,
    pub up: Path,
    pub receiver: Option<Receiver>,
    pub connected: Option<Instant>,
    pub answer: String,
    pub closed: bool,
    streams: Streams,
    due: Instant,
    /// The layer that was sent, each 100 ms.
    pub on: Vec<Option<String>>,
    pub stats: Option<ViewerStats>,
}

impl Sim {
    pub fn new() -> Self {
        let start = Instant::now();
        let config = ShardConfig {
            shard: SHARD,
            shards: 2,
            candidates: vec![server()],
            publisher_timeout: Duration::from_secs(5),
            flexfec: Flexfec::Off,
            grace: Duration::from_secs(15),
            playout_delay: (0, 20),
            wallclock: Wallclock::new(
                start,
                SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
            ),
            max_gso_segments: 64,
        };
        let mut shard = Shard::new(start, config).unwrap();
        shard.set_candidates(vec![server()], vec![server()]);
        Self {
            start,
            now: start,
            shard,
            source: None,
            viewers: Vec::new(),
            requests: Vec::new(),
            needed: 0,
            network: BTreeMap::new(),
            sent: 0,
            info: None,
            around: |_| {},
        }
    }

    /// A source begins; what is sent of it is what `ladder` says.
    pub fn begin(&mut self, ladder: Ladder) {
        let info = ladder.info.clone();
        self.source = Some(ladder);
        // Keeps the route without a viewer.
        self.shard.handle_tap(STREAM, true);
        self.tell(Some(info));
    }

    /// The home shard tells what the stream has now.
    pub fn tell(&mut self, info: Option<SourceInfo>) {
        self.info.clone_from(&info);
        let stream = STREAM;
        self.shard
            .handle_message(self.now, ShardMessage::Source { stream, info });
        self.drain();
    }

    /// Joins a viewer; its paths have this one-way delay.
    pub fn join(&mut self, config: RtcConfig, delay: Duration) -> usize {
        let number = self.viewers.len();
        let addr = SocketAddr::from(([198, 51, 100, 1], 10_000 + number as u16));
        let mut rtc = config
            .set_rtp_mode(true)
            .set_crypto_provider(keyed::provider())
            .build(self.now);
        rtc.add_local_candidate(Candidate::host(addr, "udp").unwrap());
        let mut api = rtc.sdp_api();
        api.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
        api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        let (offer, pending) = api.apply().unwrap();
        let session = SessionId(number as u128 + 1);
        let source = self.info.clone().expect("the stream is live");
        let answer = self
            .shard
            .handle_view(self.now, STREAM, session, &source, &offer.to_sdp_string())
            .unwrap();
        let sdp = SdpAnswer::from_sdp_string(&answer).unwrap();
        rtc.sdp_api().accept_answer(pending, sdp).unwrap();
        self.viewers.push(Viewer {
            rtc,
            addr,
            session,
            down: Path::new(delay, 2 * number as u64 + 1),
            up: Path::new(delay, 2 * number as u64 + 2),
            receiver: None,
            connected: None,
            streams: Streams::of(&answer),
            answer,
            closed: false,
            due: self.now,
            on: Vec::new(),
            stats: None,
        });
        // The home shard answers a subscription with the source.
        let info = self.info.clone();
        self.drain();
        self.tell(info);
        number
    }

    pub fn connect(&mut self, viewer: usize) {
        for _ in 0..5_000 {
            if self.viewers[viewer].connected.is_some() {
                return;
            }
            self.run(1);
        }
        panic!("viewer {viewer} does not connect");
    }

    pub fn restart_ice(&mut self, viewer: usize) {
        let client = &mut self.viewers[viewer];
        let mut api = client.rtc.sdp_api();
        api.ice_restart(true);
        let (offer, pending) = api.apply().unwrap();
        let parameters = IceParameters::find(&offer.to_sdp_string()).unwrap();
        let answer = self.shard.handle_ice_restart(client.session, &parameters);
        let sdp = restarted(&client.answer, &answer.unwrap());
        let sdp = SdpAnswer::from_sdp_string(&sdp).unwrap();
        client.rtc.sdp_api().accept_answer(pending, sdp).unwrap();
        self.drain_viewer(viewer);
        self.drain();
    }

    pub fn choose(&mut self, viewer: usize, choice: LayerChoice) {
        let session = self.viewers[viewer].session;
        assert!(self.shard.handle_choice(self.now, session, choice));
        self.drain();
    }

    pub fn rx(&self, viewer: usize) -> &Receiver {
        self.viewers[viewer]
            .receiver
            .as_ref()
            .expect("it is connected")
    }

    /// Something that the viewer's receiver sends by the test's will.
    pub fn with(
        &mut self,
        viewer: usize,
        run: impl FnOnce(&mut Receiver, Instant, &mut Vec<Vec<u8>>),
    ) {
        let (mut out, now) = (Vec::new(), self.now);
        run(
            self.viewers[viewer].receiver.as_mut().unwrap(),
            now,
            &mut out,
        );
        self.send_up(viewer, out);
    }

    pub fn stats(&mut self, viewer: usize) -> ViewerStats {
        let session = self.viewers[viewer].session;
        self.shard.handle_viewer_stats(self.now, session).unwrap()
    }

    pub fn run(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        loop {
            let timers = [
                self.network.keys().next().map(|(at, _)| *at),
                self.shard.poll_timeout(),
                self.source.as_ref().map(Ladder::due),
                self.viewers.iter().map(Viewer::due).min(),
            ];
            let next = timers.into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            self.step();
        }
    }

    /// Runs and notes each 100 ms which layer each viewer gets.
    pub fn watch(&mut self, millis: u64) {
        for _ in 0..millis / 100 {
            self.run(100);
            for viewer in 0..self.viewers.len() {
                let session = self.viewers[viewer].session;
                let stats = self.shard.handle_viewer_stats(self.now, session);
                let layer = stats.as_ref().and_then(|stats| stats.layer.clone());
                self.viewers[viewer].on.push(layer);
                self.viewers[viewer].stats = stats;
            }
        }
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some(entry) = self.network.first_entry()
            && entry.key().0 <= now
        {
            let (viewer, way, bytes) = entry.remove();
            match way {
                Way::Up => {
                    let from = self.viewers[viewer].addr;
                    // Checks and handshakes are str0m's.
                    let media = (128..192).contains(&bytes[0]);
                    (self.around)(media);
                    self.shard.handle_datagram(now, from, server(), now, &bytes);
                    (self.around)(false);
                    self.drain();
                }
                Way::Down => self.arrive(viewer, &bytes),
            }
        }
        if let Some(source) = &mut self.source
            && source.due() <= now
        {
            let packets = source.take(now, self.start);
            let count = packets.len();
            for (packet, number) in packets.into_iter().zip(1..) {
                let message = ShardMessage::Media {
                    stream: STREAM,
                    packet: Arc::new(packet),
                    flush: number == count,
                    gap: false,
                };
                (self.around)(true);
                self.shard.handle_message(now, message);
                (self.around)(false);
            }
            self.drain();
        }
        if self.shard.poll_timeout().is_some_and(|at| at <= now) {
            self.shard.handle_timeout(now);
            self.drain();
        }
        for index in 0..self.viewers.len() {
            let viewer = &mut self.viewers[index];
            if viewer.due <= now && viewer.rtc.is_alive() {
                let _ = viewer.rtc.handle_input(Input::Timeout(now));
                self.drain_viewer(index);
            }
            let mut out = Vec::new();
            if let Some(receiver) = &mut self.viewers[index].receiver {
                receiver.tick(now, &mut out);
            }
            self.send_up(index, out);
        }
    }

    fn arrive(&mut self, index: usize, bytes: &[u8]) {
        let viewer = &mut self.viewers[index];
        if (128..192).contains(&bytes[0]) {
            let mut out = Vec::new();
            if let Some(receiver) = &mut viewer.receiver {
                receiver.receive(self.now, bytes, &mut out);
            }
            self.send_up(index, out);
            return;
        }
        if let Ok(receive) = Receive::new(Protocol::Udp, server(), viewer.addr, bytes) {
            let _ = viewer.rtc.handle_input(Input::Receive(self.now, receive));
        }
        self.drain_viewer(index);
    }

    fn drain_viewer(&mut self, index: usize) {
        loop {
            let viewer = &mut self.viewers[index];
            match viewer.rtc.poll_output() {
                Ok(RtcOutput::Timeout(at)) => {
                    viewer.due = at.max(self.now + Duration::from_millis(1));
                    return;
                }
                Err(_) => {
                    viewer.due = self.now + Duration::from_secs(3_600);
                    return;
                }
                Ok(RtcOutput::Transmit(t)) => {
                    // What str0m would say of media, the receiver says.
                    let media = t.contents.first().is_some_and(|b| (128..192).contains(b));
                    if !media {
                        let bytes = t.contents.to_vec();
                        self.send_up(index, vec![bytes]);
                    }
                }
                Ok(RtcOutput::Event(Event::Connected)) => {
                    let keys = keyed::take_keys().expect("the handshake told its keys");
                    viewer.connected = Some(self.now);
                    viewer.receiver = Some(Receiver::new(self.now, &keys, viewer.streams));
                }
                Ok(RtcOutput::Event(Event::Closed)) => viewer.closed = true,
                Ok(RtcOutput::Event(_)) => {}
            }
        }
    }

    pub fn send_up(&mut self, viewer: usize, out: Vec<Vec<u8>>) {
        for bytes in out {
            if let Some(at) = self.viewers[viewer].up.pass(self.now, &bytes) {
                self.sent += 1;
                self.network
                    .insert((at, self.sent), (viewer, Way::Up, bytes));
            }
        }
    }

    pub fn drain(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(output) = self.shard.poll_output() {
                quiet = false;
                if let Output::Needed { layers, .. } = output {
                    self.needed = layers;
                    if let Some(source) = &mut self.source {
                        source.need(self.now, layers);
                    }
                } else if let Output::Forward {
                    message: ShardMessage::KeyframeRequest { layer, .. },
                    ..
                } = output
                {
                    self.requests.push((self.now, layer));
                    if let Some(source) = &mut self.source {
                        source.ask(self.now, layer);
                    }
                }
            }
            loop {
                (self.around)(true);
                let transmit = self.shard.poll_transmit(self.now);
                (self.around)(false);
                let Some(transmit) = transmit else { break };
                quiet = false;
                let to = transmit.path.destination;
                let viewer = self.viewers.iter().position(|v| v.addr == to).unwrap();
                for bytes in transmit.contents.chunks(transmit.segment) {
                    if let Some(at) = self.viewers[viewer].down.pass(self.now, bytes) {
                        self.sent += 1;
                        self.network
                            .insert((at, self.sent), (viewer, Way::Down, bytes.to_vec()));
                    }
                }
                self.shard.recycle(transmit);
            }
            if quiet {
                return;
            }
        }
    }
}

impl Viewer {
    fn due(&self) -> Instant {
        let receiver = self.receiver.as_ref().map(Receiver::due);
        receiver.map_or(self.due, |at| at.min(self.due))
    }
}

/// What a viewer saw from a moment on.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// Of what was captured.
    pub delivered: f64,
    /// Shown more than 200 ms after it could have been at the earliest.
    pub late: f64,
    /// Times without a new picture for more than 200 ms, and the longest time.
    pub freezes: usize,
    pub longest: Duration,
}

impl Sim {
    pub fn seen(&self, viewer: usize, from: Instant) -> Seen {
        let v = &self.viewers[viewer];
        let shown: Vec<_> = self
            .rx(viewer)
            .shown
            .iter()
            .filter(|s| s.at >= from)
            .collect();
        let fps = self.source.as_ref().map_or(30, |source| source.fps);
        let expected = (self.now - from).as_secs_f64() * fps as f64;
        let base = v.down.delay + v.down.jitter + Duration::from_millis(215);
        let late = shown
            .iter()
            .filter(|s| s.at > self.start + Duration::from_micros(s.told.captured) + base)
            .count();
        let mut times: Vec<Instant> = shown.iter().map(|s| s.at).collect();
        times.insert(0, from);
        times.push(self.now);
        let gaps = || times.windows(2).map(|pair| pair[1] - pair[0]);
        Seen {
            delivered: (shown.len() as f64 / expected).min(1.0) * 100.0,
            late: late as f64 / shown.len().max(1) as f64 * 100.0,
            freezes: gaps()
                .filter(|gap| *gap > Duration::from_millis(200))
                .count(),
            longest: gaps().max().unwrap_or_default(),
        }
    }

    /// Nothing that must not be has been seen.
    pub fn holds(&self, viewer: usize) {
        let rx = self.rx(viewer);
        assert!(
            rx.wrong.is_empty(),
            "{} wrong: {:#?}",
            rx.wrong.len(),
            &rx.wrong[..rx.wrong.len().min(8)]
        );
        assert_eq!(rx.not_authentic, 0, "packets that do not open");
        assert_eq!(rx.repeated, 0, "an index was sealed twice");
    }
}

/// Shares of time on each layer, as text.
pub fn shares(on: &[Option<String>]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for layer in on {
        *counts
            .entry(layer.as_deref().unwrap_or("none"))
            .or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let share = |(name, count): (&str, usize)| format!("{name} {}%", count * 100 / on.len().max(1));
    counts.into_iter().map(share).collect::<Vec<_>>().join(" ")
}
