//! Continuity of one RTP stream: what came, what is missing, what to report of it.

use std::collections::VecDeque;

use serde::Serialize;

use crate::rtcp::ReportBlock;

/// Missing packets that are remembered; beyond, the oldest are given up (and stay lost).
const MAX_MISSING: usize = 1_024;

/// How often a packet is asked for again; libwebrtc's limit.
const MAX_NACKS: u8 = 10;

/// Until a packet is asked for once more, in nanoseconds: a round trip, and what the server may
/// take.
const NACK_AGAIN: u64 = 100_000_000;

/// A jump that is a new beginning rather than a gap.
const MAX_GAP: i64 = 3_000;

/// What came of one stream.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct StreamCounts {
    /// Different packets.
    pub received: u64,
    /// Extended sequence numbers from the first one to the highest.
    pub span: u64,
}

impl StreamCounts {
    /// Packets missing between `earlier` and now.
    pub(crate) fn lost_since(&self, earlier: &Self) -> u64 {
        let expected = self.span.saturating_sub(earlier.span);
        expected.saturating_sub(self.received.saturating_sub(earlier.received))
    }
}

struct Missing {
    number: u64,
    asked: u8,
    again: u64,
}

/// One SSRC.
pub(super) struct Track {
    pub(super) ssrc: u32,
    clock_rate: u64,
    pub(super) counts: StreamCounts,
    pub(super) duplicates: u64,
    first: u64,
    highest: u64,
    missing: VecDeque<Missing>,
    begun: Option<u64>,
    transit: Option<i64>,
    /// RFC 3550 section 6.4.1, times 16.
    jitter: u64,
    sender_report: Option<(u32, u64)>,
    reported: StreamCounts,
}

impl Track {
    pub(super) fn new(ssrc: u32, clock_rate: u64, sequence: u16) -> Self {
        let first = u64::from(sequence);
        Self {
            ssrc,
            clock_rate,
            counts: StreamCounts::default(),
            duplicates: 0,
            first,
            highest: first,
            missing: VecDeque::new(),
            begun: None,
            transit: None,
            jitter: 0,
            sender_report: None,
            reported: StreamCounts::default(),
        }
    }

    /// Roll-over counter and sequence number in one (RFC 3711 section 3.3.1).
    pub(super) fn index(&self, sequence: u16) -> Option<u64> {
        let step = i64::from(sequence.wrapping_sub(self.highest as u16) as i16);
        self.highest.checked_add_signed(step)
    }

    /// A packet that was sent for the first time.
    pub(super) fn arrived(&mut self, index: u64, timestamp: u32, at: u64) {
        self.count(index, at);
        // From the first packet on, so that the product fits.
        let begun = *self.begun.get_or_insert(at);
        let ticks = (at.saturating_sub(begun) / 1_000 * self.clock_rate / 1_000_000) as i64;
        let transit = ticks - i64::from(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            // Timestamps wrap: only the low 32 bits of the difference mean something.
            let difference = u64::from(((transit - before) as i32).unsigned_abs());
            self.jitter = self.jitter + difference - ((self.jitter + 8) >> 4);
        }
    }

    /// A packet, sent first or again. True when it was missing.
    pub(super) fn count(&mut self, index: u64, at: u64) -> bool {
        if index < self.first {
            // Sent again from before the first one; it is not part of the span.
            return false;
        }
        if self.counts.received == 0 || index > self.highest {
            let gap = index - self.highest;
            if gap as i64 <= MAX_GAP {
                for number in self.highest + 1..index {
                    self.missing.push_back(Missing {
                        number,
                        asked: 0,
                        again: at,
                    });
                }
                while self.missing.len() > MAX_MISSING {
                    self.missing.pop_front();
                }
            }
            self.highest = index;
            self.counts.received += 1;
            self.counts.span = index - self.first + 1;
            return false;
        }
        let found = self.missing.iter().position(|m| m.number == index);
        match found.and_then(|place| self.missing.remove(place)) {
            Some(_) => self.counts.received += 1,
            None => self.duplicates += 1,
        }
        found.is_some()
    }

    /// Packets to ask for now.
    pub(super) fn wanted(&mut self, now: u64, into: &mut Vec<u16>) {
        into.clear();
        for missing in &mut self.missing {
            if missing.asked < MAX_NACKS && now >= missing.again {
                missing.asked += 1;
                missing.again = now + NACK_AGAIN;
                into.push(missing.number as u16);
            }
        }
        self.missing
            .retain(|m| m.asked < MAX_NACKS || now < m.again);
    }

    pub(super) fn sender_report(&mut self, ntp_middle: u32, at: u64) {
        self.sender_report = Some((ntp_middle, at));
    }

    pub(super) fn report(&mut self, now: u64) -> ReportBlock {
        let lost = self.counts.lost_since(&self.reported);
        let expected = (self.counts.span - self.reported.span).max(1);
        self.reported = self.counts;
        let (last_report, delay) = match self.sender_report {
            Some((middle, at)) => {
                let delay = now.saturating_sub(at) as u128 * 65_536 / 1_000_000_000;
                (middle, delay as u32)
            }
            None => (0, 0),
        };
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: (lost * 256 / expected).min(255) as u8,
            lost: (self.counts.span - self.counts.received.min(self.counts.span)) as u32,
            highest: self.highest as u32,
            jitter: (self.jitter >> 4) as u32,
            last_report,
            delay,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn gaps_are_asked_for_and_filled() {
        let mut track = Track::new(1, 90_000, 65_534);
        for sequence in [65_534, 65_535, 2, 1] {
            let index = track.index(sequence).unwrap();
            track.arrived(index, 0, 1_000);
        }
        assert_eq!(track.counts.lost_since(&StreamCounts::default()), 1);
        let mut wanted = Vec::new();
        track.wanted(2_000, &mut wanted);
        assert_eq!(wanted, [0]);
        track.wanted(3_000, &mut wanted);
        assert!(wanted.is_empty());
        track.wanted(2_000 + NACK_AGAIN, &mut wanted);
        assert_eq!(wanted, [0]);
        let report = track.report(5_000);
        assert_eq!((report.lost, report.fraction_lost), (1, 51));
        assert_eq!(report.highest, 65_538);
        let before = track.counts;
        assert!(track.count(65_536, 9_000));
        assert!(!track.count(65_536, 9_000));
        assert_eq!(track.duplicates, 1);
        track.arrived(65_539, 0, 9_000);
        // The late one closes the gap that was counted before.
        assert_eq!(track.counts.lost_since(&StreamCounts::default()), 0);
        assert_eq!(track.counts.lost_since(&before), 0);
    }

    #[test]
    fn nobody_asks_for_ever() {
        let mut track = Track::new(1, 90_000, 5);
        track.arrived(5, 0, 0);
        track.arrived(7, 0, 0);
        let mut wanted = Vec::new();
        let asked = (0..100).filter(|round| {
            track.wanted(round * NACK_AGAIN, &mut wanted);
            !wanted.is_empty()
        });
        assert_eq!(asked.count(), usize::from(MAX_NACKS));
    }
}
