//! What clients say.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::{
    chat::MessageId,
    moderation::{NewBan, Purge, SetModerator, Unban},
    name::RoomName,
    poll::{NewPoll, OnePoll, PollVote},
    qa::{AskQuestions, NewQuestion, SetQuestion, Upvote},
    reaction::{React, ReactToMessage},
    rules::RoomRulesChange,
};

/// A client's message with the name under which it is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClientFrame {
    /// Comes back in the answer. Up to 64 characters; needed for [`ClientMessage::Send`], where it must
    /// be new for each text: sent again with the same one, it is acknowledged again and not repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 64))]
    pub r#ref: Option<String>,
    /// What is said.
    #[serde(flatten)]
    pub message: ClientMessage,
}

/// By hand, since unknown members are refused, which serde does not do beside `flatten`.
impl<'de> Deserialize<'de> for ClientFrame {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let mut members = serde_json::Map::<String, serde_json::Value>::deserialize(input)?;
        let r#ref = match members.remove("ref") {
            None | Some(serde_json::Value::Null) => None,
            Some(serde_json::Value::String(text)) => Some(text),
            Some(_) => return Err(D::Error::custom("ref must be text")),
        };
        let message = ClientMessage::deserialize(serde_json::Value::Object(members))
            .map_err(D::Error::custom)?;
        Ok(Self { r#ref, message })
    }
}

/// What a client may say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientMessage {
    /// Enters a room; the first message of a connection. Leaves the one before.
    Join(Join),
    /// A newer access token, before the old one ends. Of the same user.
    Renew(Renew),
    /// Leaves the room; the connection stays.
    Leave {},
    /// Says something. Acknowledged when it is kept for good.
    Send(SendMessage),
    /// Changes an own message, for five minutes.
    Edit(EditMessage),
    /// Deletes an own message, or as a moderator any.
    Delete(OneMessage),
    /// Pins a message; for moderators.
    Pin(OneMessage),
    /// Unpins a message; for moderators.
    Unpin(OneMessage),
    /// Is writing. Said again every few seconds while that is so; not answered.
    Typing {},
    /// Asks for a page of older messages.
    History(AskHistory),
    /// Asks for a page of the people in the room.
    Members(AskMembers),
    /// Asks for a sign of life.
    Ping {},
    /// Changes how the room is run; for moderators.
    SetRules(RoomRulesChange),
    /// Keeps somebody quiet; for moderators.
    Ban(NewBan),
    /// Lifts what keeps somebody quiet; for moderators.
    Unban(Unban),
    /// Deletes all messages of somebody; for moderators.
    Purge(Purge),
    /// Makes somebody a moderator, or takes that back; for the room's owner.
    SetModerator(SetModerator),
    /// Opens a poll; for moderators.
    OpenPoll(NewPoll),
    /// Votes in a poll.
    VotePoll(PollVote),
    /// Closes a poll; for moderators.
    ClosePoll(OnePoll),
    /// Asks the stage something.
    Ask(NewQuestion),
    /// Wants to know it too, or takes that back.
    Upvote(Upvote),
    /// Says what became of a question; for moderators.
    SetQuestion(SetQuestion),
    /// Asks for a page of questions.
    Questions(AskQuestions),
    /// Shows a reaction to everybody for a moment. Not answered unless refused.
    React(React),
    /// Puts a reaction on a message, or takes it off.
    ReactToMessage(ReactToMessage),
}

/// Enters a room.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// Which one.
    pub room: RoomName,
    /// An access token or viewer token. Without it, what the request that opened the WebSocket carried
    /// counts; with neither, one reads only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub token: Option<String>,
    /// The newest sequence number that this client has seen in this room: it gets what came since.
    /// Absent: it gets the last 50 messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// The name of somebody without an account, where the room takes guests. Up to 32 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 32))]
    pub nickname: Option<String>,
    /// A guest's secret from [`You::guest_secret`](super::You::guest_secret): with it one is the same
    /// guest as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 22, max_length = 64))]
    pub guest_secret: Option<String>,
    /// The version that the client speaks; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<u32>,
}

impl fmt::Debug for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the token, the secret and the nickname: none of them belongs into a log.
        f.debug_struct("Join")
            .field("room", &self.room)
            .field("since", &self.since)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

/// A newer token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Renew {
    /// An access token or viewer token.
    #[cfg_attr(feature = "openapi", schema(max_length = 4096))]
    pub token: String,
}

impl fmt::Debug for Renew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renew(…)")
    }
}

/// A text to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SendMessage {
    /// 1–500 characters. `@name` names a user.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 500))]
    pub text: String,
    /// The message that is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
}

/// A message's new text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EditMessage {
    /// Which message.
    pub id: MessageId,
    /// 1–500 characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 500))]
    pub text: String,
}

/// Names a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OneMessage {
    /// Which message.
    pub id: MessageId,
}

/// Asks for older messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AskHistory {
    /// Those before this place ([`ChatMessage::seq`](super::ChatMessage::seq)); absent: the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// 1–100; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 100))]
    pub limit: Option<u8>,
}

/// Asks who is here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AskMembers {
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 256))]
    pub after: Option<String>,
    /// 1–100; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 100))]
    pub limit: Option<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ClientFrame, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn messages_are_told_by_type_and_carry_a_ref() {
        let frame = read(r#"{"type":"send","ref":"a1","text":"hi"}"#).expect("send");
        assert_eq!(frame.r#ref.as_deref(), Some("a1"));
        let send = SendMessage {
            text: "hi".into(),
            reply_to: None,
        };
        assert_eq!(frame.message, ClientMessage::Send(send));
        let text = serde_json::to_string(&frame).expect("json");
        assert_eq!(read(&text).expect("again"), frame);
        assert_eq!(
            read(r#"{"type":"typing"}"#).expect("typing").message,
            ClientMessage::Typing {}
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "1",
            "[]",
            "{}",
            r#"{"type":"nothing"}"#,
            r#"{"type":"send","ref":7,"text":"hi"}"#,
            r#"{"type":"send","ref":"a","text":"hi","more":1}"#,
            r#"{"type":"join","room":"nowhere"}"#,
            r#"{"type":"join","room":"stream:a","since":-1}"#,
            r#"{"type":"typing","x":1}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tokens_stay_out_of_logs() {
        let frame = read(
            r#"{"type":"join","room":"stream:a","token":"tok","guest_secret":"sec","nickname":"nick"}"#,
        );
        let text = format!("{:?}", frame.expect("join"));
        for secret in ["tok", "sec", "nick"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
