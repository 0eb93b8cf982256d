//! The way in for what is not WebRTC: the bridge's RTP becomes [`MediaPacket`]s.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use weir_media::{Kind, MediaTime, RtpLayer, RtpPacket, RtpTracks};

use crate::{
    clock::BridgeClock,
    ingest::{KeyframeTracker, MAX_PAYLOAD},
    keyframe::{self, PayloadSigns},
    packet::{Epoch, Epochs, LayerId, MediaPacket, SourceInfo, announced},
};

/// What the bridge sends from one start to the next.
#[derive(Debug)]
pub(crate) struct BridgeIngest {
    info: SourceInfo,
    /// One for all: the encoder of a ladder has one clock.
    clock: Clock,
    /// The first layer that comes from here: those before are the publisher's own.
    first: u8,
    audio: Track,
    /// By [`LayerId`].
    pictures: Vec<Track>,
}

/// What places the packets' times among the instants of this server.
#[derive(Debug)]
enum Clock {
    Own(BridgeClock),
    /// The timeline is that of a WebRTC publisher, whose zero was at this instant.
    Publisher(Instant),
}

impl Clock {
    fn captured(&mut self, now: Instant, time: MediaTime) -> Instant {
        match self {
            Self::Own(clock) => clock.packet(now, time),
            Self::Publisher(origin) => now.min(*origin + Duration::from_nanos(time)),
        }
    }
}

/// Audio or one layer.
#[derive(Debug)]
struct Track {
    epoch: Epoch,
    /// Of what came last.
    ssrc: Option<u32>,
    /// Greatest extended sequence number.
    last: Option<u64>,
    keyframes: KeyframeTracker,
}

impl Track {
    fn new(epochs: &mut Epochs) -> Self {
        Self {
            epoch: epochs.next(),
            ssrc: None,
            last: None,
            keyframes: KeyframeTracker::default(),
        }
    }
}

impl BridgeIngest {
    /// `layers` are the video's; those beyond [`MAX_LAYERS`](crate::layers::MAX_LAYERS) are left out.
    /// `epochs` gives the source its number, and each track.
    pub(crate) fn new(
        now: Instant,
        tracks: RtpTracks,
        layers: &[RtpLayer],
        epochs: &mut Epochs,
    ) -> Self {
        let (layers, announced) = announced(layers);
        let info = SourceInfo {
            epoch: epochs.next(),
            tracks,
            layers,
            announced,
            h264_profile: None,
        };
        Self::with(info, Clock::Own(BridgeClock::new(now)), 0, epochs)
    }

    /// Layers that join a publisher's own, which is `layers`' first. `source` is what the publisher
    /// sends, `origin` when its timeline began: packets carry their time on that.
    pub(crate) fn joined(
        source: &SourceInfo,
        origin: Instant,
        layers: &[RtpLayer],
        epochs: &mut Epochs,
    ) -> Self {
        let (layers, announced) = announced(layers);
        let info = SourceInfo {
            layers,
            announced,
            ..source.clone()
        };
        Self::with(info, Clock::Publisher(origin), 1, epochs)
    }

    fn with(info: SourceInfo, clock: Clock, first: u8, epochs: &mut Epochs) -> Self {
        Self {
            clock,
            first,
            audio: Track::new(epochs),
            pictures: info.layers.iter().map(|_| Track::new(epochs)).collect(),
            info,
        }
    }

    /// What viewers are to know of the source.
    pub(crate) fn info(&self) -> SourceInfo {
        self.info.clone()
    }

    /// One packet. None when it is not RTP of a track and a layer that were announced. Numbers that
    /// start anew (another SSRC, or a jump before a keyframe) begin a new run of the track: a rung
    /// that was asleep need not know where it was.
    pub(crate) fn packet(
        &mut self,
        now: Instant,
        packet: &RtpPacket,
        epochs: &mut Epochs,
    ) -> Option<MediaPacket> {
        // RFC 3550 section 5.1: version 2, and by agreement no padding, extension or CSRC.
        let (header, payload) = packet.packet.split_first_chunk::<12>()?;
        if header[0] != 0x80 || payload.is_empty() || payload.len() > MAX_PAYLOAD {
            return None;
        }
        let tracks = self.info.tracks;
        let (track, layer) = match packet.kind {
            Kind::Video if tracks.video.is_some() && packet.layer >= self.first => (
                self.pictures.get_mut(usize::from(packet.layer))?,
                LayerId(packet.layer),
            ),
            Kind::Audio if tracks.audio && self.first == 0 => (&mut self.audio, LayerId::default()),
            Kind::Video | Kind::Audio => return None,
        };
        let [_, second, seq_high, seq_low, t0, t1, t2, t3, s0, s1, s2, s3] = *header;
        let seq16 = u16::from_be_bytes([seq_high, seq_low]);
        let timestamp = u32::from_be_bytes([t0, t1, t2, t3]);
        let ssrc = u32::from_be_bytes([s0, s1, s2, s3]);
        let marker = second & 0x80 != 0;
        let (signs, keyframe, keyframe_start) = match (packet.kind, tracks.video) {
            (Kind::Video, Some(codec)) => {
                let signs = keyframe::inspect(codec, payload, marker);
                let (keyframe, start) = track.keyframes.mark(timestamp, packet.keyframe);
                (signs, keyframe, start)
            }
            (Kind::Video, None) | (Kind::Audio, _) => (PayloadSigns::default(), false, false),
        };
        let jumps = |last: u64| seq16 != (last as u16).wrapping_add(1);
        let anew = track.ssrc.is_some_and(|before| before != ssrc)
            || keyframe_start && track.last.is_some_and(jumps);
        if anew {
            track.epoch = epochs.next();
            track.last = None;
        }
        track.ssrc = Some(ssrc);
        let seq = extend(track.last, seq16);
        track.last = Some(track.last.map_or(seq, |last| last.max(seq)));
        Some(MediaPacket {
            source: self.info.epoch,
            epoch: track.epoch,
            layer,
            kind: packet.kind,
            red: false,
            seq,
            timestamp,
            marker,
            keyframe,
            keyframe_start,
            payload: Arc::from(payload),
            time: packet.time,
            captured: self.clock.captured(now, packet.time),
            h264_profile: signs.h264_profile,
            size: signs.size,
            picture_ids: signs.picture_ids,
            scalability: None,
        })
    }
}

