//! What waits for one target: both tracks put in order of time, bounded, and always beginning at a
//! keyframe.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;
use weir_media::{Kind, MediaTime};

use crate::source::{AccessUnit, SourceFormat};

/// Bytes that may wait for a target that takes them slowly: about 10 s at 10 Mbit/s. When there are
/// more, all of them are dropped, and it goes on at the live edge with the next keyframe.
const QUEUE_BYTES: usize = 12 << 20;

/// Media time that may wait; overflow as for [`QUEUE_BYTES`].
const QUEUE_TIME: MediaTime = 8_000_000_000;

/// A track waits so long for the other one to come to its time.
const ORDER_TIME: MediaTime = 1_500_000_000;

/// What a target gets.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// What the media is; before all media, and when it changes.
    About(About),
    /// A track's configuration; before its media, and when it changes.
    Format(SourceFormat),
    /// Media.
    Unit(AccessUnit),
}

/// Description of the media for players and services (`onMetaData`).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct About {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames a second, when known.
    pub frame_rate: Option<f64>,
    /// Bits a second of the video.
    pub video_bitrate: u32,
    /// Bits a second of the audio.
    pub audio_bitrate: u32,
    /// Channels of the audio.
    pub channels: u32,
    /// Whether there is a picture.
    pub video: bool,
    /// Whether there is sound.
    pub audio: bool,
}

/// The queue between a stream's media and one target's task.
#[derive(Debug, Default)]
pub struct Queue {
    state: Mutex<State>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct State {
    about: Option<About>,
    formats: [Option<SourceFormat>; 2],
    /// A connection takes what comes; otherwise nothing is kept.
    open: bool,
    /// Media has come since it was asked last.
    flows: bool,
    /// Nothing is given out before the next keyframe.
    at_keyframe: bool,
    unordered: [VecDeque<AccessUnit>; 2],
    ready: VecDeque<Item>,
    bytes: usize,
    dropped: u64,
}

impl Queue {
    /// A run of this media begins.
    pub fn start(&self, about: About) {
        let mut state = self.lock();
        state.flush();
        if state.about.as_ref() != Some(&about) {
            // A track that is gone has no configuration any more.
            if !about.video {
                state.formats[index(Kind::Video)] = None;
            }
            if !about.audio {
                state.formats[index(Kind::Audio)] = None;
            }
            state.about = Some(about.clone());
            if state.open {
                state.ready.push_back(Item::About(about));
            }
        }
        // A new run begins with a keyframe; what is left of the last one came before it.
        drop(state);
        self.filled.notify_one();
    }

    /// A track's configuration.
    pub fn format(&self, format: SourceFormat) {
        let mut state = self.lock();
        let slot = index(format.kind());
        if state.formats[slot].as_ref() == Some(&format) {
            return;
        }
        state.formats[slot] = Some(format.clone());
        if state.open {
            state.flush();
            state.ready.push_back(Item::Format(format));
        }
        drop(state);
        self.filled.notify_one();
    }

    /// Media, in order of time for each track.
    pub fn unit(&self, unit: AccessUnit) {
        let mut state = self.lock();
        state.flows = true;
        if state.open {
            state.push(unit);
        }
        drop(state);
        self.filled.notify_one();
    }

    /// Waits until media comes. Cancel-safe.
    pub async fn flowing(&self) {
        self.lock().flows = false;
        loop {
            self.filled.notified().await;
            if self.lock().flows {
                return;
            }
        }
    }

    /// A connection is there: from now on media is kept for it, from the next keyframe on, after
    /// description and configurations.
    pub fn open(&self) {
        let mut state = self.lock();
        state.clear();
        state.open = true;
        state.at_keyframe = true;
        let about = state.about.clone().map(Item::About);
        let formats: Vec<_> = state.formats.iter().flatten().cloned().collect();
        state.ready.extend(about);
        state.ready.extend(formats.into_iter().map(Item::Format));
    }

    /// The connection is gone.
    pub fn close(&self) {
        let mut state = self.lock();
        state.open = false;
        state.clear();
    }

    /// The next thing to send. Cancel-safe.
    pub async fn next(&self) -> Item {
        loop {
            if let Some(item) = self.lock().pop() {
                return item;
            }
            self.filled.notified().await;
        }
    }

