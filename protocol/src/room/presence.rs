//! Who is in the room.

use serde::{Deserialize, Serialize};

use super::chat::is_false;

/// How many are here, and who came and went since the last time that it was said. Told once a second
/// at most, however many come and go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Presence {
    /// Users and guests with a name, each once however many connections they have.
    pub people: u32,
    /// Connections of nobody in particular, who only read.
    pub anonymous: u32,
    /// Who came; the first of them where many did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<Member>,
    /// Who left; the first of them where many did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Member>,
    /// More came or left than are named: who shows all names asks for them again.
    #[serde(default, skip_serializing_if = "is_false")]
    pub more: bool,
}

/// Somebody in the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Member {
    /// As in [`Author::id`](super::Author::id).
    pub id: String,
    /// The name to show.
    pub name: String,
    /// Not a user of this site, but somebody with a nickname.
    #[serde(default, skip_serializing_if = "is_false")]
    pub guest: bool,
    /// Moderates the room.
    #[serde(default, skip_serializing_if = "is_false")]
    pub moderator: bool,
}

/// A page of the people in the room, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Members {
    /// The question's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#ref: Option<String>,
    /// People.
    pub members: Vec<Member>,
    /// Asks for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Who is writing now: the whole of it, told when it changes. Each who stops is gone after some seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Typing {
    /// Names of some.
    pub names: Vec<String>,
    /// How many are writing, the named ones included.
    pub count: u32,
}
