//! Real FFmpeg as publisher.

use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use weir_bridge::source::SourceFormat;
use weir_media::{AudioCodec, Kind, VideoCodec};

use super::harness::{Event, KEY, PATIENCE, Server, formats, units};

/// FFmpeg publishing colour bars and a tone in real time, until stopped.
fn publish(url: &str, key: &str, encoder: &[&str]) -> Child {
    Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-re"])
        .args(["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30"])
        .args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"])
        .args([
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-g",
            "15",
            "-pix_fmt",
            "yuv420p",
        ])
        .args(encoder)
        .args(["-c:a", "aac", "-b:a", "64k", "-f", "flv"])
        .arg(format!("{url}/{key}"))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("ffmpeg is installed")
}

fn units_so_far(count: usize) -> impl FnMut(&Event) -> bool {
    let mut left = count;
    move |event| {
        left -= usize::from(matches!(event, Event::Unit(_)));
        left == 0
    }
}

#[tokio::test]
async fn ffmpeg_publishes_and_quits() {
    let (server, mut recording) = Server::start().await;
    let mut ffmpeg = publish(&server.url(), KEY, &["-tune", "zerolatency"]);
    let mut events = recording.until(units_so_far(120)).await;
    ffmpeg.stdin.take().unwrap().write_all(b"q").await.unwrap();
    events.extend(recording.until_ended().await);
    let output = tokio::time::timeout(PATIENCE, ffmpeg.wait_with_output())
        .await
        .unwrap()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let [
        SourceFormat::Video {
            layer: 0,
            codec: VideoCodec::H264,
            ..
        },
        SourceFormat::Audio {
            codec: AudioCodec::Aac,
            ..
        },
    ] = formats(&events)[..]
    else {
        panic!("formats: {:?}", formats(&events));
    };
    let (video, audio): (Vec<_>, Vec<_>) = units(&events)
        .into_iter()
        .partition(|unit| unit.kind == Kind::Video);
    assert!(video[0].keyframe);
    assert!(video.iter().all(|unit| unit.pts == unit.dts), "no B-frames");
    for pair in video.windows(2) {
        let step = (pair[1].dts - pair[0].dts) / 1_000_000;
        assert!(
            (32..=35).contains(&step),
            "{step} ms between pictures of 30 a second"
        );
    }
    for pair in audio.windows(2) {
        let step = pair[1].dts - pair[0].dts;
        assert!(
            (23_219_954..=23_219_955).contains(&step),
            "{step} ns between AAC frames of 44,100 Hz"
        );
    }
    let apart = video[0].pts.abs_diff(audio[0].pts);
    assert!(apart < 100_000_000, "the tracks begin {apart} ns apart");
    server.stop().await;
}

#[tokio::test]
async fn ffmpeg_sends_b_frames() {
    let (server, mut recording) = Server::start().await;
    let _ffmpeg = publish(
        &server.url(),
        KEY,
        &["-bf", "2", "-x264-params", "b-adapt=0:rc-lookahead=5"],
    );
    let events = recording.until(units_so_far(120)).await;
    let video: Vec<_> = units(&events)
        .into_iter()
        .filter(|unit| unit.kind == Kind::Video)
        .collect();
    assert!(video.iter().any(|unit| unit.pts > unit.dts + 40_000_000));
    assert!(video.windows(2).all(|pair| pair[0].dts < pair[1].dts));
    assert!(
        video.windows(2).any(|pair| pair[0].pts > pair[1].pts),
        "pictures are reordered"
    );
    assert!(video.iter().all(|unit| unit.pts + 2_000_000 >= unit.dts));
    server.stop().await;
}

#[tokio::test]
async fn a_killed_ffmpeg_ends_its_stream() {
    let (server, mut recording) = Server::start().await;
    let mut ffmpeg = publish(&server.url(), KEY, &["-tune", "zerolatency"]);
    recording.until(units_so_far(30)).await;
    ffmpeg.kill().await.unwrap();
    recording.until_ended().await;
    server.stop().await;
}

#[tokio::test]
async fn ffmpeg_with_a_wrong_key_fails_and_says_why() {
    let (server, mut recording) = Server::start().await;
    let ffmpeg = publish(&server.url(), "wrong-key", &["-tune", "zerolatency"]);
    let output = tokio::time::timeout(PATIENCE, ffmpeg.wait_with_output())
        .await
        .unwrap()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("unknown stream key"), "{said}");
    server.stop().await;
    assert_eq!(recording.rest(), []);
}
