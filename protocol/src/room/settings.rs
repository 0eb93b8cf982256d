//! How a room is run.

use serde::{Deserialize, Serialize};

/// How a room is run, as its members are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RoomSettings {
    /// Somebody without an account may write under a nickname.
    pub guests: bool,
    /// Everybody but moderators gets messages so much later, in milliseconds.
    pub delay_ms: u32,
}
