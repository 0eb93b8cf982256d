//! Who may do what: every operation of the OpenAPI document × everybody who may ask, as one table.
//! The lines stand in the modules below, by group; an operation without a line fails the test.

mod account;
mod engage;
mod events;
mod findings;
mod insight;
mod people;
mod recordings;
mod restream;
mod rooms;
mod server_group;
mod streams;
mod webhooks;

use std::{collections::BTreeSet, fmt::Write as _, pin::Pin, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use weir_db::{NewStream, Role, Stream};
use weir_signaling::{HttpConfig, Sessions, keys};

use crate::server::Server;

/// The password of everybody here.
const PASSWORD: &str = "correct horse";

/// Who asks, in the order of a line's statuses.
const WHO: [&str; 8] = [
    "nobody",
    "attendee",
    "other creator",
    "owner",
    "moderator",
    "admin",
    "expired token",
    "revoked device",
];

/// What a line needs to be there, made anew for each of its requests; gives the address to ask, and
/// the body.
type Prepare =
    for<'a> fn(&'a World) -> Pin<Box<dyn Future<Output = (String, Option<Value>)> + Send + 'a>>;

/// An operation, and the status that each of [`WHO`] gets.
pub struct Line {
    method: Method,
    path: &'static str,
    prepare: Prepare,
    expected: [u16; 8],
}

/// `line!(GET "/api/v1/streams/{slug}", [200, …], |world| (address, body))`; the block may await.
macro_rules! line {
    ($method:ident $path:literal, $expected:expr) => {
        $crate::matrix::Line::new(reqwest::Method::$method, $path, $expected, |_| {
            Box::pin(async move { ($path.to_owned(), None) })
        })
    };
    ($method:ident $path:literal, $expected:expr, |$world:ident| $prepare:expr) => {
        $crate::matrix::Line::new(reqwest::Method::$method, $path, $expected, |$world| {
            Box::pin(async move { $prepare })
        })
    };
}
pub(crate) use line;

impl Line {
    pub fn new(method: Method, path: &'static str, expected: [u16; 8], prepare: Prepare) -> Self {
        Self {
            method,
            path,
            prepare,
            expected,
        }
    }
}

/// The people, and what they need.
pub struct World {
    pub server: Server,
    tokens: Vec<Option<String>>,
    next: std::sync::atomic::AtomicU32,
}

impl World {
    async fn new() -> Self {
        let server = Server::start().await;
        let mut tokens = vec![None];
        for (name, role) in [
            ("attendee", Role::Attendee),
            ("creator", Role::Speaker),
            ("owner", Role::Speaker),
            ("moderator", Role::Moderator),
            ("admin", Role::Admin),
        ] {
            server.user(name, "correct horse", role).await;
            tokens.push(Some(log_in(&server, name).await));
        }
        tokens.push(Some(expired(&server, "owner").await));
        server.user("gone", PASSWORD, Role::Admin).await;
        tokens.push(Some(revoked(&server, "gone").await));
        Self {
            server,
            tokens,
            next: 0.into(),
        }
    }

    /// A name that nothing has yet.
    pub fn fresh(&self, prefix: &str) -> String {
        let number = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        format!("{prefix}-{number}")
    }

    /// A new stream of `owner`.
    pub async fn stream(&self) -> Stream {
        let owner = self.server.db.user_by_name("owner").await.unwrap().unwrap();
        let new = NewStream {
            slug: self.fresh("stream").parse().unwrap(),
            title: "A title".into(),
            key_hash: keys::generate().1,
            owner: Some(owner.id),
        };
        self.server.db.create_stream(new).await.unwrap()
    }
}

async fn log_in(server: &Server, name: &str) -> String {
    let request = server
        .request(Method::POST, "/api/v1/login")
        .json(&json!({"name": name, "password": "correct horse"}));
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    answer["token"].as_str().unwrap().to_owned()
}

/// A good token in all but its end: of a node that gives shorter ones.
async fn expired(server: &Server, name: &str) -> String {
    let short = HttpConfig {
        sessions: Sessions {
            access_lifetime: Duration::from_secs(1),
            ..Sessions::default()
        },
        ..HttpConfig::default()
    };
    let node = server.beside(short).await;
    let request = server
        .http
        .post(format!("{node}/api/v1/login"))
        .json(&json!({"name": name, "password": "correct horse"}));
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    tokio::time::sleep(Duration::from_millis(2100)).await;
    answer["token"].as_str().unwrap().to_owned()
}

/// A good token but for its device, which is logged out.
async fn revoked(server: &Server, name: &str) -> String {
    let token = log_in(server, name).await;
    let request = server.request(Method::DELETE, "/api/v1/session");
    let answer = request.bearer_auth(&token).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    token
}

fn lines() -> Vec<Line> {
    let mut lines = Vec::new();
    lines.extend(engage::lines());
    lines.extend(events::lines());
    lines.extend(findings::lines());
    lines.extend(account::lines());
    lines.extend(people::lines());
    lines.extend(restream::lines());
    lines.extend(recordings::lines());
    lines.extend(rooms::lines());
    lines.extend(insight::lines());
    lines.extend(server_group::lines());
    lines.extend(streams::lines());
    lines.extend(webhooks::lines());
    // Ends sessions of the others.
    lines.extend(account::last());
    lines
}

#[tokio::test]
async fn everybody_gets_what_is_theirs_and_nothing_else() {
    let world = World::new().await;
    let mut wrong = String::new();
    for line in lines() {
        for (who, (token, expected)) in WHO.iter().zip(world.tokens.iter().zip(line.expected)) {
            let (address, body) = (line.prepare)(&world).await;
            let mut request = world.server.request(line.method.clone(), &address);
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            if let Some(body) = body {
                request = request.json(&body);
            }
            let response = request.send().await.unwrap();
            let got = response.status().as_u16();
            if got != expected {
                let stream = response.headers().get("content-type").cloned();
                // An event stream never ends.
                let text = match stream.is_some_and(|it| it == "text/event-stream") {
                    true => String::new(),
                    false => response.text().await.unwrap(),
                };
                let _ = writeln!(
                    wrong,
                    "{} {} by {who}: {got} instead of {expected}: {text}",
                    line.method, line.path
                );
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[tokio::test]
async fn every_operation_has_a_line() {
    let server = Server::start().await;
    let document: Value = server
        .get("/api/v1/openapi.json")
        .await
        .json()
        .await
        .unwrap();
    let known: BTreeSet<(String, String)> = lines()
        .iter()
        .map(|line| (line.path.to_owned(), line.method.to_string()))
        .collect();
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "put", "post", "patch", "delete"] {
            if item.get(method).is_some() {
                documented.insert((path.clone(), method.to_uppercase()));
            }
        }
    }
    let missing: Vec<_> = documented.difference(&known).collect();
    assert!(
        missing.is_empty(),
        "operations without a line: {missing:#?}"
    );
    let stale: Vec<_> = known.difference(&documented).collect();
    assert!(stale.is_empty(), "lines without an operation: {stale:#?}");
}
