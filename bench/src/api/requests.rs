//! Requests at a fixed rate, whatever the server does: an open loop. A request's time runs from the
//! moment at which it was due, so that a server that stalls is not measured by fewer requests.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use reqwest::{Client, Method};
use serde_json::Value;
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

use crate::report::ms;

/// Requests under way at most; more would only fill the machine's sockets. A request that finds no
/// place waits for one, and its time runs.
const UNDER_WAY: usize = 1024;

pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Value>,
}

impl Request {
    pub(super) fn get(path: String) -> Self {
        Self {
            method: Method::GET,
            path,
            body: None,
        }
    }
}

pub(super) struct Load<'a> {
    pub(super) client: &'a Client,
    pub(super) base: &'a str,
    pub(super) token: &'a str,
    pub(super) rate: f64,
    pub(super) make: &'a (dyn Fn(u64) -> Request + Sync),
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Measured {
    pub(super) sent: u64,
    pub(super) elapsed: Duration,
    /// Milliseconds of those that succeeded.
    pub(super) times: Vec<f64>,
    /// How often each status came; 0 is no answer.
    pub(super) statuses: BTreeMap<u16, u64>,
    pub(super) first_error: Option<String>,
}

impl Load<'_> {
    /// Sends for so long, counting from `first`.
    pub(super) async fn run(&self, duration: Duration, first: u64) -> Measured {
        let began = Instant::now();
        let places = Arc::new(Semaphore::new(UNDER_WAY));
        let mut tasks = JoinSet::new();
        let mut measured = Measured::default();
        let count = (duration.as_secs_f64() * self.rate).ceil() as u64;
        for n in 0..count {
            let due = began + Duration::from_secs_f64(n as f64 / self.rate);
            tokio::time::sleep_until(due).await;
            let Request { method, path, body } = (self.make)(first + n);
            let mut request = self
                .client
                .request(method, format!("{}{path}", self.base))
                .bearer_auth(self.token);
            if let Some(body) = &body {
                request = request.json(body);
            }
            let places = places.clone();
            tasks.spawn(async move {
                let _place = places.acquire_owned().await;
                let outcome = match request.send().await {
                    Err(error) => Err((0, error.to_string())),
                    Ok(response) => {
                        let status = response.status();
                        match response.bytes().await {
                            Err(error) => Err((0, error.to_string())),
                            Ok(_) if status.is_success() => Ok(status.as_u16()),
                            Ok(body) => {
                                Err((status.as_u16(), String::from_utf8_lossy(&body).into_owned()))
                            }
                        }
                    }
                };
                (outcome, due.elapsed())
            });
            while let Some(done) = tasks.try_join_next() {
                measured.take(done.expect("a request does not panic"));
            }
        }
        while let Some(done) = tasks.join_next().await {
            measured.take(done.expect("a request does not panic"));
        }
        measured.sent = first + count;
        measured.elapsed = began.elapsed();
        measured
    }
}

impl Measured {
    fn take(&mut self, (outcome, time): (Result<u16, (u16, String)>, Duration)) {
        let status = match outcome {
            Ok(status) => {
                self.times.push(ms(time));
                status
            }
            Err((status, why)) => {
                self.first_error.get_or_insert(why);
                status
            }
        };
        *self.statuses.entry(status).or_default() += 1;
    }
}
