//! Decoded sound on the timeline, cut into the encoder's frames.

use std::ops::Range;

/// Channels, interleaved.
pub(super) const CHANNELS: usize = 2;

/// Samples a second.
pub(super) const RATE: u64 = 48_000;

/// A deviation beyond this many samples (100 ms) is a gap or an overlap, not drift.
const JUMP: i64 = 4_800;

/// Gaps up to a second are filled with silence, so that receivers see one unbroken stream.
const FILL: i64 = 48_000;

/// Drift is corrected from 5 ms on…
const CORRECT_FROM: i64 = 240;

/// …until it is below 1 ms.
const CORRECT_TO: i64 = 48;

/// While correcting, one sample in so many is dropped or doubled: 0.1 %, which nobody hears.
const STRETCH: usize = 960;

/// Weight of a new deviation in the mean, as a power of two.
const SMOOTHING: u32 = 5;

/// Places decoded sound on a timeline of samples without gaps, and cuts it into frames.
#[derive(Debug)]
pub(super) struct PcmTimeline {
    frame: usize,
    samples: Vec<i16>,
    /// Sample number of the first of `samples`; a multiple of `frame` when cut.
    begin: Option<u64>,
    /// Mean deviation × 2^SMOOTHING.
    deviation: i64,
    correcting: bool,
}

impl PcmTimeline {
    /// A timeline cut into frames of so many samples.
    pub(super) fn new(frame: usize) -> Self {
        Self {
            frame,
            samples: Vec::new(),
            begin: None,
            deviation: 0,
            correcting: false,
        }
    }

    /// Adds sound that should be heard from sample `at` on; `cut` gets each whole frame and the number
    /// of its first sample.
    pub(super) fn push(&mut self, at: u64, sound: &[i16], mut cut: impl FnMut(u64, &[i16])) {
        let count = sound.len() / CHANNELS;
        let mut range = 0..count;
        let begin = match self.begin {
            Some(begin) => begin,
            None => self.start(at, &mut range),
        };
        let end = begin + (self.samples.len() / CHANNELS) as u64;
        // Right after a start the frame's grid is met exactly.
        let off = (at + range.start as u64) as i64 - end as i64;
        if !(-FILL..=FILL).contains(&off) {
            self.samples.clear();
            self.deviation = 0;
            range = 0..count;
            self.start(at, &mut range);
        } else if off > JUMP {
            self.samples
                .resize(self.samples.len() + off as usize * CHANNELS, 0);
            self.deviation = 0;
        } else if off < -JUMP {
            range.start = count.min(range.start + off.unsigned_abs() as usize);
            self.deviation = 0;
        } else {
            self.deviation += off - (self.deviation >> SMOOTHING);
        }
        self.append(&sound[range.start * CHANNELS..range.end * CHANNELS]);
        self.cut(&mut cut);
    }

    /// Begins anew at the next multiple of the frame's length.
    fn start(&mut self, at: u64, range: &mut Range<usize>) -> u64 {
        let begin = at.next_multiple_of(self.frame as u64);
        range.start = range.end.min((begin - at) as usize);
        self.begin = Some(begin);
        if range.start == range.end {
            // Not even one frame: the next sound will be behind `at`, try again there.
            self.begin = None;
        }
        begin
    }

    fn append(&mut self, sound: &[i16]) {
        let mean = self.deviation >> SMOOTHING;
        self.correcting = mean.abs()
            > if self.correcting {
                CORRECT_TO
            } else {
                CORRECT_FROM
            };
        if !self.correcting {
            self.samples.extend_from_slice(sound);
            return;
        }
        for piece in sound.chunks(STRETCH * CHANNELS) {
            let whole = piece.len() == STRETCH * CHANNELS;
            match (whole, mean > 0) {
                // The source is ahead of what was placed: make it longer.
                (true, true) => {
                    self.samples.extend_from_slice(piece);
                    self.samples
                        .extend_from_slice(&piece[piece.len() - CHANNELS..]);
                    self.deviation -= 1 << SMOOTHING;
                }
                (true, false) => {
                    self.samples
                        .extend_from_slice(&piece[..piece.len() - CHANNELS]);
                    self.deviation += 1 << SMOOTHING;
                }
                (false, _) => self.samples.extend_from_slice(piece),
            }
        }
    }

    fn cut(&mut self, cut: &mut impl FnMut(u64, &[i16])) {
        let Some(begin) = &mut self.begin else { return };
        let size = self.frame * CHANNELS;
        let whole = self.samples.len() / size * size;
        for frame in self.samples[..whole].chunks(size) {
            cut(*begin, frame);
            *begin += self.frame as u64;
        }
        self.samples.drain(..whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(from: usize, count: usize) -> Vec<i16> {
        (from..from + count)
            .flat_map(|at| [at as i16; CHANNELS])
            .collect()
    }

    #[test]
    fn frames_lie_on_multiples_and_hold_the_right_samples() {
        let mut timeline = PcmTimeline::new(960);
        let mut frames = Vec::new();
        for at in (100..10_000).step_by(1024) {
            timeline.push(at as u64, &numbered(at, 1024), |begin, frame| {
                frames.push((begin, frame.to_vec()))
            });
        }
        assert!(frames.len() > 8);
        for (index, (begin, frame)) in frames.iter().enumerate() {
            assert_eq!(*begin, 960 * (index as u64 + 1));
            assert_eq!(*frame, numbered(*begin as usize, 960));
        }
    }

    #[test]
    fn a_short_gap_is_silence_and_a_long_one_a_jump() {
        let mut timeline = PcmTimeline::new(960);
        let mut frames = Vec::new();
        for at in [0, 9_600, 96_000] {
            timeline.push(at, &vec![1; 960 * CHANNELS], |begin, frame| {
                frames.push((begin, frame[0]))
            });
        }
        let mut expected = vec![(0, 1)];
        expected.extend((1..10).map(|at| (at * 960, 0)));
        expected.extend([(9_600, 1), (96_000, 1)]);
        assert_eq!(frames, expected);
    }

    #[test]
    fn an_overlap_is_left_out() {
        let mut timeline = PcmTimeline::new(960);
        let mut begins = Vec::new();
        for at in [0, 9_600, 9_600 + 9_600 - 5_760, 9_600 + 9_600] {
            timeline.push(at, &vec![1; 9_600 * CHANNELS], |begin, _| {
                begins.push(begin)
            });
        }
        assert!(
            begins.windows(2).all(|pair| pair[1] == pair[0] + 960),
            "{begins:?}"
        );
    }

    #[test]
    fn drift_is_followed_without_gaps() {
        for drift in [0.9998, 1.0002] {
            let mut timeline = PcmTimeline::new(960);
            let mut begins = Vec::new();
            let mut last = 0.0;
            for frame in 0..20_000 {
                last = frame as f64 * 1024.0 * drift;
                timeline.push(last as u64, &vec![0; 1024 * CHANNELS], |begin, _| {
                    begins.push(begin)
                });
            }
            assert!(begins.windows(2).all(|pair| pair[1] == pair[0] + 960));
            let end = begins.last().map_or(0.0, |begin| *begin as f64);
            assert!(
                (end - last).abs() < 960.0 + 1024.0 + 480.0,
                "{end} against {last}"
            );
        }
    }
}
