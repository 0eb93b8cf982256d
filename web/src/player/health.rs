//! How well it plays, from what the receiver counts, and what to make of it.

use std::collections::VecDeque;

use super::{
    qoe::Freezes,
    words::{Phase, Transport},
};

/// Numbers are those of the last looks, as many as this: long enough to be calm, short enough to be true.
const LOOKS: usize = 8;

/// What the receiver has counted so far (webrtc-stats: RTCInboundRtpStreamStats, RTCIceCandidatePairStats).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counts {
    /// When it was read, by the page's clock. Milliseconds.
    pub at_ms: f64,
    /// Bytes of media, without headers.
    pub bytes: f64,
    /// Packets that came.
    pub packets: f64,
    /// Packets that did not.
    pub lost: f64,
    /// Pictures that were decoded.
    pub frames: f64,
    /// Pictures that were dropped here.
    pub dropped: f64,
    /// How long all samples together were held back. Seconds.
    pub buffer_s: f64,
    /// How many those were.
    pub emitted: f64,
    /// The newest round trip. Seconds.
    pub trip_s: Option<f64>,
    /// Where the browser counts them.
    pub freezes: Option<Freezes>,
}

/// How well it plays.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Health {
    /// Bits a second.
    pub bits: f64,
    /// Pictures a second.
    pub frames: f64,
    /// Share of packets that were lost, 0–1.
    pub loss: f64,
    /// Share of pictures that were dropped here, 0–1.
    pub dropped: f64,
    /// How long media was held back. Milliseconds.
    pub buffer_ms: Option<f64>,
    /// Round trip. Milliseconds.
    pub trip_ms: Option<f64>,
}

/// The last looks.
#[derive(Debug, Default)]
pub struct Looks(VecDeque<Counts>);

impl Looks {
    /// Another look; how well it plays since the oldest that is kept.
    pub fn take(&mut self, counts: Counts) -> Option<Health> {
        // Another session counts from nothing.
        if self.0.back().is_some_and(|last| counts.bytes < last.bytes) {
            self.0.clear();
        }
        if self.0.len() == LOOKS {
            self.0.pop_front();
        }
        self.0.push_back(counts);
        between(self.0.front()?, &counts)
    }

    /// Nothing is known any more.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}

fn between(before: &Counts, now: &Counts) -> Option<Health> {
    let seconds = (now.at_ms - before.at_ms) / 1_000.0;
    if seconds <= 0.0 {
        return None;
    }
    let share = |part: f64, rest: f64| {
        let part = part.max(0.0);
        if part + rest > 0.0 {
            part / (part + rest)
        } else {
            0.0
        }
    };
    let emitted = now.emitted - before.emitted;
    let frames = now.frames - before.frames;
    Some(Health {
        bits: (now.bytes - before.bytes) * 8.0 / seconds,
        frames: frames / seconds,
        loss: share(now.lost - before.lost, now.packets - before.packets),
        dropped: share(now.dropped - before.dropped, frames),
        buffer_ms: (emitted > 0.0).then(|| (now.buffer_s - before.buffer_s) * 1_000.0 / emitted),
        trip_ms: now.trip_s.map(|seconds| seconds * 1_000.0),
    })
}

/// What is to be made of it: the one thing that matters most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// All is well.
    Good,
    /// Nothing plays.
    Waiting,
    /// The network loses packets.
    Loss,
    /// The network is slow.
    Trip,
    /// The device is too slow.
    Device,
    /// Few pictures arrive.
    Rate,
    /// Over HLS.
    Hls,
    /// In the past.
    Dvr,
}

/// More of the packets than this are missed by the eye. Share.
const LOSS: f64 = 0.02;
/// More of the pictures than this. Share.
const DROPPED: f64 = 0.05;
/// Conversations become hard. Milliseconds.
const TRIP_MS: f64 = 300.0;
/// Movement falls apart. Pictures a second.
const FRAMES: f64 = 12.0;

