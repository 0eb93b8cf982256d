//! Keys, editing, and what lists say of what is live.

use std::sync::Arc;

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::events::Events;
use crate::{
    media::Video,
    platform::server::{Platform, expect, on_both, read, refused},
    program::until,
    webrtc_client::{Publisher, Viewer},
};

on_both!(
    s1_a_key_is_shown_once_and_the_old_one_stops_at_once,
    s2_a_stream_is_edited_while_it_is_live,
    s3_live_state_and_viewers_are_pushed_to_lists,
);

pub fn text(value: &Value, name: &str) -> String {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name} in {value}"))
        .to_owned()
}

async fn s1_a_key_is_shown_once_and_the_old_one_stops_at_once(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let access = platform.stream(&owner, "mine").await;
    let (key, whip) = (text(&access, "key"), text(&access, "whip_url"));
    let shown = expect(
        platform.by(&owner, Method::GET, "/api/v1/streams/mine"),
        StatusCode::OK,
    )
    .await;
    assert!(!shown.to_string().contains(&key), "{shown}");

    let publisher = Publisher::start(&whip, &key, Arc::new(Video::h264())).await;
    let live = || async {
        let stream = platform.request(Method::GET, "/api/v1/streams/mine");
        expect(stream, StatusCode::OK).await["live"] == true
    };
    until("the stream is live", live).await;

    let rotated = platform.by(&owner, Method::POST, "/api/v1/streams/mine/key");
    let new_key = text(&expect(rotated, StatusCode::OK).await, "key");
    assert_ne!(new_key, key);
    // Before the answer, the session under the old key was ended.
    assert!(!live().await, "the session goes with its key");
    let publish = |key: &str| {
        platform
            .http
            .post(&whip)
            .bearer_auth(key)
            .header(header::CONTENT_TYPE, "application/sdp")
            .body("v=0\r\n")
    };
    refused(publish(&key), StatusCode::UNAUTHORIZED, "unauthorized").await;
    refused(publish(&new_key), StatusCode::BAD_REQUEST, "bad_request").await;
    publisher.close().await;

    let second = Publisher::start(&whip, &new_key, Arc::new(Video::h264())).await;
    until("it is live under the new key", live).await;
    let delete = platform.by(&owner, Method::DELETE, "/api/v1/streams/mine");
    expect(delete, StatusCode::NO_CONTENT).await;
    let gone = platform.request(Method::GET, "/api/v1/streams/mine");
    refused(gone, StatusCode::NOT_FOUND, "not_found").await;
    refused(publish(&new_key), StatusCode::UNAUTHORIZED, "unauthorized").await;
    second.close().await;
}

