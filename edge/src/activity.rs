//! What happens on an HTTP connection, and when it is to end for want of it.

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{census::Place, limits::Limits};

/// How long a connection that was told to end may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// Shared by the stream, the requests and the task of a connection. Times are milliseconds since its
/// beginning, and at least 1; 0 is none.
#[derive(Debug)]
pub(crate) struct Activity {
    began: Instant,
    place: Mutex<Place>,
    requests: AtomicU64,
    in_flight: AtomicUsize,
    http2: AtomicBool,
    /// Since when nothing is asked and nothing answered.
    idle: AtomicU64,
    /// When the first byte of a header came.
    head: AtomicU64,
    /// Since when each answer waits for the client to take more.
    owed: Mutex<Vec<Weak<AtomicU64>>>,
}

/// What is to become of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Keep,
    /// It shall end in good order.
    Finish,
    /// It ends now.
    Cut(&'static str),
}

/// A request between its header and the end of its answer.
#[derive(Debug)]
pub(crate) struct InFlight {
    activity: Arc<Activity>,
    owed: Arc<AtomicU64>,
}

impl Activity {
    pub(crate) fn new(place: Place) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            place: Mutex::new(place),
            requests: AtomicU64::new(0),
            in_flight: AtomicUsize::new(0),
            http2: AtomicBool::new(false),
            idle: AtomicU64::new(1),
            head: AtomicU64::new(0),
            owed: Mutex::default(),
        })
    }

    fn now(&self) -> u64 {
        let passed = self.began.elapsed().as_millis();
        u64::try_from(passed).unwrap_or(u64::MAX).max(1)
    }

    /// Bytes came from the client.
    pub(crate) fn read(&self) {
        if self.in_flight.load(Ordering::Relaxed) == 0 && self.head.load(Ordering::Relaxed) == 0 {
            self.head.store(self.now(), Ordering::Relaxed);
        }
    }

    /// A request's header is complete.
    pub(crate) fn request(self: &Arc<Self>, http2: bool) -> InFlight {
        self.http2.store(http2, Ordering::Relaxed);
        if self.requests.fetch_add(1, Ordering::Relaxed) == 0 {
            self.known();
        }
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.head.store(0, Ordering::Relaxed);
        let owed = Arc::new(AtomicU64::new(0));
        let mut all = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|owed| owed.strong_count() > 0);
        all.push(Arc::downgrade(&owed));
        drop(all);
        InFlight {
            activity: self.clone(),
            owed,
        }
    }

    /// The client has proven to be one: it is no stranger any more.
    pub(crate) fn known(&self) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        place.is_known();
    }

    /// What is to become of the connection by what happened until now.
    pub(crate) fn verdict(&self, limits: &Limits) -> Verdict {
        let now = self.now();
        let since = |at: u64| Duration::from_millis(now.saturating_sub(at));
        let http2 = self.http2.load(Ordering::Relaxed);
        if self.in_flight.load(Ordering::Relaxed) > 0 {
            // Of HTTP/1 the stream itself sees that nothing is taken. With HTTP/2 a client can keep
            // the connection alive and yet take nothing.
            return match http2 && self.all_owed_for(now, limits.write) {
                true => Verdict::Cut("takes no answer"),
                false => Verdict::Keep,
            };
        }
        if self.requests.load(Ordering::Relaxed) == 0 {
            return match since(1) > limits.header {
                true => Verdict::Cut("asks nothing"),
                false => Verdict::Keep,
            };
        }
        let head = self.head.load(Ordering::Relaxed);
        // With HTTP/2 there is more than headers: what is not a request counts as idle.
        if head > 0 && !http2 && since(head) > limits.header {
            return Verdict::Cut("sends its request too slowly");
        }
        let idle = since(self.idle.load(Ordering::Relaxed));
        match idle {
            idle if idle > limits.idle + GOODBYE => Verdict::Cut("is idle"),
            idle if idle > limits.idle => Verdict::Finish,
            _ => Verdict::Keep,
        }
    }

    fn all_owed_for(&self, now: u64, limit: Duration) -> bool {
        let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let mut all = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|owed| owed.strong_count() > 0);
        !all.is_empty()
            && all.iter().filter_map(Weak::upgrade).all(|owed| {
                let since = owed.load(Ordering::Relaxed);
                since > 0 && now.saturating_sub(since) > limit
            })
    }
}

impl InFlight {
    /// A part of the answer is there, and the client has not taken it yet.
    pub(crate) fn gave(&self) {
        self.owed.store(self.activity.now(), Ordering::Relaxed);
    }

    /// The client takes more.
    pub(crate) fn asked(&self) {
        self.owed.store(0, Ordering::Relaxed);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let activity = &self.activity;
        activity.idle.store(activity.now(), Ordering::Relaxed);
        activity.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::IpAddr;

    use tokio::time::advance;

    use super::*;
    use crate::census::Census;

    fn activity() -> (Arc<Activity>, Limits) {
        let limits = Limits::default();
        let census = Arc::new(Census::new(limits.clone()));
        let place = census.admit(IpAddr::from([192, 0, 2, 1]), false).unwrap();
        (Activity::new(place), limits)
    }

    const MOMENT: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn who_asks_nothing_is_cut() {
        let (activity, limits) = activity();
        activity.read();
        advance(limits.header - MOMENT).await;
        assert_eq!(activity.verdict(&limits), Verdict::Keep);
        advance(MOMENT * 2).await;
        activity.read();
        assert!(matches!(activity.verdict(&limits), Verdict::Cut(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_request_may_not_trickle_either() {
        let (activity, limits) = activity();
        drop(activity.request(false));
        advance(limits.header * 2).await;
        assert_eq!(activity.verdict(&limits), Verdict::Keep, "between requests");
        activity.read();
        advance(limits.header + MOMENT).await;
        activity.read();
        assert!(matches!(activity.verdict(&limits), Verdict::Cut(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_an_answer_is_kept() {
        for http2 in [false, true] {
            let (activity, limits) = activity();
            let request = activity.request(http2);
            request.gave();
            request.asked();
            advance(Duration::from_secs(24 * 3_600)).await;
            assert_eq!(activity.verdict(&limits), Verdict::Keep);
            drop(request);
            assert_eq!(activity.verdict(&limits), Verdict::Keep);
            advance(limits.idle + MOMENT).await;
            assert_eq!(activity.verdict(&limits), Verdict::Finish);
            advance(GOODBYE + MOMENT).await;
            assert!(matches!(activity.verdict(&limits), Verdict::Cut(_)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_none_of_its_answers_is_cut() {
        let (activity, limits) = activity();
        let events = activity.request(true);
        let file = activity.request(true);
        file.gave();
        advance(limits.write + MOMENT).await;
        // A picture that is paused must not cost the chat its connection.
        assert_eq!(activity.verdict(&limits), Verdict::Keep);
        drop(events);
        assert!(matches!(activity.verdict(&limits), Verdict::Cut(_)));
        file.asked();
        assert_eq!(activity.verdict(&limits), Verdict::Keep);
    }
}
