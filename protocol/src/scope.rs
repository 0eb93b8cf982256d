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

impl Scope {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Account,
        Self::Profile,
        Self::StreamsRead,
        Self::StreamsWrite,
        Self::Rooms,
        Self::Events,
        Self::Insight,
        Self::Webhooks,
        Self::Admin,
    ];

    /// The word in JSON, in the database and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Profile => "profile",
            Self::StreamsRead => "streams:read",
            Self::StreamsWrite => "streams:write",
            Self::Rooms => "rooms",
            Self::Events => "events",
            Self::Insight => "insight",
            Self::Webhooks => "webhooks",
            Self::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let mut all = Self::ALL.into_iter();
        all.find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}

/// A text that is no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a scope is account, profile, streams:read, streams:write, rooms, events, insight, webhooks or admin"
)]
pub struct UnknownScope;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_everywhere() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            let json = serde_json::to_value(scope).expect("a word");
            assert_eq!(json, scope.as_str());
        }
        assert_eq!("everything".parse::<Scope>(), Err(UnknownScope));
    }
}
