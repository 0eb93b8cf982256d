//! Who is no honest client: strangers, and users who want more than media.

use std::{
    net::{SocketAddr, TcpListener, UdpSocket},
    sync::mpsc,
    time::{Duration, SystemTime},
};

use weir_rtp::stun::{Message, Writer};
use weir_turn::{Turn, credentials, server::Refusal};

use crate::client::{
    ALLOCATE, Client, LIFETIME, NONCE, REFRESH, REQUESTED_TRANSPORT, SECRET, Seen, UDP, Wire,
    channel_data, code, indication, media, of_user, on_channel, start, start_with,
};

/// What nothing may come of is waited for so long.
const MOMENT: Duration = Duration::from_millis(150);

/// The server still does what it is for, and the media plane saw nothing else before.
fn still_relays(turn: &Turn, seen: &mpsc::Receiver<Seen>) {
    let (mut client, relayed) = Client::allocate_as(Wire::udp(turn), "honest");
    client.bind();
    client.wire.send(&channel_data(b"honest"));
    loop {
        match seen.recv_timeout(crate::client::PATIENCE).unwrap() {
            Seen::Closed(_) => {}
            Seen::Datagram(from, to, data) => {
                assert_eq!((from, to), (relayed, media()));
                assert_eq!(data, b"honest");
                return;
            }
        }
    }
}

#[test]
fn nothing_but_the_media_plane_can_be_reached() {
    let (turn, seen) = start();
    // Services of this machine, which a relay with sockets would reach.
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.set_nonblocking(true).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    tcp.set_nonblocking(true).unwrap();
    let mut forbidden = vec![
        udp.local_addr().unwrap(),
        tcp.local_addr().unwrap(),
        turn.address(),
    ];
    forbidden.extend(
        [
            "0.0.0.0:7882",
            "10.0.0.1:7882",
            "100.64.0.1:7882",
            "127.0.0.1:7882",
            "169.254.169.254:80",
            "172.16.0.1:7882",
            "192.168.0.1:7882",
            "192.0.2.2:7882",
            "224.0.0.1:7882",
            "255.255.255.255:7882",
            "8.8.8.8:53",
        ]
        .map(|text| text.parse::<SocketAddr>().unwrap()),
    );
    for wire in [Wire::udp(&turn), Wire::tcp(&turn)] {
        let (mut client, _) = Client::allocate(wire);
        for peer in &forbidden {
            assert_eq!(client.permit(*peer), 403, "{peer}");
            assert_eq!(client.bind_to(0x4001, *peer), 403, "{peer}");
            client.wire.send(&indication(*peer, b"x"));
        }
        // This server's HTTP, RTMP and TURN on the address of its media: the permission is for the
        // address, and nothing passes by it but to the port of media.
        assert_eq!(client.permit(media()), 0);
        for port in [0, 80, 443, 1_935, 3_478, 7_881, 7_883, 8_080, 65_535] {
            let other = SocketAddr::new(media().ip(), port);
            assert_eq!(client.bind_to(0x4001, other), 403, "{other}");
            client.wire.send(&indication(other, b"x"));
        }
        // A family that the media plane has no address of.
        for peer in ["[::1]:7882", "[::ffff:127.0.0.1]:7882", "[fe80::1]:7882"] {
            assert_eq!(client.permit(peer.parse().unwrap()), 443, "{peer}");
        }
    }
    still_relays(&turn, &seen);
    assert!(udp.recv(&mut [0; 8]).is_err());
    assert!(tcp.accept().is_err());
    turn.stop();
}

