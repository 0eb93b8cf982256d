//! What is known of a room: everything that the views show.

use std::{collections::BTreeSet, rc::Rc};

use weir_protocol::{
    Caption,
    room::{
        ChatMessage, CloseReason, EDIT_WINDOW_MS, Emote, Joined, Member, MessageId, Poll, PollId,
        Presence, Question, QuestionId, QuestionState, RoomErrorCode, RoomEvent, RoomEventBody,
        RoomLimits, RoomSettings, Typing, You,
    },
};

use super::lines::{self, Lines};

/// How long reactions float. Milliseconds.
pub const BURST_MS: u64 = 3_500;
/// Kinds of reactions that float at one time.
const BURSTS_MAX: usize = 12;

/// Whether the room is here.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Link {
    /// For the first time.
    #[default]
    Connecting,
    /// What is shown is right.
    Ready,
    /// The connection broke; it comes again by itself.
    Lost,
    /// The room has ended for this client.
    Closed(CloseReason),
    /// The room is not for this client.
    Refused(RoomErrorCode, String),
}

/// Where a note is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At the chat's form.
    Chat,
    /// At the polls.
    Polls,
    /// At the questions.
    Questions,
}

/// What became of something that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The server said no.
    Refused {
        /// Why.
        code: RoomErrorCode,
        /// In its own words.
        detail: String,
        /// From when on it may be tried again, by the page's clock.
        until: Option<u64>,
    },
    /// The connection broke before there was an answer.
    Lost,
    /// It was done, and nothing else shows it.
    Done(Deed),
}

/// What is done without a trace in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Somebody may not write for a time.
    TimedOut,
    /// Somebody may not enter.
    Banned,
    /// A question waits for approval.
    Asked,
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The client's name for it.
    pub name: String,
    /// What it says.
    pub text: String,
    /// What it answers.
    pub reply_to: Option<MessageId>,
    /// The newest message that was here when it was written.
    pub after: u64,
    /// The server keeps it under this id, since then by the page's clock: only its event has yet to come.
    pub kept: Option<(MessageId, u64)>,
}

/// Reactions that float up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Burst {
    /// Tells them apart.
    pub id: u64,
    /// Which.
    pub emoji: String,
    /// How many, together.
    pub count: u64,
    /// Since when, by the page's clock.
    pub since: u64,
}

/// Who is in the room, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    /// Those who are known.
    pub list: Vec<Member>,
    /// There are more than these.
    pub more: bool,
}

/// What is known of a room.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomState {
    /// Whether the room is here.
    pub link: Link,
    /// Who one is in it.
    pub you: Option<You>,
    /// How it is run.
    pub settings: RoomSettings,
    /// What one may do how often.
    pub limits: Option<RoomLimits>,
    /// The messages.
    pub lines: Lines,
    /// A page of older messages is on its way.
    pub paging: bool,
    /// Pinned messages, the newest pin first.
    pub pinned: Vec<Rc<ChatMessage>>,
    /// Own messages that are on their way.
    pub outbox: Vec<Outgoing>,
    /// A text that was refused, for the form to take back.
    pub returned: Option<Outgoing>,
    /// The newest note of each place.
    pub notes: Vec<(Place, Note)>,
    /// People with a name.
    pub people: u32,
    /// Those who only read.
    pub anonymous: u32,
    /// Names, where they were asked for.
    pub members: Option<People>,
    /// Who is writing.
    pub typing: Typing,
    /// Polls that are open, and those that closed since the page was opened.
    pub polls: Vec<Poll>,
    /// Questions, where they were asked for.
    pub questions: Option<Vec<Question>>,
    /// Reactions that float now.
    pub bursts: Vec<Burst>,
    /// Emotes that may be used.
    pub emotes: Vec<Emote>,
    /// Reactions that were put on messages from this page.
    pub own_reactions: BTreeSet<(MessageId, String)>,
    /// The audience is sent there: a slug and its title.
    pub raid: Option<(String, String)>,
    /// What the publisher wants to be read now.
    pub caption: Caption,
    /// Numbers of what floats.
    next_burst: u64,
    /// The reader is at the end of the list.
    pub at_end: bool,
}

impl Default for RoomState {
    fn default() -> Self {
        Self {
            link: Link::default(),
            you: None,
            settings: RoomSettings::default(),
            limits: None,
            lines: Lines::default(),
            paging: false,
            pinned: Vec::new(),
            outbox: Vec::new(),
            returned: None,
            notes: Vec::new(),
            people: 0,
            anonymous: 0,
            members: None,
            typing: Typing::default(),
            polls: Vec::new(),
            questions: None,
            bursts: Vec::new(),
            emotes: Vec::new(),
            own_reactions: BTreeSet::new(),
            raid: None,
            caption: Caption::default(),
            next_burst: 0,
            at_end: true,
        }
    }
}

impl RoomState {
    /// Whether somebody in particular is here.
    pub fn may_send(&self) -> bool {
        self.you.as_ref().is_some_and(|you| you.may_send)
    }

