//! A TURN client of a benchmark: an allocation with a channel to one peer.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, bail};
use md5::{Digest as _, Md5};
use weir_rtp::stun::{Message, Writer, read_xor_address};
use weir_turn::credentials;

use crate::sockets::{BatchSocket, Buffers};

/// Kinds of messages and attributes (RFC 8656 sections 17 and 18).
const ALLOCATE: u16 = 0x0003;
const CHANNEL_BIND: u16 = 0x0009;
const CLASS: u16 = 0x0110;
const ERROR: u16 = 0x0110;
const USERNAME: u16 = 0x0006;
const CHANNEL_NUMBER: u16 = 0x000c;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const REALM: u16 = 0x0014;
const NONCE: u16 = 0x0015;
const XOR_RELAYED_ADDRESS: u16 = 0x0016;
const REQUESTED_TRANSPORT: u16 = 0x0019;

/// Time for an answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// A client.
pub(super) struct Client {
    pub(super) socket: BatchSocket,
    /// Where the peer sends to.
    pub(super) relayed: SocketAddr,
}

/// What a server asks for.
struct Challenge {
    realm: Vec<u8>,
    nonce: Vec<u8>,
}

impl Client {
    /// Allocates at a server and binds a channel to `peer`.
    pub(super) fn new(
        server: SocketAddr,
        secret: &str,
        number: usize,
        peer: SocketAddr,
    ) -> anyhow::Result<Self> {
        let socket = BatchSocket::bind()?;
        let mut conversation = Conversation {
            socket: &socket,
            server,
            buffers: Buffers::default(),
            transaction: 0,
        };
        let udp = |request: &mut Writer<'_>| {
            request.attribute(REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
        };
        let answer = conversation.ask(ALLOCATE, udp)?;
        let message = Message::parse(&answer).context("not STUN")?;
        let value = |kind| message.attribute(kind).map(<[u8]>::to_vec);
        let (Some(realm), Some(nonce)) = (value(REALM), value(NONCE)) else {
            bail!("the server asks for no credentials");
        };
        let challenge = Challenge { realm, nonce };
        let hour = Duration::from_secs(3_600);
        let name = format!("client{number}");
        let made = credentials::issue(secret.as_bytes(), &name, SystemTime::now(), hour);
        let mut hash = Md5::new();
        for part in [made.username.as_bytes(), b":", &challenge.realm, b":"] {
            hash.update(part);
        }
        hash.update(made.password.as_bytes());
        let key = hash.finalize();
        let sign = |request: &mut Writer<'_>| {
            request
                .attribute(USERNAME, made.username.as_bytes())
                .attribute(REALM, &challenge.realm)
                .attribute(NONCE, &challenge.nonce)
                .integrity(&key);
        };
        let answer = conversation.ask(ALLOCATE, |request| {
            udp(request);
            sign(request);
        })?;
        let message = success(&answer)?;
        let relayed = message.attribute(XOR_RELAYED_ADDRESS);
        let relayed = relayed
            .and_then(|value| read_xor_address(&message.transaction(), value))
            .context("no relayed address")?;
        let answer = conversation.ask(CHANNEL_BIND, |request| {
            request
                .attribute(CHANNEL_NUMBER, &[0x40, 0, 0, 0])
                .xor_address(XOR_PEER_ADDRESS, peer);
            sign(request);
        })?;
        success(&answer).context("no channel to the peer")?;
        Ok(Self { socket, relayed })
    }
}

fn success(answer: &[u8]) -> anyhow::Result<Message<'_>> {
    let message = Message::parse(answer).context("not STUN")?;
    if message.kind() & CLASS == ERROR {
        bail!("the server refuses: {:?}", message.attribute(0x0009));
    }
    Ok(message)
}

struct Conversation<'a> {
    socket: &'a BatchSocket,
    server: SocketAddr,
    buffers: Buffers,
    transaction: u8,
}

impl Conversation<'_> {
    fn ask(&mut self, kind: u16, write: impl FnOnce(&mut Writer<'_>)) -> anyhow::Result<Vec<u8>> {
        self.transaction += 1;
        let transaction = [self.transaction; 12];
        let mut request = Vec::new();
        write(&mut Writer::new(&mut request, kind, &transaction));
        self.socket.send_plain(&request, self.server)?;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let mut answer = None;
            self.socket.receive(&mut self.buffers, |_, bytes| {
                let ours = |message: &Message<'_>| message.transaction() == transaction;
                if Message::parse(bytes).filter(ours).is_some() {
                    answer = Some(bytes.to_vec());
                }
                Ok(())
            })?;
            match answer {
                Some(answer) => return Ok(answer),
                None => thread::sleep(Duration::from_millis(1)),
            }
        }
        bail!("the server does not answer")
    }
}
