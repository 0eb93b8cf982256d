//! From a keyframe in the store to the live edge.
//!
//! A viewer that joins gets the newest decodable point at once and what came after it faster than it
//! happened. Its timestamps are told faster too ([`CatchUp`]): a player shows frames by their
//! timestamps, and would otherwise stay as far behind as it began.

use std::time::{Duration, Instant};

use super::{Context, Egress, START_BITRATE, pacer::TICK};
use crate::{
    bwe::Usage,
    layers::Layers,
    munge::CatchUp,
    packet::{LayerId, MediaPacket},
};

/// Between the end of our handshake and the first picture. The peer still has to take the keys that it
/// agreed on, and what comes before is lost to it; browsers are ready at once, other stacks after
/// some milliseconds.
const READY: Duration = Duration::from_millis(15);

/// A viewer that asks for a keyframe so soon after its start has not got the start: it begins again
/// from the store, since there is nothing yet that it would see a second time.
pub(super) const START_LOST: Duration = Duration::from_secs(1);

/// A backlog up to this is simply sent: the playout delay of a player covers it.
const SHORT: Duration = Duration::from_millis(150);

/// Longest catch-up. With the keyframe that comes first and the player's own start, the delay is back
/// to normal within 2 s of the join.
const LONGEST: Duration = Duration::from_millis(1_300);

/// How many times faster than it happened a backlog is told, when it need not be faster. A decoder
/// in software does several times real time.
const SPEED: u32 = 6;

/// A backlog is sent at this rate at most, in bit/s, unless [`LONGEST`] asks for more.
const MAX_RATE: u64 = 25_000_000;

/// What an unknown path gets of a backlog until its first feedback, in bit/s: what of it does not pass
/// must fit the queue before the bottleneck, else it is lost. Doubles with each feedback then, as long
/// as packets wait no longer than `QUEUED`.
const FIRST_RATE: u64 = 5_000_000;
const QUEUED: Duration = Duration::from_millis(50);

/// From this backlog on a keyframe is asked for as well, for whoever joins next.
const LONG_GOP: Duration = Duration::from_secs(2);

/// A viewer so far behind jumps to the next keyframe rather than being told what lies between.
const FAR: Duration = Duration::from_millis(300);

/// A viewer so much further behind than it began has a path that does not take the stream: its video
/// is dropped to the next keyframe.
const LOST: Duration = Duration::from_secs(4);

/// Where a viewer reads the store.
#[derive(Debug)]
pub(crate) struct Behind {
    /// Next number of the source.
    pub(super) seq: u64,
    /// When the next portion is due.
    pub(super) next: Instant,
    /// How far behind it is.
    lag: Duration,
    /// How far it was at first.
    first_lag: Duration,
    /// What should leave to be live in time, in bit/s; none: no catch-up.
    wanted: Option<u64>,
    /// The path's end was met.
    full: bool,
}

impl Behind {
    /// A frame did not fit into what may leave at once.
    pub(super) fn burst(now: Instant, packet: &MediaPacket) -> Self {
        Self {
            seq: packet.seq,
            next: now + TICK,
            lag: Duration::ZERO,
            first_lag: Duration::ZERO,
            wanted: None,
            full: false,
        }
    }

    pub(super) fn is_far(&self) -> bool {
        self.lag > FAR
    }
}

impl Egress {
    /// The viewer is connected, or wants video again: it gets what the store has.
    pub(crate) fn begin(&mut self, cx: &mut Context<'_>) {
        self.choose(cx.now, cx.layers);
        if self.selection.is_paused() || self.congested || self.keys.is_none() {
            return;
        }
        let Some(video) = &mut self.video else { return };
        if video.munger.run().is_some() {
            return;
        }
        let wanted = self.selection.target().map(|target| target.layer);
        // Before there is a measurement, the start itself is one.
        let measured = self.estimator.acked_bitrate().is_some();
        let path = measured.then(|| self.estimator.estimate());
        let Some(layer) = start_layer(cx.layers, wanted, path) else {
            self.wants_keyframe = Some(wanted.unwrap_or_default());
            self.asked = Some(cx.now);
            return;
        };
        let Some(store) = cx.layers.get(layer).map(|layer| &layer.store) else {
            return;
        };
        let (Some(key), Some(newest)) = (store.keyframe(), store.newest()) else {
            return;
        };
        if self
            .source
            .as_ref()
            .is_some_and(|now| key.source < now.epoch)
        {
            return;
        }
        let backlog = newest.captured.saturating_duration_since(key.captured);
        let octets: usize = store.from(key.seq).map(|packet| packet.payload.len()).sum();
        let catch_up = (backlog > SHORT).then(|| {
            let by_rate =
                Duration::from_micros(octets as u64 * 8_000_000 / path.unwrap_or(MAX_RATE).max(1));
            let told_in = (backlog / SPEED).max(by_rate).clamp(TICK, LONGEST);
            CatchUp {
                media: backlog + told_in,
                told_in,
            }
        });
        let has_twcc = video.has_twcc();
        video.munger.begin(key, catch_up);
        self.selection.began(layer);
        let wanted = catch_up.map(|CatchUp { told_in, .. }| {
            // A quarter more, since the stream goes on meanwhile.
            let needed = octets as u64 * 8_000 / (told_in.as_millis() as u64).max(1);
            needed + needed / 4
        });
        let begins = self.ready_at.map_or(cx.now, |ready| ready.max(cx.now));
        self.begun = Some(begins);
        self.behind = Some(Behind {
            seq: key.seq,
            next: begins,
            lag: backlog,
            first_lag: backlog,
            wanted,
            full: path.is_some(),
        });
        match (path, wanted) {
            (Some(path), Some(_)) => self.pacer.set_rate(path + path / 4),
            // The first feedback says whether the path takes more.
            (None, Some(wanted)) if has_twcc => self.pacer.set_rate(wanted.min(FIRST_RATE)),
            (None, Some(wanted)) => self.pacer.set_rate(wanted),
            (_, None) => {}
        }
        if backlog > LONG_GOP {
            self.wants_keyframe = Some(layer);
        }
        if begins <= cx.now {
            self.pace(cx);
        }
    }

