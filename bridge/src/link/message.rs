//! The messages, and their bytes.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use serde::{Serialize, de::DeserializeOwned};
use weir_media::{
    AudioCodec, Demand, HlsOutput, HlsTrack, Kind, RtpLayer, RtpPacket, RtpTracks, Thumbnail,
    VideoCodec,
};
use weir_protocol::{Caption, finding::FindingReport};

use super::{LinkError, VERSION, frame::put_frame};
use crate::{
    config::WorkerConfig,
    source::{AccessUnit, SourceFormat},
};

/// From the main process to the worker.
#[derive(Debug, Clone, PartialEq)]
pub enum ToWorker {
    /// The first message.
    Hello,
    /// How media is to be made; before any of it.
    Config(WorkerConfig),
    /// Which rungs are needed from now on.
    Demand(Demand),
    /// A track begins or changes.
    Format(SourceFormat),
    /// One access unit.
    Unit {
        /// The unit.
        unit: AccessUnit,
        /// An earlier worker has had it: it only brings decoders up to date and must not be shown.
        replay: bool,
    },
    /// One packet of a WHIP publisher.
    Rtp(RtpPacket),
    /// Viewers need a keyframe: of this layer ([`RtpPacket::layer`]), or of all.
    Keyframe(Option<u8>),
    /// The source has ended: give out what is left and exit.
    End,
}

/// From the worker to the main process.
#[derive(Debug, Clone, PartialEq)]
pub enum FromWorker {
    /// The first message: the worker is ready.
    Hello,
    /// [`StreamOutput::rtp_start`](crate::output::StreamOutput::rtp_start).
    RtpStart {
        /// Which there are.
        tracks: RtpTracks,
        /// The video's layers, in the order of [`RtpPacket::layer`]; none where there is but one.
        layers: Vec<RtpLayer>,
    },
    /// One packet for viewers.
    Rtp(RtpPacket),
    /// A piece for the HLS origin.
    Hls(HlsOutput),
    /// A small picture.
    Thumbnail(Thumbnail),
    /// Something about the source.
    Finding(FindingReport),
    /// What is to be read with the pictures from now on.
    Caption(Caption),
    /// The publisher should send a keyframe.
    KeyframeWanted,
    /// Nothing to say, but alive.
    Heartbeat,
}

mod kind {
    pub const HELLO: u8 = 1;
    pub const FORMAT: u8 = 2;
    pub const UNIT: u8 = 3;
    pub const RTP: u8 = 4;
    pub const KEYFRAME: u8 = 5;
    pub const END: u8 = 6;
    pub const RTP_START: u8 = 7;
    pub const HLS_START: u8 = 8;
    pub const HLS_INIT: u8 = 9;
    pub const HLS_PART: u8 = 10;
    pub const HEARTBEAT: u8 = 11;
    pub const CONFIG: u8 = 12;
    pub const DEMAND: u8 = 13;
    pub const HLS_DORMANT: u8 = 14;
    pub const THUMBNAIL: u8 = 15;
    pub const FINDING: u8 = 16;
    pub const HLS_WITHHELD: u8 = 17;
    pub const CAPTION: u8 = 18;
}

const VIDEO: u8 = 1;
const KEY: u8 = 2;
const REPLAY: u8 = 4;
const SEGMENT_START: u8 = 8;

