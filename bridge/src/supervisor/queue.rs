//! The bounded queue between a publisher's session and its stream's task.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
};

use tokio::sync::Notify;
use weir_media::Kind;
use weir_protocol::finding::FindingReport;

use super::{Counters, SourceUnit};
use crate::source::AccessUnit;

/// Bytes of media that may wait for a worker: about 10 s at 25 Mbit/s. When it is full, video is
/// dropped up to the next keyframe that fits, and audio frame by frame; both are counted.
const QUEUE_BYTES: usize = 32 << 20;

/// Units that may wait for a worker, whatever their size. Overflow as for [`QUEUE_BYTES`].
const QUEUE_UNITS: usize = 16_384;

/// Findings that may wait for the task; a session has few, and more are left out.
const QUEUE_FINDINGS: usize = 32;

/// Where a publisher's session puts its media. Dropping it is the end of the source.
#[derive(Debug)]
pub struct SourceWriter {
    shared: Arc<Shared>,
    wanted: Arc<Notify>,
}

impl SourceWriter {
    /// Gives one unit to the worker. Never blocks: what does not fit is dropped and counted, video
    /// up to the next keyframe.
    pub fn push(&self, unit: SourceUnit) {
        if let SourceUnit::Finding(report) = unit {
            let mut queue = self.shared.lock();
            if queue.findings.len() < QUEUE_FINDINGS {
                queue.findings.push_back(report);
                self.shared.found.notify_one();
            }
            return;
        }
        if self.shared.lock().push(unit) {
            self.shared.filled.notify_one();
        } else {
            self.shared
                .counters
                .units_dropped
                .fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until the worker's decoder needs a keyframe from the publisher (after a loss, a start in
    /// the middle of a picture group, or a restart). One waiter at a time; cancel-safe.
    pub async fn keyframe_wanted(&self) {
        self.wanted.notified().await;
    }
}

impl Drop for SourceWriter {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.filled.notify_one();
    }
}

/// The task's end of the queue.
#[derive(Debug)]
pub(super) struct SourceReader {
    shared: Arc<Shared>,
}

impl SourceReader {
    /// The next unit, or `None` once the source has ended and everything was taken. Cancel-safe.
    pub(super) async fn next(&self) -> Option<SourceUnit> {
        loop {
            {
                let mut queue = self.shared.lock();
                if let Some(unit) = queue.pop() {
                    return Some(unit);
                }
                if queue.closed {
                    return None;
                }
            }
            self.shared.filled.notified().await;
        }
    }

    /// The next finding of the session. Cancel-safe; one waiter at a time.
    pub(super) async fn finding(&self) -> FindingReport {
        loop {
            if let Some(report) = self.shared.lock().findings.pop_front() {
                return report;
            }
            self.shared.found.notified().await;
        }
    }