    /// Whether the room is run by this user, among others.
    pub fn moderates(&self) -> bool {
        self.you.as_ref().is_some_and(|you| you.moderator)
    }

    /// Whether this is one's own.
    pub fn is_own(&self, message: &ChatMessage) -> bool {
        let own = self.you.as_ref().and_then(|you| you.id.as_deref());
        own.is_some() && message.author.id.as_deref() == own
    }

    /// Whether this may still be changed by oneself. `wall_ms` is now.
    pub fn is_editable(&self, message: &ChatMessage, wall_ms: i64) -> bool {
        let window = self
            .limits
            .map_or(EDIT_WINDOW_MS, |limits| limits.edit_window_ms);
        self.is_own(message) && !message.deleted && wall_ms < message.sent_at + window
    }

    /// The longest text.
    pub fn text_max(&self) -> usize {
        self.limits
            .map_or(weir_protocol::room::CHAT_TEXT_MAX, |it| {
                it.text_chars as usize
            })
    }

    /// The note of a place.
    pub fn note(&self, place: Place) -> Option<&Note> {
        self.notes
            .iter()
            .find(|(at, _)| *at == place)
            .map(|(_, note)| note)
    }

    pub(super) fn set_note(&mut self, place: Place, note: Option<Note>) {
        self.notes.retain(|(at, _)| *at != place);
        self.notes.extend(note.map(|note| (place, note)));
    }

    pub(super) fn take_joined(&mut self, joined: Joined) {
        if !joined.resumed {
            self.forget();
        }
        self.you = Some(joined.you);
        self.settings = joined.settings;
        self.limits = Some(joined.limits);
        self.people = joined.presence.people;
        self.anonymous = joined.presence.anonymous;
        self.typing = joined.typing;
        self.pinned = joined.pinned.into_iter().map(Rc::new).collect();
        self.emotes = joined.emotes;
        // Those that closed meanwhile are not told.
        let known = std::mem::take(&mut self.polls);
        self.polls = joined.polls;
        for poll in &mut self.polls {
            let before = known.iter().find(|it| it.id == poll.id);
            keep_choice(poll, before);
        }
    }

    /// Somebody else looks at it: what one has done oneself was done by another.
    pub(super) fn forget_self(&mut self) {
        self.you = None;
        self.own_reactions.clear();
        for poll in &mut self.polls {
            poll.chosen = None;
        }
        for question in self.questions.iter_mut().flatten() {
            question.voted = false;
        }
    }

    /// The messages are not right any more.
    pub(super) fn forget(&mut self) {
        self.lines.forget();
        self.paging = false;
    }

    pub(super) fn take_event(&mut self, event: RoomEvent, now: u64) {
        match event.body {
            RoomEventBody::Message { message } => {
                self.lines.put(message);
                if self.at_end {
                    self.lines.trim();
                }
            }
            RoomEventBody::Changed { message } => {
                self.pin(&message);
                self.lines.change(message);
            }
            RoomEventBody::Purged { author } => {
                self.lines.purge(&author);
                self.pinned
                    .retain(|message| message.author.id.as_deref() != Some(&author));
            }
            RoomEventBody::Presence(presence) => self.take_presence(presence),
            RoomEventBody::Typing(typing) => self.typing = typing,
            RoomEventBody::Settings { settings } => self.settings = settings,
            RoomEventBody::Poll { poll } => self.take_poll(poll),
            RoomEventBody::Questions { questions } => self.take_questions(questions),
            RoomEventBody::Reactions { reactions } => {
                for reaction in reactions {
                    self.float(reaction.emoji, reaction.count, now);
                }
            }
            RoomEventBody::MessageReactions { messages } => {
                for message in messages {
                    self.lines.react(message.id, message.reactions);
                }
            }
            RoomEventBody::Emotes { emotes } => self.emotes = emotes,
            RoomEventBody::Raid { to, title } => self.raid = Some((to, title)),
            RoomEventBody::Caption { caption } => self.caption = caption,
            // The page hears of the stream by its own way; the rest is shown elsewhere.
            RoomEventBody::Stream { .. }
            | RoomEventBody::Party { .. }
            | RoomEventBody::Restream { .. }
            | RoomEventBody::Finding { .. } => {}
        }
    }

    fn pin(&mut self, message: &ChatMessage) {
        self.pinned.retain(|pinned| pinned.id != message.id);
        if message.pinned_at.is_some() && !message.deleted {
            self.pinned.push(Rc::new(message.clone()));
            self.pinned
                .sort_by_key(|pinned| std::cmp::Reverse(pinned.pinned_at));
        }
    }

    fn take_presence(&mut self, presence: Presence) {
        self.people = presence.people;
        self.anonymous = presence.anonymous;
        let Some(people) = &mut self.members else {
            return;
        };
        people
            .list
            .retain(|it| !presence.left.iter().any(|left| left.id == it.id));
        for member in presence.joined {
            if people.list.iter().all(|it| it.id != member.id) {
                people.list.push(member);
            }
        }
        people.list.sort_by_key(|it| it.name.to_lowercase());
        people.more |= presence.more;
    }

