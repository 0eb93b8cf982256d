//! One direction of a viewer's path: delay, jitter, losses, reordering, a bottleneck with a queue.

use std::time::{Duration, Instant};

/// IP and UDP headers, in octets.
const HEADERS: usize = 28;

/// Which datagrams vanish.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loss {
    None,
    /// Each with this probability.
    Random(f64),
    /// Gilbert and Elliott: this share on average, in bursts of this many on average.
    Bursts(f64, f64),
}

#[derive(Debug, Clone)]
pub struct Path {
    pub delay: Duration,
    /// Each datagram takes up to this much longer; none overtakes another.
    pub jitter: Duration,
    pub loss: Loss,
    /// Share that takes 5 to 25 ms longer and is overtaken.
    pub reordered: f64,
    /// Of the bottleneck, in bit/s.
    pub rate: Option<u64>,
    /// What waits before the bottleneck at most; the rest is dropped.
    pub queue: Duration,
    /// Datagrams that went in, and those that came out.
    pub entered: u64,
    pub left: u64,
    free: Option<Instant>,
    last: Option<Instant>,
    bad: bool,
    random: u64,
}

impl Path {
    pub fn new(delay: Duration, seed: u64) -> Self {
        Self {
            delay,
            jitter: Duration::ZERO,
            loss: Loss::None,
            reordered: 0.0,
            rate: None,
            queue: Duration::from_millis(300),
            entered: 0,
            left: 0,
            free: None,
            last: None,
            bad: false,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        }
    }

    /// When a datagram that goes in now comes out; none: never. Checks and handshakes only take their
    /// time: how many there are is random, and what happens to the media must not depend on it.
    pub fn pass(&mut self, now: Instant, datagram: &[u8]) -> Option<Instant> {
        let octets = datagram.len();
        if !datagram.first().is_some_and(|b| (128..192).contains(b)) {
            return Some(now + self.delay);
        }
        self.entered += 1;
        if self.is_lost() {
            return None;
        }
        let mut at = now;
        if let Some(rate) = self.rate {
            let begins = self.free.map_or(now, |free| free.max(now));
            if begins > now + self.queue {
                return None;
            }
            let bits = (octets + HEADERS) as u64 * 8;
            at = begins + Duration::from_micros(bits * 1_000_000 / rate.max(1));
            self.free = Some(at);
        }
        at += self.delay + self.jitter.mul_f64(self.draw());
        self.left += 1;
        if self.draw() < self.reordered {
            return Some(
                at + Duration::from_millis(5) + Duration::from_millis(20).mul_f64(self.draw()),
            );
        }
        let at = self.last.map_or(at, |last| last.max(at));
        self.last = Some(at);
        Some(at)
    }

    /// Between 0 and 1.
    pub fn draw(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn is_lost(&mut self) -> bool {
        let draw = self.draw();
        match self.loss {
            Loss::None => false,
            Loss::Random(share) => draw < share,
            Loss::Bursts(share, length) => {
                let ends = 1.0 / length;
                let begins = share * ends / (1.0 - share);
                self.bad = if self.bad {
                    draw >= ends
                } else {
                    draw < begins
                };
                self.bad
            }
        }
    }
}
