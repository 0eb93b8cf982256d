//! What the viewer sends back: reports, losses, arrivals, keyframe requests.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use weir_rtp::rtcp::{self, Rtcp};

use super::{Context, Egress, start::START_LOST};

/// Resent packets that are remembered, so that a repeated request within a round trip is not answered
/// twice. Beyond, the oldest is forgotten, at the worst for a duplicate.
const REMEMBERED: usize = 256;

/// Round trip until one is known.
const UNKNOWN_ROUND_TRIP: Duration = Duration::from_millis(50);

/// Resent octets a second, as a share of what is thought to fit: a path that is full is not made free
/// by filling it more.
const RESEND_SHARE: f64 = 0.5;

/// With packets that wait so long before the bottleneck, what is resent makes more loss than it mends: it
/// gets what the media leaves, or at least this share, and nothing from before the newest keyframe.
const STANDING: Duration = Duration::from_millis(100);
const RESEND_LEAST: f64 = 0.05;

/// Resent octets at once.
const RESEND_BURST: f64 = 96.0 * 1024.0;

/// Least time between two keyframes asked for on behalf of one viewer.
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub(crate) struct Resent {
    newest: VecDeque<(u64, Instant)>,
    tokens: Option<(f64, Instant)>,
    keyframe_asked: Option<Instant>,
    /// Nothing before this number is of use to the viewer.
    from: u64,
    /// Where the newest keyframe begins.
    keyframe: u64,
}

impl Resent {
    /// Whether the packet was resent so short ago that the viewer may not have it yet.
    fn is_on_its_way(&self, seq: u64, now: Instant, round_trip: Duration) -> bool {
        self.newest
            .iter()
            .rev()
            .take_while(|(_, at)| now < *at + round_trip)
            .any(|(other, _)| *other == seq)
    }

    fn remember(&mut self, seq: u64, now: Instant) {
        if self.newest.len() >= REMEMBERED {
            self.newest.pop_front();
        }
        self.newest.push_back((seq, now));
    }

    /// A keyframe begins with this number.
    pub(super) fn keyframe(&mut self, seq: u64) {
        self.keyframe = seq;
    }

    /// What went before is not resent any more.
    pub(super) fn begin_after(&mut self, seq: u64) {
        self.from = seq + 1;
    }

    /// `rate`: octets a second.
    fn fill(&mut self, now: Instant, rate: f64) {
        let (tokens, at) = self.tokens.unwrap_or((RESEND_BURST, now));
        let passed = now.saturating_duration_since(at).as_secs_f64();
        self.tokens = Some(((tokens + passed * rate).min(RESEND_BURST), now));
    }

    fn is_open(&self) -> bool {
        self.tokens.is_none_or(|(tokens, _)| tokens > 0.0)
    }

    fn spend(&mut self, octets: usize) {
        if let Some((tokens, _)) = &mut self.tokens {
            *tokens -= octets as f64;
        }
    }
}

impl Egress {
    /// A datagram of the viewer that is no STUN or DTLS. False when it is not an authentic compound
    /// of RTCP packets.
    pub(crate) fn feedback(&mut self, cx: &mut Context<'_>, datagram: &mut [u8]) -> bool {
        if !weir_rtp::packet::is_rtcp(datagram) {
            return false;
        }
        let Some(keys) = &mut self.keys else {
            return false;
        };
        let Ok(len) = keys.opener.open_rtcp(datagram) else {
            return false;
        };
        let Some(compound) = datagram.get(..len) else {
            return false;
        };
        for packet in rtcp::packets(compound) {
            let Ok(packet) = packet else { break };
            match packet {
                Rtcp::ReceiverReport(report) => {
                    for block in report.blocks {
                        self.reported(cx.now, cx.wallclock, &block);
                    }
                }
                Rtcp::SenderReport(report) => {
                    for block in report.blocks {
                        self.reported(cx.now, cx.wallclock, &block);
                    }
                }
                Rtcp::Nack(nack) => {
                    if self.is_video(nack.media) {
                        self.resend(cx, nack.lost());
                    }
                }
                Rtcp::Pli(pli) => {
                    if self.is_video(pli.media) {
                        self.keyframe_requested(cx);
                    }
                }
                Rtcp::Fir(fir) => {
                    if fir.entries().any(|entry| self.is_video(entry.ssrc)) {
                        self.keyframe_requested(cx);
                    }
                }
                Rtcp::Twcc(twcc) => {
                    self.estimator
                        .feedback(cx.now, twcc.reference_time, twcc.arrivals());
                    self.adapt_pace();
                    self.choose(cx.now, cx.layers);
                    self.probe(cx);
                }
                Rtcp::Sdes(_) | Rtcp::Bye(_) | Rtcp::Remb(_) | Rtcp::Other { .. } => {}
            }
        }
        true
    }

