//! One rendition: its segments and parts, and what of them a playlist shows.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use weir_media::{Kind, MediaTime};

use super::{
    clock::WallMicros,
    reload::{Reached, Until},
};

/// Parts of one segment at most; then the segment is cut, so that parts without duration cannot pile up.
const PARTS_MAX: usize = 1_000;

/// How much longer than expected a part may be for `PART-TARGET` to grow with it: frames that do not
/// fit evenly. A longer one is a stall of the source, and is shown only as a part of its segment.
const PART_TARGET_GROWTH: f64 = 1.5;

/// `EXT-X-PART`s of a whole segment leave the playlist when it begins more than this many target
/// durations before the end (rfc8216bis section 4.4.4.9).
const PARTS_SHOWN: u32 = 3;

/// An initialisation segment and its number in this track.
#[derive(Debug)]
pub(super) struct Init {
    pub(super) number: u64,
    pub(super) data: Bytes,
}

#[derive(Debug)]
pub(super) struct Part {
    pub(super) duration: Duration,
    pub(super) independent: bool,
    pub(super) data: Bytes,
}

#[derive(Debug)]
pub(super) struct Segment {
    /// Media sequence number.
    pub(super) msn: u64,
    /// Discontinuity sequence number.
    pub(super) run: u64,
    pub(super) init: Arc<Init>,
    /// Number of its first part within the track.
    pub(super) first_part: u64,
    pub(super) parts: Vec<Part>,
    /// How many of `parts` may be shown as such: all, unless one is longer than `PART-TARGET`.
    pub(super) shown_parts: usize,
    pub(super) time: MediaTime,
    pub(super) date: WallMicros,
    /// What the playlist says: the sum of the parts, less where that would exceed the target duration.
    pub(super) duration: Duration,
    pub(super) bytes: usize,
}

impl Segment {
    /// How much of it the playlist shows while it grows.
    pub(super) fn shown_duration(&self) -> Duration {
        self.parts
            .iter()
            .take(self.shown_parts)
            .map(|part| part.duration)
            .sum()
    }

    /// Bits per second.
    pub(super) fn bitrate(&self) -> f64 {
        let seconds = self.duration.as_secs_f64();
        if seconds > 0.0 {
            self.bytes as f64 * 8.0 / seconds
        } else {
            0.0
        }
    }
}

/// A part on its way into a track.
pub(super) struct Incoming {
    pub(super) time: MediaTime,
    pub(super) part: Part,
}

#[derive(Debug)]
pub(super) struct Track {
    pub(super) kind: Kind,
    /// What parts decode with; absent between the start of a run and its `Init`.
    pub(super) init: Option<Arc<Init>>,
    inits: u64,
    /// Whole segments, oldest first; those before `shown_from` are kept for players that are late.
    pub(super) segments: VecDeque<Segment>,
    /// Media sequence number of the first segment in the playlist.
    pub(super) shown_from: u64,
    /// The segment that grows.
    pub(super) current: Option<Segment>,
    next_msn: u64,
    /// Number of the coming part.
    pub(super) next_part: u64,
    /// Discontinuity sequence number of the newest segment.
    pub(super) run: u64,
    part_expected: Duration,
    /// `PART-TARGET`: at least every part that is shown. Only grows.
    pub(super) part_target: Duration,
    /// Whether every segment so far begins with an independent part.
    pub(super) independent_segments: bool,
    /// Of all segments, the growing one included.
    pub(super) bytes: usize,
}

impl Track {
    pub(super) fn new(kind: Kind, part_target: Duration, next_msn: u64, run: u64) -> Self {
        Self {
            kind,
            init: None,
            inits: 0,
            segments: VecDeque::new(),
            shown_from: next_msn,
            current: None,
            next_msn,
            next_part: 0,
            run,
            part_expected: part_target,
            part_target,
            independent_segments: true,
            bytes: 0,
        }
    }

    pub(super) fn next_msn(&self) -> u64 {
        self.next_msn
    }

