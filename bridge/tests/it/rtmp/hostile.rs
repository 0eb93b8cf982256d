//! Bad input on real sockets: each gets its error or is cut, and the listener serves on.

use bytes::Bytes;
use tokio::net::TcpStream;
use weir_bridge::rtmp::Client;
use weir_bridge::rtmp::server::MAX_WAITING_PER_ADDRESS;
use weir_bridge::source::SourceFormat;
use weir_media::AudioCodec;

use super::harness::{Event, KEY, PATIENCE, Recording, Server};
use super::wire;

/// A good stream gets through.
pub async fn serves_on(server: &Server, recording: &mut Recording) {
    let mut client = Client::connect(&server.url(), KEY).await.unwrap();
    let format = SourceFormat::Audio {
        codec: AudioCodec::Aac,
        config: Bytes::from_static(wire::AAC),
    };
    client.send_format(&format).await.unwrap();
    client.close().await.unwrap();
    let events = recording.until_ended().await;
    assert!(events.contains(&Event::Format(format)));
}

async fn send(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    tokio::time::timeout(PATIENCE, wire::exchange(stream, bytes))
        .await
        .expect("the server closes")
}

#[tokio::test]
async fn garbage_is_cut_off() {
    let (server, mut recording) = Server::start().await;
    assert!(
        send(&server, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await
            .is_empty()
    );
    assert!(send(&server, &[0x16, 3, 1, 2, 0, 1, 0, 1]).await.is_empty());
    send(&server, &[wire::handshake(), vec![0xff; 4096]].concat()).await;
    serves_on(&server, &mut recording).await;
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_key_with_media_behind_it_still_reads_the_refusal() {
    let (server, mut recording) = Server::start().await;
    let mut bytes = wire::up_to_publish("wrong-key");
    for time in 0..500 {
        bytes.extend(wire::message(6, time, wire::VIDEO, &[0x17; 1000]));
    }
    let answer = send(&server, &bytes).await;
    assert!(wire::says(&answer, "NetStream.Publish.BadName"));
    assert!(wire::says(&answer, "unknown stream key"));
    assert_eq!(recording.rest(), []);
    serves_on(&server, &mut recording).await;
    server.stop().await;
}

#[tokio::test]
async fn half_a_megabyte_of_nested_arrays_ends_one_connection() {
    let (server, mut recording) = Server::start().await;
    // Before publish within the limit of a message, and after publish at full size.
    let nested = |count| {
        [
            wire::string("connect"),
            wire::number(1.0),
            [0x0a, 0, 0, 0, 1].repeat(count),
        ]
        .concat()
    };
    send(
        &server,
        &[
            wire::handshake(),
            wire::message(3, 0, wire::COMMAND, &nested(12_000)),
        ]
        .concat(),
    )
    .await;
    serves_on(&server, &mut recording).await;
    send(
        &server,
        &[
            wire::up_to_publish(KEY),
            wire::message(3, 0, wire::COMMAND, &nested(100_000)),
        ]
        .concat(),
    )
    .await;
    recording.until_ended().await;
    serves_on(&server, &mut recording).await;
    server.stop().await;
}

#[tokio::test]
async fn before_publish_little_is_taken() {
    let (server, mut recording) = Server::start().await;
    // One message that claims 16 MB.
    let claim = wire::header(3, 0, 0xff_ffff, wire::COMMAND);
    send(
        &server,
        &[wire::handshake(), wire::connect(), claim].concat(),
    )
    .await;
    // Small messages without end.
    let many = wire::message(4, 0, wire::AUDIO, &[0xaf, 1, 0]).repeat(100_000);
    send(
        &server,
        &[wire::handshake(), wire::connect(), many].concat(),
    )
    .await;
    serves_on(&server, &mut recording).await;
    server.stop().await;
}

#[tokio::test]
async fn publishing_needs_a_connect_and_watching_is_not_here() {
    let (server, mut recording) = Server::start().await;
    send(&server, &[wire::handshake(), wire::publish(KEY)].concat()).await;
    let play = [
        wire::string("play"),
        wire::number(3.0),
        vec![5],
        wire::string("x"),
    ]
    .concat();
    let answer = send(
        &server,
        &[
            wire::handshake(),
            wire::connect(),
            wire::message(3, 0, wire::COMMAND, &play),
        ]
        .concat(),
    )
    .await;
    assert!(wire::says(&answer, "NetStream.Play.Failed"));
    serves_on(&server, &mut recording).await;
    server.stop().await;
}

#[tokio::test]
async fn one_address_holds_so_many_half_open_connections() {
    let (server, mut recording) = Server::start().await;
    let mut held = Vec::new();
    for _ in 0..MAX_WAITING_PER_ADDRESS {
        held.push(TcpStream::connect(server.address).await.unwrap());
    }
    // The next one is closed without a word; reading it waits for that.
    assert!(send(&server, &[]).await.is_empty());
    drop(held);
    loop {
        // The places come free as the server notices.
        if let Ok(client) = Client::connect(&server.url(), KEY).await {
            client.close().await.unwrap();
            break;
        }
    }
    recording.until_ended().await;
    server.stop().await;
}
