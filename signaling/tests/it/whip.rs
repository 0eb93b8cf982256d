use std::time::Duration;

use reqwest::{Method, StatusCode, header};
use weir_protocol::{ErrorCode, IngestProtocol};

use crate::{
    peer::Offer,
    server::{Server, created, problem, soon},
};

#[tokio::test]
async fn every_bad_offer_gets_its_status() {
    let server = Server::start().await;
    let stream = server.stream("demo").await;
    let key = stream.key.as_str();
    let good = Offer::publisher().await;
    let viewers = Offer::viewer().await;
    let no_codec = good.sdp().replace("VP8/90000", "X-MADE-UP/90000");
    let no_fingerprint: String = good
        .sdp()
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("a=fingerprint"))
        .collect();
    // Far more than the sockets hold: the answer must arrive all the same.
    let huge = "a=x\r\n".repeat(800_000);
    let sdp = "application/sdp";

    use ErrorCode as Code;
    type Row<'a> = (&'a str, Option<&'a str>, &'a str, &'a str, u16, ErrorCode);
    let table: &[Row] = &[
        ("no key", None, sdp, good.sdp(), 401, Code::Unauthorized),
        (
            "unknown key",
            Some("nonsense"),
            sdp,
            good.sdp(),
            401,
            Code::Unauthorized,
        ),
        (
            "no key, and nothing else right",
            None,
            "text/plain",
            "",
            401,
            Code::Unauthorized,
        ),
        (
            "JSON",
            Some(key),
            "application/json",
            good.sdp(),
            415,
            Code::UnsupportedMediaType,
        ),
        (
            "another application/sdp…",
            Some(key),
            "application/sdpx",
            good.sdp(),
            415,
            Code::UnsupportedMediaType,
        ),
        ("huge", Some(key), sdp, &huge, 413, Code::TooLarge),
        ("empty", Some(key), sdp, "", 400, Code::BadRequest),
        ("blank", Some(key), sdp, "\r\n\r\n", 400, Code::BadRequest),
        ("no SDP", Some(key), sdp, "hello", 400, Code::BadRequest),
        (
            "half an offer",
            Some(key),
            sdp,
            &good.sdp()[..40],
            400,
            Code::BadRequest,
        ),
        (
            "no fingerprint",
            Some(key),
            sdp,
            &no_fingerprint,
            400,
            Code::BadRequest,
        ),
        (
            "a viewer's offer",
            Some(key),
            sdp,
            viewers.sdp(),
            422,
            Code::Unprocessable,
        ),
        (
            "no common codec",
            Some(key),
            sdp,
            &no_codec,
            422,
            Code::Unprocessable,
        ),
    ];
    for (name, key, content_type, body, status, code) in table {
        let mut request = server
            .request(Method::POST, "/whip")
            .header(header::CONTENT_TYPE, *content_type)
            .body((*body).to_owned());
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        let response = request.send().await.unwrap();
        let challenge = response.headers().get(header::WWW_AUTHENTICATE).cloned();
        assert_eq!(challenge.is_some(), *status == 401, "{name}");
        let detail = problem(response, *status, *code).await;
        assert!(!detail.is_empty(), "{name}");
    }
    // Nothing of it made the stream live or the server unwell.
    assert_eq!(server.live.counts().streams, 0);
    created(server.post_sdp("/whip", Some(key), good.sdp()).await).await;
}

#[tokio::test]
async fn challenge_says_what_is_wrong() {
    let server = Server::start().await;
    let challenge = |key: Option<&'static str>| {
        let response = server.post_sdp("/whip", key, "x");
        async move {
            response.await.headers()[header::WWW_AUTHENTICATE]
                .to_str()
                .unwrap()
                .to_owned()
        }
    };
    assert_eq!(challenge(None).await, "Bearer realm=\"weir\"");
    assert_eq!(
        challenge(Some("x")).await,
        "Bearer realm=\"weir\", error=\"invalid_token\""
    );
}

