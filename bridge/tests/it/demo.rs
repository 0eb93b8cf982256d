//! The demo source, published to our listener.

use tokio_util::sync::CancellationToken;
use weir_bridge::demo::{DemoTarget, run};
use weir_bridge::source::SourceFormat;
use weir_media::{AudioCodec, Kind, VideoCodec};

use super::rtmp::harness::{Event, KEY, PATIENCE, Server, formats, units};

fn small(server: &Server) -> DemoTarget {
    DemoTarget {
        width: 320,
        height: 180,
        fps: 15,
        video_bitrate: 300_000,
        ..DemoTarget::new(server.url(), KEY)
    }
}

#[tokio::test]
async fn the_demo_can_be_passed_through_to_webrtc_and_cut_into_segments() {
    let (server, mut recording) = Server::start().await;
    let cancel = CancellationToken::new();
    let demo = tokio::spawn(run(small(&server), cancel.clone()));
    let mut keyframes = 0;
    let mut events = recording
        .until(|event| {
            keyframes += usize::from(
                matches!(event, Event::Unit(unit) if unit.kind == Kind::Video && unit.keyframe),
            );
            keyframes == 3
        })
        .await;
    cancel.cancel();
    events.extend(recording.until_ended().await);
    tokio::time::timeout(PATIENCE, demo)
        .await
        .unwrap()
        .unwrap()
        .unwrap();

    let found = formats(&events);
    assert_eq!(found.len(), 2);
    for format in found {
        match format {
            // Profile 66 with constraint_set1: constrained baseline.
            SourceFormat::Video {
                layer: 0,
                codec: VideoCodec::H264,
                config,
            } => {
                assert_eq!((config[1], config[2] & 0x40), (66, 0x40));
            }
            SourceFormat::Audio {
                codec: AudioCodec::Aac,
                config,
            } => assert_eq!(config[..2], [0x11, 0x90]),
            other => panic!("{other:?}"),
        }
    }
    let (video, audio): (Vec<_>, Vec<_>) = units(&events)
        .into_iter()
        .partition(|unit| unit.kind == Kind::Video);
    assert!(video.iter().all(|unit| unit.pts == unit.dts), "no B-frames");
    let keys: Vec<u64> = video
        .iter()
        .filter(|unit| unit.keyframe)
        .map(|unit| unit.pts)
        .collect();
    assert!(
        keys.windows(2)
            .all(|pair| pair[1] - pair[0] == 1_000_000_000),
        "{keys:?}"
    );
    assert!(
        audio
            .windows(2)
            .all(|pair| (21_333_333..=21_333_334).contains(&(pair[1].pts - pair[0].pts)))
    );
    assert!(video[0].pts.abs_diff(audio[0].pts) < 100_000_000);
    server.stop().await;
}

#[tokio::test]
async fn the_demo_comes_back_when_the_server_ends_it() {
    let (server, mut recording) = Server::start().await;
    let cancel = CancellationToken::new();
    let demo = tokio::spawn(run(small(&server), cancel.clone()));
    recording
        .until(|event| matches!(event, Event::Unit(_)))
        .await;
    server.takeover.cancel();
    recording.until_ended().await;
    assert_eq!(recording.next().await, Event::Opened("demo".to_owned()));
    cancel.cancel();
    tokio::time::timeout(PATIENCE, demo)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_target_that_cannot_be_made_is_an_error() {
    let target = DemoTarget {
        width: 7,
        ..DemoTarget::new("rtmp://127.0.0.1:1/live", "key")
    };
    assert!(run(target, CancellationToken::new()).await.is_err());
    let target = DemoTarget {
        url: "http://127.0.0.1/".to_owned(),
        ..DemoTarget::new("", "key")
    };
    assert!(run(target, CancellationToken::new()).await.is_err());
}
