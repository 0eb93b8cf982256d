//! How much one viewer's path carries, from transport-wide feedback.
//!
//! [`Estimator`] hears of each packet sent and of each feedback, and has no timers. Its parts:
//! `history` remembers what was sent; `delay` sees the queue grow; `rate` measures what arrives;
//! `loss` separates a full queue's losses from the path's own; `probe` finds out what more fits.
//! Why it is made so, and what it measures, stands in `README.md` beside this file.

mod delay;
mod history;
mod loss;
mod probe;
mod rate;
#[cfg(test)]
pub(crate) mod sim;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use self::{
    delay::DelayDetector,
    history::{CAPACITY, History, News},
    loss::LossTracker,
    probe::{Finding, Prober},
    rate::ArrivalRate,
};

pub(crate) use self::probe::{Probe, ProbeId};

/// What the delay says about the rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Usage {
    #[default]
    Normal,
    /// The queue before the viewer grows.
    Over,
    /// It drains.
    Under,
}

/// Bounds of the estimate, bit/s. Below the least not even audio fits.
const LEAST: u64 = 40_000;
const MOST: u64 = 100_000_000;

/// The rate falls to this share of what arrives (draft-ietf-rmcat-gcc-02 section 5.5: β).
const DECREASE: f64 = 0.85;

/// Growth per second far from the path's last known capacity (section 5.5: η = 1.08).
const GROWTH: f64 = 1.08;

/// The estimate does not grow beyond this multiple of what arrives, and a margin in bit/s: what was
/// never tried is not known. Section 5.5 has 1.5; less, since a probe says what a guess does not,
/// and a higher layer is a large step.
const UNTRIED: f64 = 1.2;
const UNTRIED_MARGIN: f64 = 10_000.0;

/// While packets wait longer than this, in microseconds, there is a queue to be drained first: no
/// probes, and losses may be its overflow.
const STANDING_QUEUE: u32 = 60_000;

/// While packets wait less than this, in microseconds, the path carries what is sent: the estimate
/// may grow by itself, and losses do not come from a full queue. Above usual jitter.
const EMPTY_QUEUE: u32 = 30_000;

/// Spans for the arriving rate, in ms: the usual one; the newest, which lies within an overuse when
/// one is noticed; and the one of the first moments.
const ACKED: i64 = 500;
const ACKED_NEWEST: i64 = 300;
const ACKED_FIRST: i64 = 150;

/// The first moments, in microseconds since the first packet: what is sent faster than real time
/// then is the first measurement.
const FIRST_MOMENTS: u64 = 2_000_000;

/// Without any feedback for so long while packets leave, the estimate falls to `SILENT` of itself,
/// and again each time (microseconds).
const SILENCE: u64 = 1_000_000;
const SILENT: f64 = 0.8;

/// Waits before a probe after a decrease and after the start, microseconds.
const PROBE_AFTER_DECREASE: u64 = 2_000_000;
const PROBE_AFTER_START: u64 = 300_000;

/// Losses from receiver reports count once there was no feedback for so long (microseconds).
const REPORTS_ONLY: u64 = 2_000_000;

/// How many packets one such report counts for: it covers a second or more.
const REPORT_PACKETS: u32 = 300;

/// Round trip until one is known, microseconds.
const UNKNOWN_RTT: u64 = 100_000;

/// The estimate of one viewer's path.
///
/// Contract: each packet that bears a transport-wide sequence number goes through
/// [`sent`](Self::sent) when it leaves, with non-decreasing `now`; each feedback through
/// [`feedback`](Self::feedback), and after it [`poll_probe`](Self::poll_probe). A viewer that sends no
/// feedback any more loses a fifth of its estimate for each second of sending into silence.
///
/// About 9.5 KB, all of it allocated at once.
#[derive(Debug)]
pub(crate) struct Estimator {
    origin: Instant,
    history: History,
    delay: DelayDetector,
    loss: LossTracker,
    acked: ArrivalRate,
    prober: Prober,
    estimate: f64,
    rtt: u64,
    /// Times in microseconds since `origin`.
    first_sent: Option<u64>,
    last_feedback: Option<u64>,
    /// When the first packet left that no feedback came after.
    unanswered: Option<u64>,
    last_growth: Option<u64>,
    /// The 24-bit reference time of the newest feedback, unwrapped.
    reference: Option<i64>,
    /// What arrived when the path was last seen full: near it the estimate grows slowly.
    capacity: Option<f64>,
    /// Sent octets since `sent_since`, and the rate over the span before.
    sent_bytes: u64,
    sent_since: u64,
    sent_rate: Option<u64>,
}

impl Estimator {
    /// `start_bitrate`: what to believe until there is a measurement, bit/s.
    pub(crate) fn new(now: Instant, start_bitrate: u64) -> Self {
        Self {
            origin: now,
            history: History::new(),
            delay: DelayDetector::new(),
            loss: LossTracker::default(),
            acked: ArrivalRate::new(),
            prober: Prober::new(),
            estimate: start_bitrate.clamp(LEAST, MOST) as f64,
            rtt: UNKNOWN_RTT,
            first_sent: None,
            last_feedback: None,
            unanswered: None,
            last_growth: None,
            reference: None,
            capacity: None,
            sent_bytes: 0,
            sent_since: 0,
            sent_rate: None,
        }
    }

