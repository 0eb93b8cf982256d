//! Rewrites sequence numbers, timestamps and picture numbers so that a viewer sees one RTP stream for
//! ever, and finds the source's packet again by the viewer's number.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use weir_media::Kind;
use weir_rtp::picture_ids::{PictureIdOffsets, PictureIds};

use crate::packet::{Epoch, LayerId, MediaPacket, clock_rate};

/// Where numbering starts. Anything below 2¹⁶ is right: the receiver assumes rollover counter 0
/// (RFC 3711 section 3.3.1). Small, so that the first rollover is far.
const FIRST_SEQ: u64 = 1_000;

/// Spans that are remembered for retransmission. Each change of source or layer begins one, and each
/// frame that is left out of a scalable stream: this is about 2 s of every other frame left out. The
/// oldest is forgotten, its packets are then not resent.
const MAX_SPANS: usize = 64;

/// The numbering of one track to one viewer.
#[derive(Debug)]
pub(crate) struct Munger {
    kind: Kind,
    run: Option<Run>,
    /// The span that packets are given numbers by now; beside the older ones, since it is looked at
    /// for each packet.
    span: Option<Span>,
    /// Older spans.
    past: VecDeque<Span>,
    /// Greatest number given out.
    last_seq: Option<u64>,
    /// Timestamp and capture time of the newest packet given out, by the line of [`Run::live`].
    last: Option<(u32, Instant)>,
    first_timestamp: u32,
    /// Timestamp given out last: ahead of the line while a catch-up lasts.
    told: Option<u32>,
    /// Newest numbers in payloads given out.
    ids: LastIds,
    /// Whether picture ids close up where pictures are left out, as a VP8 decoder wants.
    closes_ids: bool,
    /// The picture that was left out last.
    left_out: Option<u16>,
}

#[derive(Debug, Clone, Copy, Default)]
struct LastIds {
    picture_id: Option<u16>,
    tl0_pic_idx: Option<u8>,
    key_idx: Option<u8>,
}

/// How packets of the present epoch map.
#[derive(Debug, Clone, Copy)]
struct Run {
    layer: LayerId,
    epoch: Epoch,
    /// Source timestamp that maps to `out`.
    origin: u32,
    out: u32,
    catch_up: Option<CatchUp>,
    ids: PictureIdOffsets,
}

/// The beginning of a run that is told faster than it happened, until the viewer is at the live edge:
/// its timestamps lie closer together, so that the player shows it as it comes and holds nothing back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CatchUp {
    /// Media time that is told faster.
    pub(crate) media: Duration,
    /// The time in which it is told.
    pub(crate) told_in: Duration,
}

/// Source numbers that map to viewer's numbers by one offset.
#[derive(Debug, Clone, Copy)]
struct Span {
    layer: LayerId,
    epoch: Epoch,
    /// First source number.
    from: u64,
    /// One past the last source number; none while it is the present one.
    to: Option<u64>,
    seq_offset: i64,
    origin: u32,
    out: u32,
    catch_up: Option<CatchUp>,
    ids: PictureIdOffsets,
}

/// A packet's place in the viewer's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Munged {
    pub(crate) seq: u64,
    pub(crate) timestamp: u32,
    pub(crate) ids: PictureIds,
}

/// The source's packet behind a viewer's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) layer: LayerId,
    pub(crate) epoch: Epoch,
    pub(crate) seq: u64,
}

impl Munger {
    pub(crate) fn new(kind: Kind, first_timestamp: u32) -> Self {
        Self {
            kind,
            run: None,
            span: None,
            past: VecDeque::new(),
            last_seq: None,
            last: None,
            first_timestamp,
            told: None,
            ids: LastIds::default(),
            closes_ids: false,
            left_out: None,
        }
    }

    /// Whether the picture ids close up where pictures are left out. VP8's do: its receivers wait for
    /// the pictures between (RFC 7741 section 4.2 has them numbered without a gap). VP9's do not:
    /// its references are told as differences.
    pub(crate) fn close_picture_ids(&mut self, closes: bool) {
        self.closes_ids = closes;
    }

    /// Whether the next packet of this epoch continues a run. When not, `begin` comes first.
    pub(crate) fn continues(&self, layer: LayerId, epoch: Epoch) -> bool {
        self.run
            .is_some_and(|run| run.epoch == epoch && run.layer == layer)
    }

