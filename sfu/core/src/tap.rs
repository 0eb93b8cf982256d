//! Puts a publisher's packets into sending order for a consumer that cannot ask for repair.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use weir_media::Kind;

use crate::packet::{Epoch, LayerId, MediaPacket};

/// Packets that wait behind a gap; beyond, the gap is given up.
const MAX_WAITING: usize = 128;

/// How long a gap may wait for its retransmission: a few round trips of a near publisher.
const MAX_AGE: Duration = Duration::from_millis(150);

/// A simulcast layer that was silent for so long loses to a smaller one.
const LAYER_SILENCE: Duration = Duration::from_secs(2);

/// Gives out one layer of the video and the audio.
#[derive(Debug, Default)]
pub(crate) struct TapOrder {
    source: Option<Epoch>,
    layer: Option<Chosen>,
    video: Window,
    audio: Window,
}

/// The layer that goes on: the largest picture that arrives.
#[derive(Debug, Clone, Copy)]
struct Chosen {
    layer: LayerId,
    pixels: u32,
    heard: Instant,
}

#[derive(Debug, Default)]
struct Window {
    run: Option<Epoch>,
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
        if self.source.is_some_and(|source| packet.source < source) {
            return;
        }
        if self.source != Some(packet.source) {
            self.source = Some(packet.source);
            self.video.begin(None, &mut out);
            self.audio.begin(None, &mut out);
            self.layer = None;
        }
        let window = match packet.kind {
            Kind::Video if !self.is_chosen(now, &packet) => return,
            Kind::Video => &mut self.video,
            Kind::Audio => &mut self.audio,
        };
        if window.run != Some(packet.epoch) {
            window.begin(Some(packet.epoch), &mut out);
        }
        window.push(now, packet, &mut out);
    }

    /// Changes to a larger layer, or from one that is silent, at a keyframe.
    fn is_chosen(&mut self, now: Instant, packet: &MediaPacket) -> bool {
        let size = packet
            .size
            .map(|s| u32::from(s.width) * u32::from(s.height));
        let pixels = size.unwrap_or(0);
        match &mut self.layer {
            Some(chosen) if chosen.layer == packet.layer => {
                // What is late from the run before must not bring it back.
                if self.video.run.is_some_and(|run| packet.epoch < run) {
                    return false;
                }
                chosen.heard = now;
                if packet.keyframe_start && size.is_some() {
                    chosen.pixels = pixels;
                }
                return true;
            }
            Some(chosen) => {
                let silent = now.saturating_duration_since(chosen.heard) >= LAYER_SILENCE;
                if !packet.keyframe_start || (pixels <= chosen.pixels && !silent) {
                    return false;
                }
            }
            // Whoever reads the tap waits for a keyframe itself.
            None => {}
        }
        self.layer = Some(Chosen {
            layer: packet.layer,
            pixels,
            heard: now,
        });
        true
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

    /// Another run begins: what waits is given up.
    fn begin(&mut self, run: Option<Epoch>, out: &mut impl FnMut(&MediaPacket)) {
        for packet in std::mem::take(&mut self.waiting).values() {
            out(packet);
        }
        self.since = None;
        self.next = None;
        self.run = run;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::PictureSize;

    fn packet(now: Instant, layer: u8, epoch: u64, seq: u64) -> MediaPacket {
        MediaPacket {
            source: Epoch(1),
            epoch: Epoch(epoch),
            layer: LayerId(layer),
            kind: Kind::Video,
            red: false,
            seq,
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
        }
    }

    fn run(order: &[(u64, u64, u64)]) -> Vec<u64> {
        let start = Instant::now();
        let mut tap = TapOrder::default();
        let mut out = Vec::new();
        for (ms, epoch, seq) in order {
            let now = start + Duration::from_millis(*ms);
            let packet = packet(now, 0, *epoch, *seq);
            tap.push(now, Arc::new(packet), |p| out.push(p.seq));
        }
        out
    }

    #[test]
    fn the_largest_layer_that_arrives_goes_on() {
        let start = Instant::now();
        let mut tap = TapOrder::default();
        let mut out = Vec::new();
        let mut push = |ms: u64, layer: u8, seq: u64, width: Option<u16>| {
            let now = start + Duration::from_millis(ms);
            let mut packet = packet(now, layer, 10 - u64::from(layer), seq);
            packet.keyframe_start = width.is_some();
            let height = 100;
            packet.size = width.map(|width| PictureSize { width, height });
            tap.push(now, Arc::new(packet), |p| out.push((p.layer.0, p.seq)));
        };
        push(0, 2, 50, Some(320));
        push(5, 1, 60, Some(640));
        push(6, 2, 51, None);
        push(8, 0, 70, None);
        push(9, 1, 61, None);
        push(1_000, 2, 90, Some(320));
        push(1_100, 0, 80, Some(1_280));
        push(1_101, 1, 62, None);
        push(3_099, 1, 92, Some(640));
        push(3_200, 1, 99, Some(640));
        push(3_201, 0, 81, None);
        push(3_202, 1, 100, None);
        assert_eq!(out, [(2, 50), (1, 60), (1, 61), (0, 80), (1, 99), (1, 100)]);
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
