//! Asks STUN servers which address this machine has on the Internet.
//!
//! The question must leave from the media port, since NAT may map each port otherwise. The answer
//! comes to whichever shard the kernel picks, which hands it over here.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs, UdpSocket},
    os::fd::AsFd,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

use weir_rtp::stun;

use crate::{
    inbox::{Inbound, Mailbox},
    socket::{self, mapped},
};

/// How often the address is asked for again: home connections change it, some daily.
const REFRESH: Duration = Duration::from_secs(300);

/// How soon it is asked for again when nobody answered.
const RETRY: Duration = Duration::from_secs(30);

/// Time for an answer, and how often a question is sent (UDP loses some).
const ANSWER: Duration = Duration::from_millis(500);
const ATTEMPTS: usize = 4;

/// Most servers and most addresses of one server that are asked.
const MAX_SERVERS: usize = 8;
const MAX_ADDRESSES: usize = 4;

/// Responses that wait for the thread. Beyond, they are dropped: strangers can send them too.
const RESPONSES: usize = 16;

/// The longest response that is looked at, in bytes; ours asked for nothing that is long.
const MAX_RESPONSE: usize = 548;

/// A datagram that may be an answer.
pub(crate) struct Response {
    source: SocketAddr,
    bytes: Vec<u8>,
}

/// The shards' end.
#[derive(Clone)]
pub(crate) struct Responses(SyncSender<Response>);

impl Responses {
    /// Takes a datagram that is a response to a binding request. We are ICE-lite and send no
    /// checks, so a session never gets one.
    pub(crate) fn take(&self, source: SocketAddr, datagram: &[u8]) -> bool {
        let is_response = stun::is_stun(datagram)
            && stun::Message::parse(datagram).is_some_and(|message| message.is_success());
        if is_response && datagram.len() <= MAX_RESPONSE {
            let bytes = datagram.to_vec();
            // Full: the question is asked again.
            let _ = self.0.try_send(Response { source, bytes });
        }
        is_response
    }
}

pub(crate) struct Discovery {
    servers: Vec<String>,
    socket: UdpSocket,
    local: SocketAddr,
    responses: Receiver<Response>,
    mailboxes: Vec<Mailbox>,
    /// What is advertised in any case.
    udp: Vec<SocketAddr>,
    tcp: Vec<SocketAddr>,
    more_tcp_ports: Vec<u16>,
}

impl Discovery {
    /// `socket` is one on the media port. The thread ends with the shards.
    pub(crate) fn new(
        servers: &[String],
        socket: &impl AsFd,
        local: SocketAddr,
        udp: Vec<SocketAddr>,
        tcp: Vec<SocketAddr>,
    ) -> io::Result<(Self, Responses)> {
        let (send, responses) = sync_channel(RESPONSES);
        let discovery = Self {
            servers: servers.iter().take(MAX_SERVERS).cloned().collect(),
            socket: socket.as_fd().try_clone_to_owned()?.into(),
            local,
            responses,
            mailboxes: Vec::new(),
            udp,
            tcp,
            more_tcp_ports: Vec::new(),
        };
        Ok((discovery, Responses(send)))
    }

    /// Ports that are advertised for TCP beside the media port.
    pub(crate) fn set_more_tcp_ports(&mut self, ports: Vec<u16>) {
        self.more_tcp_ports = ports;
    }

    pub(crate) fn start(mut self, mailboxes: Vec<Mailbox>) -> io::Result<()> {
        self.mailboxes = mailboxes;
        // Not joined at the end: resolving a name may take its time.
        thread::Builder::new()
            .name("sfu-discovery".to_owned())
            .spawn(move || self.run())?;
        Ok(())
    }

    fn run(mut self) {
        let mut known: Vec<SocketAddr> = Vec::new();
        let mut told_failure = false;
        loop {
            let found = match self.ask() {
                Ok(found) => found,
                Err(Stopped) => return,
            };
            let wait = if found.is_empty() { RETRY } else { REFRESH };
            if found.is_empty() {
                if !std::mem::replace(&mut told_failure, true) {
                    tracing::warn!(
                        servers = ?self.servers,
                        "no STUN server answered, so the public address is not known; set media.public_ip to it"
                    );
                }
            } else {
                told_failure = false;
                self.tell(&found, found != known);
                known = found;
            }
            if self.pause(wait).is_err() {
                return;
            }
        }
    }

    /// The addresses as servers see them: at most one IPv4 and one IPv6.
    fn ask(&mut self) -> Result<Vec<SocketAddr>, Stopped> {
        let mut found: Vec<SocketAddr> = Vec::new();
        for server in self.servers.clone() {
            let addresses = match server.to_socket_addrs() {
                Ok(addresses) => addresses,
                Err(error) => {
                    tracing::debug!(%server, %error, "STUN server not found");
                    continue;
                }
            };
            for address in addresses.take(MAX_ADDRESSES) {
                let have = found.iter().any(|f| f.is_ipv4() == address.is_ipv4());
                let can = address.is_ipv4() || self.local.is_ipv6();
                if have || !can {
                    continue;
                }
                if let Some(own) = self.question(address)? {
                    found.push(own);
                }
            }
            if found.len() == 2 || (found.len() == 1 && self.local.is_ipv4()) {
                break;
            }
        }
        found.sort_by_key(SocketAddr::is_ipv6);
        Ok(found)
    }

    fn question(&mut self, server: SocketAddr) -> Result<Option<SocketAddr>, Stopped> {
        let transaction: stun::Transaction = rand::random();
        let request = stun::binding_request(&transaction);
        let to = SocketAddr::new(mapped(self.local, server.ip()), server.port());
        for _ in 0..ATTEMPTS {
            if let Err(error) = self.socket.send_to(&request, to) {
                tracing::debug!(%server, %error, "STUN server not reached");
            }
            let until = Instant::now() + ANSWER;
            loop {
                let wait = until.saturating_duration_since(Instant::now());
                match self.responses.recv_timeout(wait) {
                    Ok(Response { source, bytes }) => {
                        let message = stun::Message::parse(&bytes);
                        let ours = message.filter(|m| m.transaction() == transaction);
                        if source == server
                            && let Some(own) = ours.and_then(|m| m.mapped_address())
                        {
                            return Ok(Some(own));
                        }
                    }
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return Err(Stopped),
                }
            }
        }
        Ok(None)
    }

    fn tell(&self, found: &[SocketAddr], new: bool) {
        if new {
            tracing::info!(?found, "public address");
        }
        let (mut udp, mut tcp) = (self.udp.clone(), self.tcp.clone());
        for own in found {
            if own.port() != self.local.port() && new {
                tracing::warn!(
                    seen = %own,
                    port = self.local.port(),
                    "NAT changes the media port; forward UDP and TCP of this port to this machine and set media.public_ip"
                );
            }
            if own.port() == self.local.port() && !tcp.is_empty() && !tcp.contains(own) {
                tcp.extend(socket::tcp_candidates(&[*own], &self.more_tcp_ports));
            }
            if !udp.contains(own) {
                udp.push(*own);
            }
        }
        for mailbox in &self.mailboxes {
            let (udp, tcp) = (udp.clone(), tcp.clone());
            // A shard with a full inbox learns of it the next time.
            let _ = mailbox.send(Inbound::Candidates { udp, tcp });
        }
    }

    fn pause(&self, wait: Duration) -> Result<(), Stopped> {
        let until = Instant::now() + wait;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.responses.recv_timeout(left) {
                // Late, or not asked for.
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => return Err(Stopped),
            }
        }
    }
}

/// The shards have ended.
struct Stopped;