    /// Layer and epoch of the present run.
    pub(crate) fn run(&self) -> Option<(LayerId, Epoch)> {
        self.run.map(|run| (run.layer, run.epoch))
    }

    /// Forgets the run, so that the next packet begins a new one without a gap in the numbers.
    pub(crate) fn interrupt(&mut self) {
        self.run = None;
        self.close_span();
    }

    /// This packet begins a run: the first at all, after a change of source or layer, or after packets
    /// were left out.
    ///
    /// The timestamp goes on by the time that passed between the captures, the same for audio and
    /// video, so the relation of the two survives the switch.
    pub(crate) fn begin(&mut self, packet: &MediaPacket, catch_up: Option<CatchUp>) {
        self.close_span();
        let out = match self.last {
            None => self.first_timestamp,
            Some((last, captured)) => {
                // What is told faster ends where the live edge will be by then.
                let lead = catch_up.map_or(Duration::ZERO, |c| c.media.saturating_sub(c.told_in));
                let begins = packet.captured + lead;
                let passed = begins.saturating_duration_since(captured);
                let out = last.wrapping_add(ticks(passed, self.kind).max(1));
                match self.told {
                    Some(told) if (out.wrapping_sub(told) as i32) <= 0 => told.wrapping_add(1),
                    Some(_) | None => out,
                }
            }
        };
        let follow = |last: Option<u16>, first: Option<u16>| match (last, first) {
            (Some(last), Some(first)) => last.wrapping_add(1).wrapping_sub(first),
            _ => 0,
        };
        let ids = packet.picture_ids;
        let octet = |id: Option<weir_rtp::picture_ids::Octet>| id.map(|id| u16::from(id.value));
        self.run = Some(Run {
            layer: packet.layer,
            epoch: packet.epoch,
            origin: packet.timestamp,
            out,
            catch_up,
            ids: PictureIdOffsets {
                picture_id: follow(self.ids.picture_id, ids.picture_id.map(|id| id.value)),
                tl0_pic_idx: follow(self.ids.tl0_pic_idx.map(u16::from), octet(ids.tl0_pic_idx))
                    as u8,
                key_idx: follow(self.ids.key_idx.map(u16::from), octet(ids.key_idx)) as u8,
            },
        });
        self.open_span(packet.seq);
    }

    /// This packet of the run is left out: the numbers close up.
    pub(crate) fn leave_out(&mut self, packet: &MediaPacket) {
        let last = self.last_seq;
        let Some(span) = &mut self.span else {
            return;
        };
        // A late one was decided upon when its picture was.
        let is_late = packet.seq < span.from
            || last.is_some_and(|last| packet.seq <= last.saturating_add_signed(-span.seq_offset));
        if is_late {
            return;
        }
        if span.to.is_none() {
            span.to = Some(packet.seq);
        }
        let id = packet.picture_ids.picture_id.map(|id| id.value);
        if self.closes_ids
            && id.is_some()
            && id != self.left_out
            && let Some(run) = &mut self.run
        {
            self.left_out = id;
            run.ids.picture_id = run.ids.picture_id.wrapping_sub(1);
        }
    }

    /// The packet's numbers, or none when it is not of this run, or older than it (a late one from
    /// before the switch).
    pub(crate) fn munge(&mut self, packet: &MediaPacket) -> Option<Munged> {
        let run = self.run?;
        if run.epoch != packet.epoch || run.layer != packet.layer {
            return None;
        }
        let ended = self.span.is_none_or(|span| {
            // What was left out ended it, and this comes after.
            span.to.is_some_and(|to| packet.seq > to)
        });
        if ended {
            self.open_span(packet.seq);
        }
        let of = |span: &&Span| {
            span.epoch == packet.epoch
                && span.layer == packet.layer
                && packet.seq >= span.from
                && span.to.is_none_or(|to| packet.seq < to)
        };
        let span = match self.span.as_ref().filter(of) {
            Some(span) => span,
            None => self.past.iter().rev().find(of)?,
        };
        let munged = span.munge(packet, self.kind)?;
        if self.last_seq.is_none_or(|last| munged.seq > last) {
            self.last_seq = Some(munged.seq);
            let live = run.live(packet.timestamp, self.kind);
            self.last = Some((live, packet.captured));
            self.ids = LastIds {
                picture_id: munged.ids.picture_id.map(|id| id.value),
                tl0_pic_idx: munged.ids.tl0_pic_idx.map(|id| id.value),
                key_idx: munged.ids.key_idx.map(|id| id.value),
            };
            self.told = Some(munged.timestamp);
        }
        Some(munged)
    }

