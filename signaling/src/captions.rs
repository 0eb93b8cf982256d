//! Captions on their way to those who watch: from the bridge, which never waits, to the rooms of the stream.
//!
//! Only the newest caption of a stream is kept until it is told, and nothing after.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::sync::Notify;
use weir_db::{Stream, StreamId};
use weir_protocol::{Caption, room::RoomEventBody};

use crate::{App, rooms::Audience};

/// What is to be read now. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Captions {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    untold: Mutex<HashMap<StreamId, Caption>>,
    changed: Notify,
}

impl Captions {
    /// Somebody begins to read the captions of this stream. What is to be read ends with it.
    pub fn open(&self, stream: &Stream) -> CaptionWriter {
        CaptionWriter {
            captions: self.clone(),
            stream: stream.id,
            empty: true,
        }
    }

    fn take(&self) -> HashMap<StreamId, Caption> {
        let mut untold = self.inner.untold.lock().expect("nothing panics here");
        std::mem::take(&mut *untold)
    }
}

/// What one worker reads.
#[derive(Debug)]
pub struct CaptionWriter {
    captions: Captions,
    stream: StreamId,
    empty: bool,
}

impl CaptionWriter {
    /// This is to be read from now on.
    pub fn tell(&mut self, caption: Caption) {
        let empty = caption.lines.is_empty();
        // Most streams have none: they are not told so.
        if empty && self.empty {
            return;
        }
        self.empty = empty;
        let inner = &self.captions.inner;
        let mut untold = inner.untold.lock().expect("nothing panics here");
        untold.insert(self.stream, caption);
        drop(untold);
        inner.changed.notify_one();
    }
}

impl Drop for CaptionWriter {
    fn drop(&mut self) {
        self.tell(Caption::default());
    }
}

/// Tells members of rooms until the server drains.
pub(crate) async fn keep_telling(app: App) {
    let captions = app.services.live.captions().clone();
    loop {
        tokio::select! {
            () = app.services.draining.cancelled() => return,
            () = captions.inner.changed.notified() => {}
        }
        let untold = captions.take();
        // Sessions of events have rooms of their own, in which the same stream is watched.
        for room in app.rooms.all() {
            let stream = room.target.stream.as_ref();
            if let Some(caption) = stream.and_then(|stream| untold.get(&stream.id)) {
                let caption = caption.clone();
                room.tell(RoomEventBody::Caption { caption }, Audience::Everyone);
            }
        }
    }
}
