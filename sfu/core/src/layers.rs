//! What a shard knows of the video layers of a stream: their packets, their rates, their order.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use weir_media::{RtpLayer, VideoCodec};

use crate::{
    packet::{LayerId, MediaPacket, PictureSize},
    store::Store,
    throttle::KeyframeThrottle,
};

/// Most layers of a source: OBS sends four at most, browsers three; the bridge names rungs by the bits
/// of an octet ([`weir_media::Demand`]).
pub(crate) const MAX_LAYERS: usize = 8;

/// Spatial and temporal layers that are told apart (AV1 L3T3; the descriptors have room for more).
const MAX_SPATIAL: usize = 4;
const MAX_TEMPORAL: usize = 4;

/// A layer of which nothing came for so long is not there.
const SILENCE: Duration = Duration::from_secs(1);

/// Nor is one of which nothing came while another had so many pictures, and for this time at least: who
/// watches it sees that it stands still.
const MISSED: u32 = 12;
const LEAST_SILENCE: Duration = Duration::from_millis(300);

/// Rates are of the last `BUCKETS` times this: several seconds, so that a keyframe alone changes
/// little.
const BUCKET: Duration = Duration::from_millis(500);
const BUCKETS: usize = 8;

/// Until then a layer is taken for what was announced of it, where that is known: it begins with a
/// keyframe, which says too much.
const YOUNG: Duration = Duration::from_secs(2);

/// One way of watching a source's video: a simulcast layer, or a part of a scalable one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rung {
    pub(crate) layer: LayerId,
    /// Highest spatial layer of it.
    pub(crate) spatial: u8,
    /// Highest temporal layer of it.
    pub(crate) temporal: u8,
    /// Measured, in bit/s of RTP payload.
    pub(crate) bitrate: u64,
    pub(crate) size: Option<PictureSize>,
    /// Whether it arrives now.
    pub(crate) active: bool,
}

#[derive(Debug)]
pub(crate) struct Layers {
    layers: Vec<Layer>,
    rungs: Vec<Rung>,
    bucket_ends: Option<Instant>,
    interval: Duration,
    /// Spatial layers within a layer are not passed on.
    flat: bool,
    /// In bit/s, where it was announced; else 0.
    nominal: [u64; MAX_LAYERS],
    /// Counts changes of what there is to choose from.
    changes: u32,
}

#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) store: Store,
    pub(crate) throttle: KeyframeThrottle,
    size: Option<PictureSize>,
    heard: Option<Instant>,
    /// Pictures that came, and how many of each layer there were at its last packet.
    pictures: u32,
    seen: [u32; MAX_LAYERS],
    meter: Meter,
}

/// Octets per spatial and temporal layer.
#[derive(Debug, Default)]
struct Meter {
    buckets: [[[u32; MAX_TEMPORAL]; MAX_SPATIAL]; BUCKETS],
    current: usize,
    /// How many are filled, the current one too.
    filled: usize,
    since: Option<Instant>,
    spatial: usize,
    temporal: usize,
}

