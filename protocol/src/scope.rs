//! What a credential may be used for.

use serde::{Deserialize, Serialize};

/// A part of the API. A session has all of them, an API token those that it was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Scope {
    /// The account itself: password, devices, tokens, export, deletion. Never in an API token.
    #[serde(rename = "account")]
    Account,
    /// The user's profile, follows, blocks and notifications.
    #[serde(rename = "profile")]
    Profile,
    /// Streams as their owner sees them, private ones included.
    #[serde(rename = "streams:read")]
    StreamsRead,
    /// Creating, changing and deleting streams, keys and invitations.
    #[serde(rename = "streams:write")]
    StreamsWrite,
    /// Chat and everything else in rooms.
    #[serde(rename = "rooms")]
    Rooms,
    /// Events and registrations.
    #[serde(rename = "events")]
    Events,
    /// Figures of streams and events.
    #[serde(rename = "insight")]
    Insight,
    /// Webhooks.
    #[serde(rename = "webhooks")]
    Webhooks,
    /// What only admins may do.
    #[serde(rename = "admin")]
    Admin,
}
