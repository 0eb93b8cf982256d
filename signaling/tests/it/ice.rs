//! PATCH on sessions: trickled candidates and ICE restarts, as they are on the wire.

use reqwest::{Method, Response, StatusCode, header};
use weir_protocol::ErrorCode;

use crate::{
    peer::{Offer, Peer},
    server::{Server, created, problem},
};

const FRAGMENT_TYPE: &str = "application/trickle-ice-sdpfrag";

/// What a client sends that has new credentials.
const FRAGMENT: &str = "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
    a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n";

/// A session of either kind with its address, entity tag and key.
struct Session {
    at: String,
    tag: String,
    key: Option<String>,
    ufrag: String,
    _peer: Peer,
}

async fn session(response: Response, offer: Offer, key: Option<String>) -> Session {
    let tag = response.headers()[header::ETAG]
        .to_str()
        .unwrap()
        .to_owned();
    let (answer, at) = created(response).await;
    let mut peer = offer.accept(&answer);
    peer.connected().await;
    Session {
        at,
        tag,
        key,
        ufrag: attribute(&answer, "a=ice-ufrag:"),
        _peer: peer,
    }
}

fn attribute(text: &str, prefix: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(prefix));
    line.expect(prefix).to_owned()
}

/// One of each kind.
async fn sessions(server: &Server) -> [Session; 2] {
    let stream = server.stream("demo").await;
    let offer = Offer::publisher().await;
    let key = Some(stream.key.clone());
    let response = server.post_sdp("/whip", key.as_deref(), offer.sdp()).await;
    let publisher = session(response, offer, key).await;
    let mut state = server.live.subscribe(&stream.row);
    state.wait_for(|state| state.live).await.unwrap();
    let offer = Offer::viewer().await;
    let response = server.post_sdp("/whep/demo", None, offer.sdp()).await;
    [publisher, session(response, offer, None).await]
}

impl Session {
    async fn send(
        &self,
        server: &Server,
        method: Method,
        media_type: &str,
        tag: Option<&str>,
        body: &str,
    ) -> Response {
        let mut request = server
            .request(method, &self.at)
            .header(header::CONTENT_TYPE, media_type)
            .body(body.to_owned());
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        if let Some(tag) = tag {
            request = request.header(header::IF_MATCH, tag);
        }
        request.send().await.unwrap()
    }

    async fn patch(&self, server: &Server, tag: Option<&str>, body: &str) -> Response {
        self.send(server, Method::PATCH, FRAGMENT_TYPE, tag, body)
            .await
    }
}

#[tokio::test]
async fn candidates_are_taken_under_the_present_entity_tag() {
    let server = Server::start().await;
    for session in sessions(&server).await {
        let tag = session.tag.as_str();
        assert!(
            tag.starts_with('"') && tag.ends_with('"'),
            "not strong: {tag}"
        );
        let taken = session.patch(&server, Some(tag), FRAGMENT).await;
        assert_eq!(taken.status(), StatusCode::NO_CONTENT);

        let without = session.patch(&server, None, FRAGMENT).await;
        problem(without, 428, ErrorCode::BadRequest).await;
        for stale in ["\"stale\"", &format!("W/{tag}")] {
            let stale = session.patch(&server, Some(stale), FRAGMENT).await;
            problem(stale, 412, ErrorCode::Conflict).await;
        }
        for nonsense in ["hello", "a=ice-ufrag:EsAw\r\n", ""] {
            let refused = session.patch(&server, Some(tag), nonsense).await;
            problem(refused, 400, ErrorCode::BadRequest).await;
        }
        let other = session
            .send(&server, Method::PATCH, "text/plain", Some(tag), FRAGMENT)
            .await;
        problem(other, 415, ErrorCode::UnsupportedMediaType).await;

        // However stale the tag is, a session can be ended, and then there is none.
        let ended = session
            .send(&server, Method::DELETE, "text/plain", Some("\"stale\""), "")
            .await;
        assert_eq!(ended.status(), StatusCode::OK);
        let gone = session.patch(&server, Some("*"), FRAGMENT).await;
        problem(gone, 404, ErrorCode::NotFound).await;
    }
}

#[tokio::test]
async fn a_restart_gives_new_credentials_and_a_new_entity_tag() {
    let server = Server::start().await;
    for session in sessions(&server).await {
        let restarted = session.patch(&server, Some("*"), FRAGMENT).await;
        assert_eq!(restarted.status(), StatusCode::OK);
        let headers = restarted.headers().clone();
        assert_eq!(headers[header::CONTENT_TYPE], FRAGMENT_TYPE);
        let tag = headers[header::ETAG].to_str().unwrap();
        assert_ne!(tag, session.tag);
        let body = restarted.text().await.unwrap();
        let ufrag = attribute(&body, "a=ice-ufrag:");
        assert_ne!(ufrag, session.ufrag);
        assert!(attribute(&body, "a=ice-pwd:").len() >= 22);
        assert!(body.contains("a=candidate:"), "{body}");
        assert_eq!(attribute(&body, "a=mid:"), "0");

        // The tag of before is stale.
        let stale = session.patch(&server, Some(&session.tag), FRAGMENT).await;
        problem(stale, 412, ErrorCode::Conflict).await;
        let taken = session.patch(&server, Some(tag), FRAGMENT).await;
        assert_eq!(taken.status(), StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn a_session_that_never_was_cannot_be_patched() {
    let server = Server::start().await;
    let stream = server.stream("demo").await;
    let id = "0123456789abcdef0123456789abcdef";
    for path in [format!("/whip/session/{id}"), format!("/whep/session/{id}")] {
        for tag in ["*", "\"x\""] {
            let request = server
                .request(Method::PATCH, &path)
                .bearer_auth(&stream.key)
                .header(header::CONTENT_TYPE, FRAGMENT_TYPE)
                .header(header::IF_MATCH, tag)
                .body(FRAGMENT);
            problem(request.send().await.unwrap(), 404, ErrorCode::NotFound).await;
        }
    }
}