impl Layers {
    /// `interval`: least time between two keyframe requests for a layer.
    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            layers: Vec::new(),
            rungs: Vec::new(),
            bucket_ends: None,
            interval,
            flat: false,
            nominal: [0; MAX_LAYERS],
            changes: 0,
        }
    }

    /// Another source: nothing that was known holds.
    pub(crate) fn clear(&mut self) {
        self.layers.clear();
        self.rungs.clear();
        self.bucket_ends = None;
        self.changes = self.changes.wrapping_add(1);
    }

    /// The source has so many layers now, and this was said of them. What it had beyond is gone.
    pub(crate) fn announce(&mut self, now: Instant, count: usize, announced: &[RtpLayer]) {
        self.nominal = [0; MAX_LAYERS];
        for (nominal, layer) in self.nominal.iter_mut().zip(announced) {
            *nominal = layer.bitrate.into();
        }
        if self.layers.len() > count {
            self.layers.truncate(count);
            self.rank(now);
        }
    }

    /// Another number than before: there is something else to choose from.
    pub(crate) fn changes(&self) -> u32 {
        self.changes
    }

    /// Of AV1 with spatial layers only the least is passed on: without the dependency descriptor, which
    /// viewers are not offered, a browser takes each spatial layer for a picture of its own and can
    /// decode none but the least.
    pub(crate) fn set_codec(&mut self, codec: Option<VideoCodec>) {
        self.flat = codec == Some(VideoCodec::Av1);
    }

    /// Keeps and measures a video packet.
    pub(crate) fn push(&mut self, now: Instant, packet: &Arc<MediaPacket>) {
        let index = usize::from(packet.layer.0);
        if index >= MAX_LAYERS {
            return;
        }
        while self.layers.len() <= index {
            self.layers.push(Layer {
                store: Store::default(),
                throttle: KeyframeThrottle::new(self.interval),
                size: None,
                heard: None,
                pictures: 0,
                seen: [0; MAX_LAYERS],
                meter: Meter::default(),
            });
        }
        let mut pictures = [0; MAX_LAYERS];
        for (count, layer) in pictures.iter_mut().zip(&self.layers) {
            *count = layer.pictures;
        }
        let was_silent = !self.is_heard(&self.layers[index], now);
        let layer = &mut self.layers[index];
        if layer.heard.is_some_and(|heard| now > heard + SILENCE) {
            // What it sent before it was silent says nothing.
            layer.meter = Meter::default();
        }
        layer.heard = Some(now);
        layer.seen = pictures;
        layer.pictures = layer.pictures.wrapping_add(u32::from(packet.marker));
        layer.meter.add(now, packet);
        let resized = packet.size.is_some() && packet.size != layer.size;
        if resized {
            layer.size = packet.size;
        }
        if packet.keyframe_start {
            layer.throttle.keyframe();
        }
        layer.store.push(packet);
        let ends = *self.bucket_ends.get_or_insert(now + BUCKET);
        if now >= ends {
            for layer in &mut self.layers {
                layer.meter.turn();
            }
            self.bucket_ends = Some(now + BUCKET);
        }
        // Whether another is missed shows at the end of a picture.
        let missed = packet.marker
            && self.rungs.iter().any(|rung| {
                let layer = self.get(rung.layer);
                rung.active && layer.is_none_or(|layer| !self.is_heard(layer, now))
            });
        if was_silent || missed || resized || now >= ends || self.rungs.is_empty() {
            self.rank(now);
        }
    }

    /// Each layer's packets since its newest keyframe, by the time of their capture.
    pub(crate) fn backlog(&self) -> Vec<Arc<MediaPacket>> {
        let mut packets = Vec::new();
        for layer in &self.layers {
            if let Some(key) = layer.store.keyframe() {
                packets.extend(layer.store.from(key.seq).cloned());
            }
        }
        packets.sort_by_key(|packet| packet.captured);
        packets
    }

    /// The ways of watching that there are, the least first.
    pub(crate) fn rungs(&self) -> &[Rung] {
        &self.rungs
    }

    pub(crate) fn get(&self, layer: LayerId) -> Option<&Layer> {
        self.layers.get(usize::from(layer.0))
    }

    pub(crate) fn get_mut(&mut self, layer: LayerId) -> Option<&mut Layer> {
        self.layers.get_mut(usize::from(layer.0))
    }

    /// All layers that ever were heard of this source.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (LayerId, &Layer)> {
        (0..).map(LayerId).zip(&self.layers)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (LayerId, &mut Layer)> {
        (0..).map(LayerId).zip(&mut self.layers)
    }

    fn is_heard(&self, layer: &Layer, now: Instant) -> bool {
        let missed = self.layers.iter().zip(layer.seen);
        let missed = missed
            .map(|(other, seen)| other.pictures.wrapping_sub(seen))
            .max();
        let least = layer.heard.is_some_and(|h| now <= h + LEAST_SILENCE);
        layer.is_heard(now) && (least || missed.is_none_or(|missed| missed < MISSED))
    }

    fn rank(&mut self, now: Instant) {
        let active = |rungs: &[Rung]| {
            let active = rungs.iter().filter(|rung| rung.active);
            active.fold(0_u64, |bits, rung| bits | 1 << rung.layer.0)
        };
        let before = active(&self.rungs);
        self.rungs.clear();
        for (id, layer) in (0..).map(LayerId).zip(&self.layers) {
            let active = self.is_heard(layer, now);
            let meter = &layer.meter;
            let nominal = self.nominal[usize::from(id.0)];
            let is_said = nominal > 0 && meter.is_young(now);
            let most = if self.flat { 0 } else { meter.spatial };
            for spatial in 0..=most {
                // Lower frame rates are for who cannot even have the smallest picture.
                let least = if spatial == 0 { 0 } else { meter.temporal };
                for temporal in least..=meter.temporal {
                    self.rungs.push(Rung {
                        layer: id,
                        spatial: spatial as u8,
                        temporal: temporal as u8,
                        bitrate: if is_said {
                            nominal
                        } else {
                            meter.rate(now, spatial, temporal)
                        },
                        active,
                        size: layer.size.map(|size| {
                            let shift = (meter.spatial - spatial) as u32;
                            PictureSize {
                                width: size.width >> shift,
                                height: size.height >> shift,
                            }
                        }),
                    });
                }
            }
        }
        let pixels = |rung: &Rung| {
            rung.size
                .map_or(0, |size| u32::from(size.width) * u32::from(size.height))
        };
        self.rungs
            .sort_by_key(|rung| (pixels(rung), rung.bitrate, rung.layer));
        // A simulcast's larger pictures are shown at the full rate or not at all.
        let least = self.rungs.iter().find(|rung| rung.active);
        let least = least.or(self.rungs.first()).map(|rung| rung.layer);
        let layers = &self.layers;
        self.rungs.retain(|rung| {
            let full = layers
                .get(usize::from(rung.layer.0))
                .is_none_or(|layer| usize::from(rung.temporal) == layer.meter.temporal);
            Some(rung.layer) == least || full
        });
        if active(&self.rungs) != before {
            self.changes = self.changes.wrapping_add(1);
        }
    }
}

