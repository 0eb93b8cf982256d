//! One stream's way through the worker: formats and units in, paths behind.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tracing::{info, warn};
use weir_media::{Kind, MediaTime, RtpPacket, RtpTracks, VideoCodec};

use super::{
    audio::AudioPath,
    depacketize::VideoAssembler,
    h264::H264Packetizer,
    outbox::Outbox,
    segment::Segmenter,
    video::{Outputs, VideoPath},
};
use crate::{
    link::message::{FromWorker, ToWorker},
    source::{AccessUnit, SourceFormat},
};

/// A track that is not announced when the other has run for so long does not exist.
const OTHER_TRACK: MediaTime = 500_000_000;

/// Units kept until then. More means that times stand still; then it starts with what there is.
const PENDING: usize = 512;

/// The publisher is asked for a keyframe at most this often.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// Everything of one stream.
pub struct Session {
    outputs: Outputs,
    video_format: Option<SourceFormat>,
    audio_format: Option<SourceFormat>,
    started: bool,
    pending: Vec<ToWorker>,
    video: Option<VideoPath>,
    assembler: Option<VideoAssembler>,
    audio: Option<AudioPath>,
    asked: Option<Instant>,
}

impl Session {
    /// A session that writes to `outbox`; `keyframe` is set when viewers need a keyframe.
    pub fn new(outbox: Outbox, keyframe: Arc<AtomicBool>) -> Self {
        let hls = Arc::new(Mutex::new(Segmenter::new(outbox.clone())));
        let packetizer = Arc::new(Mutex::new(H264Packetizer::new()));
        Self {
            outputs: Outputs {
                outbox,
                hls,
                keyframe,
                packetizer,
            },
            video_format: None,
            audio_format: None,
            started: false,
            pending: Vec::new(),
            video: None,
            assembler: None,
            audio: None,
            asked: None,
        }
    }

    /// Takes one message of the main process.
    pub fn take(&mut self, message: ToWorker) {
        match message {
            ToWorker::Format(format) => self.format(format),
            ToWorker::Unit { .. } | ToWorker::Rtp(_) if !self.started => {
                self.pending.push(message);
                self.start_when_known();
            }
            ToWorker::Unit { unit, replay } => self.unit(unit, replay),
            ToWorker::Rtp(packet) => self.rtp(packet),
            ToWorker::Hello | ToWorker::Keyframe(_) | ToWorker::End => {}
        }
    }

    /// Whether something in it has stopped working.
    pub fn hangs(&self) -> bool {
        self.video.as_ref().is_some_and(VideoPath::hangs)
    }

    /// Lets everything come out.
    pub fn finish(mut self) {
        if !self.started {
            self.start();
        }
        if let Some(video) = &mut self.video {
            video.finish();
        }
        if let Some(audio) = self.audio.take() {
            audio.finish();
        }
        self.outputs
            .hls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .finish();
    }

    fn format(&mut self, format: SourceFormat) {
        let slot = match format.kind() {
            Kind::Video => &mut self.video_format,
            Kind::Audio => &mut self.audio_format,
        };
        if slot.as_ref() == Some(&format) {
            return;
        }
        let new_track = slot.is_none();
        let kind = format.kind();
        *slot = Some(format);
        if !self.started {
            return;
        }
        if new_track {
            self.announce();
        }
        match kind {
            Kind::Video => self.start_video(),
            Kind::Audio => self.start_audio(),
        }
    }

    fn start_when_known(&mut self) {
        let time = |message: &ToWorker| match message {
            ToWorker::Unit { unit, .. } => unit.dts,
            ToWorker::Rtp(packet) => packet.time,
            _ => 0,
        };
        let both = self.video_format.is_some() && self.audio_format.is_some();
        let span = match (self.pending.first(), self.pending.last()) {
            (Some(first), Some(last)) => time(last).saturating_sub(time(first)),
            _ => 0,
        };
        let some = self.video_format.is_some() || self.audio_format.is_some();
        if both || some && span >= OTHER_TRACK || self.pending.len() >= PENDING {
            self.start();
        }
    }

    fn start(&mut self) {
        self.started = true;
        self.announce();
        self.start_video();
        self.start_audio();
        for message in std::mem::take(&mut self.pending) {
            self.take(message);
        }
    }

    /// Says which tracks there are.
    fn announce(&self) {
        let video = match &self.video_format {
            Some(SourceFormat::Video { .. }) => Some(VideoCodec::H264),
            _ => None,
        };
        let audio = matches!(self.audio_format, Some(SourceFormat::Audio { .. }));
        if video.is_some() || audio {
            self.outputs.outbox.send(&FromWorker::RtpStart {
                tracks: RtpTracks { video, audio },
                layers: Vec::new(),
            });
        }
        let hls = &self.outputs.hls;
        hls.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .expect(self.video_format.is_some(), self.audio_format.is_some());
    }

    fn start_video(&mut self) {
        let (codec, config, webrtc) = match &self.video_format {
            Some(SourceFormat::Video { codec, config }) => (*codec, config.clone(), true),
            Some(SourceFormat::RtpVideo { codec }) => (*codec, Bytes::new(), false),
            Some(SourceFormat::Audio { .. } | SourceFormat::RtpAudio) | None => return,
        };
        if let Some(video) = &mut self.video {
            video.finish();
        }
        self.assembler = if webrtc {
            None
        } else {
            VideoAssembler::new(codec)
        };
        info!(?codec, webrtc, "video source");
        self.video = match VideoPath::new(codec, config, webrtc, self.outputs.clone()) {
            Ok(path) => Some(path),
            Err(error) => {
                warn!(%error, "the source's video cannot be used");
                None
            }
        };
    }

    fn start_audio(&mut self) {
        let Some(format) = &self.audio_format else {
            return;
        };
        if let Some(audio) = self.audio.take() {
            audio.finish();
        }
        self.audio = match AudioPath::new(format, &self.outputs.outbox, &self.outputs.hls) {
            Ok(path) => Some(path),
            Err(error) => {
                warn!(%error, "the source's sound cannot be used");
                None
            }
        };
    }

    fn unit(&mut self, unit: AccessUnit, replay: bool) {
        match unit.kind {
            Kind::Video => {
                if let Some(video) = &mut self.video {
                    video.unit(unit, replay);
                }
            }
            Kind::Audio => {
                if let Some(audio) = &mut self.audio {
                    audio.unit(&unit);
                }
            }
        }
    }

    fn rtp(&mut self, packet: RtpPacket) {
        match packet.kind {
            Kind::Video => {
                let (Some(assembler), Some(video)) = (&mut self.assembler, &mut self.video) else {
                    return;
                };
                let mut pictures = Vec::new();
                assembler.push(packet, &mut pictures);
                for picture in pictures {
                    video.unit(picture, false);
                }
                let due = self.asked.is_none_or(|asked| asked.elapsed() >= ASK_EVERY);
                if assembler.needs_keyframe() && due {
                    self.asked = Some(Instant::now());
                    self.outputs.outbox.send(&FromWorker::KeyframeWanted);
                }
            }
            Kind::Audio => {
                if let Some(audio) = &mut self.audio {
                    audio.rtp(packet);
                }
            }
        }
    }
}
