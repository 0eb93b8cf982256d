//! Cuts both tracks into HLS segments and parts.
//!
//! Video leads: a segment starts at one of its keyframes, and audio is cut at the first frame from
//! there on. Audio therefore waits until the video up to its time is known.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use weir_media::{HlsAudio, HlsOutput, HlsTracks, HlsVideo, Kind, MediaTime};

use super::{
    cmaf::{self, Sample, VIDEO_TIMESCALE},
    h264::{AvcConfig, Sps},
    outbox::Outbox,
    rtp::{nanos, ticks},
};

/// What a part should last. Apple's players hold back three of them.
const PART: MediaTime = 200_000_000;

/// Room for the milliseconds of RTMP's timestamps, so that a part of the same number of frames
/// always fits.
const ROUNDING: MediaTime = 3_000_000;

/// A part lasts at least so much of its target, in percent (RFC 8216bis, section 4.4.4.9).
const LEAST_PERCENT: u64 = 85;

/// A segment's shortest length: shorter picture groups share one.
const SEGMENT: MediaTime = 1_000_000_000;

/// Timestamps may be off by so much and a segment of a second is still one.
const SEGMENT_SLACK: MediaTime = 60_000_000;

/// Audio kept while it waits for the video's decision. Older frames are dropped, since video that
/// late does not come.
const AUDIO_WAIT: MediaTime = 6_000_000_000;

/// Audio that is so far ahead of a video that stands still goes on alone.
const AUDIO_ALONE: MediaTime = 1_500_000_000;

/// Where segments start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// At the first picture of each second of media time, where the encoder puts keyframes.
    Grid,
    /// At the source's keyframes, at least a second apart.
    Groups {
        /// What the source's picture groups last.
        group: MediaTime,
    },
}

/// The video of a run.
#[derive(Debug, Clone)]
pub struct VideoTrack {
    /// Its parameter sets.
    pub config: AvcConfig,
    /// The first of them, read.
    pub sps: Sps,
    /// What a frame lasts.
    pub frame: MediaTime,
    /// Bits a second.
    pub bitrate: u32,
    /// Where segments start.
    pub cut: Cut,
}

/// The audio of a run.
#[derive(Debug, Clone)]
pub struct AudioTrack {
    /// `AudioSpecificConfig`.
    pub config: Bytes,
    /// RFC 6381 codec string.
    pub codec: String,
    /// Ticks a second; each frame's ticks add up exactly.
    pub rate: u32,
    /// Ticks of a frame.
    pub frame: u32,
    /// Channels.
    pub channels: u16,
    /// Bits a second.
    pub bitrate: u32,
}

/// One coded picture.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Decoding time.
    pub dts: MediaTime,
    /// Presentation time.
    pub pts: MediaTime,
    /// Whether decoding can start here.
    pub keyframe: bool,
    /// NAL units with 4-byte lengths.
    pub data: Bytes,
}

/// Makes the HLS output of one stream.
#[derive(Debug)]
pub struct Segmenter {
    outbox: Outbox,
    /// Which tracks the source has.
    wanted: (bool, bool),
    video: Option<VideoTrack>,
    audio: Option<AudioTrack>,
    run: Option<Run>,
    /// Audio that waits, by time in ticks.
    waiting: VecDeque<(u64, Bytes)>,
    chunks: [u32; 2],
}

/// What belongs to one run, from `HlsOutput::Start` to the next.
#[derive(Debug)]
struct Run {
    part_target: MediaTime,
    target: MediaTime,
    /// The newest picture; how long it lasts is only known when the next one comes.
    newest: Option<Picture>,
    /// When the current video segment started, and its second on the grid.
    segment: Option<MediaTime>,
    video: Part,
    /// Segment starts that audio has not come to yet.
    starts: VecDeque<MediaTime>,
    /// When the current audio segment started.
    audio_segment: Option<MediaTime>,
    audio: Part,
}

