//! A streamer whose encoder has OBS's defaults is told what to set, and nobody else is.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    rooms::link::Link,
    server::{Platform, expect, on_both},
};
use crate::program::until;

on_both!(m11_m14_a_streamer_is_told_what_is_wrong_and_everybody_sees_a_picture);

/// As OBS sends by default: B-frames, and a keyframe every 8.3 s.
const LIKE_OBS: &str = "-re -f lavfi -i testsrc2=size=640x360:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000 \
     -pix_fmt yuv420p -c:v libx264 -preset ultrafast -profile:v high -bf 3 -b_strategy 0 -g 250 -b:v 800k \
     -c:a aac -b:a 96k -ac 2";

async fn m11_m14_a_streamer_is_told_what_is_wrong_and_everybody_sees_a_picture(platform: Platform) {
    let ann = platform.person("ann", "speaker").await;
    let bob = platform.person("bob", "speaker").await;
    let access = platform.stream(&ann, "show").await;
    let base = platform.server.url();
    let mut owner = Link::websocket(&base, Some(&ann.token)).await;
    owner.join("stream:show", None).await;
    let mut viewer = Link::websocket(&base, Some(&bob.token)).await;
    viewer.join("stream:show", None).await;

    let rtmp = platform.server.rtmp_address().unwrap();
    let key = access["key"].as_str().unwrap();
    let _encoder = tokio::process::Command::new("ffmpeg")
        .args(["-v", "error"])
        .args(LIKE_OBS.split_whitespace())
        .args(["-f", "flv", &format!("rtmp://{rtmp}/live/{key}")])
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("ffmpeg is installed by script/bootstrap --test");

    // The owner's room is told at once, with what to do.
    let finding = loop {
        let event = owner.event("finding").await;
        if event["finding"]["code"] == "b_frames" {
            break event["finding"].clone();
        }
    };
    assert_eq!(finding["severity"], "warning");
    assert_eq!(finding["active"], true);
    // Whoever else is in the room hears what comes after it, and not that.
    owner.send("m", "a word").await;
    let mut told: Vec<Value> = Vec::new();
    while !told.iter().any(|event| event["type"] == "message") {
        let message = viewer.hear().await;
        told.extend(message["events"].as_array().into_iter().flatten().cloned());
    }
    assert!(
        told.iter().all(|event| event["type"] != "finding"),
        "{told:?}"
    );

    // The API has it, mended, with the way through OBS's menus.
    let path = "/api/v1/streams/show/findings";
    let listed = async |query: &str| {
        let request = platform.by(&ann, Method::GET, &format!("{path}{query}"));
        let page = expect(request, StatusCode::OK).await;
        let items = page["items"].as_array().unwrap().clone();
        items.into_iter().find(|item| item["code"] == "b_frames")
    };
    until("B-frames that are mended", async || {
        listed("?live=true")
            .await
            .is_some_and(|item| item["repaired"] == true)
    })
    .await;
    let item = listed("?live=true").await.unwrap();
    let fix = item["text"]["fix"].as_str().unwrap();
    assert!(
        fix.contains("Settings → Output") && fix.contains("bframes=0"),
        "{fix}"
    );
    assert!(
        item["text"]["repair"]
            .as_str()
            .unwrap()
            .contains("encoded again")
    );
    until("its history", async || listed("").await.is_some()).await;
    let foreign = platform.by(&bob, Method::GET, path);
    expect(foreign, StatusCode::FORBIDDEN).await;
    expect(
        platform.request(Method::GET, path),
        StatusCode::UNAUTHORIZED,
    )
    .await;

    let figures = platform
        .request(Method::GET, "/metrics")
        .send()
        .await
        .unwrap();
    let figures = figures.text().await.unwrap();
    assert!(
        figures.contains("weir_findings_active{code=\"b_frames\"} 1"),
        "{figures}"
    );

    // Everybody sees a picture of it, in the list too.
    until("a picture", async || {
        let list = expect(
            platform.request(Method::GET, "/api/v1/streams"),
            StatusCode::OK,
        )
        .await;
        list["items"][0]["thumbnail_url"] == json!("/api/v1/streams/show/thumbnail.jpg")
    })
    .await;
    let picture = platform.request(Method::GET, "/api/v1/streams/show/thumbnail.jpg");
    let picture = picture.send().await.unwrap();
    assert_eq!(picture.status(), StatusCode::OK);
    assert_eq!(picture.headers()["content-type"], "image/jpeg");
    assert_eq!(&picture.bytes().await.unwrap()[..2], [0xff, 0xd8]);
}
