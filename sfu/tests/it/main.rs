//! The media plane over real sockets, with str0m clients.

#![allow(clippy::unwrap_used)]

mod client;
mod data;
mod discovery;
mod tcp;

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use tokio::sync::mpsc;
use weir_media::{Kind, RtpLayer, RtpPacket, RtpTracks, VideoCodec};
use weir_sfu::{EndReason, OfferError, Sfu, SfuConfig, SfuEvent, StreamId, StreamStats};

use crate::client::{Client, Codec, Wants};

const STREAM: StreamId = StreamId(7);

fn start(shards: usize) -> (Sfu, mpsc::Receiver<SfuEvent>) {
    start_with(SfuConfig {
        shards,
        ..SfuConfig::default()
    })
}

/// On a free port of this machine.
fn start_with(config: SfuConfig) -> (Sfu, mpsc::Receiver<SfuEvent>) {
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_test_writer()
        .try_init();
    Sfu::start(SfuConfig {
        media_udp: "127.0.0.1:0".parse().unwrap(),
        ..config
    })
    .unwrap()
}

async fn event(
    events: &mut mpsc::Receiver<SfuEvent>,
    wanted: impl Fn(&SfuEvent) -> bool,
) -> SfuEvent {
    let next = async {
        loop {
            let event = events.recv().await.expect("the SFU runs");
            if wanted(&event) {
                return event;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), next)
        .await
        .expect("the event came")
}

fn started(event: &SfuEvent) -> bool {
    matches!(event, SfuEvent::PublisherStarted { .. })
}

/// A publisher on air; it plays until it is dropped.
async fn publisher(sfu: &Sfu, events: &mut mpsc::Receiver<SfuEvent>) -> Client {
    let client = Client::publisher(Codec::Vp8, |offer| {
        let sfu = sfu.clone();
        async move { sfu.publish(STREAM, offer).await.unwrap() }
    })
    .await;
    event(events, started).await;
    client
}

async fn viewer(sfu: &Sfu, codec: Codec) -> Client {
    Client::viewer(codec, |offer| {
        let sfu = sfu.clone();
        async move { sfu.view(STREAM, offer).await.unwrap() }
    })
    .await
}

#[tokio::test]
async fn one_port_serves_both_families_of_addresses() {
    let (sfu, mut events) = Sfu::start(SfuConfig {
        media_udp: "[::]:0".parse().unwrap(),
        advertise: vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()],
        shards: 2,
        ..SfuConfig::default()
    })
    .unwrap();
    // IPv4 over UDP both ways, in batches; then IPv4 and, where there is IPv6, that over TCP.
    let publishing = publisher(&sfu, &mut events).await;
    let mut viewers = vec![viewer(&sfu, Codec::Vp8).await];
    for ip in ["127.0.0.1", "::1"] {
        let address = SocketAddr::new(ip.parse().unwrap(), sfu.media_addr().port());
        if ip == "::1" && std::net::TcpStream::connect(address).is_err() {
            continue;
        }
        let wants = Wants {
            tcp: Some(address),
            ..Wants::default()
        };
        let ask = |offer| {
            let sfu = sfu.clone();
            async move { sfu.view(STREAM, offer).await.unwrap() }
        };
        viewers.push(Client::special_viewer(Codec::Vp8, wants, ask).await);
    }
    for viewer in &viewers {
        viewer.wait_for_packets(Kind::Video, 100).await;
        let packets = viewer.packets(Kind::Video);
        assert!(packets.windows(2).all(|p| p[1].seq == p[0].seq + 1));
    }
    drop(publishing);
    sfu.shutdown().await;
}