#[test]
fn allocations_are_counted_by_user_by_address_and_in_all() {
    let allocate = |turn: &Turn, name: &str| {
        let mut client = Client::greeted(Wire::udp(turn), of_user(name));
        (client.try_allocate(), client)
    };
    let (turn, _seen) = start_with(|config| config.max_per_user = 2);
    let held = [allocate(&turn, "a"), allocate(&turn, "a")];
    assert!(held.iter().all(|(code, _)| *code == 0));
    // Over another transport it is the same user.
    let mut third = Client::greeted(Wire::tcp(&turn), of_user("a"));
    assert_eq!(third.try_allocate(), 486);
    assert_eq!(allocate(&turn, "b").0, 0);
    let [(_, mut first), _] = held;
    let answer = first.ask(REFRESH, |request| {
        request.attribute(LIFETIME, &[0; 4]);
    });
    assert_eq!(code(&answer), 0);
    assert_eq!(third.try_allocate(), 0, "there is room again");
    turn.stop();

    let (turn, _seen) = start_with(|config| config.max_per_address = 3);
    let codes: Vec<u16> = ["a", "b", "c", "d"].map(|it| allocate(&turn, it).0).into();
    assert_eq!(codes, [0, 0, 0, 486]);
    turn.stop();

    let (turn, _seen) = start_with(|config| config.max_allocations = 3);
    let codes: Vec<u16> = ["a", "b", "c", "d"].map(|it| allocate(&turn, it).0).into();
    assert_eq!(codes, [0, 0, 0, 508]);
    turn.stop();
}

#[test]
fn bandwidth_is_bounded_both_ways() {
    const RATE: u64 = 100_000;
    let (turn, seen) = start_with(|config| config.allocation_bandwidth = RATE);
    let (mut client, relayed) = Client::allocate(Wire::udp(&turn));
    client.bind();
    // A second's burst passes, and the little that comes meanwhile.
    for _ in 0..100 {
        client.wire.send(&channel_data(&[1; 1_000]));
        assert!(turn.send(relayed, media(), &[2; 10_000], 1_000));
        std::thread::sleep(Duration::from_millis(1));
    }
    let passed = || turn.stats().bytes_to_clients + turn.stats().bytes_from_clients;
    crate::until("all is counted, either way", || {
        passed() + 1_000 * turn.stats().dropped == 1_100_000
    });
    assert!((RATE / 2..3 * RATE).contains(&passed()), "{}", passed());
    // What the client and the media plane saw is what passed, less what a full socket did not take.
    let (octets, came) = client.wire.drain(MOMENT);
    let up = seen.try_iter().count();
    assert!((octets - 4 * came + 1_000 * up) as u64 <= passed());
    assert!(came > 0 && up > 0);
    turn.stop();
}

#[test]
fn wrong_and_ended_credentials_get_nothing() {
    let (turn, seen) = start();
    let hour = Duration::from_secs(3_600);
    let now = SystemTime::now();
    let right = of_user("viewer");
    let with = |username: &str, password: &str| credentials::Credentials {
        username: username.to_owned(),
        password: password.to_owned(),
    };
    let wrong = [
        credentials::issue(b"south", "viewer", now, hour),
        credentials::issue(SECRET, "viewer", now - 2 * hour, hour),
        with(&right.username, "guessed"),
        with(&right.username, ""),
        with("viewer", &credentials::password(SECRET, "viewer")),
        with(&format!("9{}", right.username), &right.password),
    ];
    for credentials in wrong {
        for wire in [Wire::udp(&turn), Wire::tcp(&turn)] {
            let mut client = Client::greeted(wire, credentials.clone());
            assert_eq!(client.try_allocate(), 401, "{credentials:?}");
            client.wire.send(&channel_data(b"x"));
            client.wire.send(&indication(media(), b"x"));
        }
    }
    crate::until("the refusals are counted", || {
        turn.stats().refused(Refusal::Unauthorized) == 12
    });
    assert_eq!(turn.stats().allocations, 0);
    still_relays(&turn, &seen);
    turn.stop();
}

#[test]
fn a_sessions_credentials_end_with_it() {
    let (turn, _seen) = start_with(|config| config.grace = Duration::ZERO);
    let who = credentials::pseudonym(SECRET, "00c0ffee");
    let mut held = Client::greeted(Wire::udp(&turn), of_user(&who));
    assert_eq!(held.try_allocate(), 0);
    turn.session_ended("00c0ffee");
    crate::until("the server heard of it", || turn.stats().ended == 1);
    for wire in [Wire::udp(&turn), Wire::tcp(&turn)] {
        let mut late = Client::greeted(wire, of_user(&who));
        assert_eq!(late.try_allocate(), 401);
        let mut other = Client::greeted(Wire::udp(&turn), of_user("another"));
        assert_eq!(other.try_allocate(), 0);
    }
    // What there is may still be given back.
    let answer = held.ask(REFRESH, |request| {
        request.attribute(LIFETIME, &[0; 4]);
    });
    assert_eq!(code(&answer), 0);
    assert_eq!(held.try_allocate(), 401);
    turn.stop();
}

