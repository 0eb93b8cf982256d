//! What a publisher's stream lacks, and when it is asked for (RFC 4585 section 6.2.1).
//!
//! str0m's own register looks 100 packets back, which is 115 ms of 8 Mbit/s: less than one round trip
//! and a retry on many paths. This one looks a second back, and asks again as soon as an answer is due.
//! Frames that stay incomplete of 344, with RTX, loss in both directions (`tests/it/upstream.rs`
//! prints the whole table; this one leaves none in any case):
//!
//! | 8 Mbit/s, round trip | 1 % | 5 % | 10 % |
//! |---|---|---|---|
//! | 20 ms, str0m's register | 1 | 6 | 25 |
//! | 50 ms | 1 | 39 | 97 |
//! | 100 ms | 55 | 192 | 264 |

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Packets that may be missing at a time; half a second of 16 Mbit/s, all lost. A longer gap is an
/// outage: all of it is given up, and a keyframe is what helps.
const MAX_MISSING: u64 = 1_000;

/// What does not come within this time is given up: no player waits longer.
const MAX_AGE: Duration = Duration::from_secs(1);

/// How often a packet is asked for at most.
const MAX_TRIES: u8 = 10;

/// Most packets that one call names: each takes at most 4 bytes of a NACK, which must fit a datagram.
/// The others are due at once again.
const MAX_ASKED: usize = 250;

/// A packet counts as lost once so many newer ones came, or after [`REORDER`]: networks reorder by a
/// few packets. RFC 4653 and QUIC (RFC 9002 section 6.1.1) use three too.
const REORDER_PACKETS: u64 = 3;
const REORDER: Duration = Duration::from_millis(10);

/// Round-trip time before one was measured.
const FIRST_ROUND_TRIP: Duration = Duration::from_millis(100);

/// Granularity of what was measured: between request and answer lies the publisher's pacer too.
const MARGIN: Duration = Duration::from_millis(10);

/// Limits of the time between two requests.
const LEAST_RETRY: Duration = Duration::from_millis(20);
const MOST_RETRY: Duration = Duration::from_millis(400);

/// The missing packets of one SSRC.
#[derive(Debug, Default)]
pub(crate) struct NackList {
    highest: Option<u64>,
    missing: BTreeMap<u64, Missing>,
    round_trip: Option<RoundTrip>,
    /// Highest number of what is given up because it is too much.
    outage: Option<u64>,
    /// No request and no end is due before.
    next: Option<Instant>,
}

/// Mean and mean deviation, as RFC 6298 section 2 has them.
#[derive(Debug, Clone, Copy)]
struct RoundTrip {
    mean: Duration,
    deviation: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Missing {
    since: Instant,
    tries: u8,
    asked: Instant,
    due: Instant,
}

impl NackList {
    /// A packet with this extended number arrived.
    pub(crate) fn received(&mut self, now: Instant, seq: u64) {
        let Some(highest) = self.highest else {
            self.highest = Some(seq);
            return;
        };
        if seq <= highest {
            if let Some(found) = self.missing.remove(&seq) {
                // Which of several requests was answered, nobody knows (Karn's rule).
                if found.tries == 1 {
                    self.measured(now.saturating_duration_since(found.asked));
                }
                self.plan();
            }
            return;
        }
        self.highest = Some(seq);
        let gap = seq - highest - 1;
        if gap == 0 && self.missing.is_empty() {
            return;
        }
        if gap + self.missing.len() as u64 > MAX_MISSING {
            self.missing.clear();
            self.outage = Some(seq - 1);
            self.next = Some(now);
            return;
        }
        for lost in highest + 1..seq {
            let missing = Missing {
                since: now,
                tries: 0,
                asked: now,
                due: now + REORDER,
            };
            self.missing.insert(lost, missing);
        }
        let sure = ..=seq.saturating_sub(REORDER_PACKETS);
        for missing in self.missing.range_mut(sure).rev().map(|(_, m)| m) {
            if missing.tries > 0 || missing.due <= now {
                break;
            }
            missing.due = now;
        }
        self.plan();
    }

    /// The extended number of a missing packet with these 16 bits.
    pub(crate) fn missing(&self, seq: u16) -> Option<u64> {
        let highest = self.highest?;
        let back = u64::from((highest as u16).wrapping_sub(seq));
        let seq = highest.checked_sub(back)?;
        self.missing.contains_key(&seq).then_some(seq)
    }

    /// When [`take_due`](Self::take_due) has something to say.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.next
    }

