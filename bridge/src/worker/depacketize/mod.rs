//! A WHIP publisher's RTP back into pictures.

mod audio;
mod av1;
pub mod h264;
mod h265;
mod reorder;
mod vp8;
mod vp9;

use bytes::Bytes;
use weir_media::{Kind, MediaTime, RtpPacket, VideoCodec};

use crate::source::AccessUnit;

pub use audio::{AudioOrder, opus_duration};

use reorder::{Ordered, Reorder};

/// Bytes of one picture; a larger one is given up as lost. It is what one link message can carry.
const MAX_PICTURE: usize = 16 << 20;

/// A payload that breaks its format's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed RTP payload")]
pub struct Malformed;

/// Joins one video track's packets to pictures. Packets may come out of order and may be lost.
#[derive(Debug)]
pub struct VideoAssembler {
    codec: Codec,
    reorder: Reorder,
    picture: Option<Picture>,
    /// Pictures refer to lost ones until the next keyframe.
    broken: bool,
    /// Only a keyframe helps, and none is on its way as far as is known.
    wanting: bool,
}

#[derive(Debug)]
enum Codec {
    H264(h264::H264Depacketizer),
    H265(h265::H265Depacketizer),
    Vp8,
    Vp9,
    Av1(av1::Av1Depacketizer),
}

#[derive(Debug)]
struct Picture {
    timestamp: u32,
    time: MediaTime,
    keyframe: bool,
    data: Vec<u8>,
    whole: bool,
}

impl VideoAssembler {
    /// An assembler for payloads of `codec`.
    pub fn new(codec: VideoCodec) -> Self {
        let codec = match codec {
            VideoCodec::H264 => Codec::H264(h264::H264Depacketizer::default()),
            VideoCodec::Vp8 => Codec::Vp8,
            VideoCodec::Vp9 => Codec::Vp9,
            VideoCodec::Av1 => Codec::Av1(av1::Av1Depacketizer::default()),
            VideoCodec::Hevc => Codec::H265(h265::H265Depacketizer::default()),
        };
        Self {
            codec,
            reorder: Reorder::default(),
            picture: None,
            broken: true,
            wanting: false,
        }
    }

    /// Whether a keyframe is needed to go on.
    pub fn needs_keyframe(&self) -> bool {
        self.wanting
    }

    /// Takes a packet; `pictures` gets what is whole now.
    pub fn push(&mut self, packet: RtpPacket, pictures: &mut Vec<AccessUnit>) {
        self.reorder.insert(packet);
        while let Some(next) = self.reorder.next() {
            match next {
                Ordered::Packet(packet) => self.take(&packet, pictures),
                Ordered::Lost => self.lose(),
            }
        }
    }

    fn take(&mut self, packet: &RtpPacket, pictures: &mut Vec<AccessUnit>) {
        // The packet has its plain header, see `RtpPacket::packet`; the link checked its length.
        let header = &packet.packet[..12];
        let marker = header[1] & 0x80 != 0;
        let timestamp = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        let payload = packet.packet.slice(12..);
        if self
            .picture
            .as_ref()
            .is_some_and(|picture| picture.timestamp != timestamp)
        {
            // No marker came: some senders forget it, and then the next timestamp ends the picture.
            self.finish(pictures);
        }
        // Probing packets carry nothing.
        if payload.is_empty() {
            return;
        }
        let picture = self.picture.get_or_insert_with(|| Picture {
            timestamp,
            time: packet.time,
            keyframe: false,
            data: Vec::new(),
            whole: true,
        });
        let result = match &mut self.codec {
            Codec::H264(depacketizer) => depacketizer
                .push(&payload, &mut picture.data)
                .map(|()| false),
            Codec::H265(depacketizer) => depacketizer.push(&payload, &mut picture.data),
            Codec::Vp8 => vp8::push(&payload, &mut picture.data),
            Codec::Vp9 => vp9::push(&payload, &mut picture.data),
            Codec::Av1(depacketizer) => depacketizer.push(&payload, &mut picture.data),
        };
        match result {
            Ok(keyframe) => picture.keyframe |= keyframe,
            Err(Malformed) => picture.whole = false,
        }
        picture.whole &= picture.data.len() <= MAX_PICTURE;
        if !picture.whole {
            picture.data.clear();
        }
        if marker {
            self.finish(pictures);
        }
    }

