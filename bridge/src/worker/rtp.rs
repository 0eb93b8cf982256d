//! RTP headers (RFC 3550, section 5.1) of the tracks that leave the worker.

use bytes::{BufMut, Bytes, BytesMut};
use weir_media::{Kind, MediaTime, RtpPacket};

/// Largest packet with its header. What SRTP, RTP extensions, UDP and IPv6 add stays below 1,500.
pub const MAX_PACKET: usize = 1200;

/// The fixed header without contributing sources.
pub const RTP_HEADER: usize = 12;

/// Clock rate of every video payload.
pub const VIDEO_CLOCK: u64 = 90_000;

/// Clock rate of Opus (RFC 7587, section 4.1).
pub const AUDIO_CLOCK: u64 = 48_000;

/// A media time as ticks of a clock, rounded.
pub fn ticks(time: MediaTime, rate: u64) -> u64 {
    ((u128::from(time) * u128::from(rate) + 500_000_000) / 1_000_000_000) as u64
}

/// Ticks of a clock as media time, rounded.
pub fn nanos(ticks: u64, rate: u64) -> MediaTime {
    ((u128::from(ticks) * 1_000_000_000 + u128::from(rate / 2)) / u128::from(rate)) as u64
}

/// Numbers one track's packets. Payload type and SSRC only tell the tracks apart: the SFU writes its
/// own for each viewer.
#[derive(Debug)]
pub struct RtpTrack {
    kind: Kind,
    layer: u8,
    sequence: u16,
}

impl RtpTrack {
    /// A track whose numbering begins at 0.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            layer: 0,
            sequence: 0,
        }
    }

    /// A layer of the picture, whose numbering begins at 0.
    pub fn video(layer: u8) -> Self {
        Self {
            layer,
            ..Self::new(Kind::Video)
        }
    }

    /// The next packet.
    pub fn packet(
        &mut self,
        time: MediaTime,
        marker: bool,
        keyframe: bool,
        payload: &[u8],
    ) -> RtpPacket {
        const VERSION_2: u8 = 0x80;
        const MARKER: u8 = 0x80;
        let (rate, payload_type, ssrc) = match self.kind {
            Kind::Video => (VIDEO_CLOCK, 96, 1),
            Kind::Audio => (AUDIO_CLOCK, 111, 2),
        };
        let mut packet = BytesMut::with_capacity(RTP_HEADER + payload.len());
        packet.put_u8(VERSION_2);
        packet.put_u8(payload_type | if marker { MARKER } else { 0 });
        packet.put_u16(self.sequence);
        // Modulo 2^32, as RTP timestamps are.
        packet.put_u32(ticks(time, rate) as u32);
        packet.put_u32(ssrc);
        packet.put_slice(payload);
        self.sequence = self.sequence.wrapping_add(1);
        RtpPacket {
            kind: self.kind,
            layer: self.layer,
            time,
            keyframe,
            packet: packet.freeze(),
        }
    }

    /// One packet of Opus (RFC 7587, section 4.2: a packet is a payload; the marker begins a talkspurt).
    pub fn opus(&mut self, time: MediaTime, marker: bool, payload: &Bytes) -> RtpPacket {
        self.packet(time, marker, false, payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_convert_both_ways_for_years() {
        for time in [
            0,
            1,
            33_333_333,
            3_600_000_000_000,
            3600 * 24 * 365 * 1_000_000_000,
        ] {
            assert!(nanos(ticks(time, VIDEO_CLOCK), VIDEO_CLOCK).abs_diff(time) <= 5556);
        }
        assert_eq!(ticks(20_000_000, AUDIO_CLOCK), 960);
        assert_eq!(nanos(960, AUDIO_CLOCK), 20_000_000);
    }
}
