//! One stream's way through the worker: formats and units in, paths behind.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tracing::{info, warn};
use weir_media::{Demand, Kind, MediaTime, RtpPacket, VideoCodec};

use super::{
    audio::AudioPath,
    checkup::Checkup,
    depacketize::VideoAssembler,
    encode::KeyframeRequests,
    h264::AvcConfig,
    outbox::Outbox,
    thumbnail::Thumbnails,
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
    checkup: Checkup,
    thumbnails: Thumbnails,
    /// The best layer's.
    video_format: Option<SourceFormat>,
    /// All that the publisher sends, by number.
    layers: BTreeMap<u8, SourceFormat>,
    audio_format: Option<SourceFormat>,
    started: bool,
    pending: Vec<ToWorker>,
    video: Option<VideoPath>,
    assembler: Option<VideoAssembler>,
    audio: Option<AudioPath>,
    asked: Option<Instant>,
    demand: Demand,
}

impl Session {
    /// A session that writes to `outbox`; `requests` are the keyframes that viewers need.
    pub fn new(outbox: Outbox, requests: Arc<KeyframeRequests>) -> Self {
        Self {
            checkup: Checkup::new(outbox.clone()),
            thumbnails: Thumbnails::new(outbox.clone()),
            outputs: Outputs::new(outbox, requests, Arc::default()),
            video_format: None,
            layers: BTreeMap::new(),
            audio_format: None,
            started: false,
            pending: Vec::new(),
            video: None,
            assembler: None,
            audio: None,
            asked: None,
            demand: Demand::default(),
        }
    }

    /// The message that comes next has arrived at this time.
    pub fn arrived(&mut self, at: Instant) {
        self.checkup.arrived(at);
    }

    /// Takes one message of the main process.
    pub fn take(&mut self, message: ToWorker) {
        match message {
            ToWorker::Format(format @ SourceFormat::Video { .. }) => self.layer(format),
            ToWorker::Format(format) => self.format(format),
            ToWorker::Unit { .. } | ToWorker::Rtp(_) if !self.started => {
                self.pending.push(message);
                self.start_when_known();
            }
            ToWorker::Unit { unit, replay } => self.unit(unit, replay),
            ToWorker::Rtp(packet) => self.rtp(packet),
            ToWorker::Config(config) => {
                self.thumbnails.every(config.thumbnails);
                self.outputs.ladder = Arc::new(config.ladder);
            }
            ToWorker::Demand(demand) => {
                self.demand = demand;
                if let Some(video) = &mut self.video {
                    video.set_demand(demand);
                }
            }
            ToWorker::Hello | ToWorker::Keyframe(_) | ToWorker::End => {}
        }
    }

    /// Whether something in it has stopped working.
    pub fn hangs(&mut self) -> bool {
        self.video.as_mut().is_some_and(VideoPath::hangs)
    }

    /// Looks after what runs; several times a second.
    pub fn tick(&mut self) {
        self.checkup.beat();
        if let Some(video) = &mut self.video {
            video.tick();
        }
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
        self.outputs.hls().finish();
    }

    /// A layer of the video is this from now on.
    fn layer(&mut self, format: SourceFormat) {
        let SourceFormat::Video { layer, config, .. } = &format else {
            return;
        };
        let (layer, config) = (*layer, config.clone());
        self.layers.insert(layer, format);
        let best = self.layers.values().max_by_key(|format| rank(format));
        let Some(best) = best.cloned() else {
            return;
        };
        if self.video_format.as_ref() != Some(&best) {
            self.format(best);
        } else if layer != self.best() {
            self.add_layer(layer, &config);
        }
    }

    /// The number of the layer from which all else is made.
    fn best(&self) -> u8 {
        match &self.video_format {
            Some(SourceFormat::Video { layer, .. }) => *layer,
            _ => 0,
        }
    }

    fn add_layer(&mut self, layer: u8, config: &Bytes) {
        if let Some(video) = &mut self.video
            && let Err(error) = video.layer(layer, config)
        {
            warn!(%error, layer, "this size of the source cannot be used");
        }
    }