    /// Adds the numbers that are to be asked for now, and gives the highest that is given up.
    pub(crate) fn take_due(&mut self, now: Instant, ask: &mut Vec<u16>) -> Option<u64> {
        if self.next.is_none_or(|next| now < next) {
            return None;
        }
        let retry = self.retry();
        let mut given_up = self.outage.take();
        self.missing.retain(|seq, missing| {
            if now >= missing.since + MAX_AGE || missing.due <= now && missing.tries >= MAX_TRIES {
                given_up = Some(*seq);
                return false;
            }
            if missing.due <= now && ask.len() < MAX_ASKED {
                missing.tries += 1;
                missing.asked = now;
                missing.due = now + retry;
                ask.push(*seq as u16);
            }
            true
        });
        self.plan();
        given_up
    }

    fn retry(&self) -> Duration {
        let Some(RoundTrip { mean, deviation }) = self.round_trip else {
            return FIRST_ROUND_TRIP + MARGIN;
        };
        (mean + MARGIN.max(deviation * 4)).clamp(LEAST_RETRY, MOST_RETRY)
    }

    fn measured(&mut self, sample: Duration) {
        self.round_trip = Some(match self.round_trip {
            Some(RoundTrip { mean, deviation }) => RoundTrip {
                mean: (mean * 7 + sample) / 8,
                deviation: (deviation * 3 + mean.abs_diff(sample)) / 4,
            },
            None => RoundTrip {
                mean: sample,
                deviation: sample / 2,
            },
        });
    }

    fn plan(&mut self) {
        let due = |missing: &Missing| missing.due.min(missing.since + MAX_AGE);
        self.next = self.missing.values().map(due).min();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(list: &mut NackList, now: Instant) -> (Vec<u16>, Option<u64>) {
        let mut ask = Vec::new();
        let lost = list.take_due(now, &mut ask);
        (ask, lost)
    }

    #[test]
    fn a_gap_is_asked_for_once_it_is_no_reordering() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut list = NackList::default();
        for seq in [65_530, 65_531, 65_533, 65_534] {
            list.received(at(0), seq);
        }
        assert_eq!(due(&mut list, at(0)), (vec![], None));
        list.received(at(1), 65_532);
        assert_eq!(list.deadline(), None, "it was only late");
        for seq in [65_537, 65_538, 65_539] {
            list.received(at(2), seq);
        }
        // Two newer ones stand after 65,536, three after 65,535.
        assert_eq!(due(&mut list, at(2)), (vec![65_535, 0], None));
        list.received(at(3), 65_541);
        assert_eq!(due(&mut list, at(12)), (vec![], None));
        assert_eq!(due(&mut list, at(13)), (vec![4], None));
        assert_eq!(list.missing(0), Some(65_536));
        assert_eq!(list.missing(5), None);
    }

    #[test]
    fn retries_follow_the_round_trip_and_end() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut list = NackList::default();
        list.received(at(0), 1);
        list.received(at(0), 5);
        assert_eq!(due(&mut list, at(0)).0, [2]);
        assert_eq!(due(&mut list, at(10)).0, [3, 4]);
        // Answered after 40 ms, deviation 20 ms: 120 ms between requests from now on.
        list.received(at(50), 3);
        assert_eq!(due(&mut list, at(109)).0, [0_u16; 0]);
        assert_eq!(due(&mut list, at(110)).0, [2]);
        assert_eq!(due(&mut list, at(120)).0, [4]);
        assert_eq!(due(&mut list, at(229)).0, [0_u16; 0]);
        assert_eq!(due(&mut list, at(230)).0, [2]);
        // Answers to a second request say nothing of the round trip.
        list.received(at(235), 4);
        let (mut asked, mut lost) = (3, None);
        for ms in 236..1_001 {
            let (ask, gone) = due(&mut list, at(ms));
            asked += ask.len();
            lost = lost.max(gone);
        }
        assert_eq!((asked, lost), (3 + 6, Some(2)));
        assert_eq!(list.deadline(), None);
    }

    #[test]
    fn scattered_losses_are_asked_for_in_portions() {
        let now = Instant::now();
        let mut list = NackList::default();
        for seq in 0..=600 {
            list.received(now, seq * 2);
        }
        for portion in [250, 250, 99] {
            assert!(list.deadline().is_some_and(|at| at <= now));
            assert_eq!(due(&mut list, now).0.len(), portion);
        }
        assert_eq!(
            list.deadline(),
            Some(now + REORDER),
            "the newest may be late"
        );
    }

    #[test]
    fn an_outage_is_given_up_at_once() {
        let now = Instant::now();
        let mut list = NackList::default();
        list.received(now, 10);
        list.received(now, 12);
        list.received(now, 5_000);
        assert_eq!(list.deadline(), Some(now));
        assert_eq!(due(&mut list, now), (vec![], Some(4_999)));
        assert_eq!(list.deadline(), None);
        list.received(now, 5_002);
        assert_eq!(due(&mut list, now + REORDER).0, [5_001]);
    }
}
