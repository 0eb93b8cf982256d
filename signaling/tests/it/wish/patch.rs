//! PATCH: RFC 9725 section 4.3, and the same of WHEP.

use super::raw::{Answer, FRAGMENT, SDP, lines, send};
use crate::{
    peer::{Offer, Peer},
    server::{Server, soon},
};

/// New credentials of a client, and candidates that nobody could use.
fn fragment(ufrag: &str, pwd: &str) -> String {
    format!(
        "a=ice-options:trickle ice2\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
         a=mid:0\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\n\
         a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\n\
         a=candidate:2 1 udp 2122194687 no-such-host.invalid 61765 typ host\r\n\
         a=candidate:3 1 sctp 1518280447 198.51.100.2 9 typ host\r\na=candidate:nonsense\r\n\
         a=end-of-candidates\r\n"
    )
}

const PASSWORD: &str = "P2uYro0UCOQ4zxjKXaWCBui1";

/// A session of either kind, connected.
struct Session {
    at: String,
    tag: String,
    bearer: Option<String>,
    /// The client's own credentials.
    own: String,
    ufrag: String,
    _peer: Peer,
}

impl Session {
    async fn start(server: &Server, endpoint: &str, offer: Offer, key: Option<&str>) -> Self {
        let bearer = key.map(|key| format!("Bearer {key}"));
        let mut fields = vec![("Content-Type", SDP)];
        fields.extend(bearer.as_deref().map(|bearer| ("Authorization", bearer)));
        let answer = send(server, endpoint, &fields, offer.sdp()).await;
        assert_eq!(answer.status, 201, "{answer:#?}");
        let value = |prefix| lines(offer.sdp(), prefix)[0].to_owned();
        let own = fragment(&value("a=ice-ufrag:"), &value("a=ice-pwd:"));
        let mut peer = offer.accept(&answer.body);
        soon("the transport", peer.connected()).await;
        Self {
            at: answer.field("location").to_owned(),
            tag: answer.field("etag").to_owned(),
            bearer,
            own,
            ufrag: lines(&answer.body, "a=ice-ufrag:")[0].to_owned(),
            _peer: peer,
        }
    }

    async fn send(
        &self,
        server: &Server,
        method: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut all = fields.to_vec();
        all.extend(self.bearer.as_deref().map(|it| ("Authorization", it)));
        send(server, &format!("{method} {}", self.at), &all, body).await
    }

    async fn patch(&self, server: &Server, tag: &str, body: &str) -> Answer {
        let fields = [("Content-Type", FRAGMENT), ("If-Match", tag)];
        self.send(server, "PATCH", &fields, body).await
    }
}

/// One of each protocol.
async fn sessions(server: &Server) -> [Session; 2] {
    let stream = server.stream("demo").await;
    let offer = Offer::publisher().await;
    let publisher = Session::start(server, "POST /whip", offer, Some(&stream.key)).await;
    let mut state = server.live.subscribe(&stream.row);
    soon("live", state.wait_for(|state| state.live))
        .await
        .unwrap();
    let offer = Offer::viewer().await;
    let viewer = Session::start(server, "POST /whep/demo", offer, None).await;
    [publisher, viewer]
}

/// Candidates are taken: no body, no entity tag.
fn assert_taken(answer: &Answer) {
    assert_eq!(answer.status, 204, "{answer:#?}");
    assert!(
        answer.is_empty() && answer.all("etag").is_empty(),
        "{answer:#?}"
    );
}

/// A restart was done; gives the new entity tag and our new fragment.
fn assert_restarted(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 200, "{answer:#?}");
    assert_eq!(answer.field("content-type"), FRAGMENT);
    let tag = answer.field("etag");
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    let body = &answer.body;
    // What the answer to the offer said of us stands here too.
    assert_eq!(lines(body, "a=ice-lite"), [""]);
    assert_eq!(lines(body, "a=ice-options:"), ["trickle ice2"]);
    assert_eq!(lines(body, "a=mid:"), ["0"]);
    assert!(lines(body, "a=ice-pwd:")[0].len() >= 22);
    assert!(!lines(body, "a=candidate:").is_empty());
    assert_eq!(lines(body, "a=end-of-candidates"), [""]);
    (tag.to_owned(), lines(body, "a=ice-ufrag:")[0].to_owned())
}

