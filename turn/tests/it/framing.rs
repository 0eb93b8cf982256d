//! Broken messages, and streams that are no client's.

use std::{
    io::Write,
    net::{Shutdown, TcpStream},
    time::Duration,
};

use weir_turn::server::framing::MAX_MESSAGE;

use crate::client::{
    ALLOCATE, Client, REFRESH, REQUESTED_TRANSPORT, Seen, UDP, Wire, channel_data, code,
    indication, media, of_user, on_channel, start, until_closed,
};

#[test]
fn truncated_and_too_long_datagrams_move_nothing() {
    let (turn, seen) = start();
    let (mut client, relayed) = Client::allocate(Wire::udp(&turn));
    client.bind();
    let request = client.request(ALLOCATE, |request| {
        request.attribute(REQUESTED_TRANSPORT, UDP);
    });
    let data = channel_data(b"hello");
    let sends = indication(media(), b"hello");
    for whole in [&request, &data, &sends] {
        for len in 0..whole.len() {
            client.wire.send(&whole[..len]);
        }
    }
    // Behind a STUN message nothing may follow; ChannelData may be padded.
    for whole in [&request, &sends] {
        let mut longer = whole.clone();
        longer.extend([0; 4]);
        client.wire.send(&longer);
    }
    // A length that says more than there is.
    for length in [6_u16, 0x7fff, 0xffff] {
        let mut lies = data.clone();
        lies[2..4].copy_from_slice(&length.to_be_bytes());
        client.wire.send(&lies);
    }
    client.wire.send(&data);
    let came = seen.recv_timeout(crate::client::PATIENCE).unwrap();
    assert_eq!(came, Seen::Datagram(relayed, media(), b"hello".to_vec()));
    assert!(seen.try_recv().is_err());
    turn.stop();
}

#[test]
fn a_stream_without_sense_is_closed() {
    let (turn, _seen) = start();
    let giant = |first: u8| [first, 0, 0xff, 0xfc, 0x21, 0x12, 0xa4, 0x42];
    for senseless in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0x16, 3, 1, 2, 0],
        &[0xff; 8],
        // Giant lengths: what they announce is not waited for.
        &giant(0),
        &giant(0x40),
        // A length that is no multiple of four.
        &[0, 1, 0, 3, 0x21, 0x12, 0xa4, 0x42],
    ] {
        let mut stream = TcpStream::connect(turn.address()).unwrap();
        stream.write_all(senseless).unwrap();
        until_closed(&mut stream);
    }
    // From a user, in the middle, too.
    let (mut client, _) = Client::allocate(Wire::tcp(&turn));
    client.bind();
    let Wire::Tcp(stream, _) = &mut client.wire else {
        unreachable!("made above");
    };
    stream.write_all(&channel_data(b"four")).unwrap();
    stream.write_all(&giant(0x40)).unwrap();
    until_closed(stream);
    crate::until("its allocation is over", || turn.stats().allocations == 0);
    turn.stop();
}

#[test]
fn the_longest_message_passes_and_a_longer_one_does_not() {
    let (turn, seen) = start();
    let (mut client, relayed) = Client::allocate(Wire::tcp(&turn));
    client.bind();
    let longest = vec![7; MAX_MESSAGE / 4 * 4 - 4];
    client.wire.send(&channel_data(&longest));
    let came = seen.recv_timeout(crate::client::PATIENCE).unwrap();
    assert_eq!(came, Seen::Datagram(relayed, media(), longest.clone()));
    let Wire::Tcp(stream, _) = &mut client.wire else {
        unreachable!("made above");
    };
    let mut longer = longest;
    longer.extend([7; 4]);
    // It closes at the length already.
    let _ = stream.write_all(&channel_data(&longer));
    until_closed(stream);
    turn.stop();
}

#[test]
fn bytes_one_by_one_and_a_half_message_at_the_end() {
    let (turn, seen) = start();
    let mut client = Client::greeted(Wire::tcp(&turn), of_user("viewer"));
    assert_eq!(client.try_allocate(), 0);
    assert_eq!(client.bind_to(0x4321, media()), 0);
    let mut padded = on_channel(0x4321, b"slowly");
    padded.extend([0; 2]);
    let Wire::Tcp(stream, _) = &mut client.wire else {
        unreachable!("made above");
    };
    stream.set_nodelay(true).unwrap();
    for byte in &padded {
        stream.write_all(&[*byte]).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    let came = seen.recv_timeout(crate::client::PATIENCE).unwrap();
    assert!(matches!(came, Seen::Datagram(_, _, data) if data == b"slowly"));
    stream.write_all(&padded[..5]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    until_closed(stream);
    let closed = seen.recv_timeout(crate::client::PATIENCE).unwrap();
    assert!(matches!(closed, Seen::Closed(_)), "{closed:?}");
    turn.stop();
}

#[test]
fn one_address_holds_so_many_connections_without_an_allocation() {
    let (turn, _seen) = start();
    // One that has an allocation is none of them.
    let (mut user, _) = Client::allocate(Wire::tcp(&turn));
    let mut held: Vec<TcpStream> = (0..80)
        .map(|_| TcpStream::connect(turn.address()).unwrap())
        .collect();
    crate::until("places are taken", || turn.connections() == 65);
    let mut refused = held.split_off(64);
    refused.iter_mut().for_each(until_closed);
    assert_eq!(code(&user.ask(REFRESH, |_| {})), 0);
    drop(held);
    crate::until("there is room again", || turn.connections() == 1);
    let (_later, _) = Client::allocate(Wire::tcp(&turn));
    turn.stop();
}
