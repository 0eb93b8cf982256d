//! The messages that are shown, in the room's order.

use std::rc::Rc;

use weir_protocol::room::{ChatMessage, MessageId, ReactionCount};

/// Lines that are kept while the reader is at the end; older ones are asked for again when they are wanted.
const KEPT: usize = 250;

/// Messages in the order of their numbers, each once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lines {
    list: Vec<Rc<ChatMessage>>,
    /// Asks for the page before; absent where there is none.
    before: Option<u64>,
}

impl Lines {
    /// All of them, the oldest first.
    pub fn list(&self) -> &[Rc<ChatMessage>] {
        &self.list
    }

    /// Asks for the page before the oldest line.
    pub fn before(&self) -> Option<u64> {
        self.before
    }

    /// One of them.
    pub fn find(&self, id: MessageId) -> Option<&Rc<ChatMessage>> {
        self.list.iter().rev().find(|line| line.id == id)
    }

    /// A message in its place, or instead of what stood there.
    pub fn put(&mut self, message: ChatMessage) {
        match self
            .list
            .binary_search_by_key(&message.seq, |line| line.seq)
        {
            Ok(at) if *self.list[at] == message => {}
            Ok(at) => self.list[at] = Rc::new(message),
            Err(at) => self.list.insert(at, Rc::new(message)),
        }
    }

    /// A message as it is now. One from before the oldest line comes with its page.
    pub fn change(&mut self, message: ChatMessage) {
        let oldest = self.list.first().map_or(0, |line| line.seq);
        if message.seq >= oldest || self.before.is_none() {
            self.put(message);
        }
    }

    /// Nothing of this author is left to read.
    pub fn purge(&mut self, author: &str) {
        for line in &mut self.list {
            if line.author.id.as_deref() == Some(author) && !line.deleted {
                *line = Rc::new(emptied(line));
            }
        }
    }

    /// The reactions on a message.
    pub fn react(&mut self, id: MessageId, reactions: Vec<ReactionCount>) {
        if let Some(line) = self.list.iter_mut().find(|line| line.id == id) {
            let mut changed = (**line).clone();
            changed.reactions = reactions;
            *line = Rc::new(changed);
        }
    }

    /// A part of a page. `before` counts where it is the last part.
    pub fn page(&mut self, messages: Vec<ChatMessage>, more: bool, before: Option<u64>) {
        for message in messages {
            self.put(message);
        }
        if !more {
            self.before = before;
        }
    }

    /// What was known is not right any more.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// The reader is at the end: what is far above goes.
    pub fn trim(&mut self) {
        if self.list.len() > KEPT {
            self.list.drain(..self.list.len() - KEPT);
            self.before = self.list.first().map(|line| line.seq);
        }
    }
}

/// A deleted message keeps its place, without what it said.
pub fn emptied(message: &ChatMessage) -> ChatMessage {
    ChatMessage {
        deleted: true,
        text: String::new(),
        pinned_at: None,
        reply_to: None,
        mentions: Vec::new(),
        emotes: Vec::new(),
        reactions: Vec::new(),
        ..message.clone()
    }
}

#[cfg(test)]
pub mod tests {
    use weir_protocol::room::Author;

    use super::*;

    /// A message of Ann's.
    pub fn message(seq: u64) -> ChatMessage {
        ChatMessage {
            id: MessageId::new(seq as i64 + 1_000),
            seq,
            author: Author {
                id: Some("user:ann".into()),
                name: "Ann".into(),
                guest: false,
                moderator: false,
            },
            text: format!("number {seq}"),
            sent_at: 1,
            edited_at: None,
            deleted: false,
            pinned_at: None,
            reply_to: None,
            mentions: Vec::new(),
            emotes: Vec::new(),
            reactions: Vec::new(),
            hidden: false,
        }
    }

    fn seqs(lines: &Lines) -> Vec<u64> {
        lines.list().iter().map(|line| line.seq).collect()
    }

    #[test]
    fn lines_stand_in_order_and_once() {
        let mut lines = Lines::default();
        for seq in [5, 2, 9, 5] {
            lines.put(message(seq));
        }
        assert_eq!(seqs(&lines), [2, 5, 9]);
    }

    #[test]
    fn a_line_that_did_not_change_stays_the_same_object() {
        let mut lines = Lines::default();
        lines.put(message(1));
        let before = lines.list()[0].clone();
        lines.put(message(1));
        assert!(Rc::ptr_eq(&before, &lines.list()[0]));
        let edited = ChatMessage {
            text: "other".into(),
            ..message(1)
        };
        lines.change(edited);
        assert_eq!(lines.list()[0].text, "other");
    }

    #[test]
    fn a_change_of_what_is_not_loaded_waits_for_its_page() {
        let mut lines = Lines::default();
        lines.page(vec![message(50), message(51)], false, Some(50));
        lines.change(message(7));
        assert_eq!(seqs(&lines), [50, 51]);
        // Without more pages above, its place is here.
        lines.page(vec![message(40)], false, None);
        lines.change(message(7));
        assert_eq!(seqs(&lines), [7, 40, 50, 51]);
    }

    #[test]
    fn a_page_in_parts_has_its_cursor_at_the_end() {
        let mut lines = Lines::default();
        lines.page(vec![message(3)], true, None);
        assert_eq!(lines.before(), None);
        lines.page(vec![message(4)], false, Some(3));
        assert_eq!((seqs(&lines), lines.before()), (vec![3, 4], Some(3)));
    }

    #[test]
    fn far_lines_go_and_can_be_asked_for_again() {
        let mut lines = Lines::default();
        for seq in 1..=(KEPT as u64 + 20) {
            lines.put(message(seq));
        }
        lines.trim();
        assert_eq!(lines.list().len(), KEPT);
        assert_eq!(lines.before(), Some(21));
    }

    #[test]
    fn a_purge_empties_one_author() {
        let mut lines = Lines::default();
        lines.put(message(1));
        let mut other = message(2);
        other.author.id = Some("user:bob".into());
        lines.put(other);
        lines.purge("user:ann");
        assert!(lines.list()[0].deleted && lines.list()[0].text.is_empty());
        assert_eq!(lines.list()[1].text, "number 2");
    }
}
