//! The picture: passed on where viewers can take it, else encoded anew, once for all outputs.

mod av1;
mod gop;
mod routes;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use bytes::Bytes;
use tracing::{info, warn};
use weir_media::{MediaTime, VideoCodec};

use super::{
    encode::{Coded, Encoder},
    fail,
    h264::{self, AvcConfig, H264Packetizer, Inspection, Reordering, Sps},
    outbox::Outbox,
    segment::{Cut, Picture, Segmenter, VideoTrack},
};
use crate::source::AccessUnit;

use gop::{Group, Rate};
use routes::Routes;

/// Longest picture group that HLS can be cut from. The slack is for timestamps in milliseconds.
const LONGEST_GROUP: MediaTime = 2_050_000_000;

/// What the encoder has left when the source's own pictures take over must come within this time.
const HANDOVER: Duration = Duration::from_millis(300);

/// What a frame lasts while nothing is known: a thirtieth of a second.
const FRAME: MediaTime = 33_333_333;

/// Everything a source's pictures go to.
#[derive(Debug, Clone)]
pub struct Outputs {
    /// To the main process.
    pub outbox: Outbox,
    /// HLS.
    pub hls: Arc<Mutex<Segmenter>>,
    /// Set when viewers need a keyframe; the encoder takes it.
    pub keyframe: Arc<AtomicBool>,
    /// The one RTP track, whoever feeds it.
    pub packetizer: Arc<Mutex<H264Packetizer>>,
}

impl Outputs {
    fn hls(&self) -> MutexGuard<'_, Segmenter> {
        self.hls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send_picture(&self, config: &AvcConfig, pts: MediaTime, keyframe: bool, data: &Bytes) {
        let mut packetizer = self
            .packetizer
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Checked when it was inspected, or made by our encoder.
        let units = h264::nal_units(data).filter_map(Result::ok);
        self.outbox
            .send_rtp(packetizer.packetize(units, config, pts, keyframe));
    }
}

/// Where WebRTC's pictures come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rtp {
    /// The SFU has the publisher's own packets.
    None,
    /// Not known before the first keyframe.
    Undecided,
    /// The source's own.
    Pass,
    /// The encoder.
    Encode,
    /// The encoder, until the source's next keyframe: a new worker cannot begin in the middle.
    EncodeToKeyframe,
}

/// Where HLS's pictures come from.
#[derive(Debug)]
enum Hls {
    /// Not known before the source's keyframes are. What came so far waits; `true` for what an
    /// earlier worker has given out.
    Observing(Vec<(Picture, bool)>),
    /// The source's own; when its last keyframe was.
    Pass(MediaTime),
    /// The encoder.
    Encode,
}

/// One source's pictures.
#[derive(Debug)]
pub struct VideoPath {
    outputs: Outputs,
    coded: Coded,
    /// H.264 only.
    avc: Option<(AvcConfig, Sps)>,
    rtp: Rtp,
    hls: Hls,
    group: Group,
    rate: Rate,
    encoder: Option<Encoder>,
    routes: Arc<Routes>,
    malformed: u64,
}

impl VideoPath {
    /// The path of a source. `config` is its configuration record, if it has one; `webrtc` whether
    /// WebRTC viewers are to be served from here.
    pub fn new(
        codec: VideoCodec,
        config: Bytes,
        webrtc: bool,
        outputs: Outputs,
    ) -> anyhow::Result<Self> {
        let mut path = Self {
            coded: Coded {
                codec,
                config,
                frame: 0,
            },
            avc: None,
            rtp: if webrtc { Rtp::Undecided } else { Rtp::None },
            hls: if webrtc {
                Hls::Observing(Vec::new())
            } else {
                Hls::Encode
            },
            group: Group::default(),
            rate: Rate::default(),
            encoder: None,
            routes: Arc::new(Routes::new(outputs.clone())),
            outputs,
            malformed: 0,
        };
        if codec == VideoCodec::H264 && !path.coded.config.is_empty() {
            let config = AvcConfig::parse(&path.coded.config)?;
            let sps = config.sps()?;
            path.describe(config, sps);
        }
        Ok(path)
    }

