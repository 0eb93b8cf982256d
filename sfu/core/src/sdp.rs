//! What an offer must be before str0m sees it, and what the answer is allowed to say.
//!
//! The local codec configuration is built from the offer itself: the payload types that we forward,
//! in the offer's order. So the answer keeps the client's preference and its payload types, and
//! every H.264 profile offered is answered as that profile.

use std::fmt::Write as _;

use str0m::{
    change::SdpOffer,
    format::{Codec, CodecConfig, FormatParams},
    media::{Frequency, Mid, Pt, Rid},
    rtp::ExtensionMap,
};
use weir_media::{Kind, VideoCodec};

use crate::{
    OfferError, extension, flexfec,
    packet::{H264Profile, SourceInfo, codec_name},
};

/// Longest offer in bytes. Chromium's with every codec has about 8 KB.
pub(crate) const MAX_OFFER: usize = 64 * 1024;

/// Most m-lines that are looked at.
const MAX_MEDIA_LINES: usize = 16;

/// Most payload types taken from one m-line; what is beyond is not answered.
const MAX_CODECS: usize = 40;

/// Most simulcast layers (RFC 8853 names no limit; OBS and browsers send at most 4).
const MAX_LAYERS: usize = 4;

/// Most `a=extmap` lines that are looked at, over all m-lines. Chromium has about 25.
const MAX_EXTENSIONS: usize = 128;

/// Which end of WHIP or WHEP the offer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Publisher,
    Viewer,
}

/// An offer that can be served.
#[derive(Debug)]
pub(crate) struct CheckedOffer {
    /// For str0m, with directions as the role wants them.
    pub offer: SdpOffer,
    /// Payload types that we answer, in the offer's order.
    pub codecs: CodecConfig,
    /// Header extensions that we answer, under the offer's ids.
    pub extensions: ExtensionMap,
    /// Simulcast layers of the video in the order of the offer.
    pub rids: Vec<String>,
    /// Payload type of FlexFEC by m-line, where a viewer offers it for its video.
    pub flexfec: Vec<Option<u8>>,
}

/// Codecs of our side, as they can be answered.
const VIDEO: [(VideoCodec, Codec); 5] = [
    (VideoCodec::H264, Codec::H264),
    (VideoCodec::Hevc, Codec::H265),
    (VideoCodec::Vp8, Codec::Vp8),
    (VideoCodec::Vp9, Codec::Vp9),
    (VideoCodec::Av1, Codec::Av1),
];

/// The codec as the media path names it.
pub(crate) fn video_codec(codec: Codec) -> Option<VideoCodec> {
    VIDEO
        .iter()
        .find(|(_, theirs)| *theirs == codec)
        .map(|(ours, _)| *ours)
}

/// Checks a publisher's offer.
pub(crate) fn check_publisher(text: &str) -> Result<CheckedOffer, OfferError> {
    let scan = Scan::new(text)?;
    scan.check_tracks()?;
    scan.check_transport()?;
    scan.check_layers()?;
    let mut codecs = CodecConfig::empty();
    for line in scan.media.iter().filter(|line| line.kind.is_some()) {
        if !matches!(line.direction, Direction::SendOnly | Direction::SendRecv) {
            return Err(unprocessable(format!(
                "its {} track does not send; a publisher's tracks are sendonly",
                line.name
            )));
        }
        // One codec, the client's first that we forward: so the tracks are known before media comes,
        // and the publisher cannot change the codec under its viewers.
        let first = line.first_codec();
        if !line.add_to(Role::Publisher, &mut codecs, |codec| Some(codec) == first) {
            return Err(line.no_codec());
        }
    }
    scan.finish(Role::Publisher, codecs)
}

/// Checks a viewer's offer, or its answer to ours, against what the stream has.
pub(crate) fn check_viewer(text: &str, source: &SourceInfo) -> Result<CheckedOffer, OfferError> {
    Scan::new(text)?.check_viewer(source)
}

/// What viewers are offered of a stream with this video: its codec in all forms that are known, since
/// what the picture is shows later, and Opus.
pub(crate) fn own_codecs(video: Option<VideoCodec>) -> CodecConfig {
    let mut codecs = CodecConfig::empty();
    codecs.enable_opus(true, false);
    match video {
        Some(VideoCodec::H264) => codecs.enable_h264(true),
        Some(VideoCodec::Hevc) => codecs.enable_h265(true),
        Some(VideoCodec::Vp8) => codecs.enable_vp8(true),
        Some(VideoCodec::Vp9) => codecs.enable_vp9(true),
        Some(VideoCodec::Av1) => codecs.enable_av1(true),
        None => {}
    }
    codecs
}

