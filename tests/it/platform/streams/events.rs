//! Server-sent events as a client reads them.

use std::time::Duration;

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

use crate::program::PATIENCE;

pub struct Events {
    response: Response,
    buffer: String,
}

impl Events {
    pub async fn open(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Self {
            response,
            buffer: String::new(),
        }
    }

    /// Name and data of the next event; `None` when the server has ended them.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.buffer.split_once("\n\n") {
                let field = |name: &str| {
                    let value = event.lines().find_map(|line| line.strip_prefix(name));
                    value.map(str::to_owned)
                };
                let event = (field("event: "), field("data: "));
                self.buffer = rest.to_owned();
                match event {
                    (Some(name), Some(data)) => {
                        return Some((name, serde_json::from_str(&data).unwrap()));
                    }
                    _ => continue,
                }
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await;
            let chunk = chunk.expect("an event comes").ok().flatten()?;
            self.buffer += std::str::from_utf8(&chunk).unwrap();
        }
    }

    /// Skips to an event of this name for which the condition holds.
    pub async fn until(&mut self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let next = self.next().await;
            let (of, data) = next.unwrap_or_else(|| panic!("ended before {name}"));
            if of == name && wanted(&data) {
                return data;
            }
        }
    }

    /// The server ends the events within this time.
    pub async fn end_within(mut self, limit: Duration) {
        let end = async { while self.next().await.is_some() {} };
        timeout(limit, end).await.expect("the events end");
    }
}
