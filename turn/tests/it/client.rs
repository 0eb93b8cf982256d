//! A TURN client with sockets, and a media plane that tells what it saw.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream, UdpSocket},
    sync::mpsc,
    time::{Duration, Instant, SystemTime},
};

use weir_rtp::stun::{Message, Writer, read_xor_address};
use weir_turn::{
    Media, Turn,
    credentials::{self, Credentials},
    server::{ServerConfig, framing::Deframer},
};

pub const SECRET: &[u8] = b"north";
pub const MEDIA: &str = "192.0.2.1:7882";
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Requests (RFC 8656 section 17).
pub const ALLOCATE: u16 = 0x0003;
pub const REFRESH: u16 = 0x0004;
pub const CREATE_PERMISSION: u16 = 0x0008;
pub const CHANNEL_BIND: u16 = 0x0009;
pub const SEND: u16 = 0x0016;

/// Attributes (RFC 8489 section 18.3, RFC 8656 section 18).
pub const ERROR_CODE: u16 = 0x0009;
pub const CHANNEL_NUMBER: u16 = 0x000c;
pub const LIFETIME: u16 = 0x000d;
pub const XOR_PEER_ADDRESS: u16 = 0x0012;
pub const DATA: u16 = 0x0013;
pub const NONCE: u16 = 0x0015;
pub const REQUESTED_TRANSPORT: u16 = 0x0019;
const USERNAME: u16 = 0x0006;
const REALM: u16 = 0x0014;
const XOR_RELAYED_ADDRESS: u16 = 0x0016;

/// UDP, in REQUESTED-TRANSPORT.
pub const UDP: &[u8] = &[17, 0, 0, 0];

/// What the media plane saw.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    Datagram(SocketAddr, SocketAddr, Vec<u8>),
    Closed(SocketAddr),
}

struct Tell(mpsc::Sender<Seen>);

impl Media for Tell {
    fn deliver(&mut self, relayed: SocketAddr, media: SocketAddr, at: Instant, datagram: &[u8]) {
        assert!(at <= Instant::now());
        let _ = self
            .0
            .send(Seen::Datagram(relayed, media, datagram.to_vec()));
    }

    fn closed(&mut self, relayed: SocketAddr) {
        let _ = self.0.send(Seen::Closed(relayed));
    }

    fn tick(&mut self) {}
}

pub fn start() -> (Turn, mpsc::Receiver<Seen>) {
    start_with(|_| {})
}

pub fn start_with(change: impl FnOnce(&mut ServerConfig)) -> (Turn, mpsc::Receiver<Seen>) {
    let (send, seen) = mpsc::channel();
    let mut config = ServerConfig::new(SECRET.to_vec(), [3; 32]);
    change(&mut config);
    let media = vec![MEDIA.parse().unwrap()];
    let listen = "127.0.0.1:0".parse().unwrap();
    (
        Turn::start(listen, config, media, Tell(send)).unwrap(),
        seen,
    )
}

pub fn media() -> SocketAddr {
    MEDIA.parse().unwrap()
}

/// The way to the server.
pub enum Wire {
    Udp(UdpSocket),
    Tcp(TcpStream, Deframer),
}

impl Wire {
    pub fn udp(turn: &Turn) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(turn.address()).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::Udp(socket)
    }

    pub fn tcp(turn: &Turn) -> Self {
        let stream = TcpStream::connect(turn.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::Tcp(stream, Deframer::default())
    }

    pub fn send(&mut self, message: &[u8]) {
        match self {
            Self::Udp(socket) => {
                socket.send(message).unwrap();
            }
            Self::Tcp(stream, _) => {
                let mut padded = message.to_vec();
                padded.resize(message.len().next_multiple_of(4), 0);
                // In pieces, as a network may cut it.
                for piece in padded.chunks(7) {
                    stream.write_all(piece).unwrap();
                }
            }
        }
    }

    /// The next message.
    pub fn receive(&mut self) -> Vec<u8> {
        match self {
            Self::Udp(socket) => {
                let mut buffer = vec![0; 2_000];
                let len = socket.recv(&mut buffer).expect("a datagram");
                buffer.truncate(len);
                buffer
            }
            Self::Tcp(stream, deframer) => loop {
                if let Some(message) = deframer.message().unwrap() {
                    return message.to_vec();
                }
                let mut buffer = [0; 4_096];
                let len = stream.read(&mut buffer).expect("bytes");
                assert!(len > 0, "the server closed");
                deframer.push(&buffer[..len]);
            },
        }
    }

    /// Octets that come within a moment, and how many times.
    pub fn drain(&mut self, moment: Duration) -> (usize, usize) {
        let Self::Udp(socket) = self else {
            panic!("for datagrams");
        };
        socket.set_read_timeout(Some(moment)).unwrap();
        let mut buffer = [0; 2_000];
        let (mut octets, mut count) = (0, 0);
        while let Ok(len) = socket.recv(&mut buffer) {
            octets += len;
            count += 1;
        }
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        (octets, count)
    }
}

