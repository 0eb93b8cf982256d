//! What a viewer's credentials do not open.

use std::{
    net::{SocketAddr, UdpSocket},
    time::Duration,
};

use reqwest::StatusCode;
use sha2::{Digest as _, Sha256};
use weir_rtp::stun::{Message, Writer};

use super::{figure, told};
use crate::{
    media::Video,
    program::{serve, until},
    webrtc_client::{Publisher, Relay, Viewer},
};

/// Requests and attributes (RFC 8656 sections 17 and 18, RFC 8489 section 18.3).
const ALLOCATE: u16 = 0x0003;
const CREATE_PERMISSION: u16 = 0x0008;
const CHANNEL_BIND: u16 = 0x0009;
const USERNAME: u16 = 0x0006;
const ERROR_CODE: u16 = 0x0009;
const CHANNEL_NUMBER: u16 = 0x000c;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const REALM: u16 = 0x0014;
const NONCE: u16 = 0x0015;
const REQUESTED_TRANSPORT: u16 = 0x0019;
const PASSWORD_ALGORITHM: u16 = 0x001d;
const PASSWORD_ALGORITHMS: u16 = 0x8002;

/// A client that asks for whatever it likes.
struct Client {
    socket: UdpSocket,
    username: String,
    key: Vec<u8>,
    nonce: Vec<u8>,
    algorithms: Vec<u8>,
    transaction: u8,
}

impl Client {
    fn new(relay: &Relay) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(relay.address).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let text = format!("{}:weir:{}", relay.username, relay.credential);
        let mut client = Self {
            socket,
            username: relay.username.clone(),
            key: Sha256::digest(text).to_vec(),
            nonce: Vec::new(),
            algorithms: Vec::new(),
            transaction: 0,
        };
        let mut request = Vec::new();
        Writer::new(&mut request, ALLOCATE, &[99; 12])
            .attribute(REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
        let answer = client.exchange(&request);
        let message = Message::parse(&answer).unwrap();
        let value = |kind| message.attribute(kind).unwrap().to_vec();
        (client.nonce, client.algorithms) = (value(NONCE), value(PASSWORD_ALGORITHMS));
        client
    }

    fn exchange(&self, request: &[u8]) -> Vec<u8> {
        let mut buffer = vec![0; 2_000];
        self.socket.send(request).unwrap();
        let len = self.socket.recv(&mut buffer).expect("an answer");
        buffer.truncate(len);
        buffer
    }

    /// The error that a request is answered with; 0 for success.
    fn ask(&mut self, kind: u16, write: impl FnOnce(&mut Writer<'_>)) -> u16 {
        self.transaction += 1;
        let mut request = Vec::new();
        let mut writer = Writer::new(&mut request, kind, &[self.transaction; 12]);
        write(&mut writer);
        writer
            .attribute(USERNAME, self.username.as_bytes())
            .attribute(REALM, b"weir")
            .attribute(NONCE, &self.nonce)
            .attribute(PASSWORD_ALGORITHMS, &self.algorithms)
            // SHA-256 (RFC 8489 section 18.5.1).
            .attribute(PASSWORD_ALGORITHM, &[0, 2, 0, 0])
            .integrity_sha256(&self.key);
        let answer = self.exchange(&request);
        let message = Message::parse(&answer).unwrap();
        match message.attribute(ERROR_CODE) {
            Some([_, _, class, number, ..]) => u16::from(*class) * 100 + u16::from(*number),
            Some(_) => panic!("a short ERROR-CODE"),
            None => 0,
        }
    }

    fn allocate(&mut self) -> u16 {
        self.ask(ALLOCATE, |request| {
            request.attribute(REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
        })
    }

    fn permit(&mut self, peer: SocketAddr) -> u16 {
        self.ask(CREATE_PERMISSION, |request| {
            request.xor_address(XOR_PEER_ADDRESS, peer);
        })
    }

    fn bind(&mut self, peer: SocketAddr) -> u16 {
        self.ask(CHANNEL_BIND, |request| {
            request
                .attribute(CHANNEL_NUMBER, &[0x40, 0, 0, 0])
                .xor_address(XOR_PEER_ADDRESS, peer);
        })
    }
}

/// Where an answer says that media is.
fn media(answer: &str) -> SocketAddr {
    let mut lines = answer.lines();
    let candidate = lines
        .find(|line| line.starts_with("a=candidate:") && line.contains(" udp "))
        .unwrap();
    let parts: Vec<&str> = candidate.split(' ').collect();
    format!("{}:{}", parts[4], parts[5]).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewers_credentials_reach_media_and_nothing_else_and_end_with_the_session() {
    let server = serve().await;
    let access = server.create_stream("relayed").unwrap();
    let video = Video::h264().into();
    let publisher = Publisher::start(&access.whip_url, &access.key, video).await;
    let video = Video::h264();
    until("the stream is live", || async {
        Viewer::offer(&access.whep_url, &video).await.status() == StatusCode::CREATED
    })
    .await;
    let response = Viewer::offer(&access.whep_url, &video).await;
    let answer = response.text().await.unwrap();
    let media = media(&answer);
    let relay = told(&access.whep_url, &video).await["udp"].clone();
    let others = [
        format!("127.0.0.1:{}", server.http_port()),
        server.rtmp_address().unwrap().to_string(),
        relay.address.to_string(),
    ];
    let elsewhere = [
        "127.0.0.2:7882",
        "0.0.0.0:80",
        "10.0.0.1:80",
        "172.17.0.1:80",
        "192.168.1.1:80",
        "100.64.0.1:80",
        "169.254.169.254:80",
        "224.0.0.1:80",
        "255.255.255.255:80",
        "192.0.2.7:7882",
    ];
    let asking = relay.clone();
    tokio::task::spawn_blocking(move || {
        let mut client = Client::new(&asking);
        assert_eq!(client.allocate(), 0);
        for peer in elsewhere {
            let peer = peer.parse().unwrap();
            assert_eq!(client.permit(peer), 403, "{peer}");
            assert_eq!(client.bind(peer), 403, "{peer}");
        }
        // On the very address of media: the program's own services.
        for peer in others {
            assert_eq!(client.bind(peer.parse().unwrap()), 403, "{peer}");
        }
        assert_eq!(client.permit(media), 0);
        assert_eq!(client.bind(media), 0);
    })
    .await
    .unwrap();

    // The session of these credentials is over, and TURN is told.
    let ended = figure(&server, "weir_turn_ended_sessions", "").await;
    let viewer = Viewer::start(&access.whep_url, &video).await;
    assert_eq!(viewer.resource.delete().await, StatusCode::OK);
    viewer.close().await;
    until("TURN heard of the end", || async {
        figure(&server, "weir_turn_ended_sessions", "").await > ended
    })
    .await;
    publisher.close().await;
}