#[tokio::test]
async fn a_publisher_is_seen_on_every_shard() {
    let (sfu, mut events) = start(2);
    let publishing = publisher(&sfu, &mut events).await;
    assert!(sfu.is_live(STREAM));
    let viewers = [
        viewer(&sfu, Codec::Vp8).await,
        viewer(&sfu, Codec::Vp8).await,
        viewer(&sfu, Codec::Vp8).await,
    ];
    for viewer in &viewers {
        viewer.wait_for_packets(Kind::Video, 200).await;
        viewer.wait_for_packets(Kind::Audio, 30).await;
        let packets = viewer.packets(Kind::Video);
        assert_eq!(packets[0].payload[..2], [0x10, 0], "begins at a keyframe");
        assert!(packets.windows(2).all(|p| p[1].seq == p[0].seq + 1));
    }
    let mut tap = sfu.tap(STREAM);
    let packet = tokio::time::timeout(Duration::from_secs(10), tap.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(packet.packet[0], 0x80);
    tap.request_keyframe();
    loop {
        let packet = tokio::time::timeout(Duration::from_secs(10), tap.recv())
            .await
            .unwrap();
        if packet.unwrap().keyframe {
            break;
        }
    }
    // Gauges follow within a quarter of a second.
    let mut stats = sfu.stats();
    for _ in 0..100 {
        if stats.viewers == 3 && stats.publishers == 1 && stats.sends > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        stats = sfu.stats();
    }
    assert_eq!((stats.viewers, stats.publishers, stats.streams), (3, 1, 1));
    assert!(
        stats.packets_out > stats.sends && stats.packets_in > 200,
        "{stats:?}"
    );
    assert_eq!(stats.overflow_drops, 0);

    assert!(sfu.end_session(viewers[0].session).await);
    assert!(!sfu.end_session(viewers[0].session).await);
    viewers[0].wait_until_closed().await;
    drop(publishing);
    let ended = event(&mut events, |e| {
        matches!(e, SfuEvent::PublisherEnded { .. })
    })
    .await;
    assert!(matches!(
        ended,
        SfuEvent::PublisherEnded {
            reason: EndReason::Closed,
            ..
        }
    ));
    assert!(!sfu.is_live(STREAM));
    sfu.shutdown().await;
    viewers[1].wait_until_closed().await;
    viewers[2].wait_until_closed().await;
    assert!(matches!(
        sfu.publish(STREAM, "v=0".into()).await,
        Err(OfferError::Unavailable(_))
    ));
}

fn rtp(
    kind: Kind,
    seq: u16,
    time_ms: u64,
    keyframe: bool,
    marker: bool,
    payload: &[u8],
) -> RtpPacket {
    let rate = if kind == Kind::Video { 90 } else { 48 };
    let mut bytes = vec![0x80, 96 | if marker { 0x80 } else { 0 }];
    bytes.extend(seq.to_be_bytes());
    bytes.extend(((time_ms * rate) as u32).to_be_bytes());
    bytes.extend([0, 0, 0, 1]);
    bytes.extend(payload);
    RtpPacket {
        kind,
        layer: 0,
        time: time_ms * 1_000_000,
        keyframe,
        packet: Bytes::from(bytes),
    }
}

#[tokio::test]
async fn the_bridge_is_a_source() {
    let (sfu, _events) = start(2);
    assert_eq!(
        sfu.view(STREAM, client::offer(Codec::H264))
            .await
            .unwrap_err(),
        OfferError::NotLive,
        "a viewer may come first and is told"
    );
    let (keyframes, mut wanted) = mpsc::channel(1);
    let ingest = sfu.ingest(STREAM, keyframes);
    let tracks = RtpTracks {
        video: Some(VideoCodec::H264),
        audio: true,
    };
    ingest.start(tracks, &[]);
    tokio::time::timeout(Duration::from_secs(10), async {
        while !sfu.is_live(STREAM) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .unwrap();
    let viewers = [
        viewer(&sfu, Codec::H264).await,
        viewer(&sfu, Codec::H264).await,
    ];
    let feed = tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        let (mut seq, mut time) = (65_500_u16, 0);
        loop {
            tick.tick().await;
            let key = wanted.try_recv().is_ok() || time == 0;
            let nal: &[u8] = if key {
                &[0x67, 0x42, 0xe0, 0x1f]
            } else {
                &[0x41, 1]
            };
            ingest.send(rtp(Kind::Video, seq, time, key, false, nal), false);
            let slice: &[u8] = if key { &[0x65, 1] } else { &[0x41, 2] };
            ingest.send(
                rtp(Kind::Video, seq.wrapping_add(1), time, key, true, slice),
                false,
            );
            ingest.send(
                rtp(Kind::Audio, (time / 10) as u16, time, false, false, &[0xfc]),
                true,
            );
            seq = seq.wrapping_add(2);
            time += 10;
            if time == 2_000 {
                // The worker died and its successor begins anew.
                (seq, time) = (9, 0);
                ingest.start(tracks, &[]);
            }
            if ingest_is_over(&ingest).await {
                return;
            }
        }
    });
    for viewer in &viewers {
        viewer.wait_for_packets(Kind::Video, 500).await;
        let packets = viewer.packets(Kind::Video);
        assert_eq!(packets[0].payload[0], 0x67, "begins at a keyframe");
        assert!(
            packets.windows(2).all(|p| p[1].seq == p[0].seq + 1),
            "across the restart too"
        );
    }
    let newer = sfu.ingest(STREAM, mpsc::channel(1).0);
    tokio::time::timeout(Duration::from_secs(10), feed)
        .await
        .expect("taken over")
        .unwrap();
    drop(newer);
    sfu.shutdown().await;
}

async fn ingest_is_over(ingest: &weir_sfu::Ingest) -> bool {
    tokio::select! {
        biased;
        () = ingest.taken_over() => true,
        () = std::future::ready(()) => false,
    }
}

#[tokio::test]
async fn strangers_cannot_disturb() {
    let (sfu, mut events) = start(2);
    let publishing = publisher(&sfu, &mut events).await;
    let viewer = viewer(&sfu, Codec::Vp8).await;
    viewer.wait_for_packets(Kind::Video, 50).await;
    let noise = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut state = 0x1234_5678_9abc_def1_u64;
    for round in 0..20_000_usize {
        let mut bytes = [0_u8; 64];
        for chunk in bytes.chunks_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            chunk.copy_from_slice(&state.to_be_bytes());
        }
        bytes[0] = [0, 1, 22, 128, 129, 200][round % 6];
        let _ = noise
            .send_to(&bytes[..round % 64 + 1], sfu.media_addr())
            .await;
    }
    for bad in ["", "x", "{}", "v=0\r\n", &"v=0\r\n".repeat(50_000)] {
        let error = sfu.publish(STREAM, bad.to_owned()).await.unwrap_err();
        assert!(matches!(error, OfferError::Malformed(_)), "{error}");
        let error = sfu.view(STREAM, bad.to_owned()).await.unwrap_err();
        assert!(matches!(error, OfferError::Malformed(_)), "{error}");
    }
    let error = sfu
        .view(STREAM, client::offer(Codec::H264))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, OfferError::OtherCodec(why) if why.contains("VP8")),
        "{error}"
    );
    let before = viewer.packets(Kind::Video).len();
    viewer.wait_for_packets(Kind::Video, before + 100).await;
    assert!(sfu.stats().datagrams_dropped > 1_000);
    drop(publishing);
    sfu.shutdown().await;
}

