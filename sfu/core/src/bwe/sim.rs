//! A path in virtual time: bottleneck, queue, delay, jitter, loss; a sender of frames in bursts as
//! the egress makes them; a receiver that sends transport-wide feedback.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{Estimator, ProbeId, Usage};
use crate::allocation::{Choice, Layer, LayerChooser, Rank, Situation, Wish, start_layer};

/// Octets of a full packet, and of an audio packet with its headers.
const PACKET: usize = 1_200;
const AUDIO: usize = 200;
/// 50 packets a second.
pub(crate) const AUDIO_RATE: u64 = AUDIO as u64 * 8 * 50;

const FRAME_MICROS: u64 = 33_333;
const AUDIO_MICROS: u64 = 20_000;

/// Splitmix64: numbers that look random, the same in each run.
#[derive(Debug)]
pub(crate) struct Rng(pub u64);

impl Rng {
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Path {
    /// Bit/s of the bottleneck.
    pub rate: u64,
    /// Packets that would wait longer are dropped.
    pub queue_ms: u64,
    /// One way, each direction.
    pub delay_ms: u64,
    /// Added to each packet, uniform from 0, without reordering unless `reorders`.
    pub jitter_ms: u64,
    pub reorders: bool,
    /// Share of packets lost, in bursts of `burst` on average.
    pub loss: f64,
    pub burst: f64,
    /// Share of feedback lost, and its interval.
    pub feedback_loss: f64,
    pub feedback_ms: u64,
    /// Octets that pass at once after a pause, as a token bucket lets them.
    pub bucket: u64,
    /// Arrivals come together at multiples of this, as an access point lets them.
    pub batch_ms: u64,
    /// The rate wanders by as much, up and down, each 200 ms.
    pub wander: f64,
}

pub(crate) const fn path(rate: u64) -> Path {
    Path {
        rate,
        queue_ms: 300,
        delay_ms: 25,
        jitter_ms: 0,
        reorders: false,
        loss: 0.0,
        burst: 1.0,
        feedback_loss: 0.0,
        feedback_ms: 100,
        bucket: 0,
        batch_ms: 0,
        wander: 0.0,
    }
}

/// What is sent.
#[derive(Debug)]
pub(crate) enum Video {
    /// One rate for ever.
    Fixed(u64),
    /// The layer that the chooser says, from the next keyframe on, which comes after 300 ms.
    Layers {
        layers: Vec<Layer>,
        chooser: Box<LayerChooser>,
        wish: Wish,
        sending: Option<Rank>,
        switch: Option<(u64, Option<Rank>)>,
    },
}

#[derive(Debug, Clone, Copy)]
struct Packet {
    at: u64,
    seq: u16,
}

type Message = (i32, Vec<(u16, Option<i64>)>);

#[derive(Debug)]
pub(crate) struct Sim {
    start: Instant,
    /// Microseconds since `start`.
    pub now: u64,
    pub path: Path,
    pub estimator: Estimator,
    pub video: Video,
    /// The estimate that the application would like, with fixed video.
    pub wanted: Option<u64>,
    /// Whether the receiver answers.
    pub answers: bool,
    rng: Rng,
    seed: u64,
    free_at: u64,
    last_arrival: u64,
    losing: bool,
    on_way: VecDeque<Packet>,
    arrived: Vec<(u16, u64)>,
    reported_to: Option<u16>,
    next_feedback: u64,
    feedback: VecDeque<(u64, Message)>,
    next_frame: u64,
    frames: u64,
    next_audio: u64,
    /// Seconds of the past that are sent at the beginning, at three times real time.
    backlog: u64,
    probe: Option<(ProbeId, u64, usize)>,
    next_probe_packet: u64,
    /// Counted for the tables.
    pub overs: u64,
    pub probes: u64,
    pub probe_bytes: u64,
    pub sent_packets: u64,
    pub sent_bytes: u64,
    pub dropped: u64,
    /// When the choice changed, and to what.
    pub switches: Vec<(u64, Choice)>,
    pub worst_queue: u64,
}

impl Sim {
    pub(crate) fn new(path: Path, video: Video, start_bitrate: u64, seed: u64) -> Self {
        let start = Instant::now();
        Self {
            start,
            now: 0,
            path,
            estimator: Estimator::new(start, start_bitrate),
            video,
            wanted: None,
            answers: true,
            rng: Rng(seed),
            seed,
            free_at: 0,
            last_arrival: 0,
            losing: false,
            on_way: VecDeque::new(),
            arrived: Vec::new(),
            reported_to: None,
            next_feedback: 0,
            feedback: VecDeque::new(),
            next_frame: 0,
            frames: 0,
            next_audio: 0,
            backlog: 0,
            probe: None,
            next_probe_packet: 0,
            overs: 0,
            probes: 0,
            probe_bytes: 0,
            sent_packets: 0,
            sent_bytes: 0,
            dropped: 0,
            switches: Vec::new(),
            worst_queue: 0,
        }
    }