impl Layer {
    pub(crate) fn size(&self) -> Option<PictureSize> {
        self.size
    }

    pub(crate) fn is_heard(&self, now: Instant) -> bool {
        self.heard.is_some_and(|heard| now <= heard + SILENCE)
    }

    /// The whole layer's rate in bit/s.
    pub(crate) fn bitrate(&self, now: Instant) -> u64 {
        self.meter
            .rate(now, self.meter.spatial, self.meter.temporal)
    }
}

impl Meter {
    fn add(&mut self, now: Instant, packet: &MediaPacket) {
        self.since.get_or_insert(now);
        self.filled = self.filled.max(1);
        let (spatial, temporal) = packet.scalability.map_or((0, 0), |s| {
            (
                usize::from(s.spatial).min(MAX_SPATIAL - 1),
                usize::from(s.temporal).min(MAX_TEMPORAL - 1),
            )
        });
        self.spatial = self.spatial.max(spatial);
        self.temporal = self.temporal.max(temporal);
        self.buckets[self.current][spatial][temporal] += packet.payload.len() as u32;
    }

    fn is_young(&self, now: Instant) -> bool {
        self.since
            .is_none_or(|since| now.saturating_duration_since(since) < YOUNG)
    }

    fn turn(&mut self) {
        if self.filled == 0 {
            return;
        }
        self.current = (self.current + 1) % BUCKETS;
        self.buckets[self.current] = Default::default();
        self.filled = (self.filled + 1).min(BUCKETS);
    }

    /// Rate of everything up to a spatial and temporal layer.
    fn rate(&self, now: Instant, spatial: usize, temporal: usize) -> u64 {
        let octets: u64 = self
            .buckets
            .iter()
            .flat_map(|bucket| bucket.iter().take(spatial + 1))
            .flat_map(|rates| rates.iter().take(temporal + 1))
            .map(|octets| u64::from(*octets))
            .sum();
        let whole = BUCKET * (self.filled.saturating_sub(1)) as u32;
        let lived = self
            .since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        // The current bucket has only begun; of a young layer a keyframe says too much.
        let time = lived.min(whole + BUCKET / 2).max(BUCKET);
        octets * 8_000 / (time.as_millis() as u64).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Scalability, tests::video};

    fn play(
        layers: &mut Layers,
        from: Instant,
        seconds: u64,
        sources: &[(u8, usize, u16)],
    ) -> Instant {
        let mut now = from;
        for frame in 0..seconds * 25 {
            now = from + Duration::from_millis(frame * 40);
            for (id, octets, height) in sources {
                let mut packet = video(1, 1_000 * u64::from(*id) + frame, now);
                packet.layer = LayerId(*id);
                packet.payload = Arc::from(vec![0; *octets]);
                packet.size = Some(PictureSize {
                    width: height * 16 / 9,
                    height: *height,
                });
                layers.push(now, &Arc::new(packet));
            }
        }
        now
    }