/// A part being filled.
#[derive(Debug, Default)]
struct Part {
    samples: Vec<Sample>,
    segment_start: bool,
    /// Presentation time of the first sample.
    time: MediaTime,
    /// Decoding time of the first sample, in ticks.
    decode: u64,
    ticks: u64,
}

impl Segmenter {
    /// A segmenter that knows no tracks.
    pub fn new(outbox: Outbox) -> Self {
        Self {
            outbox,
            wanted: (false, false),
            video: None,
            audio: None,
            run: None,
            waiting: VecDeque::new(),
            chunks: [0; 2],
        }
    }

    /// Which tracks there will be. A run starts when all of them are described.
    pub fn expect(&mut self, video: bool, audio: bool) {
        if self.wanted != (video, audio) {
            self.wanted = (video, audio);
            self.restart();
        }
    }

    /// The video is this from now on; the next picture is a keyframe.
    pub fn start_video(&mut self, track: VideoTrack) {
        self.finish();
        self.video = Some(track);
        self.restart();
    }

    /// The audio is this from now on.
    pub fn start_audio(&mut self, track: AudioTrack) {
        self.finish();
        self.waiting.clear();
        self.audio = Some(track);
        self.restart();
    }

    /// Takes a picture, in decoding order.
    pub fn picture(&mut self, picture: Picture) {
        let (Some(run), Some(track)) = (&mut self.run, &self.video) else {
            return;
        };
        if run.segment.is_none() && !picture.keyframe {
            return;
        }
        if let Some(last) = run.newest.take() {
            // Timestamps that stand still or go back still need an order.
            let last_ticks = ticks(last.dts, VIDEO_TIMESCALE.into());
            let next_ticks = ticks(picture.dts, VIDEO_TIMESCALE.into()).max(last_ticks + 1);
            let longest = whole_ticks(run.part_target, VIDEO_TIMESCALE.into());
            let duration = (next_ticks - last_ticks).min(longest);
            let broken = next_ticks - last_ticks > longest;
            Self::add_video(&self.outbox, &mut self.chunks, run, track, last, duration);
            if broken {
                run.video
                    .emit(&self.outbox, &mut self.chunks, Kind::Video, VIDEO_TIMESCALE);
            }
        }
        if picture.keyframe && starts_segment(track.cut, run.segment, picture.pts) {
            run.video
                .emit(&self.outbox, &mut self.chunks, Kind::Video, VIDEO_TIMESCALE);
            run.video.segment_start = true;
            run.segment = Some(picture.pts);
            run.starts.push_back(picture.pts);
        }
        run.newest = Some(picture);
        self.release_audio();
    }

    /// Takes one audio frame; `time` in ticks of the track.
    pub fn audio(&mut self, time: u64, data: Bytes) {
        let Some(track) = &self.audio else { return };
        let wait = ticks(AUDIO_WAIT, track.rate.into());
        self.waiting.push_back((time, data));
        while self
            .waiting
            .front()
            .is_some_and(|(first, _)| first + wait < time)
        {
            self.waiting.pop_front();
        }
        self.release_audio();
    }

    /// Gives out what is left.
    pub fn finish(&mut self) {
        if let (Some(run), Some(track)) = (&mut self.run, &self.video)
            && let Some(last) = run.newest.take()
        {
            let duration = ticks(track.frame.min(run.part_target), VIDEO_TIMESCALE.into());
            Self::add_video(&self.outbox, &mut self.chunks, run, track, last, duration);
        }
        self.release_audio();
        if let Some(run) = &mut self.run {
            run.video
                .emit(&self.outbox, &mut self.chunks, Kind::Video, VIDEO_TIMESCALE);
            if let Some(track) = &self.audio {
                run.audio
                    .emit(&self.outbox, &mut self.chunks, Kind::Audio, track.rate);
            }
        }
        self.run = None;
    }