    pub(super) fn take_members(&mut self, members: Vec<Member>, more: bool) {
        self.members = Some(People {
            list: members,
            more,
        });
    }

    fn take_poll(&mut self, mut poll: Poll) {
        let at = self.polls.iter().position(|it| it.id == poll.id);
        keep_choice(&mut poll, at.map(|at| &self.polls[at]));
        match at {
            Some(at) if poll.removed => drop(self.polls.remove(at)),
            Some(at) => self.polls[at] = poll,
            None if poll.removed => {}
            None => self.polls.push(poll),
        }
    }

    /// One's own choice was taken.
    pub(super) fn chose(&mut self, id: PollId, choices: Vec<u8>) {
        if let Some(poll) = self.polls.iter_mut().find(|poll| poll.id == id) {
            poll.chosen = Some(choices);
        }
    }

    /// Those that were known `before` it was asked come with the answer, or are there no more.
    pub(super) fn answer_questions(&mut self, before: &[QuestionId], answer: Vec<Question>) {
        let list = self.questions.get_or_insert_default();
        list.retain(|it| !before.contains(&it.id));
        self.take_questions(answer);
    }

    pub(super) fn take_questions(&mut self, news: Vec<Question>) {
        let Some(list) = &mut self.questions else {
            return;
        };
        for mut question in news {
            let at = list.iter().position(|it| it.id == question.id);
            let before = at.map(|at| list.remove(at));
            if question.removed {
                continue;
            }
            // News for everybody do not say what this one has voted for.
            question.voted |= before.is_some_and(|it| it.voted);
            list.push(question);
        }
        list.sort_by_key(|it| (rank(it.state), std::cmp::Reverse(it.votes), it.asked_at));
    }

    /// One's own vote was taken, or taken back.
    pub(super) fn upvoted(&mut self, id: QuestionId, vote: bool) {
        let list = self.questions.iter_mut().flatten();
        if let Some(question) = list.into_iter().find(|it| it.id == id) {
            question.voted = vote;
        }
    }

    fn float(&mut self, emoji: String, count: u64, now: u64) {
        self.next_burst += 1;
        let id = self.next_burst;
        self.bursts.push(Burst {
            id,
            emoji,
            count,
            since: now,
        });
        let over = self.bursts.len().saturating_sub(BURSTS_MAX);
        self.bursts.drain(..over);
    }

    pub(super) fn pass(&mut self, now: u64) {
        self.bursts.retain(|it| now < it.since + BURST_MS);
        let over =
            |note: &Note| matches!(note, Note::Refused { until: Some(until), .. } if now >= *until);
        self.notes.retain(|(_, note)| !over(note));
    }

    /// Own messages that stand in the list are not on their way any more. Where chat is delayed, an own message may
    /// be long in coming; one that was deleted meanwhile never comes.
    pub(super) fn settle_outbox(&mut self, now: u64) {
        let patience = 15_000 + u64::from(self.settings.delay_ms);
        let lines = &self.lines;
        self.outbox.retain(|it| {
            it.kept
                .is_none_or(|(id, since)| lines.find(id).is_none() && now < since + patience)
        });
    }

    /// Own messages that do not stand in the list yet. The list may have one before its sending was acknowledged, and
    /// only then is it known which of them it is.
    pub fn on_the_way(&self) -> Vec<Outgoing> {
        let Some(oldest) = self.outbox.iter().map(|it| it.after).min() else {
            return Vec::new();
        };
        let lines = self.lines.list().iter();
        let mut told: Vec<_> = lines
            .filter(|line| line.seq > oldest && self.is_own(line))
            .collect();
        let mut on_the_way = self.outbox.clone();
        on_the_way.retain(|it| {
            let at = told
                .iter()
                .position(|line| line.seq > it.after && line.text == it.text);
            at.map(|at| told.remove(at)).is_none()
        });
        on_the_way
    }

    /// As the server will say in a moment: the reader sees at once what was done.
    pub(super) fn emptied(&mut self, id: MessageId) {
        if let Some(line) = self.lines.find(id).cloned() {
            self.lines.put(lines::emptied(&line));
        }
        self.pinned.retain(|message| message.id != id);
    }
}

/// News for everybody do not say what this one has chosen.
fn keep_choice(poll: &mut Poll, before: Option<&Poll>) {
    if poll.chosen.is_none() {
        poll.chosen = before.and_then(|it| it.chosen.clone());
    }
}

/// Being answered, open, waiting, answered, dismissed.
fn rank(state: QuestionState) -> u8 {
    match state {
        QuestionState::Pinned => 0,
        QuestionState::Waiting => 1,
        QuestionState::Open => 2,
        QuestionState::Answered => 3,
        QuestionState::Dismissed => 4,
    }
}
