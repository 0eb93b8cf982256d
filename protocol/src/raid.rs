//! Sending a stream's viewers to another one.

use serde::{Deserialize, Serialize};

use crate::StreamSlug;

/// Body of `POST /api/v1/streams/{slug}/raid`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StartRaid {
    /// Where the viewers go: a stream that is live.
    pub target: StreamSlug,
}

/// Where viewers are sent: answer of `POST /api/v1/streams/{slug}/raid`, and event `raid` of both streams'
/// events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RaidNotice {
    /// From where.
    pub source: StreamSlug,
    /// To where.
    pub target: StreamSlug,
    /// Title of the target.
    pub title: String,
    /// How many watched the source.
    pub viewers: u32,
    /// When, in milliseconds since the Unix epoch.
    pub raided_at: i64,
}