#[tokio::test]
async fn candidates_need_the_present_entity_tag() {
    let server = Server::start().await;
    for session in sessions(&server).await {
        assert_taken(&session.patch(&server, &session.tag, &session.own).await);
        let several = format!("\"other\", {}", session.tag);
        assert_taken(&session.patch(&server, &several, &session.own).await);
        let only_type = [("Content-Type", FRAGMENT)];
        let without = session
            .send(&server, "PATCH", &only_type, &session.own)
            .await;
        without.problem(428, "bad_request");
        let weak = format!("W/{}", session.tag);
        for stale in ["\"stale\"", weak.as_str(), "stale"] {
            let refused = session.patch(&server, stale, &session.own).await;
            refused.problem(412, "conflict");
        }
        // The star names whatever state there is; the credentials say that nothing is restarted.
        assert_taken(&session.patch(&server, "*", &session.own).await);
        assert_taken(&session.patch(&server, &session.tag, &session.own).await);
    }
}

#[tokio::test]
async fn new_credentials_are_a_restart_whatever_the_tag() {
    let server = Server::start().await;
    for session in sessions(&server).await {
        let first = fragment("EsAw", PASSWORD);
        let answer = session.patch(&server, "*", &first).await;
        let (tag, ufrag) = assert_restarted(&answer);
        assert_ne!(tag, session.tag);
        assert_ne!(ufrag, session.ufrag);
        // Sent twice, it is one restart.
        let again = session.patch(&server, "*", &first).await;
        assert_eq!(assert_restarted(&again), (tag.clone(), ufrag.clone()));
        assert_eq!(again.body, answer.body);
        // Candidates of the restart go under its tag, and under no other.
        assert_taken(&session.patch(&server, &tag, &first).await);
        let stale = session.patch(&server, &session.tag, &first).await;
        stale.problem(412, "conflict");
        // Other credentials under the present tag restart too.
        let second = fragment("FtBx", PASSWORD);
        let (newer, other) = assert_restarted(&session.patch(&server, &tag, &second).await);
        assert_ne!(newer, tag);
        assert_ne!(other, ufrag);
        session
            .patch(&server, &tag, &second)
            .await
            .problem(412, "conflict");
        // The star with quotes, as an example of the RFC has it.
        let third = fragment("GuCy", PASSWORD);
        assert_restarted(&session.patch(&server, "\"*\"", &third).await);
    }
}

#[tokio::test]
async fn a_restart_that_fails_leaves_the_session_as_it_is() {
    let server = Server::start().await;
    for session in sessions(&server).await {
        for broken in [
            fragment("EsAw", "short"),
            fragment("E", PASSWORD),
            fragment("EsAw", PASSWORD).replace("a=ice-pwd", "a=x-pwd"),
            "hello".to_owned(),
            String::new(),
        ] {
            let refused = session.patch(&server, "*", &broken).await;
            refused.problem(400, "bad_request");
        }
        assert_taken(&session.patch(&server, &session.tag, &session.own).await);
        let looked = session.send(&server, "GET", &[], "").await;
        assert_eq!(looked.status, 204);
    }
}

#[tokio::test]
async fn only_fragments_are_taken() {
    let server = Server::start().await;
    for session in sessions(&server).await {
        for wrong in ["text/plain", "application/json", SDP] {
            let fields = [("Content-Type", wrong), ("If-Match", session.tag.as_str())];
            let refused = session.send(&server, "PATCH", &fields, &session.own).await;
            match wrong {
                // A viewer may answer an offer of ours, but there was none.
                SDP if session.bearer.is_none() => refused.problem(409, "conflict"),
                _ => refused.problem(415, "unsupported_media_type"),
            };
            assert_eq!(refused.field("accept-patch"), FRAGMENT);
        }
    }
}

#[tokio::test]
async fn a_goodbye_needs_no_entity_tag() {
    let server = Server::start().await;
    for session in sessions(&server).await {
        let stale = [("If-Match", "\"stale\"")];
        let ended = session.send(&server, "DELETE", &stale, "").await;
        assert_eq!(ended.status, 200);
        let gone = session.send(&server, "DELETE", &[], "").await;
        gone.problem(404, "not_found");
        let gone = session.patch(&server, "*", &session.own).await;
        gone.problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_session_that_never_was_cannot_be_patched() {
    let server = Server::start().await;
    let bearer = format!("Bearer {}", server.stream("demo").await.key);
    let id = "0123456789abcdef0123456789abcdef";
    for request in [
        format!("PATCH /whip/session/{id}"),
        format!("PATCH /whep/session/{id}"),
    ] {
        for tag in ["*", "\"x\""] {
            let fields = [
                ("Authorization", bearer.as_str()),
                ("Content-Type", FRAGMENT),
                ("If-Match", tag),
            ];
            let answer = send(&server, &request, &fields, &fragment("EsAw", PASSWORD)).await;
            answer.problem(404, "not_found");
        }
    }
}
