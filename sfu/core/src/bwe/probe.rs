//! Probes: short trains of packets faster than the media, to learn whether a higher layer fits.

use std::time::Duration;

use super::history::Sent;

/// Names one probe; every packet sent for it carries it to `Estimator::sent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProbeId(pub(super) u8);

/// An order to send faster for a moment, in several packets: fewer measure nothing. Media counts
/// towards it if it is sent with the id; padding or what was sent lately makes up the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Probe {
    pub id: ProbeId,
    /// Rate to send at, bit/s of UDP payload.
    pub bitrate: u64,
    /// How much in all: `bitrate` × `duration`.
    pub bytes: usize,
    pub duration: Duration,
}

/// How much a probe asks for above the rate that is wanted, so that a success proves it.
const SURPLUS: f64 = 1.05;

/// Most that a probe asks for, as a multiple of the estimate.
const STEP: f64 = 2.5;

/// The queue that a probe may build where the estimate is exact, in microseconds. It delays media
/// by as much, for as long as it takes to drain.
const QUEUE_MICROS: f64 = 60_000.0;

/// Bounds of a probe's duration in microseconds.
const LEAST_MICROS: f64 = 40_000.0;
const MOST_MICROS: f64 = 200_000.0;

/// A train of fewer packets and bytes measures nothing.
const LEAST_PACKETS: u32 = 5;
const LEAST_BYTES: u64 = 1_500;

/// Received at less than this share of the rate sent: the path was full, and what arrived is its
/// capacity. That share of it is taken as the estimate.
const PASSED: f64 = 0.9;

/// Lost beyond what the path always loses: the probe overflowed a queue.
const OVERFLOW: f64 = 0.2;

/// A probe that finds less than this more than is known (percent) was in vain.
const NEWS: u64 = 103;

/// One that was not passed in full but finds so much more (percent) is followed by the next soon.
const PROGRESS: u64 = 115;

/// Waits between probes that failed, microseconds: the first, and the longest. The longest is what
/// bounds the time to notice that a path has recovered.
const FIRST_WAIT: u64 = 1_500_000;
const LONGEST_WAIT: u64 = 4_000_000;

/// Reports on a probe that do not come within this, beyond a round trip, do not come.
const REPORT_WAIT: u64 = 600_000;

#[derive(Debug)]
pub(super) struct Prober {
    next_at: u64,
    wait: u64,
    last_id: u8,
    /// What was last asked for; none: nothing to gain.
    pub(super) wanted: Option<u64>,
    active: Option<Train>,
}

/// A probe on its way, times in microseconds modulo 2³².
#[derive(Debug)]
struct Train {
    id: u8,
    /// When nothing more is expected.
    expires: u64,
    bitrate: u64,
    bytes: u64,
    bytes_sent: u64,
    /// Number of the newest packet.
    last_number: u64,
    arrived: Option<Arrived>,
    packets: u32,
}

#[derive(Debug, Clone, Copy)]
struct Arrived {
    bytes: u64,
    first_sent: u32,
    last_sent: u32,
    last_sent_size: u16,
    first_arrival: i64,
    last_arrival: i64,
    first_arrival_size: u16,
}

/// What a probe has found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Finding {
    /// All of it passed.
    Passed(u64),
    /// It was more than the path carries; so much arrived, bit/s.
    Full(u64),
    /// Nothing can be said.
    Unclear,
}

impl Prober {
    pub(super) fn new() -> Self {
        Self {
            next_at: 0,
            wait: FIRST_WAIT,
            last_id: 0,
            wanted: None,
            active: None,
        }
    }

    /// Nothing before so many microseconds from now: the path is full, or settling.
    pub(super) fn hold(&mut self, now: u64, micros: u64) {
        self.next_at = self.next_at.max(now + micros);
    }

    /// Probes may come at short intervals again.
    pub(super) fn encourage(&mut self) {
        self.wait = FIRST_WAIT;
    }

    pub(super) fn poll(&mut self, now: u64, estimate: u64, wanted: u64, rtt: u64) -> Option<Probe> {
        if self
            .active
            .as_ref()
            .is_some_and(|train| now >= train.expires)
        {
            self.active = None;
            self.failed(now);
        }
        if self.active.is_some() || now < self.next_at {
            return None;
        }
        let bitrate = ((wanted as f64 * SURPLUS) as u64).min((estimate as f64 * STEP) as u64);
        let over = bitrate as f64 / estimate as f64 - 1.0;
        let micros = (QUEUE_MICROS / over.max(0.01)).clamp(LEAST_MICROS, MOST_MICROS);
        let bytes = ((bitrate as f64 * micros * 1e-6 / 8.0) as u64).max(LEAST_BYTES);
        let micros = bytes * 8_000_000 / bitrate.max(1);
        self.last_id = self.last_id % u8::MAX + 1;
        self.active = Some(Train {
            id: self.last_id,
            expires: now + micros + 2 * rtt + REPORT_WAIT,
            bitrate,
            bytes,
            bytes_sent: 0,
            last_number: 0,
            arrived: None,
            packets: 0,
        });
        Some(Probe {
            id: ProbeId(self.last_id),
            bitrate,
            bytes: bytes as usize,
            duration: Duration::from_micros(micros),
        })
    }