    fn is_video(&self, ssrc: u32) -> bool {
        self.video.as_ref().is_some_and(|video| video.ssrc == ssrc)
    }

    /// The viewer's decoder has lost its way. What lies in the store would show the past again, so a
    /// new keyframe is asked for; it comes in the present run. Only who never got its start gets it
    /// once more.
    fn keyframe_requested(&mut self, cx: &mut Context<'_>) {
        let now = cx.now;
        self.stats.keyframe_requests += 1;
        let again = self
            .resent
            .keyframe_asked
            .is_none_or(|asked| now >= asked + KEYFRAME_INTERVAL);
        // While it catches up, what it needs is on its way.
        if !again || self.behind.is_some() {
            return;
        }
        self.resent.keyframe_asked = Some(now);
        if self
            .begun
            .take_if(|begun| now < *begun + START_LOST)
            .is_some()
        {
            self.interrupt_video();
            self.begin(cx);
            return;
        }
        let run = self.video.as_ref().and_then(|video| video.munger.run());
        let target = self.selection.target().map(|target| target.layer);
        let layer = run.map(|(layer, _)| layer).or(target);
        self.wants_keyframe = Some(layer.unwrap_or_default());
    }

    fn resend(&mut self, cx: &mut Context<'_>, lost: impl Iterator<Item = u16>) {
        let path = self.estimator.estimate() as f64 / 8.0;
        let is_full = self.estimator.queued() > STANDING;
        let rate = if is_full {
            (path - self.media_rate(cx) as f64 / 8.0).max(path * RESEND_LEAST)
        } else {
            path * RESEND_SHARE
        };
        self.resent.fill(cx.now, rate);
        let from = if is_full {
            self.resent.from.max(self.resent.keyframe)
        } else {
            self.resent.from
        };
        let round_trip = self.reports.round_trip().unwrap_or(UNKNOWN_ROUND_TRIP);
        for seq in lost {
            self.stats.nacked += 1;
            let (Some(keys), Some(video)) = (&mut self.keys, &mut self.video) else {
                return;
            };
            if !self.resent.is_open() {
                return;
            }
            let Some(seq) = video.munger.extend(seq) else {
                continue;
            };
            if seq < from || self.resent.is_on_its_way(seq, cx.now, round_trip) {
                continue;
            }
            let Some(origin) = video.munger.origin(seq) else {
                continue;
            };
            let layer = cx.layers.get(origin.layer);
            let Some(packet) = layer.and_then(|l| l.store.get(origin.epoch, origin.seq)) else {
                continue;
            };
            let Some(munged) = video.munger.again(seq, packet) else {
                continue;
            };
            let mut wire = keys.wire(cx.outbox, cx.path);
            let (estimator, now) = (&mut self.estimator, cx.now);
            let twcc = |size| estimator.sent(now, size, None);
            if let Some(size) = video.resend(&mut wire, packet, &munged, packet.marker, twcc) {
                self.resent.remember(seq, cx.now);
                self.resent.spend(size);
                self.stats.retransmissions += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_request_within_a_round_trip_waits() {
        let now = Instant::now();
        let mut resent = Resent::default();
        resent.remember(5, now);
        let round_trip = Duration::from_millis(100);
        let later = |ms| now + Duration::from_millis(ms);
        assert!(resent.is_on_its_way(5, later(99), round_trip));
        assert!(!resent.is_on_its_way(5, later(100), round_trip));
        assert!(!resent.is_on_its_way(6, later(1), round_trip));
    }

    #[test]
    fn resending_is_bounded_by_the_path() {
        let now = Instant::now();
        let mut resent = Resent::default();
        let mut octets = 0;
        for ms in 0..2_000 {
            resent.fill(now + Duration::from_millis(ms), 62_500.0);
            while resent.is_open() {
                resent.spend(1_200);
                octets += 1_200;
            }
        }
        let most = RESEND_BURST as usize + 2 * 62_500 + 1_200;
        assert!((most - 5_000..=most).contains(&octets), "{octets}");
    }
}
