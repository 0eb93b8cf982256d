//! What a new worker must be told to go on where the last one stopped.

use std::collections::BTreeMap;

use weir_media::Kind;

use super::SourceUnit;
use crate::source::{AccessUnit, SourceFormat};

/// Bytes of a layer's video kept since its last keyframe: 10 s at 25 Mbit/s. A longer picture group is
/// not kept, and after a restart the picture comes back with the publisher's next keyframe.
const HISTORY_BYTES: usize = 32 << 20;

/// Pictures of a layer that are kept at most, however small: four minutes at 60 frames a second.
const HISTORY_UNITS: usize = 16_384;

/// Bytes of video kept of all layers. The largest group is given up for it.
const ALL_BYTES: usize = 48 << 20;

/// The current formats, and the video since the last keyframe.
#[derive(Debug, Default)]
pub(super) struct History {
    audio: Option<SourceFormat>,
    /// By layer.
    video: BTreeMap<u8, Layer>,
    /// Counts units, to give them back in the order in which they came.
    next: u64,
}

#[derive(Debug)]
struct Layer {
    format: Option<SourceFormat>,
    units: Vec<(u64, AccessUnit)>,
    bytes: usize,
}

impl Layer {
    fn forget(&mut self) {
        self.units.clear();
        self.bytes = 0;
    }
}

impl History {
    /// Notes a unit that is given to a worker.
    pub(super) fn note(&mut self, unit: &SourceUnit) {
        match unit {
            // Publishers repeat their headers; only a change makes the pictures before it useless.
            SourceUnit::Format(format) if self.knows(format) => {}
            SourceUnit::Format(format) => match layer_of(format) {
                None => self.audio = Some(format.clone()),
                Some(layer) => {
                    let layer = self.layer(layer);
                    layer.format = Some(format.clone());
                    layer.forget();
                }
            },
            SourceUnit::AccessUnit(unit) if unit.kind == Kind::Video => self.picture(unit),
            SourceUnit::AccessUnit(_) | SourceUnit::Rtp(_) | SourceUnit::Finding(_) => {}
        }
    }

    fn picture(&mut self, unit: &AccessUnit) {
        let number = self.next;
        self.next += 1;
        let layer = self.layer(unit.layer);
        if unit.keyframe {
            layer.forget();
        } else if layer.units.is_empty() {
            return;
        }
        layer.bytes += unit.data.len();
        if layer.bytes > HISTORY_BYTES || layer.units.len() >= HISTORY_UNITS {
            return layer.forget();
        }
        layer.units.push((number, unit.clone()));
        while self.video.values().map(|layer| layer.bytes).sum::<usize>() > ALL_BYTES {
            let largest = self.video.values_mut().max_by_key(|layer| layer.bytes);
            largest.into_iter().for_each(Layer::forget);
        }
    }

    fn layer(&mut self, layer: u8) -> &mut Layer {
        self.video.entry(layer).or_insert_with(|| Layer {
            format: None,
            units: Vec::new(),
            bytes: 0,
        })
    }

    /// Whether a format repeats what is known.
    pub(super) fn knows(&self, format: &SourceFormat) -> bool {
        self.formats().any(|known| known == format)
    }

    pub(super) fn formats(&self) -> impl Iterator<Item = &SourceFormat> {
        let video = self
            .video
            .values()
            .filter_map(|layer| layer.format.as_ref());
        video.chain(&self.audio)
    }

    /// The units of all layers, in the order in which they came.
    pub(super) fn units(&self) -> Vec<&AccessUnit> {
        let mut units: Vec<_> = self.video.values().flat_map(|layer| &layer.units).collect();
        units.sort_unstable_by_key(|(number, _)| *number);
        units.into_iter().map(|(_, unit)| unit).collect()
    }

    /// The publisher's packets come by RTP: its keyframes can be asked for, nothing is kept.
    pub(super) fn is_rtp_video(&self) -> bool {
        self.formats()
            .any(|format| matches!(format, SourceFormat::RtpVideo { .. }))
    }
}