    /// Takes one access unit, in decoding order. `replay`: an earlier worker has given it out.
    pub fn unit(&mut self, unit: AccessUnit, replay: bool) {
        let mut unit = unit;
        let mut found = Inspection::default();
        if self.coded.codec == VideoCodec::H264 {
            found = match h264::inspect(&unit.data) {
                Ok(found) => found,
                Err(error) => {
                    self.malformed += 1;
                    if self.malformed.is_power_of_two() {
                        warn!(%error, count = self.malformed, "picture dropped");
                    }
                    return;
                }
            };
            unit.keyframe |= found.idr;
            self.take_parameter_sets(&unit, &found);
            if self.avc.is_none() {
                return;
            }
        }
        if !unit.keyframe && self.group.is_empty() {
            return;
        }
        if unit.keyframe && self.coded.codec == VideoCodec::Av1 {
            unit.data = av1::with_sequence_header(&unit.data, &self.coded.config);
        }
        self.rate.note(&unit);
        self.group.add(&unit);
        self.choose(&unit, &found, replay);
        self.pass_rtp(&unit, replay);
        self.feed_hls(&unit, replay);
        self.feed_encoder(&unit, &found, replay);
    }

    /// Whether the encoder has stopped working.
    pub fn hangs(&self) -> bool {
        self.encoder.as_ref().is_some_and(Encoder::hangs)
    }

    /// Lets everything come out.
    pub fn finish(&mut self) {
        if let Hls::Observing(waiting) = &mut self.hls {
            // A broadcast shorter than the observation: one segment, as it is.
            let waiting = std::mem::take(waiting);
            if !waiting.is_empty() {
                self.hls_pass(waiting, LONGEST_GROUP);
            }
        }
        if let Some(encoder) = self.encoder.take() {
            encoder.drain(gstreamer::ClockTime::from_seconds(2));
        }
    }

    fn describe(&mut self, config: AvcConfig, sps: Sps) {
        info!(
            width = sps.width,
            height = sps.height,
            profile = sps.profile,
            reordering = ?sps.reordering,
            frame_rate = sps.frame_rate,
            "H.264 source"
        );
        self.coded.config = config.record();
        self.coded.frame = sps.frame_rate.map_or(0, |rate| (1e9 / rate) as MediaTime);
        self.avc = Some((config, sps));
    }

    /// Encoders may change their parameter sets in the stream itself.
    fn take_parameter_sets(&mut self, unit: &AccessUnit, found: &Inspection) {
        if !unit.keyframe || found.sps.is_empty() {
            return;
        }
        let pps = match &self.avc {
            Some((known, _)) if found.pps.is_empty() => known.pps.clone(),
            _ => found.pps.clone(),
        };
        let config = AvcConfig {
            sps: found.sps.clone(),
            pps,
        };
        if self.avc.as_ref().is_some_and(|(known, _)| *known == config) {
            return;
        }
        match config.sps() {
            Ok(sps) => {
                let changed = self.avc.is_some();
                self.describe(config, sps);
                if changed {
                    self.reset();
                }
            }
            Err(error) => warn!(%error, "parameter sets in the stream ignored"),
        }
    }

    /// The source is another from here on.
    fn reset(&mut self) {
        self.finish();
        if self.rtp != Rtp::None {
            self.rtp = Rtp::Undecided;
            self.hls = Hls::Observing(Vec::new());
        }
        self.group = Group::default();
        self.rate = Rate::default();
        self.routes = Arc::new(Routes::new(self.outputs.clone()));
        self.route();
    }

