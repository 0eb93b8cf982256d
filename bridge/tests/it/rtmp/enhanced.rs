//! Real FFmpeg as a publisher of Enhanced RTMP.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Command;
use weir_bridge::source::SourceFormat;
use weir_bridge::supervisor::SourceUnit;
use weir_media::{AudioCodec, Kind, VideoCodec};
use weir_protocol::finding::{FindingCode, FindingReport};

use super::harness::{Event, KEY, PATIENCE, Server, formats, units};

/// An FFmpeg that speaks Enhanced RTMP; Debian's is too old.
fn enhanced_ffmpeg() -> PathBuf {
    let home = std::env::var_os("HOME").expect("HOME is set");
    let program = PathBuf::from(home).join(".cache/weir/enhanced-ffmpeg/ffmpeg");
    assert!(
        program.exists(),
        "{} is installed by script/bootstrap --test",
        program.display()
    );
    program
}

/// Publishes a picture of 30 frames a second and a tone as fast as it can. The arguments choose
/// streams and encoders.
pub async fn publish(url: &str, seconds: u32, arguments: &str) {
    let output = Command::new(enhanced_ffmpeg())
        .args("-hide_banner -loglevel error -f lavfi -i".split(' '))
        .arg("testsrc2=size=320x180:rate=30")
        .args("-f lavfi -i sine=frequency=440:sample_rate=48000".split(' '))
        .args(["-t", &seconds.to_string()])
        .args(arguments.split_whitespace())
        .args(["-f", "flv", &format!("{url}/{KEY}")])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, output).await;
    let output = output.expect("FFmpeg ends").unwrap();
    assert!(
        output.status.success(),
        "{arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// What the listener makes of FFmpeg's stream.
async fn received(seconds: u32, arguments: &str) -> Vec<Event> {
    let (server, mut recording) = Server::start().await;
    publish(&server.url(), seconds, arguments).await;
    let events = recording.until_ended().await;
    server.stop().await;
    events
}

/// The same, ready for a worker.
pub async fn source(seconds: u32, arguments: &str) -> Vec<SourceUnit> {
    let events = received(seconds, arguments).await;
    let units = events.into_iter().filter_map(|event| match event {
        Event::Format(format) => Some(SourceUnit::Format(format)),
        Event::Unit(unit) => Some(SourceUnit::AccessUnit(unit)),
        Event::Opened(_) | Event::Finding(_) | Event::Ended => None,
    });
    units.collect()
}

fn findings(events: &[Event]) -> Vec<&FindingReport> {
    let findings = events.iter().filter_map(|event| match event {
        Event::Finding(report) => Some(report),
        _ => None,
    });
    findings.collect()
}

/// Encoders that are quick enough for tests.
pub const HEVC: &str = "-c:v libx265 -preset ultrafast -x265-params log-level=none:bframes=0 -g 30";
pub const HEVC_10_BIT: &str =
    "-c:v libx265 -preset ultrafast -x265-params log-level=none -g 30 -pix_fmt yuv420p10le";
pub const AV1: &str = "-c:v libaom-av1 -usage realtime -cpu-used 8 -g 30 -pix_fmt yuv420p";
pub const VP9: &str = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 30 -pix_fmt yuv420p";
pub const H264: &str = "-c:v libx264 -preset ultrafast -tune zerolatency -g 30 -pix_fmt yuv420p";
pub const OPUS: &str = "-c:a libopus -ac 2";

#[tokio::test]
async fn every_codec_arrives() {
    for (encoder, expected) in [
        (HEVC, VideoCodec::Hevc),
        (HEVC_10_BIT, VideoCodec::Hevc),
        (AV1, VideoCodec::Av1),
        (VP9, VideoCodec::Vp9),
    ] {
        let events = received(2, &format!("-map 0:v -map 1:a {encoder} {OPUS}")).await;
        let mut video = None;
        let mut audio = None;
        for format in formats(&events) {
            match format {
                SourceFormat::Video { layer, codec, .. } => {
                    assert_eq!((*layer, *codec), (0, expected));
                    video = Some(codec);
                }
                SourceFormat::Audio { codec, config } => {
                    assert_eq!(*codec, AudioCodec::Opus);
                    assert_eq!(&config[..8], b"OpusHead");
                    audio = Some(codec);
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(video.is_some() && audio.is_some(), "{encoder}");
        let (pictures, sound): (Vec<_>, Vec<_>) = units(&events)
            .into_iter()
            .partition(|unit| unit.kind == Kind::Video);
        assert_eq!(pictures.len(), 60, "{encoder}");
        assert!(pictures[0].keyframe && !pictures[1].keyframe);
        assert!(pictures.iter().filter(|unit| unit.keyframe).count() >= 2);
        for pair in pictures.windows(2) {
            let step = (pair[1].dts - pair[0].dts) / 1_000_000;
            assert!((32..=35).contains(&step), "{encoder}: {step} ms");
        }
        assert!(sound.len() >= 98, "{} packets of 20 ms", sound.len());
        assert_eq!(findings(&events), Vec::<&FindingReport>::new());
    }
}

#[tokio::test]
async fn multitrack_video_becomes_layers_and_one_sound_is_taken() {
    let events = received(
        2,
        &format!(
            "-map 0:v -map 0:v -map 0:v -map 1:a -map 1:a {H264} -s:v:1 160x90 -s:v:2 96x54 -c:a aac"
        ),
    )
    .await;
    let layers: Vec<u8> = formats(&events)
        .into_iter()
        .filter_map(|format| match format {
            SourceFormat::Video { layer, codec, .. } => {
                assert_eq!(*codec, VideoCodec::H264);
                Some(*layer)
            }
            _ => None,
        })
        .collect();
    assert_eq!(layers.len(), 3);
    let pictures = |wanted: u8| {
        let all = units(&events).into_iter();
        let own = all.filter(move |unit| unit.kind == Kind::Video && unit.layer == wanted);
        own.map(|unit| (unit.dts, unit.keyframe))
            .collect::<Vec<_>>()
    };
    assert_eq!(pictures(0).len(), 60);
    // Aligned: the same times, and keyframes at the same of them.
    assert_eq!(pictures(0), pictures(1));
    assert_eq!(pictures(0), pictures(2));
    let bytes = |wanted: u8| {
        let all = units(&events).into_iter();
        let own = all.filter(|unit| unit.kind == Kind::Video && unit.layer == wanted);
        own.map(|unit| unit.data.len()).sum::<usize>()
    };
    assert!(bytes(0) > bytes(1) && bytes(1) > bytes(2));
    let [report] = findings(&events)[..] else {
        panic!("{:?}", findings(&events))
    };
    assert_eq!(report.code, FindingCode::TracksIgnored);
    assert_eq!((report.values["audio"], report.values["video"]), (1.0, 0.0));
}

#[tokio::test]
async fn sound_that_is_not_taken_is_refused_by_name_and_the_picture_goes_on() {
    for (encoder, name) in [("ac3", "AC-3"), ("eac3", "E-AC-3"), ("flac", "FLAC")] {
        let events = received(1, &format!("-map 0:v -map 1:a {H264} -c:a {encoder}")).await;
        assert!(units(&events).iter().all(|unit| unit.kind == Kind::Video));
        assert_eq!(units(&events).len(), 30);
        let [report] = findings(&events)[..] else {
            panic!("{encoder}: {:?}", findings(&events))
        };
        assert_eq!(report.code, FindingCode::Unsupported);
        assert_eq!(report.words["audio"], name);
    }
}