    /// The numbers that a packet got, again.
    pub(crate) fn again(&self, seq: u64, packet: &MediaPacket) -> Option<Munged> {
        self.span_of(seq)?
            .munge(packet, self.kind)
            .filter(|munged| munged.seq == seq)
    }

    /// Which packet of the source got this number.
    pub(crate) fn origin(&self, seq: u64) -> Option<Origin> {
        let span = self.span_of(seq)?;
        Some(Origin {
            layer: span.layer,
            epoch: span.epoch,
            seq: seq.checked_add_signed(-span.seq_offset)?,
        })
    }

    /// The full number of which a viewer says the low 16 bits: the newest one so far that has them.
    pub(crate) fn extend(&self, seq: u16) -> Option<u64> {
        let last = self.last_seq?;
        last.checked_sub(u64::from((last as u16).wrapping_sub(seq)))
    }

    /// RTP timestamp of something that is captured now, for sender reports.
    pub(crate) fn timestamp_at(&self, now: Instant) -> Option<u32> {
        let (timestamp, captured) = self.last?;
        Some(match now.checked_duration_since(captured) {
            Some(passed) => timestamp.wrapping_add(ticks(passed, self.kind)),
            None => {
                let ahead = captured.saturating_duration_since(now);
                timestamp.wrapping_sub(ticks(ahead, self.kind))
            }
        })
    }

    /// Timestamp given out last.
    pub(crate) fn timestamp(&self) -> Option<u32> {
        self.told
    }

    /// Number given out last.
    pub(crate) fn last_seq(&self) -> Option<u64> {
        self.last_seq
    }

    /// Capture time of the newest packet given out.
    pub(crate) fn last_captured(&self) -> Option<Instant> {
        self.last.map(|(_, captured)| captured)
    }

    fn close_span(&mut self) {
        let next = self.last_seq.map_or(FIRST_SEQ, |last| last + 1);
        if let Some(span) = &mut self.span {
            // What came after the last that was given out maps to the next span's numbers.
            let end = next.saturating_add_signed(-span.seq_offset);
            span.to = Some(span.to.map_or(end, |to| to.min(end)).max(span.from));
        }
    }

    fn open_span(&mut self, from: u64) {
        let Some(run) = self.run else { return };
        let seq = self.last_seq.map_or(FIRST_SEQ, |last| last + 1);
        if let Some(before) = self.span.take() {
            if self.past.len() >= MAX_SPANS {
                self.past.pop_front();
            }
            self.past.push_back(before);
        }
        self.span = Some(Span {
            layer: run.layer,
            epoch: run.epoch,
            from,
            to: None,
            seq_offset: seq as i64 - from as i64,
            origin: run.origin,
            out: run.out,
            catch_up: run.catch_up,
            ids: run.ids,
        });
    }

    fn span_of(&self, seq: u64) -> Option<&Span> {
        let of = |span: &&Span| {
            let Some(source) = seq.checked_add_signed(-span.seq_offset) else {
                return false;
            };
            source >= span.from && span.to.is_none_or(|to| source < to)
        };
        let present = self.span.as_ref().filter(of);
        present.or_else(|| self.past.iter().rev().find(of))
    }
}

impl Span {
    fn munge(&self, packet: &MediaPacket, kind: Kind) -> Option<Munged> {
        Some(Munged {
            seq: packet.seq.checked_add_signed(self.seq_offset)?,
            timestamp: told(self.origin, self.out, self.catch_up, packet.timestamp, kind),
            ids: packet.picture_ids.with(&self.ids),
        })
    }
}

