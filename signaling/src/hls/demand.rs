//! Whether players need the ladder. What nobody asks for is not encoded.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

/// The best picture is always there: for recordings, and for whoever comes first.
pub(super) const BEST: u8 = 1;

/// Every rung. Players change from one to another by themselves, and play on only where the other is there
/// already: one player needs all of them.
pub(super) const LADDER: u8 = u8::MAX;

#[derive(Debug)]
pub(super) struct Wanted {
    /// A bit for each rung; bit 0 is the best.
    rungs: watch::Sender<u8>,
    /// When the ladder was asked for last; none when it is not wanted.
    asked: Mutex<Option<Instant>>,
    kept: Duration,
}

impl Wanted {
    /// The ladder is wanted for so long after the last request.
    pub(super) fn new(kept: Duration) -> Self {
        Self {
            rungs: watch::channel(BEST).0,
            asked: Mutex::default(),
            kept,
        }
    }

    pub(super) fn watch(&self) -> watch::Receiver<u8> {
        self.rungs.subscribe()
    }

    /// Somebody plays this now.
    pub(super) fn ask(self: &Arc<Self>) {
        if self.lock().replace(Instant::now()).is_none() {
            self.rungs.send_replace(LADDER);
            tokio::spawn(self.clone().let_expire());
        }
    }

    async fn let_expire(self: Arc<Self>) {
        loop {
            let Some(last) = *self.lock() else { return };
            tokio::time::sleep_until(last + self.kept).await;
            let mut asked = self.lock();
            if asked.is_none_or(|last| last.elapsed() >= self.kept) {
                *asked = None;
                self.rungs.send_replace(BEST);
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_ladder_is_wanted_until_nobody_asked_for_a_while() {
        const KEPT: Duration = Duration::from_millis(400);
        let wanted = Arc::new(Wanted::new(KEPT));
        let mut rungs = wanted.watch();
        assert_eq!(*rungs.borrow_and_update(), BEST);
        wanted.ask();
        assert_eq!(*rungs.borrow_and_update(), LADDER);
        tokio::time::sleep(KEPT / 2).await;
        let again = Instant::now();
        wanted.ask();
        rungs.wait_for(|rungs| *rungs == BEST).await.unwrap();
        assert!(again.elapsed() >= KEPT);
        wanted.ask();
        assert_eq!(*rungs.borrow(), LADDER);
    }
}
