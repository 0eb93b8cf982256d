//! Private streams: invitations and viewer tokens, with real sessions.

use std::{sync::Arc, time::Duration};

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::{events::Events, live::text};
use crate::{
    media::Video,
    platform::{
        rooms::link::Link,
        server::{Person, Platform, expect, on_both, read, refused},
    },
    program::until,
    webrtc_client::{Publisher, Viewer},
};

on_both!(
    p9_people_come_into_a_private_stream_by_invitation,
    p10_viewer_tokens_open_a_private_stream_until_they_are_taken_back,
    p10_what_becomes_private_ends_for_others,
);

/// Within this time everything under a viewer token has ended.
const AT_ONCE: Duration = Duration::from_secs(2);

async fn private(platform: &Platform, owner: &Person, slug: &str) -> Value {
    let create = platform
        .by(owner, Method::POST, "/api/v1/streams")
        .json(&json!({"slug": slug, "visibility": "private"}));
    expect(create, StatusCode::CREATED).await
}

async fn p9_people_come_into_a_private_stream_by_invitation(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let friend = platform.person("fay", "attendee").await;
    private(&platform, &owner, "den").await;
    let path = "/api/v1/streams/den/invitations";
    let invite = |new: Value| platform.by(&owner, Method::POST, path).json(&new);
    let made = invite(json!({"label": "for friends", "max_uses": 3}))
        .send()
        .await
        .unwrap();
    let location = made.headers()[header::LOCATION]
        .to_str()
        .unwrap()
        .to_owned();
    let made = read(made, StatusCode::CREATED).await;
    let code = format!("/api/v1/invitations/{}", text(&made, "code"));
    assert!(text(&made, "url").ends_with(&text(&made, "code")));
    let told = expect(platform.request(Method::GET, &code), StatusCode::OK).await;
    assert_eq!(
        (&told["slug"], &told["owner"]),
        (&json!("den"), &json!("otto"))
    );

    let stream = "/api/v1/streams/den";
    refused(
        platform.by(&friend, Method::GET, stream),
        StatusCode::NOT_FOUND,
        "not_found",
    )
    .await;
    let unnamed = platform.request(Method::POST, &code).json(&json!({}));
    refused(unnamed, StatusCode::BAD_REQUEST, "bad_request").await;
    let guest = platform
        .request(Method::POST, &code)
        .json(&json!({"nickname": "Gus"}));
    let guest = expect(guest, StatusCode::OK).await;
    assert_eq!(guest["nickname"], "Gus");
    let by_guest = || {
        platform
            .request(Method::GET, stream)
            .bearer_auth(text(&guest, "token"))
    };
    expect(by_guest(), StatusCode::OK).await;
    // An account counts once, and then needs no token.
    for _ in 0..2 {
        let come = platform.by(&friend, Method::POST, &code).json(&json!({}));
        expect(come, StatusCode::OK).await;
    }
    expect(platform.by(&friend, Method::GET, stream), StatusCode::OK).await;
    let list = expect(platform.by(&owner, Method::GET, path), StatusCode::OK).await;
    assert_eq!(list["items"][0]["uses"], 2, "{list}");
    assert!(!list.to_string().contains(&text(&made, "code")));

    // Of twelve who come together for the last place one gets it.
    let mut tries = tokio::task::JoinSet::new();
    for n in 0..12 {
        let body = json!({"nickname": format!("Guest {n}")});
        let request = platform.request(Method::POST, &code).json(&body);
        tries.spawn(async move { request.send().await.unwrap().status() });
    }
    let got = tries.join_all().await;
    let let_in = got
        .iter()
        .filter(|status| **status == StatusCode::OK)
        .count();
    assert_eq!(let_in, 1, "{got:?}");
    refused(
        platform.request(Method::GET, &code),
        StatusCode::NOT_FOUND,
        "not_found",
    )
    .await;

    let foreign = platform.by(&friend, Method::DELETE, &location);
    refused(foreign, StatusCode::FORBIDDEN, "forbidden").await;
    expect(
        platform.by(&owner, Method::DELETE, &location),
        StatusCode::NO_CONTENT,
    )
    .await;
    refused(by_guest(), StatusCode::UNAUTHORIZED, "unauthorized").await;
    refused(
        platform.by(&friend, Method::GET, stream),
        StatusCode::NOT_FOUND,
        "not_found",
    )
    .await;
    let again = platform.by(&friend, Method::POST, &code).json(&json!({}));
    refused(again, StatusCode::NOT_FOUND, "not_found").await;
}