    /// Ends the growing segment; what follows needs a new `Init`.
    pub(super) fn begin_run(&mut self, part_target: Duration) {
        self.finish();
        self.init = None;
        self.part_expected = part_target;
        self.part_target = self.part_target.max(part_target);
    }

    /// Whether this is other than the initialisation segment in use.
    pub(super) fn differs(&self, data: &Bytes) -> bool {
        self.init.as_ref().is_some_and(|init| init.data != *data)
    }

    pub(super) fn set_init(&mut self, data: Bytes) {
        self.init = Some(Arc::new(Init {
            number: self.inits,
            data,
        }));
        self.inits += 1;
    }

    /// Whether a segment must end before this part, to stay within `longest`.
    pub(super) fn is_full(&self, part: Duration, longest: Duration) -> bool {
        self.current.as_ref().is_some_and(|segment| {
            segment.duration + part > longest || segment.parts.len() >= PARTS_MAX
        })
    }

    /// Ends the growing segment: it is whole now.
    pub(super) fn finish(&mut self) {
        if let Some(segment) = self.current.take() {
            self.segments.push_back(segment);
        }
    }

    /// Begins a segment. The part that it begins with is pushed next.
    pub(super) fn begin_segment(
        &mut self,
        init: Arc<Init>,
        first: &Incoming,
        date: WallMicros,
        run: u64,
    ) {
        self.finish();
        let newest = self.segments.back().map_or(date, |segment| segment.date);
        self.run = run;
        self.independent_segments &= first.part.independent;
        self.current = Some(Segment {
            msn: self.next_msn,
            run,
            init,
            first_part: self.next_part,
            parts: Vec::new(),
            shown_parts: 0,
            time: first.time,
            date: date.max(newest),
            duration: Duration::ZERO,
            bytes: 0,
        });
        self.next_msn += 1;
    }

    /// Appends to the growing segment. A part longer than `longest` counts as that long.
    pub(super) fn push(&mut self, incoming: Incoming, longest: Duration) {
        let part = incoming.part;
        let Some(segment) = self.current.as_mut() else {
            return;
        };
        let may_grow = self.part_expected.mul_f64(PART_TARGET_GROWTH).min(longest);
        if segment.shown_parts == segment.parts.len()
            && part.duration <= may_grow.max(self.part_target)
        {
            self.part_target = self.part_target.max(part.duration);
            segment.shown_parts += 1;
        }
        segment.duration = (segment.duration + part.duration).min(longest);
        segment.bytes += part.data.len();
        self.bytes += part.data.len();
        segment.parts.push(part);
        self.next_part += 1;
    }

    /// Moves what is older than `window` out of the playlist, and forgets what left it so long ago that
    /// no player with an older playlist can want it: the window and two segments more (rfc8216bis
    /// section 6.2.2).
    pub(super) fn slide(&mut self, window: Duration, target_duration: Duration) {
        let mut shown: Duration = self.shown().map(|segment| segment.duration).sum();
        loop {
            let Some(first) = self.shown().next().map(|segment| segment.duration) else {
                break;
            };
            let rest = shown.saturating_sub(first);
            if rest < window {
                break;
            }
            shown = rest;
            self.shown_from += 1;
        }
        let keep = window + 2 * target_duration;
        let hidden = self
            .segments
            .iter()
            .take_while(|segment| segment.msn < self.shown_from);
        let mut hidden: Duration = hidden.map(|segment| segment.duration).sum();
        while let Some(first) = self.segments.front() {
            if first.msn >= self.shown_from || hidden.saturating_sub(first.duration) < keep {
                break;
            }
            hidden -= first.duration;
            self.drop_oldest();
        }
    }

    /// Forgets the oldest whole segment; `false` when there is none.
    pub(super) fn drop_oldest(&mut self) -> bool {
        let Some(segment) = self.segments.pop_front() else {
            return false;
        };
        self.bytes -= segment.bytes;
        self.shown_from = self.shown_from.max(segment.msn + 1);
        true
    }

    /// Whole segments in the playlist.
    pub(super) fn shown(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.segments
            .iter()
            .filter(|segment| segment.msn >= self.shown_from)
    }

