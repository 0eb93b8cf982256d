//! Data both ways, over each transport.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::mpsc,
};

use weir_turn::{Turn, server::framing::Deframer};

use crate::client::{
    Client, LIFETIME, MEDIA, PATIENCE, REFRESH, Seen, Wire, channel_data, code, start,
};

fn relays_both_ways(turn: &Turn, seen: &mpsc::Receiver<Seen>, wire: Wire) -> Client {
    let (mut client, relayed) = Client::allocate(wire);
    client.bind();
    client.wire.send(&channel_data(b"hello"));
    let media: SocketAddr = MEDIA.parse().unwrap();
    let came = seen.recv_timeout(PATIENCE).unwrap();
    assert_eq!(came, Seen::Datagram(relayed, media, b"hello".to_vec()));
    // A frame: forty datagrams in one batch, and a shorter last one.
    let frame: Vec<u8> = (0..40 * 1_150 + 99).map(|n| (n % 251) as u8).collect();
    assert!(turn.send(relayed, media, &frame, 1_150));
    let mut back = Vec::new();
    while back.len() < frame.len() {
        let message = client.wire.receive();
        assert_eq!(message[..2], [0x40, 0]);
        let len = usize::from(u16::from_be_bytes([message[2], message[3]]));
        assert!(len == 1_150 || len == 99);
        back.extend_from_slice(&message[4..4 + len]);
    }
    assert_eq!(back, frame);
    client
}

#[test]
fn over_udp() {
    let (turn, seen) = start();
    let mut client = relays_both_ways(&turn, &seen, Wire::udp(&turn));
    let answer = client.ask(REFRESH, |request| {
        request.attribute(LIFETIME, &[0; 4]);
    });
    assert_eq!(code(&answer), 0);
    let closed = seen.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(closed, Seen::Closed(_)), "{closed:?}");
    turn.stop();
}

#[test]
fn over_tcp() {
    let (turn, seen) = start();
    let client = relays_both_ways(&turn, &seen, Wire::tcp(&turn));
    assert_eq!(turn.connections(), 1);
    drop(client);
    let closed = seen.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(closed, Seen::Closed(_)), "{closed:?}");
    turn.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_stream_that_somebody_else_accepted() {
    let (turn, seen) = start();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let local = listener.local_addr().unwrap();
    let serving = turn.clone();
    let served = tokio::spawn(async move {
        let (stream, peer) = listener.accept().await.unwrap();
        serving.serve_stream(stream, peer, local).await;
    });
    let running = turn.clone();
    tokio::task::spawn_blocking(move || {
        let stream = TcpStream::connect(local).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let wire = Wire::Tcp(stream, Deframer::default());
        let client = relays_both_ways(&running, &seen, wire);
        // Stopping the server closes it.
        running.stop();
        let Wire::Tcp(mut stream, _) = client.wire else {
            unreachable!("made above");
        };
        let end = stream.read(&mut [0; 64]);
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    })
    .await
    .unwrap();
    served.await.unwrap();
    assert_eq!(turn.connections(), 0);
}

#[test]
fn who_is_no_turn_client_is_shown_out() {
    let (turn, _seen) = start();
    let mut stream = TcpStream::connect(turn.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let end = stream.read(&mut [0; 64]);
    let reset = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
    assert!(
        matches!(&end, Ok(0)) || end.as_ref().is_err_and(reset),
        "{end:?}"
    );
    turn.stop();
}

#[test]
fn a_client_that_takes_nothing_holds_nothing_up() {
    let (turn, seen) = start();
    let (mut slow, relayed) = Client::allocate(Wire::tcp(&turn));
    slow.bind();
    let media: SocketAddr = MEDIA.parse().unwrap();
    // 40 MB for who does not read: what does not fit is dropped, and nobody waits.
    for _ in 0..1_000 {
        turn.send(relayed, media, &[7; 40_000], 1_000);
    }
    relays_both_ways(&turn, &seen, Wire::udp(&turn));
    turn.stop();
}
