//! TURN: whatever strangers and users send, over datagrams and streams. Also what is told by the first
//! bytes of a connection.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant, UNIX_EPOCH},
};

use weir_rtp::stun::{Message, Writer};
use weir_turn::{
    credentials::{self, Credentials},
    server::{
        Client, Now, Outlet, Server, ServerConfig, Transport,
        framing::{Deframer, MAX_MESSAGE, is_turn, message_len},
    },
};

#[path = "../../edge/src/first_bytes.rs"]
#[allow(dead_code)]
mod first_bytes;

use first_bytes::{ENOUGH, Protocol, protocol};

/// When it begins, in seconds since 1970.
const EPOCH: u64 = 1_400_000_000;
const SECRET: &[u8] = b"north";

const ALLOCATE: u16 = 0x0003;
const USERNAME: u16 = 0x0006;
const REALM: u16 = 0x0014;
const NONCE: u16 = 0x0015;

/// What the input's kinds of requests are.
const KINDS: [u16; 8] = [
    ALLOCATE, 0x0004, 0x0008, 0x0009, 0x0016, 0x0001, 0x0011, 0x0017,
];

/// The bits of a message's class.
const CLASS: u16 = 0x0110;

fn media() -> [SocketAddr; 2] {
    let v6 = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]);
    [([203, 0, 113, 1], 7_882).into(), (v6, 7_882).into()]
}

/// The first octet says what the rest is.
pub fn run(input: &[u8]) {
    let Some((&what, rest)) = input.split_first() else {
        return;
    };
    match what % 4 {
        0 => framing(rest),
        1 => sniffing(rest),
        _ => World::new().play(rest),
    }
}

/// However a stream is cut, the same messages come out; each says its own length.
fn framing(input: &[u8]) {
    let Some((&cut, stream)) = input.split_first() else {
        return;
    };
    let whole = read(stream, stream.len().max(1));
    assert_eq!(read(stream, usize::from(cut) + 1), whole);
    let (messages, _) = whole;
    let mut at = 0;
    for message in &messages {
        assert!((4..=MAX_MESSAGE).contains(&message.len()));
        assert!(message.len().is_multiple_of(4));
        assert_eq!(message_len(message), Ok(Some(message.len())));
        assert_eq!(stream.get(at..at + message.len()), Some(&message[..]));
        at += message.len();
    }
}

/// The messages, and whether the stream ended in an error.
fn read(stream: &[u8], cut: usize) -> (Vec<Vec<u8>>, bool) {
    let mut deframer = Deframer::default();
    let mut messages = Vec::new();
    for piece in stream.chunks(cut) {
        deframer.push(piece);
        loop {
            match deframer.message() {
                Ok(Some(message)) => messages.push(message.to_vec()),
                Ok(None) => break,
                Err(_) => return (messages, true),
            }
        }
    }
    (messages, false)
}

/// More bytes never change what was told, and enough always tell.
fn sniffing(input: &[u8]) {
    let told = (0..=input.len()).find_map(|len| protocol(&input[..len]));
    for len in 0..=input.len() {
        match protocol(&input[..len]) {
            None => assert!(len < ENOUGH),
            some => assert_eq!(some, told),
        }
        // Whoever takes TURN would be given no more than that takes.
        if let Some(turn) = is_turn(&input[..len]) {
            assert_eq!(is_turn(input), Some(turn));
            if turn && input[0] != 22 {
                assert_eq!(protocol(input), Some(Protocol::Stun));
            }
        }
    }
    if told == Some(Protocol::Stun) {
        assert_eq!(is_turn(input), Some(true));
    }
}

/// A server with three clients: one user over datagrams, the same over a stream, and a stranger.
struct World {
    server: Server,
    start: Instant,
    passed: Duration,
    credentials: Credentials,
    nonces: Vec<Vec<u8>>,
}

fn client(number: u8) -> Client {
    Client {
        transport: if number == 1 {
            Transport::Stream
        } else {
            Transport::Udp
        },
        peer: ([198, 51, 100, 7], 5_000 + u16::from(number)).into(),
        local: ([203, 0, 113, 1], 3_478).into(),
    }
}

/// Checks what the server says.
struct Checked<'a> {
    from: Option<(&'a Client, usize)>,
    /// Not a user's: an answer may go to somebody whose address was forged.
    stranger: bool,
    answers: usize,
    data: usize,
}

impl Outlet for Checked<'_> {
    fn to_client(&mut self, client: &Client, contents: &[u8], segment: usize) {
        assert!(segment > 0 && segment <= contents.len());
        if let Some((from, asked)) = self.from {
            assert_eq!(client, from);
            assert!(Message::parse(contents).is_some());
            self.answers += 1;
            if self.stranger && client.transport == Transport::Udp {
                assert!(contents.len() + 28 <= 2 * (asked + 28));
            }
        } else if client.transport == Transport::Udp {
            for datagram in contents.chunks(segment) {
                assert!(Message::parse(datagram).is_some() || (0x40..0x50).contains(&datagram[0]));
            }
        } else {
            let (messages, broken) = read(contents, contents.len());
            assert!(!broken);
            assert_eq!(messages.iter().map(Vec::len).sum::<usize>(), contents.len());
        }
    }

    fn to_peer(&mut self, relayed: SocketAddr, peer: SocketAddr, _: &[u8]) {
        assert!(media().contains(&peer), "{peer}");
        assert!(relayed.port() >= 49_152);
        assert!(!self.stranger, "a stranger reached the media plane");
        self.data += 1;
    }

    fn released(&mut self, relayed: SocketAddr) {
        assert!(relayed.port() >= 49_152);
    }
}

/// Takes the input apart.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// As many as a byte says, or all that there are.
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::from(self.byte()?).min(self.0.len());
        let (bytes, rest) = self.0.split_at(len);
        self.0 = rest;
        Some(bytes)
    }
}

