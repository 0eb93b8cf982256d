//! What a shard tells of itself: counters, and viewers and layers on request.

use std::time::{Duration, Instant};

use super::Shard;
use crate::{
    LayerChoice, LayerStats, SessionId, SfuStats, StreamId, StreamStats, ViewerStats,
    layers::Layers,
    packet::{LayerId, SourceInfo},
    session::{Session, Viewer},
};

impl Shard {
    /// Counters of this shard. `sends` and queue overflows are the shell's to add.
    pub fn stats(&mut self) -> SfuStats {
        for session in self.sessions.values_mut() {
            if let Session::Viewer(viewer) = session {
                count(&mut self.counters, viewer);
            }
        }
        SfuStats {
            packets_out: self.outbox.packets,
            bytes_out: self.outbox.bytes,
            overflow_drops: self.counters.overflow_drops + self.outbox.dropped,
            ..self.counters
        }
    }

    /// One viewer now; none when it is none of this shard's.
    pub fn handle_viewer_stats(&mut self, now: Instant, id: SessionId) -> Option<ViewerStats> {
        let key = self.by_id.get(&id)?;
        let Some(Session::Viewer(viewer)) = self.sessions.get_mut(key) else {
            return None;
        };
        let route = self.routes.get(&viewer.common.stream)?;
        Some(viewer_stats(
            now,
            viewer,
            &route.layers,
            route.info.as_ref(),
        ))
    }

    /// A stream's layers, and its viewers at this shard.
    pub fn handle_stream_stats(&mut self, now: Instant, stream: StreamId) -> StreamStats {
        let Some(route) = self.routes.get(&stream) else {
            return StreamStats::default();
        };
        let info = route.info.as_ref();
        let mut of_layers = Vec::new();
        let mut viewers = Vec::new();
        for key in &route.viewers {
            if let Some(Session::Viewer(viewer)) = self.sessions.get_mut(key)
                && viewer.common.connected
            {
                of_layers.extend(viewer.egress.layer());
                viewers.push(viewer_stats(now, viewer, &route.layers, info));
            }
        }
        let mut layers: Vec<LayerStats> = route
            .layers
            .iter()
            .map(|(id, layer)| LayerStats {
                name: name(info, id),
                width: layer.size().map(|size| size.width),
                height: layer.size().map(|size| size.height),
                bitrate: layer.bitrate(now),
                active: layer.is_heard(now),
                on_demand: false,
                viewers: of_layers.iter().filter(|of| **of == id).count() as u64,
            })
            .collect();
        if let Some(info) = info {
            add_announced(&mut layers, info);
        }
        layers.sort_by_key(|layer| std::cmp::Reverse((layer.height, layer.bitrate)));
        StreamStats { layers, viewers }
    }

    /// What a viewer wants to get. False when it is none of this shard's.
    pub fn handle_choice(&mut self, now: Instant, id: SessionId, choice: LayerChoice) -> bool {
        let Some(&key) = self.by_id.get(&id) else {
            return false;
        };
        let Some(Session::Viewer(viewer)) = self.sessions.get_mut(&key) else {
            return false;
        };
        let stream = viewer.common.stream;
        viewer.egress.set_choice(choice);
        self.with_egress(now, key, |egress, cx| egress.begin(cx));
        self.look_soon(now, stream);
        true
    }

    /// Least and most playout delay of a stream's viewers, in units of 10 ms; none: the default.
    pub fn handle_playout_delay(&mut self, stream: StreamId, delay: Option<(u16, u16)>) {
        match delay {
            Some(delay) => self.playout_delays.insert(stream, delay),
            None => self.playout_delays.remove(&stream),
        };
        let delay = self.playout_delay(stream);
        let Some(route) = self.routes.get(&stream) else {
            return;
        };
        for key in &route.viewers {
            if let Some(Session::Viewer(viewer)) = self.sessions.get_mut(key) {
                viewer.egress.set_playout_delay(delay);
            }
        }
    }

    pub(super) fn playout_delay(&self, stream: StreamId) -> (u16, u16) {
        let own = self.playout_delays.get(&stream);
        own.copied().unwrap_or(self.config.playout_delay)
    }

    /// Puts a viewer's counters into the shard's.
    pub(super) fn count(&mut self, viewer: &mut Viewer) {
        count(&mut self.counters, viewer);
    }
}

/// Layers that are made only when they are needed can be chosen all the same.
fn add_announced(layers: &mut Vec<LayerStats>, info: &SourceInfo) {
    for (name, said) in info.layers.iter().zip(info.announced.iter()) {
        let pixels = |pixels: u32| u16::try_from(pixels).ok();
        match layers.iter_mut().find(|layer| layer.name == *name) {
            Some(layer) => {
                layer.width = layer.width.or(pixels(said.width));
                layer.height = layer.height.or(pixels(said.height));
                layer.on_demand = true;
                if !layer.active {
                    layer.bitrate = said.bitrate.into();
                }
            }
            None => layers.push(LayerStats {
                name: name.clone(),
                width: pixels(said.width),
                height: pixels(said.height),
                bitrate: said.bitrate.into(),
                active: false,
                on_demand: true,
                viewers: 0,
            }),
        }
    }
}

fn count(counters: &mut SfuStats, viewer: &mut Viewer) {
    let (now, before) = (viewer.egress.stats, viewer.counted);
    counters.retransmissions += now.retransmissions - before.retransmissions;
    counters.losses_reported += now.lost - before.lost;
    counters.nacks += now.nacked - before.nacked;
    counters.viewer_keyframe_requests += now.keyframe_requests - before.keyframe_requests;
    counters.viewer_drops += now.dropped - before.dropped;
    viewer.counted = now;
}

fn viewer_stats(
    now: Instant,
    viewer: &mut Viewer,
    layers: &Layers,
    info: Option<&SourceInfo>,
) -> ViewerStats {
    let egress = &viewer.egress;
    let stats = egress.stats;
    let connected = viewer.connected_at.unwrap_or(now);
    let (since, octets) = viewer.asked.unwrap_or((connected, 0));
    let passed = now.saturating_duration_since(since);
    let bitrate = if passed > Duration::from_millis(10) {
        viewer.asked = Some((now, stats.octets));
        (stats.octets - octets) * 8_000 / (passed.as_millis() as u64).max(1)
    } else {
        0
    };
    let layer = egress.layer();
    let target = egress.target().filter(|target| Some(target.layer) == layer);
    let size = target
        .and_then(|target| target.size)
        .or_else(|| layers.get(layer?)?.size());
    ViewerStats {
        session: viewer.common.id,
        transcoded: viewer.common.stream.is_transcoded(),
        connected_for: now.saturating_duration_since(connected),
        via: viewer.common.transport.path().map(|path| path.via),
        bitrate,
        layer: layer.map(|id| name(info, id)),
        choice: egress.choice().clone(),
        width: size.map(|size| size.width),
        height: size.map(|size| size.height),
        loss: egress.loss(),
        rtt: egress.round_trip(),
        estimate: egress.estimate(),
        nacks: stats.nacked,
        retransmissions: stats.retransmissions,
        keyframe_requests: stats.keyframe_requests,
        dropped: stats.dropped,
    }
}

fn name(info: Option<&SourceInfo>, id: LayerId) -> String {
    let names = info.map(|info| &info.layers);
    names
        .and_then(|names| names.get(usize::from(id.0)))
        .cloned()
        .unwrap_or_default()
}
