//! Where a user is logged in.

use serde::{Deserialize, Serialize};

/// A device that is logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeviceInfo {
    /// For `DELETE /api/v1/me/devices/{id}`.
    pub id: String,
    /// What the browser or program called itself.
    pub name: String,
    /// The network that it was seen in last; the address is not kept.
    pub network: String,
    /// When it logged in, in milliseconds since the Unix epoch.
    pub created_at: i64,
    /// When it was seen last, to the minute.
    pub last_seen_at: i64,
    /// When it is logged out unless it is used before.
    pub expires_at: i64,
    /// Whether this request came from it.
    pub current: bool,
}