    fn finish(&mut self, pictures: &mut Vec<AccessUnit>) {
        let Some(picture) = self.picture.take() else {
            return;
        };
        if !picture.whole {
            self.lose();
            return;
        }
        if picture.data.is_empty() {
            return;
        }
        let data = Bytes::from(picture.data);
        let keyframe = match &self.codec {
            Codec::H264(_) => crate::worker::h264::inspect(&data).is_ok_and(|found| found.idr),
            Codec::H265(_) | Codec::Vp8 | Codec::Vp9 | Codec::Av1(_) => picture.keyframe,
        };
        if self.broken && !keyframe {
            self.wanting = true;
            return;
        }
        self.broken = false;
        self.wanting = false;
        pictures.push(AccessUnit {
            kind: Kind::Video,
            layer: 0,
            dts: picture.time,
            pts: picture.time,
            keyframe,
            data,
        });
    }

    fn lose(&mut self) {
        self.broken = true;
        self.wanting = true;
        if let Some(picture) = &mut self.picture {
            picture.whole = false;
            picture.data.clear();
        }
        match &mut self.codec {
            Codec::H264(depacketizer) => depacketizer.reset(),
            Codec::H265(depacketizer) => depacketizer.reset(),
            Codec::Av1(depacketizer) => depacketizer.reset(),
            Codec::Vp8 | Codec::Vp9 => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::worker::rtp::RtpTrack;

    fn vp8(track: &mut RtpTrack, time: MediaTime, keyframe: bool) -> Vec<RtpPacket> {
        let first = if keyframe { 0 } else { 1 };
        vec![
            track.packet(time, false, keyframe, &[0x10, first, 1, 2]),
            track.packet(time, true, keyframe, &[0x00, 3, 4]),
        ]
    }

    #[test]
    fn a_swapped_pair_is_put_in_order() {
        let mut track = RtpTrack::new(Kind::Video);
        let mut assembler = VideoAssembler::new(VideoCodec::Vp8);
        let mut pictures = Vec::new();
        let mut packets = vp8(&mut track, 0, true);
        packets.extend(vp8(&mut track, 33_000_000, false));
        packets.swap(1, 2);
        packets
            .into_iter()
            .for_each(|packet| assembler.push(packet, &mut pictures));
        assert_eq!(pictures.len(), 2);
        assert_eq!(&pictures[0].data[..], [0, 1, 2, 3, 4]);
        assert!(pictures[0].keyframe && !pictures[1].keyframe);
        assert!(!assembler.needs_keyframe());
    }

    #[test]
    fn after_a_loss_nothing_is_given_out_before_a_keyframe() {
        let mut track = RtpTrack::new(Kind::Video);
        let mut assembler = VideoAssembler::new(VideoCodec::Vp8);
        let mut pictures = Vec::new();
        let step = 33_000_000;
        for at in 0..30 {
            let mut packets = vp8(&mut track, at * step, at == 0 || at == 20);
            if at == 3 {
                packets.pop();
            }
            packets
                .into_iter()
                .for_each(|packet| assembler.push(packet, &mut pictures));
        }
        let times: Vec<_> = pictures.iter().map(|picture| picture.pts / step).collect();
        assert_eq!(
            times,
            [0, 1, 2].into_iter().chain(20..30).collect::<Vec<_>>()
        );
    }

    #[test]
    fn garbage_is_never_a_panic() {
        let mut seed = 1_u32;
        let mut random = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        };
        for codec in [
            VideoCodec::H264,
            VideoCodec::Hevc,
            VideoCodec::Vp8,
            VideoCodec::Vp9,
            VideoCodec::Av1,
        ] {
            let mut track = RtpTrack::new(Kind::Video);
            let mut assembler = VideoAssembler::new(codec);
            let mut pictures = Vec::new();
            for at in 0..20_000_u64 {
                let payload: Vec<u8> = (0..random() % 40).map(|_| random()).collect();
                assembler.push(
                    track.packet(at * 1_000_000, random() % 3 == 0, false, &payload),
                    &mut pictures,
                );
            }
        }
    }
}
