//! Which rungs of a ladder players ask for. What nobody asks for is not encoded.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::stream::RUNGS_MAX;

/// The best picture is always there: for recordings, and for whoever comes first.
const BEST: u8 = 1;

#[derive(Debug)]
pub(super) struct Wanted {
    /// A bit for each rung; bit 0 is the best.
    rungs: watch::Sender<u8>,
    asked: Mutex<[Option<Instant>; RUNGS_MAX]>,
    kept: Duration,
}

impl Wanted {
    /// A rung is wanted for so long after the last request.
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

    /// Somebody wants this rung now.
    pub(super) fn ask(self: &Arc<Self>, rung: u8) {
        if rung == 0 {
            return;
        }
        let mut asked = self.lock();
        let Some(last) = asked.get_mut(usize::from(rung)) else {
            return;
        };
        if last.replace(Instant::now()).is_none() {
            self.rungs.send_modify(|rungs| *rungs |= 1 << rung);
            tokio::spawn(self.clone().let_expire(rung));
        }
    }

    async fn let_expire(self: Arc<Self>, rung: u8) {
        loop {
            let last = self.lock()[usize::from(rung)];
            let Some(last) = last else { return };
            tokio::time::sleep_until(last + self.kept).await;
            let mut asked = self.lock();
            let last = &mut asked[usize::from(rung)];
            if last.is_none_or(|last| last.elapsed() >= self.kept) {
                *last = None;
                self.rungs.send_modify(|rungs| *rungs &= !(1 << rung));
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Instant>; RUNGS_MAX]> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_rung_is_wanted_until_nobody_asked_for_a_while() {
        const KEPT: Duration = Duration::from_millis(400);
        let wanted = Arc::new(Wanted::new(KEPT));
        let mut rungs = wanted.watch();
        wanted.ask(2);
        wanted.ask(200);
        assert_eq!(*rungs.borrow_and_update(), 0b101);
        tokio::time::sleep(KEPT / 2).await;
        let again = Instant::now();
        wanted.ask(2);
        wanted.ask(1);
        assert_eq!(*rungs.borrow_and_update(), 0b111);
        rungs.wait_for(|rungs| *rungs == BEST).await.unwrap();
        assert!(again.elapsed() >= KEPT);
        wanted.ask(2);
        assert_eq!(*rungs.borrow(), 0b101);
    }
}