impl ToWorker {
    /// Appends the message's bytes. An error leaves `out` as it was.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), LinkError> {
        match self {
            Self::Hello => put_frame(out, kind::HELLO, |out| out.put_u16(VERSION)),
            Self::Config(config) => put_json(out, kind::CONFIG, config),
            Self::Demand(demand) => put_frame(out, kind::DEMAND, |out| {
                out.put_u8(demand.rtp);
                out.put_u8(demand.hls);
            }),
            Self::Format(format) => put_frame(out, kind::FORMAT, |out| put_format(out, format)),
            Self::Unit { unit, replay } => put_frame(out, kind::UNIT, |out| {
                out.put_u8(kind_flag(unit.kind) | flag(unit.keyframe, KEY) | flag(*replay, REPLAY));
                out.put_u8(unit.layer);
                out.put_u64(unit.dts);
                out.put_u64(unit.pts);
                out.put_slice(&unit.data);
            }),
            Self::Rtp(packet) => put_rtp(out, packet),
            Self::Keyframe(layer) => put_frame(out, kind::KEYFRAME, |out| {
                out.extend(*layer);
            }),
            Self::End => put_frame(out, kind::END, |_| {}),
        }
    }

    /// Reads a message's type and body.
    pub fn decode(kind: u8, body: Bytes) -> Result<Self, LinkError> {
        let mut body = Body { kind, bytes: body };
        let message = match kind {
            kind::HELLO => {
                hello(&mut body)?;
                Self::Hello
            }
            kind::CONFIG => Self::Config(json(&mut body)?),
            kind::DEMAND => Self::Demand(Demand {
                rtp: body.u8()?,
                hls: body.u8()?,
            }),
            kind::FORMAT => Self::Format(format(&mut body)?),
            kind::UNIT => {
                let flags = body.u8()?;
                let unit = AccessUnit {
                    kind: kind_of(flags),
                    layer: body.u8()?,
                    dts: body.u64()?,
                    pts: body.u64()?,
                    keyframe: flags & KEY != 0,
                    data: body.rest(),
                };
                Self::Unit {
                    unit,
                    replay: flags & REPLAY != 0,
                }
            }
            kind::RTP => Self::Rtp(rtp(&mut body)?),
            kind::KEYFRAME if body.bytes.is_empty() => Self::Keyframe(None),
            kind::KEYFRAME => Self::Keyframe(Some(body.u8()?)),
            kind::END => Self::End,
            other => return Err(LinkError::Type(other)),
        };
        body.end()?;
        Ok(message)
    }
}

impl FromWorker {
    /// Appends the message's bytes. An error leaves `out` as it was.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), LinkError> {
        match self {
            Self::Hello => put_frame(out, kind::HELLO, |out| out.put_u16(VERSION)),
            Self::RtpStart { tracks, layers } => put_rtp_start(out, *tracks, layers),
            Self::Rtp(packet) => put_rtp(out, packet),
            Self::Hls(HlsOutput::Start(tracks)) => put_json(out, kind::HLS_START, tracks),
            Self::Hls(HlsOutput::Init { track, data }) => put_frame(out, kind::HLS_INIT, |out| {
                put_track(out, *track, 0);
                out.put_slice(data);
            }),
            Self::Hls(HlsOutput::Dormant(track)) => put_frame(out, kind::HLS_DORMANT, |out| {
                put_track(out, *track, 0);
            }),
            Self::Hls(HlsOutput::Withheld(rungs)) => {
                put_frame(out, kind::HLS_WITHHELD, |out| out.put_u8(*rungs))
            }
            Self::Hls(HlsOutput::Part {
                track,
                segment_start,
                independent,
                time,
                duration,
                data,
            }) => put_frame(out, kind::HLS_PART, |out| {
                let flags = flag(*segment_start, SEGMENT_START) | flag(*independent, KEY);
                put_track(out, *track, flags);
                out.put_u64(*time);
                out.put_u64(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
                out.put_slice(data);
            }),
            Self::Thumbnail(thumbnail) => put_frame(out, kind::THUMBNAIL, |out| {
                out.put_u64(thumbnail.time);
                out.put_u32(thumbnail.width);
                out.put_u32(thumbnail.height);
                out.put_slice(&thumbnail.jpeg);
            }),
            Self::Finding(report) => put_json(out, kind::FINDING, report),
            Self::Caption(caption) => put_json(out, kind::CAPTION, caption),
            Self::KeyframeWanted => put_frame(out, kind::KEYFRAME, |_| {}),
            Self::Heartbeat => put_frame(out, kind::HEARTBEAT, |_| {}),
        }
    }

