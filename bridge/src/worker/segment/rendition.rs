//! One rung's pictures, cut into parts.

use std::{sync::Arc, time::Duration};

use weir_media::{HlsOutput, HlsTrack, MediaTime};

use super::Picture;
use crate::worker::{
    cmaf::{self, Sample, VIDEO_TIMESCALE},
    encode::MOST_RUNGS,
    h264::AvcConfig,
    outbox::Outbox,
    rtp::{nanos, ticks},
};

/// A part lasts at least so much of its target, in percent (RFC 8216bis, section 4.4.4.9).
const LEAST_PERCENT: u64 = 85;

/// Numbers of the newest fragments, which go on across runs.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    video: [u32; MOST_RUNGS],
    audio: u32,
}

impl Chunks {
    fn next(&mut self, track: HlsTrack) -> u32 {
        let chunk = match track {
            HlsTrack::Video(rung) => &mut self.video[usize::from(rung) % MOST_RUNGS],
            HlsTrack::Audio => &mut self.audio,
        };
        *chunk = chunk.wrapping_add(1);
        *chunk
    }
}

/// One rung in a run.
#[derive(Debug)]
pub(super) struct Rendition {
    track: HlsTrack,
    /// What a frame lasts.
    frame: MediaTime,
    /// The newest picture; how long it lasts is only known when the next one comes.
    newest: Option<Picture>,
    /// When the current segment started.
    segment: Option<MediaTime>,
    part: Part,
    /// What was announced, if it has joined.
    config: Option<Arc<AvcConfig>>,
}

impl Rendition {
    pub(super) fn new(track: HlsTrack, frame: MediaTime) -> Self {
        Self {
            track,
            frame,
            newest: None,
            segment: None,
            part: Part::default(),
            config: None,
        }
    }

    /// When the current segment started; none before the first.
    pub(super) fn segment(&self) -> Option<MediaTime> {
        self.segment
    }

    /// Up to here all is known: a later picture is decoded and shown later.
    pub(super) fn known(&self) -> MediaTime {
        self.newest.as_ref().map_or(0, |picture| picture.dts)
    }

    /// Takes note of parameter sets. True when they are new and players must get them.
    pub(super) fn knows(&mut self, config: &Arc<AvcConfig>) -> bool {
        let new = self.config.as_ref() != Some(config);
        if new {
            self.config = Some(config.clone());
        }
        new
    }

    /// Takes a picture, in decoding order. Those before the first segment are dropped.
    pub(super) fn picture(
        &mut self,
        outbox: &Outbox,
        chunks: &mut Chunks,
        part_target: MediaTime,
        picture: Picture,
        starts: bool,
    ) {
        if self.segment.is_none() && !starts {
            return;
        }
        if let Some(last) = self.newest.take() {
            // Timestamps that stand still or go back still need an order.
            let last_ticks = ticks(last.dts, VIDEO_TIMESCALE.into());
            let next_ticks = ticks(picture.dts, VIDEO_TIMESCALE.into()).max(last_ticks + 1);
            self.add(outbox, chunks, part_target, last, next_ticks - last_ticks);
        }
        if starts {
            self.emit(outbox, chunks);
            self.part.segment_start = true;
            self.segment = Some(picture.pts);
        }
        self.newest = Some(picture);
    }

    /// Gives out all but the newest picture, whose length is not known yet: its segment ends with it.
    pub(super) fn end_segment(
        &mut self,
        outbox: &Outbox,
        chunks: &mut Chunks,
        part_target: MediaTime,
    ) {
        if let Some(last) = self.newest.take() {
            let duration = ticks(self.frame.min(part_target), VIDEO_TIMESCALE.into());
            self.add(outbox, chunks, part_target, last, duration);
        }
        self.emit(outbox, chunks);
    }

    /// Gives out what is left. It joins anew if there is more.
    pub(super) fn finish(&mut self, outbox: &Outbox, chunks: &mut Chunks, part_target: MediaTime) {
        self.end_segment(outbox, chunks, part_target);
        *self = Self::new(self.track, self.frame);
    }

