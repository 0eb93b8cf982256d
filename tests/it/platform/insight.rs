//! Who watched, and how it went.

use std::{sync::Arc, time::Duration};

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::rooms::link::Link;
use super::server::{Person, Platform, expect, on_both, refused};
use crate::{
    media::Video,
    program::until,
    webrtc_client::{Publisher, Viewer},
};

on_both!(
    i1_viewers_peak_and_watch_time_as_a_series,
    i2_activity_of_users_and_scores_with_tables,
    i3_quality_of_each_viewer,
    i8_concurrent_viewers_and_chat_of_a_creator,
);

/// A stream of `otto` that is live by WHIP.
struct Live {
    owner: Person,
    video: Arc<Video>,
    publisher: Publisher,
    whep: String,
}

impl Live {
    async fn start(platform: &Platform, slug: &str) -> Self {
        let owner = platform.person("otto", "speaker").await;
        let access = platform.stream(&owner, slug).await;
        let word = |name: &str| access[name].as_str().unwrap().to_owned();
        let video = Arc::new(Video::h264());
        let publisher = Publisher::start(&word("whip_url"), &word("key"), video.clone()).await;
        Self {
            owner,
            video,
            publisher,
            whep: word("whep_url"),
        }
    }

    async fn view(&self) -> Viewer {
        let mut viewer = Viewer::start(&self.whep, &self.video).await;
        viewer.video(30).await;
        viewer
    }
}

/// What players say of themselves, as ours does.
fn qoe(viewer: Option<&Viewer>, stalls: u32, stall_ms: u32, delay_ms: u32) -> Value {
    let mut report =
        json!({"stalls": stalls, "stall_ms": stall_ms, "delay_ms": delay_ms, "join_ms": 250});
    if let Some(viewer) = viewer {
        let path = viewer.resource.url.path();
        report["session"] = path.rsplit('/').next().unwrap().into();
    }
    report
}

async fn get(platform: &Platform, who: &Person, path: &str) -> Value {
    expect(platform.by(who, Method::GET, path), StatusCode::OK).await
}

async fn csv(platform: &Platform, who: &Person, path: &str) -> Vec<Vec<String>> {
    let response = platform.by(who, Method::GET, path).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap();
    assert_eq!(kind, "text/csv; charset=utf-8");
    let text = response.text().await.unwrap();
    let rows = text.strip_suffix("\r\n").unwrap().split("\r\n");
    // No cell of these has a comma in it.
    rows.map(|row| row.split(',').map(str::to_owned).collect())
        .collect()
}

