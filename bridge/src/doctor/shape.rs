//! What the video is: format, profile, level, colours, B-frames.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use weir_media::VideoCodec;
use weir_protocol::finding::{FindingCode, Severity};

use super::{
    Treatment,
    board::{Board, Hold, Sign},
};
use crate::worker::h264::{AvcConfig, Sps};

/// B-frames count at once: one in 10 s is one too many.
const B_FRAMES: Hold = Hold::seconds(0, 10);
/// What parameter sets say holds until they say something else.
const SAID: Hold = Hold::seconds(0, 0);
/// A change is told for a minute.
const CHANGED: Hold = Hold::seconds(0, 60);
/// More changes than this in a minute are a fault, not a decision.
const CHANGES: usize = 2;
/// From this height on a picture is HD, and its colours are those of BT.709.
const HD: u32 = 720;
/// How much faster than the level allows pictures may come: rates are measured.
const TOLERANCE: f64 = 1.02;

/// ITU-T H.264, table A-1: `level_idc`, macroblocks a second, macroblocks of a picture.
const LEVELS: [(u8, f64, u32); 19] = [
    (10, 1_485.0, 99),
    (11, 3_000.0, 396),
    (12, 6_000.0, 396),
    (13, 11_880.0, 396),
    (20, 11_880.0, 396),
    (21, 19_800.0, 792),
    (22, 20_250.0, 1_620),
    (30, 40_500.0, 1_620),
    (31, 108_000.0, 3_600),
    (32, 216_000.0, 5_120),
    (40, 245_760.0, 8_192),
    (41, 245_760.0, 8_192),
    (42, 522_240.0, 8_704),
    (50, 589_824.0, 22_080),
    (51, 983_040.0, 36_864),
    (52, 2_073_600.0, 36_864),
    (60, 4_177_920.0, 139_264),
    (61, 8_355_840.0, 139_264),
    (62, 16_711_680.0, 139_264),
];

#[derive(Debug, Default)]
pub(super) struct Shape {
    /// Profile and level that the configuration record names.
    declared: Option<(u8, u8)>,
    sps: Option<(Bytes, Sps)>,
    /// Whether a picture was seen since the configuration record.
    seen: bool,
    changes: VecDeque<Duration>,
    reordered: bool,
}

impl Shape {
    /// The track begins, or its configuration changes.
    pub(super) fn format(
        &mut self,
        now: Duration,
        board: &mut Board,
        codec: VideoCodec,
        config: &Bytes,
    ) {
        self.declared = None;
        self.seen = false;
        match codec {
            VideoCodec::H264 => {
                if let (Some(&[profile, _, level]), Ok(config)) =
                    (config.get(1..4), AvcConfig::parse(config))
                {
                    self.declared = Some((profile, level));
                    if let Some(sps) = config.sps.first() {
                        self.take_sps(now, board, sps);
                    }
                }
            }
            VideoCodec::Hevc => judge_format(now, board, hevc_format(config)),
            VideoCodec::Av1 => judge_format(now, board, av1_format(config)),
            VideoCodec::Vp8 | VideoCodec::Vp9 => {}
        }
    }

    /// A sequence parameter set came with a keyframe.
    pub(super) fn parameter_set(&mut self, now: Duration, board: &mut Board, nal: &Bytes) {
        if self.sps.as_ref().is_none_or(|(known, _)| known != nal) {
            self.take_sps(now, board, nal);
        }
        self.seen = true;
    }

    /// A picture of a stream that reorders, or not.
    pub(super) fn picture(
        &mut self,
        now: Duration,
        board: &mut Board,
        reordered: bool,
        by: Treatment,
    ) {
        self.reordered |= reordered;
        if !self.reordered {
            return;
        }
        let sign = Sign::new(FindingCode::BFrames, Severity::Warning).repaired(by.rtp_encoded);
        board.judge(
            now,
            B_FRAMES,
            FindingCode::BFrames,
            reordered.then_some(sign),
        );
    }

    /// Once a second, with the frame rate as it was measured.
    pub(super) fn look(
        &mut self,
        now: Duration,
        board: &mut Board,
        measured: Option<f64>,
        by: Treatment,
    ) {
        while self
            .changes
            .front()
            .is_some_and(|at| now.saturating_sub(*at) > Duration::from_secs(60))
        {
            self.changes.pop_front();
        }
        board.good(now, CHANGED, FindingCode::ParametersChanged);
        let Some((_, sps)) = &self.sps else { return };
        let rate = measured.or(sps.frame_rate);
        let sign = rate.and_then(|rate| level_sign(sps, rate));
        let sign = sign.map(|sign| sign.repaired(by.rtp_encoded && by.hls_encoded));
        board.judge(now, SAID, FindingCode::LevelTooLow, sign);
    }

    pub(super) fn frame_rate(&self) -> Option<f64> {
        self.sps.as_ref().and_then(|(_, sps)| sps.frame_rate)
    }