    fn add(
        &mut self,
        outbox: &Outbox,
        chunks: &mut Chunks,
        part_target: MediaTime,
        picture: Picture,
        duration: u64,
    ) {
        let rate = u64::from(VIDEO_TIMESCALE);
        let mut decode = ticks(picture.dts, rate);
        let mut duration = duration;
        let longest = whole_ticks(part_target, rate);
        let least = (longest * LEAST_PERCENT).div_ceil(100);
        if !self.part.samples.is_empty() && self.part.ticks + duration > longest {
            // A picture that lasts longer than others, since one is missing after it, does not fit. The
            // part takes of its time what it needs; see `shown`.
            let borrowed = least.saturating_sub(self.part.ticks);
            if borrowed < duration && self.part.stretch(borrowed) {
                decode += borrowed;
                duration -= borrowed;
            }
            self.emit(outbox, chunks);
        }
        // What lasts longer than a part may is a gap in the media.
        let broken = duration > longest;
        let duration = duration.min(longest);
        let shown = shown(ticks(picture.pts, rate), decode);
        let sample = Sample {
            duration: duration as u32,
            composition: (shown - decode) as i32,
            keyframe: picture.keyframe,
            data: picture.data,
        };
        let time = match shown - ticks(picture.pts, rate) {
            0 => picture.pts,
            _ => nanos(shown, rate),
        };
        self.part.add(sample, time, decode);
        // The next one will not fit: no need to wait for it.
        let full = self.part.ticks + ticks(self.frame, rate) > longest + 1;
        if broken || full && self.part.ticks >= least {
            self.emit(outbox, chunks);
        }
    }

    fn emit(&mut self, outbox: &Outbox, chunks: &mut Chunks) {
        self.part.emit(outbox, chunks, self.track, VIDEO_TIMESCALE);
    }
}

/// When a picture is shown that is decoded then. Not before: FFmpeg, and players that are built on it,
/// would show the whole track so much later as one picture is shown before it is decoded.
fn shown(pts: u64, decode: u64) -> u64 {
    pts.max(decode)
}

/// A part being filled.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) samples: Vec<Sample>,
    pub(super) segment_start: bool,
    /// Presentation time of the first sample.
    time: MediaTime,
    /// Decoding time of the first sample, in ticks.
    pub(super) decode: u64,
    pub(super) ticks: u64,
}

impl Part {
    pub(super) fn add(&mut self, sample: Sample, time: MediaTime, decode: u64) {
        if self.samples.is_empty() {
            self.time = time;
            self.decode = decode;
        }
        self.ticks += u64::from(sample.duration);
        self.samples.push(sample);
    }

    /// Makes the last sample longer. False when there is none.
    fn stretch(&mut self, ticks: u64) -> bool {
        let Some(last) = self.samples.last_mut() else {
            return false;
        };
        last.duration += ticks as u32;
        self.ticks += ticks;
        true
    }

    pub(super) fn emit(
        &mut self,
        outbox: &Outbox,
        chunks: &mut Chunks,
        track: HlsTrack,
        rate: u32,
    ) {
        let part = std::mem::take(self);
        let Some(first) = part.samples.first() else {
            self.segment_start = part.segment_start;
            return;
        };
        let chunk = chunks.next(track);
        outbox.send_hls(HlsOutput::Part {
            track,
            segment_start: part.segment_start,
            independent: first.keyframe,
            time: part.time,
            duration: Duration::from_nanos(nanos(part.ticks, rate.into())),
            data: cmaf::fragment(chunk, part.decode, part.segment_start, &part.samples),
        });
    }
}

/// Ticks that fit into a time.
pub(super) fn whole_ticks(time: MediaTime, rate: u64) -> u64 {
    time * rate / 1_000_000_000
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    const FRAME: MediaTime = 33_333_333;

    #[test]
    fn no_picture_is_shown_before_it_is_decoded() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (outbox, thread) = Outbox::start(ours).unwrap();
        let target = super::super::part_target(FRAME);
        let mut rendition = Rendition::new(HlsTrack::BEST, FRAME);
        let mut chunks = Chunks::default();
        // After the fifth three are missing: it is too long for the part, which is too short without it.
        for number in [0, 1, 2, 3, 4, 8, 9] {
            let time = number * FRAME;
            let picture = Picture {
                dts: time,
                pts: time,
                keyframe: number == 0,
                data: vec![0].into(),
            };
            rendition.picture(&outbox, &mut chunks, target, picture, number == 0);
        }
        let fifth = ticks(4 * FRAME, VIDEO_TIMESCALE.into());
        let long = &rendition.part.samples[0];
        assert!(rendition.part.decode > fifth, "the part before takes of it");
        assert_eq!(long.composition, 0);
        let end = rendition.part.decode + u64::from(long.duration);
        assert_eq!(end, ticks(8 * FRAME, VIDEO_TIMESCALE.into()));
        assert!(rendition.part.time > 4 * FRAME);
        drop(outbox);
        thread.join().unwrap();
        drop(theirs);
    }
}