    /// From which media sequence number on parts are in the playlist.
    pub(super) fn parts_from(&self, target_duration: Duration) -> u64 {
        let mut from_end = self
            .current
            .as_ref()
            .map_or(Duration::ZERO, Segment::shown_duration);
        let mut msn = self.next_msn - u64::from(self.current.is_some());
        for segment in self.shown().rev() {
            from_end += segment.duration;
            // Of a whole segment all parts are shown or none.
            if from_end > PARTS_SHOWN * target_duration || segment.shown_parts < segment.parts.len()
            {
                break;
            }
            msn = segment.msn;
        }
        msn
    }

    /// Whether a hint of the coming part can be given: it will be shown, in this segment or the next.
    pub(super) fn can_hint(&self) -> bool {
        self.current
            .as_ref()
            .is_none_or(|segment| segment.shown_parts == segment.parts.len())
    }

    /// Media sequence number and index of the last part that the playlist shows.
    pub(super) fn last_part(&self) -> Option<(u64, usize)> {
        let current = self
            .current
            .as_ref()
            .filter(|segment| segment.shown_parts > 0);
        let segment = current.or(self.segments.back())?;
        Some((segment.msn, segment.shown_parts.max(1) - 1))
    }

    /// Whether the playlist shows what a blocking request asks for.
    pub(super) fn reached(&self, until: Until, part_target: Duration) -> Reached {
        let shown_now = self
            .current
            .as_ref()
            .map_or(0, |segment| segment.shown_parts as u64);
        // The growing segment has this number, whether it has begun or not.
        let growing = self.next_msn - u64::from(self.current.is_some());
        let wanted = match until {
            Until::Segment(msn) => msn,
            Until::Part(msn, _) => msn,
        };
        // "The last Media Segment plus two": the last whole one has the number before `growing`.
        if wanted > growing + 1 {
            return Reached::TooFar;
        }
        match until {
            Until::Segment(msn) if msn < growing => Reached::Yes,
            Until::Segment(_) => Reached::NotYet,
            Until::Part(msn, part) if msn < growing => {
                let past_its_end = msn + 1 == growing
                    && self
                        .segments
                        .back()
                        .is_some_and(|last| part >= last.parts.len() as u64);
                if past_its_end && shown_now == 0 {
                    Reached::NotYet
                } else {
                    Reached::Yes
                }
            }
            Until::Part(msn, part) if msn == growing => {
                if part < shown_now {
                    Reached::Yes
                } else if part > shown_now + advance_limit(part_target) {
                    Reached::TooFar
                } else {
                    Reached::NotYet
                }
            }
            Until::Part(_, part) if part > advance_limit(part_target) => Reached::TooFar,
            Until::Part(..) => Reached::NotYet,
        }
    }

    /// The whole segment with this number.
    pub(super) fn segment(&self, msn: u64) -> Option<&Segment> {
        let first = self.segments.front()?.msn;
        self.segments
            .get(usize::try_from(msn.checked_sub(first)?).ok()?)
    }

    /// The part with this number in the track.
    pub(super) fn part(&self, number: u64) -> Option<&Part> {
        let segment = match &self.current {
            Some(current) if current.first_part <= number => current,
            _ => {
                let after = self
                    .segments
                    .partition_point(|segment| segment.first_part <= number);
                self.segments.get(after.checked_sub(1)?)?
            }
        };
        segment
            .parts
            .get(usize::try_from(number - segment.first_part).ok()?)
    }

    /// The initialisation segment with this number, as long as something that it decodes is kept.
    pub(super) fn init_of(&self, number: u64) -> Option<&Bytes> {
        let kept = self
            .segments
            .iter()
            .chain(&self.current)
            .map(|segment| &segment.init);
        kept.chain(&self.init)
            .find(|init| init.number == number)
            .map(|init| &init.data)
    }
}

/// The Advance Part Limit (rfc8216bis section 6.2.5.2).
fn advance_limit(part_target: Duration) -> u64 {
    let target = part_target.as_secs_f64();
    if target > 0.0 && target < 1.0 {
        (3.0 / target).ceil() as u64
    } else {
        3
    }
}