    #[test]
    fn layers_are_ranked_by_their_pictures() {
        let mut layers = Layers::new(Duration::from_millis(500));
        // OBS: the first is the largest.
        let now = play(
            &mut layers,
            Instant::now(),
            6,
            &[(0, 1_000, 720), (1, 250, 360), (2, 50, 180)],
        );
        let order: Vec<_> = layers.rungs().iter().map(|r| r.layer.0).collect();
        assert_eq!(order, [2, 1, 0]);
        for (rung, expected) in layers.rungs().iter().zip([10_000, 50_000, 200_000]) {
            let ratio = rung.bitrate as f64 / f64::from(expected);
            assert!((0.85..1.15).contains(&ratio), "{ratio}");
        }
        // The largest falls silent; the others keep their ranks.
        play(&mut layers, now, 3, &[(1, 250, 360), (2, 50, 180)]);
        let order: Vec<_> = layers
            .rungs()
            .iter()
            .map(|r| (r.layer.0, r.active))
            .collect();
        assert_eq!(order, [(2, true), (1, true), (0, false)]);
    }

    #[test]
    fn a_layer_that_wakes_is_taken_for_what_was_announced() {
        let mut layers = Layers::new(Duration::from_millis(500));
        let announced = [(720, 200_000), (360, 90_000)].map(|(height, bitrate)| RtpLayer {
            name: format!("{height}p"),
            width: height * 16 / 9,
            height,
            bitrate,
        });
        let start = Instant::now();
        layers.announce(start, 2, &announced);
        let now = play(&mut layers, start, 4, &[(0, 1_000, 720), (1, 250, 360)]);
        let rate = |layers: &Layers, id: u8| {
            let rung = layers.rungs().iter().find(|r| r.layer.0 == id).unwrap();
            (rung.active, rung.bitrate)
        };
        assert!((45_000..55_000).contains(&rate(&layers, 1).1), "measured");
        let now = play(&mut layers, now, 6, &[(0, 1_000, 720)]);
        assert!(!rate(&layers, 1).0);
        let changes = layers.changes();
        let now = play(&mut layers, now, 1, &[(0, 1_000, 720), (1, 250, 360)]);
        assert_eq!(rate(&layers, 1), (true, 90_000));
        assert_eq!(layers.changes(), changes + 1);
        let now = play(&mut layers, now, 3, &[(0, 1_000, 720), (1, 250, 360)]);
        assert!((45_000..55_000).contains(&rate(&layers, 1).1), "measured");
        layers.announce(now, 1, &announced[..1]);
        assert_eq!(layers.rungs().len(), 1, "it is gone");
    }

    #[test]
    fn a_scalable_layer_has_a_rung_for_each_part() {
        let mut layers = Layers::new(Duration::from_millis(500));
        let start = Instant::now();
        for frame in 0..100_u64 {
            for spatial in 0..2_u8 {
                let now = start + Duration::from_millis(frame * 40);
                let mut packet = video(1, frame * 2 + u64::from(spatial), now);
                packet.payload = Arc::from(vec![0; 100 * (1 + 3 * usize::from(spatial))]);
                packet.size = Some(PictureSize {
                    width: 640,
                    height: 360,
                });
                packet.scalability = Some(Scalability {
                    spatial,
                    temporal: (frame % 2) as u8,
                    starts_frame: true,
                    ends_frame: true,
                    switching_point: false,
                    spatial_start: frame == 0,
                });
                layers.push(now, &Arc::new(packet));
            }
        }
        let rungs: Vec<_> = layers
            .rungs()
            .iter()
            .map(|r| (r.spatial, r.temporal, r.size.unwrap().height))
            .collect();
        assert_eq!(rungs, [(0, 0, 180), (0, 1, 180), (1, 1, 360)]);
        let rates: Vec<_> = layers.rungs().iter().map(|r| r.bitrate).collect();
        assert!(rates[0] < rates[1] && rates[1] < rates[2], "{rates:?}");
    }
}
