//! What the public may know of a stream.

use serde::{Deserialize, Serialize};

use crate::StreamSlug;

/// How the publisher reaches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum IngestProtocol {
    /// RTMP or Enhanced RTMP.
    Rtmp,
    /// WHIP, RFC 9725.
    Whip,
}

impl IngestProtocol {
    /// The word used in JSON, in the database and in metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rtmp => "rtmp",
            Self::Whip => "whip",
        }
    }
}

/// Viewers by the way they watch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ViewerCount {
    /// Over WebRTC.
    pub webrtc: u32,
    /// Over HLS, counted from playlist requests of the last seconds.
    pub hls: u32,
}

impl ViewerCount {
    /// Everybody who watches.
    pub fn total(self) -> u32 {
        self.webrtc.saturating_add(self.hls)
    }
}

/// Who may see a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody; it stands in lists.
    #[default]
    Public,
    /// Everybody who knows its address.
    Unlisted,
    /// Its owner, its moderators, those of the site, and who was invited or has a viewer token.
    Private,
}

impl Visibility {
    /// The word in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Unlisted => "unlisted",
            Self::Private => "private",
        }
    }
}

/// Whose a stream is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamOwner {
    /// User name.
    pub name: String,
    /// Name for people; the user name when it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub display_name: Option<String>,
}

/// A category as a stream names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamCategory {
    /// Name in addresses.
    pub slug: String,
    /// Name for people.
    pub name: String,
}

/// A stream as listings and the watch page show it: `GET /api/v1/streams` and `GET /api/v1/streams/{slug}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamSummary {
    /// Name in addresses.
    pub slug: StreamSlug,
    /// Title for people.
    pub title: String,
    /// Whether a broadcast is on the air: media arrives, or the server waits for it (see
    /// `reconnecting_until`).
    pub live: bool,
    /// How media arrives, or arrived last; absent when offline.
    pub protocol: Option<IngestProtocol>,
    /// Start of this broadcast in milliseconds since the Unix epoch; absent when offline.
    pub started_at: Option<i64>,
    /// Present while the publisher's connection is broken and its return is waited for: when the
    /// stream goes offline otherwise, in milliseconds since the Unix epoch by the server's clock.
    #[serde(default)]
    pub reconnecting_until: Option<i64>,
    /// Who watches now.
    pub viewers: ViewerCount,
    /// Whether the HLS playlist can be asked for (a few seconds after the start).
    pub hls_ready: bool,
    /// How far viewers can go back from now to the start of the broadcast, in seconds: the playlist
    /// `/hls/{slug}/dvr.m3u8` has it. Absent when offline, and where nothing is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub dvr_seconds: Option<u64>,
    /// What else there is to say; empty in lists.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whose it is; absent for the site's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub owner: Option<StreamOwner>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub category: Option<StreamCategory>,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Who may see it.
    #[serde(default)]
    pub visibility: Visibility,
    /// What is spoken, as a language tag (BCP 47).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub language: Option<String>,
    /// Whether it is not for everybody's eyes.
    #[serde(default)]
    pub mature: bool,
    /// Id of an uploaded picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub thumbnail: Option<String>,
    /// Where a picture of the stream is: the uploaded one, else one of a few seconds ago while it is live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub thumbnail_url: Option<String>,
}

/// One event of `GET /api/v1/streams/{slug}/events` (server-sent events, event name `stream`).
/// The newest state is sent on connect and after each change, so a client needs no history.
pub type StreamEvent = StreamSummary;

/// `GET /api/v1/time`: the server's clock, from which a player computes its distance to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerTime {
    /// Milliseconds since the Unix epoch.
    pub now_ms: i64,
}
