//! Rewrites sequence numbers and timestamps so that a viewer sees one RTP stream for ever.

use std::time::{Duration, Instant};

use weir_media::Kind;

use crate::packet::{Epoch, MediaPacket, clock_rate};

/// Where numbering starts. Anything below 2¹⁶ is right: the receiver assumes rollover counter 0
/// (RFC 3711 section 3.3.1). Small, so that the first rollover is far.
const FIRST_SEQ: u64 = 1_000;

/// The numbering of one track to one viewer.
#[derive(Debug)]
pub(crate) struct Munger {
    kind: Kind,
    run: Option<Run>,
    /// Greatest number given out.
    last_seq: Option<u64>,
    /// Timestamp and capture time of the newest packet given out.
    last: Option<(u32, Instant)>,
    first_timestamp: u32,
}

/// How packets of the present epoch map.
#[derive(Debug, Clone, Copy)]
struct Run {
    epoch: Epoch,
    /// First source number of this run: what is older belongs to before the switch.
    from_seq: u64,
    seq_offset: i64,
    timestamp_offset: u32,
}

/// A packet's place in the viewer's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Munged {
    pub seq: u64,
    pub timestamp: u32,
}

impl Munger {
    pub(crate) fn new(kind: Kind, first_timestamp: u32) -> Self {
        Self {
            kind,
            run: None,
            last_seq: None,
            last: None,
            first_timestamp,
        }
    }

    /// Whether the next packet of this epoch continues a run. When not, `begin` comes first.
    pub(crate) fn continues(&self, epoch: Epoch) -> bool {
        self.run.is_some_and(|run| run.epoch == epoch)
    }

    /// Forgets the run, so that the next packet begins a new one without a gap in the numbers.
    pub(crate) fn interrupt(&mut self) {
        self.run = None;
    }

    /// This packet begins a run: the first at all, after a source change, or after packets were left out.
    ///
    /// The timestamp goes on by the time that passed between the captures, the same for audio and
    /// video, so the relation of the two survives the switch.
    pub(crate) fn begin(&mut self, packet: &MediaPacket) {
        let seq = self.last_seq.map_or(FIRST_SEQ, |last| last + 1);
        let timestamp = match self.last {
            None => self.first_timestamp,
            Some((last, captured)) => {
                let passed = packet.captured.saturating_duration_since(captured);
                last.wrapping_add(ticks(passed, self.kind).max(1))
            }
        };
        self.run = Some(Run {
            epoch: packet.epoch,
            from_seq: packet.seq,
            seq_offset: seq as i64 - packet.seq as i64,
            timestamp_offset: timestamp.wrapping_sub(packet.timestamp),
        });
    }

    /// The packet's numbers, or none when it is older than the run (a late retransmission from before the switch).
    pub(crate) fn munge(&mut self, packet: &MediaPacket) -> Option<Munged> {
        let run = self.run.filter(|run| run.epoch == packet.epoch)?;
        if packet.seq < run.from_seq {
            return None;
        }
        let seq = packet.seq.checked_add_signed(run.seq_offset)?;
        let timestamp = packet.timestamp.wrapping_add(run.timestamp_offset);
        if self.last_seq.is_none_or(|last| seq > last) {
            self.last_seq = Some(seq);
            self.last = Some((timestamp, packet.captured));
        }
        Some(Munged { seq, timestamp })
    }
}

fn ticks(passed: Duration, kind: Kind) -> u32 {
    // Modulo 2³² on purpose, as RTP timestamps are.
    (passed.as_nanos() * u128::from(clock_rate(kind)) / 1_000_000_000) as u32
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn packet(epoch: u64, seq: u64, timestamp: u32, captured: Instant) -> MediaPacket {
        MediaPacket {
            source: Epoch(epoch),
            epoch: Epoch(epoch),
            layer: crate::packet::LayerId::default(),
            kind: Kind::Video,
            red: false,
            seq,
            timestamp,
            marker: false,
            keyframe: true,
            keyframe_start: true,
            payload: Arc::from(&[0_u8][..]),
            time: 0,
            captured,
            h264_profile: None,
            size: None,
            picture_ids: weir_rtp::picture_ids::PictureIds::default(),
            scalability: None,
        }
    }

    #[test]
    fn a_switch_goes_on_where_the_last_source_ended() {
        let now = Instant::now();
        let mut munger = Munger::new(Kind::Video, 7);
        let first = packet(1, 60_000, 0xffff_ff00, now);
        munger.begin(&first);
        assert_eq!(
            munger.munge(&first),
            Some(Munged {
                seq: FIRST_SEQ,
                timestamp: 7
            })
        );
        let next = packet(1, 60_003, 0xffff_ff00_u32.wrapping_add(3_000), now);
        assert_eq!(
            munger.munge(&next),
            Some(Munged {
                seq: FIRST_SEQ + 3,
                timestamp: 3_007
            })
        );

        let other = packet(2, 5, 99, now + Duration::from_secs(1));
        assert!(!munger.continues(Epoch(2)));
        assert_eq!(
            munger.munge(&other),
            None,
            "nothing of a new source before its beginning"
        );
        munger.begin(&other);
        assert_eq!(
            munger.munge(&other),
            Some(Munged {
                seq: FIRST_SEQ + 4,
                timestamp: 93_007
            })
        );
        assert_eq!(
            munger.munge(&packet(1, 60_004, 0, now)),
            None,
            "late from the old source"
        );
        assert_eq!(
            munger.munge(&packet(2, 4, 0, now)),
            None,
            "older than the switch"
        );
    }

    #[test]
    fn late_packets_keep_their_place() {
        let now = Instant::now();
        let mut munger = Munger::new(Kind::Video, 0);
        munger.begin(&packet(1, 10, 0, now));
        let seqs = [10, 12, 11].map(|seq| munger.munge(&packet(1, seq, 0, now)).unwrap().seq);
        assert_eq!(seqs, [FIRST_SEQ, FIRST_SEQ + 2, FIRST_SEQ + 1]);
    }

    #[test]
    fn an_interruption_leaves_no_gap() {
        let now = Instant::now();
        let mut munger = Munger::new(Kind::Video, 0);
        munger.begin(&packet(1, 10, 0, now));
        munger.munge(&packet(1, 10, 0, now));
        munger.interrupt();
        let resumed = packet(1, 500, 90_000, now + Duration::from_secs(1));
        munger.begin(&resumed);
        assert_eq!(
            munger.munge(&resumed),
            Some(Munged {
                seq: FIRST_SEQ + 1,
                timestamp: 90_000
            })
        );
    }
}
