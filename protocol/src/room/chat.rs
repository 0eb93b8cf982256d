//! Chat messages.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::reaction::{Emote, ReactionCount};

/// A message's id. A decimal number as text, since JavaScript's numbers lose its last bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId(i64);

impl MessageId {
    /// Of a number from the database.
    pub fn new(id: i64) -> Self {
        Self(id)
    }

    /// As a number.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl FromStr for MessageId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let id = digits.then(|| text.parse().ok()).flatten();
        id.map(Self)
            .ok_or("a message's id is a decimal number as text")
    }
}

impl TryFrom<String> for MessageId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<MessageId> for String {
    fn from(id: MessageId) -> Self {
        id.0.to_string()
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for MessageId {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("A message's id: a decimal number as text."))
            .pattern(Some("^[0-9]{1,19}$"))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for MessageId {}

/// Who wrote a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Author {
    /// The same for all messages of this person in this room: `user:<name>` or `guest:<code>`; absent
    /// when the account is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name to show.
    pub name: String,
    /// Not a user of this site, but somebody with a nickname.
    #[serde(default, skip_serializing_if = "is_false")]
    pub guest: bool,
    /// Moderated the room when it was written.
    #[serde(default, skip_serializing_if = "is_false")]
    pub moderator: bool,
}

/// A user who is named in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Mention {
    /// The user's name, as it stands after `@` in the text in any case.
    pub name: String,
}

/// What a message answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReplyTo {
    /// The message.
    pub id: MessageId,
    /// Name of its author.
    pub author: String,
    /// Its beginning, as it was when it was answered.
    pub excerpt: String,
}

/// A chat message as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChatMessage {
    /// Its id.
    pub id: MessageId,
    /// Its place in the room: messages are shown in this order.
    pub seq: u64,
    /// Who wrote it.
    pub author: Author,
    /// Up to 500 characters; empty when it was deleted.
    #[cfg_attr(feature = "openapi", schema(max_length = 500))]
    pub text: String,
    /// When it was sent, in milliseconds since the Unix epoch.
    pub sent_at: i64,
    /// When it was changed last, by its author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<i64>,
    /// Deleted, by its author or by a moderator.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deleted: bool,
    /// When it was pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned_at: Option<i64>,
    /// What it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<ReplyTo>,
    /// Users named in it, without those that do not exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<Mention>,
    /// Emotes in its text, each once: `:code:` is shown as the picture.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emotes: Vec<Emote>,
    /// Reactions on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<ReactionCount>,
    /// Only its author and moderators see it. Never said to anybody else.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hidden: bool,
}

pub(super) fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_text() {
        let id: MessageId = serde_json::from_str("\"9007199254740993\"").expect("id");
        assert_eq!(
            serde_json::to_string(&id).expect("json"),
            "\"9007199254740993\""
        );
        for bad in [
            "\"\"",
            "\"-1\"",
            "\"+1\"",
            "\"99999999999999999999\"",
            "1",
            "\"1\\u0000\"",
        ] {
            assert!(serde_json::from_str::<MessageId>(bad).is_err(), "{bad}");
        }
    }
}
