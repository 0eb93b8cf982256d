//! The client of a room: a pure state machine.
//!
//! What happens goes in by `handle_*` with the time; what the page has to do comes out of [`Client::poll_command`].
//! It reads no clock and touches no socket, so that cuts, resumptions and repeated sends are tested on the host. Times
//! are milliseconds of one clock that never goes back.

mod backoff;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use weir_protocol::room::{
    Ack, AskHistory, AskMembers, AskQuestions, BanKind, ClientFrame, ClientMessage, CloseReason,
    Join, MessageId, QuestionId, ROOM_PROTOCOL, Refusal, RoomErrorCode, RoomName, SendMessage,
    ServerMessage,
};

use self::backoff::Backoff;
use super::state::{Deed, Link, Note, Outgoing, Place, RoomState};

/// A connection that says nothing for this long is asked for a sign of life,
const ASK_AFTER_MS: u64 = 25_000;
/// and is given up when none came in this time.
const PATIENCE_MS: u64 = 10_000;
/// A connection that does not open, or a room that does not answer, in this time is given up.
const OPEN_MS: u64 = 15_000;
/// That one is writing is said again after this long.
const TYPING_AGAIN_MS: u64 = 3_000;
/// A text that the server could not keep just now is sent again after this long.
const SEND_AGAIN_MS: u64 = 2_000;
/// Pages of names and of questions.
const PEOPLE: u8 = 100;
const QUESTIONS: u8 = 50;

/// Names a connection, so that late news of a closed one are told apart.
pub type LinkId = u32;

/// What the page has to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Open a connection.
    Connect(LinkId),
    /// Say this over it.
    Say(LinkId, String),
    /// End it; nothing more is heard of it.
    Close(LinkId),
    /// Remember this secret of a guest for the next visit.
    Remember(String),
}

/// As whom a guest joins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guest {
    /// The name to be seen by.
    pub nickname: String,
    /// From an earlier visit.
    pub secret: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Tries again then.
    Waiting { until: u64 },
    /// The connection is being made, or the room has not answered.
    Opening { id: LinkId, since: u64 },
    /// In the room; not everything has been told.
    Entering { id: LinkId, since: u64 },
    /// Up to date.
    Ready { id: LinkId },
    /// Over, until somebody else is logged in.
    Over,
}

impl Stage {
    fn id(self) -> Option<LinkId> {
        match self {
            Self::Opening { id, .. } | Self::Entering { id, .. } | Self::Ready { id } => Some(id),
            Self::Waiting { .. } | Self::Over => None,
        }
    }
}

/// Something that was asked for and is not answered.
#[derive(Debug, Clone, PartialEq)]
struct Asked {
    name: String,
    message: ClientMessage,
}

/// The client of one room.
#[derive(Debug)]
pub struct Client {
    room: RoomName,
    guest: Option<Guest>,
    stage: Stage,
    next_link: LinkId,
    backoff: Backoff,
    /// The newest number of which everything before is known.
    seq: Option<u64>,
    /// The same, while not everything has been told.
    coming: Option<u64>,
    join: Option<String>,
    asked: Vec<Asked>,
    /// The questions of the audience that were known when they were asked for last.
    known_questions: Vec<QuestionId>,
    /// Own texts that go out again then.
    again_at: Option<u64>,
    heard: u64,
    /// Since when a sign of life is waited for. A hidden page sleeps, so silence alone says nothing.
    pinged: Option<u64>,
    typed: u64,
    stem: String,
    next_name: u64,
    commands: VecDeque<Command>,
    /// What is known of the room.
    pub state: RoomState,
}

impl Client {
    /// Connects at once. `seed` is a random number: from it come the client's names for what it asks, and the
    /// lengths of pauses.
    pub fn new(room: RoomName, guest: Option<Guest>, seed: u64, now: u64) -> Self {
        let mut client = Self {
            room,
            guest,
            stage: Stage::Over,
            next_link: 0,
            backoff: Backoff::new(seed),
            seq: None,
            coming: None,
            join: None,
            asked: Vec::new(),
            known_questions: Vec::new(),
            again_at: None,
            heard: now,
            pinged: None,
            typed: 0,
            stem: format!("{seed:x}"),
            next_name: 0,
            commands: VecDeque::new(),
            state: RoomState::default(),
        };
        client.connect(now);
        client
    }