    fn format(&mut self, format: SourceFormat) {
        let slot = match format.kind() {
            Kind::Video => &mut self.video_format,
            Kind::Audio => &mut self.audio_format,
        };
        if slot.as_ref() == Some(&format) {
            return;
        }
        self.checkup.format(&format);
        let new_track = slot.is_none();
        let kind = format.kind();
        *slot = Some(format);
        if !self.started {
            return;
        }
        if new_track {
            self.expect();
            if let (Kind::Audio, Some(video)) = (kind, &mut self.video) {
                video.announce();
            }
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
        self.expect();
        self.start_video();
        self.start_audio();
        for message in std::mem::take(&mut self.pending) {
            self.take(message);
        }
    }

    /// Says which tracks there are. Those of the picture are told when its sizes are known.
    fn expect(&self) {
        let sound = matches!(self.audio_format, Some(SourceFormat::Audio { .. }));
        self.outputs.sound.store(sound, Ordering::Relaxed);
        if sound && self.video_format.is_none() {
            self.outputs.announce(&[], false);
        }
        self.outputs
            .hls()
            .expect(self.video_format.is_some(), self.audio_format.is_some());
    }

    fn start_video(&mut self) {
        let (codec, config, packets) = match &self.video_format {
            Some(SourceFormat::Video { codec, config, .. }) => (*codec, config.clone(), false),
            Some(SourceFormat::RtpVideo { codec }) => (*codec, Bytes::new(), true),
            Some(SourceFormat::Audio { .. } | SourceFormat::RtpAudio) | None => return,
        };
        if let Some(video) = &mut self.video {
            video.finish();
        }
        self.assembler = if packets {
            Some(VideoAssembler::new(codec))
        } else {
            None
        };
        let best = self.best();
        let others = self
            .layers
            .iter()
            .filter_map(|(layer, format)| match format {
                SourceFormat::Video { config, .. } if *layer != best => {
                    Some((*layer, config.clone()))
                }
                _ => None,
            });
        let others: Vec<_> = others.collect();
        info!(?codec, packets, others = others.len(), "video source");
        self.video = match VideoPath::new(codec, config, packets, &others, self.outputs.clone()) {
            Ok(mut path) => {
                path.set_demand(self.demand);
                Some(path)
            }
            Err(error) => {
                warn!(%error, "the source's video cannot be used");
                self.checkup.unsupported(Some(&format!("{codec:?} video")));
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
        self.audio = match AudioPath::new(
            format,
            &self.outputs.outbox,
            &self.outputs.hls,
            self.checkup.meter(),
        ) {
            Ok(path) => Some(path),
            Err(error) => {
                warn!(%error, "the source's sound cannot be used");
                self.checkup.unsupported(Some("The sound"));
                None
            }
        };
    }

    fn unit(&mut self, unit: AccessUnit, replay: bool) {
        let best = self.best();
        // Of a publisher's smaller pictures there is nothing to say that the best does not show.
        if unit.kind == Kind::Audio || unit.layer == best {
            look_at(
                &mut self.checkup,
                &mut self.thumbnails,
                self.video_format.as_ref(),
                &unit,
                replay,
            );
        }
        match unit.kind {
            Kind::Video => {
                if let Some(video) = &mut self.video {
                    if unit.layer == best {
                        video.unit(unit, replay);
                        self.checkup.treatment(video.treatment());
                    } else {
                        video.layer_unit(unit, replay);
                    }
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
                    look_at(
                        &mut self.checkup,
                        &mut self.thumbnails,
                        self.video_format.as_ref(),
                        &picture,
                        false,
                    );
                    video.unit(picture, false);
                    self.checkup.treatment(video.treatment());
                }
                let due = self.asked.is_none_or(|asked| asked.elapsed() >= ASK_EVERY);
                if (assembler.needs_keyframe() || video.wants_keyframe()) && due {
                    self.asked = Some(Instant::now());
                    self.outputs.outbox.send(&FromWorker::KeyframeWanted);
                }
            }
            Kind::Audio => {
                self.checkup.sound(packet.time, None);
                if let Some(audio) = &mut self.audio {
                    audio.rtp(packet);
                }
            }
        }
    }
}

/// The better of a source's layers has the larger picture; the number says nothing of that. Of codecs
/// whose size is not known it is the one that came first.
fn rank(format: &SourceFormat) -> (u64, Reverse<u8>) {
    let SourceFormat::Video {
        layer,
        codec,
        config,
    } = format
    else {
        return (0, Reverse(u8::MAX));
    };
    let sps = match codec {
        VideoCodec::H264 => AvcConfig::parse(config)
            .and_then(|config| config.sps())
            .ok(),
        _ => None,
    };
    let area = sps.map_or(0, |sps| u64::from(sps.width) * u64::from(sps.height));
    (area, Reverse(*layer))
}

/// Shows a unit to whoever only looks.
fn look_at(
    checkup: &mut Checkup,
    thumbnails: &mut Thumbnails,
    format: Option<&SourceFormat>,
    unit: &AccessUnit,
    replay: bool,
) {
    checkup.unit(unit, replay);
    // Every frame of sound can be decoded by itself.
    if unit.kind != Kind::Video {
        return;
    }
    match format {
        Some(SourceFormat::Video { codec, config, .. }) if !replay => {
            thumbnails.offer(*codec, config, unit);
        }
        Some(SourceFormat::RtpVideo { codec }) => thumbnails.offer(*codec, &Bytes::new(), unit),
        _ => {}
    }
}
