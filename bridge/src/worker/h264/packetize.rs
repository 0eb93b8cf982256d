//! H.264 into RTP: RFC 6184, packetization mode 1.

use bytes::BufMut;
use weir_media::{MediaTime, RtpPacket};

use super::{AvcConfig, is_payload, nal, nal_type};
use crate::worker::rtp::{MAX_PACKET, RTP_HEADER, RtpTrack};

/// Room for a payload.
const MAX_PAYLOAD: usize = MAX_PACKET - RTP_HEADER;

/// STAP-A: several NAL units in one packet (section 5.7.1).
const STAP_A: u8 = 24;
/// FU-A: one NAL unit over several packets (section 5.8).
const FU_A: u8 = 28;
/// `forbidden_zero_bit` and `nal_ref_idc` of a NAL unit's first byte.
const F_AND_NRI: u8 = 0xe0;

/// Makes one video layer's packets.
#[derive(Debug)]
pub struct H264Packetizer {
    track: RtpTrack,
}

impl H264Packetizer {
    /// A layer whose numbering begins anew.
    pub fn new(layer: u8) -> Self {
        Self {
            track: RtpTrack::video(layer),
        }
    }

    /// Cuts one picture into packets. `nals` are its NAL units in order; a keyframe that does not
    /// bring its parameter sets gets those of `config` in front.
    pub fn packetize<'a>(
        &mut self,
        nals: impl Iterator<Item = &'a [u8]>,
        config: &'a AvcConfig,
        time: MediaTime,
        keyframe: bool,
    ) -> Vec<RtpPacket> {
        let mut units: Vec<&[u8]> = nals.filter(|unit| is_payload(unit)).collect();
        if keyframe && !units.iter().any(|unit| nal_type(unit) == nal::SPS) {
            let sets = config.sps.iter().chain(&config.pps).map(|set| &set[..]);
            units.splice(0..0, sets);
        }
        let mut payloads: Vec<Vec<u8>> = Vec::new();
        let mut waiting: Vec<&[u8]> = Vec::new();
        let mut size = 1;
        for unit in units {
            let grown = size + 2 + unit.len();
            if grown > MAX_PAYLOAD {
                aggregate(&mut waiting, &mut payloads);
                size = 1;
            }
            if unit.len() > MAX_PAYLOAD {
                fragment(unit, &mut payloads);
            } else {
                size += 2 + unit.len();
                waiting.push(unit);
            }
        }
        aggregate(&mut waiting, &mut payloads);

        let count = payloads.len();
        let packets = payloads.into_iter().enumerate();
        packets
            .map(|(at, payload)| self.track.packet(time, at + 1 == count, keyframe, &payload))
            .collect()
    }
}

/// The waiting units as one packet: as it is when it is one, else as STAP-A.
fn aggregate(waiting: &mut Vec<&[u8]>, payloads: &mut Vec<Vec<u8>>) {
    match &waiting[..] {
        [] => {}
        [unit] => payloads.push(unit.to_vec()),
        units => {
            // The header has the greatest nal_ref_idc of all (section 5.7.1).
            let importance = units.iter().map(|unit| unit[0] & 0x60).max().unwrap_or(0);
            let mut payload = vec![importance | STAP_A];
            for unit in units {
                payload.put_u16(unit.len() as u16);
                payload.put_slice(unit);
            }
            payloads.push(payload);
        }
    }
    waiting.clear();
}

/// One large unit in pieces of nearly the same size.
fn fragment(unit: &[u8], payloads: &mut Vec<Vec<u8>>) {
    const START: u8 = 0x80;
    const END: u8 = 0x40;
    let (header, body) = (unit[0], &unit[1..]);
    let count = body.len().div_ceil(MAX_PAYLOAD - 2);
    let size = body.len().div_ceil(count);
    let pieces = body.chunks(size);
    let last = pieces.len() - 1;
    for (at, piece) in pieces.enumerate() {
        let edge = if at == 0 { START } else { 0 } | if at == last { END } else { 0 };
        let mut payload = Vec::with_capacity(piece.len() + 2);
        payload.put_u8(header & F_AND_NRI | FU_A);
        payload.put_u8(edge | header & 0x1f);
        payload.put_slice(piece);
        payloads.push(payload);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::worker::depacketize::h264::H264Depacketizer;

    fn config() -> AvcConfig {
        AvcConfig {
            sps: vec![Bytes::from_static(&[0x67, 1, 2])],
            pps: vec![Bytes::from_static(&[0x68, 3])],
        }
    }

    #[test]
    fn what_was_cut_can_be_joined_again() {
        let big: Vec<u8> = std::iter::once(0x65)
            .chain((0..9000).map(|at| at as u8))
            .collect();
        let nals: [&[u8]; 5] = [
            &[0x09, 0xf0],
            &[0x06, 1, 2, 3],
            &big,
            &[0x65, 7],
            &[0x0c, 0xff],
        ];
        let mut packetizer = H264Packetizer::new(0);
        let packets = packetizer.packetize(nals.into_iter(), &config(), 2_000_000_000, true);

        let mut joined = Vec::new();
        let mut depacketizer = H264Depacketizer::default();
        for (at, packet) in packets.iter().enumerate() {
            assert!(packet.packet.len() <= 1200);
            assert_eq!(
                packet.packet[1] >> 7 == 1,
                at + 1 == packets.len(),
                "the marker ends the picture"
            );
            assert_eq!(packet.packet[4..8], 180_000_u32.to_be_bytes());
            assert!(packet.keyframe && packet.time == 2_000_000_000);
            depacketizer
                .push(&packet.packet[12..], &mut joined)
                .unwrap();
        }
        let joined: Vec<_> = super::super::nal_units(&joined)
            .map(|unit| unit.unwrap().to_vec())
            .collect();
        let expected: [&[u8]; 5] = [
            &[0x67, 1, 2],
            &[0x68, 3],
            &[0x06, 1, 2, 3],
            &big,
            &[0x65, 7],
        ];
        assert_eq!(joined, expected);
    }

    #[test]
    fn every_size_fits() {
        let mut packetizer = H264Packetizer::new(0);
        for size in (1..4000).chain([100_000]) {
            let unit = vec![0x41; size];
            let packets =
                packetizer.packetize([&unit[..], &[0x41, 1]].into_iter(), &config(), 0, false);
            assert!(
                packets.iter().all(|packet| packet.packet.len() <= 1200),
                "{size}"
            );
        }
    }

    #[test]
    fn numbering_is_without_gaps_over_pictures() {
        let mut packetizer = H264Packetizer::new(0);
        let unit = vec![0x41; 3000];
        let numbers: Vec<u16> = (0..3)
            .flat_map(|at| packetizer.packetize([&unit[..]].into_iter(), &config(), at, false))
            .map(|packet| u16::from_be_bytes([packet.packet[2], packet.packet[3]]))
            .collect();
        assert!(
            numbers.windows(2).all(|pair| pair[1] == pair[0] + 1),
            "{numbers:?}"
        );
    }
}
