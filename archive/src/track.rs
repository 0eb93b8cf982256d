//! Names of tracks in files and addresses.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use weir_media::HlsTrack;

/// A track of an archive: `v0` is the best video, `a` the audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TrackId {
    /// A rung of the ladder, the best is 0.
    Video(u8),
    /// The audio.
    Audio,
}

impl TrackId {
    /// The best video, which is always there when there is video.
    pub const TOP: Self = Self::Video(0);

    /// The MIME type of its files.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Video(_) => "video/mp4",
            Self::Audio => "audio/mp4",
        }
    }
}

impl From<HlsTrack> for TrackId {
    fn from(track: HlsTrack) -> Self {
        match track {
            HlsTrack::Video(rung) => Self::Video(rung),
            HlsTrack::Audio => Self::Audio,
        }
    }
}

impl fmt::Display for TrackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Video(rung) => write!(f, "v{rung}"),
            Self::Audio => f.write_str("a"),
        }
    }
}

impl FromStr for TrackId {
    type Err = NoTrack;

    fn from_str(text: &str) -> Result<Self, NoTrack> {
        if text == "a" {
            return Ok(Self::Audio);
        }
        let rung = text.strip_prefix('v').and_then(|rung| rung.parse().ok());
        let track = rung.map(Self::Video).ok_or(NoTrack)?;
        // One name for each.
        (track.to_string() == text).then_some(track).ok_or(NoTrack)
    }
}

/// A text that names no track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a track is v0, v1, … or a")]
pub struct NoTrack;

impl TryFrom<String> for TrackId {
    type Error = NoTrack;

    fn try_from(text: String) -> Result<Self, NoTrack> {
        text.parse()
    }
}

impl From<TrackId> for String {
    fn from(track: TrackId) -> Self {
        track.to_string()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_written() {
        for track in [TrackId::TOP, TrackId::Video(12), TrackId::Audio] {
            assert_eq!(track.to_string().parse(), Ok(track));
        }
        for bad in ["", "v", "v+1", "v01", "v256", "b", "../v0"] {
            assert_eq!(bad.parse::<TrackId>(), Err(NoTrack), "{bad}");
        }
    }
}