/// The verdict. `pictures` is whether there is a video at all.
pub fn verdict(
    phase: Phase,
    transport: Option<Transport>,
    health: Option<&Health>,
    pictures: bool,
) -> Verdict {
    let playing = matches!(phase, Phase::Playing | Phase::Interrupted);
    match (transport, health) {
        (None, _) => Verdict::Waiting,
        _ if !playing => Verdict::Waiting,
        (Some(Transport::Dvr), _) => Verdict::Dvr,
        (Some(Transport::Hls), _) => Verdict::Hls,
        (Some(Transport::WebRtc), None) => Verdict::Good,
        (Some(Transport::WebRtc), Some(health)) if health.loss > LOSS => Verdict::Loss,
        (Some(Transport::WebRtc), Some(health)) if health.dropped > DROPPED => Verdict::Device,
        (Some(Transport::WebRtc), Some(health))
            if health.trip_ms.is_some_and(|it| it > TRIP_MS) =>
        {
            Verdict::Trip
        }
        (Some(Transport::WebRtc), Some(health)) if pictures && health.frames < FRAMES => {
            Verdict::Rate
        }
        (Some(Transport::WebRtc), Some(_)) => Verdict::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(second: f64) -> Counts {
        Counts {
            at_ms: second * 1_000.0,
            bytes: second * 250_000.0,
            packets: second * 200.0,
            frames: second * 30.0,
            buffer_s: second * 3.0,
            emitted: second * 30.0,
            trip_s: Some(0.04),
            ..Counts::default()
        }
    }

    fn health(change: impl FnOnce(&mut Counts)) -> Health {
        let mut looks = Looks::default();
        assert_eq!(looks.take(counts(1.0)), None, "one look says nothing");
        let mut now = counts(3.0);
        change(&mut now);
        looks.take(now).expect("two do")
    }

    fn said(health: Health) -> Verdict {
        verdict(Phase::Playing, Some(Transport::WebRtc), Some(&health), true)
    }

    #[test]
    fn rates_are_those_of_the_last_looks() {
        let health = health(|_| {});
        assert_eq!(
            (health.bits, health.frames, health.loss),
            (2_000_000.0, 30.0, 0.0)
        );
        assert_eq!(
            (health.buffer_ms, health.trip_ms),
            (Some(100.0), Some(40.0))
        );
        let mut looks = Looks::default();
        for second in 0..20 {
            looks.take(counts(f64::from(second)));
        }
        let mut now = counts(20.0);
        now.lost = 10.0;
        let loss = looks.take(now).expect("health").loss;
        assert!((loss - 10.0 / 1_410.0).abs() < 1e-9, "{loss}");
    }

    #[test]
    fn another_session_counts_anew() {
        let mut looks = Looks::default();
        looks.take(counts(9.0));
        assert_eq!(
            looks.take(Counts {
                at_ms: 10_000.0,
                ..Counts::default()
            }),
            None
        );
    }

    #[test]
    fn the_verdict_names_what_matters_most() {
        assert_eq!(said(health(|_| {})), Verdict::Good);
        assert_eq!(said(health(|it| it.lost = 40.0)), Verdict::Loss);
        assert_eq!(said(health(|it| it.dropped = 20.0)), Verdict::Device);
        assert_eq!(said(health(|it| it.trip_s = Some(0.5))), Verdict::Trip);
        assert_eq!(said(health(|it| it.frames = 40.0)), Verdict::Rate);
        let slow = health(|it| it.frames = 30.0);
        let sound = verdict(Phase::Playing, Some(Transport::WebRtc), Some(&slow), false);
        assert_eq!(sound, Verdict::Good, "sound alone has no pictures");
        assert_eq!(
            verdict(Phase::Playing, Some(Transport::Hls), None, true),
            Verdict::Hls
        );
        assert_eq!(verdict(Phase::Offline, None, None, true), Verdict::Waiting);
    }
}