    /// A packet left. Gives its transport-wide sequence number. `size`: octets of UDP payload.
    pub(crate) fn sent(&mut self, now: Instant, size: usize, probe: Option<ProbeId>) -> u16 {
        let now = self.micros(now);
        let size = size.min(usize::from(u16::MAX)) as u16;
        let number = self
            .history
            .push(now as u32, size, probe.map_or(0, |probe| probe.0));
        if let Some(probe) = probe {
            self.prober.sent(probe, number, size);
        }
        if self.first_sent.is_none() {
            self.first_sent = Some(now);
            self.sent_since = now;
            self.prober.hold(now, PROBE_AFTER_START);
        }
        self.sent_bytes += u64::from(size);
        if now >= self.sent_since + 1_000_000 {
            self.sent_rate = Some(self.sent_bytes * 8_000_000 / (now - self.sent_since));
            self.sent_bytes = 0;
            self.sent_since = now;
        }
        let unanswered = *self.unanswered.get_or_insert(now);
        if now >= unanswered + SILENCE && self.last_feedback.is_some() {
            self.unanswered = Some(now);
            self.lower(self.estimate * SILENT);
        }
        number as u16
    }

    /// One transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 section
    /// 3.1): its 24-bit reference time in units of 64 ms, and each packet's arrival in ticks of
    /// 250 µs **after that reference time**; none: not received. In the order of the message: what
    /// `weir_rtp::twcc::Feedback` gives.
    pub(crate) fn feedback(
        &mut self,
        now: Instant,
        reference: i32,
        packets: impl Iterator<Item = (u16, Option<i64>)>,
    ) {
        let now = self.micros(now);
        let reference = self.unwrap_reference(reference);
        let mut newest = None;
        // A message can speak of more packets than are remembered; that only costs time.
        for (seq, arrival) in packets.take(CAPACITY) {
            let Some((number, news)) = self.history.report(now as u32, seq, arrival.is_some())
            else {
                continue;
            };
            newest = newest.max(Some(number));
            let sent = match news {
                News::Lost => {
                    self.loss.lost();
                    continue;
                }
                News::Arrived(sent) => {
                    self.loss.arrived();
                    sent
                }
                News::Late(sent) => {
                    self.loss.late();
                    sent
                }
            };
            let ticks = arrival.unwrap_or_default().saturating_add(reference * 256);
            let at = ticks.saturating_mul(250);
            self.acked.add(at, sent.size);
            if sent.probe == 0 {
                self.delay.packet(sent.at, at as u32);
            } else {
                self.prober.arrived(&sent, at);
            }
        }
        let Some(newest) = newest else { return };
        self.last_feedback = Some(now);
        self.unanswered = None;
        self.judge(now);
        let (loss, estimate) = (self.loss.share(), self.estimate());
        let finding = self.prober.reported(now, newest, self.rtt, loss, estimate);
        match finding {
            Some(Finding::Passed(rate)) => {
                self.capacity = None;
                self.raise(rate as f64);
            }
            Some(Finding::Full(rate)) => self.raise(rate as f64),
            Some(Finding::Unclear) | None => {}
        }
    }

    /// The round trip, from a receiver report.
    pub(crate) fn rtt(&mut self, rtt: Duration) {
        self.rtt = (rtt.as_micros().min(2_000_000) as u64).max(1_000);
    }

    /// The share lost from a receiver report, in 1/256 (RFC 3550 section 6.4.1). Counts only where
    /// there is no transport-wide feedback.
    pub(crate) fn loss(&mut self, now: Instant, fraction_lost: u8) {
        let now = self.micros(now);
        if self
            .last_feedback
            .is_some_and(|last| now < last + REPORTS_ONLY)
        {
            return;
        }
        let share = f32::from(fraction_lost) / 256.0;
        self.loss
            .sample(now, REPORT_PACKETS, share, self.sent_rate, false);
        let Some(sent) = self.sent_rate.map(|rate| rate as f64) else {
            return;
        };
        if self.loss.too_much() {
            let excess = f64::from(self.loss.excess());
            self.lower(self.estimate.min(sent) * (1.0 - 0.5 * excess));
            self.loss.decreased(sent as u64);
            self.loss.restart(now, self.rtt);
        } else if self.loss.tolerable() {
            self.raise((self.estimate * GROWTH).min(UNTRIED * sent + UNTRIED_MARGIN));
        }
    }

    /// What the path carries, in bit/s of UDP payload.
    pub(crate) fn estimate(&self) -> u64 {
        self.estimate as u64
    }

