//! Recordings and clips.

use serde::{Deserialize, Serialize};

use crate::StreamSlug;

/// How far a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// It goes on.
    Recording,
    /// Its files are being made.
    Processing,
    /// It can be watched.
    Ready,
    /// It could not be finished.
    Failed,
    /// It is being removed.
    Deleted,
}

impl RecordingState {
    const ALL: [Self; 5] = [
        Self::Recording,
        Self::Processing,
        Self::Ready,
        Self::Failed,
        Self::Deleted,
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recording => "recording",
            Self::Processing => "processing",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Deleted => "deleted",
        }
    }

    /// The state with this word.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A recording of a stream, or of a part of its broadcast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Recording {
    /// Names it.
    pub id: String,
    /// Of which stream.
    pub slug: StreamSlug,
    /// Of which broadcast.
    pub broadcast_id: String,
    /// For people.
    pub title: String,
    /// How far it is.
    pub state: RecordingState,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub error: Option<String>,
    /// When it began, in milliseconds since the Unix epoch.
    pub started_at: i64,
    /// When it ended; absent while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub ended_at: Option<i64>,
    /// How long it plays, in milliseconds; 0 until it is ready. Gaps in the broadcast are left out.
    pub duration_ms: i64,
    /// Size of its files in bytes.
    pub bytes: i64,
    /// Whether it is kept whatever its age and size.
    pub protected: bool,
    /// Address of its HLS playlist, once it is ready. With a viewer token, put `t/{token}/` behind `/vod/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub hls: Option<String>,
    /// Address of its preview pictures (WebVTT), if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub thumbnails: Option<String>,
    /// Addresses of its MP4 files: one, or more where the publisher changed the format in between.
    pub downloads: Vec<String>,
}

/// Body of `PATCH /api/v1/recordings/{id}`; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EditRecording {
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(nullable = false, min_length = 1, max_length = 200)
    )]
    pub title: Option<String>,
    /// Whether it is kept whatever its age and size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub protected: Option<bool>,
}

/// Whether a stream is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordingStatus {
    /// Whether its broadcasts are recorded from their beginning; absent when the server's setting counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub record: Option<bool>,
    /// The server's setting.
    pub default: bool,
    /// The recording that goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub recording: Option<String>,
    /// Why nothing is written at the moment, though it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub stopped: Option<String>,
    /// How far viewers can go back while the stream is live, in seconds.
    pub dvr_window_seconds: u64,
}

/// Body of `PUT /api/v1/streams/{slug}/recording`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SetRecording {
    /// Whether broadcasts are recorded from their beginning; null for the server's setting.
    pub record: Option<bool>,
}

/// A short piece of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Clip {
    /// Names it.
    pub id: String,
    /// Of which stream.
    pub slug: StreamSlug,
    /// Of which recording, if of one that is still there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub recording: Option<String>,
    /// Name of who cut it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub creator: Option<String>,
    /// For people.
    pub title: String,
    /// How long it plays, in milliseconds.
    pub duration_ms: i64,
    /// Size in bytes.
    pub bytes: i64,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Address of its MP4 file. With a viewer token, put `t/{token}/` behind `/clips/`.
    pub url: String,
}

/// Body of `POST /api/v1/streams/{slug}/clips`: three minutes at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateClip {
    /// For people.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub title: String,
    /// Of this recording; absent for the broadcast that is on the air.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub recording: Option<String>,
    /// Where it begins: milliseconds from the recording's beginning, or since the Unix epoch by the
    /// playlist's program date time for what is on the air.
    pub start: i64,
    /// Where it ends, likewise.
    pub end: i64,
}

/// Longest clip, in milliseconds.
pub const CLIP_MAX_MS: i64 = 180_000;
