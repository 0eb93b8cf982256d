//! How a room is run.

use serde::{Deserialize, Serialize};

use super::rules::{LinkPolicy, RoomRules};

/// How a room is run, as its members are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RoomSettings {
    /// Somebody without an account may write under a nickname.
    pub guests: bool,
    /// Everybody but moderators gets messages so much later, in milliseconds.
    pub delay_ms: u32,
    /// Chat is on. When off, only moderators write.
    pub chat: bool,
    /// Only followers of the stream's owner may write.
    pub followers_only: bool,
    /// They must have followed for so long, in milliseconds.
    pub followers_age_ms: u64,
    /// A member may write once in so many milliseconds; 0 when slow mode is off.
    pub slow_ms: u32,
    /// Only emotes and emoji may be written.
    pub emotes_only: bool,
    /// Who may write links.
    pub links: LinkPolicy,
    /// Questions are shown when a moderator has approved them.
    pub questions_moderated: bool,
}

impl Default for RoomSettings {
    fn default() -> Self {
        RoomRules::default().settings()
    }
}
