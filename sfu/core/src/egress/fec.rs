//! Forward error correction of one viewer's video: when it is sent, how much of it, and of which
//! packets.
//!
//! A retransmission comes a round trip after the loss was seen. Players wait about 200 ms for a frame,
//! so beyond a round trip of [`FAR`] only a repair that is already on its way helps. It costs its
//! share of the path all the time, so it is sent only where packets are lost, and as much as are lost.
//! The figures that decided this stand in `README.md` beside this file.

use std::time::Duration;

use weir_rtp::{flexfec::Encoder, rtcp::ReportBlock};

use crate::flexfec::Flexfec;

/// Round trip from which on a repair is worth more than a retransmission, by the measurement.
const FAR: Duration = Duration::from_millis(150);

/// It is sent until the round trip is below this: round trips wander.
const NEAR: Duration = Duration::from_millis(120);

/// Share of packets lost from which on there is something to repair, and below which there is no more.
const LOSSY: f32 = 0.005;
const CLEAN: f32 = 0.0025;

/// How much of a report's loss goes into the average.
const SMOOTHING: f32 = 0.25;

/// Repair packets per packet: this multiple of the loss, between least and most.
const PER_LOSS: f32 = 2.0;
const LEAST: f32 = 0.1;
const MOST: f32 = 0.4;

/// Packets of a frame until it is known.
const USUAL_FRAME: f32 = 8.0;

/// Packets that a group should have at most, so that with a quarter more it still fits into
/// [`weir_rtp::flexfec::MAX_GROUP`].
const LARGE_GROUP: f32 = 38.0;

/// A group of small frames ends after so many, since its repairs come at its end.
const MAX_FRAMES: u8 = 3;

/// The repair stream of one viewer.
#[derive(Debug)]
pub(crate) struct Fec {
    mode: Flexfec,
    pub(super) pt: u8,
    pub(super) ssrc: u32,
    /// Next number of the repair stream.
    pub(super) seq: u64,
    /// What a repair is written into before it is sent; kept for its memory.
    pub(super) scratch: Vec<u8>,
    protected: u32,
    /// Transport-wide number's id: it is protected as zeros.
    twcc: Option<u8>,
    /// Cumulative loss and highest number of the report before.
    before: Option<(i32, u32)>,
    /// Smoothed share of packets lost.
    loss: Option<f32>,
    /// Repair packets per packet.
    share: f32,
    active: Option<Group>,
}

/// What is protected next. Exists only while repairs are sent.
#[derive(Debug)]
struct Group {
    encoder: Encoder,
    rows: usize,
    /// Packets that it should have, by `rows` and the share.
    wanted: f32,
    frames: u8,
    newest: Option<u16>,
    in_frame: u16,
    /// Packets of a frame, smoothed.
    usual: f32,
}

impl Fec {
    /// `protected` is the picture's SSRC, `twcc` the id of the transport-wide number.
    pub(super) fn new(mode: Flexfec, pt: u8, ssrc: u32, protected: u32, twcc: Option<u8>) -> Self {
        Self {
            mode,
            pt,
            ssrc,
            seq: 1,
            scratch: Vec::new(),
            protected,
            twcc,
            before: None,
            loss: None,
            share: 0.0,
            active: None,
        }
    }

    /// A report on the picture. `room`: what the path is thought to carry beside the stream, as a
    /// share of the stream.
    pub(super) fn reported(
        &mut self,
        block: &ReportBlock,
        round_trip: Option<Duration>,
        room: f32,
    ) {
        let (lost, highest) = (block.cumulative_lost, block.highest_seq);
        let before = self.before.replace((lost, highest));
        let newest = match before {
            // Finer than the fraction in the report, which is in 1/256.
            Some((lost_before, highest_before)) => {
                let expected = highest.wrapping_sub(highest_before);
                // Without news, or from before the report before.
                if expected == 0 || expected > 1 << 16 {
                    return;
                }
                let lost = lost.saturating_sub(lost_before).max(0);
                (lost as f32 / expected as f32).min(1.0)
            }
            None => f32::from(block.fraction_lost) / 256.0,
        };
        let loss = match self.loss {
            Some(loss) => loss + (newest - loss) * SMOOTHING,
            None => newest,
        };
        self.loss = Some(loss);
        let on = self.active.is_some();
        let lossy = loss >= if on { CLEAN } else { LOSSY };
        let far = match self.mode {
            Flexfec::Off => false,
            Flexfec::Auto => round_trip.is_some_and(|rtt| rtt >= if on { NEAR } else { FAR }),
            Flexfec::Always => true,
        };
        // More than the path carries would be lost, or take the place of the picture.
        self.share = (loss * PER_LOSS).clamp(LEAST, MOST).min(room);
        if !lossy || !far || self.share < LEAST {
            self.active = None;
        } else if !on {
            self.active = Some(Group::new(self.protected, self.twcc));
        }
    }

    /// Takes a packet as it is sent, before SRTP.
    pub(super) fn protect(&mut self, header: &[u8], payload: &[u8]) {
        let Some(group) = &mut self.active else {
            return;
        };
        group.add(header, payload, self.share);
    }

    /// How many repair packets are to be sent now, after a packet with this marker.
    pub(super) fn due(&mut self, marker: bool) -> usize {
        let Some(group) = &mut self.active else {
            return 0;
        };
        group.due(marker)
    }

    /// Appends the payload of a repair packet.
    pub(super) fn write(&self, repair: usize, out: &mut Vec<u8>) -> bool {
        self.active
            .as_ref()
            .is_some_and(|group| group.encoder.write(repair, out))
    }

