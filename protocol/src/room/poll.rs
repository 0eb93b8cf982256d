//! Polls.

use serde::{Deserialize, Serialize};

use super::{chat::is_false, id::PollId};

/// Longest question of a poll in characters.
pub const POLL_QUESTION_MAX: usize = 200;

/// Longest option in characters.
pub const POLL_OPTION_MAX: usize = 100;

/// Options of a poll at most.
pub const POLL_OPTIONS_MAX: usize = 10;

/// Polls that may be open in a room at once.
pub const OPEN_POLLS_MAX: usize = 5;

/// Longest time that a poll may be set to be open, in seconds: a week.
pub const POLL_SECONDS_MAX: u32 = 7 * 24 * 60 * 60;

/// A poll to open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewPoll {
    /// 1–200 characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub question: String,
    /// 2–10 different answers of 1–100 characters.
    #[cfg_attr(feature = "openapi", schema(min_items = 2, max_items = 10))]
    pub options: Vec<String>,
    /// More than one answer may be chosen.
    #[serde(default, skip_serializing_if = "is_false")]
    pub multiple: bool,
    /// Closes after so many seconds; without it, when somebody closes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 604_800))]
    pub seconds: Option<u32>,
}

/// A poll with its results so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Poll {
    /// Its id.
    pub id: PollId,
    /// What is asked.
    pub question: String,
    /// The answers with their votes.
    pub options: Vec<PollOption>,
    /// More than one answer may be chosen.
    #[serde(default, skip_serializing_if = "is_false")]
    pub multiple: bool,
    /// How many have voted.
    pub voters: u64,
    /// When it was opened, in milliseconds since the Unix epoch.
    pub opened_at: i64,
    /// When it closes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<i64>,
    /// When it was closed; absent while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<i64>,
    /// What the one who asks has chosen, as places in `options`. Only in answers to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Vec<u8>>,
    /// It was removed: forget it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub removed: bool,
}

/// An answer that may be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PollOption {
    /// The answer.
    pub text: String,
    /// Who chose it.
    pub votes: u64,
}

/// Chooses. Said again, the newer choice counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PollVote {
    /// In which poll.
    pub poll: PollId,
    /// Places in the poll's options, from 0. Exactly one where the poll takes one; none takes the vote back.
    #[cfg_attr(feature = "openapi", schema(max_items = 10))]
    pub choices: Vec<u8>,
}

/// Chooses, where the address names the poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PollChoices {
    /// Places in the poll's options, from 0. Exactly one where the poll takes one; none takes the vote back.
    #[cfg_attr(feature = "openapi", schema(max_items = 10))]
    pub choices: Vec<u8>,
}

/// Names a poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OnePoll {
    /// Which one.
    pub poll: PollId,
}