    /// Units that were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held; if it did, the queue would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn expects(&self, kind: Kind) -> bool {
        self.formats[index(kind)].is_some()
    }

    fn push(&mut self, unit: AccessUnit) {
        self.bytes += unit.data.len();
        self.unordered[index(unit.kind)].push_back(unit);
        self.order();
        if self.bytes > QUEUE_BYTES || self.span() > QUEUE_TIME {
            self.dropped += self.count();
            self.clear_units();
            self.at_keyframe = true;
        }
    }

    /// Gives out what nothing earlier can come before.
    fn order(&mut self) {
        loop {
            let [video, audio] = &self.unordered;
            let kind = match (video.front(), audio.front()) {
                (None, None) => return,
                (Some(video), Some(audio)) if video.dts <= audio.dts => Kind::Video,
                (Some(_), Some(_)) => Kind::Audio,
                (Some(_), None) if self.may_pass(Kind::Video) => Kind::Video,
                (None, Some(_)) if self.may_pass(Kind::Audio) => Kind::Audio,
                _ => return,
            };
            if let Some(unit) = self.unordered[index(kind)].pop_front() {
                self.give(unit);
            }
        }
    }

    /// Whether a track goes on while the other one has nothing.
    fn may_pass(&self, kind: Kind) -> bool {
        let other = match kind {
            Kind::Video => Kind::Audio,
            Kind::Audio => Kind::Video,
        };
        let waiting = &self.unordered[index(kind)];
        let times = waiting.front().zip(waiting.back());
        !self.expects(other)
            || times.is_some_and(|(first, last)| last.dts.saturating_sub(first.dts) > ORDER_TIME)
    }

    fn give(&mut self, unit: AccessUnit) {
        if self.at_keyframe {
            let begins = match unit.kind {
                Kind::Video => unit.keyframe,
                Kind::Audio => !self.expects(Kind::Video),
            };
            if !begins {
                self.bytes -= unit.data.len();
                return;
            }
            self.at_keyframe = false;
        }
        self.ready.push_back(Item::Unit(unit));
    }

    /// Gives out what waits for its order: what comes next is of another run.
    fn flush(&mut self) {
        let [video, audio] = &mut self.unordered;
        let mut rest: Vec<_> = video.drain(..).chain(audio.drain(..)).collect();
        rest.sort_by_key(|unit| unit.dts);
        rest.into_iter().for_each(|unit| self.give(unit));
    }

    fn pop(&mut self) -> Option<Item> {
        let item = self.ready.pop_front()?;
        if let Item::Unit(unit) = &item {
            self.bytes -= unit.data.len();
        }
        Some(item)
    }

    fn units(&self) -> impl Iterator<Item = &AccessUnit> {
        let ready = self.ready.iter().filter_map(|item| match item {
            Item::Unit(unit) => Some(unit),
            _ => None,
        });
        ready.chain(self.unordered.iter().flatten())
    }

    fn count(&self) -> u64 {
        self.units().count() as u64
    }

    /// Media time between the first and the last that waits.
    fn span(&self) -> MediaTime {
        let first = self.units().next().map(|unit| unit.dts);
        let last = self.unordered.iter().filter_map(VecDeque::back);
        let last = last
            .chain(self.ready.iter().rev().find_map(|item| match item {
                Item::Unit(unit) => Some(unit),
                _ => None,
            }))
            .map(|unit| unit.dts)
            .max();
        last.zip(first)
            .map_or(0, |(last, first)| last.saturating_sub(first))
    }

    /// Forgets media; what was said of it stays.
    fn clear_units(&mut self) {
        self.ready.retain(|item| !matches!(item, Item::Unit(_)));
        self.unordered.iter_mut().for_each(VecDeque::clear);
        self.bytes = 0;
    }

    fn clear(&mut self) {
        self.clear_units();
        self.ready.clear();
    }
}