    /// The next unit if one waits.
    pub(super) fn try_next(&self) -> Option<SourceUnit> {
        self.shared.lock().pop()
    }
}

pub(super) fn source_queue(
    wanted: Arc<Notify>,
    counters: Arc<Counters>,
) -> (SourceWriter, SourceReader) {
    let shared = Arc::new(Shared {
        queue: Mutex::default(),
        filled: Notify::new(),
        found: Notify::new(),
        counters,
    });
    (
        SourceWriter {
            shared: shared.clone(),
            wanted,
        },
        SourceReader { shared },
    )
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    filled: Notify,
    found: Notify,
    counters: Arc<Counters>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while the lock is held; if it did, the queue would still be whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Queue {
    units: VecDeque<SourceUnit>,
    findings: VecDeque<FindingReport>,
    bytes: usize,
    /// Layers of which a video access unit was dropped, one bit each: those that follow cannot be
    /// decoded before a keyframe.
    await_keyframe: u8,
    closed: bool,
}

impl Queue {
    /// False when the unit was dropped.
    fn push(&mut self, unit: SourceUnit) -> bool {
        let size = size_of(&unit);
        let full = self.units.len() >= QUEUE_UNITS || self.bytes + size > QUEUE_BYTES;
        let dropped = match &unit {
            SourceUnit::AccessUnit(unit) if unit.kind == Kind::Video => {
                self.drops_picture(unit, full)
            }
            _ => full,
        };
        if dropped {
            return false;
        }
        self.bytes += size;
        self.units.push_back(unit);
        true
    }

    fn drops_picture(&mut self, unit: &AccessUnit, full: bool) -> bool {
        // Layers beyond those that a session may have do not get here; they would share a bit.
        let layer = 1 << (unit.layer % 8);
        if unit.keyframe {
            self.await_keyframe &= !layer;
        }
        if full {
            self.await_keyframe |= layer;
        }
        self.await_keyframe & layer != 0
    }

    fn pop(&mut self) -> Option<SourceUnit> {
        let unit = self.units.pop_front()?;
        self.bytes -= size_of(&unit);
        Some(unit)
    }
}

/// Bytes of media in a unit.
pub(super) fn size_of(unit: &SourceUnit) -> usize {
    use crate::source::SourceFormat;
    match unit {
        SourceUnit::Format(
            SourceFormat::Video { config, .. } | SourceFormat::Audio { config, .. },
        ) => config.len(),
        SourceUnit::Format(SourceFormat::RtpVideo { .. } | SourceFormat::RtpAudio) => 0,
        SourceUnit::AccessUnit(unit) => unit.data.len(),
        SourceUnit::Rtp(packet) => packet.packet.len(),
        SourceUnit::Finding(_) => 0,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bytes::Bytes;

    use weir_protocol::finding::{FindingCode, Severity};

    use super::*;

    fn video(keyframe: bool, size: usize) -> SourceUnit {
        picture(0, keyframe, size)
    }

    fn picture(layer: u8, keyframe: bool, size: usize) -> SourceUnit {
        SourceUnit::AccessUnit(AccessUnit {
            kind: Kind::Video,
            layer,
            dts: 0,
            pts: 0,
            keyframe,
            data: Bytes::from(vec![0; size]),
        })
    }

    fn pair() -> (SourceWriter, SourceReader, Arc<Counters>) {
        let counters = Arc::<Counters>::default();
        let (writer, reader) = source_queue(Arc::default(), counters.clone());
        (writer, reader, counters)
    }

    #[tokio::test]
    async fn the_end_comes_after_what_was_pushed() {
        let (writer, reader, _) = pair();
        writer.push(video(true, 10));
        drop(writer);
        assert_eq!(reader.next().await, Some(video(true, 10)));
        assert_eq!(reader.next().await, None);
    }

    #[test]
    fn overflow_drops_video_to_the_next_keyframe_that_fits() {
        let (writer, reader, counters) = pair();
        writer.push(video(true, QUEUE_BYTES - 10));
        writer.push(video(false, 20)); // does not fit
        writer.push(video(false, 1)); // would fit, but refers to the dropped one
        assert_eq!(counters.units_dropped.load(Ordering::Relaxed), 2);
        assert_eq!(reader.try_next(), Some(video(true, QUEUE_BYTES - 10)));
        writer.push(video(false, 1));
        writer.push(video(true, 2));
        writer.push(video(false, 3));
        assert_eq!(reader.try_next(), Some(video(true, 2)));
        assert_eq!(reader.try_next(), Some(video(false, 3)));
        assert_eq!(reader.try_next(), None);
        assert_eq!(counters.units_dropped.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn each_layer_waits_for_a_keyframe_of_its_own() {
        let (writer, reader, counters) = pair();
        writer.push(picture(0, true, QUEUE_BYTES - 10));
        writer.push(picture(1, true, 20)); // does not fit
        writer.push(picture(0, false, 1));
        writer.push(picture(1, false, 1)); // refers to the dropped one
        writer.push(picture(1, true, 2));
        writer.push(picture(1, false, 3));
        assert_eq!(counters.units_dropped.load(Ordering::Relaxed), 2);
        assert_eq!(reader.try_next(), Some(picture(0, true, QUEUE_BYTES - 10)));
        for left in [
            picture(0, false, 1),
            picture(1, true, 2),
            picture(1, false, 3),
        ] {
            assert_eq!(reader.try_next(), Some(left));
        }
    }

    #[tokio::test]
    async fn findings_go_past_the_media_and_are_bounded() {
        let (writer, reader, counters) = pair();
        let report = |number: usize| FindingReport {
            code: FindingCode::Unsupported,
            severity: Severity::Error,
            active: true,
            values: [("number".to_owned(), number as f64)].into(),
            words: Default::default(),
            repaired: false,
        };
        writer.push(video(true, 10));
        for number in 0..QUEUE_FINDINGS + 5 {
            writer.push(SourceUnit::Finding(report(number)));
        }
        for number in 0..QUEUE_FINDINGS {
            assert_eq!(reader.finding().await, report(number));
        }
        assert_eq!(reader.try_next(), Some(video(true, 10)));
        assert_eq!(reader.try_next(), None);
        assert_eq!(counters.units_dropped.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn many_small_units_are_bounded_too() {
        let (writer, reader, counters) = pair();
        for _ in 0..QUEUE_UNITS + 5 {
            writer.push(SourceUnit::Format(crate::source::SourceFormat::RtpAudio));
        }
        assert_eq!(counters.units_dropped.load(Ordering::Relaxed), 5);
        assert!(reader.try_next().is_some());
    }
}
