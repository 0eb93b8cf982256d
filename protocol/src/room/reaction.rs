//! Reactions and emotes.

use serde::{Deserialize, Serialize};

use super::chat::MessageId;

/// Longest reaction in bytes: the longest emoji are sequences of some characters.
pub const REACTION_BYTES: usize = 40;

/// Kinds of reactions on a message at most.
pub const MESSAGE_REACTIONS_MAX: usize = 20;

/// Emotes of a room, and of the site, at most.
pub const EMOTES_MAX: usize = 200;

/// Longest code of an emote in characters.
pub const EMOTE_CODE_MAX: usize = 32;

/// Emotes in a message at most; further ones stay text.
pub const EMOTES_IN_MESSAGE: usize = 50;

/// Shows a reaction to everybody for a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct React {
    /// An emoji, or the code of an emote between colons.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 40))]
    pub emoji: String,
}

/// Puts a reaction on a message, or takes it off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReactToMessage {
    /// Which message.
    pub id: MessageId,
    /// An emoji, or the code of an emote between colons.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 40))]
    pub emoji: String,
    /// Put on, or taken off.
    pub on: bool,
}

/// How often a reaction was shown, or how many have put it on a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReactionCount {
    /// An emoji, or the code of an emote between colons.
    pub emoji: String,
    /// How many.
    pub count: u64,
}

/// Reactions on a message as they are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessageReactions {
    /// Which message.
    pub id: MessageId,
    /// All of them.
    pub reactions: Vec<ReactionCount>,
}

/// A picture with a code: `:code:` in a message is shown as the picture.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Emote {
    /// Letters, digits and `_`, without the colons.
    pub code: String,
    /// Id of the picture: `/api/v1/images/{id}`.
    pub image: String,
}

/// An emote to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewEmote {
    /// 2–32 letters, digits and `_`.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 2, max_length = 32, pattern = "^[A-Za-z0-9_]+$")
    )]
    pub code: String,
    /// Id of an uploaded picture.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 64, max_length = 64, pattern = "^[0-9a-f]+$")
    )]
    pub image: String,
}

/// Whether this is the code of an emote.
pub fn is_emote_code(text: &str) -> bool {
    (2..=EMOTE_CODE_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
