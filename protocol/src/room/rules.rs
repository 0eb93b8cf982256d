//! What may be said in a room, as those who run it set it.

use serde::{Deserialize, Serialize};

use super::settings::RoomSettings;

/// Longest delay of chat in milliseconds.
pub const DELAY_MAX_MS: u32 = 120_000;

/// Longest time between two messages of a member in slow mode, in milliseconds: six hours.
pub const SLOW_MAX_MS: u32 = 6 * 60 * 60 * 1000;

/// Longest time that one must have followed, in milliseconds: a year.
pub const FOLLOW_AGE_MAX_MS: u64 = 366 * 24 * 60 * 60 * 1000;

/// Blocked words of a room at most.
pub const BLOCKED_WORDS_MAX: usize = 200;

/// Longest blocked word in characters.
pub const BLOCKED_WORD_CHARS: usize = 64;

/// Hosts that links may lead to at most.
pub const LINK_HOSTS_MAX: usize = 100;

/// Longest name of a host in characters (RFC 1035 section 2.3.4).
pub const LINK_HOST_CHARS: usize = 253;

/// Who may write links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LinkPolicy {
    /// Everybody.
    #[default]
    Allow,
    /// Moderators only.
    Moderators,
    /// Everybody, to the hosts on the room's list; moderators to any.
    Hosts,
}

impl LinkPolicy {
    /// The word in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Moderators => "moderators",
            Self::Hosts => "hosts",
        }
    }
}

/// What may be said in a room. For those who run it; members are told
/// [`RoomSettings`](super::RoomSettings), which lacks the words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoomRules {
    /// Chat is on. When off, only moderators write.
    pub chat: bool,
    /// Somebody without an account may write under a nickname.
    pub guests: bool,
    /// Everybody but moderators gets messages so much later, in milliseconds.
    pub delay_ms: u32,
    /// Only followers of the stream's owner may write.
    pub followers_only: bool,
    /// They must have followed for so long, in milliseconds.
    pub followers_age_ms: u64,
    /// A member may write once in so many milliseconds; 0 turns slow mode off.
    pub slow_ms: u32,
    /// Only emotes and emoji may be written.
    pub emotes_only: bool,
    /// Who may write links.
    pub links: LinkPolicy,
    /// Where links may lead under the policy `hosts`, subdomains included.
    pub link_hosts: Vec<String>,
    /// Words that may not be written, however they are disguised.
    pub blocked_words: Vec<String>,
    /// Questions are shown when a moderator has approved them.
    pub questions_moderated: bool,
    /// Counts changes, for entity tags.
    pub version: i64,
}

impl Default for RoomRules {
    fn default() -> Self {
        Self {
            chat: true,
            guests: false,
            delay_ms: 0,
            followers_only: false,
            followers_age_ms: 0,
            slow_ms: 0,
            emotes_only: false,
            links: LinkPolicy::default(),
            link_hosts: Vec::new(),
            blocked_words: Vec::new(),
            questions_moderated: false,
            version: 0,
        }
    }
}

impl RoomRules {
    /// What members are told.
    pub fn settings(&self) -> RoomSettings {
        RoomSettings {
            guests: self.guests,
            delay_ms: self.delay_ms,
            chat: self.chat,
            followers_only: self.followers_only,
            followers_age_ms: self.followers_age_ms,
            slow_ms: self.slow_ms,
            emotes_only: self.emotes_only,
            links: self.links,
            questions_moderated: self.questions_moderated,
        }
    }
}

/// What to change of a room's rules; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RoomRulesChange {
    /// Chat is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<bool>,
    /// Somebody without an account may write under a nickname.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guests: Option<bool>,
    /// Everybody but moderators gets messages so much later, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(maximum = 120_000))]
    pub delay_ms: Option<u32>,
    /// Only followers of the stream's owner may write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub followers_only: Option<bool>,
    /// They must have followed for so long, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(maximum = 31_622_400_000u64))]
    pub followers_age_ms: Option<u64>,
    /// A member may write once in so many milliseconds; 0 turns slow mode off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(maximum = 21_600_000))]
    pub slow_ms: Option<u32>,
    /// Only emotes and emoji may be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emotes_only: Option<bool>,
    /// Who may write links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<LinkPolicy>,
    /// Where links may lead, subdomains included: up to 100 names of hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_items = 100))]
    pub link_hosts: Option<Vec<String>>,
    /// Words that may not be written: up to 200, each of up to 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_items = 200))]
    pub blocked_words: Option<Vec<String>>,
    /// Questions are shown when a moderator has approved them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub questions_moderated: Option<bool>,
}
