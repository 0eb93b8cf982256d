//! What users are told of.

use serde::{Deserialize, Serialize};

/// Kinds of notifications, each of which a user may switch off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NotificationKind {
    /// Somebody whom the user follows is live.
    StreamLive,
    /// The user has a new follower.
    Follower,
    /// Somebody mentioned the user in a chat.
    Mention,
    /// An admin has decided about the user's application as a creator.
    Approval,
    /// Another stream's viewers were sent to the user's.
    Raid,
    /// Something about an event that the user is registered for or speaks at.
    Event,
    /// An admin has changed the user's account, or the server has switched off something of theirs.
    Account,
}

impl NotificationKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::StreamLive,
        Self::Follower,
        Self::Mention,
        Self::Approval,
        Self::Raid,
        Self::Event,
        Self::Account,
    ];

    /// The word in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StreamLive => "stream_live",
            Self::Follower => "follower",
            Self::Mention => "mention",
            Self::Approval => "approval",
            Self::Raid => "raid",
            Self::Event => "event",
            Self::Account => "account",
        }
    }

    /// The kind of a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Something that a user was told of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NotificationItem {
    /// Its id; newer ones are greater.
    pub id: String,
    /// What kind of.
    pub kind: String,
    /// What happened; members depend on the kind.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub payload: serde_json::Value,
    /// When.
    pub created_at: i64,
    /// When the user read it; absent for an unread one.
    pub read_at: Option<i64>,
}

/// How many notifications are unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnreadCount {
    /// So many.
    pub unread: i64,
}

/// Body of `POST /api/v1/me/notifications/read`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReadNotifications {
    /// The newest one that was read, older ones included; all when it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]{1,19}$"))]
    pub up_to: Option<String>,
}

/// How a user wants to be told of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NotificationWish {
    /// In the list of notifications.
    pub in_app: bool,
    /// By mail too, to an address that was confirmed. Of `stream_live` only.
    pub by_mail: bool,
}

/// A kind and how the user wants to be told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NotificationSettingItem {
    /// Of what.
    pub kind: NotificationKind,
    /// In the list of notifications.
    pub in_app: bool,
    /// By mail too.
    pub by_mail: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_everywhere() {
        for kind in NotificationKind::ALL {
            assert_eq!(NotificationKind::of(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).expect("json"), kind.as_str());
        }
    }
}