/// Order among H.264 payload types: the least is the best. First what names the picture's own profile,
/// then constrained baseline, which every decoder has; always packetization mode 1 before 0, since
/// sources fragment (RFC 6184 section 6.3).
pub(crate) fn rank_h264(
    profile_level_id: Option<u32>,
    packetization_mode: u8,
    profile: Option<H264Profile>,
) -> (bool, bool, bool) {
    let level_id = profile_level_id.unwrap_or(0x42_00_0a);
    let [_, idc, constraints, _] = level_id.to_be_bytes();
    let other_profile = profile
        .is_none_or(|own| own.idc != idc || (own.constraints ^ constraints) & CONSTRAINED != 0);
    let not_baseline = idc != BASELINE || constraints & CONSTRAINED == 0;
    (packetization_mode != 1, other_profile, not_baseline)
}

/// `profile_idc` of Baseline (ITU-T H.264 annex A.2.1).
const BASELINE: u8 = 66;

/// `constraint_set1_flag`: with Baseline it makes Constrained Baseline.
const CONSTRAINED: u8 = 0x40;

/// Name of the one media stream that all tracks of an answer belong to (RFC 8830).
const MEDIA_STREAM: &str = "weir";

/// What a lite agent that takes trickled candidates says of itself (RFC 8840 section 4.1.3, RFC 8445
/// section 10). An ICE restart repeats it.
pub(crate) const ICE_OPTIONS: &str = "a=ice-options:trickle ice2";

/// Adds what RFC 9725 wants of an answer and str0m leaves out: what we are as an ICE agent, that there
/// are no more candidates (section 4.3.2), and that RTCP has no port of its own (section 4.4.1).
fn with_transport(answer: &str) -> String {
    const CANDIDATE: &str = "a=candidate:";
    let mut out = String::with_capacity(answer.len() + 128);
    let mut lines = answer.lines().peekable();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push_str("\r\n");
        let candidate = line.starts_with(CANDIDATE);
        let more = match line {
            "a=ice-lite" => ICE_OPTIONS,
            "a=rtcp-mux" => "a=rtcp-mux-only",
            _ if candidate && lines.peek().is_none_or(|l| !l.starts_with(CANDIDATE)) => {
                "a=end-of-candidates"
            }
            _ => continue,
        };
        out.push_str(more);
        out.push_str("\r\n");
    }
    out
}

/// Adds what str0m leaves out of the answer: that we take stereo (RFC 7587 section 6.1), without
/// which browsers encode mono; and that audio and video are one media stream (RFC 8830) with one
/// CNAME (RFC 8834 section 4.9). str0m makes one for each, and then browsers neither keep them in
/// sync nor give a player both at once.
pub(crate) fn finish_answer(answer: &str) -> String {
    let answer = &with_transport(answer);
    let opus: Vec<&str> = answer
        .lines()
        .filter_map(|line| line.strip_prefix("a=rtpmap:")?.split_once(' '))
        .filter(|(_, codec)| codec.to_ascii_lowercase().starts_with("opus/"))
        .map(|(pt, _)| pt)
        .collect();
    let mut out = String::with_capacity(answer.len() + 32);
    let cname = answer
        .lines()
        .find_map(|line| Some(line.strip_prefix("a=ssrc:")?.split_once(" cname:")?.1));
    for line in answer.lines() {
        if let Some(line) = with_one_stream(line).or_else(|| with_cname(line, cname?)) {
            out.push_str(&line);
            out.push_str("\r\n");
            continue;
        }
        out.push_str(line);
        let fmtp = line
            .strip_prefix("a=fmtp:")
            .and_then(|rest| rest.split_once(' '));
        if let Some((pt, format)) = fmtp
            && opus.contains(&pt)
        {
            for wanted in ["stereo=1", "sprop-stereo=1"] {
                if !format.split(';').any(|pair| pair.trim() == wanted) {
                    let _ = write!(out, ";{wanted}");
                }
            }
        }
        out.push_str("\r\n");
        let mapped = line
            .strip_prefix("a=rtpmap:")
            .and_then(|rest| rest.split_once(' '));
        if let Some((pt, _)) = mapped
            && opus.contains(&pt)
            && !answer.contains(&format!("a=fmtp:{pt} "))
        {
            let _ = write!(out, "a=fmtp:{pt} stereo=1;sprop-stereo=1\r\n");
        }
    }
    out
}