/// The layer that a format is of; none for sound.
fn layer_of(format: &SourceFormat) -> Option<u8> {
    match format {
        SourceFormat::Video { layer, .. } => Some(*layer),
        SourceFormat::RtpVideo { .. } => Some(0),
        SourceFormat::Audio { .. } | SourceFormat::RtpAudio => None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use weir_media::VideoCodec;

    use super::*;

    fn video(keyframe: bool, dts: u64, size: usize) -> SourceUnit {
        picture(0, keyframe, dts, size)
    }

    fn picture(layer: u8, keyframe: bool, dts: u64, size: usize) -> SourceUnit {
        let data = Bytes::from(vec![0; size]);
        SourceUnit::AccessUnit(AccessUnit {
            kind: Kind::Video,
            layer,
            dts,
            pts: dts,
            keyframe,
            data,
        })
    }

    fn times(history: &History) -> Vec<u64> {
        history.units().iter().map(|unit| unit.dts).collect()
    }

    #[test]
    fn it_holds_the_video_since_the_last_keyframe() {
        let mut history = History::default();
        history.note(&video(false, 0, 1));
        assert!(times(&history).is_empty());
        for (keyframe, dts) in [(true, 1), (false, 2), (true, 3), (false, 4)] {
            history.note(&video(keyframe, dts, 1));
        }
        assert_eq!(times(&history), [3, 4]);
    }

    #[test]
    fn a_group_too_large_to_keep_is_given_up_until_the_next_keyframe() {
        let mut history = History::default();
        history.note(&video(true, 0, HISTORY_BYTES));
        history.note(&video(false, 1, 1));
        history.note(&video(false, 2, 1));
        assert!(times(&history).is_empty());
        history.note(&video(true, 3, 1));
        assert_eq!(times(&history), [3]);
    }

    #[test]
    fn many_small_pictures_are_bounded_too() {
        let mut history = History::default();
        history.note(&video(true, 0, 1));
        for dts in 1..HISTORY_UNITS as u64 {
            history.note(&video(false, dts, 0));
        }
        assert_eq!(history.units().len(), HISTORY_UNITS);
        history.note(&video(false, HISTORY_UNITS as u64, 0));
        assert!(history.units().is_empty());
    }

    #[test]
    fn only_a_changed_format_forgets_the_pictures() {
        let format = |config: &'static [u8]| SourceFormat::Video {
            layer: 0,
            codec: VideoCodec::H264,
            config: Bytes::from_static(config),
        };
        let mut history = History::default();
        history.note(&SourceUnit::Format(format(b"a")));
        history.note(&video(true, 0, 1));
        history.note(&SourceUnit::Format(format(b"a")));
        assert_eq!(times(&history), [0]);
        history.note(&SourceUnit::Format(format(b"b")));
        assert!(times(&history).is_empty());
        assert_eq!(history.formats().collect::<Vec<_>>(), [&format(b"b")]);
    }

    #[test]
    fn each_layer_has_a_group_of_its_own() {
        let format = |layer| {
            SourceUnit::Format(SourceFormat::Video {
                layer,
                codec: VideoCodec::H264,
                config: Bytes::from_static(b"a"),
            })
        };
        let mut history = History::default();
        history.note(&format(1));
        history.note(&format(0));
        history.note(&picture(0, true, 0, 1));
        history.note(&picture(1, false, 0, 1));
        history.note(&picture(1, true, 1, 1));
        history.note(&picture(0, false, 2, 1));
        history.note(&picture(1, false, 2, 1));
        history.note(&picture(1, true, 3, 1));
        let units: Vec<_> = history
            .units()
            .iter()
            .map(|unit| (unit.layer, unit.dts))
            .collect();
        assert_eq!(units, [(0, 0), (0, 2), (1, 3)]);
        assert_eq!(history.formats().count(), 2);
    }

    #[test]
    fn all_layers_together_are_bounded() {
        let mut history = History::default();
        for layer in 0..3 {
            history.note(&picture(layer, true, 0, ALL_BYTES / 3 - 10));
            history.note(&picture(layer, false, 1, usize::from(layer)));
        }
        assert_eq!(history.units().len(), 6);
        history.note(&picture(3, true, 0, 100));
        let layers: Vec<_> = history.units().iter().map(|unit| unit.layer).collect();
        assert_eq!(layers.len(), 5);
        assert!(!layers.contains(&2), "{layers:?}");
    }
}
