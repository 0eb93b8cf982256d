//! Live media on disk: the DVR window, recordings, downloads and clips.
//!
//! [`Root`] is the folder of all broadcasts. Each publisher writes through a [`Sink`], which never blocks; a
//! thread of the broadcast has the disk. [`Take`] is a broadcast as it is read: its [`Index`] says which
//! segments there are, [`playlist`] makes playlists of it, [`movie`] MP4 files. A finished recording is
//! moved to a [`Store`], the local disk or an S3-compatible one.
//!
//! Nothing here knows of HTTP or of the database.

mod boxes;
mod disk;
mod fragment;
mod index;
pub mod movie;
pub mod playlist;
mod recording;
mod root;
mod scan;
mod store;
mod take;
mod track;
mod writer;

pub use disk::{free_bytes, total_bytes};
pub use index::{Index, Segment};
pub use object_store::GetRange;
pub use recording::{Finished, Manifest, finish, finished, make_clip, make_clip_of_take, position};
pub use root::{Listener, Notice, Root, Settings, Sink, Stats};
pub use store::{Reading, S3, Store, StoreError};
pub use take::{Kept, Take};
pub use track::{NoTrack, TrackId};
pub use writer::Stopped;
