//! Does the queue before the viewer grow? From the one-way delay of groups of packets.
//!
//! In the manner of draft-ietf-rmcat-gcc-02 section 5: packets sent within 5 ms are one group, a
//! line is fitted through the groups' delays, and its slope is compared with a threshold that
//! adapts to the path's jitter. Two things differ, because whole frames leave here at line rate:
//!
//! - A group's delay is the least of its packets', so the time that the group itself takes to pass
//!   the bottleneck does not count, only the queue that it found.
//! - A keyframe lifts the delay in one step, after which it falls. So the least delays of the
//!   window's thirds must rise too, in two steps of some size, before it is called overuse. Least
//!   delays also see through jitter, which only ever adds.
//!
//! Delays are differences of two clocks, so only their changes mean anything; all arithmetic on
//! them is modulo 2³² µs.

use super::Usage;

/// Packets sent within this many microseconds of the group's first are one group (section 5.2).
const GROUP_MICROS: u32 = 5_000;

/// Groups remembered.
const SAMPLES: usize = 64;

/// The window of the line: this long, but at least so many groups, unless they are older than that.
const WINDOW_MICROS: u32 = 600_000;
const FEW_SAMPLES: u32 = 6;
const OLDEST_MICROS: u32 = 2_000_000;

/// No verdict over less time than this, nor over few groups unless they span long: slow pictures
/// without audio.
const LEAST_MICROS: i32 = 200_000;
const LEAST_SAMPLES: u32 = 12;
const LONG_MICROS: i32 = 800_000;

/// What a slope is multiplied by before it meets the threshold, in milliseconds: 60 groups times
/// the usual gain of 4, so that the draft's thresholds hold.
const GAIN: f32 = 240.0;

/// The threshold, section 5.4 and table 1: initial, least (6 in the draft), greatest (ms), and how
/// fast it follows up and down (per ms).
const THRESHOLD: f32 = 12.5;
const THRESHOLD_MIN: f32 = 10.0;
const THRESHOLD_MAX: f32 = 600.0;
const FOLLOW_UP: f32 = 0.0087;
const FOLLOW_DOWN: f32 = 0.039;

/// The threshold does not follow what exceeds it by more than this (ms): that is no jitter.
const OUTLIER: f32 = 15.0;

/// From each third of the window to the next the least delay must rise by at least this share of
/// the whole rise.
const STEP_SHARE: f32 = 0.2;

/// In the newest third no packet waited less than this.
const WAITING_MICROS: u32 = 8_000;

/// The least delay is remembered between one and two of these: a longer route is accepted then.
const BASE_MICROS: u32 = 10_000_000;

#[derive(Debug, Clone, Copy)]
struct Group {
    first_sent: u32,
    arrival: u32,
    delay: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    arrival: u32,
    delay: u32,
}

#[derive(Debug)]
pub(super) struct DelayDetector {
    group: Option<Group>,
    samples: [Sample; SAMPLES],
    /// Number of samples ever, and the first that counts.
    end: u32,
    start: u32,
    threshold: f32,
    updated: Option<u32>,
    base: Option<Base>,
    usage: Usage,
    queue_micros: u32,
}

/// Least delays of the present and the previous span.
#[derive(Debug, Clone, Copy)]
struct Base {
    since: u32,
    present: u32,
    previous: u32,
}

impl DelayDetector {
    pub(super) fn new() -> Self {
        Self {
            group: None,
            samples: [Sample::default(); SAMPLES],
            end: 0,
            start: 0,
            threshold: THRESHOLD,
            updated: None,
            base: None,
            usage: Usage::Normal,
            queue_micros: 0,
        }
    }

