//! Puts a publisher's packets into sending order for a consumer that cannot ask for repair.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use weir_media::Kind;

use crate::packet::{Epoch, MediaPacket};

/// Packets that wait behind a gap; beyond, the gap is given up.
const MAX_WAITING: usize = 128;

/// How long a gap may wait for its retransmission: a few round trips of a near publisher.
const MAX_AGE: Duration = Duration::from_millis(150);

#[derive(Debug, Default)]
pub(crate) struct TapOrder {
    epoch: Option<Epoch>,
    video: Window,
    audio: Window,
}

#[derive(Debug, Default)]
struct Window {
    next: Option<u64>,
    waiting: BTreeMap<u64, Arc<MediaPacket>>,
    since: Option<Instant>,
}

impl TapOrder {
    /// Takes a packet; gives out what is in order now.
    pub(crate) fn push(
        &mut self,
        now: Instant,
        packet: Arc<MediaPacket>,
        mut out: impl FnMut(&MediaPacket),
    ) {
        if self.epoch.is_none_or(|epoch| packet.epoch > epoch) {
            self.epoch = Some(packet.epoch);
            self.video.give_up(&mut out);
            self.audio.give_up(&mut out);
            self.video.next = None;
            self.audio.next = None;
        }
        if self.epoch != Some(packet.epoch) {
            return;
        }
        let window = match packet.kind {
            Kind::Video => &mut self.video,
            Kind::Audio => &mut self.audio,
        };
        window.push(now, packet, &mut out);
    }
}

impl Window {
    fn push(&mut self, now: Instant, packet: Arc<MediaPacket>, out: &mut impl FnMut(&MediaPacket)) {
        let next = *self.next.get_or_insert(packet.seq);
        if packet.seq < next {
            return;
        }
        self.waiting.insert(packet.seq, packet);
        self.release(out);
        if self.waiting.is_empty() {
            self.since = None;
            return;
        }
        let since = *self.since.get_or_insert(now);
        if self.waiting.len() > MAX_WAITING || now.saturating_duration_since(since) >= MAX_AGE {
            self.next = self.waiting.keys().next().copied();
            self.since = None;
            self.release(out);
        }
    }

    fn release(&mut self, out: &mut impl FnMut(&MediaPacket)) {
        while let Some(next) = self.next
            && let Some(packet) = self.waiting.remove(&next)
        {
            out(&packet);
            self.next = Some(next + 1);
            self.since = None;
        }
    }

    fn give_up(&mut self, out: &mut impl FnMut(&MediaPacket)) {
        for packet in std::mem::take(&mut self.waiting).values() {
            out(packet);
        }
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(order: &[(u64, u64, u64)]) -> Vec<u64> {
        let start = Instant::now();
        let mut tap = TapOrder::default();
        let mut out = Vec::new();
        for (ms, epoch, seq) in order {
            let now = start + Duration::from_millis(*ms);
            let packet = MediaPacket {
                source: Epoch(*epoch),
                epoch: Epoch(*epoch),
                layer: crate::packet::LayerId::default(),
                kind: Kind::Video,
                seq: *seq,
                timestamp: 0,
                marker: false,
                keyframe: false,
                keyframe_start: false,
                payload: Arc::from(&[0_u8][..]),
                time: 0,
                captured: now,
                h264_profile: None,
                size: None,
                picture_ids: weir_rtp::picture_ids::PictureIds::default(),
                scalability: None,
            };
            tap.push(now, Arc::new(packet), |p| out.push(p.seq));
        }
        out
    }

    #[test]
    fn a_retransmission_finds_its_place() {
        assert_eq!(
            run(&[(0, 1, 1), (1, 1, 3), (2, 1, 4), (30, 1, 2), (31, 1, 5)]),
            [1, 2, 3, 4, 5]
        );
    }

    #[test]
    fn a_gap_does_not_wait_for_ever() {
        assert_eq!(
            run(&[(0, 1, 1), (1, 1, 3), (100, 1, 4), (151, 1, 5), (160, 1, 2)]),
            [1, 3, 4, 5]
        );
    }

    #[test]
    fn a_new_run_begins_with_its_own_numbers() {
        assert_eq!(
            run(&[(0, 1, 9), (1, 1, 11), (2, 2, 3), (3, 1, 10), (4, 2, 4)]),
            [9, 11, 3, 4]
        );
    }
}
