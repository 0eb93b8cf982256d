//! Publishing by WHIP and watching by WHEP with other people's WebRTC, through the real program.

use std::{sync::Arc, time::Duration};

use reqwest::{StatusCode, header};
use tokio::time::timeout;

use crate::{
    media::Video,
    program::{PATIENCE, serve, stdout, until},
    webrtc_client::{Publisher, Viewer},
};

#[tokio::test(flavor = "multi_thread")]
async fn h264_from_whip_to_whep() {
    published_is_what_arrives(Video::h264()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vp8_from_whip_to_whep() {
    published_is_what_arrives(Video::vp8()).await;
}

async fn published_is_what_arrives(video: Video) {
    let server = serve().await;
    let access = server.create_stream("interop").unwrap();
    let video = Arc::new(video);

    let early = Viewer::offer(&access.whep_url, &video).await;
    assert_eq!(early.status(), StatusCode::CONFLICT);
    assert!(early.headers().contains_key(header::RETRY_AFTER));

    let publisher = Publisher::start(&access.whip_url, &access.key, video.clone()).await;
    assert!(publisher.resource.url.path().starts_with("/whip/session/"));
    let mut viewer = Viewer::start(&access.whep_url, &video).await;
    assert!(viewer.resource.url.path().starts_with("/whep/session/"));

    // Three seconds, so over the border of two groups of pictures.
    let packets: usize = video.frames.iter().map(Vec::len).sum();
    let received = viewer.video(packets * 3 / 2).await;
    assert!(video.starts_with_keyframe(&received));
    video.assert_continuous(&received);
    assert_eq!(received[0].header.payload_type, video.payload_type);

    let audio = viewer.audio(100).await;
    for pair in audio.windows(2) {
        let [before, after] = [&pair[0].header, &pair[1].header];
        assert_eq!(
            after.sequence_number,
            before.sequence_number.wrapping_add(1)
        );
        assert_eq!(after.timestamp.wrapping_sub(before.timestamp), 960);
    }

    // Another viewer in the middle also starts with a keyframe and misses nothing.
    let mut second = Viewer::start(&access.whep_url, &video).await;
    let received = second.video(packets).await;
    assert!(video.starts_with_keyframe(&received));
    video.assert_continuous(&received);

    assert_eq!(second.resource.delete().await, StatusCode::OK);
    assert_eq!(second.resource.delete().await, StatusCode::NOT_FOUND);
    second.closed_by_server().await;
    second.close().await;
    // Nobody else is disturbed by that.
    viewer.video(packets).await;

    assert_eq!(publisher.resource.delete().await, StatusCode::OK);
    assert_eq!(publisher.resource.delete().await, StatusCode::NOT_FOUND);
    until("the stream is offline", || async {
        let late = Viewer::offer(&access.whep_url, &video).await;
        late.status() == StatusCode::CONFLICT
    })
    .await;
    until("the broadcast ended in the database", || async {
        let list = server.command(&["stream", "list", "--json"]).output();
        let list: serde_json::Value = serde_json::from_str(&stdout(&list.unwrap())).unwrap();
        let streams = list.as_array().unwrap();
        let interop = streams.iter().find(|stream| stream["slug"] == "interop");
        interop.unwrap()["live"] == false
    })
    .await;
    publisher.close().await;
    viewer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_picture_at_a_viewer_asks_the_publisher_for_a_keyframe() {
    let server = serve().await;
    let access = server.create_stream("pli").unwrap();
    let video = Arc::new(Video::h264());
    let mut publisher = Publisher::start(&access.whip_url, &access.key, video.clone()).await;
    let mut viewer = Viewer::start(&access.whep_url, &video).await;
    // Requests of the joining itself are answered with its first picture, and who asks within a second
    // of it gets that once more.
    viewer.video(600).await;
    let before = publisher.keyframe_requests();
    // Receivers ask again until they are heard.
    let asked = async {
        loop {
            viewer.ask_for_keyframe().await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::select! {
        () = publisher.asked_more_than(before) => {}
        () = asked => unreachable!("the loop has no end"),
    }
    // The keyframe that came early arrives, and still nothing is missing.
    let received = viewer.video(1500).await;
    let early = video.assert_continuous(&received);
    assert!(early > 0, "no keyframe came early");
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_stay_when_the_publisher_comes_again() {
    let server = serve().await;
    let access = server.create_stream("again").unwrap();
    let video = Arc::new(Video::h264());
    let first = Publisher::start(&access.whip_url, &access.key, video.clone()).await;
    let mut viewer = Viewer::start(&access.whep_url, &video).await;
    viewer.video(300).await;
    // The first one hangs and its session stays; the encoder connects again, as OBS does.
    first.fall_silent();
    let other = Arc::new(Video::other_h264());
    let second = Publisher::start(&access.whip_url, &access.key, other.clone()).await;
    // What of the first one was still on its way comes before the keyframe of the second one. For
    // the viewer all of it is one stream.
    let mut received = viewer.video(1).await;
    let changed = timeout(PATIENCE, async {
        while !other.starts_with_keyframe(&received[received.len() - 1..]) {
            received.extend(viewer.video(1).await);
        }
    });
    changed.await.expect("the second publisher's picture comes");
    let change = received.len() - 1;
    received.extend(viewer.video(600).await);
    for pair in received.windows(2) {
        let [before, after] = [&pair[0].header, &pair[1].header];
        let number = before.sequence_number.wrapping_add(1);
        assert_eq!(after.sequence_number, number);
        assert_eq!(after.ssrc, before.ssrc);
        let ticks = after.timestamp.wrapping_sub(before.timestamp);
        assert!(ticks < 90_000 * PATIENCE.as_secs() as u32, "time goes back");
    }
    if change > 1 {
        video.assert_continuous(&received[..change]);
    }
    other.assert_continuous(&received[change..]);
    assert_eq!(second.resource.delete().await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_and_names_are_refused() {
    let server = serve().await;
    let access = server.create_stream("mine").unwrap();
    let video = Video::h264();
    let unknown = access.whep_url.replace("/mine", "/nobodys");
    let response = Viewer::offer(&unknown, &video).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);

    let client = reqwest::Client::new();
    let post = |key: &str| {
        client
            .post(&access.whip_url)
            .bearer_auth(key)
            .header(header::CONTENT_TYPE, "application/sdp")
            .body("v=0\r\n")
            .send()
    };
    let refused = post("not-the-key").await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let refused = post(&access.key).await.unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let text = refused.text().await.unwrap();
    assert!(text.contains("detail"), "{text}");

    let rotated = server
        .command(&["stream", "rotate-key", "--slug", "mine", "--json"])
        .output()
        .unwrap();
    stdout(&rotated);
    until("the old key stops", || async {
        post(&access.key).await.unwrap().status() == StatusCode::UNAUTHORIZED
    })
    .await;
}