#[tokio::test]
async fn a_session_from_offer_to_end() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let other = server.stream("other").await;

    let offer = Offer::publisher().await;
    // The scheme is case-insensitive, and a parameter of the media type is ignored.
    let response = server
        .request(Method::POST, "/whip")
        .header(header::AUTHORIZATION, format!("bearer {}", stream.key))
        .header(header::CONTENT_TYPE, "Application/SDP; charset=utf-8")
        .body(offer.sdp().to_owned())
        .send()
        .await
        .unwrap();
    let headers = response.headers().clone();
    let (answer, location) = created(response).await;
    assert_eq!(headers[header::CONTENT_TYPE], "application/sdp");
    assert_eq!(headers["accept-patch"], "application/trickle-ice-sdpfrag");
    let links: Vec<&str> = headers
        .get_all(header::LINK)
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    assert_eq!(links[0], "<stun:stun.example>; rel=\"ice-server\"");
    assert!(links[1].starts_with("<turn:turn.example>; rel=\"ice-server\"; username=\""));
    assert!(links[1].ends_with("credential-type=\"password\""));
    assert!(
        answer.contains("a=recvonly") && answer.contains("a=candidate:"),
        "{answer}"
    );
    assert!(
        location.starts_with("/whip/session/") && location.len() > 40,
        "{location}"
    );

    let peer = offer.accept(&answer);
    let broadcast = soon("the broadcast", server.whip.recv()).await.unwrap();
    assert!(broadcast.tracks.audio && broadcast.tracks.video.is_some());
    let summary = server.live.summary(&stream.row);
    assert!(summary.live);
    assert_eq!(summary.protocol, Some(IngestProtocol::Whip));

    let on_session = |method: Method, key: Option<&str>| {
        let mut request = server.request(method, &location);
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        async { request.send().await.unwrap() }
    };
    problem(
        on_session(Method::DELETE, None).await,
        401,
        ErrorCode::Unauthorized,
    )
    .await;
    problem(
        on_session(Method::DELETE, Some("x")).await,
        401,
        ErrorCode::Unauthorized,
    )
    .await;
    problem(
        on_session(Method::DELETE, Some(&other.key)).await,
        404,
        ErrorCode::NotFound,
    )
    .await;
    problem(
        on_session(Method::POST, Some(&stream.key)).await,
        405,
        ErrorCode::MethodNotAllowed,
    )
    .await;
    let looked = on_session(Method::GET, Some(&stream.key)).await;
    assert_eq!(looked.status(), StatusCode::NO_CONTENT);
    assert!(!broadcast.over.is_cancelled());

    let ended = on_session(Method::DELETE, Some(&stream.key)).await;
    assert_eq!(ended.status(), StatusCode::OK, "OBS takes nothing else");
    soon("the end", broadcast.over.cancelled()).await;
    let mut state = server.live.subscribe(&stream.row);
    soon("offline", state.wait_for(|state| !state.live))
        .await
        .unwrap();
    problem(
        on_session(Method::DELETE, Some(&stream.key)).await,
        404,
        ErrorCode::NotFound,
    )
    .await;
    drop(peer);

    server.draining.cancel();
    server.live.settle().await;
    let rows = server.db.list_broadcasts(stream.row.id, 10).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert!(rows[0].ended_at.is_some());
    assert_eq!(rows[0].protocol, IngestProtocol::Whip);
}

