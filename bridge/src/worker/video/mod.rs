//! The picture: passed on where viewers can take it, else encoded anew; and smaller pictures of it.

mod av1;
mod feed;
mod gop;
mod layers;
mod outputs;
mod route;
mod rungs;

use std::time::{Duration, Instant};

use bytes::Bytes;
use tracing::{info, warn};
use weir_media::{Demand, MediaTime, RtpLayer, VideoCodec};

use super::{
    encode::{Coded, Decoder},
    h264::{self, AvcConfig, Inspection, Reordering, Sps},
    segment::{Cut, Picture, VideoRun},
};
use crate::{doctor::Treatment, source::AccessUnit};

pub(super) use av1::with_sequence_header;

use gop::{Group, Rate, SHORTEST_FRAME};
use layers::{Layers, Looked};
use rungs::Rungs;

pub use outputs::Outputs;

/// Longest picture group that HLS can be cut from. The slack is for timestamps in milliseconds.
const LONGEST_GROUP: MediaTime = 2_050_000_000;

/// What the encoder has left when the source's own pictures take over must come within this time.
const HANDOVER: Duration = Duration::from_millis(300);

/// A source of which nothing can be decoded in this time is announced as it is.
const UNKNOWN: Duration = Duration::from_secs(2);

/// How long encoders may take to give out their rest.
const DRAIN: gstreamer::ClockTime = gstreamer::ClockTime::from_seconds(2);

/// What a frame lasts while nothing is known: a thirtieth of a second.
const FRAME: MediaTime = 33_333_333;

/// Where WebRTC's pictures come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rtp {
    /// The SFU has the publisher's own packets.
    None,
    /// The SFU has the publisher's own packets, and for viewers that cannot decode them the encoder's.
    OnDemand,
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
    /// The source is a WebRTC publisher.
    packets: bool,
    coded: Coded,
    /// H.264 only.
    avc: Option<(AvcConfig, Sps)>,
    rtp: Rtp,
    hls: Hls,
    group: Group,
    rate: Rate,
    /// When the source's last keyframe came.
    keyframe: Option<Instant>,
    decoder: Option<Decoder>,
    /// The decoder was given less than there is, since it is late.
    starved: bool,
    rungs: Rungs,
    /// The picture in other sizes, from the publisher itself.
    layers: Layers,
    /// What a frame was thought to last when the rungs were chosen, and whether that was measured.
    planned: (MediaTime, bool),
    /// The size that they were chosen for, where only the decoder knows it.
    planned_size: Option<(u32, u32)>,
    /// The layers as WebRTC knows them.
    announced: Option<Vec<RtpLayer>>,
    started: Instant,
    malformed: u64,
}

impl VideoPath {
    /// The path of a source. `config` is its configuration record, if it has one; `packets` that it is a
    /// WebRTC publisher, whose own packets the SFU has; `others` the same picture in other sizes, by the
    /// publisher's numbers, with their records.
    pub fn new(
        codec: VideoCodec,
        config: Bytes,
        packets: bool,
        others: &[(u8, Bytes)],
        outputs: Outputs,
    ) -> anyhow::Result<Self> {
        let mut path = Self {
            packets,
            coded: Coded {
                codec,
                config,
                frame: 0,
            },
            avc: None,
            rtp: Rtp::Undecided,
            hls: Hls::Encode,
            group: Group::default(),
            rate: Rate::default(),
            keyframe: None,
            decoder: None,
            starved: false,
            rungs: Rungs::new(outputs.clone()),
            layers: Layers::default(),
            planned: (0, false),
            planned_size: None,
            announced: None,
            started: Instant::now(),
            outputs,
            malformed: 0,
        };
        path.undecide();
        if codec == VideoCodec::H264 && !path.coded.config.is_empty() {
            let config = AvcConfig::parse(&path.coded.config)?;
            let sps = config.sps()?;
            for (layer, record) in others {
                match AvcConfig::parse(record) {
                    Ok(config) => {
                        path.layers.set(*layer, config, &sps);
                    }
                    Err(error) => warn!(%error, layer, "this size of the source cannot be used"),
                }
            }
            path.describe(config, sps);
        }
        Ok(path)
    }

