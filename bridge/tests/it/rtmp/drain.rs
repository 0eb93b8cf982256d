//! Publishers are asked to connect elsewhere before the server stops.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::harness::{Event, KEY, PATIENCE, Recording, Server};
use super::wire;

const REQUEST: &str = "NetConnection.Connect.ReconnectRequest";

/// A client that publishes; with `caps_ex` it says what it can do.
async fn publisher(server: &Server, caps_ex: Option<f64>) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let properties = match caps_ex {
        Some(flags) => vec![
            ("tcUrl", wire::string("rtmp://weir.example/live")),
            ("capsEx", wire::number(flags)),
        ],
        None => Vec::new(),
    };
    let bytes = [
        wire::handshake(),
        wire::connect_with(&properties),
        wire::create_stream(),
        wire::publish(KEY),
        picture(0),
    ];
    stream.write_all(&bytes.concat()).await.unwrap();
    stream
}

/// A sequence header and a keyframe.
fn picture(time: u32) -> Vec<u8> {
    let config = [&[0x17, 0, 0, 0, 0], wire::AVC].concat();
    let frame = [&[0x17, 1, 0, 0, 0][..], &[0, 0, 0, 1, 0x65]].concat();
    [
        wire::message(6, time, wire::VIDEO, &config),
        wire::message(6, time, wire::VIDEO, &frame),
    ]
    .concat()
}

async fn read_until(stream: &mut TcpStream, text: &str) -> Vec<u8> {
    let mut answer = Vec::new();
    while !wire::says(&answer, text) {
        let read = tokio::time::timeout(PATIENCE, stream.read_buf(&mut answer)).await;
        assert_ne!(read.expect("an answer in time").unwrap(), 0, "no {text}");
    }
    answer
}

async fn until_picture(recording: &mut Recording) {
    recording
        .until(|event| matches!(event, Event::Unit(_)))
        .await;
}

#[tokio::test]
async fn a_client_that_reconnects_is_asked_and_waited_for() {
    let (server, mut recording) = Server::start().await;
    let mut client = publisher(&server, Some(1.0)).await;
    until_picture(&mut recording).await;
    let drain = server.drain.clone();
    let draining = tokio::spawn(async move { drain.run(PATIENCE).await });
    let answer = read_until(&mut client, "rtmp://weir.example/live").await;
    assert!(wire::says(&answer, REQUEST));
    // What it sends until it goes is taken.
    client.write_all(&picture(40)).await.unwrap();
    until_picture(&mut recording).await;
    assert!(!draining.is_finished());
    // New ones are not.
    let refused = TcpStream::connect(server.address).await;
    if let Ok(mut late) = refused {
        let mut byte = [0];
        assert!(matches!(late.read(&mut byte).await, Ok(0) | Err(_)));
    }
    drop(client);
    assert!(draining.await.unwrap(), "all have gone");
    recording.until_ended().await;
    server.stop().await;
}

#[tokio::test]
async fn who_cannot_reconnect_is_left_alone_and_nobody_is_waited_for() {
    let (server, mut recording) = Server::start().await;
    // OBS says nothing; this one can do other things.
    let mut clients = Vec::new();
    for caps_ex in [None, Some(14.0)] {
        clients.push(publisher(&server, caps_ex).await);
        until_picture(&mut recording).await;
    }
    assert!(server.drain.run(PATIENCE).await);
    clients[0].write_all(&picture(40)).await.unwrap();
    until_picture(&mut recording).await;
    server.stop().await;
    for mut client in clients {
        let answer = read_until(&mut client, "NetStream.Unpublish.Success").await;
        assert!(!wire::says(&answer, REQUEST));
    }
}

#[tokio::test]
async fn a_client_that_stays_is_not_waited_for_longer_than_allowed() {
    let (server, mut recording) = Server::start().await;
    let mut client = publisher(&server, Some(1.0)).await;
    until_picture(&mut recording).await;
    assert!(!server.drain.run(Duration::from_millis(50)).await);
    server.stop().await;
    let answer = read_until(&mut client, "NetStream.Unpublish.Success").await;
    assert!(wire::says(&answer, REQUEST));
    recording.until_ended().await;
}