    fn take_sps(&mut self, now: Duration, board: &mut Board, nal: &Bytes) {
        let Ok(sps) = Sps::parse(nal) else { return };
        if let Some((_, before)) = &self.sps
            && self.seen | (self.declared.is_none())
        {
            self.changes.push_back(now);
            let severity = match self.changes.len() > CHANGES || same_size(before, &sps) {
                true => Severity::Warning,
                false => Severity::Info,
            };
            let sign = Sign::new(FindingCode::ParametersChanged, severity)
                .value("width_px", sps.width.into())
                .value("height_px", sps.height.into())
                .value("changes", self.changes.len() as f64)
                .repaired(true);
            board.bad(now, CHANGED, sign);
        }
        let mismatch = self
            .declared
            .filter(|declared| *declared != (sps.profile, sps.level));
        let sign = mismatch.map(|(profile, level)| {
            Sign::new(FindingCode::ProfileMismatch, Severity::Warning)
                .word("declared", name(profile, level))
                .word("actual", name(sps.profile, sps.level))
                // The playlists and offers are made of the parameter set, not of the record.
                .repaired(true)
        });
        board.judge(now, SAID, FindingCode::ProfileMismatch, sign);
        judge_format(now, board, unusual(&sps));
        judge_colours(now, board, &sps);
        self.sps = Some((nal.clone(), sps));
    }
}

/// The encoder changed something else than the size: nobody has asked it to.
fn same_size(before: &Sps, after: &Sps) -> bool {
    (before.width, before.height) == (after.width, after.height)
}

fn judge_format(now: Duration, board: &mut Board, format: Option<String>) {
    let sign = format.map(|format| {
        Sign::new(FindingCode::VideoFormat, Severity::Warning)
            .word("format", format)
            .repaired(true)
    });
    board.judge(now, SAID, FindingCode::VideoFormat, sign);
}

fn judge_colours(now: Duration, board: &mut Board, sps: &Sps) {
    let full = sps
        .full_range
        .then(|| Sign::new(FindingCode::ColorFullRange, Severity::Warning));
    board.judge(now, SAID, FindingCode::ColorFullRange, full);
    // ITU-T H.264, table E-5.
    let matrix = match sps.matrix {
        _ if sps.width.min(sps.height) < HD => None,
        None | Some(2) => Some(("unspecified", Severity::Info)),
        Some(4) => Some(("FCC", Severity::Warning)),
        Some(5) => Some(("BT.601 (PAL)", Severity::Warning)),
        Some(6) => Some(("BT.601 (NTSC)", Severity::Warning)),
        Some(_) => None,
    };
    let sign = matrix
        .map(|(said, severity)| Sign::new(FindingCode::ColorMatrix, severity).word("matrix", said));
    board.judge(now, SAID, FindingCode::ColorMatrix, sign);
}

/// What browsers do not decode about it.
fn unusual(sps: &Sps) -> Option<String> {
    if sps.ordinary {
        return None;
    }
    let chroma = match sps.chroma {
        0 => "grey",
        1 => "4:2:0",
        2 => "4:2:2",
        _ => "4:4:4",
    };
    let scan = if sps.interlaced { " interlaced" } else { "" };
    Some(format!("{}-bit {chroma}{scan} H.264", sps.bit_depth))
}

/// `HEVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 8.3.3.1): bytes 16 to 18.
fn hevc_format(record: &[u8]) -> Option<String> {
    let (chroma, luma, chroma_depth) = (
        record.get(16)? & 3,
        record.get(17)? & 7,
        record.get(18)? & 7,
    );
    let depth = 8 + luma.max(chroma_depth);
    (chroma != 1 || depth != 8).then(|| {
        let chroma = ["grey", "4:2:0", "4:2:2", "4:4:4"][usize::from(chroma)];
        format!("{depth}-bit {chroma} HEVC")
    })
}

/// `AV1CodecConfigurationRecord`, third byte: tier, high_bitdepth, twelve_bit, monochrome, subsampling.
fn av1_format(record: &[u8]) -> Option<String> {
    let byte = *record.get(2)?;
    let depth = match (byte & 0x40 != 0, byte & 0x20 != 0) {
        (false, _) => 8,
        (true, false) => 10,
        (true, true) => 12,
    };
    let chroma = match (byte & 0x10 != 0, byte & 8 != 0, byte & 4 != 0) {
        (true, ..) => "grey",
        (_, true, true) => "4:2:0",
        (_, true, false) => "4:2:2",
        _ => "4:4:4",
    };
    (depth != 8 || chroma != "4:2:0").then(|| format!("{depth}-bit {chroma} AV1"))
}

fn level_sign(sps: &Sps, rate: f64) -> Option<Sign> {
    let macroblocks = sps.width.div_ceil(16) * sps.height.div_ceil(16);
    let per_second = f64::from(macroblocks) * rate / TOLERANCE;
    let fits = |(_, most, size): &&(u8, f64, u32)| per_second <= *most && macroblocks <= *size;
    let (_, most, size) = LEVELS.iter().find(|(level, ..)| *level == sps.level)?;
    if per_second <= *most && macroblocks <= *size {
        return None;
    }
    let needed = LEVELS.iter().find(fits).map_or(62, |(level, ..)| *level);
    Some(
        Sign::new(FindingCode::LevelTooLow, Severity::Warning)
            .value("level", f64::from(sps.level) / 10.0)
            .value("needed_level", f64::from(needed) / 10.0)
            .value("width_px", sps.width.into())
            .value("height_px", sps.height.into())
            .value("frame_rate_fps", rate),
    )
}

fn name(profile: u8, level: u8) -> String {
    let name = match profile {
        66 => "Baseline".to_owned(),
        77 => "Main".to_owned(),
        88 => "Extended".to_owned(),
        100 => "High".to_owned(),
        110 => "High 10".to_owned(),
        122 => "High 4:2:2".to_owned(),
        244 => "High 4:4:4".to_owned(),
        other => format!("profile {other}"),
    };
    format!("{name} {}.{}", level / 10, level % 10)
}
