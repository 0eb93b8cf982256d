//! ICE over TCP.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use weir_media::Kind;
use weir_sfu::{Sfu, SfuConfig};

use crate::{
    STREAM,
    client::{Client, Codec, Wants},
    publisher, start, start_with,
};

async fn tcp_viewer(sfu: &Sfu) -> Client {
    let wants = Wants {
        tcp: Some(sfu.media_addr()),
        ..Wants::default()
    };
    Client::special_viewer(Codec::Vp8, wants, |offer| {
        let sfu = sfu.clone();
        async move { sfu.view(STREAM, offer).await.unwrap() }
    })
    .await
}

async fn stats(sfu: &Sfu, wanted: impl Fn(&weir_sfu::SfuStats) -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !wanted(&sfu.stats()) {
        assert!(Instant::now() < until, "{:?}", sfu.stats());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn viewers_without_udp_see_the_stream() {
    let (sfu, mut events) = start(3);
    let publishing = publisher(&sfu, &mut events).await;
    // One for each shard.
    let viewers = [
        tcp_viewer(&sfu).await,
        tcp_viewer(&sfu).await,
        tcp_viewer(&sfu).await,
    ];
    for viewer in &viewers {
        viewer.wait_for_packets(Kind::Video, 300).await;
        viewer.wait_for_packets(Kind::Audio, 30).await;
        let packets = viewer.packets(Kind::Video);
        assert_eq!(packets[0].payload[..2], [0x10, 0], "begins at a keyframe");
        assert!(packets.windows(2).all(|p| p[1].seq == p[0].seq + 1));
    }
    assert_eq!(sfu.stats().tcp_connections, 3);
    assert!(sfu.end_session(viewers[0].session).await);
    viewers[0].wait_until_closed().await;
    stats(&sfu, |stats| stats.tcp_connections == 2).await;
    drop(publishing);
    sfu.shutdown().await;
    viewers[1].wait_until_closed().await;
}

#[tokio::test]
async fn a_slow_connection_loses_video_to_the_next_keyframe() {
    let (sfu, mut events) = start(1);
    let publishing = publisher(&sfu, &mut events).await;
    let viewer = tcp_viewer(&sfu).await;
    viewer.wait_for_packets(Kind::Video, 50).await;
    // 1.6 Mbit/s fill what the kernel takes for the two ends, and then ours.
    viewer.set_deaf(true);
    stats(&sfu, |stats| stats.viewer_drops > 0).await;
    viewer.set_deaf(false);
    let before = viewer.packets(Kind::Video).len();
    let gap = || {
        let packets = viewer.packets(Kind::Video);
        let source = |index: usize| packets.get(index).map(|p| p.payload[..2].to_vec());
        let keyframe = |index: &usize| source(*index) == Some(vec![0x10, 0]);
        (before..packets.len()).rfind(keyframe)
    };
    let until = Instant::now() + Duration::from_secs(20);
    while gap().is_none() {
        assert!(Instant::now() < until, "no keyframe after the gap");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let packets = viewer.packets(Kind::Video);
    assert!(
        packets.windows(2).all(|p| p[1].seq == p[0].seq + 1),
        "what was left out leaves no hole in the numbers"
    );
    drop(publishing);
    sfu.shutdown().await;
}

/// Whether the other end closes within its time.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    match stream.read(&mut [0; 64]) {
        Ok(len) => len == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_shown_out() {
    let (sfu, mut events) = start(2);
    let publishing = publisher(&sfu, &mut events).await;
    let viewer = tcp_viewer(&sfu).await;
    viewer.wait_for_packets(Kind::Video, 50).await;
    let address = sfu.media_addr();
    // A check for a shard that exists, of a session that does not.
    let mut check = vec![0, 1, 0, 16, 0x21, 0x12, 0xa4, 0x42];
    check.extend([7; 12]);
    check.extend([0, 6, 0, 12]);
    check.extend(b"0001abcd:xyz");
    let mut framed = vec![0, check.len() as u8];
    framed.extend(&check);
    for hello in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        &[0, 1, 2],
        &framed,
    ] {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(hello).unwrap();
        assert!(is_closed(&mut stream), "{hello:?}");
    }
    // One that says nothing is closed by time, and so many of them by number.
    let mut silent: Vec<TcpStream> = (0..70)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    assert!(silent.iter_mut().all(is_closed));
    let before = viewer.packets(Kind::Video).len();
    viewer.wait_for_packets(Kind::Video, before + 50).await;
    stats(&sfu, |stats| stats.tcp_connections == 1).await;
    drop(publishing);
    sfu.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_others_accepted_are_taken() {
    let (sfu, mut events) = start(2);
    let publishing = publisher(&sfu, &mut events).await;
    // As a port that is shared with HTTPS does: it reads some bytes and hands over.
    let shared = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = shared.local_addr().unwrap();
    let taker = sfu.clone();
    std::thread::spawn(move || {
        let (mut stream, peer) = shared.accept().unwrap();
        let mut read = [0; 10];
        stream.read_exact(&mut read).unwrap();
        stream.set_nonblocking(true).unwrap();
        assert!(taker.take_tcp(stream, peer, &read));
    });
    let wants = Wants {
        tcp: Some(address),
        ..Wants::default()
    };
    let viewer = Client::special_viewer(Codec::Vp8, wants, |offer| {
        let sfu = sfu.clone();
        async move { sfu.view(STREAM, offer).await.unwrap() }
    })
    .await;
    viewer.wait_for_packets(Kind::Video, 100).await;
    assert_eq!(sfu.stats().tcp_connections, 1);
    drop(publishing);
    sfu.shutdown().await;
}

#[tokio::test]
async fn without_tcp_nothing_listens() {
    let (sfu, _events) = start_with(SfuConfig {
        media_tcp: false,
        shards: 1,
        ..SfuConfig::default()
    });
    assert!(TcpStream::connect(sfu.media_addr()).is_err());
    sfu.shutdown().await;
}
