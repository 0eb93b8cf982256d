//! Keeping order: bans, moderators, and the log of who did what.

use serde::{Deserialize, Serialize};

use super::id::{AuditId, BanId};

/// Longest reason in characters.
pub const REASON_MAX: usize = 300;

/// Longest timeout in seconds: two weeks.
pub const TIMEOUT_MAX_S: u32 = 14 * 24 * 60 * 60;

/// Moderators of a room at most.
pub const MODERATORS_MAX: usize = 100;

/// How somebody is kept quiet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BanKind {
    /// May not enter the room. A guest's address may not either.
    Ban,
    /// Writes for their own eyes and for moderators' only, and is not told.
    Shadow,
    /// May not write for a time.
    Timeout,
}

impl BanKind {
    /// The word in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ban => "ban",
            Self::Shadow => "shadow",
            Self::Timeout => "timeout",
        }
    }
}

/// Keeps somebody quiet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewBan {
    /// Whom, as in [`Author::id`](super::Author::id): `user:<name>` or `guest:<code>`.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 80, pattern = "^(user|guest):")
    )]
    pub member: String,
    /// How.
    pub kind: BanKind,
    /// For so many seconds; needed for a timeout. Without it, for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_209_600))]
    pub seconds: Option<u32>,
    /// Why, for the audit log. Up to 300 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 300))]
    pub reason: Option<String>,
}

/// A ban, shadow ban or timeout that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ban {
    /// Its id.
    pub id: BanId,
    /// How.
    pub kind: BanKind,
    /// Whom, as in [`Author::id`](super::Author::id).
    pub member: String,
    /// The name that they had.
    pub name: String,
    /// Guests from their address are kept quiet too.
    pub address: bool,
    /// Why.
    pub reason: String,
    /// Name of who did it; absent when that account is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When, in milliseconds since the Unix epoch.
    pub created_at: i64,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<i64>,
}

/// Lifts what keeps somebody quiet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Unban {
    /// Whom, as in [`Author::id`](super::Author::id).
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 80))]
    pub member: String,
    /// Only this; everything when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<BanKind>,
}

/// Deletes all messages of somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Purge {
    /// Whose, as in [`Author::id`](super::Author::id).
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 80, pattern = "^(user|guest):")
    )]
    pub member: String,
    /// Why, for the audit log. Up to 300 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 300))]
    pub reason: Option<String>,
}

/// Makes somebody a moderator of the room, or takes that back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SetModerator {
    /// Name of the user.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64))]
    pub name: String,
    /// From now on is one, or is none.
    pub moderator: bool,
}

/// A moderator of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoomModerator {
    /// Name of the user.
    pub name: String,
    /// The name to show.
    pub display_name: String,
    /// Since when, in milliseconds since the Unix epoch.
    pub added_at: i64,
}

/// A line of the audit log: who did what to whom, why and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Its id.
    pub id: AuditId,
    /// The room's name as it was then.
    pub room: String,
    /// Name of who did it.
    pub by: String,
    /// What: `ban`, `shadow`, `timeout`, `unban`, `delete`, `purge`, `pin`, `unpin`, `rules`,
    /// `add_moderator`, `remove_moderator`, `poll`, `close_poll`, `delete_poll`, `question`,
    /// `delete_question`, `add_emote`, `remove_emote`. Of the whole site, where the room is `site`, also
    /// `make_admin`, `make_moderator`, `make_speaker`, `make_attendee`, `approve`, `unapprove`, `lock`,
    /// `unlock`, `delete_user`, `import_users`, `log_out`, `remove_second_factor`, `approve_application`,
    /// `refuse_application`, `end_broadcast`, `replace_key`, `delete_stream`, `add_webhook`,
    /// `remove_webhook`.
    pub action: String,
    /// Whom or what: a member as in [`Author::id`](super::Author::id), or the id of a thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_name: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
}