async fn p10_viewer_tokens_open_a_private_stream_until_they_are_taken_back(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let access = private(&platform, &owner, "den").await;
    let (whip, whep) = (text(&access, "whip_url"), text(&access, "whep_url"));
    let video = Arc::new(Video::h264());
    let publisher = Publisher::start(&whip, &text(&access, "key"), video.clone()).await;
    let path = "/api/v1/streams/den/viewer-tokens";
    let give = |new: Value| platform.by(&owner, Method::POST, path).json(&new);
    let given = give(json!({"nickname": "Gus"})).send().await.unwrap();
    let location = given.headers()[header::LOCATION]
        .to_str()
        .unwrap()
        .to_owned();
    let given = read(given, StatusCode::CREATED).await;
    let other = expect(give(json!({"max_sessions": 2})), StatusCode::CREATED).await;
    let token = text(&given, "token");

    // Nobody, people with accounts, and tokens of other streams see nothing.
    let stranger = platform.person("sam", "speaker").await;
    private(&platform, &stranger, "other").await;
    let foreign = platform
        .by(
            &stranger,
            Method::POST,
            "/api/v1/streams/other/viewer-tokens",
        )
        .json(&json!({}));
    let foreign = text(&expect(foreign, StatusCode::CREATED).await, "token");
    assert_eq!(
        Viewer::offer(&whep, &video).await.status(),
        StatusCode::NOT_FOUND
    );
    let with = |token: &str| format!("{whep}?viewer_token={token}");
    assert_eq!(
        Viewer::offer(&with(&foreign), &video).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        Viewer::offer(&with("x.y.z"), &video).await.status(),
        StatusCode::UNAUTHORIZED
    );
    for path in [
        "/api/v1/streams/den",
        "/api/v1/streams/den/events",
        "/hls/den/master.m3u8",
    ] {
        refused(
            platform.request(Method::GET, path),
            StatusCode::NOT_FOUND,
            "not_found",
        )
        .await;
    }
    refused(
        platform.by(&stranger, Method::GET, "/api/v1/streams/den"),
        StatusCode::NOT_FOUND,
        "not_found",
    )
    .await;

    // WebRTC, events and HLS under the token.
    until("the stream is live", || async {
        let shown = platform
            .request(Method::GET, "/api/v1/streams/den")
            .bearer_auth(&token);
        expect(shown, StatusCode::OK).await["hls_ready"] == true
    })
    .await;
    let mut viewer = Viewer::start(&with(&token), &video).await;
    viewer.video(50).await;
    let mut staying = Viewer::start(&with(&text(&other, "token")), &video).await;
    staying.video(50).await;
    let watch = format!("/api/v1/streams/den/events?viewer_token={token}");
    let mut events = Events::open(platform.request(Method::GET, &watch)).await;
    events.until("stream", |it| it["live"] == true).await;
    let master_url = text(&given, "hls_url");
    let master = platform.http.get(&master_url).send().await.unwrap();
    assert_eq!(master.status(), StatusCode::OK);
    assert_eq!(master.headers()[header::CACHE_CONTROL], "private, no-cache");
    let master = master.text().await.unwrap();
    let playlist = master
        .lines()
        .find(|line| line.ends_with(".m3u8") && !line.starts_with('#'));
    let base = reqwest::Url::parse(&master_url).unwrap();
    let playlist_url = base.join(playlist.unwrap()).unwrap();
    let playlist = platform
        .http
        .get(playlist_url.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(playlist.status(), StatusCode::OK);
    let playlist = playlist.text().await.unwrap();
    let segment = playlist
        .lines()
        .find(|line| line.ends_with(".m4s"))
        .unwrap();
    let segment_url = playlist_url.join(segment).unwrap();
    let segment = platform.http.get(segment_url.clone()).send().await.unwrap();
    assert_eq!(segment.status(), StatusCode::OK);
    assert_eq!(
        segment.headers()[header::CACHE_CONTROL],
        "private, max-age=3600, immutable"
    );
    let list = expect(platform.by(&owner, Method::GET, path), StatusCode::OK).await;
    let sessions: Vec<&Value> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["sessions"])
        .collect();
    assert_eq!(sessions, [&json!(1), &json!(1)], "{list}");

    // The room: who is nobody does not know of it, and who has the token is called as it says.
    let mut stranger_link = Link::websocket(&platform.server.url(), None).await;
    stranger_link
        .say(json!({"type": "join", "room": "stream:den"}))
        .await;
    assert_eq!(stranger_link.message("error").await["code"], "not_found");
    let mut room = Link::websocket(&platform.server.url(), None).await;
    let join = json!({"type": "join", "room": "stream:den", "token": &token});
    assert_eq!(room.enter(join).await["you"]["name"], "Gus");

    // The newest session of a token for one takes the place of the older one.
    let second = Viewer::start(&with(&token), &video).await;
    viewer.closed_by_server().await;

    // Taken back: everything ends, and what is under other tokens goes on.
    let waiting = {
        let next = platform.http.get(format!("{playlist_url}?_HLS_msn=0"));
        next.send().await.unwrap().status()
    };
    assert_eq!(waiting, StatusCode::OK);
    let revoked_at = std::time::Instant::now();
    expect(
        platform.by(&owner, Method::DELETE, &location),
        StatusCode::NO_CONTENT,
    )
    .await;
    second.closed_by_server().await;
    assert!(revoked_at.elapsed() < AT_ONCE, "{:?}", revoked_at.elapsed());
    assert_eq!(room.message("closed").await["reason"], "revoked");
    assert!(revoked_at.elapsed() < AT_ONCE, "{:?}", revoked_at.elapsed());
    events.end_within(AT_ONCE).await;
    for address in [master_url.parse().unwrap(), playlist_url, segment_url] {
        refused(
            platform.http.get(address),
            StatusCode::UNAUTHORIZED,
            "unauthorized",
        )
        .await;
    }
    assert_eq!(
        Viewer::offer(&with(&token), &video).await.status(),
        StatusCode::UNAUTHORIZED
    );
    staying.video(50).await;

    // One that ends lets nobody in any more.
    let short = expect(give(json!({"lifetime_seconds": 10})), StatusCode::CREATED).await;
    let by_short = || {
        platform
            .request(Method::GET, "/api/v1/streams/den")
            .bearer_auth(text(&short, "token"))
    };
    expect(by_short(), StatusCode::OK).await;
    until("the token has ended", || async {
        by_short().send().await.unwrap().status() == StatusCode::UNAUTHORIZED
    })
    .await;
    publisher.close().await;
}

