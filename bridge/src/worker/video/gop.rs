//! What was seen of the source lately.

use std::collections::VecDeque;

use weir_media::MediaTime;

use crate::source::AccessUnit;

/// Bytes of the current picture group that are kept, so that an encoder can start in its middle. A
/// larger group is not kept, and an encoder then starts at the next keyframe.
const GROUP_BYTES: usize = 32 << 20;

/// Pictures over which rates are measured: two seconds at 60 a second.
const MEASURED: usize = 120;

/// The pictures since the last keyframe.
#[derive(Debug, Default)]
pub(super) struct Group {
    units: Vec<AccessUnit>,
    bytes: usize,
    cut: bool,
}

impl Group {
    /// Adds a picture. A keyframe begins a new group.
    pub(super) fn add(&mut self, unit: &AccessUnit) {
        if unit.keyframe {
            *self = Self::default();
        }
        self.bytes += unit.data.len();
        self.cut |= self.bytes > GROUP_BYTES;
        if self.cut {
            self.units.truncate(1);
        } else {
            self.units.push(unit.clone());
        }
    }

    /// Whether no keyframe has come yet.
    pub(super) fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// Whether it was too large to keep.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// All pictures since the keyframe, unless they were too large to keep.
    pub(super) fn units(&self) -> Option<&[AccessUnit]> {
        (!self.cut).then_some(&self.units)
    }
}

/// No source has more than 240 pictures a second. Where a publisher's layer has just begun, pictures of the past come at
/// once, and their times say nothing; x264 refuses a thousand a second.
pub(super) const SHORTEST_FRAME: MediaTime = 1_000_000_000 / 240;

/// Measures frame rate and bit rate.
#[derive(Debug, Default)]
pub(super) struct Rate {
    seen: VecDeque<(MediaTime, usize)>,
    bytes: usize,
}

impl Rate {
    /// Notes a picture.
    pub(super) fn note(&mut self, unit: &AccessUnit) {
        self.seen.push_back((unit.dts, unit.data.len()));
        self.bytes += unit.data.len();
        if self.seen.len() > MEASURED
            && let Some((_, bytes)) = self.seen.pop_front()
        {
            self.bytes -= bytes;
        }
    }

    /// What a frame lasts: the median, so that a lost frame does not count. Known after half a second
    /// at 30 a second.
    pub(super) fn frame(&self) -> Option<MediaTime> {
        const ENOUGH: usize = 16;
        if self.seen.len() < ENOUGH {
            return None;
        }
        let times = self.seen.iter().map(|(time, _)| *time);
        let mut steps: Vec<_> = times
            .clone()
            .zip(times.skip(1))
            .map(|(a, b)| b.saturating_sub(a))
            .collect();
        steps.sort_unstable();
        let median = steps[steps.len() / 2];
        // Milliseconds are too coarse for one step; the mean of those near the median is not.
        let near: Vec<_> = steps
            .into_iter()
            .filter(|step| step.abs_diff(median) <= 2_000_000)
            .collect();
        Some(near.iter().sum::<MediaTime>() / near.len() as u64)
            .filter(|frame| *frame >= SHORTEST_FRAME)
    }

    /// Bits a second, once a second of them is known.
    pub(super) fn bitrate(&self) -> Option<u32> {
        let span = self.seen.back()?.0.saturating_sub(self.seen.front()?.0);
        if span < 1_000_000_000 {
            return None;
        }
        u32::try_from(self.bytes as u64 * 8 * 1_000_000_000 / span).ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bytes::Bytes;
    use weir_media::Kind;

    use super::*;

    fn unit(dts: MediaTime, keyframe: bool, size: usize) -> AccessUnit {
        AccessUnit {
            kind: Kind::Video,
            layer: 0,
            dts,
            pts: dts,
            keyframe,
            data: Bytes::from(vec![0; size]),
        }
    }

    #[test]
    fn rates_are_measured_from_rounded_times() {
        let mut rate = Rate::default();
        for at in 0..60_u64 {
            rate.note(&unit(at * 1000 / 30 * 1_000_000, false, 10_000));
        }
        assert!(rate.frame().unwrap().abs_diff(33_333_333) < 400_000);
        assert!(rate.bitrate().unwrap().abs_diff(2_400_000) < 60_000);
    }

    #[test]
    fn pictures_that_came_at_once_have_no_rate() {
        let mut rate = Rate::default();
        for at in 0..20_u64 {
            rate.note(&unit(at * 1_000_000, false, 10_000));
        }
        assert_eq!(rate.frame(), None);
        for at in 1..60_u64 {
            rate.note(&unit(at * 33_333_333, false, 10_000));
        }
        assert!(rate.frame().unwrap().abs_diff(33_333_333) < 400_000);
    }

    #[test]
    fn a_group_begins_with_its_keyframe_and_is_bounded() {
        let mut group = Group::default();
        group.add(&unit(0, true, 1));
        group.add(&unit(1, false, 1));
        assert_eq!(group.units().map(<[_]>::len), Some(2));
        group.add(&unit(2, true, 1));
        assert_eq!(group.units().map(<[_]>::len), Some(1));
        group.add(&unit(3, false, GROUP_BYTES));
        assert!(group.is_cut() && group.units().is_none());
        group.add(&unit(4, true, 1));
        assert_eq!(group.units().map(<[_]>::len), Some(1));
    }
}