    fn choose(&mut self, unit: &AccessUnit, found: &Inspection, replay: bool) {
        let before = self.rtp;
        let unsaid = matches!(&self.avc, Some((_, sps)) if sps.reordering == Reordering::Unknown);
        let reordered = found.b_slice || unsaid && unit.pts > unit.dts;
        match self.rtp {
            Rtp::None | Rtp::Encode => {}
            Rtp::Undecided => {
                let passes = self.can_pass() && !reordered;
                self.rtp = match (passes, replay) {
                    (true, false) => Rtp::Pass,
                    (true, true) => Rtp::EncodeToKeyframe,
                    (false, _) => Rtp::Encode,
                };
                if !matches!(&self.avc, Some((_, sps)) if sps.ordinary) {
                    self.hls = Hls::Encode;
                }
            }
            Rtp::Pass if reordered => self.rtp = Rtp::Encode,
            Rtp::Pass => {}
            Rtp::EncodeToKeyframe if reordered => self.rtp = Rtp::Encode,
            Rtp::EncodeToKeyframe if unit.keyframe && !replay => {
                // What the encoder still has is from before the keyframe and goes first.
                if let Some(encoder) = &self.encoder {
                    encoder.settle(HANDOVER);
                }
                self.rtp = Rtp::Pass;
            }
            Rtp::EncodeToKeyframe => {}
        }
        if self.rtp != before {
            info!(from = ?before, to = ?self.rtp, "WebRTC video");
            self.route();
        }
    }

    /// Whether browsers decode the source as it is: progressive 4:2:0 with 8 bits in baseline, main or
    /// high profile, and in order.
    fn can_pass(&self) -> bool {
        matches!(&self.avc, Some((_, sps))
            if sps.ordinary && matches!(sps.profile, 66 | 77 | 100) && sps.reordering != Reordering::Yes)
    }

    fn pass_rtp(&self, unit: &AccessUnit, replay: bool) {
        if let (Rtp::Pass, false, Some((config, _))) = (self.rtp, replay, &self.avc) {
            self.outputs
                .send_picture(config, unit.pts, unit.keyframe, &unit.data);
        }
    }

    fn feed_hls(&mut self, unit: &AccessUnit, replay: bool) {
        let picture = Picture {
            dts: unit.dts,
            pts: unit.pts,
            keyframe: unit.keyframe,
            data: unit.data.clone(),
        };
        match &mut self.hls {
            Hls::Encode => {}
            Hls::Observing(waiting) => {
                let begin = waiting.first().map(|(first, _)| first.dts);
                waiting.push((picture, replay));
                let Some(begin) = begin else { return };
                let lasted = unit.dts.saturating_sub(begin);
                if unit.keyframe && lasted <= LONGEST_GROUP {
                    let waiting = std::mem::take(waiting);
                    info!(
                        group_ms = lasted / 1_000_000,
                        "HLS video is the source's own"
                    );
                    self.hls_pass(waiting, lasted);
                } else if lasted > LONGEST_GROUP || self.group.is_cut() {
                    self.hls_encode();
                }
            }
            Hls::Pass(keyframe) => {
                if unit.keyframe {
                    *keyframe = unit.dts;
                } else if unit.dts.saturating_sub(*keyframe) > LONGEST_GROUP {
                    self.hls_encode();
                    return;
                }
                self.outputs.hls().picture(picture);
            }
        }
    }

    fn hls_pass(&mut self, waiting: Vec<(Picture, bool)>, group: MediaTime) {
        let Some((config, sps)) = self.avc.clone() else {
            return;
        };
        let frame = self.frame();
        let bitrate = self
            .rate
            .bitrate()
            .unwrap_or_else(|| estimate(Some(&sps), frame));
        let mut hls = self.outputs.hls();
        hls.start_video(VideoTrack {
            config,
            sps,
            frame,
            bitrate,
            cut: Cut::Groups {
                group: group.max(1),
            },
        });
        let mut keyframe = 0;
        for (picture, replay) in waiting {
            if picture.keyframe {
                keyframe = picture.dts;
            }
            if !replay {
                hls.picture(picture);
            }
        }
        drop(hls);
        self.hls = Hls::Pass(keyframe);
        self.route();
    }