async fn p10_what_becomes_private_ends_for_others(platform: Platform) {
    let owner = platform.person("otto", "speaker").await;
    let access = platform.stream(&owner, "show").await;
    let whep = text(&access, "whep_url");
    let video = Arc::new(Video::h264());
    let publisher = Publisher::start(
        &text(&access, "whip_url"),
        &text(&access, "key"),
        video.clone(),
    )
    .await;
    let mut viewer = Viewer::start(&whep, &video).await;
    viewer.video(50).await;
    let watch = platform.request(Method::GET, "/api/v1/streams/show/events");
    let mut events = Events::open(watch).await;
    events.until("stream", |it| it["live"] == true).await;
    until("HLS is there for everybody", || async {
        let master = platform.request(Method::GET, "/hls/show/master.m3u8");
        master.send().await.unwrap().status() == StatusCode::OK
    })
    .await;

    let hide = platform
        .by(&owner, Method::PATCH, "/api/v1/streams/show")
        .json(&json!({"visibility": "private"}));
    expect(hide, StatusCode::OK).await;
    viewer.closed_by_server().await;
    events.end_within(AT_ONCE).await;
    let master = || platform.request(Method::GET, "/hls/show/master.m3u8");
    refused(master(), StatusCode::NOT_FOUND, "not_found").await;
    expect(master().bearer_auth(&owner.token), StatusCode::OK).await;
    assert_eq!(
        Viewer::offer(&whep, &video).await.status(),
        StatusCode::NOT_FOUND
    );
    publisher.close().await;
}
