//! The resources themselves: RFC 9725 sections 4.1, 4.2, 4.6 and 4.7, and the same of WHEP.

use super::raw::{FRAGMENT, SDP, send};
use crate::{peer::Offer, server::Server};

#[tokio::test]
async fn endpoints_and_sessions_have_no_representation() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let (_publisher, whip, _broadcast) = server.publish(&stream).await;
    let (_viewer, whep) = server.view("demo").await;
    let bearer = format!("Bearer {}", stream.key);
    let bearer = [("Authorization", bearer.as_str())];
    for (path, fields) in [
        ("/whip", &[][..]),
        ("/whep/demo", &[]),
        (whip.as_str(), &bearer),
        (whep.as_str(), &[]),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = send(&server, &format!("{method} {path}"), fields, "").await;
            assert!((200..300).contains(&answer.status), "{answer:#?}");
            assert!(answer.is_empty(), "{answer:#?}");
        }
    }
}

#[tokio::test]
async fn a_whep_endpoint_is_known_by_its_media_type() {
    let server = Server::start().await;
    server.stream("demo").await;
    // Also while nobody publishes.
    for method in ["HEAD", "GET"] {
        let answer = send(&server, &format!("{method} /whep/demo"), &[], "").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.field("content-type"), SDP);
        assert!(answer.is_empty(), "{answer:#?}");
    }
    let unknown = send(&server, "GET /whep/nobody", &[], "").await;
    unknown.problem(404, "not_found");
}

#[tokio::test]
async fn options_say_what_is_taken() {
    let server = Server::start().await;
    server.stream("demo").await;
    let preflight = [
        ("Origin", "https://elsewhere.example"),
        ("Access-Control-Request-Method", "POST"),
        (
            "Access-Control-Request-Headers",
            "authorization,content-type,if-match",
        ),
    ];
    for path in ["/whip", "/whep/demo"] {
        for fields in [&preflight[..], &preflight[..1], &[]] {
            let answer = send(&server, &format!("OPTIONS {path}"), fields, "").await;
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.field("accept-post"), SDP);
            // No TURN credentials are made for what may be a preflight.
            assert!(answer.all("link").is_empty(), "{answer:#?}");
        }
    }
    let id = "0123456789abcdef0123456789abcdef";
    for path in [
        "/whip".to_owned(),
        "/whep/demo".to_owned(),
        format!("/whip/session/{id}"),
        format!("/whep/session/{id}"),
        format!("/whep/session/{id}/sse"),
    ] {
        let answer = send(&server, &format!("OPTIONS {path}"), &preflight, "").await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.field("access-control-allow-origin"), "*");
        let methods = answer.list("access-control-allow-methods");
        for method in ["post", "patch", "delete"] {
            assert!(methods.iter().any(|it| it == method), "{methods:?}");
        }
        let fields = answer.list("access-control-allow-headers");
        for field in ["authorization", "content-type", "if-match"] {
            assert!(fields.iter().any(|it| it == field), "{fields:?}");
        }
        if path.ends_with(id) {
            assert_eq!(answer.field("accept-patch"), FRAGMENT);
        }
    }
}

#[tokio::test]
async fn pages_elsewhere_can_read_the_answer() {
    let server = Server::start().await;
    let key = server.stream("demo").await.key;
    let bearer = format!("Bearer {key}");
    let fields = [
        ("Origin", "https://elsewhere.example"),
        ("Authorization", bearer.as_str()),
        ("Content-Type", SDP),
    ];
    let answer = send(
        &server,
        "POST /whip",
        &fields,
        Offer::publisher().await.sdp(),
    )
    .await;
    assert_eq!(answer.status, 201);
    let exposed = answer.list("access-control-expose-headers");
    for field in [
        "location",
        "etag",
        "link",
        "retry-after",
        "accept-post",
        "accept-patch",
    ] {
        assert!(exposed.iter().any(|it| it == field), "{exposed:?}");
    }
}

#[tokio::test]
async fn each_ice_server_and_each_extension_has_a_link_of_its_own() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let _publisher = server.publish(&stream).await;
    let fields = [("Content-Type", SDP)];
    let answer = send(
        &server,
        "POST /whep/demo",
        &fields,
        Offer::viewer().await.sdp(),
    )
    .await;
    let links = answer.all("link");
    assert_eq!(links.len(), 4, "{links:#?}");
    assert_eq!(links[0], "<stun:stun.example>; rel=\"ice-server\"");
    assert!(links[1].starts_with("<turn:turn.example>; rel=\"ice-server\"; username=\""));
    assert!(
        links[1].contains("; credential=\"") && links[1].contains("credential-type=\"password\"")
    );
    let session = answer.field("location");
    let layer = format!("<{session}/layer>; rel=\"urn:ietf:params:whep:ext:core:layer\"");
    assert_eq!(links[2], layer);
    let events = format!(
        "<{session}/sse>; rel=\"urn:ietf:params:whep:ext:core:server-sent-events\"; \
         events=\"active,inactive,layers,reconnect,viewercount\""
    );
    assert_eq!(links[3], events);
    // A publisher's session has no extension, so none is named.
    let bearer = format!("Bearer {}", stream.key);
    let fields = [("Content-Type", SDP), ("Authorization", bearer.as_str())];
    let answer = send(
        &server,
        "POST /whip",
        &fields,
        Offer::publisher().await.sdp(),
    )
    .await;
    let links = answer.all("link");
    assert_eq!(links.len(), 2, "{links:#?}");
    assert!(links.iter().all(|link| link.contains("rel=\"ice-server\"")));
}

#[tokio::test]
async fn what_a_client_adds_is_ignored() {
    let server = Server::start().await;
    let key = server.stream("demo").await.key;
    let bearer = format!("Bearer {key}");
    let fields = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/sdp; charset=utf-8"),
        ("Accept", "text/html"),
        ("Link", "<x>; rel=\"urn:ietf:params:whip:ext:made:up\""),
        ("If-Match", "\"nothing\""),
    ];
    let offer = Offer::publisher().await;
    let offer = offer.sdp().replace("a=mid:", "a=x-made-up:1\r\na=mid:");
    let answer = send(&server, "POST /whip?extension=made-up", &fields, &offer).await;
    assert_eq!(answer.status, 201, "{answer:#?}");
}

#[tokio::test]
async fn a_publishers_session_takes_its_key() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let other = server.stream("other").await;
    let (_publisher, at, broadcast) = server.publish(&stream).await;
    for method in ["GET", "PATCH", "DELETE"] {
        let request = format!("{method} {at}");
        let fields = [("Content-Type", FRAGMENT), ("If-Match", "*")];
        let answer = send(&server, &request, &fields, "").await;
        answer.problem(401, "unauthorized");
        assert!(answer.field("www-authenticate").starts_with("Bearer "));
        let bearer = format!("Bearer {}", other.key);
        let fields = [("Authorization", bearer.as_str()), fields[0], fields[1]];
        let answer = send(&server, &request, &fields, "").await;
        answer.problem(404, "not_found");
    }
    assert!(!broadcast.over.is_cancelled());
}