/// The line with our stream's name, when it names a stream.
fn with_one_stream(line: &str) -> Option<String> {
    if line.starts_with("a=msid-semantic:") {
        return Some(format!("a=msid-semantic: WMS {MEDIA_STREAM}"));
    }
    let (before, after) = match line.strip_prefix("a=msid:") {
        Some(after) => ("a=msid:".to_owned(), after),
        None => {
            let (ssrc, after) = line.strip_prefix("a=ssrc:")?.split_once(" msid:")?;
            (format!("a=ssrc:{ssrc} msid:"), after)
        }
    };
    let (_, track) = after.split_once(' ')?;
    Some(format!("{before}{MEDIA_STREAM} {track}"))
}

/// The line with the session's CNAME, when it names one.
fn with_cname(line: &str, cname: &str) -> Option<String> {
    let (ssrc, _) = line.strip_prefix("a=ssrc:")?.split_once(" cname:")?;
    Some(format!("a=ssrc:{ssrc} cname:{cname}"))
}

/// The `mid`s of a session description.
pub(crate) fn mids(text: &str) -> impl Iterator<Item = Mid> {
    text.lines()
        .filter_map(|line| line.strip_prefix("a=mid:"))
        .map(|mid| Mid::from(mid.trim()))
}

fn unprocessable(why: String) -> OfferError {
    OfferError::Unprocessable(why)
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Audio => "audio",
        Kind::Video => "video",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    SendOnly,
    RecvOnly,
    SendRecv,
    Inactive,
}

impl Direction {
    fn parse(line: &str) -> Option<Self> {
        match line {
            "a=sendonly" => Some(Self::SendOnly),
            "a=recvonly" => Some(Self::RecvOnly),
            "a=sendrecv" => Some(Self::SendRecv),
            "a=inactive" => Some(Self::Inactive),
            _ => None,
        }
    }
}

#[derive(Debug)]
struct Scan<'a> {
    lines: Vec<&'a str>,
    media: Vec<MediaLine<'a>>,
}

#[derive(Debug)]
struct MediaLine<'a> {
    name: &'a str,
    kind: Option<Kind>,
    port: &'a str,
    mid: &'a str,
    direction: Direction,
    /// Payload types in the order of the m-line.
    pts: Vec<u8>,
    codecs: Vec<Offered<'a>>,
    rtcp_mux: bool,
    rids: Vec<&'a str>,
    /// What `a=simulcast` says of sending.
    simulcast: Option<&'a str>,
    extensions: Vec<(u8, &'a str)>,
    /// Payload type or `*`, and the feedback.
    feedback: Vec<(&'a str, &'a str)>,
}