    /// What arrived over the last 500 ms, bit/s. None before there is enough.
    pub(crate) fn acked_bitrate(&self) -> Option<u64> {
        self.acked.over(ACKED)
    }

    /// What the delay said at the last feedback.
    pub(crate) fn usage(&self) -> Usage {
        self.delay.usage()
    }

    /// How long packets wait at present, above the least of late.
    pub(crate) fn queued(&self) -> Duration {
        Duration::from_micros(u64::from(self.delay.queue_micros()))
    }

    /// Asks for a probe if one is due. `wanted`: the estimate that the next higher layer needs; none
    /// when there is nothing to gain. Cheap: call it after each feedback, no timer is needed.
    pub(crate) fn poll_probe(&mut self, now: Instant, wanted: Option<u64>) -> Option<Probe> {
        let now = self.micros(now);
        self.prober.wanted = wanted.filter(|wanted| *wanted > self.estimate());
        let wanted = self.prober.wanted?;
        self.last_feedback?;
        let busy = self.delay.usage() == Usage::Over
            || self.delay.queue_micros() > STANDING_QUEUE
            || !self.loss.tolerable();
        if busy {
            return None;
        }
        self.prober.poll(now, self.estimate(), wanted, self.rtt)
    }

    fn judge(&mut self, now: u64) {
        let usage = self.delay.update();
        let waiting = self.delay.queue_micros();
        let sampled = self.loss.update(now, self.sent_rate, waiting > EMPTY_QUEUE);
        // A full queue does not grow any more; it overflows.
        let overflow = sampled && waiting > STANDING_QUEUE && self.loss.overflowing(now);
        if usage == Usage::Over || overflow {
            let arriving = self.acked.over(ACKED_NEWEST);
            let arriving = arriving.map_or(self.estimate, |rate| rate as f64);
            self.capacity = Some(arriving);
            self.lower(arriving * DECREASE);
            if overflow {
                self.loss
                    .decreased(self.sent_rate.unwrap_or(self.estimate()));
            }
            self.decreased(now);
            self.delay.restart();
            return;
        }
        if self.loss.too_much() {
            if sampled && let Some(arriving) = self.acked.over(ACKED) {
                // As in section 6, but from what was tried, and to no less than what got through.
                let arriving = arriving as f64;
                let sent = arriving / (1.0 - f64::from(self.loss.share().min(0.9)));
                let keep = 1.0 - 0.5 * f64::from(self.loss.excess());
                self.lower((self.estimate.min(sent) * keep).max(arriving));
                self.loss.decreased(sent as u64);
                self.decreased(now);
            }
            return;
        }
        self.grow(now, usage);
    }

    fn decreased(&mut self, now: u64) {
        self.prober.encourage();
        self.prober.hold(now, PROBE_AFTER_DECREASE);
        self.loss.restart(now, self.rtt);
        self.last_growth = Some(now);
    }

    fn grow(&mut self, now: u64, usage: Usage) {
        let passed = now - self.last_growth.unwrap_or(now);
        self.last_growth = Some(now);
        let first = self
            .first_sent
            .is_some_and(|first| now < first + FIRST_MOMENTS + self.rtt);
        if first && let Some(arriving) = self.acked.over(ACKED_FIRST) {
            self.raise(arriving as f64);
        }
        let queued = self.delay.queue_micros() > EMPTY_QUEUE;
        if usage != Usage::Normal || queued || !self.loss.quiet() && !self.loss.tolerable() {
            return;
        }
        let Some(arriving) = self.acked.over(ACKED) else {
            return;
        };
        let arriving = arriving as f64;
        // What arrives is carried, whatever was before: after an outage all begins anew.
        self.raise(arriving);
        if !self.loss.tolerable() {
            return;
        }
        let seconds = passed.min(500_000) as f64 * 1e-6;
        let near = self
            .capacity
            .is_some_and(|full| (0.8..1.1).contains(&(self.estimate / full)));
        let grown = if near {
            // One packet per response time (section 5.5).
            self.estimate + 9_600.0 * seconds / (self.rtt as f64 * 1e-6 + 0.1)
        } else {
            self.estimate * GROWTH.powf(seconds)
        };
        self.raise(grown.min(UNTRIED * arriving + UNTRIED_MARGIN));
    }

    fn raise(&mut self, to: f64) {
        self.estimate = self.estimate.max(to.min(MOST as f64));
    }

    fn lower(&mut self, to: f64) {
        self.estimate = self.estimate.min(to.max(LEAST as f64));
    }

    /// Microseconds since the beginning.
    fn micros(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.origin);
        passed.as_secs() * 1_000_000 + u64::from(passed.subsec_micros())
    }

    fn unwrap_reference(&mut self, reference: i32) -> i64 {
        let reference = match self.reference {
            None => i64::from(reference & 0xff_ffff),
            // The nearest value with these 24 bits.
            Some(last) => {
                let ahead = reference.wrapping_sub(last as i32) << 8 >> 8;
                last + i64::from(ahead)
            }
        };
        self.reference = Some(reference);
        reference
    }
}