impl Run {
    /// The timestamp on the line of real time, of which what is told faster is a bend. Reports
    /// speak of this line, so that sound is not held back for a picture that catches up.
    fn live(&self, timestamp: u32, kind: Kind) -> u32 {
        let Some(catch_up) = self.catch_up else {
            return told(self.origin, self.out, None, timestamp, kind);
        };
        let saved = catch_up.media.saturating_sub(catch_up.told_in);
        timestamp
            .wrapping_sub(self.origin)
            .wrapping_add(self.out)
            .wrapping_sub(ticks(saved, kind))
    }
}

fn told(origin: u32, out: u32, catch_up: Option<CatchUp>, timestamp: u32, kind: Kind) -> u32 {
    let passed = timestamp.wrapping_sub(origin);
    let Some(catch_up) = catch_up else {
        return out.wrapping_add(passed);
    };
    let (media, told_in) = (ticks(catch_up.media, kind), ticks(catch_up.told_in, kind));
    // B-frames aside (they do not come here), what is before the origin is of no run.
    if passed >= media || passed > i32::MAX as u32 {
        return out
            .wrapping_add(passed)
            .wrapping_sub(media - told_in.min(media));
    }
    let bent = u64::from(passed) * u64::from(told_in) / u64::from(media.max(1));
    out.wrapping_add(bent as u32)
}

fn ticks(passed: Duration, kind: Kind) -> u32 {
    // Modulo 2³² on purpose, as RTP timestamps are.
    (passed.as_nanos() * u128::from(clock_rate(kind)) / 1_000_000_000) as u32
}

#[cfg(test)]
mod tests {
    use weir_rtp::picture_ids::{Octet, PictureId};

    use super::*;
    use crate::packet::tests::video;

    fn packet(epoch: u64, seq: u64, timestamp: u32, captured: Instant) -> MediaPacket {
        MediaPacket {
            timestamp,
            marker: true,
            ..video(epoch, seq, captured)
        }
    }

    fn numbers(munged: Option<Munged>) -> Option<(u64, u32)> {
        munged.map(|m| (m.seq, m.timestamp))
    }

    #[test]
    fn a_switch_goes_on_where_the_last_source_ended() {
        let now = Instant::now();
        let mut munger = Munger::new(Kind::Video, 7);
        let first = packet(1, 60_000, 0xffff_ff00, now);
        munger.begin(&first, None);
        assert_eq!(numbers(munger.munge(&first)), Some((FIRST_SEQ, 7)));
        let next = packet(1, 60_003, 0xffff_ff00_u32.wrapping_add(3_000), now);
        assert_eq!(numbers(munger.munge(&next)), Some((FIRST_SEQ + 3, 3_007)));

        let other = packet(2, 5, 99, now + Duration::from_secs(1));
        assert!(!munger.continues(other.layer, Epoch(2)));
        munger.begin(&other, None);
        assert_eq!(numbers(munger.munge(&other)), Some((FIRST_SEQ + 4, 93_007)));
        let late = packet(1, 60_004, 0, now);
        assert_eq!(munger.munge(&late), None, "late from before the switch");
        let before = packet(2, 4, 98, now);
        assert_eq!(munger.munge(&before), None);
        assert_eq!(
            munger.origin(FIRST_SEQ + 3).map(|o| (o.epoch, o.seq)),
            Some((Epoch(1), 60_003))
        );
        assert_eq!(
            munger.origin(FIRST_SEQ + 4).map(|o| (o.epoch, o.seq)),
            Some((Epoch(2), 5))
        );
        assert_eq!(
            numbers(munger.again(FIRST_SEQ + 3, &next)),
            Some((FIRST_SEQ + 3, 3_007))
        );
        assert_eq!(munger.extend((FIRST_SEQ + 2) as u16), Some(FIRST_SEQ + 2));
    }

    #[test]
    fn numbers_close_up_where_packets_are_left_out() {
        let now = Instant::now();
        let mut munger = Munger::new(Kind::Video, 0);
        let all: Vec<_> = (10..20)
            .map(|seq| packet(1, seq, seq as u32, now))
            .collect();
        munger.begin(&all[0], None);
        let mut given = Vec::new();
        for packet in &all {
            if packet.seq % 3 == 0 {
                munger.leave_out(packet);
                continue;
            }
            given.push((packet.seq, munger.munge(packet).unwrap().seq));
        }
        for (place, (source, seq)) in given.iter().enumerate() {
            assert_eq!(*seq, FIRST_SEQ + place as u64);
            assert_eq!(munger.origin(*seq).unwrap().seq, *source);
        }
        assert_eq!(munger.munge(&all[2]), None, "left out before, left out now");
        assert_eq!(munger.munge(&all[3]).unwrap().seq, given[2].1);
    }