#[tokio::test]
async fn who_closes_the_connection_first_may_still_delete() {
    // As OBS does, which logs a failure for all but 200.
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let other = server.stream("other").await;
    let (publisher, session, broadcast) = server.publish(&stream).await;
    let (mut viewer, watched) = server.view("demo").await;
    soon("media", viewer.received()).await;

    let mut state = server.live.subscribe(&stream.row);
    viewer.leave();
    soon(
        "nobody watches",
        state.wait_for(|state| state.viewers.webrtc == 0),
    )
    .await
    .unwrap();
    publisher.leave();
    soon("the end", broadcast.over.cancelled()).await;

    let delete = async |path: &str, key: Option<&str>| {
        let mut request = server.request(Method::DELETE, path);
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        request.send().await.unwrap().status()
    };
    // It still takes the publisher's key.
    let disguised = session.replace("/whip/", "/whep/");
    assert_eq!(delete(&disguised, None).await, StatusCode::NOT_FOUND);
    assert_eq!(delete(&session, None).await, StatusCode::UNAUTHORIZED);
    assert_eq!(
        delete(&session, Some(&other.key)).await,
        StatusCode::NOT_FOUND
    );
    // And it is said once.
    for (path, key) in [(&session, Some(stream.key.as_str())), (&watched, None)] {
        assert_eq!(delete(path, key).await, StatusCode::OK);
        assert_eq!(delete(path, key).await, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_newer_publisher_takes_over() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let (mut first, _, older) = server.publish(&stream).await;
    let (_second, _, newer) = server.publish(&stream).await;
    soon("the end of the first", older.over.cancelled()).await;
    soon("the first peer's end", first.ended()).await;
    assert!(!newer.over.is_cancelled());
    assert!(server.live.summary(&stream.row).live);
}

#[tokio::test]
async fn a_publisher_that_vanishes_is_waited_for_and_then_offline() {
    let mut server = Server::start_with_grace(Duration::from_secs(1)).await;
    let stream = server.stream("demo").await;
    let (peer, _, broadcast) = server.publish(&stream).await;
    drop(peer);
    soon("the timeout", broadcast.over.cancelled()).await;
    let mut state = server.live.subscribe(&stream.row);
    let gap = state.wait_for(|state| state.reconnecting_until.is_some());
    soon("the gap", gap).await.unwrap();
    soon("offline", state.wait_for(|state| !state.live))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_publisher_whose_network_changed_goes_on_in_its_session() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let (peer, location, first) = server.publish(&stream).await;
    let (id, _) = server.live.on_air_as(&stream.row).unwrap();
    let mut state = server.live.subscribe(&stream.row);
    peer.cut(true);
    let gap = state.wait_for(|state| state.reconnecting_until.is_some());
    soon("the gap", gap).await.unwrap();
    assert!(first.over.is_cancelled(), "what it was made into ends");
    let session = server.request(Method::GET, &location);
    let looked = session.bearer_auth(&stream.key).send().await.unwrap();
    assert_eq!(looked.status(), StatusCode::NO_CONTENT, "it is kept");

    peer.cut(false);
    let again = soon("the broadcast", server.whip.recv()).await.unwrap();
    let back = state.wait_for(|state| state.live && state.reconnecting_until.is_none());
    soon("the end of the gap", back).await.unwrap();
    assert_eq!(server.live.on_air_as(&stream.row).unwrap().0, id);
    // Whoever came back can be taken over, as anybody.
    let (_newer, _, _) = server.publish(&stream).await;
    soon("the takeover", again.over.cancelled()).await;
}

#[tokio::test]
async fn a_lost_publisher_that_says_goodbye_is_offline_at_once() {
    let mut server = Server::start_with_grace(Duration::from_secs(600)).await;
    let stream = server.stream("demo").await;
    let (peer, location, _) = server.publish(&stream).await;
    let mut state = server.live.subscribe(&stream.row);
    peer.cut(true);
    let gap = state.wait_for(|state| state.reconnecting_until.is_some());
    soon("the gap", gap).await.unwrap();
    let session = server.request(Method::DELETE, &location);
    let ended = session.bearer_auth(&stream.key).send().await.unwrap();
    assert_eq!(ended.status(), StatusCode::OK);
    soon("offline", state.wait_for(|state| !state.live))
        .await
        .unwrap();
}

#[tokio::test]
async fn endpoint_answers_other_methods() {
    let server = Server::start().await;
    for method in [Method::GET, Method::HEAD] {
        let response = server.request(method, "/whip").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(response.text().await.unwrap(), "");
    }
    let response = server.request(Method::PUT, "/whip").send().await.unwrap();
    let allow = response.headers()[header::ALLOW]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(allow.contains("POST"), "{allow}");
    problem(response, 405, ErrorCode::MethodNotAllowed).await;

    let preflight = server
        .request(Method::OPTIONS, "/whip")
        .header(header::ORIGIN, "https://elsewhere.example")
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(
            header::ACCESS_CONTROL_REQUEST_HEADERS,
            "authorization,content-type",
        )
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), StatusCode::OK);
    let headers = preflight.headers();
    assert_eq!(headers["accept-post"], "application/sdp");
    assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let allowed = |name: &str| headers[name].to_str().unwrap().to_ascii_lowercase();
    assert!(allowed("access-control-allow-methods").contains("post"));
    assert!(allowed("access-control-allow-headers").contains("authorization"));
    assert!(!headers.contains_key(header::LINK));
}

#[tokio::test]
async fn other_origins_may_read_what_they_need() {
    let server = Server::start().await;
    let stream = server.stream("demo").await;
    let offer = Offer::publisher().await;
    let response = server
        .request(Method::POST, "/whip")
        .bearer_auth(&stream.key)
        .header(header::ORIGIN, "https://elsewhere.example")
        .header(header::CONTENT_TYPE, "application/sdp")
        .body(offer.sdp().to_owned())
        .send()
        .await
        .unwrap();
    let headers = response.headers();
    assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let exposed = headers[header::ACCESS_CONTROL_EXPOSE_HEADERS]
        .to_str()
        .unwrap()
        .to_lowercase();
    for name in ["location", "link", "etag", "retry-after"] {
        assert!(exposed.contains(name), "{exposed}");
    }
}