impl World {
    fn new() -> Self {
        let start = Instant::now();
        let now = Now {
            at: start,
            unix: EPOCH,
        };
        // The first relayed port then is the first of all.
        let config = ServerConfig::new(SECRET.to_vec(), [0; 32]);
        let who = credentials::pseudonym(SECRET, "session");
        let day = Duration::from_secs(86_400);
        let credentials =
            credentials::issue(SECRET, &who, UNIX_EPOCH + Duration::from_secs(EPOCH), day);
        let mut world = Self {
            server: Server::new(now, config, media().to_vec()),
            start,
            passed: Duration::ZERO,
            credentials,
            nonces: Vec::new(),
        };
        for number in 0..2 {
            let mut request = Vec::new();
            Writer::new(&mut request, ALLOCATE, &[number; 12]).attribute(0x0019, &[17, 0, 0, 0]);
            let mut nonce = Nonce(Vec::new());
            let now = world.now();
            world
                .server
                .from_client(now, &client(number), &request, &mut nonce);
            world.nonces.push(nonce.0);
        }
        world
    }

    fn now(&self) -> Now {
        Now {
            at: self.start + self.passed,
            unix: EPOCH + self.passed.as_secs(),
        }
    }

    fn play(&mut self, input: &[u8]) {
        let mut input = Reader(input);
        while let Some(action) = input.byte() {
            if self.act(action, &mut input).is_none() {
                break;
            }
            assert!(self.server.stats().allocations <= 2);
        }
        // All ends by itself: nobody at the media plane speaks any more.
        for _ in 0..2 {
            self.passed += Duration::from_secs(3_601);
            let now = self.now();
            self.server.handle_timeout(now, &mut Checked::of_media());
        }
        assert_eq!(self.server.stats().allocations, 0);
    }

    fn act(&mut self, action: u8, input: &mut Reader<'_>) -> Option<()> {
        let now = self.now();
        let number = action >> 6;
        match action & 7 {
            // Made up from beginning to end, by one who cannot sign.
            0 | 1 => self.say(number, input.bytes()?, number > 1),
            // Signed, with whatever attributes.
            2..=4 => {
                let kind = KINDS[usize::from(input.byte()? % 8)];
                let attributes = input.bytes()?;
                let transaction = [action; 12];
                let mut request = Vec::new();
                let mut writer = Writer::new(&mut request, kind, &transaction);
                let mut rest = attributes;
                // Type and length in one octet each; addresses are those of the media plane, changed.
                while let [kind, len, after @ ..] = rest {
                    let len = usize::from(*len).min(after.len());
                    let (value, after) = after.split_at(len);
                    let kind = u16::from(*kind & 0x7f) | u16::from(*kind & 0x80) << 8;
                    match (kind, value) {
                        (0x0012, [which]) => {
                            let [v4, v6] = media();
                            let mut peer = if which & 1 == 0 { v4 } else { v6 };
                            peer.set_port(peer.port() ^ u16::from(which >> 1));
                            writer.xor_address(kind, peer);
                        }
                        _ => {
                            writer.attribute(kind, value);
                        }
                    }
                    rest = after;
                }
                let number = number & 1;
                if kind & CLASS == 0 && kind != 0x0001 {
                    let key = self.key();
                    writer
                        .attribute(USERNAME, self.credentials.username.as_bytes())
                        .attribute(REALM, b"weir")
                        .attribute(NONCE, self.nonces.get(usize::from(number))?)
                        .integrity(&key);
                }
                self.say(number, &request, false);
            }
            5 => {
                let peer = media()[usize::from(number & 1)];
                let relayed = SocketAddr::new(peer.ip(), 49_152 + u16::from(input.byte()?));
                let segment = usize::from(input.byte()?);
                let contents = input.bytes()?;
                let out = &mut Checked::of_media();
                self.server
                    .from_peer(now, relayed, peer, contents, segment, out);
            }
            6 => {
                self.passed += Duration::from_secs(u64::from(input.byte()?) * 4);
                let now = self.now();
                self.server.handle_timeout(now, &mut Checked::of_media());
            }
            _ => match number {
                0 => self.server.session_ended(now, "session"),
                1 => self.server.set_media(media()[..1].to_vec()),
                2 => self.server.set_media(media().to_vec()),
                _ => self
                    .server
                    .disconnected(&client(1), &mut Checked::of_media()),
            },
        }
        Some(())
    }

    fn say(&mut self, number: u8, message: &[u8], stranger: bool) {
        let from = client(number);
        let mut out = Checked {
            from: Some((&from, message.len())),
            stranger,
            answers: 0,
            data: 0,
        };
        let now = self.now();
        self.server.from_client(now, &from, message, &mut out);
        assert!(out.answers + out.data <= 1);
    }

    fn key(&self) -> Vec<u8> {
        let Credentials { username, password } = &self.credentials;
        <md5::Md5 as md5::Digest>::digest(format!("{username}:weir:{password}")).to_vec()
    }
}

impl Checked<'_> {
    fn of_media() -> Self {
        Self {
            from: None,
            stranger: false,
            answers: 0,
            data: 0,
        }
    }
}

/// The nonce of a challenge.
struct Nonce(Vec<u8>);

impl Outlet for Nonce {
    fn to_client(&mut self, _: &Client, contents: &[u8], _: usize) {
        let message = Message::parse(contents).expect("a message");
        self.0 = message.attribute(NONCE).expect("a nonce").to_vec();
    }

    fn to_peer(&mut self, _: SocketAddr, _: SocketAddr, _: &[u8]) {
        panic!("a challenge relays nothing");
    }

    fn released(&mut self, _: SocketAddr) {}
}
