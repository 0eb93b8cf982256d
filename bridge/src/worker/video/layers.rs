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
}

impl Layers {
    pub(super) fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// How many rungs they are.
    pub(super) fn count(&self) -> usize {
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
                    .sort_by_key(|layer| std::cmp::Reverse((area(layer), layer.source)));
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
        let mut due = Vec::new();
        while let Some(next) = self.waiting.pop_front_if(|(unit, _)| unit.dts <= best.dts) {
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
