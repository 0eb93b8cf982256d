//! The way in for what is not WebRTC: the bridge's RTP becomes [`MediaPacket`]s.

use std::{sync::Arc, time::Instant};

use weir_media::{Kind, RtpPacket, RtpTracks};

use crate::{
    clock::BridgeClock,
    ingest::{KeyframeTracker, MAX_PAYLOAD},
    keyframe::{self, PayloadSigns},
    layers::MAX_LAYERS,
    packet::{Epoch, Epochs, LayerId, MediaPacket, single_layer},
};

/// What the bridge sends from one start to the next.
#[derive(Debug)]
pub(crate) struct BridgeIngest {
    source: Epoch,
    tracks: RtpTracks,
    /// Names of the layers; one empty name where there is but one.
    layers: Arc<[String]>,
    /// One for all: the encoder of a ladder has one clock.
    clock: BridgeClock,
    audio: Track,
    /// By [`LayerId`].
    pictures: Vec<Track>,
}

/// Audio or one layer.
#[derive(Debug)]
struct Track {
    epoch: Epoch,
    /// Greatest extended sequence number.
    last: Option<u64>,
    keyframes: KeyframeTracker,
}

impl Track {
    fn new(epochs: &mut Epochs) -> Self {
        Self {
            epoch: epochs.next(),
            last: None,
            keyframes: KeyframeTracker::default(),
        }
    }
}

impl BridgeIngest {
    /// `layers` names the video's layers, none for a single one. Beyond [`MAX_LAYERS`] they are left
    /// out. `epochs` gives the source its number, and each track.
    pub(crate) fn new(
        now: Instant,
        tracks: RtpTracks,
        layers: &[String],
        epochs: &mut Epochs,
    ) -> Self {
        let layers = if layers.len() > 1 {
            layers.iter().take(MAX_LAYERS).cloned().collect()
        } else {
            single_layer()
        };
        Self {
            source: epochs.next(),
            tracks,
            clock: BridgeClock::new(now),
            audio: Track::new(epochs),
            pictures: layers.iter().map(|_| Track::new(epochs)).collect(),
            layers,
        }
    }

    pub(crate) fn tracks(&self) -> RtpTracks {
        self.tracks
    }

    pub(crate) fn source(&self) -> Epoch {
        self.source
    }

    /// For [`SourceInfo::layers`](crate::SourceInfo::layers).
    pub(crate) fn layers(&self) -> Arc<[String]> {
        self.layers.clone()
    }

    /// One packet. None when it is not RTP of a track and a layer that were announced.
    pub(crate) fn packet(&mut self, now: Instant, packet: &RtpPacket) -> Option<MediaPacket> {
        // RFC 3550 section 5.1: version 2, and by agreement no padding, extension or CSRC.
        let (header, payload) = packet.packet.split_first_chunk::<12>()?;
        if header[0] != 0x80 || payload.is_empty() || payload.len() > MAX_PAYLOAD {
            return None;
        }
        let (track, layer) = match packet.kind {
            Kind::Video if self.tracks.video.is_some() => (
                self.pictures.get_mut(usize::from(packet.layer))?,
                LayerId(packet.layer),
            ),
            Kind::Audio if self.tracks.audio => (&mut self.audio, LayerId::default()),
            Kind::Video | Kind::Audio => return None,
        };
        let seq16 = u16::from_be_bytes([header[2], header[3]]);
        let timestamp = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        let marker = header[1] & 0x80 != 0;
        let seq = extend(track.last, seq16);
        track.last = Some(track.last.map_or(seq, |last| last.max(seq)));
        let (signs, keyframe, keyframe_start) = match (packet.kind, self.tracks.video) {
            (Kind::Video, Some(codec)) => {
                let signs = keyframe::inspect(codec, payload, marker);
                let (keyframe, start) = track.keyframes.mark(timestamp, packet.keyframe);
                (signs, keyframe, start)
            }
            (Kind::Video, None) | (Kind::Audio, _) => (PayloadSigns::default(), false, false),
        };
        Some(MediaPacket {
            source: self.source,
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
            captured: self.clock.packet(now, packet.time),
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

    fn bridge(layers: &[&str]) -> BridgeIngest {
        let tracks = RtpTracks {
            video: Some(VideoCodec::H264),
            audio: false,
        };
        let layers: Vec<String> = layers.iter().map(ToString::to_string).collect();
        BridgeIngest::new(Instant::now(), tracks, &layers, &mut Epochs::default())
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
