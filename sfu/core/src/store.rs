//! The packets of one layer that somebody may still need: those since the last keyframe, from which a
//! new viewer starts, and those of the last seconds, from which losses are repaired. One store per
//! layer and shard serves all viewers; an entry is a reference.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::packet::{Epoch, MediaPacket};

/// How long a packet can be resent. After a second a player has given a frame up; the rest is for
/// round trips of hundreds of milliseconds.
const RESEND_WINDOW: Duration = Duration::from_millis(2_500);

/// Longest group of pictures that is kept for new viewers: OBS's default is 8.3 s, 10 s is common.
/// Past it, a keyframe is asked for, and viewers wait for it.
const MAX_GOP: Duration = Duration::from_secs(13);

/// Most payload bytes of a store: 13 s of 20 Mbit/s. Beyond, the group of pictures is given up as
/// one too long is, and only what may be resent is kept.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// Most entries, gaps included. Same policy.
const MAX_ENTRIES: usize = 32 * 1024;

/// A jump of the sequence numbers beyond this is not loss: the store begins anew.
const MAX_GAP: u64 = 4_096;

#[derive(Debug, Default)]
pub(crate) struct Store {
    epoch: Option<Epoch>,
    /// Sequence number of the first entry.
    base: u64,
    entries: VecDeque<Option<Arc<MediaPacket>>>,
    bytes: usize,
    /// Where the newest keyframe begins that is still here.
    keyframe: Option<u64>,
}

impl Store {
    /// Keeps a packet.
    pub(crate) fn push(&mut self, packet: &Arc<MediaPacket>) {
        let seq = packet.seq;
        let jumped = seq > self.end() + MAX_GAP;
        if self.epoch != Some(packet.epoch) || self.entries.is_empty() || jumped {
            self.clear();
            self.epoch = Some(packet.epoch);
            self.base = seq;
        }
        if seq < self.base {
            return;
        }
        while self.end() <= seq {
            self.entries.push_back(None);
        }
        let Some(slot) = self.entries.get_mut((seq - self.base) as usize) else {
            return;
        };
        if slot.is_none() {
            self.bytes += packet.payload.len();
            *slot = Some(packet.clone());
        }
        if packet.keyframe_start && self.keyframe.is_none_or(|newest| seq > newest) {
            self.keyframe = Some(seq);
        }
        self.trim(packet.captured);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
        self.keyframe = None;
        self.epoch = None;
    }

    /// A packet, if it is still here.
    pub(crate) fn get(&self, epoch: Epoch, seq: u64) -> Option<&Arc<MediaPacket>> {
        if self.epoch != Some(epoch) {
            return None;
        }
        self.entries
            .get(seq.checked_sub(self.base)? as usize)?
            .as_ref()
    }

    /// The packets from a sequence number on, gaps left out.
    pub(crate) fn from(&self, seq: u64) -> impl Iterator<Item = &Arc<MediaPacket>> {
        let skip = seq.saturating_sub(self.base) as usize;
        self.entries.range(skip.min(self.entries.len())..).flatten()
    }

    pub(crate) fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    /// The newest point where decoding can start.
    pub(crate) fn keyframe(&self) -> Option<&Arc<MediaPacket>> {
        self.get(self.epoch?, self.keyframe?)
    }

    /// The newest packet.
    pub(crate) fn newest(&self) -> Option<&Arc<MediaPacket>> {
        self.entries.back()?.as_ref()
    }

    /// One past the newest sequence number.
    pub(crate) fn end(&self) -> u64 {
        self.base + self.entries.len() as u64
    }

    fn trim(&mut self, now: Instant) {
        let too_long = self
            .keyframe()
            .is_some_and(|k| now.saturating_duration_since(k.captured) > MAX_GOP);
        let too_large = self.bytes > MAX_BYTES || self.entries.len() > MAX_ENTRIES;
        if too_long || too_large {
            self.keyframe = None;
        }
        while let Some(front) = self.entries.front() {
            let before_keyframe = self.keyframe.is_none_or(|keyframe| self.base < keyframe);
            let old = front
                .as_ref()
                .is_none_or(|p| now.saturating_duration_since(p.captured) > RESEND_WINDOW);
            let full = self.bytes > MAX_BYTES || self.entries.len() > MAX_ENTRIES;
            if self.entries.len() == 1 || !(full || (before_keyframe && old)) {
                return;
            }
            let gone = self.entries.pop_front().flatten();
            self.bytes -= gone.map_or(0, |p| p.payload.len());
            self.base += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::tests::video;

    fn filled(gop: u64, frames: u64) -> (Store, Instant) {
        let start = Instant::now();
        let mut store = Store::default();
        for frame in 0..frames {
            for part in 0..4 {
                let mut packet = video(
                    1,
                    frame * 4 + part,
                    start + Duration::from_millis(frame * 33),
                );
                packet.keyframe = frame % gop == 0;
                packet.keyframe_start = packet.keyframe && part == 0;
                store.push(&Arc::new(packet));
            }
        }
        (store, start)
    }

    #[test]
    fn a_group_of_pictures_and_the_last_seconds_are_kept() {
        let (store, _) = filled(300, 350);
        assert_eq!(store.keyframe().unwrap().seq, 1_200);
        assert_eq!(store.from(1_200).count(), 200);
        assert!(store.get(Epoch(1), 1_199).is_some(), "for resending");
        assert!(store.get(Epoch(1), 4).is_none(), "too old");
        assert!(store.get(Epoch(2), 1_300).is_none(), "another run");
        let (store, _) = filled(60, 50);
        assert_eq!(store.from(0).count(), 200, "the group is kept however old");
    }

    #[test]
    fn a_group_that_is_too_long_is_given_up() {
        let (store, _) = filled(10_000, 1_000);
        assert!(store.keyframe().is_none());
        assert!(store.entries.len() < 400, "{}", store.entries.len());
    }

    #[test]
    fn gaps_are_filled_late_and_jumps_begin_anew() {
        let (mut store, start) = filled(300, 10);
        let at = start + Duration::from_millis(330);
        store.push(&Arc::new(video(1, 45, at)));
        assert_eq!(store.from(0).count(), 41);
        store.push(&Arc::new(video(1, 42, at)));
        store.push(&Arc::new(video(1, 42, at)));
        assert_eq!(store.from(0).count(), 42);
        assert_eq!(store.end(), 46);
        store.push(&Arc::new(video(1, 90_000, at)));
        assert_eq!((store.from(0).count(), store.end()), (1, 90_001));
        assert!(store.keyframe().is_none());
    }
}
