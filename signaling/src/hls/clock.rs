//! See [`weir_media::clock`]: the archive has the same dates.

pub(super) use weir_media::clock::{Clock, SAME_CUT, WallMicros, rfc3339, wall};
