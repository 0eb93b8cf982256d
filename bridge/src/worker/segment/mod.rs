//! Cuts all rungs of the video and the audio into HLS segments and parts.
//!
//! The best rung leads: a segment starts at one of its keyframes, the other rungs have one there too,
//! and audio is cut at the first frame from there on. Audio therefore waits until the video up to its time is known.

mod rendition;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use weir_media::{HlsAudio, HlsOutput, HlsTrack, HlsTracks, HlsVideo, MediaTime};

use super::{
    cmaf::{self, Sample},
    h264::AvcConfig,
    outbox::Outbox,
    rtp::{nanos, ticks},
};

use rendition::{Chunks, Part, Rendition, whole_ticks};

/// What a part should last. Apple's players hold back three of them.
const PART: MediaTime = 200_000_000;

/// Room for the milliseconds of RTMP's timestamps, so that a part of the same number of frames
/// always fits.
const ROUNDING: MediaTime = 3_000_000;

/// A segment's shortest length: shorter picture groups share one.
const SEGMENT: MediaTime = 1_000_000_000;

/// Timestamps may be off by so much and a segment of a second is still one.
const SEGMENT_SLACK: MediaTime = 60_000_000;

/// Starts of segments that are remembered for rungs that come later.
const BOUNDARIES: usize = 16;

/// A rung whose picture at a segment's start was left out starts it with one of the next.
const LATE_START: MediaTime = 100_000_000;

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
pub struct VideoRun {
    /// Its rungs, the best first.
    pub rungs: Vec<VideoTrack>,
    /// The parameter sets of the first. Those of the others come with their pictures.
    pub config: AvcConfig,
    /// Where segments start.
    pub cut: Cut,
}

/// One rung.
#[derive(Debug, Clone)]
pub struct VideoTrack {
    /// Its name, `720p`.
    pub name: String,
    /// RFC 6381 codec string.
    pub codec: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// What a frame lasts.
    pub frame: MediaTime,
    /// Bits a second.
    pub bitrate: u32,
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
    video: Option<VideoRun>,
    audio: Option<AudioTrack>,
    run: Option<Run>,
    /// Audio that waits, by time in ticks.
    waiting: VecDeque<(u64, Bytes)>,
    chunks: Chunks,
}