    /// The next thing to do.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// The connection is open.
    pub fn handle_open(&mut self, id: LinkId, now: u64) {
        if matches!(self.stage, Stage::Opening { id: current, .. } if current == id) {
            self.heard = now;
            self.enter(id, now);
        }
    }

    /// The connection ended, or could not be made.
    pub fn handle_lost(&mut self, id: LinkId, now: u64) {
        if self.stage.id() == Some(id) {
            let pause = self.backoff.pause();
            self.leave(now + pause);
        }
    }

    /// The server said something.
    pub fn handle_message(&mut self, id: LinkId, message: ServerMessage, now: u64) {
        if self.stage.id() != Some(id) {
            return;
        }
        self.heard = now;
        self.pinged = None;
        match message {
            ServerMessage::Joined(joined) => {
                if let Some(secret) = &joined.you.guest_secret {
                    let guest = self.guest.get_or_insert_default();
                    if guest.secret.as_ref() != Some(secret) {
                        guest.secret = Some(secret.clone());
                        self.commands.push_back(Command::Remember(secret.clone()));
                    }
                }
                if !joined.resumed {
                    self.seq = None;
                }
                self.join = None;
                self.coming = None;
                self.stage = Stage::Entering { id, since: now };
                self.state.take_joined(*joined);
            }
            ServerMessage::History(history) => {
                self.state
                    .lines
                    .page(history.messages, history.more, history.before);
                if !history.more {
                    self.answered(history.r#ref.as_deref());
                    self.state.paging = false;
                }
            }
            ServerMessage::Ready(ready) => {
                let newest = self.coming.take().unwrap_or(0).max(ready.seq);
                self.seq = Some(self.seq.unwrap_or(0).max(newest));
                self.stage = Stage::Ready { id };
                self.backoff.reset();
                self.state.link = Link::Ready;
                self.state.settle_outbox(now);
                self.send_outbox(id);
                if self.state.questions.is_some() {
                    self.ask_questions();
                }
                if self.state.members.is_some() {
                    self.ask_members();
                }
            }
            ServerMessage::Events(events) => {
                for event in events.events {
                    if let Some(seq) = event.seq {
                        let newest = match self.stage {
                            Stage::Ready { .. } => &mut self.seq,
                            _ => &mut self.coming,
                        };
                        *newest = Some(newest.unwrap_or(0).max(seq));
                    }
                    self.state.take_event(event, now);
                }
                self.state.settle_outbox(now);
            }
            ServerMessage::Resync(_) => {
                self.seq = None;
                self.coming = None;
                self.stage = Stage::Entering { id, since: now };
                self.state.forget();
            }
            ServerMessage::Ack(ack) => self.take_ack(ack, now),
            ServerMessage::Error(refusal) => self.take_refusal(id, refusal, now),
            ServerMessage::Members(members) => {
                self.answered(members.r#ref.as_deref());
                let more = members.after.is_some();
                self.state.take_members(members.members, more);
            }
            ServerMessage::Questions(questions) => {
                self.answered(questions.r#ref.as_deref());
                let before = std::mem::take(&mut self.known_questions);
                self.state.answer_questions(&before, questions.questions);
            }
            ServerMessage::Closed(closed) => match closed.reason {
                CloseReason::Changed => self.enter(id, now),
                // The next connection says who logs in now.
                CloseReason::TokenEnded => {
                    self.close(id);
                    self.leave(now);
                }
                CloseReason::Stopping | CloseReason::TooFast => {
                    self.close(id);
                    let pause = self.backoff.pause();
                    self.leave(now + pause);
                }
                CloseReason::Left => {}
                reason @ (CloseReason::Banned
                | CloseReason::Gone
                | CloseReason::Forbidden
                | CloseReason::Revoked) => self.end(id, Link::Closed(reason), now),
            },
            ServerMessage::Pong { .. } => {}
        }
    }

    /// Time goes on.
    pub fn handle_time(&mut self, now: u64) {
        self.state.pass(now);
        self.state.settle_outbox(now);
        match self.stage {
            Stage::Waiting { until } if now >= until => self.connect(now),
            Stage::Opening { id, since } | Stage::Entering { id, since }
                if now >= since + OPEN_MS =>
            {
                self.give_up(id, now);
            }
            Stage::Ready { id } if self.pinged.is_some_and(|at| now >= at + PATIENCE_MS) => {
                self.give_up(id, now);
            }
            Stage::Ready { id } => {
                if now >= self.heard + ASK_AFTER_MS {
                    self.ping(id, now);
                }
                if self.again_at.is_some_and(|at| now >= at) {
                    self.again_at = None;
                    self.send_outbox(id);
                }
            }
            Stage::Waiting { .. }
            | Stage::Opening { .. }
            | Stage::Entering { .. }
            | Stage::Over => {}
        }
    }

    /// The network or the page is back: no reason to wait any longer, and a connection may be dead without knowing.
    pub fn handle_wake(&mut self, now: u64) {
        match self.stage {
            Stage::Waiting { .. } => self.connect(now),
            Stage::Ready { id } => self.ping(id, now),
            Stage::Opening { .. } | Stage::Entering { .. } | Stage::Over => {}
        }
    }

    /// Somebody logged in or out: the connection says who one is, so it is made again.
    pub fn handle_identity(&mut self, now: u64) {
        if let Some(id) = self.stage.id() {
            self.close(id);
        }
        self.drop_asked();
        self.state.forget_self();
        self.connect(now);
    }

    /// Joins under a nickname from now on.
    pub fn be_guest(&mut self, nickname: String, now: u64) {
        let secret = self.guest.take().and_then(|guest| guest.secret);
        self.guest = Some(Guest { nickname, secret });
        self.state.set_note(Place::Chat, None);
        match self.stage {
            Stage::Ready { id } | Stage::Entering { id, .. } => self.enter(id, now),
            Stage::Waiting { .. } | Stage::Opening { .. } | Stage::Over => {}
        }
    }

    /// Says something. It is kept once, whatever happens to the connection.
    pub fn send(&mut self, text: String, reply_to: Option<MessageId>) {
        let name = self.name();
        self.state.set_note(Place::Chat, None);
        let outgoing = Outgoing {
            name,
            text,
            reply_to,
            after: self.state.lines.list().last().map_or(0, |line| line.seq),
            kept: None,
        };
        if let Stage::Ready { id } = self.stage {
            self.say_outgoing(id, &outgoing);
        }
        self.state.outbox.push(outgoing);
    }

    /// The form has taken a refused text back.
    pub fn take_returned(&mut self) {
        self.state.returned = None;
    }

    /// Is writing; said to the others now and then.
    pub fn typing(&mut self, now: u64) {
        if let Stage::Ready { id } = self.stage
            && self.state.may_send()
            && now >= self.typed + TYPING_AGAIN_MS
        {
            self.typed = now;
            self.say(id, None, ClientMessage::Typing {});
        }
    }

    /// Asks for anything else.
    pub fn ask(&mut self, message: ClientMessage) {
        if let Some(place) = place(&message) {
            self.state.set_note(place, None);
        }
        let Stage::Ready { id } = self.stage else {
            if let Some(place) = place(&message) {
                self.state.set_note(place, Some(Note::Lost));
            }
            return;
        };
        if matches!(message, ClientMessage::History(_)) {
            if self.state.paging {
                return;
            }
            self.state.paging = true;
        }
        let name = self.name();
        self.say(id, Some(name.clone()), message.clone());
        // Shown to everybody, and not answered.
        if !matches!(message, ClientMessage::React(_)) {
            self.asked.push(Asked { name, message });
        }
    }

    /// The page of messages before the oldest.
    pub fn ask_older(&mut self) {
        if let Some(before) = self.state.lines.before() {
            self.ask(ClientMessage::History(AskHistory {
                before: Some(before),
                limit: None,
            }));
        }
    }

    /// Who is here.
    pub fn ask_members(&mut self) {
        self.ask(ClientMessage::Members(AskMembers {
            after: None,
            limit: Some(PEOPLE),
        }));
    }

    /// What is asked of the stage.
    pub fn ask_questions(&mut self) {
        let known = self.state.questions.iter().flatten();
        self.known_questions = known.map(|it| it.id).collect();
        self.ask(ClientMessage::Questions(AskQuestions {
            limit: Some(QUESTIONS),
            ..AskQuestions::default()
        }));
    }

    /// Whether the reader is at the end of the list.
    pub fn set_at_end(&mut self, at_end: bool) {
        self.state.at_end = at_end;
        if at_end {
            self.state.lines.trim();
        }
    }

    fn connect(&mut self, now: u64) {
        let id = self.next_link;
        self.next_link += 1;
        self.stage = Stage::Opening { id, since: now };
        self.commands.push_back(Command::Connect(id));
        if !matches!(self.state.link, Link::Connecting | Link::Ready) {
            self.state.link = Link::Lost;
        }
    }

    fn enter(&mut self, id: LinkId, now: u64) {
        self.stage = Stage::Opening { id, since: now };
        let name = self.name();
        self.join = Some(name.clone());
        let guest = self.guest.clone();
        let guest = guest.filter(|guest| !guest.nickname.is_empty());
        let join = Join {
            room: self.room.clone(),
            token: None,
            since: self.seq,
            nickname: guest.as_ref().map(|guest| guest.nickname.clone()),
            guest_secret: guest.and_then(|guest| guest.secret),
            protocol: Some(ROOM_PROTOCOL),
        };
        self.say(id, Some(name), ClientMessage::Join(join));
    }

    /// The connection is gone; the next one is made then.
    fn leave(&mut self, until: u64) {
        self.drop_asked();
        self.stage = Stage::Waiting { until };
        if self.state.link != Link::Connecting {
            self.state.link = Link::Lost;
        }
    }

    fn give_up(&mut self, id: LinkId, now: u64) {
        self.close(id);
        self.handle_lost(id, now);
    }

    fn end(&mut self, id: LinkId, link: Link, now: u64) {
        self.close(id);
        self.leave(now);
        self.stage = Stage::Over;
        self.state.link = link;
    }

    fn close(&mut self, id: LinkId) {
        self.commands.push_back(Command::Close(id));
    }

    /// What was asked for is not answered any more. Own texts stay: they go out again.
    fn drop_asked(&mut self) {
        self.join = None;
        self.pinged = None;
        self.state.paging = false;
        for asked in std::mem::take(&mut self.asked) {
            if let Some(place) = place(&asked.message) {
                self.state.set_note(place, Some(Note::Lost));
            }
        }
    }

    fn send_outbox(&mut self, id: LinkId) {
        for outgoing in self.state.outbox.clone() {
            if outgoing.kept.is_none() {
                self.say_outgoing(id, &outgoing);
            }
        }
    }

    fn say_outgoing(&mut self, id: LinkId, outgoing: &Outgoing) {
        let send = SendMessage {
            text: outgoing.text.clone(),
            reply_to: outgoing.reply_to,
        };
        self.say(id, Some(outgoing.name.clone()), ClientMessage::Send(send));
    }

    fn say(&mut self, id: LinkId, name: Option<String>, message: ClientMessage) {
        let frame = ClientFrame {
            r#ref: name,
            message,
        };
        if let Ok(text) = serde_json::to_string(&frame) {
            self.commands.push_back(Command::Say(id, text));
        }
    }

    fn ping(&mut self, id: LinkId, now: u64) {
        if self.pinged.is_none() {
            self.pinged = Some(now);
            self.say(id, None, ClientMessage::Ping {});
        }
    }

    fn name(&mut self) -> String {
        self.next_name += 1;
        format!("{}-{}", self.stem, self.next_name)
    }

    fn answered(&mut self, name: Option<&str>) -> Option<ClientMessage> {
        let at = self
            .asked
            .iter()
            .position(|it| Some(it.name.as_str()) == name)?;
        Some(self.asked.remove(at).message)
    }

    fn take_ack(&mut self, ack: Ack, now: u64) {
        let name = ack.r#ref.as_deref();
        if let Some(sent) = self
            .state
            .outbox
            .iter_mut()
            .find(|it| Some(it.name.as_str()) == name)
        {
            sent.kept = ack.id.map(|id| (id, now));
            return self.state.settle_outbox(now);
        }
        let done = |state: &mut RoomState, place, deed| {
            state.set_note(place, Some(Note::Done(deed)));
        };
        match self.answered(name) {
            Some(ClientMessage::Delete(one)) => self.state.emptied(one.id),
            Some(ClientMessage::VotePoll(vote)) => self.state.chose(vote.poll, vote.choices),
            Some(ClientMessage::Upvote(upvote)) => {
                self.state.upvoted(upvote.question, upvote.vote);
            }
            Some(ClientMessage::ReactToMessage(react)) => {
                let key = (react.id, react.emoji);
                if react.on {
                    self.state.own_reactions.insert(key);
                } else {
                    self.state.own_reactions.remove(&key);
                }
            }
            Some(ClientMessage::Ban(ban)) => {
                let deed = match ban.kind {
                    BanKind::Timeout => Deed::TimedOut,
                    BanKind::Ban | BanKind::Shadow => Deed::Banned,
                };
                done(&mut self.state, Place::Chat, deed);
            }
            Some(ClientMessage::Ask(_))
                if self.state.settings.questions_moderated && !self.state.moderates() =>
            {
                done(&mut self.state, Place::Questions, Deed::Asked);
            }
            _ => {}
        }
    }

    fn take_refusal(&mut self, id: LinkId, refusal: Refusal, now: u64) {
        let name = refusal.r#ref.as_deref();
        if self.join.is_some() && name == self.join.as_deref() {
            return self.take_no_entry(id, refusal, now);
        }
        let note = Note::Refused {
            code: refusal.code,
            detail: refusal.detail,
            until: refusal.retry_after_ms.map(|ms| now + ms),
        };
        let sent = self
            .state
            .outbox
            .iter()
            .position(|it| Some(it.name.as_str()) == name);
        if let Some(at) = sent {
            if refusal.code == RoomErrorCode::Unavailable {
                self.again_at = Some(now + SEND_AGAIN_MS);
                return;
            }
            // One that came before goes back with it.
            let mut back = self.state.outbox.remove(at);
            if let Some(before) = self.state.returned.take() {
                back.text = format!("{} {}", before.text, back.text);
            }
            self.state.returned = Some(back);
            return self.state.set_note(Place::Chat, Some(note));
        }
        // A reaction that is refused has no answer otherwise.
        let asked = self.answered(name);
        if matches!(asked, Some(ClientMessage::History(_))) {
            self.state.paging = false;
        }
        let place = asked.as_ref().map_or(Some(Place::Chat), place);
        if let Some(place) = place {
            self.state.set_note(place, Some(note));
        }
    }

    /// The room did not take this client in.
    fn take_no_entry(&mut self, id: LinkId, refusal: Refusal, now: u64) {
        match refusal.code {
            RoomErrorCode::TooFast
            | RoomErrorCode::RoomFull
            | RoomErrorCode::Unavailable
            | RoomErrorCode::Unauthorized => {
                self.close(id);
                let pause = self
                    .backoff
                    .pause()
                    .max(refusal.retry_after_ms.unwrap_or(0));
                self.leave(now + pause);
            }
            // The room takes no guests, or not under this name: one reads on.
            RoomErrorCode::ReadOnly | RoomErrorCode::BadMessage | RoomErrorCode::TooLarge
                if self
                    .guest
                    .as_ref()
                    .is_some_and(|it| !it.nickname.is_empty()) =>
            {
                if let Some(guest) = &mut self.guest {
                    guest.nickname.clear();
                }
                let note = Note::Refused {
                    code: refusal.code,
                    detail: refusal.detail,
                    until: None,
                };
                self.state.set_note(Place::Chat, Some(note));
                self.enter(id, now);
            }
            code => self.end(id, Link::Refused(code, refusal.detail), now),
        }
    }
}

/// Where people hear of a refusal.
fn place(message: &ClientMessage) -> Option<Place> {
    Some(match message {
        ClientMessage::VotePoll(_) | ClientMessage::OpenPoll(_) | ClientMessage::ClosePoll(_) => {
            Place::Polls
        }
        ClientMessage::Ask(_) | ClientMessage::Upvote(_) | ClientMessage::SetQuestion(_) => {
            Place::Questions
        }
        ClientMessage::Edit(_)
        | ClientMessage::Delete(_)
        | ClientMessage::Pin(_)
        | ClientMessage::Unpin(_)
        | ClientMessage::Ban(_)
        | ClientMessage::Unban(_)
        | ClientMessage::Purge(_)
        | ClientMessage::SetRules(_)
        | ClientMessage::SetModerator(_)
        | ClientMessage::React(_)
        | ClientMessage::ReactToMessage(_) => Place::Chat,
        // Asked for by the page itself.
        ClientMessage::Join(_)
        | ClientMessage::Renew(_)
        | ClientMessage::Leave {}
        | ClientMessage::Send(_)
        | ClientMessage::Typing {}
        | ClientMessage::History(_)
        | ClientMessage::Members(_)
        | ClientMessage::Questions(_)
        | ClientMessage::Ping {} => return None,
    })
}
