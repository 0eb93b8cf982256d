//! A client of the server in virtual time, and what every test needs.

mod access;
mod data;
mod hostile;
mod limits;
mod requests;

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant, UNIX_EPOCH},
};

use weir_rtp::stun::{Message, Writer, read_xor_address};

use super::{
    auth::{Algorithm, REALM_NAME, key},
    codec::{
        attribute::{
            CHANNEL_NUMBER, ERROR_CODE, LIFETIME, NONCE, PASSWORD_ALGORITHM, PASSWORD_ALGORITHMS,
            REALM, REQUESTED_TRANSPORT, USERNAME, XOR_PEER_ADDRESS, XOR_RELAYED_ADDRESS,
        },
        kind,
    },
    *,
};
use crate::credentials::{self, Credentials};

const SECRET: &[u8] = b"north";

/// When the tests begin, in seconds since 1970.
const EPOCH: u64 = 1_400_000_000;

/// For UDP, as a browser asks.
const TRANSPORT_UDP: (u16, &[u8]) = (REQUESTED_TRANSPORT, &[17, 0, 0, 0]);

fn media() -> Vec<SocketAddr> {
    ["203.0.113.1:7882", "10.0.0.5:7882", "[2001:db8::1]:7882"]
        .map(|text| text.parse().unwrap())
        .to_vec()
}

/// What the server said.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Client(Client, Vec<u8>, usize),
    Peer(SocketAddr, SocketAddr, Vec<u8>),
    Released(SocketAddr),
}

#[derive(Default)]
struct Heard(Vec<Said>);

impl Outlet for Heard {
    fn to_client(&mut self, client: &Client, contents: &[u8], segment: usize) {
        assert!(segment > 0 && segment <= contents.len());
        self.0
            .push(Said::Client(*client, contents.to_vec(), segment));
    }

    fn to_peer(&mut self, relayed: SocketAddr, peer: SocketAddr, datagram: &[u8]) {
        self.0.push(Said::Peer(relayed, peer, datagram.to_vec()));
    }

    fn released(&mut self, relayed: SocketAddr) {
        self.0.push(Said::Released(relayed));
    }
}

/// A server and the time.
struct World {
    server: Server,
    start: Instant,
    passed: Duration,
    transactions: u8,
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut config = ServerConfig::new(SECRET.to_vec(), [7; 32]);
        change(&mut config);
        let start = Instant::now();
        let now = Now {
            at: start,
            unix: EPOCH,
        };
        Self {
            server: Server::new(now, config, media()),
            start,
            passed: Duration::ZERO,
            transactions: 0,
        }
    }

    fn now(&self) -> Now {
        Now {
            at: self.start + self.passed,
            unix: EPOCH + self.passed.as_secs(),
        }
    }

    fn pass(&mut self, seconds: u64) -> Vec<Said> {
        self.passed += Duration::from_secs(seconds);
        let mut heard = Heard::default();
        self.server.handle_timeout(self.now(), &mut heard);
        heard.0
    }

    fn say(&mut self, client: &Client, message: &[u8]) -> Vec<Said> {
        let mut heard = Heard::default();
        let now = self.now();
        self.server.from_client(now, client, message, &mut heard);
        heard.0
    }

    fn media_says(
        &mut self,
        relayed: SocketAddr,
        peer: SocketAddr,
        contents: &[u8],
        segment: usize,
    ) -> Vec<Said> {
        let mut heard = Heard::default();
        let now = self.now();
        self.server
            .from_peer(now, relayed, peer, contents, segment, &mut heard);
        heard.0
    }

    fn transaction(&mut self) -> [u8; 12] {
        self.transactions = self.transactions.wrapping_add(1);
        [self.transactions; 12]
    }
}

/// One client with its credentials and the nonce that it was given.
#[derive(Clone)]
struct User {
    client: Client,
    credentials: Credentials,
    nonce: Vec<u8>,
    algorithm: Option<Algorithm>,
}

/// An answer.
#[derive(Debug)]
struct Answer {
    bytes: Vec<u8>,
}

impl Answer {
    fn message(&self) -> Message<'_> {
        Message::parse(&self.bytes).unwrap()
    }

    /// 0 for success.
    fn code(&self) -> u16 {
        let message = self.message();
        match message.attribute(ERROR_CODE) {
            Some([_, _, class, number, ..]) => {
                assert_eq!(message.kind() & kind::CLASS, kind::ERROR);
                u16::from(*class) * 100 + u16::from(*number)
            }
            Some(_) => panic!("a short ERROR-CODE"),
            None => {
                assert_eq!(message.kind() & kind::CLASS, kind::SUCCESS);
                0
            }
        }
    }

    fn address(&self, kind: u16) -> SocketAddr {
        let message = self.message();
        let value = message.attribute(kind).unwrap();
        read_xor_address(&message.transaction(), value).unwrap()
    }

    fn lifetime(&self) -> u32 {
        let message = self.message();
        let value = message.attribute(LIFETIME).unwrap();
        u32::from_be_bytes(value.try_into().unwrap())
    }
}

fn client(port: u16) -> Client {
    Client {
        transport: Transport::Udp,
        peer: SocketAddr::from(([198, 51, 100, 7], port)),
        local: "203.0.113.1:3478".parse().unwrap(),
    }
}

