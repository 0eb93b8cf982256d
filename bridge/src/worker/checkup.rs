//! The doctor's place in the worker: it sees what the source sends, and its findings leave over the link, as do the
//! captions that are found on the way.

use std::time::{Duration, Instant};

use weir_media::{AudioCodec, Kind, MediaTime, VideoCodec};

use super::{
    audio::AacConfig,
    captions::Captions,
    depacketize::opus_duration,
    h264::{Inspection, inspect},
    outbox::Outbox,
    rtp::nanos,
};
use crate::{
    doctor::{Doctor, Meter, Seen, Treatment},
    link::message::FromWorker,
    source::{AccessUnit, SourceFormat},
};

/// What waited for longer in this process was held up by it.
const OWN_DELAY: Duration = Duration::from_millis(300);

/// Looks at the source of one session.
pub struct Checkup {
    doctor: Doctor,
    meter: Meter,
    outbox: Outbox,
    begun: Instant,
    /// When what is being taken arrived.
    arrived: Duration,
    codec: Option<VideoCodec>,
    aac: Option<AacConfig>,
    captions: Captions,
}

impl Checkup {
    /// Of a source that begins now.
    pub fn new(outbox: Outbox) -> Self {
        Self {
            doctor: Doctor::default(),
            meter: Meter::default(),
            outbox,
            begun: Instant::now(),
            arrived: Duration::ZERO,
            codec: None,
            aac: None,
            captions: Captions::default(),
        }
    }

    /// What is taken next came over the link at this time.
    pub fn arrived(&mut self, at: Instant) {
        self.arrived = at.saturating_duration_since(self.begun);
        if at.elapsed() > OWN_DELAY {
            self.doctor.late(self.begun.elapsed());
        }
    }

    /// Measures decoded sound.
    pub fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// A track begins or changes.
    pub fn format(&mut self, format: &SourceFormat) {
        let now = self.arrived;
        match format {
            SourceFormat::Video { codec, config, .. } => {
                self.codec = Some(*codec);
                self.doctor.video_format(now, *codec, config, false);
            }
            SourceFormat::RtpVideo { codec } => {
                self.codec = Some(*codec);
                let config = bytes::Bytes::new();
                self.doctor.video_format(now, *codec, &config, true);
            }
            SourceFormat::Audio {
                codec: AudioCodec::Aac,
                config,
            } => {
                self.aac = AacConfig::parse(config).ok();
                // Types 5 and 29 double the rate of their core, and what they come to is fine.
                let core = self.aac.as_ref();
                let core = core.filter(|aac| !matches!(aac.object_type, 5 | 29));
                self.doctor.audio_format(now, core.map(|aac| aac.rate));
            }
            SourceFormat::Audio { .. } | SourceFormat::RtpAudio => {
                self.aac = None;
                self.doctor.audio_format(now, None);
            }
        }
        self.say();
    }

    /// An access unit.
    pub fn unit(&mut self, unit: &AccessUnit, replay: bool) {
        if unit.kind == Kind::Audio {
            if !replay {
                let lasts = match &self.aac {
                    Some(aac) => nanos(aac.frame.into(), aac.rate.into()),
                    None => opus_duration(&unit.data),
                };
                self.sound(unit.pts, Some(lasts));
            }
            return;
        }
        let mut seen = Seen {
            dts: unit.dts,
            pts: unit.pts,
            size: unit.data.len(),
            keyframe: unit.keyframe,
            replay,
            ..Seen::default()
        };
        if self.codec == Some(VideoCodec::H264) {
            match inspect(&unit.data) {
                Ok(Inspection {
                    idr,
                    b_slice,
                    sps,
                    sei,
                    ..
                }) => {
                    seen.keyframe |= idr;
                    seen.b_slice = Some(b_slice);
                    seen.sps = sps.into_iter().next();
                    if let Some(caption) = self.captions.picture(unit.dts, unit.pts, &sei) {
                        self.outbox.send(&FromWorker::Caption(caption));
                    }
                }
                Err(_) => {
                    self.doctor.damaged(self.arrived);
                    return self.say();
                }
            }
        }
        self.doctor.picture(self.arrived, &seen);
        self.say();
    }

    /// A frame of sound.
    pub fn sound(&mut self, time: MediaTime, lasts: Option<MediaTime>) {
        self.doctor.sound(self.arrived, time, lasts);
        for level in self.meter.take() {
            self.doctor.level(self.arrived, level);
        }
        self.say();
    }

    /// What becomes of the video.
    pub fn treatment(&mut self, treatment: Treatment) {
        self.doctor.treatment(treatment);
    }

    /// Something of the source cannot be used; `None`: it can.
    pub fn unsupported(&mut self, what: Option<&str>) {
        self.doctor.unsupported(self.arrived, what);
        self.say();
    }

    /// Now and then, also when nothing comes.
    pub fn beat(&mut self) {
        self.doctor.look(self.begun.elapsed());
        self.say();
    }

    fn say(&mut self) {
        for report in self.doctor.take() {
            self.outbox.send(&FromWorker::Finding(report));
        }
    }
}