    /// Nothing is known yet of what can pass.
    fn undecide(&mut self) {
        let own = self.coded.codec == VideoCodec::H264;
        self.rtp = match (self.packets, own) {
            (false, _) => Rtp::Undecided,
            (true, true) => Rtp::None,
            (true, false) => Rtp::OnDemand,
        };
        // A WebRTC publisher has no regular keyframes unless it is asked for them.
        let regular = !self.packets || self.outputs.ladder.whip_keyframes.is_some();
        self.hls = if own && regular {
            Hls::Observing(Vec::new())
        } else {
            Hls::Encode
        };
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
        if unit.keyframe {
            self.keyframe = Some(Instant::now());
        }
        self.rate.note(&unit);
        self.group.add(&unit);
        self.measure();
        self.choose(&unit, &found, replay);
        self.pass_rtp(&unit, replay);
        self.feed_hls(&unit, replay);
        self.feed_encoder(&unit, &found, replay);
        self.pass_layers(&unit);
    }

    /// The publisher sends the same picture in another, smaller size.
    pub fn layer(&mut self, layer: u8, config: &Bytes) -> anyhow::Result<()> {
        let Some((_, best)) = &self.avc else {
            return Ok(());
        };
        let changed = self.layers.set(layer, AvcConfig::parse(config)?, best);
        if changed {
            self.other_layers();
        }
        Ok(())
    }

    /// The rungs are others, though the best picture is the same.
    fn other_layers(&mut self) {
        if matches!(self.hls, Hls::Pass(_)) {
            // HLS was told of other rungs already.
            self.reset();
        } else {
            self.plan();
        }
    }

    /// Takes one access unit of another size, in decoding order.
    pub fn layer_unit(&mut self, unit: AccessUnit, replay: bool) {
        self.layers.push(unit, replay);
        if self.is_layered() {
            let due = self.layers.due();
            self.give_layers(due);
        }
    }

    /// Whether the publisher's own sizes are rungs: only where its best picture passes everywhere.
    fn is_layered(&self) -> bool {
        !self.layers.is_empty()
            && self.can_pass()
            && matches!(self.rtp, Rtp::Undecided | Rtp::Pass | Rtp::EncodeToKeyframe)
            && !matches!(self.hls, Hls::Encode)
    }

    /// Gives out the pictures of other sizes that belong to the best one's.
    fn pass_layers(&mut self, best: &AccessUnit) {
        if self.layers.is_empty() {
            return;
        }
        if !self.is_layered() {
            self.layers.clear();
            return self.other_layers();
        }
        let due = self.layers.reached(best);
        self.give_layers(due);
    }

    fn give_layers(&mut self, due: Vec<(AccessUnit, bool)>) {
        for (unit, replay) in due {
            match self.layers.look(unit, replay) {
                Looked::Nothing => {}
                Looked::Gone => return self.other_layers(),
                Looked::Picture { rung, config, unit } => {
                    let (pts, keyframe) = (unit.pts, unit.keyframe);
                    self.outputs
                        .send_picture(rung, &config, pts, keyframe, &unit.data);
                    if matches!(self.hls, Hls::Pass(_)) {
                        let picture = Picture {
                            dts: unit.dts,
                            pts,
                            keyframe,
                            data: unit.data,
                        };
                        // Where it has keyframes, the best one has them too.
                        self.outputs.hls().rung(rung, &config, picture, keyframe);
                    }
                }
            }
        }
    }

    /// What becomes of the source's pictures now.
    pub fn treatment(&self) -> Treatment {
        Treatment {
            rtp_encoded: matches!(self.rtp, Rtp::Encode | Rtp::EncodeToKeyframe),
            hls_encoded: matches!(self.hls, Hls::Encode),
        }
    }

    /// Which rungs are needed from now on.
    pub fn set_demand(&mut self, demand: Demand) {
        self.rungs.set_demand(demand);
        self.route();
    }

    /// Whether the publisher should send a keyframe, so that its picture can be cut into segments.
    pub fn wants_keyframe(&self) -> bool {
        let passes = matches!(self.hls, Hls::Observing(_) | Hls::Pass(_));
        let due = |every| self.keyframe.is_some_and(|last| last.elapsed() >= every);
        self.packets && passes && self.outputs.ladder.whip_keyframes.is_some_and(due)
    }

    /// Says which RTP tracks there are, if that is known.
    pub fn announce(&mut self) {
        if let Some(layers) = &self.announced {
            self.outputs.announce(layers, true);
        }
    }

    /// Looks after the rungs; several times a second.
    pub fn tick(&mut self) {
        // What cannot be decoded must not keep the sound back.
        if self.announced.is_none() && !self.packets && self.started.elapsed() >= UNKNOWN {
            self.announced = Some(Vec::new());
            self.announce();
        }
        let starved = std::mem::take(&mut self.starved);
        self.rungs.look(self.decoder.as_ref(), starved);
        self.rungs.switch();
    }

