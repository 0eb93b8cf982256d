//! Counter-offers: the draft's section "Server Sends Counter-Offer".

use super::raw::{Answer, SDP, lines, sections, send};
use crate::{
    peer::{Offer, Peer},
    server::{Server, soon},
};

async fn post(server: &Server, offer: &str) -> Answer {
    send(server, "POST /whep/demo", &[("Content-Type", SDP)], offer).await
}

async fn patch(server: &Server, at: &str, answer: &str) -> Answer {
    let request = format!("PATCH {at}");
    send(server, &request, &[("Content-Type", SDP)], answer).await
}

/// An offer of ours, as it must be. Gives the session's address.
fn assert_offered(offered: &Answer) -> &str {
    assert_eq!(offered.status, 406, "{offered:#?}");
    assert_eq!(offered.field("content-type"), SDP);
    let at = offered.field("location");
    assert!(at.starts_with("/whep/session/"), "{at}");
    let sdp = &offered.body;
    assert_eq!(
        lines(sdp, "a=group:BUNDLE "),
        [lines(sdp, "a=mid:").join(" ")]
    );
    let sections = sections(sdp);
    assert_eq!(sections.len(), 2, "{sdp}");
    for section in sections {
        let has = |line: &str| section.split("\r\n").any(|it| it == line);
        assert!(has("a=sendonly") && has("a=setup:actpass"), "{section}");
        assert!(has("a=rtcp-mux") && has("a=rtcp-mux-only"), "{section}");
    }
    let streams = lines(sdp, "a=msid:");
    let stream = |msid: &str| msid.split(' ').next().unwrap().to_owned();
    assert_eq!(streams.len(), 2);
    assert_eq!(stream(streams[0]), stream(streams[1]));
    assert!(
        lines(sdp, "a=rtpmap:")
            .iter()
            .any(|map| map.ends_with(" VP8/90000"))
    );
    assert!(!lines(sdp, "a=candidate:").is_empty(), "{sdp}");
    assert_eq!(lines(sdp, "a=end-of-candidates"), [""]);
    at
}

/// Answers, and gets media.
async fn assert_plays(server: &Server, offered: &Answer) {
    let at = assert_offered(offered);
    let (mut viewer, answer) = Peer::answer(&offered.body).await;
    let taken = patch(server, at, &answer).await;
    assert_eq!(taken.status, 204, "{taken:#?}");
    assert!(taken.is_empty());
    soon("the transport", viewer.connected()).await;
    soon("media", viewer.received()).await;
    let ended = send(server, &format!("DELETE {at}"), &[], "").await;
    assert_eq!(ended.status, 200, "{ended:#?}");
    soon("the end", viewer.ended()).await;
}

#[tokio::test]
async fn an_empty_offer_gets_ours() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let none = post(&server, "").await;
    none.problem(409, "not_live");
    let _publisher = server.publish(&stream).await;
    assert_plays(&server, &post(&server, "").await).await;
}

#[tokio::test]
async fn an_offer_of_another_form_gets_ours() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let _publisher = server.publish(&stream).await;
    let good = Offer::viewer().await.sdp().to_owned();
    for offer in [
        good.replace("a=rtcp-mux\r\n", ""),
        good.replace("m=video", "m=audio"),
        good.replace("a=group:BUNDLE", "a=group:LS"),
    ] {
        assert_ne!(offer, good);
        assert_plays(&server, &post(&server, &offer).await).await;
    }
}

#[tokio::test]
async fn a_counter_offer_is_answered_once() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let _publisher = server.publish(&stream).await;
    let offered = post(&server, "").await;
    let at = assert_offered(&offered);
    let (_viewer, answer) = Peer::answer(&offered.body).await;
    assert_eq!(patch(&server, at, &answer).await.status, 204);
    let again = patch(&server, at, &answer).await;
    again.problem(409, "conflict");
}

#[tokio::test]
async fn an_answer_that_cannot_be_used_is_refused() {
    let mut server = Server::start().await;
    let stream = server.stream("demo").await;
    let _publisher = server.publish(&stream).await;
    let offered = post(&server, "").await;
    let at = assert_offered(&offered);
    let (mut viewer, answer) = Peer::answer(&offered.body).await;
    for (wrong, status, code) in [
        (String::new(), 400, "bad_request"),
        ("hello".to_owned(), 400, "bad_request"),
        (answer[..40].to_owned(), 400, "bad_request"),
        (answer.replace("a=fingerprint", "a=x"), 400, "bad_request"),
        (answer.replace("recvonly", "sendonly"), 422, "unprocessable"),
        (answer.replace("VP8", "X-OWN"), 422, "unprocessable"),
    ] {
        patch(&server, at, &wrong).await.problem(status, code);
    }
    assert_eq!(patch(&server, at, &answer).await.status, 204);
    soon("media", viewer.received()).await;
    let unknown = "/whep/session/0123456789abcdef0123456789abcdef";
    let nobodys = patch(&server, unknown, &answer).await;
    nobodys.problem(404, "not_found");
}
