//! What viewers and players need of a stream's ladder, on the way to its worker.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use weir_media::Demand;

/// A rung goes on for so long when the last viewer has left it: paths get better and worse again, and
/// pages are reloaded.
const STAYS: Duration = Duration::from_secs(15);

/// The best picture: HLS, and what is made of it, always has that.
const BEST: u8 = 1;

/// Rungs that an octet can name.
const RUNGS: usize = 8;

/// Remembers which rungs were needed lately.
#[derive(Debug, Default)]
struct Keeper {
    now: u8,
    /// When each rung is let go that nobody needs any more.
    until: [Option<Instant>; RUNGS],
}

impl Keeper {
    /// Viewers need these now.
    fn take(&mut self, at: Instant, needed: u8) {
        for (rung, until) in self.until.iter_mut().enumerate() {
            let bit = 1 << rung;
            if needed & bit != 0 {
                *until = None;
            } else if self.now & bit != 0 {
                *until = Some(at + STAYS);
            }
        }
        self.now = needed;
    }

    /// What goes on, those that are let go at this moment left out.
    fn kept(&mut self, at: Instant) -> u8 {
        let mut kept = self.now;
        for (rung, until) in self.until.iter_mut().enumerate() {
            match until {
                Some(end) if *end <= at => *until = None,
                Some(_) => kept |= 1 << rung,
                None => {}
            }
        }
        kept
    }

    /// When the next rung is let go.
    fn deadline(&self) -> Option<Instant> {
        self.until.iter().flatten().min().copied()
    }
}

/// Tells a worker what is needed until it is gone: `rtp` is what WebRTC viewers need, `hls` what the
/// origin is asked for. A sender that is gone has said its last word.
pub async fn steer(
    demand: watch::Sender<Demand>,
    mut rtp: watch::Receiver<u8>,
    mut hls: watch::Receiver<u8>,
) {
    let mut keeper = Keeper::default();
    let (mut rtp_changes, mut hls_changes) = (true, true);
    loop {
        let now = Instant::now();
        keeper.take(now, *rtp.borrow_and_update());
        let wanted = Demand {
            rtp: keeper.kept(now),
            hls: *hls.borrow_and_update() | BEST,
        };
        demand.send_if_modified(|told| std::mem::replace(told, wanted) != wanted);
        let deadline = keeper.deadline();
        tokio::select! {
            () = demand.closed() => return,
            changed = rtp.changed(), if rtp_changes => rtp_changes = changed.is_ok(),
            changed = hls.changed(), if hls_changes => hls_changes = changed.is_ok(),
            () = sleep_until(deadline.unwrap_or(now)), if deadline.is_some() => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_rung_stays_for_a_while() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut keeper = Keeper::default();
        keeper.take(at(0), 0b011);
        assert_eq!((keeper.kept(at(0)), keeper.deadline()), (0b011, None));
        keeper.take(at(1), 0b001);
        assert_eq!(keeper.kept(at(10)), 0b011);
        // Needed again, and let go again: its time begins anew.
        keeper.take(at(10), 0b011);
        assert_eq!(keeper.deadline(), None);
        keeper.take(at(11), 0b101);
        assert_eq!(keeper.deadline(), Some(at(26)));
        // Other changes do not prolong it.
        keeper.take(at(20), 0b001);
        assert_eq!(keeper.kept(at(25)), 0b111);
        assert_eq!(keeper.kept(at(26)), 0b101);
        assert_eq!(keeper.kept(at(35)), 0b001);
        assert_eq!(keeper.deadline(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn both_kinds_of_viewers_count() {
        let (demand, mut told) = watch::channel(Demand::default());
        let (viewers, rtp) = watch::channel(0b001);
        let (players, hls) = watch::channel(0);
        let task = tokio::spawn(steer(demand, rtp, hls));
        let mut next = async || {
            told.changed().await.unwrap();
            let Demand { rtp, hls } = *told.borrow_and_update();
            (rtp, hls)
        };
        assert_eq!(next().await, (0b001, 0b001));
        viewers.send(0b100).unwrap();
        assert_eq!(next().await, (0b101, 0b001), "the one before stays");
        players.send(0b010).unwrap();
        assert_eq!(next().await, (0b101, 0b011));
        // The origin keeps its own for as long as it likes.
        drop(players);
        let before = Instant::now();
        assert_eq!(next().await, (0b100, 0b011));
        assert!(before.elapsed() <= STAYS);
        drop(told);
        task.await.unwrap();
    }
}