#[test]
fn a_captured_request_is_of_no_use_elsewhere() {
    let (turn, _seen) = start();
    let mut client = Client::greeted(Wire::udp(&turn), of_user("viewer"));
    let captured = client.request(ALLOCATE, |request| {
        request.attribute(REQUESTED_TRANSPORT, UDP);
    });
    let mut thief = Wire::udp(&turn);
    thief.send(&captured);
    let answer = thief.receive();
    assert_eq!(code(&answer), 438);
    let fresh = Message::parse(&answer).unwrap().attribute(NONCE).unwrap();
    assert_ne!(fresh, client.nonce);
    assert_eq!(turn.stats().allocations, 0);
    // Its owner may send it twice, and has one allocation.
    for _ in 0..2 {
        client.wire.send(&captured);
        assert_eq!(code(&client.wire.receive()), 0);
    }
    // A nonce is used for many requests, and no other's is taken.
    assert_eq!(client.permit(media()), 0);
    client.nonce = fresh.to_vec();
    assert_eq!(code(&client.ask(REFRESH, |_| {})), 438);
    turn.stop();
    // Nor one of before a restart.
    let (turn, _seen) = start_with(|config| config.nonce_key = [4; 32]);
    let nonce = client.nonce;
    let mut client = Client::greeted(Wire::udp(&turn), of_user("viewer"));
    client.nonce = nonce;
    assert_eq!(client.try_allocate(), 438);
    turn.stop();
}

#[test]
fn channels_that_nobody_bound_lead_nowhere() {
    let (turn, seen) = start();
    for wire in [Wire::udp(&turn), Wire::tcp(&turn)] {
        // Before an allocation, after it, and with a channel bound, on all others.
        let mut client = Client::greeted(wire, of_user("viewer"));
        client.wire.send(&channel_data(b"x"));
        assert_eq!(client.try_allocate(), 0);
        client.wire.send(&channel_data(b"x"));
        assert_eq!(client.bind_to(0x4fff, media()), 0);
        for channel in [0x4000, 0x4ffe, 0x4001] {
            client.wire.send(&on_channel(channel, b"x"));
        }
        client.wire.send(&on_channel(0x4fff, b"right"));
        let came = seen.recv_timeout(crate::client::PATIENCE).unwrap();
        assert!(matches!(came, Seen::Datagram(_, _, data) if data == b"right"));
    }
    // Another client's channel is its own.
    let mut other = Wire::udp(&turn);
    other.send(&on_channel(0x4fff, b"x"));
    crate::until("what led nowhere is counted", || turn.stats().dropped == 11);
    turn.stop();
}

#[test]
fn strangers_are_answered_with_little_and_not_often() {
    let (turn, seen) = start();
    let mut wire = Wire::udp(&turn);
    let mut sent = 0;
    let mut request = Vec::new();
    Writer::new(&mut request, ALLOCATE, &[1; 12]).attribute(REQUESTED_TRANSPORT, UDP);
    let mut binding = Vec::new();
    Writer::new(&mut binding, 0x0001, &[2; 12]);
    let mut nobody = Vec::new();
    Writer::new(&mut nobody, REFRESH, &[3; 12])
        .attribute(0x0006, b"9999999999:nobody")
        .attribute(0x0014, b"weir")
        .attribute(NONCE, b"made up")
        .integrity(b"guessed");
    for question in [&request, &binding, &nobody].into_iter().cycle().take(600) {
        wire.send(question);
        sent += question.len() + 28;
    }
    let (octets, count) = wire.drain(MOMENT);
    assert!(octets + 28 * count <= 2 * sent);
    // Sixty a second, and it may have become another second.
    assert!((1..=120).contains(&count), "{count}");
    crate::until("the rest is counted", || turn.stats().unanswered >= 480);
    std::thread::sleep(Duration::from_secs(1));
    still_relays(&turn, &seen);
    turn.stop();
}
