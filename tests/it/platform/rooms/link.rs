//! A client of rooms, over either transport.

use std::{collections::VecDeque, time::Duration};

use serde_json::{Value, json};
use tokio::time::timeout;
use weir_bench::rooms::Client;

use crate::{program::PATIENCE, webrtc_client::RoomChannel};

enum Transport {
    Socket(Box<Client>),
    Channel(RoomChannel),
}

/// A connection, and what it has been told.
pub struct Link {
    transport: Transport,
    /// Events that no test has looked at.
    waiting: VecDeque<Value>,
    /// All events with a number, in the order in which they came.
    pub events: Vec<Value>,
    /// Messages of the history on joining.
    pub history: Vec<Value>,
    /// Asks for older ones.
    pub before: Option<u64>,
    /// What to come again with.
    pub position: u64,
}

impl Link {
    pub async fn websocket(base: &str, token: Option<&str>) -> Self {
        let client = Client::connect(base, token).await.unwrap();
        Self::new(Transport::Socket(Box::new(client)))
    }

    pub fn of(channel: RoomChannel) -> Self {
        Self::new(Transport::Channel(channel))
    }

    fn new(transport: Transport) -> Self {
        Self {
            transport,
            waiting: VecDeque::new(),
            events: Vec::new(),
            history: Vec::new(),
            before: None,
            position: 0,
        }
    }

    pub async fn say(&mut self, message: Value) {
        self.say_text(&message.to_string()).await;
    }

    pub async fn say_text(&mut self, text: &str) {
        match &mut self.transport {
            Transport::Socket(client) => client.say_text(text).await.unwrap(),
            Transport::Channel(channel) => channel.say_text(text).await,
        }
    }

    /// The next message; its events are noted.
    pub async fn hear(&mut self) -> Value {
        timeout(PATIENCE, self.hear_or_end())
            .await
            .expect("the server says nothing")
            .expect("the connection has ended")
    }

    /// The same; none when the connection has ended.
    pub async fn hear_or_end(&mut self) -> Option<Value> {
        let text = match &mut self.transport {
            Transport::Socket(client) => client.hear_text().await.ok()?.to_string(),
            Transport::Channel(channel) => channel.hear_text().await?,
        };
        let message: Value = serde_json::from_str(&text).unwrap();
        if message["type"] == "events" {
            for event in message["events"].as_array().unwrap() {
                if let Some(seq) = event["seq"].as_u64() {
                    assert!(seq > self.position, "{seq} after {}", self.position);
                    self.position = seq;
                    self.events.push(event.clone());
                }
                self.waiting.push_back(event.clone());
            }
        }
        Some(message)
    }

    /// Joins; gives what the server says to it.
    pub async fn join(&mut self, room: &str, since: Option<u64>) -> Value {
        let mut join = json!({"type": "join", "room": room});
        if let Some(since) = since {
            join["since"] = since.into();
            self.position = since;
        }
        self.enter(join).await
    }

    pub async fn enter(&mut self, join: Value) -> Value {
        if let Some(since) = join["since"].as_u64() {
            self.position = since;
        }
        self.say(join).await;
        let mut joined = Value::Null;
        loop {
            let message = self.hear().await;
            match message["type"].as_str().unwrap() {
                "joined" => {
                    // What was known counts only when the server goes on from it.
                    if message["resumed"] == false {
                        self.position = 0;
                    }
                    joined = message;
                }
                "history" => {
                    let messages = message["messages"].as_array().unwrap();
                    self.history.extend(messages.iter().cloned());
                    self.before = message["before"].as_u64();
                }
                "ready" => {
                    assert!(!joined.is_null());
                    let seq = message["seq"].as_u64().unwrap();
                    assert!(seq >= self.position);
                    self.position = seq;
                    return joined;
                }
                "events" => {}
                other => panic!("{other}: {message}"),
            }
        }
    }

    /// The next message of a type.
    pub async fn message(&mut self, kind: &str) -> Value {
        loop {
            let message = self.hear().await;
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// The answer to what was said under a name; pages are put together.
    pub async fn answer(&mut self, name: &str) -> Value {
        let mut before = Vec::new();
        loop {
            let mut message = self.hear().await;
            if message["ref"] != name {
                continue;
            }
            if message["type"] == "history" {
                before.append(message["messages"].as_array_mut().unwrap());
                if message["more"] == true {
                    continue;
                }
                message["messages"] = before.into();
            }
            return message;
        }
    }

    /// The next event of a type; earlier ones of other types are passed over.
    pub async fn event(&mut self, kind: &str) -> Value {
        loop {
            while let Some(event) = self.waiting.pop_front() {
                if event["type"] == kind {
                    return event;
                }
            }
            self.hear().await;
        }
    }

    /// Says something that must be taken; gives its id and number.
    pub async fn send(&mut self, name: &str, text: &str) -> (String, u64) {
        self.say(json!({"type": "send", "ref": name, "text": text}))
            .await;
        let ack = self.answer(name).await;
        assert_eq!(ack["type"], "ack", "{ack}");
        let id = ack["id"].as_str().unwrap().to_owned();
        (id, ack["seq"].as_u64().unwrap())
    }

    /// The same; waits when that is asked for.
    pub async fn send_patiently(&mut self, name: &str, text: &str) -> (String, u64) {
        loop {
            self.say(json!({"type": "send", "ref": name, "text": text}))
                .await;
            let answer = self.answer(name).await;
            if answer["type"] == "ack" {
                let id = answer["id"].as_str().unwrap().to_owned();
                return (id, answer["seq"].as_u64().unwrap());
            }
            let wait = answer["retry_after_ms"].as_u64();
            let wait = wait.unwrap_or_else(|| panic!("{answer}"));
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
    }

    /// Ids of all messages that it has, in order.
    pub fn messages(&self) -> Vec<String> {
        let new = self
            .events
            .iter()
            .filter(|event| event["type"] == "message");
        let messages = self
            .history
            .iter()
            .chain(new.map(|event| &event["message"]));
        messages
            .map(|message| message["id"].as_str().unwrap().to_owned())
            .collect()
    }

    pub fn forget(&mut self) {
        self.events.clear();
        self.history.clear();
        self.waiting.clear();
    }

    /// Leaves in order.
    pub async fn close(self) {
        match self.transport {
            Transport::Socket(client) => drop(client),
            Transport::Channel(channel) => channel.close().await,
        }
    }

    /// Breaks off, as a network does.
    pub async fn break_off(self) {
        match self.transport {
            Transport::Socket(client) => client.drop_dead(),
            Transport::Channel(channel) => channel.close().await,
        }
    }
}