/// Extends a sequence number by the one nearest to the greatest seen (RFC 3711 appendix A). The
/// first lies one cycle up, so that what is a little older does not fall below zero.
fn extend(last: Option<u64>, seq: u16) -> u64 {
    let Some(last) = last else {
        return 0x1_0000 + u64::from(seq);
    };
    let distance = i64::from(seq.wrapping_sub(last as u16) as i16);
    last.saturating_add_signed(distance)
}

#[cfg(test)]
mod tests {
    use weir_media::VideoCodec;

    use super::*;
    use crate::ingest::to_rtp;

    fn rtp(kind: Kind, seq: u16, timestamp: u32, keyframe: bool, payload: &[u8]) -> RtpPacket {
        let mut bytes = vec![0x80, 0x80 | 96];
        bytes.extend(seq.to_be_bytes());
        bytes.extend(timestamp.to_be_bytes());
        bytes.extend([0, 0, 0, 1]);
        bytes.extend(payload);
        RtpPacket {
            kind,
            layer: 0,
            time: 0,
            keyframe,
            packet: bytes.into(),
        }
    }

    struct Bridge {
        ingest: BridgeIngest,
        epochs: Epochs,
    }

    impl Bridge {
        fn packet(&mut self, now: Instant, packet: &RtpPacket) -> Option<MediaPacket> {
            self.ingest.packet(now, packet, &mut self.epochs)
        }
    }

    fn layers(names: &[&str]) -> Vec<RtpLayer> {
        let layer = |name: &&str| RtpLayer {
            name: (*name).to_owned(),
            width: 1_280,
            height: 720,
            bitrate: 1_000_000,
        };
        names.iter().map(layer).collect()
    }

    const TRACKS: RtpTracks = RtpTracks {
        video: Some(VideoCodec::H264),
        audio: false,
    };

    fn bridge(names: &[&str]) -> Bridge {
        let mut epochs = Epochs::default();
        let ingest = BridgeIngest::new(Instant::now(), TRACKS, &layers(names), &mut epochs);
        Bridge { ingest, epochs }
    }

    #[test]
    fn sequence_numbers_go_round() {
        let mut last = None;
        for (seq, expected) in [
            (65_534_u16, 0x1_fffe_u64),
            (65_535, 0x1_ffff),
            (1, 0x2_0001),
            (0, 0x2_0000),
            (65_533, 0x1_fffd),
        ] {
            let extended = extend(last, seq);
            assert_eq!(extended, expected);
            last = Some(last.unwrap_or(0).max(extended));
        }
    }

    #[test]
    fn only_the_first_packet_of_a_keyframe_starts() {
        let mut ingest = bridge(&[]);
        let now = Instant::now();
        let starts: Vec<_> = [
            (1, 0, true),
            (2, 0, true),
            (3, 3_000, false),
            (4, 6_000, true),
        ]
        .map(|(seq, ts, key)| {
            ingest.packet(now, &rtp(Kind::Video, seq, ts, key, &[0x67, 0x42, 0xe0]))
        })
        .into_iter()
        .map(|p| p.unwrap().keyframe_start)
        .collect();
        assert_eq!(starts, [true, false, false, true]);
    }