    fn restart(&mut self) {
        self.run = None;
        let video = self.video.as_ref().filter(|_| self.wanted.0);
        let audio = self.audio.as_ref().filter(|_| self.wanted.1);
        let missing = self.wanted.0 && video.is_none() || self.wanted.1 && audio.is_none();
        if missing || self.wanted == (false, false) {
            return;
        }
        let part_target = video.map_or(PART, |track| part_target(track.frame));
        let longest = match video.map(|track| track.cut) {
            Some(Cut::Groups { group }) => {
                group * SEGMENT.saturating_sub(SEGMENT_SLACK).div_ceil(group.max(1))
            }
            Some(Cut::Grid) | None => SEGMENT,
        };
        let target = Duration::from_secs(
            (longest.saturating_sub(SEGMENT_SLACK))
                .div_ceil(1_000_000_000)
                .max(1),
        );
        let tracks = HlsTracks {
            video: video.map(|track| HlsVideo {
                codec: track.sps.codec_string(),
                width: track.sps.width,
                height: track.sps.height,
                frame_rate: (track.frame > 0).then(|| 1e9 / track.frame as f64),
                bitrate: track.bitrate,
            }),
            audio: audio.map(|track| HlsAudio {
                codec: track.codec.clone(),
                bitrate: track.bitrate,
                channels: track.channels.into(),
            }),
            target_duration: target,
            part_target: Duration::from_nanos(part_target),
        };
        self.outbox.send_hls(HlsOutput::Start(tracks));
        if let Some(track) = video {
            let data = cmaf::h264_init(&track.config.record(), track.sps.width, track.sps.height);
            self.outbox.send_hls(HlsOutput::Init {
                kind: Kind::Video,
                data,
            });
        }
        if let Some(track) = audio {
            let data = cmaf::aac_init(&track.config, track.rate, track.channels);
            self.outbox.send_hls(HlsOutput::Init {
                kind: Kind::Audio,
                data,
            });
        }
        self.run = Some(Run {
            part_target,
            target: target.as_nanos() as MediaTime,
            newest: None,
            segment: None,
            video: Part::default(),
            starts: VecDeque::new(),
            audio_segment: None,
            audio: Part::default(),
        });
    }

    fn add_video(
        outbox: &Outbox,
        chunks: &mut [u32; 2],
        run: &mut Run,
        track: &VideoTrack,
        picture: Picture,
        duration: u64,
    ) {
        let rate = u64::from(VIDEO_TIMESCALE);
        let mut decode = ticks(picture.dts, rate);
        let mut duration = duration;
        let longest = whole_ticks(run.part_target, rate);
        let least = (longest * LEAST_PERCENT).div_ceil(100);
        if !run.video.samples.is_empty() && run.video.ticks + duration > longest {
            // A picture that lasts longer than others, since one is missing after it, does not fit. The
            // part takes of its time what it needs. Only decoding times move; it is shown when it should.
            let borrowed = least.saturating_sub(run.video.ticks);
            if borrowed < duration && run.video.stretch(borrowed) {
                decode += borrowed;
                duration -= borrowed;
            }
            run.video.emit(outbox, chunks, Kind::Video, VIDEO_TIMESCALE);
        }
        let sample = Sample {
            duration: duration as u32,
            composition: (ticks(picture.pts, rate) as i64 - decode as i64) as i32,
            keyframe: picture.keyframe,
            data: picture.data,
        };
        run.video.add(sample, picture.pts, decode);
        // The next one will not fit: no need to wait for it.
        if run.video.ticks + ticks(track.frame, rate) > longest + 1 && run.video.ticks >= least {
            run.video.emit(outbox, chunks, Kind::Video, VIDEO_TIMESCALE);
        }
    }

