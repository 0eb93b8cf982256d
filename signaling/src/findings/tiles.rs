//! The newest picture of each live stream.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use axum::body::Bytes;
use weir_db::StreamId;
use weir_media::Thumbnail;

/// Narrower ones are tiles of the preview strip.
const LEAST_WIDTH: u32 = 200;

/// A picture as it is served.
#[derive(Debug, Clone)]
pub(super) struct Tile {
    pub(super) jpeg: Bytes,
    pub(super) etag: String,
}

#[derive(Debug, Default)]
pub(super) struct Tiles(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    number: u64,
    tiles: HashMap<StreamId, Tile>,
}

impl Tiles {
    /// Takes a picture in, unless it is one for the strip.
    pub(super) fn put(&self, stream: StreamId, thumbnail: &Thumbnail) {
        let longest = thumbnail.width.max(thumbnail.height);
        let mut state = self.state();
        if longest < LEAST_WIDTH && state.tiles.contains_key(&stream) {
            return;
        }
        state.number += 1;
        let etag = format!("\"{:x}-{:x}\"", crate::live::now(), state.number);
        let jpeg = thumbnail.jpeg.clone();
        state.tiles.insert(stream, Tile { jpeg, etag });
    }

    pub(super) fn get(&self, stream: StreamId) -> Option<Tile> {
        self.state().tiles.get(&stream).cloned()
    }

    pub(super) fn remove(&self, stream: StreamId) {
        self.state().tiles.remove(&stream);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics under this lock")
    }
}
