//! A publisher's messages to formats and access units.

use bytes::Bytes;
use tracing::{debug, trace, warn};
use weir_media::{AudioCodec, Kind, VideoCodec};

use super::config::{self, AacFrames};
use super::flv::{self, Codec, Frame, Tag};
use super::sink::SourceSink;
use super::timeline::Timeline;
use crate::source::{AccessUnit, SourceFormat};

/// Most different complaints that are logged per publisher; the rest is silent.
const MAX_COMPLAINTS: usize = 8;

/// The two tracks of one publisher.
pub struct Tracks {
    sink: Box<dyn SourceSink>,
    timeline: Timeline,
    video: Option<Video>,
    audio: Option<Audio>,
    complaints: Vec<String>,
}

struct Video {
    codec: VideoCodec,
    /// As the publisher sent it, to tell a repeated header from a new one.
    sent: Bytes,
    /// Bytes of the publisher's NAL unit lengths; 0 for codecs without NAL units.
    length_size: usize,
    /// Whether a keyframe came since the format.
    begun: bool,
}

struct Audio {
    codec: AudioCodec,
    sent: Bytes,
    frames: Option<AacFrames>,
}

impl Tracks {
    /// Passes on to `sink`.
    pub fn new(sink: Box<dyn SourceSink>) -> Self {
        Self {
            sink,
            timeline: Timeline::default(),
            video: None,
            audio: None,
            complaints: Vec::new(),
        }
    }

    /// Takes the body of an audio or video message.
    pub fn message(&mut self, kind: Kind, timestamp: u32, body: Bytes) {
        let tag = match kind {
            Kind::Video => flv::video(body),
            Kind::Audio => flv::audio(body),
        };
        match tag {
            Ok(Tag::Config {
                codec: Codec::Video(codec),
                config,
            }) => self.video_config(codec, &config),
            Ok(Tag::Config {
                codec: Codec::Audio(codec),
                config,
            }) => self.audio_config(codec, &config),
            Ok(Tag::Frame(frame)) => self.frame(frame, timestamp),
            Ok(Tag::Nothing) => {}
            Ok(Tag::Unsupported(what)) => {
                self.complain(format!("ignoring {what}, which is not supported"))
            }
            Err(error) => self.complain(format!("ignoring a {kind:?} message: {error}")),
        }
    }

    fn video_config(&mut self, codec: VideoCodec, sent: &[u8]) {
        if self
            .video
            .as_ref()
            .is_some_and(|video| video.codec == codec && video.sent == sent)
        {
            return;
        }
        match config::video(codec, sent) {
            Ok((config, length_size)) => {
                debug!(?codec, bytes = sent.len(), "video format");
                self.video = Some(Video {
                    codec,
                    sent: Bytes::copy_from_slice(sent),
                    length_size,
                    begun: false,
                });
                self.sink.format(SourceFormat::Video { codec, config });
            }
            Err(error) => self.complain(format!("ignoring a {codec:?} sequence header: {error}")),
        }
    }

    fn audio_config(&mut self, codec: AudioCodec, sent: &[u8]) {
        if self
            .audio
            .as_ref()
            .is_some_and(|audio| audio.codec == codec && audio.sent == sent)
        {
            return;
        }
        let frames = match codec {
            AudioCodec::Aac => match config::aac(sent) {
                Ok(frames) => Some(frames),
                Err(error) => {
                    return self.complain(format!("ignoring an AAC sequence header: {error}"));
                }
            },
            AudioCodec::Opus => None,
        };
        debug!(?codec, ?frames, "audio format");
        // A copy: a slice would keep the whole read buffer for as long as the stream lives.
        let config = Bytes::copy_from_slice(sent);
        self.audio = Some(Audio {
            codec,
            sent: config.clone(),
            frames,
        });
        self.sink.format(SourceFormat::Audio { codec, config });
    }

    fn frame(&mut self, frame: Frame, timestamp: u32) {
        match frame.codec {
            Codec::Video(codec) => self.video_frame(codec, frame, timestamp),
            Codec::Audio(codec) => self.audio_frame(codec, frame, timestamp),
        }
    }

    fn video_frame(&mut self, codec: VideoCodec, frame: Frame, timestamp: u32) {
        let Some(video) = self.video.as_mut().filter(|video| video.codec == codec) else {
            return self.complain(format!(
                "ignoring {codec:?} pictures until their sequence header comes"
            ));
        };
        let data = match video.length_size {
            0 => Some(frame.data).filter(|data| !data.is_empty()),
            size => config::four_byte_lengths(frame.data, size),
        };
        let Some(data) = data else {
            return self
                .complain("ignoring pictures whose NAL unit lengths do not add up".to_owned());
        };
        video.begun |= frame.keyframe;
        if !video.begun {
            return;
        }
        let dts = self
            .timeline
            .place(Kind::Video, timestamp, frame.nanoseconds, None);
        let pts = dts.saturating_add_signed(i64::from(frame.composition) * 1_000_000);
        trace!(timestamp, dts, pts, bytes = data.len(), "picture");
        self.sink.access_unit(AccessUnit {
            kind: Kind::Video,
            dts,
            pts,
            keyframe: frame.keyframe,
            data,
        });
    }

    fn audio_frame(&mut self, codec: AudioCodec, frame: Frame, timestamp: u32) {
        let Some(audio) = self.audio.as_ref().filter(|audio| audio.codec == codec) else {
            return self.complain(format!(
                "ignoring {codec:?} frames until their sequence header comes"
            ));
        };
        if frame.data.is_empty() {
            return;
        }
        let time = self
            .timeline
            .place(Kind::Audio, timestamp, frame.nanoseconds, audio.frames);
        trace!(timestamp, time, bytes = frame.data.len(), "audio frame");
        self.sink.access_unit(AccessUnit {
            kind: Kind::Audio,
            dts: time,
            pts: time,
            keyframe: true,
            data: frame.data,
        });
    }

    /// Logs each complaint once.
    fn complain(&mut self, complaint: String) {
        if self.complaints.len() < MAX_COMPLAINTS && !self.complaints.contains(&complaint) {
            warn!("{complaint}");
            self.complaints.push(complaint);
        }
    }
}

#[cfg(test)]
#[path = "tracks_tests.rs"]
mod tests;