/// What belongs to one run, from `HlsOutput::Start` to the next.
#[derive(Debug)]
struct Run {
    part_target: MediaTime,
    target: MediaTime,
    /// The rungs; the first leads.
    video: Vec<Rendition>,
    /// Where the first rung's newest segments start; the others start theirs there.
    boundaries: VecDeque<MediaTime>,
    /// Segment starts that audio has not come to yet.
    starts: VecDeque<MediaTime>,
    /// When the current audio segment started.
    audio_segment: Option<MediaTime>,
    audio: Part,
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
            chunks: Chunks::default(),
        }
    }

    /// Which tracks there will be. A run starts when all of them are described.
    pub fn expect(&mut self, video: bool, audio: bool) {
        if self.wanted != (video, audio) {
            self.wanted = (video, audio);
            self.restart();
        }
    }

    /// The video is this from now on; the next picture of its first rung is a keyframe.
    pub fn start_video(&mut self, video: VideoRun) {
        self.finish();
        self.video = Some(video);
        self.restart();
    }

    /// The audio is this from now on.
    pub fn start_audio(&mut self, track: AudioTrack) {
        self.finish();
        self.waiting.clear();
        self.audio = Some(track);
        self.restart();
    }

    /// Takes a picture of the first rung, in decoding order.
    pub fn picture(&mut self, picture: Picture) {
        let (Some(run), Some(video)) = (&mut self.run, &self.video) else {
            return;
        };
        let Some(best) = run.video.first_mut() else {
            return;
        };
        let starts = picture.keyframe && starts_segment(video.cut, best.segment(), picture.pts);
        if starts {
            run.starts.push_back(picture.pts);
            if run.boundaries.len() == BOUNDARIES {
                run.boundaries.pop_front();
            }
            run.boundaries.push_back(picture.pts);
        }
        best.picture(
            &self.outbox,
            &mut self.chunks,
            run.part_target,
            picture,
            starts,
        );
        self.release_audio();
    }

    /// Takes a picture of a lower rung. It joins with a keyframe at which the first rung starts a
    /// segment; `shared` says that all rungs have this one.
    pub fn rung(&mut self, number: usize, config: &Arc<AvcConfig>, picture: Picture, shared: bool) {
        let (Some(run), Some(video)) = (&mut self.run, &mut self.video) else {
            return;
        };
        let running = run
            .video
            .first()
            .is_some_and(|best| best.segment().is_some());
        let (Some(rendition), Some(track)) =
            (run.video.get_mut(number), video.rungs.get_mut(number))
        else {
            return;
        };
        let segment = rendition.segment();
        let at_boundary = || match video.cut {
            Cut::Grid => starts_segment(video.cut, segment, picture.pts),
            // The first rung is never behind: its pictures need no encoder.
            Cut::Groups { .. } => run.boundaries.iter().any(|start| {
                Some(*start) > segment && (*start..*start + LATE_START).contains(&picture.pts)
            }),
        };
        let starts = running && shared && picture.keyframe && at_boundary();
        if starts && rendition.knows(config) {
            // Announced before it was made. Encoders in hardware choose some of it themselves.
            let codec = config
                .sps()
                .map(|sps| sps.codec_string())
                .unwrap_or_default();
            if codec != track.codec {
                tracing::warn!(
                    rung = track.name,
                    announced = track.codec,
                    codec,
                    "another codec string"
                );
                track.codec = codec;
                self.finish();
                self.restart();
                return;
            }
            rendition.end_segment(&self.outbox, &mut self.chunks, run.part_target);
            let data = cmaf::h264_init(&config.record(), track.width, track.height);
            let track = HlsTrack::Video(number as u8);
            self.outbox.send_hls(HlsOutput::Init { track, data });
        }
        rendition.picture(
            &self.outbox,
            &mut self.chunks,
            run.part_target,
            picture,
            starts,
        );
    }

    /// A lower rung is not made any more.
    pub fn rung_stops(&mut self, number: usize) {
        if let Some(run) = &mut self.run
            && let Some(rendition) = run.video.get_mut(number)
            && rendition.segment().is_some()
        {
            rendition.finish(&self.outbox, &mut self.chunks, run.part_target);
            let track = HlsTrack::Video(number as u8);
            self.outbox.send_hls(HlsOutput::Dormant(track));
        }
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
        if let Some(run) = &mut self.run {
            for rendition in &mut run.video {
                rendition.finish(&self.outbox, &mut self.chunks, run.part_target);
            }
        }
        self.release_audio();
        if let (Some(run), Some(track)) = (&mut self.run, &self.audio) {
            run.audio
                .emit(&self.outbox, &mut self.chunks, HlsTrack::Audio, track.rate);
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
        let rungs = video.map_or(&[][..], |video| &video.rungs);
        // A whole number of the longest frame is one of the others, too.
        let longest_frame = rungs.iter().map(|track| track.frame).max();
        let part_target = longest_frame.map_or(PART, part_target);
        let longest = match video.map(|video| video.cut) {
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
            video: rungs
                .iter()
                .map(|track| HlsVideo {
                    name: track.name.clone(),
                    codec: track.codec.clone(),
                    width: track.width,
                    height: track.height,
                    frame_rate: (track.frame > 0).then(|| 1e9 / track.frame as f64),
                    bitrate: track.bitrate,
                })
                .collect(),
            audio: audio.map(|track| HlsAudio {
                codec: track.codec.clone(),
                bitrate: track.bitrate,
                channels: track.channels.into(),
            }),
            target_duration: target,
            part_target: Duration::from_nanos(part_target),
        };
        self.outbox.send_hls(HlsOutput::Start(tracks));
        if let Some(video) = video
            && let Some(track) = rungs.first()
        {
            let data = cmaf::h264_init(&video.config.record(), track.width, track.height);
            self.outbox.send_hls(HlsOutput::Init {
                track: HlsTrack::BEST,
                data,
            });
        }
        if let Some(track) = audio {
            let data = cmaf::aac_init(&track.config, track.rate, track.channels);
            self.outbox.send_hls(HlsOutput::Init {
                track: HlsTrack::Audio,
                data,
            });
        }
        self.run = Some(Run {
            part_target,
            target: target.as_nanos() as MediaTime,
            video: (0..)
                .zip(rungs)
                .map(|(number, track)| Rendition::new(HlsTrack::Video(number), track.frame))
                .collect(),
            boundaries: VecDeque::new(),
            starts: VecDeque::new(),
            audio_segment: None,
            audio: Part::default(),
        });
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
            run.video.first().map_or(0, Rendition::known)
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
                    .emit(&self.outbox, &mut self.chunks, HlsTrack::Audio, track.rate);
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
                    .emit(&self.outbox, &mut self.chunks, HlsTrack::Audio, track.rate);
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

fn starts_segment(cut: Cut, segment: Option<MediaTime>, keyframe: MediaTime) -> bool {
    let Some(segment) = segment else { return true };
    match cut {
        Cut::Grid => keyframe / SEGMENT > segment / SEGMENT,
        Cut::Groups { .. } => keyframe >= segment + SEGMENT - SEGMENT_SLACK,
    }
}