#[tokio::test]
async fn a_newer_publisher_takes_over() {
    let (sfu, mut events) = start(2);
    let old = publisher(&sfu, &mut events).await;
    let viewer = viewer(&sfu, Codec::Vp8).await;
    viewer.wait_for_packets(Kind::Video, 50).await;
    let newer = Client::publisher(Codec::Vp8, |offer| {
        let sfu = sfu.clone();
        async move { sfu.publish(STREAM, offer).await.unwrap() }
    })
    .await;
    // In this order: the stream is live all along.
    event(&mut events, started).await;
    let ended = event(&mut events, |e| {
        matches!(e, SfuEvent::PublisherEnded { .. })
    })
    .await;
    let SfuEvent::PublisherEnded {
        session, reason, ..
    } = ended
    else {
        unreachable!()
    };
    assert_eq!((session, reason), (old.session, EndReason::TakenOver));
    old.wait_until_closed().await;
    let before = viewer.packets(Kind::Video).len();
    viewer.wait_for_packets(Kind::Video, before + 100).await;
    let packets = viewer.packets(Kind::Video);
    assert!(packets.windows(2).all(|p| p[1].seq == p[0].seq + 1));
    drop(newer);
    sfu.shutdown().await;
}

#[tokio::test]
async fn who_cannot_decode_gets_the_transcode() {
    let (sfu, mut events) = start(2);
    let publishing = publisher(&sfu, &mut events).await;
    let refused = sfu.view(STREAM, client::offer(Codec::H264)).await;
    assert!(matches!(refused, Err(OfferError::OtherCodec(why)) if why.contains("HLS")));
    let needed = sfu.needed(STREAM.transcoded());
    let (keyframes, mut wanted) = mpsc::channel(4);
    let ingest = sfu.ingest(STREAM.transcoded(), keyframes);
    let tracks = RtpTracks {
        video: Some(VideoCodec::H264),
        audio: true,
    };
    let rungs = [("720p", 720), ("360p", 360)].map(|(name, height)| RtpLayer {
        name: name.to_owned(),
        width: height * 16 / 9,
        height,
        bitrate: 1_000 * height,
    });
    ingest.start(tracks, &rungs);
    let feed = tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        for frame in 0_u64.. {
            tick.tick().await;
            if ingest_is_over(&ingest).await {
                return;
            }
            let seq = frame as u16;
            let sound = rtp(Kind::Audio, seq, frame * 20, false, false, &[0xfc, 1]);
            ingest.send(sound, false);
            // Nobody needs it, so it is not made.
            if *needed.borrow() & 1 == 0 {
                continue;
            }
            let key = wanted.try_recv().is_ok();
            let nal: &[u8] = if key { &[0x65, 1] } else { &[0x41, 1] };
            ingest.send(rtp(Kind::Video, seq, frame * 20, key, true, nal), true);
        }
    });
    tokio::time::timeout(Duration::from_secs(10), async {
        while !sfu.is_live(STREAM.transcoded()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .unwrap();
    let own = viewer(&sfu, Codec::Vp8).await;
    let other = viewer(&sfu, Codec::H264).await;
    for viewer in [&own, &other] {
        viewer.wait_for_packets(Kind::Video, 50).await;
        viewer.wait_for_packets(Kind::Audio, 20).await;
    }
    assert_eq!(other.packets(Kind::Video)[0].payload[0], 0x65);
    for _ in 0..2 {
        let connected = |e: &SfuEvent| matches!(e, SfuEvent::ViewerConnected { .. });
        let event = event(&mut events, connected).await;
        assert!(matches!(event, SfuEvent::ViewerConnected { stream, .. } if stream == STREAM));
    }
    let names = |stats: StreamStats| -> Vec<String> {
        stats.layers.into_iter().map(|layer| layer.name).collect()
    };
    let of_own = sfu.stats_for(own.session, STREAM).await.unwrap();
    assert_eq!(names(of_own), [""]);
    let of_other = sfu.stats_for(other.session, STREAM).await.unwrap();
    assert_eq!(names(of_other), ["720p", "360p"]);
    let all = sfu.stream_stats(STREAM).await.unwrap();
    assert_eq!((all.viewers.len(), all.layers.len()), (2, 3));
    assert!(all.viewers.iter().any(|viewer| viewer.transcoded));

    // It does not outlive the stream, and its viewers know.
    drop(publishing);
    other.wait_until_closed().await;
    tokio::time::timeout(Duration::from_secs(10), feed)
        .await
        .expect("its source is told")
        .unwrap();
    assert!(!sfu.is_live(STREAM.transcoded()));
    sfu.shutdown().await;
}