async fn s2_a_stream_is_edited_while_it_is_live(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let admin = platform.person("ada", "admin").await;
    let access = platform.stream(&owner, "show").await;
    let category = platform
        .by(&admin, Method::POST, "/api/v1/admin/categories")
        .json(&json!({"slug": "music", "name": "Music"}));
    expect(category, StatusCode::CREATED).await;
    let publisher = Publisher::start(
        &text(&access, "whip_url"),
        &text(&access, "key"),
        Arc::new(Video::h264()),
    )
    .await;
    let path = "/api/v1/streams/show";
    let mut events =
        Events::open(platform.request(Method::GET, "/api/v1/streams/show/events")).await;
    events.until("stream", |it| it["live"] == true).await;

    let before = platform.request(Method::GET, path).send().await.unwrap();
    let tag = before.headers()[header::ETAG].clone();
    let edit = json!({
        "title": "Evening concert", "description": "Two hours\nof jazz", "category": "music",
        "tags": ["#Jazz", "Live Music"], "language": "pt-BR", "mature": true,
        "playout_delay": {"min_ms": 0, "max_ms": 400},
    });
    let patch = platform.by(&owner, Method::PATCH, path).json(&edit);
    let edited = patch.header(header::IF_MATCH, &tag).send().await.unwrap();
    let new_tag = edited.headers()[header::ETAG].clone();
    assert_ne!(new_tag, tag);
    read(edited, StatusCode::OK).await;
    let seen = events
        .until("stream", |it| it["title"] == "Evening concert")
        .await;
    assert_eq!(seen["live"], true);
    assert_eq!(seen["category"], json!({"slug": "music", "name": "Music"}));
    assert_eq!(seen["tags"], json!(["jazz", "live-music"]));
    assert_eq!(
        (&seen["language"], &seen["mature"]),
        (&json!("pt-br"), &json!(true))
    );
    assert_eq!(seen["description"], "Two hours\nof jazz");
    assert_eq!(seen["owner"]["name"], "otto");

    // Somebody who has read the old state does not undo this.
    let stale = platform
        .by(&owner, Method::PATCH, path)
        .json(&json!({"title": "x"}));
    let stale = stale.header(header::IF_MATCH, &tag);
    refused(stale, StatusCode::PRECONDITION_FAILED, "changed").await;
    let cleared = platform
        .by(&owner, Method::PATCH, path)
        .json(&json!({"category": null}));
    let cleared = expect(cleared.header(header::IF_MATCH, &new_tag), StatusCode::OK).await;
    assert_eq!(cleared["category"], Value::Null);
    assert_eq!(cleared["title"], "Evening concert", "what is absent stays");
    for bad in [
        json!({"title": ""}),
        json!({"title": "a\u{0}b"}),
        json!({"tags": ["a,b"]}),
        json!({"language": "x"}),
        json!({"playout_delay": {"min_ms": 2, "max_ms": 1}}),
        json!({"slug": "other"}),
    ] {
        let patch = platform.by(&owner, Method::PATCH, path).json(&bad);
        refused(patch, StatusCode::BAD_REQUEST, "bad_request").await;
    }
    let other = platform.person("olga", "speaker").await;
    let foreign = platform
        .by(&other, Method::PATCH, path)
        .json(&json!({"title": "x"}));
    refused(foreign, StatusCode::FORBIDDEN, "forbidden").await;
    publisher.close().await;
}

async fn s3_live_state_and_viewers_are_pushed_to_lists(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let access = platform.stream(&owner, "show").await;
    let mut feed = Events::open(platform.request(Method::GET, "/api/v1/streams/events")).await;
    let first = feed.next().await.unwrap();
    assert_eq!(first.0, "live");
    assert_eq!(first.1["changed"], json!([]));

    let video = Arc::new(Video::h264());
    let publisher = Publisher::start(
        &text(&access, "whip_url"),
        &text(&access, "key"),
        video.clone(),
    )
    .await;
    let one = |it: &Value| it["changed"][0]["slug"] == "show";
    let began = feed.until("live", one).await;
    assert_eq!(began["changed"][0]["live"], true);
    assert_eq!(began["live"], 1);
    let viewer = Viewer::start(&text(&access, "whep_url"), &video).await;
    let watched = |it: &Value| it["changed"][0]["viewers"]["webrtc"] == 1;
    feed.until("live", watched).await;
    let list = platform.request(Method::GET, "/api/v1/streams?live=true");
    let listed = expect(list, StatusCode::OK).await;
    assert_eq!(listed["items"][0]["viewers"]["webrtc"], 1);

    // What is not for everybody is not told.
    let hide = platform
        .by(&owner, Method::PATCH, "/api/v1/streams/show")
        .json(&json!({"visibility": "unlisted"}));
    expect(hide, StatusCode::OK).await;
    let gone = feed.until("live", |it| it["gone"] == json!(["show"])).await;
    assert_eq!(gone["live"], 0);
    let list = platform.request(Method::GET, "/api/v1/streams?owner=otto");
    assert_eq!(expect(list, StatusCode::OK).await["items"], json!([]));
    viewer.close().await;
    publisher.close().await;
}