    #[test]
    fn layers_have_their_own_numbers_and_keyframes() {
        let mut ingest = bridge(&["1080p", "720p", "360p"]);
        let now = Instant::now();
        let mut packet = |layer, seq, timestamp, keyframe| {
            let packet = RtpPacket {
                layer,
                ..rtp(Kind::Video, seq, timestamp, keyframe, &[0x67, 0x42, 0xe0])
            };
            ingest.packet(now, &packet)
        };
        // Interleaved, as a ladder's packets are: one keyframe at the same time on each layer.
        let mut epochs = Vec::new();
        for (layer, seq) in [(0, 65_535), (1, 7), (2, 40_000)] {
            let first = packet(layer, seq, 3_000, true).unwrap();
            assert_eq!((first.layer, first.keyframe_start), (LayerId(layer), true));
            epochs.push(first.epoch);
        }
        for (layer, seq, extended) in [(0, 0, 0x2_0000), (1, 8, 0x1_0008), (2, 40_001, 0x1_9c41)] {
            let next = packet(layer, seq, 3_000, true).unwrap();
            assert!(next.keyframe && !next.keyframe_start);
            assert_eq!(
                (next.seq, next.epoch),
                (extended, epochs[usize::from(layer)])
            );
        }
        assert!(epochs[0] < epochs[1] && epochs[1] < epochs[2]);
        assert!(packet(3, 1, 3_000, true).is_none(), "it was not announced");
    }

    #[test]
    fn a_layer_that_comes_back_need_not_know_its_numbers() {
        let mut ingest = bridge(&["a", "b"]);
        let now = Instant::now();
        let mut packet = |seq, keyframe, ssrc: u8| {
            let mut packet = rtp(Kind::Video, seq, u32::from(seq), keyframe, &[0x65, 1]);
            let mut bytes = packet.packet.to_vec();
            bytes[11] = ssrc;
            packet.packet = bytes.into();
            ingest.packet(now, &packet).unwrap().epoch
        };
        let first = packet(100, true, 1);
        assert_eq!(packet(101, false, 1), first);
        assert_eq!(packet(103, false, 1), first, "a loss is no new run");
        assert_eq!(packet(104, true, 1), first);
        let second = packet(5, true, 1);
        assert!(second > first, "numbers start anew");
        let third = packet(6, false, 2);
        assert!(third > second, "another SSRC");
    }

    #[test]
    fn what_joins_a_publisher_has_its_timeline_and_not_its_layer() {
        let mut epochs = Epochs::default();
        let own = BridgeIngest::new(Instant::now(), TRACKS, &[], &mut epochs).info();
        let origin = Instant::now();
        let names = layers(&["720p", "360p"]);
        let ingest = BridgeIngest::joined(&own, origin, &names, &mut epochs);
        let mut ingest = Bridge { ingest, epochs };
        let info = ingest.ingest.info();
        assert_eq!((info.epoch, info.layers.len()), (own.epoch, 2));
        let now = origin + Duration::from_secs(9);
        let mut packet = |layer, time| {
            let packet = RtpPacket {
                layer,
                time,
                ..rtp(Kind::Video, 1, 0, true, &[0x65, 1])
            };
            ingest.packet(now, &packet)
        };
        assert!(packet(0, 0).is_none(), "that is the publisher's own");
        let joined = packet(1, 8_000_000_000).unwrap();
        assert_eq!(joined.source, own.epoch);
        assert_eq!(joined.captured, origin + Duration::from_secs(8));
        let early = packet(1, 10_000_000_000).unwrap();
        assert_eq!(early.captured, now, "nothing is captured in the future");
    }

    #[test]
    fn what_is_not_plain_rtp_is_left_out() {
        let mut ingest = bridge(&[]);
        let now = Instant::now();
        let good = rtp(Kind::Video, 1, 0, true, &[0x65, 1]);
        assert!(ingest.packet(now, &good).is_some());
        for (index, byte) in [(0, 0x90), (0, 0xa0), (0, 0x40), (0, 0x81)] {
            let mut bytes = good.packet.to_vec();
            bytes[index] = byte;
            let bad = RtpPacket {
                packet: bytes.into(),
                ..good.clone()
            };
            assert!(ingest.packet(now, &bad).is_none());
        }
        let short = RtpPacket {
            packet: good.packet.slice(..12),
            ..good.clone()
        };
        assert!(ingest.packet(now, &short).is_none());
        let audio = rtp(Kind::Audio, 1, 0, false, &[1]);
        assert!(ingest.packet(now, &audio).is_none());
        let long = rtp(Kind::Video, 1, 0, false, &[1; 1_500]);
        assert!(ingest.packet(now, &long).is_none());
    }

    #[test]
    fn the_link_gets_back_what_it_gave() {
        let mut ingest = bridge(&["a", "b"]);
        let packet = RtpPacket {
            layer: 1,
            ..rtp(Kind::Video, 77, 1234, true, &[0x65, 1, 2])
        };
        let media = ingest.packet(Instant::now(), &packet).unwrap();
        let back = to_rtp(&media);
        assert_eq!(&back.packet[1..8], &packet.packet[1..8]);
        assert_eq!(&back.packet[12..], &packet.packet[12..]);
        assert!(back.keyframe);
        assert_eq!(back.layer, 1);
    }
}