    fn release_audio(&mut self) {
        let (Some(run), Some(track)) = (&mut self.run, &self.audio) else {
            return;
        };
        let rate = u64::from(track.rate);
        let newest_audio = self
            .waiting
            .back()
            .map_or(0, |(time, _)| nanos(*time, rate));
        // Up to here all segment starts are known: a later picture is decoded and shown later.
        let known = if self.wanted.0 {
            run.newest.as_ref().map_or(0, |picture| picture.dts)
        } else {
            u64::MAX
        };
        let longest = whole_ticks(run.part_target, rate);
        let frame = u64::from(track.frame);
        while let Some((time, _)) = self.waiting.front() {
            let (time, middle) = (*time, nanos(*time + frame / 2, rate));
            let alone = run.audio_segment.is_some() && newest_audio > middle + AUDIO_ALONE;
            if middle >= known && !alone {
                break;
            }
            let Some((_, data)) = self.waiting.pop_front() else {
                break;
            };
            let start = nanos(time, rate);
            let mut begins = false;
            while run
                .starts
                .front()
                .is_some_and(|boundary| *boundary <= middle)
            {
                run.starts.pop_front();
                begins = true;
            }
            if !self.wanted.0 {
                begins = run
                    .audio_segment
                    .is_none_or(|since| start / SEGMENT > since / SEGMENT);
            } else if alone && !begins {
                begins = run
                    .audio_segment
                    .is_some_and(|since| start >= since + run.target);
            }
            if run.audio_segment.is_none() && !begins {
                // From before the first picture.
                continue;
            }
            let expected = run.audio.decode + run.audio.ticks;
            let gap = !run.audio.samples.is_empty() && expected != time;
            if begins || gap || run.audio.ticks + frame > longest {
                run.audio
                    .emit(&self.outbox, &mut self.chunks, Kind::Audio, track.rate);
            }
            if begins {
                run.audio.segment_start = true;
                run.audio_segment = Some(start);
            }
            let sample = Sample {
                duration: track.frame,
                composition: 0,
                keyframe: true,
                data,
            };
            run.audio.add(sample, start, time);
            if run.audio.ticks + frame > longest {
                run.audio
                    .emit(&self.outbox, &mut self.chunks, Kind::Audio, track.rate);
            }
        }
    }
}

/// Target of a part for frames that last `frame`: a whole number of them near [`PART`], so that all
/// parts but a segment's last are alike.
fn part_target(frame: MediaTime) -> MediaTime {
    if frame == 0 {
        return PART;
    }
    let frames = ((PART + frame / 2) / frame).max(1);
    (frames * frame + ROUNDING).next_multiple_of(1_000_000)
}

/// Ticks that fit into a time.
fn whole_ticks(time: MediaTime, rate: u64) -> u64 {
    time * rate / 1_000_000_000
}

fn starts_segment(cut: Cut, segment: Option<MediaTime>, keyframe: MediaTime) -> bool {
    let Some(segment) = segment else { return true };
    match cut {
        Cut::Grid => keyframe / SEGMENT > segment / SEGMENT,
        Cut::Groups { .. } => keyframe >= segment + SEGMENT - SEGMENT_SLACK,
    }
}

impl Part {
    fn add(&mut self, sample: Sample, time: MediaTime, decode: u64) {
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

    fn emit(&mut self, outbox: &Outbox, chunks: &mut [u32; 2], kind: Kind, rate: u32) {
        let part = std::mem::take(self);
        let Some(first) = part.samples.first() else {
            self.segment_start = part.segment_start;
            return;
        };
        let chunk = &mut chunks[if kind == Kind::Video { 0 } else { 1 }];
        *chunk = chunk.wrapping_add(1);
        outbox.send_hls(HlsOutput::Part {
            kind,
            segment_start: part.segment_start,
            independent: first.keyframe,
            time: part.time,
            duration: Duration::from_nanos(nanos(part.ticks, rate.into())),
            data: cmaf::fragment(*chunk, part.decode, part.segment_start, &part.samples),
        });
    }
}
