//! What a finished answer to a viewer negotiated, as our own egress has to know it.

use str0m::media::Mid;
use weir_media::{Kind, VideoCodec};

use crate::{
    flexfec,
    packet::{H264Profile, codec_name},
    sdp,
};

/// An m-line on which media is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EgressMedia {
    pub mid: Mid,
    pub kind: Kind,
    /// SSRC of the media.
    pub ssrc: u32,
    /// SSRC of its retransmissions (RFC 4588), by the FID group.
    pub rtx_ssrc: Option<u32>,
    /// CNAME (RFC 7022), the same on every m-line.
    pub cname: String,
    /// In the answer's order, which is the offer's.
    pub codecs: Vec<EgressCodec>,
    pub extensions: EgressExtensions,
    /// Forward error correction, where it was negotiated.
    pub flexfec: Option<EgressFec>,
}

/// The repair stream of an m-line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EgressFec {
    pub pt: u8,
    pub ssrc: u32,
}

/// A payload type that may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EgressCodec {
    pub pt: u8,
    /// None is Opus.
    pub codec: Option<VideoCodec>,
    /// Payload type of its retransmissions.
    pub rtx: Option<u8>,
    /// Payload type of redundant audio (RFC 2198) around it.
    pub red: Option<u8>,
    /// Parameters after `a=fmtp`, empty when there are none.
    pub fmtp: String,
    pub nack: bool,
    pub pli: bool,
    pub transport_cc: bool,
}

/// Ids of the header extensions, each 1 to 14: the one-byte form does for all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct EgressExtensions {
    pub mid: Option<u8>,
    pub transport_cc: Option<u8>,
    pub abs_send_time: Option<u8>,
    pub playout_delay: Option<u8>,
}

impl EgressMedia {
    /// Takes the names under which the peer was told of this m-line before.
    pub(crate) fn take_names(&mut self, told: &[Self]) {
        if let Some(told) = told.iter().find(|media| media.mid == self.mid) {
            (self.ssrc, self.rtx_ssrc) = (told.ssrc, told.rtx_ssrc);
            self.cname.clone_from(&told.cname);
        }
    }

    /// The payload type for video of a source; see [`sdp::rank_h264`] for H.264's many.
    pub(crate) fn video(
        &self,
        codec: VideoCodec,
        profile: Option<H264Profile>,
    ) -> Option<&EgressCodec> {
        let of_codec = self.codecs.iter().filter(|c| c.codec == Some(codec));
        of_codec.min_by_key(|c| match codec {
            VideoCodec::H264 => {
                sdp::rank_h264(c.profile_level_id(), c.packetization_mode(), profile)
            }
            VideoCodec::Hevc | VideoCodec::Vp8 | VideoCodec::Vp9 | VideoCodec::Av1 => {
                (false, false, false)
            }
        })
    }

    /// The payload type for Opus.
    pub(crate) fn opus(&self) -> Option<&EgressCodec> {
        self.codecs.iter().find(|c| c.codec.is_none())
    }
}

impl EgressCodec {
    fn parameter(&self, name: &str) -> Option<&str> {
        let pairs = self
            .fmtp
            .split(';')
            .filter_map(|p| p.trim().split_once('='));
        let mut named = pairs.filter(|(key, _)| *key == name);
        named.next().map(|(_, value)| value)
    }

    fn profile_level_id(&self) -> Option<u32> {
        u32::from_str_radix(self.parameter("profile-level-id")?, 16).ok()
    }

    fn packetization_mode(&self) -> u8 {
        let mode = self.parameter("packetization-mode");
        mode.and_then(|mode| mode.parse().ok()).unwrap_or(0)
    }
}

/// Reads the finished answer. An m-line without an SSRC or a codec of ours is left out.
pub(crate) fn egress_media(answer: &str) -> Vec<EgressMedia> {
    let mut sections = answer.split("\r\nm=").skip(1);
    std::iter::from_fn(|| sections.next().map(section))
        .flatten()
        .collect()
}

