//! Playlists that have been written and are still true.

use bytes::Bytes;
use weir_media::HlsTrack;

use super::stream::RUNGS_MAX;

/// Whole and delta update, of each rung and of the sound.
#[derive(Debug, Default)]
pub(super) struct Texts {
    kept: [[Option<Bytes>; 2]; RUNGS_MAX + 1],
}

impl Texts {
    pub(super) fn get(&self, id: HlsTrack, delta: bool) -> Option<Bytes> {
        self.kept.get(place(id))?[usize::from(delta)].clone()
    }

    pub(super) fn keep(&mut self, id: HlsTrack, delta: bool, text: Bytes) {
        if let Some(place) = self.kept.get_mut(place(id)) {
            place[usize::from(delta)] = Some(text);
        }
    }

    /// Something has changed; every playlist reports on its siblings.
    pub(super) fn forget(&mut self) {
        self.kept = Default::default();
    }
}

/// Where a track stands in an array: the ladder from the top, then sound.
pub(super) fn place(id: HlsTrack) -> usize {
    match id {
        HlsTrack::Video(rung) => usize::from(rung),
        HlsTrack::Audio => RUNGS_MAX,
    }
}
