//! Load: RFC 9725 sections 4.5 and 5, and the same of WHEP.

use weir_signaling::{Assets, HttpConfig, LimitsConfig, Overflow, PerMinute};

use super::raw::{Answer, SDP, send};
use crate::{peer::Offer, server::Server};

async fn start(max_viewers: usize, to: Option<&str>) -> Server {
    let overflow = Overflow {
        max_viewers,
        to: to.map(|to| to.parse().unwrap()),
    };
    let config = HttpConfig {
        overflow,
        ..HttpConfig::default()
    };
    Server::start_with(Assets::default(), config).await
}

async fn view(server: &Server, query: &str) -> Answer {
    let request = format!("POST /whep/demo{query}");
    let offer = Offer::viewer().await;
    send(server, &request, &[("Content-Type", SDP)], offer.sdp()).await
}

fn assert_sent_to(answer: &Answer, location: &str) {
    assert_eq!(answer.status, 307, "{answer:#?}");
    assert_eq!(answer.field("location"), location);
    assert!(answer.is_empty(), "{answer:#?}");
}

fn assert_later(answer: &Answer) {
    answer.problem(503, "unavailable");
    assert!(answer.field("retry-after").parse::<u32>().unwrap() > 0);
}

#[tokio::test]
async fn a_full_server_says_when_to_ask_again() {
    let mut server = start(1, None).await;
    let stream = server.stream("demo").await;
    let _publisher = server.publish(&stream).await;
    let first = view(&server, "").await;
    assert_eq!(first.status, 201);
    assert_later(&view(&server, "").await);
    let gone = send(
        &server,
        &format!("DELETE {}", first.field("location")),
        &[],
        "",
    )
    .await;
    assert_eq!(gone.status, 200);
    assert_eq!(view(&server, "").await.status, 201, "there is room again");
}

#[tokio::test]
async fn a_full_server_sends_viewers_elsewhere() {
    let mut server = start(1, Some("https://b.example")).await;
    let stream = server.stream("demo").await;
    let _publisher = server.publish(&stream).await;
    assert_eq!(view(&server, "").await.status, 201);
    let answer = view(&server, "?from=page").await;
    assert_sent_to(&answer, "https://b.example/whep/demo?from=page");
    // Publishers are not counted among viewers.
    let _newer = server.publish(&stream).await;
}

#[tokio::test]
async fn a_stopping_server_takes_nobody() {
    for to in [None, Some("https://b.example:8443")] {
        let mut server = start(0, to).await;
        let stream = server.stream("demo").await;
        let _publisher = server.publish(&stream).await;
        server.draining.cancel();
        let bearer = format!("Bearer {}", stream.key);
        let fields = [("Content-Type", SDP), ("Authorization", bearer.as_str())];
        let offer = Offer::publisher().await;
        let published = send(&server, "POST /whip", &fields, offer.sdp()).await;
        let viewed = view(&server, "").await;
        if to.is_some() {
            assert_sent_to(&published, "https://b.example:8443/whip");
            assert_sent_to(&viewed, "https://b.example:8443/whep/demo");
        } else {
            assert_later(&published);
            assert_later(&viewed);
        }
        // Who has no key is told that, and not where others are sent.
        let stranger = send(&server, "POST /whip", &fields[..1], offer.sdp()).await;
        stranger.problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn a_flood_from_one_address_is_held_back() {
    let few = PerMinute {
        reads: 3,
        writes: 3,
        logins: 3,
    };
    let limits = LimitsConfig {
        address: few,
        account: few,
        exempt: Vec::new(),
    };
    let config = HttpConfig {
        limits,
        ..HttpConfig::default()
    };
    let server = Server::start_with(Assets::default(), config).await;
    server.stream("demo").await;
    let id = "0123456789abcdef0123456789abcdef";
    for request in [
        "POST /whip".to_owned(),
        format!("DELETE /whep/session/{id}"),
        format!("PATCH /whep/session/{id}"),
    ] {
        let answer = send(&server, &request, &[], "").await;
        assert!(matches!(answer.status, 401 | 404), "{answer:#?}");
    }
    let answer = view(&server, "").await;
    answer.problem(429, "too_many_requests");
    assert!(answer.field("retry-after").parse::<u32>().unwrap() > 0);
}
