//! Raids and watch parties.

use std::sync::Arc;

use reqwest::{Method, StatusCode, header};
use serde_json::json;

use super::{events::Events, live::text};
use crate::{
    media::Video,
    platform::server::{Platform, expect, on_both, read, refused},
    program::until,
    webrtc_client::Publisher,
};

on_both!(
    s7_viewers_are_sent_to_another_stream,
    s8_a_party_sees_the_same_moment_of_a_recording,
);

async fn s7_viewers_are_sent_to_another_stream(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let other = platform.person("olga", "speaker").await;
    let source = platform.stream(&owner, "source").await;
    let target = platform.stream(&other, "target").await;
    let raid = |who, from: &str, to: &str| {
        platform
            .by(who, Method::POST, &format!("/api/v1/streams/{from}/raid"))
            .json(&json!({"target": to}))
    };
    refused(
        raid(&owner, "source", "target"),
        StatusCode::CONFLICT,
        "not_live",
    )
    .await;
    let mut publishers = Vec::new();
    for access in [&source, &target] {
        let (whip, key) = (text(access, "whip_url"), text(access, "key"));
        publishers.push(Publisher::start(&whip, &key, Arc::new(Video::h264())).await);
    }
    until("both are live", || async {
        let list = platform.request(Method::GET, "/api/v1/streams?live=true");
        expect(list, StatusCode::OK).await["items"]
            .as_array()
            .unwrap()
            .len()
            == 2
    })
    .await;
    let watch = platform.request(Method::GET, "/api/v1/streams/source/events");
    let mut viewer = Events::open(watch).await;
    viewer.until("stream", |it| it["live"] == true).await;

    refused(
        raid(&other, "source", "target"),
        StatusCode::FORBIDDEN,
        "forbidden",
    )
    .await;
    refused(
        raid(&owner, "source", "nowhere"),
        StatusCode::NOT_FOUND,
        "not_found",
    )
    .await;
    refused(
        raid(&owner, "source", "source"),
        StatusCode::UNPROCESSABLE_ENTITY,
        "unprocessable",
    )
    .await;
    let block = |method| platform.by(&other, method, "/api/v1/me/blocks/otto");
    expect(block(Method::PUT), StatusCode::NO_CONTENT).await;
    refused(
        raid(&owner, "source", "target"),
        StatusCode::FORBIDDEN,
        "forbidden",
    )
    .await;
    expect(block(Method::DELETE), StatusCode::NO_CONTENT).await;

    expect(raid(&owner, "source", "target"), StatusCode::OK).await;
    let told = viewer.until("raid", |_| true).await;
    assert_eq!(
        (&told["source"], &told["target"]),
        (&json!("source"), &json!("target"))
    );
    refused(
        raid(&owner, "source", "target"),
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_requests",
    )
    .await;
    for publisher in publishers {
        publisher.close().await;
    }
}

async fn s8_a_party_sees_the_same_moment_of_a_recording(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let create = platform
        .by(&owner, Method::POST, "/api/v1/streams")
        .json(&json!({"slug": "den", "visibility": "private"}));
    expect(create, StatusCode::CREATED).await;
    let token = platform.by(&owner, Method::POST, "/api/v1/streams/den/viewer-tokens");
    let token = expect(token.json(&json!({"nickname": "Gus"})), StatusCode::CREATED).await;
    let token = text(&token, "token");
    let guest = |path: &str| platform.request(Method::GET, path).bearer_auth(&token);
    let path = "/api/v1/streams/den/party";
    refused(guest(path), StatusCode::NOT_FOUND, "not_found").await;
    let watch = format!("/api/v1/streams/den/events?viewer_token={token}");
    let mut viewer = Events::open(platform.request(Method::GET, &watch)).await;
    viewer.until("stream", |_| true).await;

    let steer = |to: serde_json::Value| platform.by(&owner, Method::PUT, path).json(&to);
    let media = "https://vod.example/film.mp4";
    let begin = steer(json!({"media": media, "duration_ms": 5_400_000}))
        .send()
        .await
        .unwrap();
    let tag = begin.headers()[header::ETAG].clone();
    let stopped = read(begin, StatusCode::OK).await;
    assert_eq!(
        (&stopped["playing"], &stopped["position_ms"]),
        (&json!(false), &json!(0))
    );
    viewer.until("party", |it| it["media"] == media).await;
    expect(
        steer(json!({"playing": true, "position_ms": 60_000})),
        StatusCode::OK,
    )
    .await;
    let told = viewer.until("party", |it| it["playing"] == true).await;

    // Two clients that ask at different times compute the same line.
    let position = |party: &serde_json::Value, now: i64| {
        let party: weir_protocol::Party = serde_json::from_value(party.clone()).unwrap();
        party.position_at(now)
    };
    let late = expect(guest(path), StatusCode::OK).await;
    let now = expect(
        platform.request(Method::GET, "/api/v1/time"),
        StatusCode::OK,
    )
    .await;
    let now = now["now_ms"].as_i64().unwrap();
    assert_eq!(position(&told, now), position(&late, now));
    assert!((60_000..120_000).contains(&position(&told, now)));

    // Stopping keeps the moment that everybody has reached; an old state steers nothing.
    let stale = steer(json!({"playing": false})).header(header::IF_MATCH, &tag);
    refused(stale, StatusCode::PRECONDITION_FAILED, "changed").await;
    let paused = expect(steer(json!({"playing": false})), StatusCode::OK).await;
    assert!(paused["position_ms"].as_i64().unwrap() >= position(&told, now));
    viewer.until("party", |it| it["playing"] == false).await;
    let by_guest = platform
        .request(Method::PUT, path)
        .bearer_auth(&token)
        .json(&json!({}));
    refused(by_guest, StatusCode::UNAUTHORIZED, "unauthorized").await;
    for bad in [
        json!({"media": "javascript:1"}),
        json!({"rate": 9.0}),
        json!({"position_ms": -1}),
    ] {
        refused(steer(bad), StatusCode::BAD_REQUEST, "bad_request").await;
    }
    let end = platform.by(&owner, Method::DELETE, path);
    expect(end, StatusCode::NO_CONTENT).await;
    viewer.until("party", serde_json::Value::is_null).await;
}