    pub(crate) fn layered(path: Path, layers: &[u64], start_bitrate: u64, seed: u64) -> Self {
        let layers: Vec<Layer> = (0_u8..)
            .zip(layers)
            .map(|(rank, bitrate)| Layer {
                rank: Rank(rank),
                bitrate: *bitrate,
            })
            .collect();
        let first = start_layer(start_bitrate, &layers, AUDIO_RATE);
        let video = Video::Layers {
            chooser: Box::new(LayerChooser::new(first)),
            wish: Wish::Auto,
            sending: first,
            switch: None,
            layers,
        };
        Self::new(path, video, start_bitrate, seed)
    }

    /// Sends a GOP of the past first.
    pub(crate) fn with_backlog(mut self, seconds: u64) -> Self {
        self.backlog = seconds * 30;
        self
    }

    pub(crate) fn instant(&self) -> Instant {
        self.start + Duration::from_micros(self.now)
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.now as f64 * 1e-6
    }

    pub(crate) fn choice(&self) -> Option<Choice> {
        self.switches.last().map(|(_, choice)| *choice)
    }

    /// What waits before the bottleneck is gone.
    pub(crate) fn clear_queue(&mut self) {
        self.free_at = self.now;
        let longest = self.now + 1_000 * (self.path.delay_ms + self.path.jitter_ms);
        self.on_way.retain(|packet| packet.at <= longest);
        self.last_arrival = self.last_arrival.min(longest);
    }

    /// Runs for so many milliseconds; `watch` sees every one.
    pub(crate) fn run(&mut self, millis: u64, mut watch: impl FnMut(&Self)) {
        for _ in 0..millis {
            self.step();
            watch(self);
        }
    }

    fn step(&mut self) {
        self.now += 1_000;
        self.send_media();
        self.send_probe();
        while let Some(packet) = self.on_way.front().copied() {
            if packet.at > self.now {
                break;
            }
            self.on_way.pop_front();
            self.arrived.push((packet.seq, packet.at));
        }
        if self.now >= self.next_feedback && !self.arrived.is_empty() {
            self.next_feedback = self.now + 1_000 * self.path.feedback_ms;
            self.report();
        }
        while let Some((at, _)) = self.feedback.front() {
            if *at > self.now {
                break;
            }
            let Some((_, (reference, packets))) = self.feedback.pop_front() else {
                break;
            };
            let queue = self.free_at.saturating_sub(self.now);
            let rtt = 2_000 * self.path.delay_ms + queue;
            self.estimator.rtt(Duration::from_micros(rtt));
            let now = self.instant();
            self.estimator.feedback(now, reference, packets.into_iter());
            if self.estimator.usage() == Usage::Over {
                self.overs += 1;
            }
            self.choose();
        }
    }

    fn choose(&mut self) {
        let now = self.instant();
        let wanted = match &mut self.video {
            Video::Fixed(_) => self.wanted,
            Video::Layers {
                layers,
                chooser,
                wish,
                sending,
                switch,
            } => {
                let choice = chooser.choose(
                    now,
                    &Situation {
                        estimate: self.estimator.estimate(),
                        over: self.estimator.usage() == Usage::Over,
                        layers,
                        audio: AUDIO_RATE,
                        wish: *wish,
                    },
                );
                if self.switches.last().is_none_or(|(_, last)| *last != choice) {
                    self.switches.push((self.now, choice));
                    match choice {
                        Choice::Layer(rank) if *sending != Some(rank) => {
                            *switch = Some((self.now + 300_000, Some(rank)));
                        }
                        Choice::Layer(_) => *switch = None,
                        Choice::Pause => *switch = Some((self.now, None)),
                    }
                }
                chooser.wanted()
            }
        };
        if let Some(probe) = self.estimator.poll_probe(now, wanted) {
            self.probes += 1;
            self.probe = Some((probe.id, probe.bitrate, probe.bytes));
            self.next_probe_packet = self.now;
        }
    }

