//! What callers may read without asking a shard.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::sync::watch;
use weir_sfu_core::{SfuStats, SourceInfo, StreamId};

use crate::{needed::Needed, tcp::Census};

#[derive(Debug)]
pub(crate) struct Shared {
    live: watch::Sender<HashMap<StreamId, SourceInfo>>,
    stats: Vec<Mutex<SfuStats>>,
    /// What of the streams' layers viewers need.
    pub(crate) needed: Needed,
    /// Packets dropped before they reached a shard.
    pub(crate) dropped_outside: AtomicU64,
    /// Somebody listens to data channels.
    pub(crate) rooms: AtomicBool,
    /// TCP connections.
    pub(crate) census: Arc<Census>,
    /// The UDP addresses that answers name.
    pub(crate) addresses: watch::Sender<Vec<SocketAddr>>,
}

impl Shared {
    pub(crate) fn new(shards: usize) -> Self {
        Self {
            live: watch::Sender::default(),
            stats: (0..shards).map(|_| Mutex::default()).collect(),
            needed: Needed::default(),
            dropped_outside: AtomicU64::new(0),
            rooms: AtomicBool::new(false),
            census: Arc::new(Census::of_process()),
            addresses: watch::Sender::default(),
        }
    }

    pub(crate) fn source(&self, stream: StreamId) -> Option<SourceInfo> {
        self.live.borrow().get(&stream).cloned()
    }

    /// Returns when the stream has a source.
    pub(crate) async fn sourced(&self, stream: StreamId) {
        let mut live = self.live.subscribe();
        // It lasts as long as this does.
        let _ = live.wait_for(|live| live.contains_key(&stream)).await;
    }

    pub(crate) fn set_source(&self, stream: StreamId, info: Option<SourceInfo>) {
        self.live.send_modify(|live| {
            match info {
                Some(info) => live.insert(stream, info),
                None => live.remove(&stream),
            };
        });
    }

    /// What answers name from now on. All shards say the same.
    pub(crate) fn set_addresses(&self, udp: &[SocketAddr]) {
        self.addresses.send_if_modified(|known| {
            let new = known != udp;
            if new {
                *known = udp.to_vec();
            }
            new
        });
    }

    /// A packet was dropped before it reached a shard.
    pub(crate) fn count_dropped(&self) {
        self.dropped_outside.fetch_add(1, Ordering::Relaxed);
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
            tcp_connections: self.census.connections() as u64,
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
                data_in,
                data_out,
                data_dropped,
                tcp_connections,
                viewer_drops,
                viewer_keyframe_requests,
                nacks,
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
            sum.data_in += data_in;
            sum.data_out += data_out;
            sum.data_dropped += data_dropped;
            sum.tcp_connections += tcp_connections;
            sum.viewer_drops += viewer_drops;
            sum.viewer_keyframe_requests += viewer_keyframe_requests;
            sum.nacks += nacks;
        }
        sum
    }
}
