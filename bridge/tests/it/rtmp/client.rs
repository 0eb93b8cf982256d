//! Our client to our listener.

use bytes::Bytes;
use weir_bridge::rtmp::{Client, ClientError};
use weir_bridge::source::{AccessUnit, SourceFormat};
use weir_media::{AudioCodec, Kind, VideoCodec};

use super::harness::{Event, KEY, Server, formats, units};
use super::wire::{AAC, AVC};

const MS: u64 = 1_000_000;

fn picture(number: u64, keyframe: bool, reorder: u64) -> AccessUnit {
    let mut data = vec![0, 0, 0x40, 0];
    data.extend(std::iter::repeat_n(number as u8, 0x4000));
    let dts = number * 40 * MS;
    AccessUnit {
        kind: Kind::Video,
        layer: 0,
        dts,
        pts: dts + reorder * MS,
        keyframe,
        data: Bytes::from(data),
    }
}

fn video(codec: VideoCodec, config: &'static [u8]) -> SourceFormat {
    SourceFormat::Video {
        layer: 0,
        codec,
        config: Bytes::from_static(config),
    }
}

#[tokio::test]
async fn a_stream_arrives_as_it_was_sent() {
    let (server, mut recording) = Server::start().await;
    let mut client = Client::connect(&server.url(), KEY).await.unwrap();
    let sent_formats = [
        video(VideoCodec::H264, AVC),
        SourceFormat::Audio {
            codec: AudioCodec::Aac,
            config: Bytes::from_static(AAC),
        },
    ];
    for format in &sent_formats {
        client.send_format(format).await.unwrap();
    }
    let mut sent = Vec::new();
    for number in 0..50 {
        sent.push(picture(number, number % 25 == 0, 80));
        let dts = number * 40 * MS;
        sent.push(AccessUnit {
            kind: Kind::Audio,
            layer: 0,
            dts,
            pts: dts,
            keyframe: true,
            data: Bytes::from(vec![9; 300]),
        });
    }
    for unit in &sent {
        client.send(unit).await.unwrap();
    }
    client.close().await.unwrap();

    let events = recording.until_ended().await;
    assert_eq!(events[0], Event::Opened("demo".to_owned()));
    assert_eq!(formats(&events), sent_formats.iter().collect::<Vec<_>>());
    let origin = units(&events)[0].dts;
    let arrived: Vec<AccessUnit> = units(&events)
        .into_iter()
        .map(|unit| AccessUnit {
            dts: unit.dts - origin,
            pts: unit.pts - origin,
            ..unit.clone()
        })
        .collect();
    assert_eq!(arrived, sent);
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_key_is_refused_with_the_reason() {
    let (server, mut recording) = Server::start().await;
    let begun = std::time::Instant::now();
    match Client::connect(&server.url(), "wrong-key").await {
        Err(ClientError::Refused { code, description }) => {
            assert_eq!(code, "NetStream.Publish.BadName");
            assert!(description.contains("unknown stream key"), "{description}");
        }
        other => panic!("not refused: {:?}", other.err()),
    }
    println!("refused after {:?}", begun.elapsed());
    let other_app = server.url().replace("live", "vod");
    assert!(matches!(
        Client::connect(&other_app, KEY).await,
        Err(ClientError::Refused { .. })
    ));
    server.stop().await;
    assert_eq!(recording.rest(), []);
}

#[tokio::test]
async fn a_takeover_ends_the_session_in_order() {
    let (server, mut recording) = Server::start().await;
    let mut client = Client::connect(&server.url(), KEY).await.unwrap();
    client
        .send_format(&video(VideoCodec::H264, AVC))
        .await
        .unwrap();
    recording
        .until(|event| matches!(event, Event::Format(_)))
        .await;
    server.takeover.cancel();
    recording.until_ended().await;
    let mut number = 0;
    let error = loop {
        match client.send(&picture(number, true, 0)).await {
            Ok(()) => number += 1,
            Err(error) => break error,
        }
        tokio::task::yield_now().await;
    };
    assert!(
        matches!(error, ClientError::Closed | ClientError::Io(_)),
        "{error}"
    );
    server.stop().await;
}

#[tokio::test]
async fn stopping_the_server_ends_its_streams() {
    let (server, mut recording) = Server::start().await;
    let mut client = Client::connect(&server.url(), KEY).await.unwrap();
    client
        .send_format(&video(VideoCodec::H264, AVC))
        .await
        .unwrap();
    recording
        .until(|event| matches!(event, Event::Format(_)))
        .await;
    server.stop().await;
    assert_eq!(recording.rest(), [Event::Ended]);
}

#[tokio::test]
async fn enhanced_rtmp_carries_hevc_av1_and_opus() {
    const HVCC: &[u8] = &[
        1, 1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 0x5d, 0xf0, 0, 0xfc, 0xfd, 0xf8, 0xf8, 0, 0,
        0x0f, 1, 0x20, 0, 1, 0, 2, 0x40, 1,
    ];
    const AV1C: &[u8] = &[0x81, 0x05, 0x0c, 0x00, 0x0a, 0x01, 0x00];
    let opus = SourceFormat::Audio {
        codec: AudioCodec::Opus,
        config: Bytes::from_static(b"OpusHead\x01\x02"),
    };
    for format in [video(VideoCodec::Hevc, HVCC), video(VideoCodec::Av1, AV1C)] {
        let (server, mut recording) = Server::start().await;
        let mut client = Client::connect(&server.url(), KEY).await.unwrap();
        client.send_format(&format).await.unwrap();
        client.send_format(&opus).await.unwrap();
        let sent = [picture(0, true, 0), picture(1, false, 0)];
        for unit in &sent {
            client.send(unit).await.unwrap();
        }
        client.close().await.unwrap();
        let events = recording.until_ended().await;
        assert_eq!(formats(&events), [&format, &opus]);
        let arrived = units(&events);
        assert_eq!(arrived.len(), 2);
        assert_eq!(
            (&arrived[0].data, arrived[0].keyframe),
            (&sent[0].data, true)
        );
        assert_eq!(
            (&arrived[1].data, arrived[1].keyframe),
            (&sent[1].data, false)
        );
        server.stop().await;
    }
}