    /// Whether an encoder has stopped working.
    pub fn hangs(&mut self) -> bool {
        self.rungs.encoders().hangs()
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
        if let Some(decoder) = self.decoder.take() {
            decoder.drain(DRAIN);
            self.rungs.encoders().drain(DRAIN);
        }
        self.rungs.encoders().stop_all();
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
        if self.rungs.plan().is_empty() {
            self.plan();
        }
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
        self.undecide();
        self.group = Group::default();
        self.rate = Rate::default();
        self.plan();
    }

    fn choose(&mut self, unit: &AccessUnit, found: &Inspection, replay: bool) {
        let before = self.rtp;
        let unsaid = matches!(&self.avc, Some((_, sps)) if sps.reordering == Reordering::Unknown);
        let reordered = found.b_slice || unsaid && unit.pts > unit.dts;
        match self.rtp {
            Rtp::None | Rtp::OnDemand | Rtp::Encode => {}
            Rtp::Undecided => {
                let passes = self.can_pass() && !reordered;
                self.rtp = match (passes, replay) {
                    (true, false) => Rtp::Pass,
                    (true, true) => Rtp::EncodeToKeyframe,
                    (false, _) => Rtp::Encode,
                };
            }
            Rtp::Pass if reordered => self.rtp = Rtp::Encode,
            Rtp::Pass => {}
            Rtp::EncodeToKeyframe if reordered => self.rtp = Rtp::Encode,
            Rtp::EncodeToKeyframe if unit.keyframe && !replay => {
                // What the encoder still has is from before the keyframe and goes first.
                if let Some(decoder) = &self.decoder {
                    let newest = decoder.newest();
                    self.rungs.encoders().settle(0, newest, HANDOVER);
                }
                self.rtp = Rtp::Pass;
            }
            Rtp::EncodeToKeyframe => {}
        }
        if matches!(self.hls, Hls::Observing(_))
            && !matches!(&self.avc, Some((_, sps)) if sps.ordinary)
        {
            self.hls = Hls::Encode;
            self.route();
        }
        if self.rtp != before {
            info!(from = ?before, to = ?self.rtp, "WebRTC video");
            self.route();
        }
    }

    /// Whether browsers decode the source as it is: progressive 4:2:0 with 8 bits in baseline, main or
    /// high profile, and in order.
    fn can_pass(&self) -> bool {
        matches!(&self.avc, Some((_, sps)) if passes(sps))
    }

    fn pass_rtp(&self, unit: &AccessUnit, replay: bool) {
        if let (Rtp::Pass, false, Some((config, _))) = (self.rtp, replay, &self.avc) {
            self.outputs
                .send_picture(0, config, unit.pts, unit.keyframe, &unit.data);
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
        // By now more is known of the source.
        if !self.rungs.any() {
            self.plan();
        }
        let mut rungs = route::tracks(self.rungs.plan(), &sps);
        if self.is_layered() {
            for (rung, own) in rungs.iter_mut().skip(1).zip(self.layers.sps()) {
                rung.codec = own.codec_string();
                (rung.width, rung.height) = (own.width, own.height);
            }
        }
        let mut hls = self.outputs.hls();
        hls.start_video(VideoRun {
            rungs,
            config,
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

    /// Tells the first rung's pictures where to come from, and so where all rungs' keyframes are.
    fn route(&mut self) {
        let rtp = match self.rtp {
            Rtp::Encode | Rtp::EncodeToKeyframe => true,
            Rtp::OnDemand => self.rungs.first_is_watched(),
            Rtp::None | Rtp::Undecided | Rtp::Pass => false,
        };
        let hls = matches!(self.hls, Hls::Encode);
        let follow = matches!(self.hls, Hls::Pass(_));
        self.rungs.encoders().follow_source(follow);
        self.rungs.encode_first(rtp, hls);
    }

    fn frame(&self) -> MediaTime {
        let said = self
            .avc
            .as_ref()
            .and_then(|(_, sps)| sps.frame_rate)
            .map(|rate| (1e9 / rate) as MediaTime)
            .filter(|frame| *frame >= SHORTEST_FRAME);
        self.rate.frame().or(said).unwrap_or(FRAME)
    }
}

/// Whether browsers decode pictures with these parameters as they are.
fn passes(sps: &Sps) -> bool {
    sps.ordinary && matches!(sps.profile, 66 | 77 | 100) && sps.reordering != Reordering::Yes
}
