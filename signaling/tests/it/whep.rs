use reqwest::{Method, StatusCode, header};
use weir_protocol::ErrorCode;

use crate::{
    peer::Offer,
    server::{Server, created, problem, soon},
};

#[tokio::test]
async fn every_bad_offer_gets_its_status() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let good = Offer::viewer().await;

    let early = server.post_sdp("/whep/demo", None, good.sdp()).await;
    assert_eq!(early.headers()[header::RETRY_AFTER], "2");
    problem(early, 409, ErrorCode::NotLive).await;
    for unknown in ["/whep/nobody", "/whep/No-Slug", "/whep/a%2fb"] {
        problem(
            server.post_sdp(unknown, None, good.sdp()).await,
            404,
            ErrorCode::NotFound,
        )
        .await;
    }

    let _publisher = server.publish(&stream).await;
    let publishers = Offer::publisher().await;
    let no_codec = good.sdp().replace("VP8/90000", "X-MADE-UP/90000");
    // Far more than the sockets hold: the answer must arrive all the same.
    let huge = "a=x\r\n".repeat(800_000);
    use ErrorCode as Code;
    let table: &[(&str, &str, &str, u16, Code)] = &[
        (
            "JSON",
            "application/json",
            good.sdp(),
            415,
            Code::UnsupportedMediaType,
        ),
        ("huge", "application/sdp", &huge, 413, Code::TooLarge),
        ("no SDP", "application/sdp", "hello", 400, Code::BadRequest),
        (
            "a publisher's offer",
            "application/sdp",
            publishers.sdp(),
            422,
            Code::Unprocessable,
        ),
        (
            "no common codec",
            "application/sdp",
            &no_codec,
            422,
            Code::Unprocessable,
        ),
    ];
    for (name, content_type, body, status, code) in table {
        let response = server
            .request(Method::POST, "/whep/demo")
            .header(header::CONTENT_TYPE, *content_type)
            .body((*body).to_owned())
            .send()
            .await
            .unwrap();
        let detail = problem(response, *status, *code).await;
        assert!(!detail.is_empty(), "{name}");
    }
    created(server.post_sdp("/whep/demo", None, good.sdp()).await).await;
}

#[tokio::test]
async fn a_viewer_gets_media_and_is_counted() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let (_publisher, whip_session, broadcast) = server.publish(&stream).await;
    let mut state = server.live.subscribe(&stream.row);

    let (mut viewer, location) = server.view("demo").await;
    assert!(location.starts_with("/whep/session/"), "{location}");
    soon("media", viewer.received()).await;
    soon(
        "the count",
        state.wait_for(|state| state.viewers.webrtc == 1),
    )
    .await
    .unwrap();

    // A publisher's session takes the key to end, also by the viewers' address.
    let disguised = whip_session.replace("/whip/", "/whep/");
    let response = server
        .request(Method::DELETE, &disguised)
        .send()
        .await
        .unwrap();
    problem(response, 404, ErrorCode::NotFound).await;
    assert!(!broadcast.over.is_cancelled());

    let response = server
        .request(Method::DELETE, &location)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    soon("the viewer's end", viewer.ended()).await;
    soon(
        "the count",
        state.wait_for(|state| state.viewers.webrtc == 0),
    )
    .await
    .unwrap();
    for address in [location.as_str(), "/whep/session/1", "/whep/session/zz"] {
        let response = server
            .request(Method::DELETE, address)
            .send()
            .await
            .unwrap();
        problem(response, 404, ErrorCode::NotFound).await;
    }

    drop(broadcast);
    let response = server
        .request(Method::DELETE, &whip_session)
        .bearer_auth(&stream.key)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    soon("offline", state.wait_for(|state| !state.live))
        .await
        .unwrap();
    server.draining.cancel();
    server.live.settle().await;
    let rows = server.db.list_broadcasts(stream.row.id, 1).await.unwrap();
    assert_eq!(rows[0].peak_viewers, 1);
}

#[tokio::test]
async fn viewers_stay_when_the_publisher_comes_back() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let (first, _, broadcast) = server.publish(&stream).await;
    let (mut viewer, _) = server.view("demo").await;
    soon("media", viewer.received()).await;
    drop(first);
    let _second = server.publish(&stream).await;
    soon("the end of the first", broadcast.over.cancelled()).await;
    let mut state = server.live.subscribe(&stream.row);
    let is_back = |state: &weir_protocol::StreamSummary| state.live && state.viewers.webrtc == 1;
    soon("live with its viewer", state.wait_for(is_back))
        .await
        .unwrap();
}
