//! The extensions for server-sent events and for layers, as the core extensions' draft has them.

use serde_json::{Value, json};
use tokio::{io::AsyncReadExt, net::TcpStream};

use super::raw::{Answer, SDP, head, lines, sections, send, write};
use crate::{
    peer::{Offer, Peer},
    server::{Server, soon},
};

/// A viewer and where its session's extensions are.
struct Session {
    _peer: Peer,
    at: String,
    answer: String,
}

impl Session {
    async fn start(server: &Server) -> Self {
        let offer = Offer::viewer().await;
        let answer = send(
            server,
            "POST /whep/demo",
            &[("Content-Type", SDP)],
            offer.sdp(),
        )
        .await;
        assert_eq!(answer.status, 201, "{answer:#?}");
        let mut peer = offer.accept(&answer.body);
        soon("the transport", peer.connected()).await;
        Self {
            at: answer.field("location").to_owned(),
            _peer: peer,
            answer: answer.body,
        }
    }

    async fn open(&self, server: &Server, names: &str) -> Answer {
        let fields = [("Content-Type", "application/json")];
        send(server, &format!("POST {}/sse", self.at), &fields, names).await
    }

    /// Makes an event stream and follows it.
    async fn follow(&self, server: &Server, names: &str) -> (String, Events) {
        let created = self.open(server, names).await;
        assert_eq!(created.status, 201, "{created:#?}");
        let at = created.field("location").to_owned();
        let events = Events::of(server, &at).await;
        (at, events)
    }
}

/// Whoever reads an event stream.
struct Events {
    connection: TcpStream,
    bytes: Vec<u8>,
    read: usize,
}

impl Events {
    async fn of(server: &Server, at: &str) -> Self {
        let fields = [("Accept", "text/event-stream")];
        let mut connection = write(server, &format!("GET {at}"), &fields, "").await;
        let mut bytes = Vec::new();
        let read = loop {
            if let Some((answer, rest)) = head(&bytes) {
                assert_eq!(answer.status, 200, "{answer:#?}");
                assert!(
                    answer
                        .field("content-type")
                        .starts_with("text/event-stream")
                );
                break bytes.len() - rest.len();
            }
            let got = soon("the head", connection.read_buf(&mut bytes)).await;
            assert!(got.unwrap() > 0, "no head");
        };
        Self {
            connection,
            bytes,
            read,
        }
    }

    /// The next event and its data, which is one line. None when the stream has ended.
    async fn next(&mut self) -> Option<(String, Value)> {
        // The comments that keep a connection come for ever: a missing event must not be waited for so.
        soon("an event", self.read_event()).await
    }

    async fn read_event(&mut self) -> Option<(String, Value)> {
        loop {
            // Sizes of chunks stand on lines of their own, which are no fields.
            let text = std::str::from_utf8(&self.bytes[self.read..]).unwrap();
            if let Some(end) = text.find("\n\n") {
                let event = text[..end].to_owned();
                self.read += end + 2;
                let value = |name: &str| {
                    let mut lines = event.lines().filter_map(|line| line.strip_prefix(name));
                    let value = lines.next().map(|value| value.trim().to_owned());
                    assert!(lines.next().is_none(), "{name} twice: {event}");
                    value
                };
                // Without a name it is a comment that keeps the connection.
                let Some(name) = value("event:") else {
                    continue;
                };
                let data = serde_json::from_str(&value("data:").unwrap()).unwrap();
                return Some((name, data));
            }
            let got = self.connection.read_buf(&mut self.bytes).await;
            if got.unwrap() == 0 {
                return None;
            }
        }
    }

    /// Waits for an event of this name.
    async fn until(&mut self, name: &str) -> Value {
        loop {
            let (got, data) = self.next().await.expect(name);
            if got == name {
                return data;
            }
        }
    }

    async fn end(&mut self) {
        while self.next().await.is_some() {}
    }
}