    fn hls_encode(&mut self) {
        info!("HLS video is encoded: the source's keyframes are too far apart");
        self.hls = Hls::Encode;
        self.route();
    }

    /// Tells the encoder's pictures where to go.
    fn route(&self) {
        let rtp = matches!(self.rtp, Rtp::Encode | Rtp::EncodeToKeyframe);
        let hls = matches!(self.hls, Hls::Encode);
        if self.routes.set(rtp, hls) {
            // HLS begins with a keyframe, and so do viewers when the source's own pictures end.
            self.outputs
                .keyframe
                .store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }

    fn feed_encoder(&mut self, unit: &AccessUnit, found: &Inspection, replay: bool) {
        self.route();
        if !self.routes.any() {
            // Not drained: what it still has is not wanted any more.
            self.encoder = None;
            return;
        }
        self.routes.set_frame(self.frame());
        if self.encoder.is_none() {
            self.start_encoder(unit, replay);
            return;
        }
        if let Some(encoder) = &mut self.encoder {
            if replay {
                encoder.emit_from(unit.pts + 1);
                if found.disposable {
                    return;
                }
            }
            if let Some(bitrate) = self.rate.bitrate() {
                encoder.set_bitrate(for_encoder(bitrate));
            }
            encoder.push(unit);
        }
    }

    /// Starts the encoder with the pictures since the last keyframe, of which those before `unit`
    /// have been given out already.
    fn start_encoder(&mut self, unit: &AccessUnit, replay: bool) {
        let Some(units) = self.group.units() else {
            return;
        };
        self.coded.frame = self.frame();
        let sps = self.avc.as_ref().map(|(_, sps)| sps);
        let bitrate = for_encoder(
            self.rate
                .bitrate()
                .unwrap_or_else(|| estimate(sps, self.coded.frame)),
        );
        let routes = self.routes.clone();
        let keyframe = self.outputs.keyframe.clone();
        let mut encoder = match Encoder::start(&self.coded, bitrate, keyframe, move |picture| {
            routes.picture(picture)
        }) {
            Ok(encoder) => encoder,
            Err(error) => fail(format!("{error:#}")),
        };
        info!(bitrate, "encoder started");
        let given = units
            .iter()
            .filter(|earlier| earlier.dts < unit.dts)
            .map(|earlier| earlier.pts)
            .max();
        if let Some(given) = given {
            encoder.emit_from(given + 1);
        }
        if replay {
            encoder.emit_from(unit.pts + 1);
        }
        units.iter().for_each(|unit| encoder.push(unit));
        self.encoder = Some(encoder);
    }

    fn frame(&self) -> MediaTime {
        let said = self
            .avc
            .as_ref()
            .and_then(|(_, sps)| sps.frame_rate)
            .map(|rate| (1e9 / rate) as MediaTime);
        self.rate.frame().or(said).unwrap_or(FRAME)
    }
}

/// Bits a second for a picture of this size when the source's are not known yet: a tenth of a bit per
/// pixel.
fn estimate(sps: Option<&Sps>, frame: MediaTime) -> u32 {
    let (width, height) = sps.map_or((1280, 720), |sps| (sps.width, sps.height));
    let pixels = f64::from(width) * f64::from(height) * 1e9 / frame.max(1) as f64;
    (pixels * 0.1) as u32
}

/// Bits a second that the encoder gets for a source of `bitrate`: a tenth more, since its fast preset
/// needs them to look the same.
fn for_encoder(bitrate: u32) -> u32 {
    const LEAST: u32 = 300_000;
    const MOST: u32 = 10_000_000;
    (bitrate / 10 * 11).clamp(LEAST, MOST)
}