#[derive(Debug)]
struct Offered<'a> {
    pt: u8,
    name: &'a str,
    rate: u32,
    channels: Option<u8>,
    fmtp: Option<&'a str>,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str) -> Result<Self, OfferError> {
        let malformed = |why: &str| Err(OfferError::Malformed(why.to_owned()));
        if text.trim().is_empty() {
            return malformed("it is empty");
        }
        if text.len() > MAX_OFFER {
            return Err(OfferError::Malformed(format!(
                "it has {} bytes, more than {MAX_OFFER}",
                text.len()
            )));
        }
        if !text.starts_with("v=0") {
            return malformed(
                "it does not begin with \"v=0\"; send the session description itself as application/sdp",
            );
        }
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim_end)
            .filter(|l| !l.is_empty())
            .collect();
        let mut session_direction = Direction::SendRecv;
        let mut media: Vec<MediaLine<'a>> = Vec::new();
        for line in &lines {
            if let Some(rest) = line.strip_prefix("m=") {
                let mut words = rest.split(' ');
                let name = words.next().unwrap_or_default();
                media.push(MediaLine {
                    name,
                    kind: match name {
                        "audio" => Some(Kind::Audio),
                        "video" => Some(Kind::Video),
                        _ => None,
                    },
                    port: words.next().unwrap_or_default(),
                    mid: "",
                    direction: session_direction,
                    pts: words
                        .skip(1)
                        .filter_map(|pt| pt.parse().ok())
                        .take(MAX_CODECS)
                        .collect(),
                    codecs: Vec::new(),
                    rtcp_mux: false,
                    rids: Vec::new(),
                    simulcast: None,
                    extensions: Vec::new(),
                    feedback: Vec::new(),
                });
            } else if let Some(current) = media.last_mut() {
                current.attribute(line);
            } else if let Some(direction) = Direction::parse(line) {
                session_direction = direction;
            }
        }
        if media.len() > MAX_MEDIA_LINES {
            return malformed("it has more m= lines than any client needs");
        }
        if let Some(other) = media
            .iter()
            .find(|line| line.kind.is_none() && line.name != "application")
        {
            return Err(unprocessable(format!(
                "it has an m={} line; audio and video are served",
                other.name
            )));
        }
        if media.iter().all(|line| line.kind.is_none()) {
            return malformed("it has no m=audio or m=video line");
        }
        Ok(Self { lines, media })
    }

    fn finish(&self, role: Role, codecs: CodecConfig) -> Result<CheckedOffer, OfferError> {
        // The answer's direction is the offer's turned round: a tolerated sendrecv becomes what the role is.
        let direction = match role {
            Role::Publisher => "a=sendonly",
            Role::Viewer => "a=recvonly",
        };
        let mut text = String::new();
        let mut in_media = false;
        for line in &self.lines {
            if line.starts_with("m=") {
                in_media = !line.starts_with("m=application");
                text.push_str(line);
                text.push_str("\r\n");
                continue;
            }
            let is_direction = Direction::parse(line).is_some();
            text.push_str(if is_direction && in_media {
                direction
            } else {
                line
            });
            text.push_str("\r\n");
        }
        // Where a direction stood at the session level or nowhere, str0m would read sendrecv.
        let text = with_directions(&text, direction);
        let offer = SdpOffer::from_sdp_string(&text)
            .map_err(|error| OfferError::Malformed(brief(&error.to_string())))?;
        let offered: Vec<(u8, &str)> = self
            .media
            .iter()
            .flat_map(|line| line.extensions.iter().copied())
            .take(MAX_EXTENSIONS)
            .collect();
        Ok(CheckedOffer {
            offer,
            codecs,
            extensions: extension::negotiate(role, &offered),
            rids: self.layers().into_iter().map(str::to_owned).collect(),
            flexfec: self
                .media
                .iter()
                .map(|line| line.flexfec().filter(|_| role == Role::Viewer))
                .collect(),
        })
    }

    fn layers(&self) -> Vec<&'a str> {
        let video = self.media.iter().find(|m| m.kind == Some(Kind::Video));
        video.map(MediaLine::layers).unwrap_or_default()
    }

    fn check_viewer(&self, source: &SourceInfo) -> Result<CheckedOffer, OfferError> {
        self.check_tracks()?;
        self.check_transport()?;
        let mut codecs = CodecConfig::empty();
        let mut served = false;
        for line in self.media.iter().filter(|line| !self.is_refused(line)) {
            let Some(kind) = line.kind else { continue };
            if !matches!(line.direction, Direction::RecvOnly | Direction::SendRecv) {
                return Err(unprocessable(format!(
                    "its {} track does not receive; a viewer's tracks are recvonly",
                    line.name
                )));
            }
            // Every codec stays open: the next publisher of the stream may send another.
            let added = line.add_to(Role::Viewer, &mut codecs, |_| true);
            let wanted = source.tracks.video.filter(|_| kind == Kind::Video);
            let has = |wanted| {
                codecs
                    .params()
                    .iter()
                    .any(|p| video_codec(p.spec().codec) == Some(wanted))
            };
            let added = added && wanted.is_none_or(has);
            let has_track = match kind {
                Kind::Video => source.tracks.video.is_some(),
                Kind::Audio => source.tracks.audio,
            };
            if !added && has_track {
                return Err(match wanted {
                    Some(codec) => OfferError::OtherCodec(format!(
                        "the stream's video is {}, which the offer does not have ({}); watch it over HLS",
                        codec_name(codec),
                        line.offered()
                    )),
                    None => line.no_codec(),
                });
            }
            if !added {
                return Err(line.no_codec());
            }
            served |= has_track;
        }
        if !served {
            let has = match (source.tracks.video, source.tracks.audio) {
                (Some(codec), true) => format!("{} video and Opus audio", codec_name(codec)),
                (Some(codec), false) => format!("{} video only", codec_name(codec)),
                (None, _) => "Opus audio only".to_owned(),
            };
            return Err(unprocessable(format!(
                "it asks for no track that the stream has ({has}); the stream is on HLS too"
            )));
        }
        self.finish(Role::Viewer, codecs)
    }

    /// One media stream with at most one track of each kind (RFC 9725 section 4.4.2, as WHEP).
    fn check_tracks(&self) -> Result<(), OfferError> {
        for kind in [Kind::Audio, Kind::Video] {
            let lines = self.media.iter().filter(|line| line.kind == Some(kind));
            let count = lines.count();
            if count > 1 {
                return Err(OfferError::Form(format!(
                    "it has {count} {} tracks; offer at most one audio and one video",
                    name(kind)
                )));
            }
        }
        Ok(())
    }

    fn is_bundled(&self, line: &MediaLine<'_>) -> bool {
        let group = self
            .lines
            .iter()
            .find_map(|l| l.strip_prefix("a=group:BUNDLE"));
        let mut mids = group.into_iter().flat_map(str::split_whitespace);
        mids.any(|mid| mid == line.mid)
    }

    /// Whether the peer itself refuses it: on port 0, and in no group (RFC 9143 section 7.2.1).
    fn is_refused(&self, line: &MediaLine<'_>) -> bool {
        line.port == "0" && !self.is_bundled(line)
    }

    /// One transport for all, with RTCP on it (RFC 9725 section 4.4.1).
    fn check_transport(&self) -> Result<(), OfferError> {
        let apart = |line: &MediaLine<'_>| !self.is_bundled(line) && !self.is_refused(line);
        if !self.media.iter().any(|line| self.is_bundled(line)) || self.media.iter().any(apart) {
            return Err(OfferError::Form(
                "its media sections are not in one a=group:BUNDLE; all media must share one port"
                    .to_owned(),
            ));
        }
        // What is bundled shares it with the line that says it (RFC 9143 section 7.3.1).
        if !self.media.iter().any(|line| line.rtcp_mux) {
            return Err(OfferError::Form(
                "it has no a=rtcp-mux; RTP and RTCP must share one port".to_owned(),
            ));
        }
        Ok(())
    }

    /// Names are compared as str0m keeps them: eight letters and digits.
    fn check_layers(&self) -> Result<(), OfferError> {
        let layers = self.layers();
        if layers.len() > MAX_LAYERS {
            return Err(unprocessable(format!(
                "its video has {} simulcast layers; send at most {MAX_LAYERS}",
                layers.len()
            )));
        }
        let names: Vec<Rid> = layers.iter().map(|name| Rid::from(*name)).collect();
        let same = (1..names.len()).find(|index| names[..*index].contains(&names[*index]));
        if same.is_some() || layers.iter().any(|name| name.is_empty()) {
            return Err(unprocessable(
                "its simulcast layers have the same names; give each a rid of up to 8 letters and digits"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

/// Gives each audio and video section a direction where it has none.
fn with_directions(text: &str, direction: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    for (index, section) in text.split("\r\nm=").enumerate() {
        if index > 0 {
            out.push_str("\r\nm=");
        }
        let media = index > 0 && !section.starts_with("application");
        let has = section.lines().any(|line| Direction::parse(line).is_some());
        out.push_str(section);
        if media && !has {
            let _ = write!(
                out,
                "{}{direction}",
                if section.ends_with('\n') { "" } else { "\r\n" }
            );
            if section.ends_with('\n') {
                out.push_str("\r\n");
            }
        }
    }
    out
}

/// Parser errors quote the input; a client needs the beginning of that.
fn brief(error: &str) -> String {
    let line = error
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("cannot be parsed");
    line.chars().filter(|c| !c.is_control()).take(200).collect()
}

impl<'a> MediaLine<'a> {
    fn attribute(&mut self, line: &'a str) {
        if let Some(direction) = Direction::parse(line) {
            self.direction = direction;
        } else if let Some(mid) = line.strip_prefix("a=mid:") {
            self.mid = mid.trim();
        } else if line == "a=rtcp-mux" {
            self.rtcp_mux = true;
        } else if let Some(rest) = line.strip_prefix("a=rtpmap:") {
            let Some((pt, codec)) = rest.split_once(' ') else {
                return;
            };
            let Ok(pt) = pt.parse() else { return };
            let mut parts = codec.trim().split('/');
            let name = parts.next().unwrap_or_default();
            let rate = parts.next().and_then(|rate| rate.parse().ok()).unwrap_or(0);
            let channels = parts.next().and_then(|channels| channels.parse().ok());
            if self.codecs.len() < 2 * MAX_CODECS {
                self.codecs.push(Offered {
                    pt,
                    name,
                    rate,
                    channels,
                    fmtp: None,
                });
            }
        } else if let Some(rest) = line.strip_prefix("a=fmtp:") {
            let Some((pt, format)) = rest.split_once(' ') else {
                return;
            };
            let Ok(pt) = pt.parse::<u8>() else { return };
            if let Some(codec) = self.codecs.iter_mut().find(|codec| codec.pt == pt) {
                codec.fmtp = Some(format.trim());
            }
        } else if let Some(rest) = line.strip_prefix("a=rid:") {
            let mut words = rest.split(' ');
            if let (Some(rid), Some("send")) = (words.next(), words.next())
                && !self.rids.contains(&rid)
                && self.rids.len() < MAX_CODECS
            {
                self.rids.push(rid);
            }
        } else if let Some(rest) = line.strip_prefix("a=simulcast:") {
            // RFC 8853 section 5.1: a direction and its list, then perhaps the other direction's.
            let mut words = rest.split(' ').skip_while(|word| *word != "send");
            self.simulcast = words.nth(1);
        } else if let Some(rest) = line.strip_prefix("a=extmap:") {
            let mut words = rest.split(' ');
            let id = words.next().and_then(|id| id.split('/').next());
            if let (Some(Ok(id)), Some(uri)) = (id.map(str::parse), words.next())
                && self.extensions.len() < MAX_EXTENSIONS
            {
                self.extensions.push((id, uri));
            }
        } else if let Some(rest) = line.strip_prefix("a=rtcp-fb:")
            && let Some((pt, feedback)) = rest.split_once(' ')
            && self.feedback.len() < 8 * MAX_CODECS
        {
            self.feedback.push((pt, feedback.trim()));
        }
    }

    /// Simulcast layers in the order of `a=simulcast`, else of the `a=rid` lines. Of alternatives
    /// the first (RFC 8853 section 5.2), and `~` marks one that is paused at first.
    fn layers(&self) -> Vec<&'a str> {
        let Some(list) = self.simulcast else {
            return self.rids.clone();
        };
        let first = |layer: &'a str| layer.split(',').next().unwrap_or(layer);
        list.split(';')
            .map(|layer| first(layer).trim_start_matches('~'))
            .filter(|rid| self.rids.contains(rid))
            .collect()
    }

    fn first_codec(&self) -> Option<Codec> {
        let offered = |pt: &u8| self.codecs.iter().find(|codec| codec.pt == *pt);
        self.pts
            .iter()
            .filter_map(offered)
            .find_map(|codec| codec.codec(self.kind))
    }

    /// Adds the payload types that we forward and that fit. False when there is none.
    fn add_to(&self, role: Role, config: &mut CodecConfig, fits: impl Fn(Codec) -> bool) -> bool {
        let before = config.params().len();
        for pt in &self.pts {
            let Some(offered) = self.codecs.iter().find(|codec| codec.pt == *pt) else {
                continue;
            };
            let Some(codec) = offered.codec(self.kind) else {
                continue;
            };
            let Some(rate) = Frequency::new(offered.rate) else {
                continue;
            };
            if !fits(codec) || *pt > 127 {
                continue;
            }
            if codec == Codec::Opus && self.has_red(role, *pt) {
                add_redundant_opus(config);
                continue;
            }
            let format = offered
                .fmtp
                .map(FormatParams::parse_line)
                .unwrap_or_default();
            let rtx = self.rtx_of(*pt).map(Pt::from);
            config.add_config((*pt).into(), rtx, codec, rate, offered.channels, format);
            // RFC 4585 section 4.2: an answer has no feedback that was not offered.
            if let Some(params) = config.last_mut() {
                let said = |wanted: &str| self.has_feedback(*pt, wanted);
                params.set_fb_nack(said("nack"));
                params.set_fb_pli(said("nack pli"));
                params.set_fb_fir(said("ccm fir"));
                params.set_fb_remb(said("goog-remb"));
                params.set_fb_transport_cc(said("transport-cc"));
            }
        }
        config.params().len() > before
    }

    fn has_feedback(&self, pt: u8, wanted: &str) -> bool {
        let of = |name: &str| name == "*" || name.parse() == Ok(pt);
        self.feedback
            .iter()
            .any(|(name, said)| of(name) && *said == wanted)
    }

    /// Whether redundant audio (RFC 2198) around this payload type is to be answered. A viewer's
    /// always: it is for us to send it. A publisher sends it when the answer has it, at twice the
    /// rate, so only when it prefers that: when it stands before Opus.
    fn has_red(&self, role: Role, opus: u8) -> bool {
        let name = opus.to_string();
        let red = self.codecs.iter().find(|codec| {
            codec.name.eq_ignore_ascii_case("red")
                && codec.rate == 48_000
                && codec.pt <= 127
                && codec
                    .fmtp
                    .is_some_and(|fmtp| fmtp.split('/').all(|pt| pt.trim() == name))
        });
        let place = |wanted: u8| self.pts.iter().position(|pt| *pt == wanted);
        match (red.and_then(|red| place(red.pt)), role) {
            (Some(_), Role::Viewer) => true,
            (Some(red), Role::Publisher) => Some(red) < place(opus),
            (None, _) => false,
        }
    }

    /// RFC 4588 section 8.1: `apt` names the payload type that is resent.
    fn rtx_of(&self, pt: u8) -> Option<u8> {
        let apt = |codec: &Offered<'_>| {
            let pairs = codec
                .fmtp?
                .split(';')
                .filter_map(|pair| pair.trim().split_once('='));
            pairs
                .filter(|(key, _)| *key == "apt")
                .find_map(|(_, value)| value.parse::<u8>().ok())
        };
        let rtx = self.codecs.iter().find(|codec| {
            codec.name.eq_ignore_ascii_case("rtx") && apt(codec) == Some(pt) && codec.pt <= 127
        })?;
        Some(rtx.pt)
    }

    /// Payload type of FlexFEC, where this is a video line and offers it.
    fn flexfec(&self) -> Option<u8> {
        let is_it = |codec: &&Offered<'_>| {
            codec.name.eq_ignore_ascii_case(flexfec::NAME)
                && codec.rate == 90_000
                && codec.pt <= 127
                && self.pts.contains(&codec.pt)
        };
        let codec = self.codecs.iter().find(is_it)?;
        (self.kind == Some(Kind::Video)).then_some(codec.pt)
    }

    fn offered(&self) -> String {
        let mut names: Vec<String> = Vec::new();
        for codec in &self.codecs {
            let name: String = codec
                .name
                .chars()
                .filter(char::is_ascii_graphic)
                .take(20)
                .collect();
            if !names.contains(&name) && names.len() < 8 {
                names.push(name);
            }
        }
        if names.is_empty() {
            "no codec at all".to_owned()
        } else {
            names.join(", ")
        }
    }

    fn no_codec(&self) -> OfferError {
        let ours = match self.kind {
            Some(Kind::Video) => "H264, H265, VP8, VP9 or AV1",
            Some(Kind::Audio) | None => "Opus at 48 kHz",
        };
        unprocessable(format!(
            "its {} track offers {}; Weir forwards {ours}",
            self.name,
            self.offered()
        ))
    }
}

/// Opus with redundancy. str0m makes such an entry only under payload types of its own, and takes
/// the offer's in their place when it reads the offer.
fn add_redundant_opus(config: &mut CodecConfig) {
    let mut with_red = CodecConfig::empty();
    with_red.enable_opus(true, true);
    let mut params = config.params().to_vec();
    params.extend_from_slice(with_red.params());
    *config = CodecConfig::new_from_payload_params(params);
}

impl Offered<'_> {
    fn codec(&self, kind: Option<Kind>) -> Option<Codec> {
        match kind? {
            Kind::Audio => (self.name.eq_ignore_ascii_case("opus") && self.rate == 48_000)
                .then_some(Codec::Opus),
            Kind::Video => VIDEO
                .iter()
                .find(|(ours, _)| self.name.eq_ignore_ascii_case(codec_name(*ours)))
                .filter(|_| self.rate == 90_000)
                .map(|(_, codec)| *codec),
        }
    }
}

#[cfg(test)]
#[path = "sdp_tests.rs"]
mod tests;