fn section(text: &str) -> Option<EgressMedia> {
    let mut lines = text.lines();
    let media = lines.next()?;
    let kind = match media.split(' ').next()? {
        "audio" => Kind::Audio,
        "video" => Kind::Video,
        _ => return None,
    };
    let attributes: Vec<(&str, &str)> = lines
        .filter_map(|line| line.strip_prefix("a=")?.split_once(':'))
        .collect();
    let of = |name: &'static str| {
        let named = attributes.iter().filter(move |(key, _)| *key == name);
        named.map(|(_, value)| *value)
    };
    let ssrcs = || of("ssrc").filter_map(|value| value.split_once(' '));
    let group = of("ssrc-group").find_map(|value| value.strip_prefix("FID "));
    let mut pair = group.into_iter().flat_map(|group| group.split(' '));
    let first = pair.next().or_else(|| Some(ssrcs().next()?.0));
    let codecs: Vec<EgressCodec> = media
        .split(' ')
        .skip(3)
        .filter_map(|pt| codec(pt.parse().ok()?, &attributes))
        .collect();
    let id_of = |uri: &str| {
        let mut ids = of("extmap").filter_map(|value| value.split_once(' '));
        let (id, _) = ids.find(|(_, extension)| extension.split(' ').next() == Some(uri))?;
        id.split('/').next()?.parse().ok()
    };
    let repair = || {
        let is_it = |map: &str| map.split('/').next() == Some(flexfec::NAME);
        let mut maps = of("rtpmap").filter_map(|value| value.split_once(' '));
        let (pt, _) = maps.find(|(_, map)| is_it(map))?;
        let (_, ssrc) = of("ssrc-group")
            .find_map(|value| value.strip_prefix(flexfec::GROUP))?
            .split_once(' ')?;
        Some(EgressFec {
            pt: pt.parse().ok()?,
            ssrc: ssrc.trim().parse().ok()?,
        })
    };
    (!codecs.is_empty()).then_some(EgressMedia {
        mid: Mid::from(of("mid").next()?.trim()),
        kind,
        ssrc: first?.parse().ok()?,
        rtx_ssrc: pair.next().and_then(|ssrc| ssrc.parse().ok()),
        cname: ssrcs()
            .find_map(|(_, attribute)| attribute.strip_prefix("cname:"))?
            .to_owned(),
        codecs,
        extensions: EgressExtensions {
            mid: id_of("urn:ietf:params:rtp-hdrext:sdes:mid"),
            transport_cc: id_of(
                "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
            ),
            abs_send_time: id_of("http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"),
            playout_delay: id_of("http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"),
        },
        flexfec: repair(),
    })
}

fn codec(pt: u8, attributes: &[(&str, &str)]) -> Option<EgressCodec> {
    let values = |name: &'static str| {
        let named = attributes.iter().filter(move |(key, _)| *key == name);
        named.filter_map(|(_, value)| {
            let (pt, value) = value.split_once(' ')?;
            Some((pt.parse::<u8>().ok()?, value.trim()))
        })
    };
    let of = |name| {
        values(name)
            .filter(move |(of, _)| *of == pt)
            .map(|(_, v)| v)
    };
    let format = of("rtpmap").next()?.split('/').next()?;
    let videos = [
        VideoCodec::H264,
        VideoCodec::Hevc,
        VideoCodec::Vp8,
        VideoCodec::Vp9,
        VideoCodec::Av1,
    ];
    let codec = videos
        .into_iter()
        .find(|codec| codec_name(*codec).eq_ignore_ascii_case(format));
    if codec.is_none() && !format.eq_ignore_ascii_case("opus") {
        return None;
    }
    // What wraps this payload type: RFC 4588 section 8.1 (apt) and RFC 2198 section 5 (pt/pt).
    let wrapped_by = |name: &str, wraps: &dyn Fn(&str) -> bool| {
        values("rtpmap")
            .filter(|(_, map)| {
                map.split('/')
                    .next()
                    .is_some_and(|n| n.eq_ignore_ascii_case(name))
            })
            .map(|(wrapper, _)| wrapper)
            .find(|wrapper| values("fmtp").any(|(of, fmtp)| of == *wrapper && wraps(fmtp)))
    };
    let apt = format!("apt={pt}");
    let own = pt.to_string();
    let feedback = |wanted: &str| of("rtcp-fb").any(|said| said == wanted);
    Some(EgressCodec {
        pt,
        codec,
        rtx: wrapped_by("rtx", &|fmtp| fmtp.split(';').any(|p| p.trim() == apt)),
        red: wrapped_by("red", &|fmtp| fmtp.split('/').all(|p| p.trim() == own)),
        fmtp: of("fmtp").next().unwrap_or_default().to_owned(),
        nack: feedback("nack"),
        pli: feedback("nack pli"),
        transport_cc: feedback("transport-cc"),
    })
}
