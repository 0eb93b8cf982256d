//! A TURN server (RFC 8656) as a pure state machine: what came in goes into it together with the time,
//! and what it says comes out by [`Outlet`].
//!
//! It relays to one peer only, the media plane of this process, and so it has no sockets for relayed
//! addresses. A relayed address is a name: what a client sends through it is handed over in the process
//! as if it had come from there, and what is sent to it goes back into the allocation. Nothing else can
//! be reached through this server, whatever a client asks for.
//!
//! # Invariants
//! - Whoever has not proven itself costs nothing that stays: nonces are not remembered, and answers to
//!   strangers are few and hardly larger than the question.
//! - All that clients can make grow is bounded: allocations by user, by address and in all; permissions
//!   and channels by allocation; octets a second by allocation and in all.
//! - Credentials are one session's: once that is over they make no allocation, and an allocation through
//!   which the media plane says nothing ends.

mod allocation;
pub(crate) mod auth;
mod bucket;
pub(crate) mod codec;
mod config;
mod ended;
pub mod framing;
mod nonce;
mod refusal;
mod relaying;
mod requests;
mod strangers;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap},
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use weir_rtp::stun::{self, Message, Writer};

use allocation::Allocation;
use auth::{Unproven, User};
use bucket::Bucket;
use codec::{attribute, kind};
use ended::Ended;
use nonce::Nonces;
use strangers::Strangers;
pub(crate) use strangers::network;

pub use config::ServerConfig;
pub use refusal::{Refusal, ServerStats};

/// How often ended allocations are looked for.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// The time, by both clocks: allocations end by the steady one, credentials by the calendar.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// The steady clock.
    pub at: Instant,
    /// Seconds since 1970.
    pub unix: u64,
}

/// How a client speaks to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// TCP, or TLS over it.
    Stream,
}

/// A client, by what it speaks over (RFC 8656 section 2: the 5-tuple).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client {
    /// How.
    pub transport: Transport,
    /// The client's address.
    pub peer: SocketAddr,
    /// Our address that it speaks to.
    pub local: SocketAddr,
}

/// Where the server's output goes.
pub trait Outlet {
    /// Messages for a client, all of `segment` octets but the last, which may be shorter. Over UDP each
    /// is a datagram.
    fn to_client(&mut self, client: &Client, contents: &[u8], segment: usize);

    /// A datagram for the media plane, from a relayed address.
    fn to_peer(&mut self, relayed: SocketAddr, peer: SocketAddr, datagram: &[u8]);

    /// Nobody has this relayed address any more.
    fn released(&mut self, relayed: SocketAddr);
}

/// The state machine.
pub struct Server {
    config: ServerConfig,
    nonces: Nonces,
    strangers: Strangers,
    ended: Ended,
    /// The only peers.
    media: Vec<SocketAddr>,
    allocations: HashMap<Client, Allocation>,
    by_relayed: HashMap<SocketAddr, Client>,
    of_user: HashMap<String, u32>,
    of_network: HashMap<IpAddr, u32>,
    next_port: u16,
    bandwidth: Bucket,
    housekeeping: Instant,
    stats: ServerStats,
    /// What is being written; kept for its memory.
    scratch: Vec<u8>,
}

impl Server {
    /// A server that relays to these media addresses.
    pub fn new(now: Now, config: ServerConfig, media: Vec<SocketAddr>) -> Self {
        let ports = config::PORTS;
        let spread = u16::from_be_bytes([config.nonce_key[0], config.nonce_key[1]]);
        Self {
            nonces: Nonces::new(now.at, &config.nonce_key),
            strangers: Strangers::new(now.at),
            ended: Ended::default(),
            media,
            allocations: HashMap::new(),
            by_relayed: HashMap::new(),
            of_user: HashMap::new(),
            of_network: HashMap::new(),
            next_port: ports.start() + spread % (ports.end() - ports.start()),
            bandwidth: Bucket::new(now.at, config.bandwidth),
            housekeeping: now.at + HOUSEKEEPING,
            stats: ServerStats::default(),
            scratch: Vec::new(),
            config,
        }
    }

    /// The media plane has these addresses now. Allocations stay as they are.
    pub fn set_media(&mut self, media: Vec<SocketAddr>) {
        self.media = media;
    }

