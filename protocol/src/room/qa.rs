//! Questions of the audience.

use serde::{Deserialize, Serialize};

use super::{
    chat::{Author, is_false},
    id::QuestionId,
};

/// Longest question in characters.
pub const QUESTION_MAX: usize = 300;

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum QuestionState {
    /// Waits for a moderator's approval; only they and its author see it.
    Waiting,
    /// Waits for an answer.
    Open,
    /// Is being answered: shown first.
    Pinned,
    /// Has been answered.
    Answered,
    /// Is not going to be answered; only moderators and its author see it.
    Dismissed,
}

impl QuestionState {
    /// The word in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Open => "open",
            Self::Pinned => "pinned",
            Self::Answered => "answered",
            Self::Dismissed => "dismissed",
        }
    }

    /// Everybody may see it.
    pub fn is_public(self) -> bool {
        match self {
            Self::Open | Self::Pinned | Self::Answered => true,
            Self::Waiting | Self::Dismissed => false,
        }
    }
}

/// Asks something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewQuestion {
    /// 1–300 characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 300))]
    pub text: String,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Question {
    /// Its id.
    pub id: QuestionId,
    /// What is asked.
    pub text: String,
    /// Who asks.
    pub author: Author,
    /// What became of it.
    pub state: QuestionState,
    /// How many want to know it too.
    pub votes: u64,
    /// When it was asked, in milliseconds since the Unix epoch.
    pub asked_at: i64,
    /// When it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<i64>,
    /// The one who asks has voted for it. Only in answers to them.
    #[serde(default, skip_serializing_if = "is_false")]
    pub voted: bool,
    /// It is not to be seen any more: forget it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub removed: bool,
    /// Counts changes, for entity tags.
    pub version: i64,
}

/// Wants to know it too, or takes that back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Upvote {
    /// Which question.
    pub question: QuestionId,
    /// Wants to know it.
    pub vote: bool,
}

/// Says what became of a question; for moderators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SetQuestion {
    /// Which question.
    pub question: QuestionId,
    /// What.
    pub state: QuestionState,
}

/// What became of a question, where the address names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct QuestionChange {
    /// What.
    pub state: QuestionState,
}

/// Order of a list of questions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum QuestionOrder {
    /// Most votes first.
    #[default]
    Votes,
    /// Newest first.
    Newest,
}

/// Asks for a page of questions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AskQuestions {
    /// Only those of this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<QuestionState>,
    /// In which order.
    #[serde(default)]
    pub order: QuestionOrder,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 512))]
    pub after: Option<String>,
    /// 1–50; 20 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 50))]
    pub limit: Option<u8>,
}

/// A page of questions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Questions {
    /// The question's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#ref: Option<String>,
    /// Questions in the order that was asked for; pinned ones first when ordered by votes.
    pub questions: Vec<Question>,
    /// Asks for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}
