//! The picture in other sizes, from the publisher itself (multitrack): rungs that need no encoder.

use std::{collections::VecDeque, sync::Arc};

use tracing::info;
use weir_media::MediaTime;

use super::{AvcConfig, Rate, Sps, passes};
use crate::{
    source::AccessUnit,
    worker::{
        encode::SourcePicture,
        h264::{self, Inspection},
    },
};

/// Pictures that wait for the best one's of the same time; more mean that it does not come.
const WAITING: usize = 128;

/// Keyframes of all sizes are at the same time; rounding to milliseconds is far less.
const ALIGNED: MediaTime = 15_000_000;

/// One size.
#[derive(Debug)]
pub(super) struct Layer {
    /// The publisher's number of it.
    source: u8,
    config: Arc<AvcConfig>,
    sps: Sps,
    rate: Rate,
    /// Given out without a gap since a keyframe.
    runs: bool,
}

/// What one picture of a layer is.
#[derive(Debug)]
pub(super) enum Looked {
    /// Good, for this rung.
    Picture {
        rung: usize,
        config: Arc<AvcConfig>,
        unit: AccessUnit,
    },
    /// Nothing to give out.
    Nothing,
    /// The layer is of no use as a rung any more, and was taken out.
    Gone,
}

/// All sizes but the best one.
#[derive(Debug, Default)]
pub(super) struct Layers {
    /// The best first: the rungs from 1 on.
    layers: Vec<Layer>,
    waiting: VecDeque<(AccessUnit, bool)>,
    /// When the best picture's last keyframe is shown.
    keyframe: Option<MediaTime>,
    /// How far the best picture has come, in decoding time.
    best: Option<MediaTime>,
}

impl Layers {
    pub(super) fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// How many rungs they are.
    #[cfg(test)]
    fn count(&self) -> usize {
        self.layers.len()
    }

    /// A layer is this from now on. True when the rungs are others by it.
    pub(super) fn set(&mut self, source: u8, config: AvcConfig, best: &Sps) -> bool {
        let known = self.layers.iter().position(|layer| layer.source == source);
        if known.is_some_and(|known| *self.layers[known].config == config) {
            return false;
        }
        if let Some(known) = known {
            self.layers.remove(known);
        }
        let smaller = |sps: &Sps| {
            let area = |sps: &Sps| u64::from(sps.width) * u64::from(sps.height);
            area(sps) < area(best)
        };
        match config.sps() {
            Ok(sps) if passes(&sps) && smaller(&sps) => {
                info!(
                    source,
                    width = sps.width,
                    height = sps.height,
                    "another size of the source"
                );
                self.layers.push(Layer {
                    source,
                    config: Arc::new(config),
                    sps,
                    rate: Rate::default(),
                    runs: false,
                });
                let area = |layer: &Layer| layer.sps.width * layer.sps.height;
                self.layers
                    .sort_by_key(|layer| (std::cmp::Reverse(area(layer)), layer.source));
                true
            }
            _ => known.is_some(),
        }
    }

    /// None of them can be rungs.
    pub(super) fn clear(&mut self) {
        self.layers.clear();
        self.waiting.clear();
    }

    /// What is known of them, the best first.
    pub(super) fn pictures(&self, frame: MediaTime) -> Vec<SourcePicture> {
        let pictures = self.layers.iter().map(|layer| SourcePicture {
            width: layer.sps.width,
            height: layer.sps.height,
            frame,
            bitrate: layer.rate.bitrate().unwrap_or_else(|| {
                super::feed::estimate((layer.sps.width, layer.sps.height), frame)
            }),
        });
        pictures.collect()
    }

    /// Their parameter sets, the best first.
    pub(super) fn sps(&self) -> impl Iterator<Item = &Sps> {
        self.layers.iter().map(|layer| &layer.sps)
    }

    /// Takes a picture. It waits for the best one's of the same time.
    pub(super) fn push(&mut self, unit: AccessUnit, replay: bool) {
        if self.layers.iter().all(|layer| layer.source != unit.layer) {
            return;
        }
        if self.waiting.len() >= WAITING {
            self.waiting.clear();
            self.layers.iter_mut().for_each(|layer| layer.runs = false);
        }
        self.waiting.push_back((unit, replay));
    }

    /// The best picture has come to this one.
    pub(super) fn reached(&mut self, best: &AccessUnit) -> Vec<(AccessUnit, bool)> {
        if best.keyframe {
            self.keyframe = Some(best.pts);
        }
        self.best = Some(best.dts);
        self.due()
    }

    /// Those that have no best picture to wait for.
    pub(super) fn due(&mut self) -> Vec<(AccessUnit, bool)> {
        let Some(best) = self.best else {
            return Vec::new();
        };
        let mut due = Vec::new();
        while let Some(next) = self.waiting.pop_front_if(|(unit, _)| unit.dts <= best) {
            due.push(next);
        }
        due
    }

