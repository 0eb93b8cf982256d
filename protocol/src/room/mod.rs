//! What clients and the server say to each other in a room: chat, presence, and what happens to the
//! stream. `docs/ROOMS.md` tells it to strangers.
//!
//! One JSON object a message, told apart by its member `type`, over a WebSocket (`/ws`) or over the
//! WebRTC data channel `weir`; a client may change from one to the other. A client begins with
//! [`ClientMessage::Join`]. Whatever it asks for is answered by a message with the same `ref`.
//!
//! **Nothing is missed or repeated.** What happened in a room has a sequence number that only grows,
//! in [`RoomEvent::seq`]. A client remembers the newest number that it got by [`Ready`] or in an
//! event, and says it in [`Join::since`] when it comes again, over whatever transport. A message that
//! was sent twice with the same `ref` is kept once.

mod chat;
mod client;
mod error;
mod id;
mod moderation;
mod name;
mod poll;
mod presence;
mod qa;
mod reaction;
mod rules;
mod server;
mod settings;

pub use chat::{Author, ChatMessage, Mention, MessageId, ReplyTo};
pub use client::{
    AskHistory, AskMembers, ClientFrame, ClientMessage, EditMessage, Join, OneMessage, Renew,
    SendMessage,
};
pub use error::{CloseReason, RoomErrorCode};
pub use name::{RoomName, RoomNameError};
pub use presence::{Member, Members, Presence, Typing};
pub use server::{
    Ack, Closed, Events, History, Joined, Ready, Refusal, Resync, RoomEvent, RoomEventBody,
    RoomLimits, ServerMessage, You,
};
pub use settings::RoomSettings;

pub use id::{AuditId, BanId, PollId, QuestionId};
pub use moderation::{
    AuditEntry, Ban, BanKind, MODERATORS_MAX, NewBan, Purge, REASON_MAX, RoomModerator,
    SetModerator, TIMEOUT_MAX_S, Unban,
};
pub use poll::{
    NewPoll, OPEN_POLLS_MAX, OnePoll, POLL_OPTION_MAX, POLL_OPTIONS_MAX, POLL_QUESTION_MAX,
    POLL_SECONDS_MAX, Poll, PollChoices, PollOption, PollVote,
};
pub use qa::{
    AskQuestions, NewQuestion, QUESTION_MAX, Question, QuestionChange, QuestionOrder,
    QuestionState, Questions, SetQuestion, Upvote,
};
pub use reaction::{
    EMOTE_CODE_MAX, EMOTES_IN_MESSAGE, EMOTES_MAX, Emote, MESSAGE_REACTIONS_MAX, MessageReactions,
    NewEmote, REACTION_BYTES, React, ReactToMessage, ReactionCount, is_emote_code,
};
pub use rules::{
    BLOCKED_WORD_CHARS, BLOCKED_WORDS_MAX, DELAY_MAX_MS, FOLLOW_AGE_MAX_MS, LINK_HOST_CHARS,
    LINK_HOSTS_MAX, LinkPolicy, RoomRules, RoomRulesChange, SLOW_MAX_MS,
};

/// Version of this protocol. It grows when an older client would misread the server; new members and
/// new types of events do not count, so a client skips what it does not know.
pub const ROOM_PROTOCOL: u32 = 1;

/// Label of the data channel.
pub const ROOM_CHANNEL: &str = "weir";

/// Longest text of a chat message in characters.
pub const CHAT_TEXT_MAX: usize = 500;

/// Longest message of a client in bytes: a text of the longest kind, every character escaped.
pub const CLIENT_FRAME_MAX: usize = 8 * 1024;

/// About how many bytes a message of the server has at most: more events are told in more messages.
/// Small, since a connection's buffer stays as large as the largest message was.
pub const SERVER_FRAME_TARGET: usize = 8 * 1024;

/// Longest `ref` in characters.
pub const REF_MAX: usize = 64;

/// For so long after it was sent, an author may edit a message, in milliseconds.
pub const EDIT_WINDOW_MS: i64 = 5 * 60 * 1000;

/// Messages that a client gets when it joins, and at most on a page of history.
pub const HISTORY_ON_JOIN: usize = 50;

/// Messages on a page of history at most.
pub const HISTORY_PAGE_MAX: u8 = 100;

/// Messages that may be pinned in a room at once.
pub const PINNED_MAX: usize = 10;

/// Longest nickname of a guest in characters.
pub const NICKNAME_MAX: usize = 32;
