//! Sends sound as evenly as it plays.
//!
//! Sources send sound in bursts: encoders interleave it with pictures, and AAC frames that last 21 or 23 ms fill
//! Opus packets of 20 ms now one at a time, now two. Receivers take uneven arrival for jitter of the network, and
//! make their buffers several times as long as the burst; since they hold the picture to the sound, the picture
//! waits too. So packets wait here instead, by no more than nearly all of them need.

use std::{
    collections::VecDeque,
    sync::mpsc::{Receiver, Sender, channel},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use weir_media::{MediaTime, RtpPacket};

use crate::worker::outbox::Outbox;

/// For so long late packets say how long the others wait.
const WINDOW: Duration = Duration::from_secs(4);

/// One packet of so many may be later than the others wait.
const RARE: usize = 20;

/// No packet waits longer: what is later than that has another cause than interleaving.
const LONGEST: Duration = Duration::from_millis(40);

/// A packet that is off by more begins a timeline of its own.
const JUMP: i64 = 500_000_000;

/// By so much the wait shrinks with each packet when the late ones have passed. Grows at once.
const SHRINK: i64 = 500_000;

/// Says when packets are to leave.
#[derive(Debug)]
struct Spacing {
    began: Instant,
    /// The arrivals of the last [`WINDOW`]: when, and how much later than their media time says; both in nanoseconds
    /// since `began`.
    arrivals: VecDeque<(i64, i64)>,
    /// Added to media times.
    wait: Option<i64>,
}

impl Spacing {
    fn new(began: Instant) -> Self {
        Self {
            began,
            arrivals: VecDeque::new(),
            wait: None,
        }
    }

    /// When a packet of this media time, made now, is to leave.
    fn leaves(&mut self, time: MediaTime, now: Instant) -> Instant {
        let at = nanos(now.saturating_duration_since(self.began));
        let offset = at.saturating_sub_unsigned(time);
        if self
            .wait
            .is_some_and(|wait| offset.abs_diff(wait) > JUMP.unsigned_abs())
        {
            self.arrivals.clear();
            self.wait = None;
        }
        self.arrivals.push_back((at, offset));
        while self
            .arrivals
            .front()
            .is_some_and(|(seen, _)| at - seen > nanos(WINDOW))
        {
            self.arrivals.pop_front();
        }
        let mut offsets: Vec<i64> = self.arrivals.iter().map(|(_, offset)| *offset).collect();
        offsets.sort_unstable();
        let earliest = offsets[0];
        let late = offsets[offsets.len() - 1 - offsets.len() / RARE];
        let wait = late
            .max(self.wait.map_or(late, |wait| wait - SHRINK))
            .min(earliest + nanos(LONGEST));
        self.wait = Some(wait);
        now + Duration::from_nanos(u64::try_from(wait - offset).unwrap_or(0))
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// A thread that sends packets when they are due. Dropping it lets everything come out.
#[derive(Debug)]
pub(super) struct Spaced {
    spacing: Spacing,
    sender: Option<Sender<(Instant, RtpPacket)>>,
    thread: Option<JoinHandle<()>>,
}

impl Spaced {
    pub(super) fn start(outbox: Outbox) -> std::io::Result<Self> {
        let (sender, receiver) = channel();
        let thread = std::thread::Builder::new()
            .name("sound".into())
            .spawn(move || send(&outbox, &receiver))?;
        Ok(Self {
            spacing: Spacing::new(Instant::now()),
            sender: Some(sender),
            thread: Some(thread),
        })
    }

    /// Takes a packet in. Packets leave in the order in which they come.
    pub(super) fn push(&mut self, time: MediaTime, packet: RtpPacket) {
        let at = self.spacing.leaves(time, Instant::now());
        if let Some(sender) = &self.sender {
            // The thread ends only with the process: who cannot send fails.
            let _ = sender.send((at, packet));
        }
    }
}

impl Drop for Spaced {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn send(outbox: &Outbox, packets: &Receiver<(Instant, RtpPacket)>) {
    for (at, packet) in packets {
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        outbox.send_rtp(vec![packet]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: u64 = 20_000_000;

    /// When packets leave that arrive so many milliseconds after their time; in milliseconds after it.
    fn waits(
        spacing: &mut Spacing,
        from: u64,
        lateness: impl IntoIterator<Item = u64>,
    ) -> Vec<f64> {
        let mut waits = Vec::new();
        for (number, late) in (from..).zip(lateness) {
            let due = spacing.began + Duration::from_nanos(number * FRAME);
            // The media's clock is not ours.
            let time = 1_000_000_000_000 + number * FRAME;
            let leaves = spacing.leaves(time, due + Duration::from_millis(late));
            waits.push(1_000.0 * leaves.duration_since(due).as_secs_f64());
        }
        waits
    }

    #[test]
    fn bursts_leave_evenly() {
        let mut spacing = Spacing::new(Instant::now());
        let lateness = [33, 13, 23, 3].into_iter().cycle();
        let waits = waits(&mut spacing, 0, lateness.take(200));
        assert!(waits.iter().all(|wait| *wait == 33.0), "{waits:?}");
    }

    #[test]
    fn who_is_late_delays_the_others_for_a_while() {
        let mut spacing = Spacing::new(Instant::now());
        assert_eq!(
            waits(&mut spacing, 0, [5, 5, 30, 5]),
            [5.0, 5.0, 30.0, 30.0]
        );
        let later = waits(&mut spacing, 4, std::iter::repeat_n(5, 400));
        assert_eq!(later[399], 5.0);
        let steps = later.windows(2).map(|two| two[0] - two[1]);
        assert!(
            steps.clone().all(|step| (0.0..=0.51).contains(&step)),
            "never two at once"
        );
    }

    #[test]
    fn one_late_packet_of_many_delays_no_other() {
        let mut spacing = Spacing::new(Instant::now());
        waits(&mut spacing, 0, std::iter::repeat_n(5, 100));
        assert_eq!(waits(&mut spacing, 100, [35, 5]), [35.0, 5.0]);
    }

    #[test]
    fn no_packet_waits_for_one_that_a_stall_held_back() {
        let mut spacing = Spacing::new(Instant::now());
        let stalled = waits(&mut spacing, 0, [5, 5, 405, 385, 5]);
        assert_eq!(stalled, [5.0, 5.0, 405.0, 385.0, 45.0]);
        // They are still even, also while that one is remembered.
        let after = waits(&mut spacing, 5, [5, 25, 5, 15]);
        assert_eq!(after, [45.0; 4]);
    }

    #[test]
    fn a_jump_of_the_timestamps_is_a_new_beginning() {
        let mut spacing = Spacing::new(Instant::now());
        waits(&mut spacing, 0, [5, 30]);
        let now = spacing.began + Duration::from_secs(1);
        for time in [5_000_000, 900_000_000_000] {
            assert_eq!(spacing.leaves(time, now), now);
        }
    }
}