    /// Looks at a picture whose time has come.
    pub(super) fn look(&mut self, mut unit: AccessUnit, replay: bool) -> Looked {
        let Some(at) = self
            .layers
            .iter()
            .position(|layer| layer.source == unit.layer)
        else {
            return Looked::Nothing;
        };
        let layer = &mut self.layers[at];
        let Ok(found) = h264::inspect(&unit.data) else {
            layer.runs = false;
            return Looked::Nothing;
        };
        unit.keyframe |= found.idr;
        let aligned = self
            .keyframe
            .is_some_and(|best| best.abs_diff(unit.pts) <= ALIGNED);
        if found.b_slice || unit.keyframe && !(aligned && layer.takes(&unit, &found)) {
            info!(
                source = layer.source,
                "this size of the source cannot be a rung"
            );
            self.layers.remove(at);
            return Looked::Gone;
        }
        layer.rate.note(&unit);
        layer.runs |= unit.keyframe && !replay;
        if replay || !layer.runs {
            return Looked::Nothing;
        }
        Looked::Picture {
            rung: at + 1,
            config: layer.config.clone(),
            unit,
        }
    }
}

impl Layer {
    /// Takes the parameter sets of a keyframe. False when it has another size than before.
    fn takes(&mut self, unit: &AccessUnit, found: &Inspection) -> bool {
        if !unit.keyframe || found.sps.is_empty() {
            return true;
        }
        let config = AvcConfig {
            sps: found.sps.clone(),
            pps: match found.pps.is_empty() {
                true => self.config.pps.clone(),
                false => found.pps.clone(),
            },
        };
        if config == *self.config {
            return true;
        }
        let size = |sps: &Sps| (sps.width, sps.height);
        match config.sps() {
            Ok(sps) if size(&sps) == size(&self.sps) && passes(&sps) => {
                self.sps = sps;
                self.config = Arc::new(config);
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bytes::Bytes;
    use weir_media::Kind;

    use super::*;

    fn unit(layer: u8, dts: MediaTime, keyframe: bool) -> AccessUnit {
        // A slice that begins with first_mb_in_slice 0 and slice_type 7 (I) or 5 (P).
        let nal = if keyframe { [0x65, 0x88] } else { [0x41, 0x98] };
        AccessUnit {
            kind: Kind::Video,
            layer,
            dts,
            pts: dts,
            keyframe,
            data: Bytes::from([&[0, 0, 0, 2][..], &nal].concat()),
        }
    }

    fn layer(source: u8, width: u32) -> Layer {
        Layer {
            source,
            config: Arc::new(AvcConfig {
                sps: Vec::new(),
                pps: Vec::new(),
            }),
            sps: Sps {
                profile: 66,
                constraints: 0xc0,
                level: 31,
                width,
                height: width / 2,
                ordinary: true,
                chroma: 1,
                bit_depth: 8,
                interlaced: false,
                full_range: false,
                matrix: None,
                frame_rate: None,
                reordering: crate::worker::h264::Reordering::No,
            },
            rate: Rate::default(),
            runs: false,
        }
    }

    fn layers() -> Layers {
        Layers {
            layers: vec![layer(2, 640), layer(1, 320)],
            ..Layers::default()
        }
    }

    fn rung(looked: Looked) -> Option<usize> {
        match looked {
            Looked::Picture { rung, .. } => Some(rung),
            Looked::Nothing | Looked::Gone => None,
        }
    }

    #[test]
    fn pictures_wait_for_the_best_one_of_their_time() {
        let mut layers = layers();
        layers.push(unit(1, 100, true), false);
        layers.push(unit(2, 100, true), false);
        layers.push(unit(1, 200, false), false);
        layers.push(unit(9, 100, true), false);
        assert!(layers.reached(&unit(0, 99, false)).is_empty());
        let due = layers.reached(&unit(0, 100, true));
        let rungs: Vec<_> = due
            .into_iter()
            .map(|(unit, replay)| rung(layers.look(unit, replay)))
            .collect();
        assert_eq!(rungs, [Some(2), Some(1)]);
        assert_eq!(layers.reached(&unit(0, 300, false)).len(), 1);
    }

    #[test]
    fn a_layer_begins_with_a_keyframe_that_was_not_given_out_before() {
        let mut layers = layers();
        layers.reached(&unit(0, 100, true));
        assert_eq!(rung(layers.look(unit(1, 100, true), true)), None);
        assert_eq!(rung(layers.look(unit(1, 133, false), false)), None);
        layers.reached(&unit(0, 200, true));
        assert_eq!(rung(layers.look(unit(1, 200, true), false)), Some(2));
        assert_eq!(rung(layers.look(unit(1, 233, false), false)), Some(2));
    }

    #[test]
    fn a_layer_with_keyframes_of_its_own_is_no_rung() {
        let mut layers = layers();
        layers.reached(&unit(0, 100, true));
        let apart = 100 + 2 * ALIGNED;
        assert!(matches!(
            layers.look(unit(2, apart, true), false),
            Looked::Gone
        ));
        assert_eq!(layers.count(), 1);
        assert_eq!(rung(layers.look(unit(1, 100, true), false)), Some(1));
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut layers = layers();
        for number in 0..10 * WAITING as u64 {
            layers.push(unit(1, number, false), false);
        }
        assert!(layers.waiting.len() <= WAITING);
    }
}
