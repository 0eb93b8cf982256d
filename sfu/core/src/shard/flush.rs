//! What was gathered for a stream's viewers on its way out.
//!
//! A frame is written to one viewer at a time, when the shell asks for the next datagrams: so a
//! viewer's packets go to the kernel from a warm cache, and nothing but the shared packets waits
//! while a socket is full.

use std::{sync::Arc, time::Instant};

use super::{SessionKey, Shard, Timer};
use crate::{
    StreamId, Transmit,
    egress::{Context, Egress},
    packet::MediaPacket,
    session::Session,
};

/// Batches that wait for a full socket: a second of a stream of 30 frames and 50 sounds. Beyond, the
/// oldest is left out for the viewers that it has not reached: their video begins again at the next
/// keyframe, their sound has a gap.
const MAX_FLUSHES: usize = 80;

/// Batch buffers kept for reuse.
const MAX_SPARE: usize = 16;

/// Octets of a cache line.
const LINE: usize = 64;

/// Has the processor fetch something that is needed soon. A viewer's state has left the cache since
/// its last frame; fetched while the one before it is sealed and sent, nobody waits for it.
fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    for line in 0..size_of::<T>().div_ceil(LINE) {
        let place = std::ptr::from_ref(value)
            .cast::<i8>()
            .wrapping_add(line * LINE);
        // SAFETY: a prefetch reads nothing that the program sees and faults on no address.
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(place);
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

/// One batch on its way to a stream's viewers.
#[derive(Debug)]
pub(super) struct Flush {
    pub(super) stream: StreamId,
    /// Shared with the writing of it, which may lead to more of them.
    batch: Arc<Vec<Arc<MediaPacket>>>,
    /// Place of the next viewer in the route's list.
    next: usize,
}

impl Shard {
    /// What was gathered for the viewers of a stream leaves.
    pub(super) fn flush(&mut self, stream: StreamId) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        route.flush_at = None;
        // A spare one is nobody else's, so this copies nothing.
        let mut batch = self.spare_batches.pop().unwrap_or_default();
        std::mem::swap(Arc::make_mut(&mut batch), &mut route.batch);
        self.flushes.push_back(Flush {
            stream,
            batch,
            next: 0,
        });
        if self.flushes.len() > MAX_FLUSHES {
            self.give_up_flush();
        }
    }

    /// The next datagrams to send.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        loop {
            if let Some(transmit) = self.outbox.pop() {
                return Some(transmit);
            }
            if !self.flush_next(now) {
                return None;
            }
        }
    }

    /// Takes a transmit back once it is sent, so that its buffer is used again.
    pub fn recycle(&mut self, transmit: Transmit) {
        self.outbox.recycle(transmit.contents);
    }

    /// A viewer leaves its stream's list.
    pub(super) fn leave(&mut self, stream: StreamId, key: SessionKey) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        let Some(place) = route.viewers.iter().position(|viewer| *viewer == key) else {
            return;
        };
        route.viewers.remove(place);
        for flush in &mut self.flushes {
            if flush.stream == stream && flush.next > place {
                flush.next -= 1;
            }
        }
    }

    /// One viewer of the oldest batch gets it. False when there is nothing to do.
    fn flush_next(&mut self, now: Instant) -> bool {
        let Some(flush) = self.flushes.front_mut() else {
            return false;
        };
        let viewers = self.routes.get(&flush.stream).map(|route| &route.viewers);
        let key = viewers.and_then(|viewers| viewers.get(flush.next).copied());
        let after = viewers.and_then(|viewers| viewers.get(flush.next + 1));
        if let Some(Session::Viewer(viewer)) = after.and_then(|key| self.sessions.get(key)) {
            prefetch(&viewer.egress);
        }
        let Some(key) = key else {
            if let Some(flush) = self.flushes.pop_front() {
                self.keep_batch(flush.batch);
            }
            return true;
        };
        flush.next += 1;
        let batch = flush.batch.clone();
        self.with_egress(now, key, |egress, cx| egress.send(cx, &batch));
        true
    }

    /// A viewer's egress spreads something over time.
    pub(super) fn tick_timer(&mut self, now: Instant, at: Instant, key: SessionKey) {
        let Some(Session::Viewer(viewer)) = self.sessions.get_mut(&key) else {
            return;
        };
        if viewer.tick != Some(at) {
            return;
        }
        viewer.tick = None;
        self.with_egress(now, key, Egress::tick);
    }

    /// Runs something on a viewer's egress, and sees to what it needs next. None when it is no viewer
    /// or has no path yet.
    pub(super) fn with_egress<T>(
        &mut self,
        now: Instant,
        key: SessionKey,
        run: impl FnOnce(&mut Egress, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let Some(Session::Viewer(viewer)) = self.sessions.get_mut(&key) else {
            return None;
        };
        let stream = viewer.common.stream;
        let route = self.routes.get(&stream)?;
        let path = viewer.common.transport.path()?;
        let mut cx = Context {
            now,
            layers: &route.layers,
            outbox: &mut self.outbox,
            path,
            wallclock: &self.wallclock,
        };
        viewer.egress.set_congested(viewer.common.is_congested());
        let value = run(&mut viewer.egress, &mut cx);
        if let Some(at) = viewer.egress.tick_at()
            && viewer.tick.is_none_or(|tick| at < tick)
        {
            viewer.tick = Some(at);
            self.timers.insert(at, Timer::Tick(key));
        }
        if let Some(layer) = viewer.egress.take_wanted_keyframe() {
            self.request_keyframe(now, stream, Some(layer));
        }
        Some(value)
    }

    fn give_up_flush(&mut self) {
        let Some(flush) = self.flushes.pop_front() else {
            return;
        };
        let viewers = self.routes.get(&flush.stream).map(|route| &route.viewers);
        for key in viewers.into_iter().flatten().skip(flush.next) {
            if let Some(Session::Viewer(viewer)) = self.sessions.get_mut(key) {
                viewer.egress.interrupt_video();
                viewer.egress.stats.dropped += flush.batch.len() as u64;
                self.counters.overflow_drops += flush.batch.len() as u64;
            }
        }
        self.keep_batch(flush.batch);
    }

    fn keep_batch(&mut self, mut batch: Arc<Vec<Arc<MediaPacket>>>) {
        if self.spare_batches.len() < MAX_SPARE
            && let Some(packets) = Arc::get_mut(&mut batch)
        {
            packets.clear();
            self.spare_batches.push(batch);
        }
    }
}
