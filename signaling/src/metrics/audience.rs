//! What viewers get, over all streams: few series, however many viewers there are.

use weir_sfu::{LayerChoice, StreamStats, ViewerStats};

use super::Sample;
use crate::Services;

/// Layers told apart, from the largest; those beyond count as the last.
const RANKS: usize = 4;

/// Upper bounds of the estimates told apart, in bits per second, with the label of each. What is more
/// counts as the last.
const ESTIMATES: [(u64, &str); 6] = [
    (300_000, "0.3"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (5_000_000, "5"),
    (10_000_000, "10"),
    (u64::MAX, "+Inf"),
];

/// Viewers in classes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Audience {
    /// By the layer that they get, from the largest of their stream.
    of_rank: [u32; RANKS],
    /// Without video by their own wish.
    without_video: u32,
    /// Still without video: they wait for a keyframe, or nothing fits.
    waiting: u32,
    of_estimate: [u32; ESTIMATES.len()],
}

pub(super) async fn samples(services: &Services) -> Vec<Sample> {
    let mut audience = Audience::default();
    for stream in services.live.on_air() {
        if let Some(stats) = services.sfu.stream_stats(stream).await {
            audience.add(&stats);
        }
    }
    audience.samples()
}

impl Audience {
    fn add(&mut self, stream: &StreamStats) {
        let mut layers: Vec<_> = stream.layers.iter().collect();
        layers.sort_by_key(|layer| std::cmp::Reverse((layer.height, layer.width, layer.bitrate)));
        for viewer in &stream.viewers {
            let layer = viewer.layer.as_ref();
            let rank = layer.and_then(|name| layers.iter().position(|layer| layer.name == *name));
            match rank {
                Some(rank) => self.of_rank[rank.min(RANKS - 1)] += 1,
                None if wants_none(viewer) => self.without_video += 1,
                None => self.waiting += 1,
            }
            let class = ESTIMATES
                .iter()
                .position(|(most, _)| viewer.estimate <= *most);
            self.of_estimate[class.unwrap_or(ESTIMATES.len() - 1)] += 1;
        }
    }

    fn samples(&self) -> Vec<Sample> {
        let by_layer = |layer: &str, count: u32| {
            let help = "WebRTC viewers by the layer that they get, 0 is the largest";
            Sample::gauge("weir_viewers_by_layer", help, count.into()).with("layer", layer)
        };
        let ranks = self.of_rank.iter().enumerate();
        let mut samples: Vec<Sample> = ranks
            .map(|(rank, count)| by_layer(&rank.to_string(), *count))
            .collect();
        samples.push(by_layer("none", self.without_video));
        samples.push(by_layer("waiting", self.waiting));
        samples.extend(ESTIMATES.iter().zip(self.of_estimate).map(|((_, mbit), count)| {
            let help = "WebRTC viewers by what their connections carry: at most so many Mbit/s, and more than the class below";
            Sample::gauge("weir_viewers_by_estimate", help, count.into()).with("mbit", *mbit)
        }));
        samples
    }
}

fn wants_none(viewer: &ViewerStats) -> bool {
    matches!(viewer.choice, LayerChoice::AudioOnly | LayerChoice::Paused)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use weir_sfu::LayerStats;
    use weir_sfu::SessionId;

    use super::*;

    fn viewer(layer: Option<&str>, choice: LayerChoice, estimate: u64) -> ViewerStats {
        ViewerStats {
            session: SessionId(1),
            transcoded: false,
            connected_for: Duration::ZERO,
            via: None,
            bitrate: 0,
            layer: layer.map(str::to_owned),
            choice,
            width: None,
            height: None,
            loss: 0.0,
            rtt: None,
            estimate,
            nacks: 0,
            retransmissions: 0,
            keyframe_requests: 0,
            dropped: 0,
        }
    }

    #[test]
    fn viewers_are_told_apart_by_layer_and_estimate() {
        let layer = |name: &str, height| LayerStats {
            name: name.into(),
            width: None,
            height: Some(height),
            bitrate: 0,
            active: true,
            on_demand: false,
            viewers: 0,
        };
        let mut audience = Audience::default();
        audience.add(&StreamStats {
            layers: vec![layer("q", 180), layer("f", 720), layer("h", 360)],
            viewers: vec![
                viewer(Some("f"), LayerChoice::Auto, 20_000_000),
                viewer(Some("q"), LayerChoice::Auto, 300_000),
                viewer(None, LayerChoice::AudioOnly, 0),
                viewer(None, LayerChoice::Auto, 1_000_001),
            ],
        });
        let expected = Audience {
            of_rank: [1, 0, 1, 0],
            without_video: 1,
            waiting: 1,
            of_estimate: [2, 0, 1, 0, 0, 1],
        };
        assert_eq!(audience, expected);
        let total: f64 = audience
            .samples()
            .iter()
            .filter(|sample| sample.name == "weir_viewers_by_layer")
            .map(|sample| match sample.kind {
                super::super::SampleKind::Gauge(value) => value,
                _ => f64::NAN,
            })
            .sum();
        assert!((total - 4.0).abs() < f64::EPSILON);
    }
}