    /// A packet's departure and arrival, each by its own clock in microseconds, modulo 2³².
    pub(super) fn packet(&mut self, sent: u32, arrival: u32) {
        let delay = arrival.wrapping_sub(sent);
        match &mut self.group {
            Some(group) => {
                let after = sent.wrapping_sub(group.first_sent) as i32;
                if after < 0 {
                    // Reordered; its group is closed.
                } else if after as u32 <= GROUP_MICROS {
                    if (delay.wrapping_sub(group.delay) as i32) < 0 {
                        group.delay = delay;
                        group.arrival = arrival;
                    }
                } else {
                    let sample = Sample {
                        arrival: group.arrival,
                        delay: group.delay,
                    };
                    *group = Group {
                        first_sent: sent,
                        arrival,
                        delay,
                    };
                    self.push(sample);
                }
            }
            None => {
                self.group = Some(Group {
                    first_sent: sent,
                    arrival,
                    delay,
                });
            }
        }
    }

    fn push(&mut self, sample: Sample) {
        self.samples[self.end as usize % SAMPLES] = sample;
        self.end = self.end.wrapping_add(1);
        if self.end.wrapping_sub(self.start) > SAMPLES as u32 {
            self.start = self.end.wrapping_sub(SAMPLES as u32);
        }
        let base = self.base.get_or_insert(Base {
            since: sample.arrival,
            present: sample.delay,
            previous: sample.delay,
        });
        if sample.arrival.wrapping_sub(base.since) as i32 > BASE_MICROS as i32 {
            *base = Base {
                since: sample.arrival,
                present: sample.delay,
                previous: base.present,
            };
        }
        base.present = least(base.present, sample.delay);
    }

    /// Forgets the window: after a decrease only new evidence counts. `usage` stays until the next update.
    pub(super) fn restart(&mut self) {
        self.start = self.end;
    }

    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    /// How long packets wait above the least that was seen in the last 10–20 s.
    pub(super) fn queue_micros(&self) -> u32 {
        self.queue_micros
    }

    /// Judges the window. Once per feedback.
    pub(super) fn update(&mut self) -> Usage {
        self.usage = self.judge();
        self.usage
    }

    fn judge(&mut self) -> Usage {
        if self.start == self.end {
            return Usage::Normal;
        }
        let at = |n: u32| self.samples[n as usize % SAMPLES];
        let newest = at(self.end.wrapping_sub(1));
        loop {
            let age = newest.arrival.wrapping_sub(at(self.start).arrival) as i32;
            let count = self.end.wrapping_sub(self.start);
            let old = age > WINDOW_MICROS as i32 && count > FEW_SAMPLES;
            if !(old || age > OLDEST_MICROS as i32) {
                break;
            }
            self.start = self.start.wrapping_add(1);
        }
        let first = at(self.start);
        let count = self.end.wrapping_sub(self.start);
        let mut line = Line::default();
        // The least delays of the window's thirds, above its first.
        let mut lows = [i32::MAX; 3];
        for n in 0..count {
            let sample = at(self.start.wrapping_add(n));
            let x = sample.arrival.wrapping_sub(first.arrival) as i32;
            let y = sample.delay.wrapping_sub(first.delay) as i32;
            line.add(x as f32 * 1e-3, y as f32 * 1e-3);
            let low = &mut lows[(n * 3 / count) as usize];
            *low = y.min(*low);
        }
        if let Some(base) = self.base {
            let base = least(base.present, base.previous);
            // With one or two groups the newest third has none.
            let newest = lows.iter().rfind(|low| **low != i32::MAX);
            let low = first
                .delay
                .wrapping_add(newest.copied().unwrap_or(0) as u32);
            self.queue_micros = (low.wrapping_sub(base) as i32).max(0) as u32;
        }
        let span = newest.arrival.wrapping_sub(first.arrival) as i32;
        let many = count >= LEAST_SAMPLES && span >= LEAST_MICROS;
        let long = count >= FEW_SAMPLES && span >= LONG_MICROS;
        if !(many || long) {
            return Usage::Normal;
        }
        let slope = line.slope();
        let rise = |from: i32, to: i32| to.saturating_sub(from) as f32;
        let step = STEP_SHARE * rise(lows[0], lows[2]);
        let rising = step > 0.0 && rise(lows[0], lows[1]) > step && rise(lows[1], lows[2]) > step;
        // Both must rise: the line sees a keyframe's step, the least delays see chance.
        let lows_slope = rise(lows[0], lows[2]) / (span as f32 * 2.0 / 3.0);
        let trend = if slope > 0.0 {
            slope.min(lows_slope.max(0.0)) * GAIN
        } else {
            slope * GAIN
        };
        let usage = if trend > self.threshold && rising && self.queue_micros > WAITING_MICROS {
            Usage::Over
        } else if trend < -self.threshold {
            Usage::Under
        } else {
            Usage::Normal
        };
        let passed = self
            .updated
            .map_or(0, |updated| newest.arrival.wrapping_sub(updated) as i32);
        self.updated = Some(newest.arrival);
        let excess = trend.abs() - self.threshold;
        if excess <= OUTLIER {
            let follow = if excess > 0.0 { FOLLOW_UP } else { FOLLOW_DOWN };
            let millis = passed.clamp(0, 100_000) as f32 * 1e-3;
            self.threshold += (follow * millis).min(1.0) * excess;
            self.threshold = self.threshold.clamp(THRESHOLD_MIN, THRESHOLD_MAX);
        }
        usage
    }
}