#[tokio::test]
async fn a_viewer_is_told_what_it_asks_for() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let (publisher, whip, _broadcast) = server.publish(&stream).await;
    let session = Session::start(&server).await;
    let (at, mut events) = session.follow(&server, "").await;
    assert!(at.starts_with(&format!("{}/sse/", session.at)), "{at}");
    let (first, data) = events.next().await.unwrap();
    assert_eq!((first.as_str(), data), ("active", json!({})));
    assert_eq!(
        events.until("viewercount").await,
        json!({ "viewercount": 1 })
    );
    // By the place of the video among the media sections, and each layer with its name.
    let layers = events.until("layers").await;
    let video = sections(&session.answer)
        .iter()
        .position(|section| section.starts_with("video "));
    let layers = layers[video.unwrap().to_string()].as_array().unwrap();
    assert_eq!(layers.len(), 1);
    assert!(layers[0]["rid"].is_string(), "{layers:?}");

    let second = Session::start(&server).await;
    assert_eq!(
        events.until("viewercount").await,
        json!({ "viewercount": 2 })
    );
    // Only what was asked for: that one hears of the end, and of nothing before it.
    let (_, mut ends) = second.follow(&server, r#"["inactive"]"#).await;

    let bearer = format!("Bearer {}", stream.key);
    let fields = [("Authorization", bearer.as_str())];
    let ended = send(&server, &format!("DELETE {whip}"), &fields, "").await;
    assert_eq!(ended.status, 200);
    drop(publisher);
    assert_eq!(events.until("inactive").await, json!({}));
    assert_eq!(ends.next().await.unwrap().0, "inactive");
    let _again = server.publish(&stream).await;
    assert_eq!(events.until("active").await, json!({}));
}

#[tokio::test]
async fn event_streams_end_when_told_and_with_their_session() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let _publisher = server.publish(&stream).await;
    let session = Session::start(&server).await;
    let (one, mut first) = session.follow(&server, r#"["active"]"#).await;
    let (two, mut second) = session.follow(&server, r#"["active"]"#).await;
    assert_ne!(one, two);

    let gone = send(&server, &format!("DELETE {one}"), &[], "").await;
    assert_eq!(gone.status, 200);
    first.end().await;
    for method in ["GET", "DELETE"] {
        let answer = send(&server, &format!("{method} {one}"), &[], "").await;
        answer.problem(404, "not_found");
    }
    // Who comes back takes the place of the connection that hangs, and is not told twice.
    second.until("active").await;
    let mut back = Events::of(&server, &two).await;
    second.end().await;

    let ended = send(&server, &format!("DELETE {}", session.at), &[], "").await;
    assert_eq!(ended.status, 200);
    assert_eq!(back.next().await, None);
    let answer = send(&server, &format!("GET {two}"), &[], "").await;
    answer.problem(404, "not_found");
    session.open(&server, "").await.problem(404, "not_found");
}

#[tokio::test]
async fn unknown_events_are_refused_and_make_no_stream() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let _publisher = server.publish(&stream).await;
    let session = Session::start(&server).await;
    for wrong in [r#"["active","scte35"]"#, "{}", "active", "[1]"] {
        let refused = session.open(&server, wrong).await;
        refused.problem(400, "bad_request");
        assert!(refused.all("location").is_empty());
    }
    let form = [("Content-Type", "text/plain")];
    let refused = send(&server, &format!("POST {}/sse", session.at), &form, "[]").await;
    refused.problem(415, "unsupported_media_type");
    let (at, _events) = session.follow(&server, "[]").await;
    assert!(at.ends_with("/1"), "the first that there is: {at}");
    // A session has few; the oldest goes.
    for _ in 0..4 {
        assert_eq!(session.open(&server, "").await.status, 201);
    }
    let oldest = send(&server, &format!("GET {at}"), &[], "").await;
    oldest.problem(404, "not_found");
}

#[tokio::test]
async fn a_stopping_server_tells_viewers_to_reconnect() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let _publisher = server.publish(&stream).await;
    let session = Session::start(&server).await;
    let (_, mut events) = session.follow(&server, r#"["active","reconnect"]"#).await;
    events.until("active").await;
    server.draining.cancel();
    assert_eq!(
        events.next().await,
        Some(("reconnect".to_owned(), json!({})))
    );
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn layers_are_chosen_for_the_video_section() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let _publisher = server.publish(&stream).await;
    let session = Session::start(&server).await;
    let video = sections(&session.answer)
        .iter()
        .position(|section| section.starts_with("video "))
        .unwrap();
    let mids = lines(&session.answer, "a=mid:");
    let select = async |body: &str| {
        let fields = [("Content-Type", "application/json")];
        send(
            &server,
            &format!("POST {}/layer", session.at),
            &fields,
            body,
        )
        .await
    };
    for media_id in [video.to_string(), mids[video].to_owned()] {
        let body = format!(r#"{{"mediaId":"{media_id}","maxHeight":360}}"#);
        assert_eq!(select(&body).await.status, 200);
        let automatic = format!(r#"{{"mediaId":"{media_id}"}}"#);
        assert_eq!(select(&automatic).await.status, 200);
    }
    for other in ["7", mids[1 - video]] {
        let refused = select(&format!(r#"{{"mediaId":"{other}"}}"#)).await;
        refused.problem(422, "unprocessable");
    }
    for body in [r#"{"rid":"no such"}"#, r#"{"maxSpatialLayerId":1}"#] {
        select(body).await.problem(422, "unprocessable");
    }
}
