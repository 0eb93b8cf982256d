//! From data channels to those who keep the rooms, without ever losing a message in silence.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, atomic::Ordering},
};

use tokio::sync::mpsc::{Sender, error::TrySendError};
use weir_sfu_core::{DataEvent, SessionId, StreamId};

use crate::shared::Shared;

/// Events that wait for the receiver. When it is full, the channel whose message found it so is
/// closed, and the client opens a new one when it likes to.
pub(crate) const DATA_CAPACITY: usize = 1_024;

/// One shard's end of the queue.
pub(crate) struct Rooms {
    events: Sender<DataEvent>,
    shared: Arc<Shared>,
    /// Channels that the receiver knows of.
    announced: HashSet<SessionId>,
    /// Closed channels that the receiver has not heard of. At most one for each announced.
    waiting: VecDeque<DataEvent>,
    dropped: u64,
}

/// The channel has to be closed: its message was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Overflow(pub(crate) SessionId);

impl Rooms {
    pub(crate) fn new(events: Sender<DataEvent>, shared: Arc<Shared>) -> Self {
        Self {
            events,
            shared,
            announced: HashSet::new(),
            waiting: VecDeque::new(),
            dropped: 0,
        }
    }

    /// Messages that came while nobody listened.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Something waits for the receiver.
    pub(crate) fn is_behind(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(crate) fn take(&mut self, event: DataEvent) -> Result<(), Overflow> {
        let heard = self.shared.rooms.load(Ordering::Relaxed) && !self.events.is_closed();
        match event {
            DataEvent::Opened { stream, session } if heard => self.announce(stream, session),
            DataEvent::Opened { .. } => Ok(()),
            DataEvent::Message {
                stream, session, ..
            } if heard => {
                // A channel from before anybody listened is announced by its first message.
                self.announce(stream, session)?;
                self.send(session, event)
            }
            DataEvent::Message { .. } => {
                self.dropped += 1;
                Ok(())
            }
            DataEvent::Closed { session, .. } => {
                if self.announced.remove(&session) {
                    self.waiting.push_back(event);
                    self.retry();
                }
                Ok(())
            }
        }
    }

    /// Tells what waits, as far as there is room.
    pub(crate) fn retry(&mut self) {
        while let Some(event) = self.waiting.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.waiting.push_front(event);
                    return;
                }
                // Nobody listens any more.
                Err(TrySendError::Closed(_)) => {}
            }
        }
    }

    fn announce(&mut self, stream: StreamId, session: SessionId) -> Result<(), Overflow> {
        if self.announced.contains(&session) {
            return Ok(());
        }
        self.send(session, DataEvent::Opened { stream, session })?;
        self.announced.insert(session);
        Ok(())
    }

    fn send(&mut self, session: SessionId, event: DataEvent) -> Result<(), Overflow> {
        if !self.waiting.is_empty() {
            return Err(Overflow(session));
        }
        match self.events.try_send(event) {
            Ok(()) | Err(TrySendError::Closed(_)) => Ok(()),
            Err(TrySendError::Full(_)) => Err(Overflow(session)),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    const STREAM: StreamId = StreamId(1);

    fn message(session: u128) -> DataEvent {
        DataEvent::Message {
            stream: STREAM,
            session: SessionId(session),
            text: true,
            bytes: vec![1],
        }
    }

    fn closed(session: u128) -> DataEvent {
        DataEvent::Closed {
            stream: STREAM,
            session: SessionId(session),
        }
    }

    #[test]
    fn a_full_queue_closes_channels_and_tells_so() {
        let shared = Arc::new(Shared::new(1));
        let (events, mut receiver) = mpsc::channel(3);
        let mut rooms = Rooms::new(events, shared.clone());
        assert_eq!(rooms.take(message(1)), Ok(()));
        assert_eq!(rooms.dropped(), 1, "nobody listens");
        shared.rooms.store(true, Ordering::Relaxed);
        assert_eq!(rooms.take(message(1)), Ok(()));
        assert_eq!(rooms.take(message(1)), Ok(()));
        assert_eq!(rooms.take(message(1)), Err(Overflow(SessionId(1))));
        assert_eq!(rooms.take(message(2)), Err(Overflow(SessionId(2))));
        for session in [1, 2] {
            assert_eq!(rooms.take(closed(session)), Ok(()));
        }
        assert!(rooms.is_behind());
        let opened = DataEvent::Opened {
            stream: STREAM,
            session: SessionId(1),
        };
        let next = receiver.try_recv().unwrap();
        assert_eq!(next, opened, "announced though opened before");
        assert!(rooms.take(message(1)).is_err(), "not before what waits");
        rooms.retry();
        let rest: Vec<_> = std::iter::from_fn(|| receiver.try_recv().ok()).collect();
        assert_eq!(rest, [message(1), message(1), closed(1)]);
        assert!(!rooms.is_behind(), "the second was never announced");
        drop(receiver);
        assert_eq!(rooms.take(message(1)), Ok(()));
        assert_eq!(rooms.dropped(), 2);
    }
}