    /// The repairs are sent.
    pub(super) fn clear(&mut self) {
        if let Some(group) = &mut self.active {
            group.clear();
        }
    }
}

impl Group {
    fn new(protected: u32, twcc: Option<u8>) -> Self {
        Self {
            encoder: Encoder::new(protected, 1, twcc.as_slice()),
            rows: 1,
            wanted: 1.0,
            frames: 0,
            newest: None,
            in_frame: 0,
            usual: USUAL_FRAME,
        }
    }

    fn clear(&mut self) {
        self.encoder.clear();
        self.frames = 0;
    }

    /// As many packets as a frame has make a group, or more if a frame has too few for one repair.
    fn begin(&mut self, share: f32) {
        let frame = self.usual.min(LARGE_GROUP);
        let rows = (frame * share).round().max(1.0);
        self.wanted = rows / share;
        let rows = rows as usize;
        if rows != self.rows {
            self.rows = rows;
            self.encoder.set_rows(rows);
        }
        self.clear();
    }

    fn add(&mut self, header: &[u8], payload: &[u8], share: f32) {
        let Some(&[high, low]) = header.get(2..4) else {
            return;
        };
        let seq = u16::from_be_bytes([high, low]);
        // What comes late was not there when its group was sent.
        if self
            .newest
            .is_some_and(|newest| seq.wrapping_sub(newest).wrapping_sub(1) > i16::MAX as u16)
        {
            return;
        }
        self.newest = Some(seq);
        self.in_frame = self.in_frame.saturating_add(1);
        if self.encoder.packets() == 0 {
            self.begin(share);
        }
        if self.encoder.add(header, payload).is_err() {
            // Too far from the group's first: so much was lost before us that the group is of no use.
            self.begin(share);
            let _ = self.encoder.add(header, payload);
        }
    }

    fn due(&mut self, marker: bool) -> usize {
        if marker {
            self.usual += (f32::from(self.in_frame) - self.usual) / 8.0;
            self.in_frame = 0;
            self.frames = self.frames.saturating_add(1);
        }
        let has = self.encoder.packets() as f32;
        // Rather a frame's end than the exact size, within a quarter.
        let ends = marker && (has >= 0.75 * self.wanted || self.frames >= MAX_FRAMES);
        if ends || has >= 1.25 * self.wanted {
            self.encoder.repairs()
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(lost: i32, highest: u32) -> ReportBlock {
        ReportBlock {
            ssrc: 1,
            fraction_lost: 0,
            cumulative_lost: lost,
            highest_seq: highest,
            jitter: 0,
            lsr: 0,
            dlsr: 0,
        }
    }

    /// Whether it is on after 20 reports of this loss in 1/1,000.
    fn after(fec: &mut Fec, lost: i32, rtt: u64, room: f32) -> bool {
        for _ in 0..20 {
            let (before, highest) = fec.before.unwrap_or_default();
            let block = block(before + lost, highest + 1_000);
            fec.reported(&block, Some(Duration::from_millis(rtt)), room);
        }
        fec.active.is_some()
    }

    #[test]
    fn it_is_on_only_where_it_helps_and_stays_a_little_longer() {
        let mut auto = Fec::new(Flexfec::Auto, 49, 2, 1, None);
        assert!(!after(&mut auto, 4, 300, 1.0), "hardly any loss");
        assert!(!after(&mut auto, 30, 140, 1.0), "near");
        assert!(after(&mut auto, 30, 160, 1.0));
        assert!(after(&mut auto, 30, 130, 1.0));
        assert!(after(&mut auto, 3, 130, 1.0));
        assert!(!after(&mut auto, 2, 130, 1.0));
        assert!(!after(&mut auto, 4, 160, 1.0));
        assert!(after(&mut auto, 30, 160, 1.0));
        assert!(!after(&mut auto, 30, 110, 1.0));
        assert!(!after(&mut auto, 30, 300, 0.05), "the path is full");
        let mut always = Fec::new(Flexfec::Always, 49, 2, 1, None);
        assert!(after(&mut always, 30, 20, 1.0));
        assert!(!after(&mut always, 1, 20, 1.0));
    }

    #[test]
    fn as_much_as_is_lost_and_no_more_than_fits() {
        let mut fec = Fec::new(Flexfec::Always, 49, 2, 1, None);
        let mut seq = 0_u16;
        for (lost, room, share) in [
            (10, 1.0, LEAST),
            (100, 1.0, 0.2),
            (500, 1.0, MOST),
            (500, 0.3, 0.3),
        ] {
            after(&mut fec, lost, 200, room);
            assert!((fec.share - share).abs() < 0.02, "{lost}: {}", fec.share);
            // 60 frames of 9 packets, 27 in each tenth.
            let (mut repairs, mut packets) = (0, 0);
            for frame in 0..60 {
                let count = if frame % 10 == 0 { 27 } else { 9 };
                for part in 1..=count {
                    let mut header = [0; 12];
                    header[2..4].copy_from_slice(&seq.to_be_bytes());
                    seq = seq.wrapping_add(1);
                    fec.protect(&header, &[1; 100]);
                    packets += 1;
                    let due = fec.due(part == count);
                    if due > 0 {
                        repairs += due;
                        assert!((0..due).all(|row| fec.write(row, &mut Vec::new())));
                        fec.clear();
                    }
                }
            }
            let sent = repairs as f32 / packets as f32;
            assert!((sent - share).abs() < 0.04, "{lost}: {sent}");
        }
    }
}