fn index(kind: Kind) -> usize {
    match kind {
        Kind::Video => 0,
        Kind::Audio => 1,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bytes::Bytes;
    use futures_util::FutureExt;
    use weir_media::{AudioCodec, VideoCodec};

    use super::*;

    const MS: MediaTime = 1_000_000;

    fn unit(kind: Kind, ms: u64, keyframe: bool) -> AccessUnit {
        AccessUnit {
            kind,
            layer: 0,
            dts: ms * MS,
            pts: ms * MS,
            keyframe,
            data: Bytes::from_static(b"data"),
        }
    }

    fn queue() -> Queue {
        let queue = Queue::default();
        queue.start(About {
            video: true,
            audio: true,
            ..About::default()
        });
        queue.format(SourceFormat::Video {
            codec: VideoCodec::H264,
            config: Bytes::from_static(b"avcC"),
            layer: 0,
        });
        queue.format(SourceFormat::Audio {
            codec: AudioCodec::Aac,
            config: Bytes::from_static(b"asc"),
        });
        queue
    }

    /// Everything that waits: times in milliseconds of units, zero for what is said of them.
    fn all(queue: &Queue) -> Vec<(char, u64)> {
        let mut all = Vec::new();
        while let Some(item) = queue.next().now_or_never() {
            all.push(match item {
                Item::About(_) => ('m', 0),
                Item::Format(format) if format.kind() == Kind::Video => ('f', 0),
                Item::Format(_) => ('f', 1),
                Item::Unit(unit) if unit.kind == Kind::Video => ('v', unit.dts / MS),
                Item::Unit(unit) => ('a', unit.dts / MS),
            });
        }
        all
    }

    #[test]
    fn a_connection_begins_with_headers_and_a_keyframe_and_both_tracks_in_order() {
        let queue = queue();
        // Nobody takes it: nothing is kept.
        queue.unit(unit(Kind::Video, 0, true));
        queue.open();
        queue.unit(unit(Kind::Video, 33, false));
        queue.unit(unit(Kind::Audio, 40, true));
        queue.unit(unit(Kind::Video, 66, true));
        queue.unit(unit(Kind::Video, 99, false));
        queue.unit(unit(Kind::Audio, 70, true));
        queue.unit(unit(Kind::Audio, 100, true));
        let expected = [
            ('m', 0),
            ('f', 0),
            ('f', 1),
            ('v', 66),
            ('a', 70),
            ('v', 99),
        ];
        assert_eq!(all(&queue), expected);
        queue.unit(unit(Kind::Video, 133, false));
        assert_eq!(all(&queue), [('a', 100)]);
    }

    #[test]
    fn a_track_that_does_not_come_holds_the_other_up_for_a_moment_only() {
        let queue = queue();
        queue.open();
        all(&queue);
        for ms in (0..3000).step_by(100) {
            queue.unit(unit(Kind::Video, ms, ms == 0));
        }
        let times = all(&queue);
        assert_eq!(times.first(), Some(&('v', 0)));
        assert_eq!(times.last(), Some(&('v', 1300)));
    }

    #[test]
    fn one_that_takes_nothing_goes_on_at_the_live_edge_with_a_keyframe() {
        let queue = queue();
        queue.open();
        all(&queue);
        for ms in (0..=20_000).step_by(500) {
            queue.unit(unit(Kind::Video, ms, ms % 2000 == 0));
            queue.unit(unit(Kind::Audio, ms, true));
        }
        let times = all(&queue);
        let (kind, first) = times[0];
        assert!(
            kind == 'v' && first % 2000 == 0 && first >= 16_000,
            "{first}"
        );
        assert!(queue.dropped() > 0);
    }

    #[test]
    fn only_a_changed_configuration_is_told_again() {
        let queue = queue();
        queue.open();
        all(&queue);
        let format = |config: &'static [u8]| SourceFormat::Video {
            codec: VideoCodec::H264,
            config: Bytes::from_static(config),
            layer: 0,
        };
        queue.format(format(b"avcC"));
        assert_eq!(all(&queue), []);
        queue.format(format(b"other"));
        assert_eq!(all(&queue), [('f', 0)]);
    }

    #[tokio::test]
    async fn media_is_waited_for() {
        let queue = queue();
        queue.unit(unit(Kind::Video, 0, true));
        let mut flowing = Box::pin(queue.flowing());
        assert!(flowing.as_mut().now_or_never().is_none());
        queue.unit(unit(Kind::Video, 33, false));
        flowing.await;
    }
}
