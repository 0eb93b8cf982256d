//! What losses say about the rate.

/// A sample is taken over at least so many packets and microseconds.
const LEAST_PACKETS: u32 = 20;
const LEAST_MICROS: u64 = 200_000;

/// The smoothed loss is one over about so many packets: enough that bursts of 5 packets at 5 % on
/// average stay below `TOO_MUCH`, few enough that half lost is noticed within half a second.
const SMOOTHING: f32 = 1_000.0;

/// Above this the rate falls, below `TOLERATED` it may grow. draft-ietf-rmcat-gcc-02 section 6 has
/// 10 % and 2 %; but NACK repairs a lossy radio link well, and a lower rate does not.
const TOO_MUCH: f32 = 0.12;
const TOLERATED: f32 = 0.075;

/// A full queue and this much lost in one sample: there is no doubt.
const OVERFLOW: f32 = 0.15;

/// If the loss stays at this share of what it was although the rate fell to `RATE_FELL`
/// percent, then it does not come from the rate.
const SAME_LOSS: f32 = 0.7;
const RATE_FELL: u64 = 80;

/// Losses this long after a decrease, and a round trip, do not count (microseconds): they are from
/// before, or from the queue of before.
const SETTLING: u64 = 500_000;

/// Over fewer packets no judgement.
const ENOUGH: f32 = 200.0;

/// Loss beyond this is never taken as the path's own.
const MOST_INHERENT: f32 = 0.3;

#[derive(Debug, Default)]
pub(super) struct LossTracker {
    lost: u32,
    arrived: u32,
    sampled: Option<u64>,
    /// Share of packets lost, smoothed and in the newest sample.
    loss: f32,
    newest: f32,
    /// Packets that the smoothed loss is over, at most `SMOOTHING`.
    seen: f32,
    /// Nothing counts before this.
    settled_at: u64,
    /// The share that the path loses whatever the rate is.
    inherent: f32,
    decrease: Option<Decrease>,
    /// Losses lowered the rate, and what came of it is not known yet.
    suspect: bool,
}

/// What was when losses lowered the rate.
#[derive(Debug, Clone, Copy)]
struct Decrease {
    rate: u64,
    loss: f32,
}

impl LossTracker {
    pub(super) fn lost(&mut self) {
        self.lost += 1;
    }

    pub(super) fn arrived(&mut self) {
        self.arrived += 1;
    }

    /// It arrived after all.
    pub(super) fn late(&mut self) {
        self.lost = self.lost.saturating_sub(1);
        self.arrived += 1;
    }

    /// Takes a sample when there is enough for one; true if so. `rate`: what is being sent, bit/s.
    /// `queued`: packets wait before the bottleneck all the time.
    pub(super) fn update(&mut self, now: u64, rate: Option<u64>, queued: bool) -> bool {
        let since = *self.sampled.get_or_insert(now);
        let total = self.lost + self.arrived;
        if total < LEAST_PACKETS || now - since < LEAST_MICROS {
            return false;
        }
        let share = self.lost as f32 / total as f32;
        self.sample(now, total, share, rate, queued);
        true
    }

    /// A share of so many packets that was lost, from whatever source.
    pub(super) fn sample(
        &mut self,
        now: u64,
        packets: u32,
        share: f32,
        rate: Option<u64>,
        queued: bool,
    ) {
        self.lost = 0;
        self.arrived = 0;
        self.sampled = Some(now);
        self.newest = share;
        if now < self.settled_at {
            return;
        }
        let packets = packets as f32;
        self.seen = (self.seen + packets).min(SMOOTHING);
        self.loss += (packets / self.seen).min(1.0) * (share - self.loss);
        if self.seen < ENOUGH {
            return;
        }
        self.suspect = false;
        self.inherent = self.inherent.min(self.loss);
        if queued {
            // A full queue loses packets whatever else does: nothing can be learnt.
            return;
        }
        if let (Some(before), Some(rate)) = (self.decrease, rate)
            && rate < before.rate * RATE_FELL / 100
        {
            if self.loss > SAME_LOSS * before.loss {
                self.inherent = self.loss.min(MOST_INHERENT);
            }
            self.decrease = None;
        }
    }

    /// Loss beyond the path's own.
    pub(super) fn excess(&self) -> f32 {
        (self.loss - self.inherent) / (1.0 - self.inherent)
    }

    /// A queue that is known to be full overflows: no need to wait for more packets.
    pub(super) fn overflowing(&self, now: u64) -> bool {
        self.newest > self.inherent + OVERFLOW && now >= self.settled_at
    }

    /// Share of packets lost, smoothed.
    pub(super) fn share(&self) -> f32 {
        self.loss
    }

    /// The loss calls for a lower rate.
    pub(super) fn too_much(&self) -> bool {
        // Few packets say less: up to twice as much is asked of them.
        let doubt = 2.0 - self.seen / SMOOTHING;
        self.seen >= ENOUGH && self.excess() > TOO_MUCH * doubt && self.newest > TOLERATED
    }

    /// The newest sample is no sign of anything.
    pub(super) fn quiet(&self) -> bool {
        self.newest < TOLERATED
    }

    /// The rate may grow.
    pub(super) fn tolerable(&self) -> bool {
        if self.seen < ENOUGH {
            !self.suspect
        } else {
            self.excess() < TOLERATED
        }
    }

    /// The estimate was lowered because of losses, from what was sent at `rate` (bit/s).
    pub(super) fn decreased(&mut self, rate: u64) {
        self.suspect = true;
        // The first of a row: it tells what the loss was before anything was done about it.
        if self.decrease.is_none() {
            let loss = self.loss;
            self.decrease = Some(Decrease { rate, loss });
        }
    }

    /// The rate was lowered, for whatever reason: what was sent before says nothing about it.
    pub(super) fn restart(&mut self, now: u64, rtt: u64) {
        self.settled_at = now + SETTLING + rtt;
        self.seen = 0.0;
    }
}