    /// Reads a message's type and body.
    pub fn decode(kind: u8, body: Bytes) -> Result<Self, LinkError> {
        let mut body = Body { kind, bytes: body };
        let message = match kind {
            kind::HELLO => {
                hello(&mut body)?;
                Self::Hello
            }
            kind::RTP_START => {
                let video = match body.u8()? {
                    0 => None,
                    codec => Some(video_codec_of(&body, codec)?),
                };
                let audio = body.u8()? != 0;
                let layers = json(&mut body)?;
                Self::RtpStart {
                    tracks: RtpTracks { video, audio },
                    layers,
                }
            }
            kind::RTP => Self::Rtp(rtp(&mut body)?),
            kind::HLS_START => Self::Hls(HlsOutput::Start(json(&mut body)?)),
            kind::HLS_INIT => {
                let (track, _) = track(&mut body)?;
                Self::Hls(HlsOutput::Init {
                    track,
                    data: body.rest(),
                })
            }
            kind::HLS_DORMANT => Self::Hls(HlsOutput::Dormant(track(&mut body)?.0)),
            kind::HLS_WITHHELD => Self::Hls(HlsOutput::Withheld(body.u8()?)),
            kind::HLS_PART => {
                let (track, flags) = track(&mut body)?;
                Self::Hls(HlsOutput::Part {
                    track,
                    segment_start: flags & SEGMENT_START != 0,
                    independent: flags & KEY != 0,
                    time: body.u64()?,
                    duration: Duration::from_nanos(body.u64()?),
                    data: body.rest(),
                })
            }
            kind::THUMBNAIL => Self::Thumbnail(Thumbnail {
                time: body.u64()?,
                width: body.u32()?,
                height: body.u32()?,
                jpeg: body.rest(),
            }),
            kind::FINDING => Self::Finding(json(&mut body)?),
            kind::CAPTION => Self::Caption(json(&mut body)?),
            kind::KEYFRAME => Self::KeyframeWanted,
            kind::HEARTBEAT => Self::Heartbeat,
            other => return Err(LinkError::Type(other)),
        };
        body.end()?;
        Ok(message)
    }
}

fn put_rtp(out: &mut Vec<u8>, packet: &RtpPacket) -> Result<(), LinkError> {
    put_frame(out, kind::RTP, |out| {
        out.put_u8(kind_flag(packet.kind) | flag(packet.keyframe, KEY));
        out.put_u8(packet.layer);
        out.put_u64(packet.time);
        out.put_slice(&packet.packet);
    })
}

fn put_rtp_start(
    out: &mut Vec<u8>,
    tracks: RtpTracks,
    layers: &[RtpLayer],
) -> Result<(), LinkError> {
    put_frame(out, kind::RTP_START, |out| {
        out.put_u8(tracks.video.map_or(0, video_codec));
        out.put_u8(u8::from(tracks.audio));
        out.put_slice(&to_json(layers));
    })
}

/// For what is sent so rarely that the handy form is good enough.
fn put_json<T: Serialize>(out: &mut Vec<u8>, kind: u8, value: &T) -> Result<(), LinkError> {
    put_frame(out, kind, |out| out.put_slice(&to_json(value)))
}

fn to_json<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    // What is sent so has no map with foreign keys and no failing serializer.
    serde_json::to_vec(value).expect("a message serializes")
}

fn json<T: DeserializeOwned>(body: &mut Body) -> Result<T, LinkError> {
    let kind = body.kind;
    serde_json::from_slice(&body.rest()).map_err(|_| LinkError::Body(kind))
}

fn put_track(out: &mut Vec<u8>, track: HlsTrack, flags: u8) {
    out.put_u8(kind_flag(track.kind()) | flags);
    out.put_u8(match track {
        HlsTrack::Video(rung) => rung,
        HlsTrack::Audio => 0,
    });
}

/// A track, and the flags beside it.
fn track(body: &mut Body) -> Result<(HlsTrack, u8), LinkError> {
    let flags = body.u8()?;
    let rung = body.u8()?;
    let track = match kind_of(flags) {
        Kind::Video => HlsTrack::Video(rung),
        Kind::Audio => HlsTrack::Audio,
    };
    Ok((track, flags))
}

fn rtp(body: &mut Body) -> Result<RtpPacket, LinkError> {
    let flags = body.u8()?;
    let packet = RtpPacket {
        kind: kind_of(flags),
        layer: body.u8()?,
        time: body.u64()?,
        keyframe: flags & KEY != 0,
        packet: body.rest(),
    };
    // RFC 3550, section 5.1: the fixed header.
    if packet.packet.len() < 12 {
        Err(LinkError::Body(kind::RTP))
    } else {
        Ok(packet)
    }
}

