//! Sessions of an event: what happens when, by whom, on which stream.

use serde::{Deserialize, Serialize};

use super::EventSlug;
use crate::{StreamSlug, absent::said};

/// Somebody who speaks: an account, or a guest by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewSpeaker {
    /// User name of an account.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64))]
    pub user: Option<String>,
    /// Name for people; of an account its own name when absent. A guest must have one.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 100))]
    pub name: Option<String>,
    /// Who that is.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 2_000))]
    pub bio: String,
}

/// Body of `POST /api/v1/events/{slug}/sessions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateEventSession {
    /// Name in addresses, one of a kind within the event.
    pub slug: EventSlug,
    /// For people.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub title: String,
    /// What it is about.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 10_000))]
    pub description: String,
    /// Within the event's times.
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 0, maximum = 4_102_444_800_000_i64)
    )]
    pub starts_at: i64,
    /// Within the event's times.
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 0, maximum = 4_102_444_800_000_i64)
    )]
    pub ends_at: i64,
    /// Where: sessions of one stage do not overlap.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 100))]
    pub stage: String,
    /// Sessions are shown by position, then by start.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 10_000))]
    pub position: u32,
    /// Who speaks, in order.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 50))]
    pub speakers: Vec<NewSpeaker>,
    /// The stream that shows it: one of your own, or a public one of its speakers.
    #[serde(default)]
    pub stream: Option<StreamSlug>,
}

/// Body of `PATCH /api/v1/events/{slug}/sessions/{session}`: what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct EditEventSession {
    /// For people.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 200, nullable = false)
    )]
    pub title: Option<String>,
    /// What it is about.
    #[cfg_attr(feature = "openapi", schema(max_length = 10_000, nullable = false))]
    pub description: Option<String>,
    /// Within the event's times.
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 0, maximum = 4_102_444_800_000_i64, nullable = false)
    )]
    pub starts_at: Option<i64>,
    /// Within the event's times.
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 0, maximum = 4_102_444_800_000_i64, nullable = false)
    )]
    pub ends_at: Option<i64>,
    /// Where.
    #[cfg_attr(feature = "openapi", schema(max_length = 100, nullable = false))]
    pub stage: Option<String>,
    /// Sessions are shown by position, then by start.
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 0, maximum = 10_000, nullable = false)
    )]
    pub position: Option<u32>,
    /// Who speaks, as a whole.
    #[cfg_attr(feature = "openapi", schema(max_items = 50, nullable = false))]
    pub speakers: Option<Vec<NewSpeaker>>,
    /// The stream that shows it.
    #[serde(deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<StreamSlug>))]
    pub stream: Option<Option<StreamSlug>>,
}

/// Body of `PUT /api/v1/events/{slug}/sessions/{session}/stream`, for speakers: their own stream
/// shows the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SetSessionStream {
    /// One of your own. Attendees of the event may watch it, even if it is private.
    pub stream: StreamSlug,
}

/// A speaker as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventSessionSpeaker {
    /// User name; absent for guests.
    pub user: Option<String>,
    /// For people.
    pub name: String,
    /// Who that is.
    pub bio: String,
}

/// A session's stream, as far as its page needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionStream {
    /// Name in addresses.
    pub slug: StreamSlug,
    /// For people.
    pub title: String,
    /// Whether it is on the air.
    pub live: bool,
    /// Who watches now.
    pub viewers: u32,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventSession {
    /// Name in addresses.
    pub slug: EventSlug,
    /// For people.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// Milliseconds since the Unix epoch.
    pub starts_at: i64,
    /// Milliseconds since the Unix epoch.
    pub ends_at: i64,
    /// Where; empty when there is one stage.
    pub stage: String,
    /// Order in the page.
    pub position: u32,
    /// Who speaks.
    pub speakers: Vec<EventSessionSpeaker>,
    /// The stream that shows it.
    pub stream: Option<SessionStream>,
    /// The name of its room.
    pub room: String,
    /// Counts changes; the entity tag of edits.
    pub version: i64,
}
