//! What losses say about the rate.

/// A sample is taken over at least so many packets and microseconds.
const LEAST_PACKETS: u32 = 20;
const LEAST_MICROS: u64 = 200_000;

/// The smoothed loss is one over about so many packets: enough that bursts of 5 packets at 5 % on
/// average stay below `TOO_MUCH`, few enough that half lost is noticed within half a second.
const SMOOTHING: f32 = 800.0;

/// Above this the rate falls, below `TOLERATED` it may grow (draft-ietf-rmcat-gcc-02 section 6 has
/// 10 % and 2 %; growing up to 7 % is what keeps a lossy radio link usable: NACK repairs that).
const TOO_MUCH: f32 = 0.10;
const TOLERATED: f32 = 0.075;

/// If the loss stays at this share of what it was although the rate fell by `RATE_FELL`, then it
/// does not come from the rate.
const SAME_LOSS: f32 = 0.7;
const RATE_FELL: f32 = 0.8;

/// How long after a decrease that is judged.
const JUDGED_AFTER: u64 = 1_500_000;

/// Least time between two decreases: the first must be seen in the losses.
const APART: u64 = 500_000;

/// Loss beyond this is never taken as the path's own.
const MOST_INHERENT: f32 = 0.4;

#[derive(Debug, Default)]
pub(super) struct LossTracker {
    lost: u32,
    arrived: u32,
    sampled: Option<u64>,
    /// Share of packets lost, smoothed and in the newest sample.
    loss: f32,
    newest: f32,
    /// No decrease before this.
    settled_at: u64,
    /// The share that the path loses whatever the rate is.
    inherent: f32,
    /// The last decrease: when, and rate and loss before it.
    decrease: Option<(u64, u64, f32)>,
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
    pub(super) fn update(&mut self, now: u64, rate: Option<u64>) -> bool {
        let since = *self.sampled.get_or_insert(now);
        let total = self.lost + self.arrived;
        if total < LEAST_PACKETS || now - since < LEAST_MICROS {
            return false;
        }
        let share = self.lost as f32 / total as f32;
        self.sample(now, total, share, rate);
        true
    }

    /// A share of so many packets that was lost, from whatever source.
    pub(super) fn sample(&mut self, now: u64, packets: u32, share: f32, rate: Option<u64>) {
        let weight = packets as f32 / (packets as f32 + SMOOTHING);
        self.newest = share;
        self.loss += weight * (share - self.loss);
        self.lost = 0;
        self.arrived = 0;
        self.sampled = Some(now);
        self.inherent = self.inherent.min(self.loss);
        if let (Some((at, before, loss)), Some(rate)) = (self.decrease, rate)
            && now >= at + JUDGED_AFTER
        {
            if (rate as f32) < RATE_FELL * before as f32 && self.loss > SAME_LOSS * loss {
                self.inherent = self.loss.min(MOST_INHERENT);
            }
            if (rate as f32) < RATE_FELL * before as f32 {
                self.decrease = None;
            }
        }
    }

    /// Loss beyond the path's own.
    pub(super) fn excess(&self) -> f32 {
        (self.loss - self.inherent) / (1.0 - self.inherent)
    }

    /// Share of packets lost, smoothed.
    pub(super) fn share(&self) -> f32 {
        self.loss
    }

    /// The loss calls for a lower rate.
    pub(super) fn too_much(&self) -> bool {
        self.excess() > TOO_MUCH && self.newest > TOLERATED
    }

    /// The last decrease has had its time.
    pub(super) fn settled(&self, now: u64) -> bool {
        now >= self.settled_at
    }

    pub(super) fn tolerable(&self) -> bool {
        self.excess() < TOLERATED
    }

    /// The estimate was lowered because of losses, from what was sent at `rate`.
    pub(super) fn decreased(&mut self, now: u64, rate: u64) {
        self.settled_at = now + APART;
        // The first of a row: it tells what the loss was before anything was done about it.
        if self.decrease.is_none() {
            self.decrease = Some((now, rate, self.loss));
        }
    }
}