    fn failed(&mut self, now: u64) {
        self.next_at = now + self.wait;
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
    }

    pub(super) fn sent(&mut self, id: ProbeId, number: u64, size: u16) {
        if let Some(train) = &mut self.active
            && train.id == id.0
        {
            train.bytes_sent += u64::from(size);
            train.last_number = number;
        }
    }

    pub(super) fn arrived(&mut self, sent: &Sent, arrival: i64) {
        let Some(train) = &mut self.active else {
            return;
        };
        if train.id != sent.probe {
            return;
        }
        train.packets += 1;
        let size = sent.size;
        let Some(a) = &mut train.arrived else {
            train.arrived = Some(Arrived {
                bytes: u64::from(size),
                first_sent: sent.at,
                last_sent: sent.at,
                last_sent_size: size,
                first_arrival: arrival,
                last_arrival: arrival,
                first_arrival_size: size,
            });
            return;
        };
        a.bytes += u64::from(size);
        if (sent.at.wrapping_sub(a.first_sent) as i32) < 0 {
            a.first_sent = sent.at;
        }
        if sent.at.wrapping_sub(a.last_sent) as i32 >= 0 {
            a.last_sent = sent.at;
            a.last_sent_size = size;
        }
        if arrival < a.first_arrival {
            a.first_arrival = arrival;
            a.first_arrival_size = size;
        }
        a.last_arrival = a.last_arrival.max(arrival);
    }

    /// Reports up to this packet number are in. Gives what the probe found, once. `loss`: the share
    /// that the path loses without probes; `estimate`: what is known, bit/s.
    pub(super) fn reported(
        &mut self,
        now: u64,
        number: u64,
        rtt: u64,
        loss: f32,
        estimate: u64,
    ) -> Option<Finding> {
        let train = self.active.as_ref()?;
        // Ended by a report on its last packet, as long as it was sent in full.
        if train.bytes_sent < train.bytes * 8 / 10 || number < train.last_number {
            return None;
        }
        let finding = train.finding(f64::from(loss));
        self.active = None;
        match finding {
            Finding::Passed(rate) if rate * 100 > estimate * NEWS => {
                self.wait = FIRST_WAIT;
                self.next_at = now + rtt;
            }
            // Not all that was asked, but on the way.
            Finding::Full(rate) if rate * 100 > estimate * PROGRESS => {
                self.wait = FIRST_WAIT;
                self.next_at = now + rtt + FIRST_WAIT / 3;
            }
            Finding::Passed(_) | Finding::Full(_) | Finding::Unclear => self.failed(now),
        }
        Some(finding)
    }
}

impl Train {
    fn finding(&self, loss: f64) -> Finding {
        let Some(a) = self.arrived else {
            return Finding::Unclear;
        };
        if self.packets < LEAST_PACKETS || a.bytes * 2 < self.bytes {
            return Finding::Unclear;
        }
        // What the path always loses was carried as well, up to where it was lost.
        let lost = 1.0 - a.bytes as f64 / self.bytes_sent.max(a.bytes) as f64;
        let carried = 8e6 / (1.0 - lost.min(loss));
        let sending = a.last_sent.wrapping_sub(a.first_sent) as i32;
        let arriving = a.last_arrival.saturating_sub(a.first_arrival);
        // From first to last packet: at the sender the last one's bytes do not count, at the
        // receiver the first one's.
        let received = (a.bytes - u64::from(a.first_arrival_size)) as f64 * carried;
        let received = received / arriving.max(1) as f64;
        let sent = (a.bytes - u64::from(a.last_sent_size)) as f64 * carried;
        let sent = sent / f64::from(sending.max(1));
        if received < PASSED * sent || lost > loss + OVERFLOW {
            // No more than was asked: sent at line rate, a train may pass a shaper's bucket.
            Finding::Full(((received * PASSED) as u64).min(self.bitrate))
        } else {
            Finding::Passed(received.min(sent) as u64)
        }
    }
}