fn credentials_of(name: &str) -> Credentials {
    let now = UNIX_EPOCH + Duration::from_secs(EPOCH);
    credentials::issue(SECRET, name, now, Duration::from_secs(86_400))
}

impl User {
    fn new(client: Client, name: &str) -> Self {
        Self {
            client,
            credentials: credentials_of(name),
            nonce: Vec::new(),
            algorithm: None,
        }
    }

    /// One that knows its nonce, and one with an allocation.
    fn greeted(world: &mut World, client: Client, name: &str) -> Self {
        let mut user = Self::new(client, name);
        let answer = user
            .ask_openly(world, kind::ALLOCATE, &[TRANSPORT_UDP])
            .unwrap();
        assert_eq!(answer.code(), 401);
        user.take_nonce(&answer);
        user
    }

    fn allocated(world: &mut World, client: Client, name: &str) -> (Self, SocketAddr) {
        let user = Self::greeted(world, client, name);
        let answer = user.ask(world, kind::ALLOCATE, &[TRANSPORT_UDP]);
        assert_eq!(answer.code(), 0);
        let relayed = answer.address(XOR_RELAYED_ADDRESS);
        (user, relayed)
    }

    fn take_nonce(&mut self, answer: &Answer) {
        let message = answer.message();
        assert_eq!(message.attribute(REALM), Some(REALM_NAME.as_bytes()));
        self.nonce = message.attribute(NONCE).unwrap().to_vec();
    }

    fn key(&self) -> Vec<u8> {
        let Credentials { username, password } = &self.credentials;
        key(self.algorithm.unwrap_or(Algorithm::Md5), username, password)
    }

    /// Without credentials.
    fn ask_openly(
        &self,
        world: &mut World,
        kind: u16,
        attributes: &[(u16, &[u8])],
    ) -> Option<Answer> {
        let mut request = Vec::new();
        let transaction = world.transaction();
        let mut writer = Writer::new(&mut request, kind, &transaction);
        for (kind, value) in attributes {
            writer.attribute(*kind, value);
        }
        self.send(world, &request)
    }

    fn request(&self, transaction: &[u8; 12], kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut request = Vec::new();
        let mut writer = Writer::new(&mut request, kind, transaction);
        for (kind, value) in attributes {
            writer.attribute(*kind, value);
        }
        writer
            .attribute(USERNAME, self.credentials.username.as_bytes())
            .attribute(REALM, REALM_NAME.as_bytes())
            .attribute(NONCE, &self.nonce);
        if let Some(algorithm) = self.algorithm {
            let number = match algorithm {
                Algorithm::Sha256 => 2,
                Algorithm::Md5 => 1,
            };
            writer
                .attribute(PASSWORD_ALGORITHMS, &super::auth::ALGORITHMS)
                .attribute(PASSWORD_ALGORITHM, &[0, number, 0, 0])
                .integrity_sha256(&self.key());
        } else {
            writer.integrity(&self.key());
        }
        request
    }

    /// With credentials. The answer must be signed when it is not about them.
    fn ask(&self, world: &mut World, kind: u16, attributes: &[(u16, &[u8])]) -> Answer {
        let transaction = world.transaction();
        let request = self.request(&transaction, kind, attributes);
        let answer = self.send(world, &request).unwrap();
        assert_eq!(answer.message().transaction(), transaction);
        assert_eq!(answer.message().kind() & !kind::CLASS, kind);
        let signed = match self.algorithm {
            Some(_) => answer.message().has_integrity_sha256(&self.key()),
            None => answer.message().has_integrity(&self.key()),
        };
        assert!(signed || matches!(answer.code(), 400 | 401 | 438));
        answer
    }

    fn send(&self, world: &mut World, message: &[u8]) -> Option<Answer> {
        let mut said = world.say(&self.client, message).into_iter();
        said.find_map(|said| match said {
            Said::Client(client, bytes, _) if client == self.client => Some(Answer { bytes }),
            _ => None,
        })
    }

    fn permit(&self, world: &mut World, peers: &[SocketAddr]) -> u16 {
        let transaction = world.transaction();
        let values: Vec<Vec<u8>> = peers.iter().map(|peer| xor(&transaction, *peer)).collect();
        let attributes: Vec<(u16, &[u8])> = values
            .iter()
            .map(|value| (XOR_PEER_ADDRESS, value.as_slice()))
            .collect();
        let request = self.request(&transaction, kind::CREATE_PERMISSION, &attributes);
        self.send(world, &request).unwrap().code()
    }

    fn bind(&self, world: &mut World, channel: u16, peer: SocketAddr) -> u16 {
        let transaction = world.transaction();
        let [c0, c1] = channel.to_be_bytes();
        let attributes: [(u16, &[u8]); 2] = [
            (CHANNEL_NUMBER, &[c0, c1, 0, 0]),
            (XOR_PEER_ADDRESS, &xor(&transaction, peer)),
        ];
        let request = self.request(&transaction, kind::CHANNEL_BIND, &attributes);
        self.send(world, &request).unwrap().code()
    }
}

/// The value of an address attribute.
fn xor(transaction: &[u8; 12], address: SocketAddr) -> Vec<u8> {
    let mut message = Vec::new();
    Writer::new(&mut message, 0, transaction).xor_address(XOR_PEER_ADDRESS, address);
    message.split_off(24)
}

fn at(ip: impl Into<IpAddr>, port: u16) -> SocketAddr {
    SocketAddr::new(ip.into(), port)
}
