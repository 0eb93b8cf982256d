//! Coming streams, and what streams are about.

use serde::{Deserialize, Serialize};

use crate::StreamSlug;

/// Body of `POST /api/v1/streams/{slug}/schedule` and of `PUT` of one of its entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PlanStream {
    /// What will be shown.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub title: String,
    /// What else there is to say.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 4000))]
    pub description: String,
    /// When it begins, in milliseconds since the Unix epoch.
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 0, maximum = 253_402_300_799_000_i64)
    )]
    pub starts_at: i64,
    /// When it is over: later than it begins, by at most seven days.
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 0, maximum = 253_402_300_799_000_i64)
    )]
    pub ends_at: i64,
}

/// A coming stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlannedStream {
    /// Names it.
    pub id: String,
    /// Where it will be.
    pub slug: StreamSlug,
    /// What will be shown.
    pub title: String,
    /// What else there is to say.
    pub description: String,
    /// When it begins, in milliseconds since the Unix epoch.
    pub starts_at: i64,
    /// When it is over.
    pub ends_at: i64,
}

/// What streams can be about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CategoryInfo {
    /// Name in addresses, of the same characters as a stream's.
    #[cfg_attr(feature = "openapi", schema(value_type = StreamSlug))]
    pub slug: StreamSlug,
    /// Name for people.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 100))]
    pub name: String,
    /// Id of an uploaded picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(max_length = 64, pattern = "^[0-9a-f]{64}$")
    )]
    pub image: Option<String>,
}

/// One event of `GET /api/v1/streams/events`: how the list of live streams has changed since the event
/// before. The first event has all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LiveChanges {
    /// Streams that are live now, or whose state or count is another one.
    pub changed: Vec<crate::StreamSummary>,
    /// Streams that are live no more, or no longer public.
    pub gone: Vec<StreamSlug>,
    /// Public streams that are live altogether; more than were told when there are too many for one page.
    pub live: u32,
}