    /// The handshake is done just now.
    pub(super) fn set_ready(&mut self, now: Instant) {
        self.ready_at = Some(now + READY);
    }

    /// The next portion of what the viewer is behind.
    pub(super) fn pace(&mut self, cx: &mut Context<'_>) {
        let Some(mut behind) = self.behind.take() else {
            return;
        };
        let run = self.video.as_ref().and_then(|video| video.munger.run());
        let layers: &Layers = cx.layers;
        let store = run.and_then(|(layer, epoch)| {
            let store = &layers.get(layer)?.store;
            (store.epoch() == Some(epoch)).then_some(store)
        });
        let Some(store) = store else {
            self.interrupt_video();
            return;
        };
        let mut open = true;
        for packet in store.from(behind.seq) {
            open = self.pacer.is_open(cx.now);
            if !open {
                break;
            }
            behind.seq = packet.seq + 1;
            self.video_packet(cx, packet);
        }
        if open {
            self.normal_pace();
            return;
        }
        let captured = self.video.as_ref().and_then(|v| v.munger.last_captured());
        if let (Some(captured), Some(newest)) = (captured, store.newest()) {
            behind.lag = newest.captured.saturating_duration_since(captured);
        }
        if behind.lag > behind.first_lag + LOST {
            let left: usize = store.from(behind.seq).count();
            self.stats.dropped += left as u64;
            self.interrupt_video();
            self.normal_pace();
            if let Some((layer, _)) = run {
                self.want_keyframe(cx.now, layer);
            }
            return;
        }
        behind.next = cx.now + TICK;
        self.behind = Some(behind);
    }

    /// A viewer that jumps from a frame of which it has a part gets the rest first: else it would take the
    /// keyframe for the rest of that one.
    pub(super) fn finish_frame(&mut self, cx: &mut Context<'_>) {
        let Some(seq) = self.behind.as_ref().map(|behind| behind.seq) else {
            return;
        };
        let layers: &Layers = cx.layers;
        let run = self.video.as_ref().and_then(|video| video.munger.run());
        let Some((store, epoch)) =
            run.and_then(|(layer, epoch)| Some((&layers.get(layer)?.store, epoch)))
        else {
            return;
        };
        let sent = seq.checked_sub(1).and_then(|sent| store.get(epoch, sent));
        if sent.is_none_or(|sent| sent.marker) {
            return;
        }
        for packet in store.from(seq) {
            self.video_packet(cx, packet);
            if packet.marker {
                return;
            }
        }
    }

    /// After a feedback: faster, as long as the path takes it, else as much as it carries.
    pub(super) fn adapt_pace(&mut self) {
        let Some(behind) = &mut self.behind else {
            self.normal_pace();
            return;
        };
        let Some(wanted) = behind.wanted else { return };
        let (rate, estimate) = (self.pacer.rate(), self.estimator.estimate());
        if self.estimator.queued() > QUEUED || self.estimator.usage() == Usage::Over {
            // Its end is known now, and its queue has to drain.
            behind.full = true;
            self.pacer.set_rate(rate.min(estimate * 4 / 5));
        } else if behind.full {
            self.pacer.set_rate(estimate.min(wanted));
        } else {
            self.pacer.set_rate((2 * rate).min(wanted.max(rate)));
        }
    }

    /// Beyond a burst, frames leave at a few times what the path is thought to carry.
    pub(super) fn normal_pace(&mut self) {
        let estimate = self.estimator.estimate();
        self.pacer.set_rate((estimate * 5 / 2).max(START_BITRATE));
    }
}

/// The wanted layer if it can be begun now, else any that can: a picture now, the right one soon. Where
/// the `path` is known, in bit/s, rather a lower one whose backlog it takes in time.
fn start_layer(layers: &Layers, wanted: Option<LayerId>, path: Option<u64>) -> Option<LayerId> {
    let backlog = |layer: LayerId| {
        let store = &layers.get(layer)?.store;
        let key = store.keyframe()?;
        Some(store.from(key.seq).map(|p| p.payload.len()).sum::<usize>() as u64 * 8)
    };
    let in_time =
        |bits: u64| path.is_none_or(|path| bits * 1_000 <= path * LONGEST.as_millis() as u64);
    let rungs = layers.rungs();
    let place = |layer: LayerId| rungs.iter().rposition(|rung| rung.layer == layer);
    let top = wanted
        .and_then(place)
        .unwrap_or(rungs.len().saturating_sub(1));
    let mut found = None;
    // What a layer sent that is silent now leads nowhere; only where all are, it is all there is.
    let alive = rungs.iter().any(|rung| rung.active);
    for rung in rungs.iter().take(top + 1).rev() {
        if alive && !rung.active {
            continue;
        }
        if let Some(bits) = backlog(rung.layer) {
            if in_time(bits) {
                return Some(rung.layer);
            }
            found = Some(rung.layer);
        }
    }
    found.or_else(|| {
        let others = rungs.iter().rev().filter(|rung| rung.active || !alive);
        let mut others = others.map(|rung| rung.layer);
        others.find(|layer| backlog(*layer).is_some())
    })
}