    /// Counters and gauges.
    pub fn stats(&self) -> ServerStats {
        let allocations = self.allocations.len() as u64;
        ServerStats {
            allocations,
            ended: self.ended.len() as u64,
            ..self.stats
        }
    }

    /// The session is over. With its credentials nothing is allocated any more, after
    /// [`ServerConfig::grace`]; what is allocated ends with its lifetime, unless another session of the
    /// same client speaks through it.
    pub fn session_ended(&mut self, now: Now, session: &str) {
        let user = crate::credentials::pseudonym(&self.config.secret, session);
        self.ended.end(now.at, user);
    }

    /// One message of a client: a datagram, or what [`framing`] cut out of its stream.
    pub fn from_client(
        &mut self,
        now: Now,
        client: &Client,
        message: &[u8],
        out: &mut impl Outlet,
    ) {
        let ended = |allocation: &Allocation| allocation.expires <= now.at;
        if self.allocations.get(client).is_some_and(ended) {
            self.release(client, out);
        }
        match message.first() {
            Some(0x40..=0x4f) => self.channel_data(now, client, message, out),
            Some(0..=0x3f) => {
                if let Some(parsed) = Message::parse(message) {
                    self.stun(now, client, &parsed, message.len(), out);
                }
            }
            Some(_) | None => {}
        }
    }

    /// Whether the client has an allocation.
    pub fn has_allocation(&self, client: &Client) -> bool {
        self.allocations.contains_key(client)
    }

