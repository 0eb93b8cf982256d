//! Events on their way to members: serialised once, gathered into batches that all share.

use std::sync::{Arc, OnceLock};

use axum::extract::ws::Utf8Bytes;
use weir_protocol::room::{
    ChatMessage, History, RoomEvent, RoomEventBody, SERVER_FRAME_TARGET, ServerMessage,
};

use super::{identity::Identity, room::Audience};

/// Something that happened, with who may know of it.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) event: RoomEvent,
    pub(super) audience: Audience,
    /// Whose message it is about, where it is about one.
    pub(super) author_key: Option<Arc<str>>,
    /// The client's name of a new message.
    pub(super) client_ref: Option<String>,
    json: OnceLock<String>,
}

impl Event {
    pub(super) fn new(event: RoomEvent, audience: Audience) -> Self {
        Self {
            event,
            audience,
            author_key: None,
            client_ref: None,
            json: OnceLock::new(),
        }
    }

    pub(super) fn seq(&self) -> u64 {
        self.event.seq.unwrap_or(0)
    }

    pub(super) fn message(&self) -> Option<&ChatMessage> {
        match &self.event.body {
            RoomEventBody::Message { message } | RoomEventBody::Changed { message } => {
                Some(message)
            }
            _ => None,
        }
    }

    /// The same with another state of the message that it is about.
    pub(super) fn with_message(&self, message: ChatMessage) -> Self {
        let body = match &self.event.body {
            RoomEventBody::Message { .. } => RoomEventBody::Message { message },
            RoomEventBody::Changed { .. } => RoomEventBody::Changed { message },
            other => other.clone(),
        };
        Self {
            event: RoomEvent {
                body,
                ..self.event.clone()
            },
            audience: self.audience.clone(),
            author_key: self.author_key.clone(),
            client_ref: self.client_ref.clone(),
            json: OnceLock::new(),
        }
    }

    fn json(&self) -> &str {
        self.json
            .get_or_init(|| serde_json::to_string(&self.event).expect("an event is plain data"))
    }

    /// Who is hidden from others does not learn of it.
    fn json_for(&self, moderator: bool) -> std::borrow::Cow<'_, str> {
        match self.message() {
            Some(message) if message.hidden && !moderator => {
                let shown = self.with_message(shown(message.clone(), false));
                shown.json().to_owned().into()
            }
            _ => self.json().into(),
        }
    }
}

/// A message as this reader may see it.
pub(super) fn shown(mut message: ChatMessage, moderator: bool) -> ChatMessage {
    message.hidden &= moderator;
    message
}

/// A serialised message of the server. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Frame(Arc<Text>);

#[derive(Debug)]
struct Text {
    text: Utf8Bytes,
    /// For data channels, made when one asks for it first.
    bytes: OnceLock<Arc<[u8]>>,
}

impl Frame {
    fn of_json(json: String) -> Self {
        Self(Arc::new(Text {
            text: json.into(),
            bytes: OnceLock::new(),
        }))
    }

    pub(super) fn of(message: &ServerMessage) -> Self {
        Self::of_json(serde_json::to_string(message).expect("a message is plain data"))
    }

    pub(super) fn text(&self) -> Utf8Bytes {
        self.0.text.clone()
    }

    pub(super) fn bytes(&self) -> Arc<[u8]> {
        let bytes = self.0.bytes.get_or_init(|| self.0.text.as_bytes().into());
        bytes.clone()
    }
}

/// Packs events into messages of about [`SERVER_FRAME_TARGET`] bytes.
pub(super) fn pack<'a>(events: impl IntoIterator<Item = &'a Event>, moderator: bool) -> Vec<Frame> {
    const HEAD: &str = r#"{"type":"events","events":["#;
    let mut frames = Vec::new();
    let mut open = String::new();
    let close = |open: &mut String, frames: &mut Vec<Frame>| {
        if !open.is_empty() {
            open.push_str("]}");
            frames.push(Frame::of_json(std::mem::take(open)));
        }
    };
    for event in events {
        let json = event.json_for(moderator);
        if !open.is_empty() && open.len() + json.len() > SERVER_FRAME_TARGET {
            close(&mut open, &mut frames);
        }
        open.push_str(if open.is_empty() { HEAD } else { "," });
        open.push_str(&json);
    }
    close(&mut open, &mut frames);
    frames
}

/// Packs messages, the oldest first, into parts of a page of history.
pub(super) fn pack_history(
    messages: Vec<ChatMessage>,
    before: Option<u64>,
    r#ref: Option<&str>,
) -> Vec<Frame> {
    let mut parts: Vec<Vec<ChatMessage>> = vec![Vec::new()];
    let mut size = 0;
    for message in messages {
        // What stands around the texts is about so long.
        let bytes = 300 + message.text.len();
        if size > 0 && size + bytes > SERVER_FRAME_TARGET {
            parts.push(Vec::new());
            size = 0;
        }
        size += bytes;
        parts.last_mut().expect("there is one").push(message);
    }
    let last = parts.len() - 1;
    let part = |(n, messages)| {
        Frame::of(&ServerMessage::History(History {
            r#ref: r#ref.map(str::to_owned),
            messages,
            before: before.filter(|_| n == last),
            more: n != last,
        }))
    };
    parts.into_iter().enumerate().map(part).collect()
}

/// What happened since the batch before, for each kind of member.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) plain: Part,
    pub(super) moderators: Part,
    /// Those who get something else than their kind, with all that they get.
    pub(super) special: Vec<(Arc<str>, bool, Vec<Frame>)>,
}

/// Messages, and the number up to which who has them is up to date.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) frames: Vec<Frame>,
    pub(super) position: u64,
}

impl Batch {
    /// What a member gets, and its position then.
    pub(super) fn of(&self, identity: &Identity) -> (&[Frame], u64) {
        let part = match identity.moderator {
            true => &self.moderators,
            false => &self.plain,
        };
        let special = identity.key().and_then(|key| {
            let mut those = self.special.iter();
            those.find(|(whose, moderator, _)| whose == key && *moderator == identity.moderator)
        });
        let frames = special.map_or(&part.frames, |(_, _, frames)| frames);
        (frames, part.position)
    }
}

#[cfg(test)]
mod tests {
    use weir_protocol::room::Events;

    use super::*;

    fn event(n: u64, text: &str) -> Event {
        let event = RoomEvent {
            seq: Some(n),
            at: 0,
            body: RoomEventBody::Purged {
                author: text.to_owned(),
            },
        };
        Event::new(event, Audience::Everyone)
    }

    #[test]
    fn packed_events_read_back_in_order() {
        let text = "é\"\\".repeat(300);
        let events: Vec<Event> = (1..=40).map(|n| event(n, &text)).collect();
        let frames = pack(&events, false);
        assert!(frames.len() > 2);
        let mut seqs = Vec::new();
        for frame in &frames {
            assert!(frame.text().len() <= SERVER_FRAME_TARGET + 2);
            let read = serde_json::from_str(&frame.text()).expect("json");
            let ServerMessage::Events(Events { events }) = read else {
                panic!("{read:?}");
            };
            seqs.extend(events.iter().filter_map(|event| event.seq));
        }
        assert_eq!(seqs, (1..=40).collect::<Vec<_>>());
        assert!(pack(&[], false).is_empty());
    }

    #[test]
    fn an_event_that_is_too_long_for_a_part_still_goes() {
        let long = event(1, &"x".repeat(3 * SERVER_FRAME_TARGET));
        assert_eq!(pack([&long, &event(2, "y")], true).len(), 2);
    }
}
