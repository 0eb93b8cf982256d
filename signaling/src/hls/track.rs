//! One rendition: its segments and parts, and what of them a playlist shows.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use weir_media::{HlsTrack, MediaTime};

use super::{
    clock::WallMicros,
    cuts::{Cut, Place},
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
    /// The cut that it begins with; none where only this rendition was cut.
    pub(super) cut: Option<u64>,
    /// Number of its first part within the track.
    pub(super) first_part: u64,
    /// None where the media is missing (`EXT-X-GAP`).
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
    /// Whether its media is missing.
    pub(super) fn is_gap(&self) -> bool {
        self.parts.is_empty()
    }

    /// How much of it the playlist shows while it grows.
    pub(super) fn shown_duration(&self) -> Duration {
        self.parts
            .iter()
            .take(self.shown_parts)
            .map(|part| part.duration)
            .sum()
    }
}

/// A part on its way into a track.
pub(super) struct Incoming {
    pub(super) at: Place,
    pub(super) part: Part,
}

/// What a segment begins with.
pub(super) struct Begin {
    pub(super) cut: Option<u64>,
    pub(super) run: u64,
    pub(super) init: Arc<Init>,
    pub(super) time: MediaTime,
    pub(super) date: WallMicros,
}

/// A segment that has ended: how long it was, for those that miss it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole {
    pub(super) cut: u64,
    pub(super) duration: Duration,
}

#[derive(Debug)]
pub(super) struct Track {
    pub(super) id: HlsTrack,
    /// Whether the newest run has it. What is kept of one that is not is its numbers: addresses must
    /// never be used twice.
    pub(super) is_declared: bool,
    /// Not encoded at present.
    pub(super) is_dormant: bool,
    /// The first segment since it is there without a break.
    woke: Option<u64>,
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
    /// The newest cut that it has or has passed.
    pub(super) last_cut: Option<u64>,
    /// Where its media ends.
    pub(super) end: Option<Place>,
    part_expected: Duration,
    /// `PART-TARGET`: at least every part that is shown. Only grows.
    pub(super) part_target: Duration,
    /// Whether every segment so far begins with an independent part.
    pub(super) independent_segments: bool,
    /// Of all segments, the growing one included.
    pub(super) bytes: usize,
    /// Highest bit rate measured so far.
    pub(super) peak: f64,
}

impl Track {
    pub(super) fn new(id: HlsTrack, part_target: Duration, run: u64) -> Self {
        Self {
            id,
            is_declared: true,
            // The best video and the sound are always there; of the others their `Init` tells.
            is_dormant: matches!(id, HlsTrack::Video(rung) if rung > 0),
            woke: None,
            init: None,
            inits: 0,
            segments: VecDeque::new(),
            shown_from: 0,
            current: None,
            next_msn: 0,
            next_part: 0,
            run,
            last_cut: None,
            end: None,
            part_expected: part_target,
            part_target,
            independent_segments: true,
            bytes: 0,
            peak: 0.0,
        }
    }

    pub(super) fn next_msn(&self) -> u64 {
        self.next_msn
    }

    /// Whether its playlist can be sent: it has a whole segment since it is encoded again.
    pub(super) fn is_servable(&self) -> bool {
        let newest = self.segments.back().map(|segment| segment.msn);
        !self.is_dormant && self.woke.is_some_and(|woke| newest >= Some(woke))
    }

    /// What follows needs a new `Init`. The growing segment has ended before.
    pub(super) fn begin_run(&mut self, part_target: Duration) {
        self.init = None;
        self.part_expected = part_target;
        self.part_target = self.part_target.max(part_target);
    }

    /// It is not encoded from now on.
    pub(super) fn sleep(&mut self) -> Option<Whole> {
        let whole = self.finish();
        self.init = None;
        self.is_dormant = true;
        self.woke = None;
        whole
    }

    /// The newest run has it, perhaps again.
    pub(super) fn declare(&mut self) {
        if !self.is_declared {
            self.is_declared = true;
            self.is_dormant = matches!(self.id, HlsTrack::Video(rung) if rung > 0);
        }
    }

