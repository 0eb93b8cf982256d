//! What callers may read without asking a shard.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use weir_sfu_core::{SfuStats, SourceInfo, StreamId};

#[derive(Debug)]
pub(crate) struct Shared {
    live: RwLock<HashMap<StreamId, SourceInfo>>,
    stats: Vec<Mutex<SfuStats>>,
    /// Packets dropped before they reached a shard.
    pub(crate) dropped_outside: AtomicU64,
}

impl Shared {
    pub(crate) fn new(shards: usize) -> Self {
        Self {
            live: RwLock::default(),
            stats: (0..shards).map(|_| Mutex::default()).collect(),
            dropped_outside: AtomicU64::new(0),
        }
    }

    pub(crate) fn source(&self, stream: StreamId) -> Option<SourceInfo> {
        self.live
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&stream)
            .cloned()
    }

    pub(crate) fn set_source(&self, stream: StreamId, info: Option<SourceInfo>) {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        match info {
            Some(info) => live.insert(stream, info),
            None => live.remove(&stream),
        };
    }

    /// Written by its shard only, a few times a second, so nobody ever waits for the lock.
    pub(crate) fn set_stats(&self, shard: u16, stats: SfuStats) {
        if let Some(slot) = self.stats.get(usize::from(shard)) {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = stats;
        }
    }

    pub(crate) fn stats(&self) -> SfuStats {
        let mut sum = SfuStats {
            overflow_drops: self.dropped_outside.load(Ordering::Relaxed),
            ..SfuStats::default()
        };
        for slot in &self.stats {
            let SfuStats {
                streams,
                viewers,
                publishers,
                packets_in,
                bytes_in,
                packets_out,
                bytes_out,
                sends,
                retransmissions,
                losses_reported,
                losses_in,
                keyframe_requests,
                datagrams_dropped,
                overflow_drops,
            } = *slot.lock().unwrap_or_else(PoisonError::into_inner);
            sum.streams += streams;
            sum.viewers += viewers;
            sum.publishers += publishers;
            sum.packets_in += packets_in;
            sum.bytes_in += bytes_in;
            sum.packets_out += packets_out;
            sum.bytes_out += bytes_out;
            sum.sends += sends;
            sum.retransmissions += retransmissions;
            sum.losses_reported += losses_reported;
            sum.losses_in += losses_in;
            sum.keyframe_requests += keyframe_requests;
            sum.datagrams_dropped += datagrams_dropped;
            sum.overflow_drops += overflow_drops;
        }
        sum
    }
}
