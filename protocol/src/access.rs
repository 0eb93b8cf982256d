//! Who somebody is, and what a streamer needs to publish.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::StreamSlug;

/// Answer of `GET /api/v1/me`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Me {
    /// User name.
    pub name: String,
    /// `admin`, `moderator`, `speaker` or `attendee`.
    pub role: String,
}

/// A stream's new key and its addresses: answer of `POST /api/v1/streams` and
/// `POST /api/v1/streams/{slug}/key`, and what `weir stream create --json` prints.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamAccess {
    /// Name in addresses.
    pub slug: StreamSlug,
    /// The stream key, shown this once.
    pub key: String,
    /// Server address for RTMP encoders; the key is entered beside it.
    pub rtmp_url: String,
    /// WHIP endpoint; the key is its bearer token.
    pub whip_url: String,
    /// WHEP endpoint.
    pub whep_url: String,
    /// HLS multivariant playlist.
    pub hls_url: String,
    /// Page for viewers.
    pub watch_url: String,
}

impl fmt::Debug for StreamAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamAccess")
            .field("slug", &self.slug)
            .finish_non_exhaustive()
    }
}