    fn send_media(&mut self) {
        while self.now >= self.next_audio {
            self.next_audio += AUDIO_MICROS;
            self.send(AUDIO, None);
        }
        if let Video::Layers {
            sending, switch, ..
        } = &mut self.video
            && let Some((at, rank)) = *switch
            && self.now >= at
        {
            *sending = rank;
            *switch = None;
            // A switch happens at a keyframe.
            self.frames = 0;
        }
        while self.now >= self.next_frame {
            let speed = if self.backlog > 0 { 3 } else { 1 };
            self.backlog = self.backlog.saturating_sub(1);
            self.next_frame += FRAME_MICROS / speed;
            let rate = match &self.video {
                Video::Fixed(rate) => *rate,
                Video::Layers {
                    layers, sending, ..
                } => layers
                    .iter()
                    .find(|l| Some(l.rank) == *sending)
                    .map_or(0, |l| l.bitrate),
            };
            // A keyframe every two seconds is five times the size of the others.
            let keyframe = self.frames.is_multiple_of(60);
            self.frames += 1;
            let share = if keyframe { 5.0 } else { 1.0 } * 60.0 / 64.0;
            let vary = 0.75 + 0.5 * self.rng.unit();
            let mut bytes = (rate as f64 / 8.0 / 30.0 * share * vary) as usize;
            while bytes > 0 {
                let size = bytes.min(PACKET);
                self.send(size.max(60), None);
                bytes -= size;
            }
        }
    }

    fn send_probe(&mut self) {
        while let Some((id, bitrate, left)) = self.probe {
            if self.now < self.next_probe_packet {
                return;
            }
            // At least six packets.
            let size = PACKET.min(left).min(250.max(left / 6));
            self.send(size, Some(id));
            self.probe_bytes += size as u64;
            self.next_probe_packet += size as u64 * 8_000_000 / bitrate;
            self.probe = (left > size).then_some((id, bitrate, left - size));
        }
    }

    fn send(&mut self, size: usize, probe: Option<ProbeId>) {
        let seq = self.estimator.sent(self.instant(), size, probe);
        self.sent_packets += 1;
        self.sent_bytes += size as u64;
        let bucket = self.path.bucket * 8_000_000 / self.path.rate;
        let wait = self.free_at.saturating_sub(self.now + bucket);
        self.worst_queue = self.worst_queue.max(wait);
        if wait > self.path.queue_ms * 1_000 {
            self.dropped += 1;
            return;
        }
        // The same draw for all packets of a fifth of a second.
        let draw = Rng(self.seed ^ (self.now / 200_000)).unit() * 2.0 - 1.0;
        let rate = self.path.rate as f64 * (1.0 + self.path.wander * draw);
        self.free_at = self.now.max(self.free_at) + (size as f64 * 8e6 / rate) as u64;
        // Two states: one that loses everything and lasts `burst` packets on average, and one that
        // loses nothing.
        let leave = 1.0 / self.path.burst;
        let enter = leave * self.path.loss / (1.0 - self.path.loss);
        let change = if self.losing { leave } else { enter };
        if self.rng.unit() < change {
            self.losing = !self.losing;
        }
        if self.losing {
            return;
        }
        let jitter = (self.rng.unit() * self.path.jitter_ms as f64 * 1e3) as u64;
        let leaves = self.free_at.saturating_sub(bucket).max(self.now);
        let mut at = leaves + self.path.delay_ms * 1_000 + jitter;
        if self.path.batch_ms > 0 {
            at = at.next_multiple_of(1_000 * self.path.batch_ms);
        }
        if !self.path.reorders {
            at = at.max(self.last_arrival);
            self.last_arrival = at;
        }
        let place = self.on_way.partition_point(|p| p.at <= at);
        self.on_way.insert(place, Packet { at, seq });
    }

    /// Reports everything that arrived, with the gaps before; what comes late goes back.
    fn report(&mut self) {
        // The viewer's clock: another origin, and 50 ppm faster.
        let clock = |at: u64| (7_777_000_000 + at + at / 20_000) / 250;
        let mut arrived = std::mem::take(&mut self.arrived);
        let newest = self.reported_to.unwrap_or(arrived[0].0);
        arrived.sort_by_key(|(seq, _)| seq.wrapping_sub(newest) as i16);
        let reference = arrived.iter().map(|(_, at)| clock(*at)).min().unwrap_or(0) / 256;
        let mut packets = Vec::new();
        let mut next = arrived[0].0;
        if let Some(reported) = self.reported_to
            && (next.wrapping_sub(reported) as i16) > 0
        {
            next = reported.wrapping_add(1);
        }
        for (seq, at) in &arrived {
            while next != *seq {
                packets.push((next, None));
                next = next.wrapping_add(1);
            }
            let ticks = clock(*at) as i64 - (reference * 256) as i64;
            packets.push((*seq, Some(ticks)));
            next = seq.wrapping_add(1);
        }
        let last = next.wrapping_sub(1);
        if self
            .reported_to
            .is_none_or(|reported| (last.wrapping_sub(reported) as i16) > 0)
        {
            self.reported_to = Some(last);
        }
        if self.answers && self.rng.unit() >= self.path.feedback_loss {
            let at = self.now + self.path.delay_ms * 1_000;
            // 24 bits with a sign.
            let reference = (reference as i32) << 8 >> 8;
            self.feedback.push_back((at, (reference, packets)));
        }
    }
}