const VIDEO_UNITS: u8 = 1;
const AUDIO_UNITS: u8 = 2;
const VIDEO_PACKETS: u8 = 3;
const AUDIO_PACKETS: u8 = 4;

fn put_format(out: &mut Vec<u8>, format: &SourceFormat) {
    match format {
        SourceFormat::Video {
            layer,
            codec,
            config,
        } => {
            out.put_u8(VIDEO_UNITS);
            out.put_u8(*layer);
            out.put_u8(video_codec(*codec));
            out.put_slice(config);
        }
        SourceFormat::Audio { codec, config } => {
            out.put_u8(AUDIO_UNITS);
            out.put_u8(match codec {
                AudioCodec::Aac => 1,
                AudioCodec::Opus => 2,
            });
            out.put_slice(config);
        }
        SourceFormat::RtpVideo { codec } => {
            out.put_u8(VIDEO_PACKETS);
            out.put_u8(video_codec(*codec));
        }
        SourceFormat::RtpAudio => out.put_u8(AUDIO_PACKETS),
    }
}

fn format(body: &mut Body) -> Result<SourceFormat, LinkError> {
    Ok(match body.u8()? {
        VIDEO_UNITS => {
            let layer = body.u8()?;
            let codec = body.u8()?;
            SourceFormat::Video {
                layer,
                codec: video_codec_of(body, codec)?,
                config: body.rest(),
            }
        }
        AUDIO_UNITS => {
            let codec = match body.u8()? {
                1 => AudioCodec::Aac,
                2 => AudioCodec::Opus,
                _ => return Err(LinkError::Body(body.kind)),
            };
            SourceFormat::Audio {
                codec,
                config: body.rest(),
            }
        }
        VIDEO_PACKETS => {
            let codec = body.u8()?;
            SourceFormat::RtpVideo {
                codec: video_codec_of(body, codec)?,
            }
        }
        AUDIO_PACKETS => SourceFormat::RtpAudio,
        _ => return Err(LinkError::Body(body.kind)),
    })
}

fn video_codec(codec: VideoCodec) -> u8 {
    match codec {
        VideoCodec::H264 => 1,
        VideoCodec::Hevc => 2,
        VideoCodec::Vp8 => 3,
        VideoCodec::Vp9 => 4,
        VideoCodec::Av1 => 5,
    }
}

fn video_codec_of(body: &Body, codec: u8) -> Result<VideoCodec, LinkError> {
    Ok(match codec {
        1 => VideoCodec::H264,
        2 => VideoCodec::Hevc,
        3 => VideoCodec::Vp8,
        4 => VideoCodec::Vp9,
        5 => VideoCodec::Av1,
        _ => return Err(LinkError::Body(body.kind)),
    })
}

fn hello(body: &mut Body) -> Result<(), LinkError> {
    match body.u16()? {
        VERSION => Ok(()),
        other => Err(LinkError::Version(other)),
    }
}

fn flag(set: bool, bit: u8) -> u8 {
    if set { bit } else { 0 }
}

fn kind_flag(kind: Kind) -> u8 {
    flag(kind == Kind::Video, VIDEO)
}

fn kind_of(flags: u8) -> Kind {
    if flags & VIDEO != 0 {
        Kind::Video
    } else {
        Kind::Audio
    }
}

/// A body that is read from the front.
struct Body {
    kind: u8,
    bytes: Bytes,
}

impl Body {
    fn u8(&mut self) -> Result<u8, LinkError> {
        self.bytes
            .try_get_u8()
            .map_err(|_| LinkError::Body(self.kind))
    }

    fn u16(&mut self) -> Result<u16, LinkError> {
        self.bytes
            .try_get_u16()
            .map_err(|_| LinkError::Body(self.kind))
    }

    fn u32(&mut self) -> Result<u32, LinkError> {
        self.bytes
            .try_get_u32()
            .map_err(|_| LinkError::Body(self.kind))
    }

