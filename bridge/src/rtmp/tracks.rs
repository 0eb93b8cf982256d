//! A publisher's messages to formats and access units.

use bytes::Bytes;
use tracing::{debug, trace};
use weir_media::{AudioCodec, Kind, VideoCodec};
use weir_protocol::finding::FindingReport;

use super::complaints::Complaints;
use super::config::{self, AacFrames};
use super::flv::{self, Codec, Frame, Tag, Unsupported};
use super::sink::SourceSink;
use super::timeline::Timeline;
use crate::source::{AccessUnit, MAX_VIDEO_TRACKS, SourceFormat};

/// The publisher's default track of a kind, if it has several.
const DEFAULT_TRACK: u8 = 0;

/// Units up to this size are copied, larger ones keep the buffer in which they arrived.
const COPIED: usize = 32 * 1024;

/// The tracks of one publisher: one picture in any number of sizes, and one sound.
pub struct Tracks {
    sink: Box<dyn SourceSink>,
    timeline: Timeline,
    /// By layer. The first one says of which codec all are.
    video: Vec<Video>,
    audio: Option<Audio>,
    complaints: Complaints,
}

struct Video {
    /// The publisher's number of it.
    track: u8,
    codec: VideoCodec,
    /// As the publisher sent it, to tell a repeated header from a new one.
    sent: Bytes,
    /// Bytes of the publisher's NAL unit lengths; 0 for codecs without NAL units.
    length_size: usize,
    /// Whether a keyframe came since the format.
    begun: bool,
}

struct Audio {
    track: u8,
    codec: AudioCodec,
    sent: Bytes,
    frames: Option<AacFrames>,
}

impl Tracks {
    /// Passes on to `sink`.
    pub fn new(mut sink: Box<dyn SourceSink>) -> Self {
        Complaints::begin().for_each(|report| sink.finding(report));
        Self {
            sink,
            timeline: Timeline::default(),
            video: Vec::new(),
            audio: None,
            complaints: Complaints::default(),
        }
    }

    /// Takes the body of an audio or video message.
    pub fn message(&mut self, kind: Kind, timestamp: u32, body: Bytes) {
        let each = |tag| self.tag(tag, timestamp);
        let read = match kind {
            Kind::Video => flv::video(body, each),
            Kind::Audio => flv::audio(body, each),
        };
        if let Err(error) = read {
            self.complaints
                .log(format!("ignoring a {kind:?} message: {error}"));
        }
    }

    fn tag(&mut self, tag: Tag, timestamp: u32) {
        match tag {
            Tag::Config {
                track,
                codec: Codec::Video(codec),
                config,
            } => self.video_config(track, codec, &config),
            Tag::Config {
                track,
                codec: Codec::Audio(codec),
                config,
            } => self.audio_config(track, codec, &config),
            Tag::Frame(frame) => match frame.codec {
                Codec::Video(codec) => self.video_frame(codec, frame, timestamp),
                Codec::Audio(codec) => self.audio_frame(codec, frame, timestamp),
            },
            Tag::Colour(colour) => {
                let report = self.complaints.colour(colour);
                self.tell(report);
            }
            Tag::Unsupported(what) => {
                let report = self.complaints.unsupported(what);
                self.tell(report);
            }
        }
    }

    fn video_config(&mut self, track: u8, codec: VideoCodec, sent: &[u8]) {
        let known = self.video.iter().position(|video| video.track == track);
        if known.is_some_and(|layer| {
            let video = &self.video[layer];
            video.codec == codec && video.sent == sent
        }) {
            return;
        }
        let (config, length_size) = match config::video(codec, sent) {
            Ok(read) => read,
            Err(error) => {
                return self
                    .complaints
                    .log(format!("ignoring a {codec:?} sequence header: {error}"));
            }
        };
        let leads = |video: &Video| video.codec != codec;
        let layer = match known {
            Some(layer) => layer,
            // The default track goes before one of another codec that came first.
            None if track == DEFAULT_TRACK && self.video.first().is_some_and(leads) => 0,
            None => self.video.len(),
        };
        let other_codec = layer > 0 && self.video.first().is_some_and(leads);
        if layer >= MAX_VIDEO_TRACKS || other_codec {
            let report = self.complaints.track(Kind::Video, track);
            return self.tell(report);
        }
        let video = Video {
            track,
            codec,
            sent: Bytes::copy_from_slice(sent),
            length_size,
            begun: false,
        };
        debug!(track, layer, ?codec, bytes = sent.len(), "video format");
        match self.video.get_mut(layer) {
            Some(known) => *known = video,
            None => self.video.push(video),
        }
        self.sink.format(SourceFormat::Video {
            layer: layer as u8,
            codec,
            config,
        });
    }

