//! Opus in RTP (RFC 7587): a payload is a packet.

use bytes::Bytes;
use weir_media::{MediaTime, RtpPacket};

use super::reorder::{Ordered, Reorder};

/// Puts a publisher's audio packets in order.
#[derive(Debug, Default)]
pub struct AudioOrder {
    reorder: Reorder,
}

impl AudioOrder {
    /// Takes a packet; `deliver` gets the payloads whose turn it is.
    pub fn push(&mut self, packet: RtpPacket, mut deliver: impl FnMut(MediaTime, &Bytes)) {
        self.reorder.insert(packet);
        while let Some(next) = self.reorder.next() {
            // A loss shows as a gap in the times, and is filled there.
            if let Ordered::Packet(packet) = next {
                let payload = packet.packet.slice(12..);
                if !payload.is_empty() {
                    deliver(packet.time, &payload);
                }
            }
        }
    }
}

/// How long an Opus packet lasts, in nanoseconds (RFC 6716, section 3.1).
pub fn opus_duration(packet: &[u8]) -> u64 {
    const SILK: [u64; 4] = [10_000_000, 20_000_000, 40_000_000, 60_000_000];
    const HYBRID: [u64; 2] = [10_000_000, 20_000_000];
    const CELT: [u64; 4] = [2_500_000, 5_000_000, 10_000_000, 20_000_000];
    let Some(toc) = packet.first() else { return 0 };
    let config = usize::from(toc >> 3);
    let frame = match config {
        0..12 => SILK[config % 4],
        12..16 => HYBRID[config % 2],
        _ => CELT[config % 4],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => packet.get(1).map_or(0, |count| u64::from(count & 0x3f)),
    };
    frame * frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_say_how_long_they_last() {
        assert_eq!(opus_duration(&[0xfc]), 20_000_000);
        assert_eq!(opus_duration(&[0x08]), 20_000_000);
        assert_eq!(opus_duration(&[0x78 | 1]), 40_000_000);
        assert_eq!(opus_duration(&[0x80 | 3, 4]), 10_000_000);
        assert_eq!(opus_duration(&[]), 0);
    }
}