/// The lesser of two delays.
fn least(a: u32, b: u32) -> u32 {
    if (b.wrapping_sub(a) as i32) < 0 { b } else { a }
}

/// Least squares.
#[derive(Debug, Clone, Copy, Default)]
struct Line {
    n: f32,
    x: f32,
    y: f32,
    xx: f32,
    xy: f32,
}

impl Line {
    fn add(&mut self, x: f32, y: f32) {
        self.n += 1.0;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.xy += x * y;
    }

    /// 0 where all arrived at once.
    fn slope(&self) -> f32 {
        let spread = self.n * self.xx - self.x * self.x;
        if spread > 1.0 {
            (self.n * self.xy - self.x * self.y) / spread
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups of five packets every 20 ms through a queue that gets `load` of what it carries;
    /// `more`: a further delay of each group, in microseconds.
    fn run(
        detector: &mut DelayDetector,
        from: u32,
        count: u32,
        load: f64,
        more: impl Fn(u32) -> u32,
    ) -> bool {
        let mut queue = 0.0_f64;
        let mut over = false;
        for n in from..from + count {
            queue = (queue + 20_000.0 * load - 20_000.0).max(0.0);
            for packet in 0..5 {
                // Clocks that wrap around on the way, each at its own time.
                let sent = 0xffff_0000_u32.wrapping_add(n * 20_000 + packet * 10);
                let delay = 5_000_000 + queue as u32 + more(n) + packet * 2_000;
                detector.packet(sent, sent.wrapping_add(delay).wrapping_add(0x7000_0000));
            }
            if n % 5 == 4 {
                over |= detector.update() == Usage::Over;
            }
        }
        over
    }

    #[test]
    fn a_growing_queue_is_overuse_a_step_is_not() {
        let mut detector = DelayDetector::new();
        assert!(!run(&mut detector, 0, 100, 0.9, |_| 0));
        assert!(detector.queue_micros() < 1_000);
        // A keyframe: 100 ms at once that drain within 500 ms.
        let keyframe = |n| 100_000_u32.saturating_sub((n - 100) * 4_000);
        assert!(!run(&mut detector, 100, 50, 0.9, keyframe));
        assert!(!run(&mut detector, 150, 50, 0.9, |_| 0));
        assert!(run(&mut detector, 200, 50, 1.2, |_| 0));
        assert!(detector.queue_micros() > 50_000);
        detector.restart();
        assert_eq!(detector.update(), Usage::Normal, "only new evidence counts");
    }

    #[test]
    fn one_group_alone_has_a_queue_too() {
        let mut detector = DelayDetector::new();
        run(&mut detector, 0, 100, 0.9, |_| 0);
        detector.restart();
        run(&mut detector, 100, 2, 0.9, |_| 40_000);
        detector.update();
        let queue = detector.queue_micros();
        assert!(queue < 42_000, "{queue}");
    }
}
