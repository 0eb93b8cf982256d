//! What a new worker must be told to go on where the last one stopped.

use weir_media::Kind;

use super::SourceUnit;
use crate::source::{AccessUnit, SourceFormat};

/// Bytes of video kept since the last keyframe: 10 s at 25 Mbit/s. A longer picture group is not kept,
/// and after a restart the picture comes back with the publisher's next keyframe.
const HISTORY_BYTES: usize = 32 << 20;

/// The current formats, and the video since the last keyframe.
#[derive(Debug, Default)]
pub(super) struct History {
    video: Option<SourceFormat>,
    audio: Option<SourceFormat>,
    units: Vec<AccessUnit>,
    bytes: usize,
}

impl History {
    /// Notes a unit that is given to a worker.
    pub(super) fn note(&mut self, unit: &SourceUnit) {
        match unit {
            SourceUnit::Format(format) => {
                let slot = match format.kind() {
                    Kind::Video => &mut self.video,
                    Kind::Audio => &mut self.audio,
                };
                // Publishers repeat their headers; only a change makes the pictures before it useless.
                if slot.as_ref() != Some(format) {
                    *slot = Some(format.clone());
                    if format.kind() == Kind::Video {
                        self.forget();
                    }
                }
            }
            SourceUnit::AccessUnit(unit) if unit.kind == Kind::Video => {
                if unit.keyframe {
                    self.forget();
                } else if self.units.is_empty() {
                    return;
                }
                self.bytes += unit.data.len();
                if self.bytes > HISTORY_BYTES {
                    self.forget();
                } else {
                    self.units.push(unit.clone());
                }
            }
            SourceUnit::AccessUnit(_) | SourceUnit::Rtp(_) => {}
        }
    }

    /// Whether a format repeats what is known.
    pub(super) fn knows(&self, format: &SourceFormat) -> bool {
        [&self.video, &self.audio]
            .into_iter()
            .flatten()
            .any(|known| known == format)
    }

    pub(super) fn formats(&self) -> impl Iterator<Item = &SourceFormat> {
        [&self.video, &self.audio].into_iter().flatten()
    }

    pub(super) fn units(&self) -> &[AccessUnit] {
        &self.units
    }

    /// The publisher's packets come by RTP: its keyframes can be asked for, nothing is kept.
    pub(super) fn is_rtp_video(&self) -> bool {
        matches!(self.video, Some(SourceFormat::RtpVideo { .. }))
    }

    fn forget(&mut self) {
        self.units.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use weir_media::VideoCodec;

    use super::*;

    fn video(keyframe: bool, dts: u64, size: usize) -> SourceUnit {
        let data = Bytes::from(vec![0; size]);
        SourceUnit::AccessUnit(AccessUnit {
            kind: Kind::Video,
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
    fn only_a_changed_format_forgets_the_pictures() {
        let format = |config: &'static [u8]| SourceFormat::Video {
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
}
