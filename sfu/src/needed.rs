//! Which layers of each stream viewers need, at all shards together.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;
use weir_sfu_core::StreamId;

/// Told by the shards when it changes, a few times a second at most; nobody waits for the lock long.
#[derive(Debug, Default)]
pub(crate) struct Needed {
    streams: Mutex<HashMap<StreamId, Stream>>,
}

#[derive(Debug)]
struct Stream {
    /// Of shards that need any, by their number.
    shards: Vec<(u16, u8)>,
    sum: watch::Sender<u8>,
}

impl Stream {
    fn is_idle(&self) -> bool {
        self.shards.is_empty() && self.sum.receiver_count() == 0
    }
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            shards: Vec::new(),
            sum: watch::Sender::new(0),
        }
    }
}

impl Needed {
    /// What a shard's viewers need of a stream now.
    pub(crate) fn set(&self, stream: StreamId, shard: u16, layers: u8) {
        let mut streams = self.lock();
        let entry = streams.entry(stream).or_default();
        entry.shards.retain(|(known, _)| *known != shard);
        if layers != 0 {
            entry.shards.push((shard, layers));
        }
        let sum = entry.shards.iter().fold(0, |sum, (_, layers)| sum | layers);
        entry
            .sum
            .send_if_modified(|told| std::mem::replace(told, sum) != sum);
        if entry.is_idle() {
            streams.remove(&stream);
        }
    }

    /// Follows a stream.
    pub(crate) fn watch(&self, stream: StreamId) -> watch::Receiver<u8> {
        let mut streams = self.lock();
        streams.retain(|_, stream| !stream.is_idle());
        streams.entry(stream).or_default().sum.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StreamId, Stream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_needs_of_all_shards_count() {
        let needed = Needed::default();
        let stream = StreamId(7);
        needed.set(stream, 0, 0b01);
        let mut watch = needed.watch(stream);
        assert_eq!(*watch.borrow_and_update(), 0b01);
        needed.set(stream, 1, 0b10);
        assert_eq!(*watch.borrow_and_update(), 0b11);
        needed.set(stream, 1, 0b11);
        assert!(!watch.has_changed().unwrap());
        needed.set(stream, 0, 0);
        needed.set(stream, 1, 0);
        assert_eq!(*watch.borrow_and_update(), 0);
        drop(watch);
        needed.watch(StreamId(8));
        assert_eq!(
            needed.lock().len(),
            1,
            "nothing is kept of what nobody follows"
        );
    }
}
