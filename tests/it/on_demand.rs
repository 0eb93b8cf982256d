//! What the bridge adds to a WHIP publisher for WebRTC viewers, through the real program: smaller layers
//! that are made while somebody needs them, and a transcode for who cannot decode the publisher's codec.

use std::sync::Arc;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    media::{Video, begins_keyframe},
    program::{serve, until},
    webrtc_client::{Publisher, Viewer},
};

async fn layers(viewer: &Viewer) -> Value {
    let url = format!("{}/layer", viewer.resource.url);
    let response = reqwest::get(url).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    response.json().await.unwrap()
}

async fn choose(viewer: &Viewer, selection: Value) -> StatusCode {
    let url = format!("{}/layer", viewer.resource.url);
    let request = reqwest::Client::new().post(url).json(&selection);
    request.send().await.unwrap().status()
}

fn layer<'a>(state: &'a Value, name: &str) -> Option<&'a Value> {
    let layers = state["layers"].as_array()?;
    layers.iter().find(|layer| layer["encodingId"] == name)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_layer_from_whip_gets_smaller_ones_while_they_are_watched() {
    let server = serve().await;
    let access = server.create_stream("smaller").unwrap();
    let video = Arc::new(Video::h264());
    let publisher = Publisher::start(&access.whip_url, &access.key, video.clone()).await;
    let mut viewer = Viewer::start(&access.whep_url, &video).await;
    viewer.video(100).await;

    // They can be chosen before they are made.
    until("the worker tells of its rungs", || async {
        layer(&layers(&viewer).await, "360p").is_some()
    })
    .await;
    let state = layers(&viewer).await;
    let (best, small) = (layer(&state, "720p"), layer(&state, "360p"));
    assert_eq!(best.unwrap()["active"], true, "{state}");
    let small = small.unwrap();
    let said = (&small["active"], &small["onDemand"], &small["height"]);
    assert_eq!(said, (&json!(false), &json!(true), &json!(360)), "{state}");
    assert!(small["bitrate"].as_u64() > Some(100_000), "{state}");
    assert_eq!(state["playing"], "720p");

    // What plays goes on without a gap until the chosen one is there.
    let selection = json!({"encodingId": "360p"});
    assert_eq!(choose(&viewer, selection).await, StatusCode::OK);
    until("the chosen layer plays", || async {
        layers(&viewer).await["playing"] == "360p"
    })
    .await;
    let received = viewer.video(600).await;
    let own: Vec<&[u8]> = video.frames.iter().flatten().map(|p| &p[..]).collect();
    let change = received
        .iter()
        .position(|packet| !own.contains(&&packet.payload[..]))
        .expect("pictures of the worker");
    video.assert_continuous(&received[..change]);
    assert!(begins_keyframe(&received[change].payload));
    assert!(!own.contains(&&received[change + 20].payload[..]));
    for pair in received.windows(2) {
        let [before, after] = [&pair[0].header, &pair[1].header];
        let number = before.sequence_number.wrapping_add(1);
        assert_eq!(after.sequence_number, number);
        let ticks = after.timestamp.wrapping_sub(before.timestamp);
        // A busy machine may be late with the new layer; what never comes would be a defect.
        assert!(ticks < 90_000, "{ticks}");
    }
    let state = layers(&viewer).await;
    assert_eq!(layer(&state, "360p").unwrap()["active"], true, "{state}");

    // Back to the publisher's own packets.
    let selection = json!({"encodingId": "720p"});
    assert_eq!(choose(&viewer, selection).await, StatusCode::OK);
    until("the publisher's own layer plays", || async {
        layers(&viewer).await["playing"] == "720p"
    })
    .await;
    let received = viewer.video(600).await;
    assert!(own.contains(&&received[599].payload[..]));

    publisher.close().await;
    viewer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_decode_the_publishers_codec_gets_h264() {
    let server = serve().await;
    let access = server.create_stream("transcode").unwrap();
    let (vp8, h264) = (Arc::new(Video::vp8()), Video::h264());
    let publisher = Publisher::start(&access.whip_url, &access.key, vp8.clone()).await;
    let mut own = Viewer::start(&access.whep_url, &vp8).await;
    own.video(50).await;

    // Until the worker knows the picture, and where it makes none, HLS is named.
    until("the transcode is there", || async {
        let response = Viewer::offer(&access.whep_url, &h264).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        let refused = status == StatusCode::UNPROCESSABLE_ENTITY && text.contains("HLS");
        assert!(refused || status == StatusCode::CREATED, "{status} {text}");
        status == StatusCode::CREATED
    })
    .await;
    let mut other = Viewer::start(&access.whep_url, &h264).await;
    let received = other.video(100).await;
    assert!(begins_keyframe(&received[0].payload));
    assert_eq!(received[0].header.payload_type, h264.payload_type);
    other.audio(50).await;
    let state = layers(&other).await;
    assert_eq!(state["layers"][0]["height"], 180, "{state}");

    // Each has what it came for.
    let received = own.video(100).await;
    vp8.assert_continuous(&received);

    // The transcode ends with the stream.
    assert_eq!(publisher.resource.delete().await, StatusCode::OK);
    other.closed_by_server().await;
    publisher.close().await;
    own.close().await;
}