    fn audio_config(&mut self, track: u8, codec: AudioCodec, sent: &[u8]) {
        if let Some(audio) = &self.audio {
            if audio.track != track && track != DEFAULT_TRACK {
                let report = self.complaints.track(Kind::Audio, track);
                return self.tell(report);
            }
            if audio.track == track && audio.codec == codec && audio.sent == sent {
                return;
            }
        }
        let frames = match codec {
            AudioCodec::Aac => match config::aac(sent) {
                Ok(frames) => Some(frames),
                Err(error) => {
                    return self
                        .complaints
                        .log(format!("ignoring an AAC sequence header: {error}"));
                }
            },
            AudioCodec::Opus => match config::opus(sent) {
                Ok(()) => None,
                Err(error) => {
                    let what = Unsupported::Codec(Kind::Audio, error.to_string());
                    let report = self.complaints.unsupported(what);
                    return self.tell(report);
                }
            },
        };
        debug!(track, ?codec, ?frames, "audio format");
        // A copy: a slice would keep the whole read buffer for as long as the stream lives.
        let config = Bytes::copy_from_slice(sent);
        self.audio = Some(Audio {
            track,
            codec,
            sent: config.clone(),
            frames,
        });
        self.sink.format(SourceFormat::Audio { codec, config });
    }

    fn video_frame(&mut self, codec: VideoCodec, frame: Frame, timestamp: u32) {
        let leading = self.video.first().map(|video| video.codec);
        let mut layers = self.video.iter_mut().enumerate();
        let Some((layer, video)) = layers.find(|(_, video)| {
            video.track == frame.track && video.codec == codec && leading == Some(codec)
        }) else {
            if leading.is_none() || leading == Some(codec) {
                self.complaints.log(format!(
                    "ignoring {codec:?} pictures until their sequence header comes"
                ));
            } else {
                let report = self.complaints.track(Kind::Video, frame.track);
                self.tell(report);
            }
            return;
        };
        let layer = layer as u8;
        let data = match video.length_size {
            0 => Some(frame.data).filter(|data| !data.is_empty()),
            size => config::four_byte_lengths(frame.data, size),
        };
        let Some(data) = data else {
            return self
                .complaints
                .log("ignoring pictures whose NAL unit lengths do not add up".to_owned());
        };
        video.begun |= frame.keyframe;
        if !video.begun {
            return;
        }
        let Some(dts) = self.place(Kind::Video, layer, timestamp, frame.nanoseconds, None) else {
            return;
        };
        let pts = dts.saturating_add_signed(i64::from(frame.composition) * 1_000_000);
        trace!(layer, timestamp, dts, pts, bytes = data.len(), "picture");
        self.sink.access_unit(AccessUnit {
            kind: Kind::Video,
            layer,
            dts,
            pts,
            keyframe: frame.keyframe,
            data: own(data),
        });
    }

    fn audio_frame(&mut self, codec: AudioCodec, frame: Frame, timestamp: u32) {
        let Some(audio) = &self.audio else {
            return self.complaints.log(format!(
                "ignoring {codec:?} frames until their sequence header comes"
            ));
        };
        if audio.track != frame.track {
            let report = self.complaints.track(Kind::Audio, frame.track);
            return self.tell(report);
        }
        if audio.codec != codec {
            return self.complaints.log(format!(
                "ignoring {codec:?} frames until their sequence header comes"
            ));
        }
        if frame.data.is_empty() {
            return;
        }
        let frames = audio.frames;
        let Some(time) = self.place(Kind::Audio, 0, timestamp, frame.nanoseconds, frames) else {
            return;
        };
        trace!(timestamp, time, bytes = frame.data.len(), "audio frame");
        self.sink.access_unit(AccessUnit {
            kind: Kind::Audio,
            layer: 0,
            dts: time,
            pts: time,
            keyframe: true,
            data: own(frame.data),
        });
    }

    fn place(
        &mut self,
        kind: Kind,
        layer: u8,
        timestamp: u32,
        nanoseconds: u32,
        frames: Option<AacFrames>,
    ) -> Option<u64> {
        let placed = self
            .timeline
            .place(kind, layer, timestamp, nanoseconds, frames)?;
        let report = match placed.leapt {
            Some(milliseconds) => self.complaints.leapt(milliseconds, placed.time),
            None => self.complaints.calm(placed.time),
        };
        self.tell(report);
        Some(placed.time)
    }

    fn tell(&mut self, report: Option<FindingReport>) {
        if let Some(report) = report {
            self.sink.finding(report);
        }
    }
}

/// A unit may be kept for long. As a small slice of a large buffer it would hold much more than its own
/// bytes, by which it is counted.
fn own(data: Bytes) -> Bytes {
    if data.len() <= COPIED {
        Bytes::copy_from_slice(&data)
    } else {
        data
    }
}

#[cfg(test)]
#[path = "tracks_tests.rs"]
mod tests;