    fn u64(&mut self) -> Result<u64, LinkError> {
        self.bytes
            .try_get_u64()
            .map_err(|_| LinkError::Body(self.kind))
    }

    fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.bytes)
    }

    fn end(&self) -> Result<(), LinkError> {
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(LinkError::Body(self.kind))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use weir_protocol::finding::{FindingCode, Severity};

    use crate::link::{Frames, MAX_MESSAGE};

    fn to_worker() -> Vec<ToWorker> {
        let packet = RtpPacket {
            kind: Kind::Audio,
            layer: 0,
            time: 5,
            keyframe: false,
            packet: Bytes::from(vec![9; 12]),
        };
        let data = Bytes::from_static(b"data");
        let mut all = vec![
            ToWorker::Hello,
            ToWorker::Config(WorkerConfig::default()),
            ToWorker::Demand(Demand { rtp: 5, hls: 1 }),
            ToWorker::Format(SourceFormat::RtpAudio),
            ToWorker::Format(SourceFormat::Audio {
                codec: AudioCodec::Aac,
                config: data.clone(),
            }),
            ToWorker::Format(SourceFormat::Audio {
                codec: AudioCodec::Opus,
                config: Bytes::new(),
            }),
            ToWorker::Rtp(packet),
            ToWorker::Keyframe(None),
            ToWorker::Keyframe(Some(3)),
            ToWorker::End,
        ];
        for codec in [
            VideoCodec::H264,
            VideoCodec::Hevc,
            VideoCodec::Vp8,
            VideoCodec::Vp9,
            VideoCodec::Av1,
        ] {
            all.push(ToWorker::Format(SourceFormat::RtpVideo { codec }));
            all.push(ToWorker::Format(SourceFormat::Video {
                layer: 1,
                codec,
                config: data.clone(),
            }));
        }
        for (kind, keyframe, replay) in [(Kind::Video, true, false), (Kind::Audio, false, true)] {
            let unit = AccessUnit {
                kind,
                layer: 2,
                dts: 1,
                pts: u64::MAX,
                keyframe,
                data: data.clone(),
            };
            all.push(ToWorker::Unit { unit, replay });
        }
        all
    }

    fn from_worker() -> Vec<FromWorker> {
        let tracks = weir_media::HlsTracks {
            video: vec![weir_media::HlsVideo {
                name: "720p".into(),
                codec: "avc1.42c01f".into(),
                width: 1280,
                height: 720,
                frame_rate: Some(30.0),
                bitrate: 2_500_000,
            }],
            audio: None,
            target_duration: Duration::from_secs(1),
            part_target: Duration::from_millis(203),
        };
        let data = Bytes::from_static(b"data");
        vec![
            FromWorker::Hello,
            FromWorker::RtpStart {
                tracks: RtpTracks {
                    video: None,
                    audio: true,
                },
                layers: Vec::new(),
            },
            FromWorker::RtpStart {
                tracks: RtpTracks {
                    video: Some(VideoCodec::H264),
                    audio: false,
                },
                layers: vec![RtpLayer {
                    name: "720p".into(),
                    width: 1280,
                    height: 720,
                    bitrate: 2_500_000,
                }],
            },
            FromWorker::Rtp(RtpPacket {
                kind: Kind::Video,
                layer: 2,
                time: 7,
                keyframe: true,
                packet: Bytes::from(vec![1; 1200]),
            }),
            FromWorker::Hls(HlsOutput::Start(tracks)),
            FromWorker::Hls(HlsOutput::Init {
                track: HlsTrack::Audio,
                data: data.clone(),
            }),
            FromWorker::Hls(HlsOutput::Dormant(HlsTrack::Video(3))),
            FromWorker::Hls(HlsOutput::Withheld(6)),
            FromWorker::Thumbnail(Thumbnail {
                time: 3,
                width: 640,
                height: 360,
                jpeg: data.clone(),
            }),
            FromWorker::Caption(Caption {
                lines: vec!["a".into(), "b".into()],
            }),
            FromWorker::Finding(FindingReport {
                code: FindingCode::Overload,
                severity: Severity::Warning,
                active: true,
                values: [("rungs".into(), 2.0)].into(),
                words: [("rung".into(), "1080p".into())].into(),
                repaired: true,
            }),
            FromWorker::Hls(HlsOutput::Part {
                track: HlsTrack::Video(1),
                segment_start: true,
                independent: true,
                time: 8,
                duration: Duration::from_millis(200),
                data,
            }),
            FromWorker::KeyframeWanted,
            FromWorker::Heartbeat,
        ]
    }

    /// Feeds the bytes in pieces of `step` and gives back the messages.
    fn cut(bytes: &[u8], step: usize) -> Vec<(u8, Bytes)> {
        let mut frames = Frames::default();
        let mut all = Vec::new();
        for piece in bytes.chunks(step) {
            frames.space().extend_from_slice(piece);
            while let Some(frame) = frames.next_frame().unwrap() {
                all.push(frame);
            }
        }
        all
    }

    #[test]
    fn messages_survive_the_link_however_it_is_read() {
        let mut bytes = Vec::new();
        to_worker()
            .iter()
            .for_each(|message| message.encode(&mut bytes).unwrap());
        for step in [1, 7, bytes.len()] {
            let back: Vec<_> = cut(&bytes, step)
                .into_iter()
                .map(|(kind, body)| ToWorker::decode(kind, body).unwrap())
                .collect();
            assert_eq!(back, to_worker());
        }
        bytes.clear();
        from_worker()
            .iter()
            .for_each(|message| message.encode(&mut bytes).unwrap());
        let back: Vec<_> = cut(&bytes, 5)
            .into_iter()
            .map(|(kind, body)| FromWorker::decode(kind, body).unwrap())
            .collect();
        assert_eq!(back, from_worker());
    }

    #[test]
    fn a_body_cut_short_or_too_long_is_an_error_and_never_a_panic() {
        let mut bytes = Vec::new();
        to_worker()
            .iter()
            .for_each(|message| message.encode(&mut bytes).unwrap());
        from_worker()
            .iter()
            .for_each(|message| message.encode(&mut bytes).unwrap());
        for (kind, body) in cut(&bytes, bytes.len()) {
            for end in 0..body.len() {
                // Some prefixes are messages too; all that matters is that each gets an answer.
                let _ = ToWorker::decode(kind, body.slice(..end));
                let _ = FromWorker::decode(kind, body.slice(..end));
            }
        }
        assert_eq!(
            ToWorker::decode(kind::HELLO, Bytes::from_static(&[0])),
            Err(LinkError::Body(kind::HELLO))
        );
        assert_eq!(
            ToWorker::decode(kind::END, Bytes::from_static(&[0])),
            Err(LinkError::Body(kind::END))
        );
        assert_eq!(
            ToWorker::decode(kind::HELLO, Bytes::from_static(&[1, 0])),
            Err(LinkError::Version(256))
        );
        assert_eq!(
            ToWorker::decode(200, Bytes::new()),
            Err(LinkError::Type(200))
        );
        assert_eq!(
            FromWorker::decode(kind::RTP, Bytes::from(vec![0; 21])),
            Err(LinkError::Body(kind::RTP))
        );
    }

    #[test]
    fn garbage_is_refused_before_it_is_gathered() {
        let mut frames = Frames::default();
        frames.space().extend_from_slice(b"GET / HTTP/1.1\r\n");
        assert!(matches!(frames.next_frame(), Err(LinkError::Length(_))));
        let mut frames = Frames::default();
        frames.space().extend_from_slice(&[0; 4]);
        assert_eq!(frames.next_frame(), Err(LinkError::Length(0)));
    }

    #[test]
    fn what_is_too_large_is_not_sent() {
        let data = Bytes::from(vec![0; MAX_MESSAGE]);
        let unit = AccessUnit {
            kind: Kind::Video,
            layer: 0,
            dts: 0,
            pts: 0,
            keyframe: true,
            data,
        };
        let mut out = vec![1, 2, 3];
        let result = ToWorker::Unit {
            unit,
            replay: false,
        }
        .encode(&mut out);
        assert!(matches!(result, Err(LinkError::Length(_))));
        assert_eq!(out, [1, 2, 3]);
    }
}