    /// The client's connection is closed: its allocation is over (RFC 8656 section 7.2 and 3.1).
    pub fn disconnected(&mut self, client: &Client, out: &mut impl Outlet) {
        self.release(client, out);
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Now, out: &mut impl Outlet) {
        if now.at < self.housekeeping {
            return;
        }
        self.housekeeping = now.at + HOUSEKEEPING;
        let ended = self.allocations.iter();
        let ended: Vec<Client> = ended
            .filter(|(_, allocation)| allocation.expires <= now.at)
            .map(|(client, _)| *client)
            .collect();
        for client in ended {
            self.release(&client, out);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        (!self.allocations.is_empty()).then_some(self.housekeeping)
    }

    fn stun(
        &mut self,
        now: Now,
        client: &Client,
        message: &Message<'_>,
        len: usize,
        out: &mut impl Outlet,
    ) {
        match message.kind() {
            kind::SEND => return self.send_indication(now, client, message, out),
            kind::BINDING => return self.binding(now, client, message, len, out),
            // Keeps a NAT's binding open and wants no answer.
            kind::BINDING_INDICATION => return,
            kind::ALLOCATE | kind::REFRESH | kind::CREATE_PERMISSION | kind::CHANNEL_BIND => {}
            _ => return,
        }
        let secret = &self.config.secret;
        let user = match auth::user(now, client, message, &self.nonces, secret) {
            Ok(user) => user,
            Err(why) => return self.challenge(now, client, message, len, &why, out),
        };
        let asks_anew = message.kind() == kind::ALLOCATE && !self.has_allocation(client);
        if asks_anew && self.ended.ended(now.at, &user.name, self.config.grace) {
            let over = Unproven::Wrong(Refusal::Unauthorized);
            return self.challenge(now, client, message, len, &over, out);
        }
        let kinds: BTreeSet<u16> = message.attributes().map(|(kind, _)| kind).collect();
        let unknown: Vec<u8> = kinds
            .into_iter()
            .filter(|kind| !attribute::is_understood(*kind))
            .flat_map(u16::to_be_bytes)
            .collect();
        if !unknown.is_empty() {
            return self.refuse(
                client,
                message,
                &user,
                Refusal::UnknownAttribute,
                &unknown,
                out,
            );
        }
        let done = match message.kind() {
            kind::ALLOCATE => self.allocate(now, client, message, &user, out),
            kind::REFRESH => self.refresh(now, client, message, &user, out),
            kind::CREATE_PERMISSION => self.create_permission(now, client, message, &user, out),
            _ => self.channel_bind(now, client, message, &user, out),
        };
        if let Err(why) = done {
            self.refuse(client, message, &user, why, &[], out);
        }
    }

    /// Where the client is seen to be: any STUN server says so to anybody.
    fn binding(
        &mut self,
        now: Now,
        client: &Client,
        message: &Message<'_>,
        len: usize,
        out: &mut impl Outlet,
    ) {
        let answer = stun::binding_response(&message.transaction(), client.peer);
        self.answer_stranger(now, client, len, &answer, out);
    }

    /// Refuses who has not proven to be a user, and says how to.
    fn challenge(
        &mut self,
        now: Now,
        client: &Client,
        message: &Message<'_>,
        len: usize,
        why: &Unproven,
        out: &mut impl Outlet,
    ) {
        let refusal = match why {
            Unproven::Silent => {
                self.stats.challenges += 1;
                Refusal::Unauthorized
            }
            Unproven::Wrong(refusal) => {
                self.stats.count(*refusal);
                *refusal
            }
        };
        let mut answer = std::mem::take(&mut self.scratch);
        answer.clear();
        let kind = message.kind() | kind::ERROR;
        let mut writer = Writer::new(&mut answer, kind, &message.transaction());
        // Without words: the answer to a stranger is short.
        writer.attribute(attribute::ERROR_CODE, &error_code(refusal, ""));
        if refusal != Refusal::BadRequest {
            let nonce = self.nonces.make(now.at, client.peer);
            writer
                .attribute(attribute::REALM, auth::REALM_NAME.as_bytes())
                .attribute(attribute::NONCE, nonce.as_bytes())
                .attribute(attribute::PASSWORD_ALGORITHMS, &auth::ALGORITHMS);
        }
        self.answer_stranger(now, client, len, &answer, out);
        self.scratch = answer;
    }

    fn answer_stranger(
        &mut self,
        now: Now,
        client: &Client,
        asked: usize,
        answer: &[u8],
        out: &mut impl Outlet,
    ) {
        let (transport, ip) = (client.transport, client.peer.ip());
        if self
            .strangers
            .may_answer(now.at, transport, ip, asked, answer.len())
        {
            out.to_client(client, answer, answer.len());
        } else {
            self.stats.unanswered += 1;
        }
    }

    fn refuse(
        &mut self,
        client: &Client,
        message: &Message<'_>,
        user: &User,
        why: Refusal,
        unknown: &[u8],
        out: &mut impl Outlet,
    ) {
        self.stats.count(why);
        tracing::debug!(client = %client.peer, user = user.name, ?why, "TURN request refused");
        self.answer(client, message, kind::ERROR, user, out, |answer| {
            answer.attribute(attribute::ERROR_CODE, &error_code(why, why.phrase()));
            if !unknown.is_empty() {
                answer.attribute(attribute::UNKNOWN_ATTRIBUTES, unknown);
            }
        });
    }

    /// Answers a user.
    fn answer(
        &mut self,
        client: &Client,
        message: &Message<'_>,
        class: u16,
        user: &User,
        out: &mut impl Outlet,
        write: impl FnOnce(&mut Writer<'_>),
    ) {
        let mut answer = std::mem::take(&mut self.scratch);
        answer.clear();
        let kind = (message.kind() & !kind::CLASS) | class;
        let mut writer = Writer::new(&mut answer, kind, &message.transaction());
        write(&mut writer);
        user.sign(&mut writer);
        out.to_client(client, &answer, answer.len());
        self.scratch = answer;
    }

    fn release(&mut self, client: &Client, out: &mut impl Outlet) {
        let Some(allocation) = self.allocations.remove(client) else {
            return;
        };
        self.by_relayed.remove(&allocation.relayed);
        less(&mut self.of_user, &allocation.user);
        less(&mut self.of_network, &network(client.peer.ip()));
        tracing::debug!(client = %client.peer, relayed = %allocation.relayed, "TURN allocation over");
        out.released(allocation.relayed);
    }
}

/// The value of ERROR-CODE (RFC 8489 section 14.8).
fn error_code(why: Refusal, phrase: &str) -> Vec<u8> {
    let code = why.code();
    let mut value = vec![0, 0, (code / 100) as u8, (code % 100) as u8];
    value.extend(phrase.as_bytes());
    value
}

/// One fewer; nothing is kept of who has none.
fn less<K, Q>(counts: &mut HashMap<K, u32>, of: &Q)
where
    K: std::hash::Hash + Eq + std::borrow::Borrow<Q>,
    Q: std::hash::Hash + Eq + ?Sized,
{
    if let Some(count) = counts.get_mut(of) {
        *count -= 1;
        if *count == 0 {
            counts.remove(of);
        }
    }
}
