//! A publisher's part in a broadcast: how it begins, how it breaks off, how it ends.

use std::sync::{Arc, atomic::AtomicU32};

use tokio_util::sync::CancellationToken;
use weir_db::{BroadcastId, Stream};
use weir_protocol::{IngestProtocol, StreamSlug};
use weir_sfu::StreamId;

use super::{KeyMade, Live, OnAir, media_id, now, record};

/// A publisher's right to feed a broadcast. [`Broadcast::end`] is its goodbye, after which the stream
/// is offline. Dropping it says that its connection broke: the broadcast waits for a publisher until
/// the grace period is over. Neither means anything once a newer publisher has taken over.
pub struct Broadcast {
    live: Live,
    stream: StreamId,
    slug: StreamSlug,
    publisher: u64,
    cancel: CancellationToken,
    in_order: bool,
}

impl Live {
    /// Puts a stream on the air, or goes on with its broadcast if there is one: an older publisher of it
    /// is told to end at once, and no longer counts. The row in `broadcasts` is written by a task, so a
    /// slow database delays no media.
    pub fn begin(&self, stream: &Stream, protocol: IngestProtocol) -> Broadcast {
        let id = media_id(stream);
        let mut state = self.state();
        state.publishers += 1;
        let publisher = state.publishers;
        let entry = state.entry(stream);
        let there = entry.on_air.take();
        let on_air = match there.filter(|on_air| !on_air.over.is_cancelled()) {
            Some(mut on_air) => {
                on_air.cancel.cancel();
                let (slug, was) = (&stream.slug, on_air.protocol.as_str());
                if on_air.interrupted_until.take().is_some() {
                    tracing::info!(%slug, was, protocol = protocol.as_str(), "broadcast goes on");
                } else {
                    tracing::info!(%slug, was, protocol = protocol.as_str(), "publisher taken over");
                }
                OnAir {
                    publisher,
                    protocol,
                    key_made: KeyMade::of(stream),
                    cancel: on_air.over.child_token(),
                    ..on_air
                }
            }
            None => {
                tracing::info!(slug = %stream.slug, protocol = protocol.as_str(), "stream is live");
                self.start(stream, protocol, publisher)
            }
        };
        let cancel = on_air.cancel.clone();
        entry.on_air = Some(on_air);
        self.refresh(&mut state, id);
        drop(state);
        Broadcast {
            live: self.clone(),
            stream: id,
            slug: stream.slug.clone(),
            publisher,
            cancel,
            in_order: false,
        }
    }

    fn start(&self, stream: &Stream, protocol: IngestProtocol, publisher: u64) -> OnAir {
        let over = CancellationToken::new();
        let id = BroadcastId::begin();
        let peak_viewers = Arc::new(AtomicU32::new(0));
        self.inner.records.spawn(record::keep(
            self.inner.db.clone(),
            self.inner.bus.clone(),
            stream.clone(),
            (id, protocol),
            peak_viewers.clone(),
            over.clone(),
        ));
        OnAir {
            id,
            publisher,
            protocol,
            started_at: now(),
            key_made: KeyMade::of(stream),
            cancel: over.child_token(),
            interrupted_until: None,
            dvr_seconds: None,
            peak_viewers,
            _over: over.clone().drop_guard(),
            over,
        }
    }

    /// A publisher's connection broke. False when it was not the newest, or nobody is to be waited for.
    fn interrupt(&self, stream: StreamId, publisher: u64) -> bool {
        let grace = self.inner.grace;
        let mut state = self.state();
        let on_air = state
            .streams
            .get_mut(&stream)
            .and_then(|entry| entry.on_air.as_mut())
            .filter(|on_air| on_air.publisher == publisher && !on_air.over.is_cancelled());
        let Some(on_air) = on_air.filter(|_| !grace.is_zero()) else {
            return false;
        };
        if on_air.interrupted_until.is_some() {
            return true;
        }
        let millis = i64::try_from(grace.as_millis()).unwrap_or(i64::MAX);
        on_air.interrupted_until = Some(now().saturating_add(millis));
        self.refresh(&mut state, stream);
        drop(state);
        let live = self.clone();
        self.inner.runtime.spawn(async move {
            tokio::time::sleep(grace).await;
            live.end_if(stream, |on_air| {
                on_air.publisher == publisher && on_air.interrupted_until.is_some()
            });
        });
        true
    }
}

impl Broadcast {
    /// Cancelled when the publisher must go: a newer one took over, the key was rotated, the stream
    /// was deleted. Also cancelled once this is dropped, so that whatever serves the publisher can end
    /// with it.
    pub fn cancelled(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Nothing comes of the publisher: whatever serves it ends, and the broadcast waits as if this were
    /// dropped. Whoever still has this can say later that it was a goodbye.
    pub(super) fn interrupt(&self) {
        self.cancel.cancel();
        if self.live.interrupt(self.stream, self.publisher) {
            tracing::info!(slug = %self.slug, "publisher lost; the broadcast waits for it");
        } else {
            let publisher = self.publisher;
            self.live
                .end_if(self.stream, |on_air| on_air.publisher == publisher);
        }
    }

    /// The publisher said goodbye: the stream is offline at once.
    pub fn end(mut self) {
        self.in_order = true;
    }
}

impl Drop for Broadcast {
    fn drop(&mut self) {
        if !self.in_order {
            self.interrupt();
            return;
        }
        self.cancel.cancel();
        let publisher = self.publisher;
        self.live
            .end_if(self.stream, |on_air| on_air.publisher == publisher);
    }
}