    /// The newest run does not have it.
    pub(super) fn withdraw(&mut self) {
        self.finish();
        self.is_declared = false;
        self.is_dormant = true;
        self.woke = None;
        self.init = None;
        self.segments.clear();
        self.shown_from = self.next_msn;
        self.bytes = 0;
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

    /// It is encoded again, with this initialisation segment.
    pub(super) fn wake(&mut self, data: Bytes) {
        self.is_dormant = false;
        let last = self.segments.back().map(|segment| segment.init.clone());
        match last.filter(|last| last.data == data) {
            Some(same) => self.init = Some(same),
            None => {
                // Old segments in front would need a discontinuity that the other renditions do not have.
                self.hide_all();
                self.set_init(data);
            }
        }
    }

    /// Takes everything out of the playlist; it stays downloadable.
    fn hide_all(&mut self) {
        self.shown_from = self.next_msn;
    }

    /// Whether a segment must end before this part, to stay within `longest`.
    pub(super) fn is_full(&self, part: Duration, longest: Duration) -> bool {
        self.current.as_ref().is_some_and(|segment| {
            segment.duration + part > longest || segment.parts.len() >= PARTS_MAX
        })
    }

    /// Ends the growing segment: it is whole now.
    pub(super) fn finish(&mut self) -> Option<Whole> {
        let segment = self.current.take()?;
        let whole = segment.cut.map(|cut| Whole {
            cut,
            duration: segment.duration,
        });
        self.segments.push_back(segment);
        whole
    }

    /// Begins a segment. The part that it begins with is pushed next.
    pub(super) fn begin_segment(&mut self, begin: Begin) {
        let newest = self.segments.back().map_or(begin.date, |last| last.date);
        self.run = begin.run;
        self.last_cut = begin.cut.or(self.last_cut);
        self.woke.get_or_insert(self.next_msn);
        self.current = Some(Segment {
            msn: self.next_msn,
            run: begin.run,
            init: begin.init,
            cut: begin.cut,
            first_part: self.next_part,
            parts: Vec::new(),
            shown_parts: 0,
            time: begin.time,
            date: begin.date.max(newest),
            duration: Duration::ZERO,
            bytes: 0,
        });
        self.next_msn += 1;
    }

    /// Makes up for cuts that passed without its media: by gaps, where enough of what came before is
    /// still shown; else its playlist begins anew, at the number of the others.
    pub(super) fn bridge(
        &mut self,
        missed: &[Cut],
        next: &Cut,
        init: &Arc<Init>,
        window: Duration,
    ) {
        let lasts: Duration = missed.iter().map(|cut| cut.duration).sum();
        if self.shown().next().is_none() || lasts >= window {
            self.hide_all();
            self.next_msn = self.next_msn.max(next.number);
            self.shown_from = self.next_msn;
            return;
        }
        for cut in missed {
            let before = self.segments.back().map(|segment| segment.init.clone());
            let before = before.filter(|_| cut.run != next.run);
            self.segments.push_back(Segment {
                msn: self.next_msn,
                run: cut.run,
                init: before.unwrap_or_else(|| init.clone()),
                cut: Some(cut.number),
                first_part: self.next_part,
                parts: Vec::new(),
                shown_parts: 0,
                time: cut.at.time,
                date: cut.date,
                duration: cut.duration,
                bytes: 0,
            });
            self.next_msn += 1;
        }
    }

    /// Appends to the growing segment. A part longer than `longest` counts as that long.
    pub(super) fn push(&mut self, incoming: Incoming, longest: Duration) {
        let part = incoming.part;
        let Some(segment) = self.current.as_mut() else {
            return;
        };
        if segment.parts.is_empty() {
            self.independent_segments &= part.independent;
        }
        self.end = Some(incoming.at.after(part.duration));
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
            let Some(first) = self.shown().next() else {
                break;
            };
            let (rest, next) = (shown.saturating_sub(first.duration), first.msn + 1);
            // Nothing begins with a gap, once there is enough behind it (rfc8216bis section 6.2.2).
            let least = if first.is_gap() {
                3 * target_duration
            } else {
                window
            };
            if rest < least {
                break;
            }
            shown = rest;
            self.shown_from = next;
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
        let index = self
            .segments
            .binary_search_by_key(&msn, |segment| segment.msn)
            .ok()?;
        self.segments.get(index)
    }

    /// The part with this number in the track.
    pub(super) fn part(&self, number: u64) -> Option<&Part> {
        let segment = match &self.current {
            Some(current) if current.first_part <= number => current,
            _ => {
                let after = self
                    .segments
                    .partition_point(|segment| segment.first_part <= number);
                // Gaps have the number of the part that comes after them.
                let mut before = self.segments.range(..after).rev();
                before.find(|segment| !segment.is_gap())?
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
