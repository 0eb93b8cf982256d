//! Packets back into the order of their sequence numbers.

use std::collections::BTreeMap;

use weir_media::{MediaTime, RtpPacket};

/// A missing packet is waited for this long in media time: the SFU asks for it again and needs a
/// few round trips. HLS has time for that.
const PATIENCE: MediaTime = 250_000_000;

/// Packets that wait behind a missing one. When they are more, it counts as lost.
const CAPACITY: usize = 1024;

/// A packet that jumps further than this belongs to a new numbering (RFC 3550, appendix A.1).
const MAX_JUMP: i64 = 3000;

/// What comes next in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ordered {
    Packet(RtpPacket),
    /// One or more packets did not come.
    Lost,
}

#[derive(Debug, Default)]
pub(super) struct Reorder {
    /// Extended sequence number that comes next.
    next: Option<i64>,
    waiting: BTreeMap<i64, RtpPacket>,
    newest: MediaTime,
}

impl Reorder {
    /// Takes a packet of at least 12 bytes.
    pub(super) fn insert(&mut self, packet: RtpPacket) {
        let sequence = u16::from_be_bytes([packet.packet[2], packet.packet[3]]);
        let next = *self.next.get_or_insert(i64::from(sequence));
        let mut extended = next + i64::from(sequence.wrapping_sub(next as u16) as i16);
        if (extended - next).abs() > MAX_JUMP {
            // A new numbering; what waits is of the old one. The number before it never comes, so
            // that the reader sees a loss.
            self.waiting.clear();
            extended = i64::from(sequence);
            self.next = Some(extended - 1);
        }
        if extended < self.next.unwrap_or(extended) {
            return;
        }
        self.newest = self.newest.max(packet.time);
        self.waiting.insert(extended, packet);
    }

    pub(super) fn next(&mut self) -> Option<Ordered> {
        let next = self.next?;
        let first = self.waiting.first_entry()?;
        if *first.key() == next {
            self.next = Some(next + 1);
            return Some(Ordered::Packet(first.remove()));
        }
        let waited = self.newest.saturating_sub(first.get().time);
        if waited < PATIENCE && self.waiting.len() < CAPACITY {
            return None;
        }
        self.next = self
            .waiting
            .first_key_value()
            .map(|(sequence, _)| *sequence);
        Some(Ordered::Lost)
    }
}

#[cfg(test)]
mod tests {
    use weir_media::Kind;

    use super::*;

    fn packet(sequence: u16, time: MediaTime) -> RtpPacket {
        let [high, low] = sequence.to_be_bytes();
        let packet = vec![0x80, 96, high, low, 0, 0, 0, 0, 0, 0, 0, 1].into();
        RtpPacket {
            kind: Kind::Video,
            layer: 0,
            time,
            keyframe: false,
            packet,
        }
    }

    fn order(packets: &[(u16, MediaTime)]) -> Vec<Option<u16>> {
        let mut reorder = Reorder::default();
        let mut out = Vec::new();
        for (sequence, time) in packets {
            reorder.insert(packet(*sequence, *time));
            while let Some(next) = reorder.next() {
                out.push(match next {
                    Ordered::Packet(packet) => {
                        Some(u16::from_be_bytes([packet.packet[2], packet.packet[3]]))
                    }
                    Ordered::Lost => None,
                });
            }
        }
        out
    }

    #[test]
    fn order_is_kept_over_the_wrap() {
        let sent = [65534, 0, 65535, 2, 1, 1].map(|sequence| (sequence, 0));
        assert_eq!(order(&sent), [65534, 65535, 0, 1, 2].map(Some));
    }

    #[test]
    fn a_missing_packet_is_given_up_in_time() {
        assert_eq!(order(&[(1, 0), (3, 0)]), [Some(1)]);
        assert_eq!(
            order(&[(1, 0), (3, 0), (4, PATIENCE)]),
            [Some(1), None, Some(3), Some(4)]
        );
    }

    #[test]
    fn a_new_numbering_is_a_loss_and_goes_on() {
        let out = order(&[(1, 0), (2, 0), (40_000, 1), (40_001, PATIENCE + 1)]);
        assert_eq!(out, [Some(1), Some(2), None, Some(40_000), Some(40_001)]);
    }
}
