//! Who came, and how long they watched.

use serde::{Deserialize, Serialize};

use super::{EventSlug, RegistrationStatus};

/// Answer of `POST /api/v1/events/{slug}/sessions/{session}/attendance`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeenAnswer {
    /// Say it again within so many milliseconds, or you count as gone.
    pub again_within_ms: i64,
}

/// One person's attendance.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttendeeReport {
    /// User name; absent for guests.
    pub user: Option<String>,
    /// For people.
    pub name: String,
    /// How far the registration is; absent for those who came without one.
    pub status: Option<RegistrationStatus>,
    /// When the attendee was checked in.
    pub checked_in_at: Option<i64>,
    /// When first seen in a session; absent when never.
    pub first_seen_at: Option<i64>,
    /// When last seen in a session.
    pub last_seen_at: Option<i64>,
    /// Sessions attended.
    pub sessions: u32,
    /// Time in sessions, in milliseconds; each session counts by itself.
    pub watch_ms: i64,
}

/// A session's attendance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionReport {
    /// Name in addresses.
    pub slug: EventSlug,
    /// For people.
    pub title: String,
    /// Start of the session.
    pub starts_at: i64,
    /// End of the session.
    pub ends_at: i64,
    /// Different people who came.
    pub attendees: u32,
    /// Their time together, in milliseconds.
    pub watch_ms: i64,
    /// Most people at one time.
    pub peak: u32,
}

/// An event in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventTotals {
    /// Registrations that wait for a decision.
    pub pending: u32,
    /// Registrations with a place.
    pub confirmed: u32,
    /// Registrations that wait for a place.
    pub waiting: u32,
    /// Registrations that were refused.
    pub rejected: u32,
    /// Registrations that were withdrawn.
    pub cancelled: u32,
    /// Attendees who were checked in.
    pub checked_in: u32,
    /// Different people seen in sessions.
    pub attendees: u32,
    /// Their time together, in milliseconds.
    pub watch_ms: i64,
}

/// Activity of an event: `GET /api/v1/events/{slug}/report`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttendanceReport {
    /// Of the whole event.
    pub totals: EventTotals,
    /// By session, in order.
    pub sessions: Vec<SessionReport>,
}