async fn i1_viewers_peak_and_watch_time_as_a_series(platform: Platform) {
    let live = Live::start(&platform, "counted").await;
    let first = live.view().await;
    let second = live.view().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    second.resource.delete().await;
    first.resource.delete().await;
    live.publisher.resource.delete().await;

    // Broadcasts are summed up within half a minute, and minutes when they are over.
    let path = "/api/v1/streams/counted/broadcasts";
    until("the broadcast is summed up", || async {
        let list = get(&platform, &live.owner, path).await;
        list["items"][0]["totals"]["joins"] == 2
    })
    .await;
    let list = get(&platform, &live.owner, path).await;
    let totals = &list["items"][0]["totals"];
    assert!(list["items"][0]["ended_at"].is_i64(), "{list}");
    assert_eq!(totals["peak_viewers"], 2, "{totals}");
    // Both from one address with one player.
    assert_eq!(totals["unique_viewers"], 1, "{totals}");
    let watched = totals["watch_ms"].as_i64().unwrap();
    assert!((4_000..60_000).contains(&watched), "{totals}");
    assert_eq!(totals["webrtc_ms"], totals["watch_ms"]);
    let score = totals["engagement"].as_f64().unwrap();
    assert!((15.0..=65.0).contains(&score), "{totals}");

    let patience = tokio::time::Instant::now() + Duration::from_secs(100);
    let path = "/api/v1/streams/counted/insight?step=minute";
    // The same time, counted by minutes and by sessions. They may have watched across the end of a minute: then there are
    // two, and the second one comes later.
    let series = loop {
        let series = get(&platform, &live.owner, path).await;
        let sum = |name: &str| -> i64 { points(&series).map(|p| p[name].as_i64().unwrap()).sum() };
        if sum("joins") == 2 && (sum("watch_ms") - watched).abs() < 100 {
            break series;
        }
        assert!(tokio::time::Instant::now() < patience, "{series}\n{totals}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    assert_eq!(
        points(&series).map(|p| p["peak"].as_i64().unwrap()).max(),
        Some(2)
    );
    assert_eq!(series["totals"]["unique_viewers"], 1, "{series}");
    let hours = get(
        &platform,
        &live.owner,
        "/api/v1/streams/counted/insight?step=hour",
    )
    .await;
    assert_eq!(hours["totals"]["watch_ms"], series["totals"]["watch_ms"]);
    let days = get(
        &platform,
        &live.owner,
        "/api/v1/streams/counted/insight?step=day",
    )
    .await;
    assert_eq!(days["totals"]["joins"], 2);

    let id = list["items"][0]["id"].as_str().unwrap();
    let one = get(
        &platform,
        &live.owner,
        &format!("/api/v1/broadcasts/{id}/insight"),
    )
    .await;
    assert_eq!(one["step"], "minute");
    assert_eq!(one["points"], series["points"]);

    let table = csv(
        &platform,
        &live.owner,
        "/api/v1/streams/counted/insight.csv?step=minute",
    )
    .await;
    assert_eq!(table.len(), 1 + points(&series).count());
    assert_eq!(table[0][0], "at");
    let table = csv(
        &platform,
        &live.owner,
        "/api/v1/streams/counted/broadcasts.csv",
    )
    .await;
    assert_eq!(table[1][0], id);
    for bad in [
        "?step=minute&from=0",
        "?from=5&to=5",
        "?step=second",
        "?nonsense=1",
    ] {
        let request = platform.by(
            &live.owner,
            Method::GET,
            &format!("/api/v1/streams/counted/insight{bad}"),
        );
        refused(request, StatusCode::BAD_REQUEST, "bad_request").await;
    }
}

fn points(series: &Value) -> impl Iterator<Item = &Value> {
    series["points"].as_array().unwrap().iter()
}

async fn i2_activity_of_users_and_scores_with_tables(platform: Platform) {
    let live = Live::start(&platform, "attended").await;
    let ann = platform.person("ann", "attendee").await;
    let viewer = live.view().await;
    // Our player sends its user's credential with its reports.
    let report = platform
        .by(&ann, Method::POST, "/api/v1/streams/attended/qoe")
        .json(&qoe(Some(&viewer), 0, 0, 200));
    expect(report, StatusCode::NO_CONTENT).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    viewer.resource.delete().await;
    live.publisher.resource.delete().await;

    until("the activity is written", || async {
        let mine = get(&platform, &ann, "/api/v1/me/activity").await;
        mine["items"][0]["watch_ms"]
            .as_i64()
            .is_some_and(|ms| ms >= 2_000)
    })
    .await;
    let mine = get(&platform, &ann, "/api/v1/me/activity").await;
    assert_eq!(mine["user"], "ann");
    assert_eq!(mine["items"][0]["slug"], "attended");
    assert_eq!(mine["items"][0]["sessions"], 1);
    assert_eq!(mine["totals"]["broadcasts"], 1);
    assert_eq!(mine["totals"]["watch_ms"], mine["items"][0]["watch_ms"]);
    assert!(mine["totals"]["engagement"].as_f64().unwrap() > 0.0);

    let admin = platform.person("root", "admin").await;
    let theirs = get(&platform, &admin, "/api/v1/admin/users/ann/activity").await;
    assert_eq!(theirs["items"], mine["items"]);
    let path = "/api/v1/admin/users/ann/activity";
    let curious = platform.by(&live.owner, Method::GET, path);
    refused(curious, StatusCode::FORBIDDEN, "forbidden").await;
    let nobody = platform.by(&admin, Method::GET, "/api/v1/admin/users/zoe/activity");
    refused(nobody, StatusCode::NOT_FOUND, "not_found").await;
    for path in [
        "/api/v1/me/activity.csv",
        "/api/v1/admin/users/ann/activity.csv",
    ] {
        let who = if path.contains("admin") { &admin } else { &ann };
        let table = csv(&platform, who, path).await;
        assert_eq!((table.len(), &*table[1][0]), (2, "attended"));
    }
    // Nobody's activity in a time before.
    let before = get(&platform, &ann, "/api/v1/me/activity?from=0&to=1000").await;
    assert_eq!(before["items"], json!([]));
    assert_eq!(before["totals"]["engagement"], Value::Null);
}

async fn i3_quality_of_each_viewer(platform: Platform) {
    let live = Live::start(&platform, "served").await;
    let mut viewer = live.view().await;
    // Nobody is believed to have stood still for longer than they have watched.
    tokio::time::sleep(Duration::from_millis(600)).await;
    let post = |report: Value| {
        platform
            .request(Method::POST, "/api/v1/streams/served/qoe")
            .header(header::USER_AGENT, "VLC/3.0.21 LibVLC/3.0.21")
            .json(&report)
    };
    expect(
        post(qoe(Some(&viewer), 1, 300, 180)),
        StatusCode::NO_CONTENT,
    )
    .await;
    // Counters are of the whole playback: saying it again adds nothing.
    expect(
        post(qoe(Some(&viewer), 1, 300, 220)),
        StatusCode::NO_CONTENT,
    )
    .await;
    let unknown = json!({"session": "0".repeat(32), "stalls": 0, "stall_ms": 0});
    refused(post(unknown), StatusCode::NOT_FOUND, "not_found").await;
    let boast = json!({"stalls": 0, "stall_ms": 0, "delay_ms": 700_000});
    refused(post(boast), StatusCode::BAD_REQUEST, "bad_request").await;
    let elsewhere = platform.stream(&live.owner, "elsewhere").await;
    assert_eq!(elsewhere["slug"], "elsewhere");
    let foreign = platform
        .request(Method::POST, "/api/v1/streams/elsewhere/qoe")
        .json(&qoe(Some(&viewer), 0, 0, 0));
    refused(foreign, StatusCode::NOT_FOUND, "not_found").await;
    let mut statuses = Vec::new();
    for _ in 0..8 {
        let response = post(qoe(Some(&viewer), 1, 300, 200)).send().await.unwrap();
        statuses.push(response.status().as_u16());
    }
    assert!(
        statuses.contains(&429) && statuses.contains(&204),
        "{statuses:?}"
    );

    let now = get(&platform, &live.owner, "/api/v1/streams/served/viewers").await;
    let now = &now["viewers"][0];
    assert_eq!(
        (&now["stalls"], &now["stall_ms"]),
        (&json!(1), &json!(300)),
        "{now}"
    );
    assert_eq!(
        (&now["delay_ms"], &now["join_ms"]),
        (&json!(200), &json!(250))
    );

    // Somebody else over HLS, who has no session: who asks for playlists is known by them.
    let agent = "VLC/3.0.21 LibVLC/3.0.21";
    let playlist = || {
        platform
            .request(Method::GET, "/hls/served/master.m3u8")
            .header(header::USER_AGENT, agent)
            .send()
    };
    until("HLS is ready", || async {
        playlist().await.unwrap().status() == StatusCode::OK
    })
    .await;
    expect(post(qoe(None, 2, 10, 2_500)), StatusCode::NO_CONTENT).await;
    viewer.video(30).await;
    // Samples of who gets which layer are taken every five seconds.
    tokio::time::sleep(Duration::from_secs(6)).await;
    viewer.resource.delete().await;
    live.publisher.resource.delete().await;

    let path = "/api/v1/streams/served/sessions";
    until("both sessions are over", || async {
        let list = get(&platform, &live.owner, path).await;
        let items = list["items"].as_array().unwrap();
        items.len() == 2 && items.iter().all(|item| item["ended_at"].is_i64())
    })
    .await;
    let list = get(&platform, &live.owner, path).await;
    let of = |protocol: &str| {
        let items = list["items"].as_array().unwrap();
        items
            .iter()
            .find(|item| item["protocol"] == protocol)
            .unwrap()
            .clone()
    };
    let (webrtc, hls) = (of("webrtc"), of("hls"));
    assert_eq!(
        (&webrtc["stalls"], &webrtc["stall_ms"]),
        (&json!(1), &json!(300)),
        "{webrtc}"
    );
    assert_eq!(webrtc["delay_ms"], 200);
    assert!(
        webrtc["layers"][0]["ms"].as_i64().unwrap() > 3_000,
        "{webrtc}"
    );
    assert!(webrtc["loss"].is_f64(), "{webrtc}");
    assert_eq!(
        (&hls["agent"], &hls["stalls"]),
        (&json!("VLC"), &json!(2)),
        "{hls}"
    );
    assert_eq!(hls["delay_ms"], 2_500);
    assert_eq!(webrtc["broadcast_id"], hls["broadcast_id"]);
    let id = webrtc["broadcast_id"].as_str().unwrap();
    let filtered = get(
        &platform,
        &live.owner,
        &format!("{path}?broadcast={id}&limit=1"),
    )
    .await;
    let next = filtered["next"].as_str().unwrap();
    let rest = get(
        &platform,
        &live.owner,
        &format!("{path}?limit=1&cursor={next}"),
    )
    .await;
    assert_ne!(rest["items"][0]["id"], filtered["items"][0]["id"]);
    assert_eq!(
        csv(
            &platform,
            &live.owner,
            &format!("{path}.csv?broadcast={id}")
        )
        .await
        .len(),
        3
    );
    let text = list.to_string();
    assert!(
        !text.contains("127.0.0.1") && !text.contains("3.0.21"),
        "{text}"
    );
    live.publisher.close().await;
    viewer.close().await;
}

async fn i8_concurrent_viewers_and_chat_of_a_creator(mut platform: Platform) {
    let live = Live::start(&platform, "mine").await;
    let viewer = live.view().await;
    let base = platform.server.url();
    let ann = platform.person("ann", "attendee").await;
    let mut chat = Link::websocket(&base, Some(&ann.token)).await;
    chat.join("stream:mine", None).await;
    chat.send("one", "hello").await;
    chat.send("two", "hello again").await;
    // Sent twice, said once.
    chat.send("two", "hello again").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    // A stop in order writes down the minute that has begun.
    let stopped = platform
        .server
        .terminate(Duration::from_secs(30))
        .await
        .unwrap();
    assert!(stopped.success());
    viewer.close().await;
    live.publisher.close().await;
    platform.server.restart().await.unwrap();
    let owner = platform.log_in("otto").await;
    let mine = get(&platform, &owner, "/api/v1/me/insight").await;
    let totals = &mine["totals"];
    assert!(totals["watch_ms"].as_i64().unwrap() >= 2_000, "{mine}");
    assert_eq!(
        (&totals["joins"], &totals["peak_viewers"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (&totals["messages"], &totals["chatters"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(mine["streams"][0]["slug"], "mine");
    assert_eq!(mine["streams"][0]["totals"], *totals);
    let table = csv(&platform, &owner, "/api/v1/me/insight.csv").await;
    assert_eq!((table.len(), &*table[1][0]), (2, "mine"));
    let series = get(
        &platform,
        &owner,
        "/api/v1/streams/mine/insight?step=minute",
    )
    .await;
    assert!(
        points(&series).any(|p| p["viewers"].as_f64().unwrap() > 0.0),
        "{series}"
    );
    let said: i64 = points(&series)
        .map(|p| p["messages"].as_i64().unwrap())
        .sum();
    assert_eq!(said, 2, "{series}");
    let ann = platform.log_in("ann").await;
    let hers = get(&platform, &ann, "/api/v1/me/activity").await;
    assert_eq!(hers["items"][0]["messages"], 2, "{hers}");
    let other = platform.person("zoe", "speaker").await;
    let theirs = get(&platform, &other, "/api/v1/me/insight").await;
    assert_eq!(theirs["streams"], json!([]));
}