    #[test]
    fn what_is_told_faster_ends_at_the_live_edge() {
        let start = Instant::now();
        let mut munger = Munger::new(Kind::Video, 0);
        let at = |ms: u64| {
            packet(
                1,
                100 + ms,
                (ms * 90) as u32,
                start + Duration::from_millis(ms),
            )
        };
        let catch_up = CatchUp {
            media: Duration::from_secs(5),
            told_in: Duration::from_secs(1),
        };
        munger.begin(&at(0), Some(catch_up));
        let told: Vec<_> = [0, 1_000, 4_000, 5_000, 6_000]
            .map(|ms| munger.munge(&at(ms)).unwrap().timestamp)
            .into();
        assert_eq!(told, [0, 18_000, 72_000, 90_000, 180_000]);
        // Reports: what is captured at 6 s has the timestamp that it was given.
        assert_eq!(
            munger.timestamp_at(start + Duration::from_secs(6)),
            Some(180_000)
        );
        // And during the catch-up the line is the same.
        let mut munger = Munger::new(Kind::Video, 0);
        munger.begin(&at(0), Some(catch_up));
        munger.munge(&at(1_000)).unwrap();
        assert_eq!(
            munger.timestamp_at(start + Duration::from_secs(6)),
            Some(180_000)
        );
    }

    #[test]
    fn picture_ids_of_vp8_close_up_where_pictures_are_left_out() {
        let now = Instant::now();
        let mut munger = Munger::new(Kind::Video, 0);
        munger.close_picture_ids(true);
        let part = |seq: u64| MediaPacket {
            picture_ids: PictureIds {
                picture_id: Some(PictureId {
                    offset: 2,
                    value: (0x7ffe + (seq / 2) as u16) & 0x7fff,
                    long: true,
                }),
                ..PictureIds::default()
            },
            ..packet(1, seq, (seq / 2) as u32, now)
        };
        munger.begin(&part(0), None);
        let mut given = Vec::new();
        // Pictures of two packets, of which every other one is left out.
        for seq in 0..16 {
            if seq / 2 % 2 == 1 {
                munger.leave_out(&part(seq));
            } else {
                let munged = munger.munge(&part(seq)).unwrap();
                given.push((munged.seq, munged.ids.picture_id.unwrap().value));
            }
        }
        let ids: Vec<u16> = given.iter().map(|(_, id)| *id).collect();
        assert_eq!(ids, [0x7ffe, 0x7ffe, 0x7fff, 0x7fff, 0, 0, 1, 1]);
        assert!(given.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1));
        let again = munger.again(given[2].0, &part(4)).unwrap();
        assert_eq!(again.ids.picture_id.unwrap().value, 0x7fff);
    }

    #[test]
    fn picture_numbers_go_on() {
        let now = Instant::now();
        let mut munger = Munger::new(Kind::Video, 0);
        let with_ids = |epoch, seq, picture_id, tl0| MediaPacket {
            picture_ids: PictureIds {
                picture_id: Some(PictureId {
                    offset: 2,
                    value: picture_id,
                    long: true,
                }),
                tl0_pic_idx: Some(Octet {
                    offset: 4,
                    value: tl0,
                }),
                key_idx: None,
            },
            ..packet(epoch, seq, 0, now)
        };
        let values = |m: Munged| {
            let ids = m.ids;
            (
                ids.picture_id.unwrap().value,
                ids.tl0_pic_idx.unwrap().value,
            )
        };
        let first = with_ids(1, 1, 0x7fff, 9);
        munger.begin(&first, None);
        assert_eq!(values(munger.munge(&first).unwrap()), (0x7fff, 9));
        let other = with_ids(2, 1, 500, 200);
        munger.begin(&other, None);
        assert_eq!(values(munger.munge(&other).unwrap()), (0, 10));
        assert_eq!(
            values(munger.munge(&with_ids(2, 2, 501, 200)).unwrap()),
            (1, 10)
        );
    }
}