pub struct Client {
    pub wire: Wire,
    pub username: String,
    pub key: Vec<u8>,
    pub nonce: Vec<u8>,
    transaction: u8,
}

/// Credentials of a user who has a day.
pub fn of_user(name: &str) -> Credentials {
    let day = Duration::from_secs(86_400);
    credentials::issue(SECRET, name, SystemTime::now(), day)
}

impl Client {
    /// One that was told its nonce.
    pub fn greeted(wire: Wire, credentials: Credentials) -> Self {
        let Credentials { username, password } = credentials;
        let text = format!("{username}:weir:{password}");
        let key = <md5::Md5 as md5::Digest>::digest(text).to_vec();
        let mut client = Self {
            wire,
            username,
            key,
            nonce: Vec::new(),
            transaction: 0,
        };
        let mut request = Vec::new();
        Writer::new(&mut request, ALLOCATE, &[99; 12]).attribute(REQUESTED_TRANSPORT, UDP);
        client.wire.send(&request);
        let answer = client.wire.receive();
        let message = Message::parse(&answer).unwrap();
        assert_eq!(message.kind(), ALLOCATE | 0x0110);
        client.nonce = message.attribute(NONCE).unwrap().to_vec();
        client
    }

    pub fn allocate(wire: Wire) -> (Self, SocketAddr) {
        Self::allocate_as(wire, "viewer")
    }

    pub fn allocate_as(wire: Wire, name: &str) -> (Self, SocketAddr) {
        let mut client = Self::greeted(wire, of_user(name));
        let answer = client.ask(ALLOCATE, |request| {
            request.attribute(REQUESTED_TRANSPORT, UDP);
        });
        assert_eq!(code(&answer), 0);
        let message = Message::parse(&answer).unwrap();
        assert!(message.has_integrity(&client.key));
        let relayed = message.attribute(XOR_RELAYED_ADDRESS).unwrap();
        let relayed = read_xor_address(&message.transaction(), relayed).unwrap();
        (client, relayed)
    }

    /// What a request for an allocation is answered with: 0 for success.
    pub fn try_allocate(&mut self) -> u16 {
        let answer = self.ask(ALLOCATE, |request| {
            request.attribute(REQUESTED_TRANSPORT, UDP);
        });
        code(&answer)
    }

    pub fn ask(&mut self, kind: u16, write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let request = self.request(kind, write);
        self.wire.send(&request);
        let answer = self.wire.receive();
        let signed = Message::parse(&answer).unwrap().has_integrity(&self.key);
        assert!(signed || matches!(code(&answer), 400 | 401 | 438));
        answer
    }

    /// A request with credentials.
    pub fn request(&mut self, kind: u16, write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        self.transaction += 1;
        let mut request = Vec::new();
        let mut writer = Writer::new(&mut request, kind, &[self.transaction; 12]);
        write(&mut writer);
        writer
            .attribute(USERNAME, self.username.as_bytes())
            .attribute(REALM, b"weir")
            .attribute(NONCE, &self.nonce)
            .integrity(&self.key);
        request
    }

    pub fn permit(&mut self, peer: SocketAddr) -> u16 {
        let answer = self.ask(CREATE_PERMISSION, |request| {
            request.xor_address(XOR_PEER_ADDRESS, peer);
        });
        code(&answer)
    }

    pub fn bind_to(&mut self, channel: u16, peer: SocketAddr) -> u16 {
        let [c0, c1] = channel.to_be_bytes();
        let answer = self.ask(CHANNEL_BIND, |request| {
            request
                .attribute(CHANNEL_NUMBER, &[c0, c1, 0, 0])
                .xor_address(XOR_PEER_ADDRESS, peer);
        });
        code(&answer)
    }

    pub fn bind(&mut self) {
        assert_eq!(self.bind_to(0x4000, media()), 0);
    }
}

/// The error of an answer; 0 for success.
pub fn code(answer: &[u8]) -> u16 {
    let message = Message::parse(answer).unwrap();
    match message.attribute(ERROR_CODE) {
        Some([_, _, class, number, ..]) => u16::from(*class) * 100 + u16::from(*number),
        Some(_) => panic!("a short ERROR-CODE"),
        None => {
            assert_eq!(message.kind() & 0x0110, 0x0100);
            0
        }
    }
}

pub fn channel_data(data: &[u8]) -> Vec<u8> {
    on_channel(0x4000, data)
}

pub fn on_channel(channel: u16, data: &[u8]) -> Vec<u8> {
    let mut message = channel.to_be_bytes().to_vec();
    message.extend((data.len() as u16).to_be_bytes());
    message.extend(data);
    message
}

pub fn indication(peer: SocketAddr, data: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    Writer::new(&mut message, SEND, &[9; 12])
        .xor_address(XOR_PEER_ADDRESS, peer)
        .attribute(DATA, data);
    message
}

/// Waits until the server has closed a connection.
pub fn until_closed(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut buffer = [0; 4_096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            // What was sent and not read makes a reset of it.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return,
            Err(error) => panic!("the server does not close: {error}"),
        }
    }
}
