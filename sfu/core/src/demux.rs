//! From a datagram to its session, without asking every session.
//!
//! We choose our ICE username fragment, so the shard stands in it: its first four characters are
//! the shard's number in hexadecimal. A STUN check names it in USERNAME (RFC 8445 section 7.2.2);
//! after the check proved right, the peer's address stands for the session.

use std::{collections::HashMap, net::SocketAddr, time::Instant};

use str0m::IceCreds;
use weir_rtp::stun;

use crate::{outbox::Via, shard::SessionKey};

/// Characters of a fragment that name the shard.
const PREFIX: usize = 4;

/// Most addresses of one session: a client has a handful of interfaces and NAT bindings. The
/// oldest goes when a new one proves itself.
const MAX_ADDRESSES: usize = 16;

/// Most addresses remembered on behalf of other shards; beyond, all are forgotten and the next
/// STUN check, at most 2.5 s away, brings each back.
const MAX_FOREIGN: usize = 65_536;

/// Where a peer sends from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) via: Via,
}

/// A datagram as it came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Datagram<'a> {
    pub(crate) source: Peer,
    /// Our address that it was sent to.
    pub(crate) destination: SocketAddr,
    /// When; before it is handled.
    pub(crate) arrived: Instant,
    pub(crate) contents: &'a [u8],
}

/// Where a datagram belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A session here. `proven` is false for a STUN check from an address not seen before.
    Here { key: SessionKey, proven: bool },
    /// Another shard.
    Shard(u16),
    /// Nobody.
    Nobody,
}

#[derive(Debug)]
pub(crate) struct Demux {
    shard: u16,
    shards: u16,
    by_ufrag: HashMap<String, SessionKey>,
    by_address: HashMap<Peer, SessionKey>,
    addresses: HashMap<SessionKey, Vec<Peer>>,
    foreign: HashMap<SocketAddr, u16>,
}

impl Demux {
    pub(crate) fn new(shard: u16, shards: u16) -> Self {
        Self {
            shard,
            shards,
            by_ufrag: HashMap::new(),
            by_address: HashMap::new(),
            addresses: HashMap::new(),
            foreign: HashMap::new(),
        }
    }

    /// Credentials for a new session, random but for the shard's number.
    pub(crate) fn credentials(&self) -> IceCreds {
        let mut creds = IceCreds::new();
        creds.ufrag = format!("{:04x}{}", self.shard, creds.ufrag);
        creds
    }

    pub(crate) fn add(&mut self, ufrag: String, key: SessionKey) {
        self.by_ufrag.insert(ufrag, key);
    }

    /// A restart's fragment is over: proven in the old one's place, or never used.
    pub(crate) fn forget(&mut self, ufrag: &str) {
        self.by_ufrag.remove(ufrag);
    }

    /// The session is over. Gives the addresses that were its own.
    pub(crate) fn remove(&mut self, ufrag: &str, key: SessionKey) -> Vec<Peer> {
        self.by_ufrag.remove(ufrag);
        let mut own = self.addresses.remove(&key).unwrap_or_default();
        own.retain(|peer| self.by_address.get(peer) == Some(&key));
        for peer in &own {
            self.by_address.remove(peer);
        }
        own
    }

    /// A STUN check from this address was authentic. Gives the address that had to make room.
    pub(crate) fn prove(&mut self, peer: Peer, key: SessionKey) -> Option<Peer> {
        if peer.via == Via::Udp {
            self.foreign.remove(&peer.address);
        }
        if self.by_address.insert(peer, key) == Some(key) {
            return None;
        }
        let addresses = self.addresses.entry(key).or_default();
        let mut evicted = None;
        if addresses.len() >= MAX_ADDRESSES {
            let oldest = addresses.remove(0);
            if self.by_address.get(&oldest) == Some(&key) {
                self.by_address.remove(&oldest);
                evicted = Some(oldest);
            }
        }
        addresses.push(peer);
        evicted
    }

    /// Nobody sends from there any more: the connection is closed. Gives the session it was of.
    pub(crate) fn closed(&mut self, peer: Peer) -> Option<SessionKey> {
        let key = self.by_address.remove(&peer)?;
        if let Some(addresses) = self.addresses.get_mut(&key) {
            addresses.retain(|address| *address != peer);
        }
        Some(key)
    }

    /// The session of an address.
    pub(crate) fn session(&self, peer: Peer) -> Option<SessionKey> {
        self.by_address.get(&peer).copied()
    }

    /// Another shard proved that the address is its own.
    pub(crate) fn prove_foreign(&mut self, address: SocketAddr, shard: u16) {
        if self.foreign.len() >= MAX_FOREIGN {
            self.foreign.clear();
        }
        self.foreign.insert(address, shard);
    }

    pub(crate) fn owner(&self, source: Peer, datagram: &[u8]) -> Owner {
        if stun::is_stun(datagram) {
            // We send no checks, so nothing but requests is for us.
            let Some(ufrag) = our_fragment(datagram) else {
                return Owner::Nobody;
            };
            if let Some(&key) = self.by_ufrag.get(ufrag) {
                return Owner::Here {
                    key,
                    proven: self.by_address.get(&source) == Some(&key),
                };
            }
            return match shard_of(ufrag) {
                Some(shard) if shard != self.shard && shard < self.shards => Owner::Shard(shard),
                Some(_) | None => Owner::Nobody,
            };
        }
        if let Some(&key) = self.by_address.get(&source) {
            return Owner::Here { key, proven: true };
        }
        if source.via != Via::Udp {
            return Owner::Nobody;
        }
        self.foreign
            .get(&source.address)
            .map_or(Owner::Nobody, |shard| Owner::Shard(*shard))
    }
}

/// The shard that a STUN check is for.
pub(crate) fn shard_of_check(datagram: &[u8]) -> Option<u16> {
    shard_of(our_fragment(datagram)?)
}

fn shard_of(ufrag: &str) -> Option<u16> {
    u16::from_str_radix(ufrag.get(..PREFIX)?, 16).ok()
}

/// Our half of a check's USERNAME.
fn our_fragment(datagram: &[u8]) -> Option<&str> {
    let message = stun::Message::parse(datagram)?;
    let (ours, _) = message.is_request().then(|| message.fragments())??;
    Some(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(username: &str) -> Vec<u8> {
        let mut stun = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        stun.extend([7; 12]);
        stun.extend([0, 6, 0, username.len() as u8]);
        stun.extend(username.as_bytes());
        stun.resize(stun.len().next_multiple_of(4), 0);
        stun[3] = (stun.len() - 20) as u8;
        stun
    }

    fn address(port: u16) -> Peer {
        Peer {
            address: SocketAddr::from(([192, 0, 2, 1], port)),
            via: Via::Udp,
        }
    }

    #[test]
    fn the_fragment_finds_session_or_shard() {
        let mut demux = Demux::new(1, 4);
        let creds = demux.credentials();
        assert!(creds.ufrag.starts_with("0001") && creds.ufrag.len() > PREFIX);
        let key = SessionKey(9);
        demux.add(creds.ufrag.clone(), key);
        let ours = check(&format!("{}:peer", creds.ufrag));
        assert_eq!(
            demux.owner(address(1), &ours),
            Owner::Here { key, proven: false }
        );
        demux.prove(address(1), key);
        assert_eq!(
            demux.owner(address(1), &ours),
            Owner::Here { key, proven: true }
        );
        assert_eq!(
            demux.owner(address(1), &[128; 20]),
            Owner::Here { key, proven: true }
        );
        assert_eq!(demux.owner(address(2), &[128; 20]), Owner::Nobody);
        assert_eq!(
            demux.owner(address(2), &check("0003abc:peer")),
            Owner::Shard(3)
        );
        assert_eq!(
            demux.owner(address(2), &check("0001abc:peer")),
            Owner::Nobody
        );
        assert_eq!(
            demux.owner(address(2), &check("0009abc:peer")),
            Owner::Nobody
        );
        assert_eq!(demux.owner(address(2), &check("é")), Owner::Nobody);
        demux.prove_foreign(address(2).address, 3);
        assert_eq!(demux.owner(address(2), &[22; 20]), Owner::Shard(3));
        let tcp = Peer {
            via: Via::Tcp,
            ..address(2)
        };
        assert_eq!(demux.owner(tcp, &[22; 20]), Owner::Nobody, "UDP's alone");
        let relayed = Peer {
            via: Via::Relay,
            ..address(1)
        };
        assert_eq!(
            demux.owner(relayed, &[128; 20]),
            Owner::Nobody,
            "UDP's alone"
        );
        demux.prove(tcp, key);
        assert_eq!(demux.owner(address(2), &[22; 20]), Owner::Shard(3));
        assert_eq!(demux.closed(tcp), Some(key));
        assert_eq!(demux.owner(tcp, &[22; 20]), Owner::Nobody);
        assert_eq!(shard_of_check(&ours), Some(1));
        assert_eq!(demux.remove(&creds.ufrag, key), [address(1)]);
        assert_eq!(demux.owner(address(1), &[128; 20]), Owner::Nobody);
        assert_eq!(demux.owner(address(1), &ours), Owner::Nobody);
    }

    #[test]
    fn an_address_belongs_to_its_newest_session() {
        let mut demux = Demux::new(0, 1);
        demux.add("0000a".into(), SessionKey(1));
        demux.add("0000b".into(), SessionKey(2));
        demux.prove(address(1), SessionKey(1));
        demux.prove(address(1), SessionKey(2));
        demux.remove("0000a", SessionKey(1));
        let owner = demux.owner(address(1), &[128; 20]);
        assert_eq!(
            owner,
            Owner::Here {
                key: SessionKey(2),
                proven: true
            }
        );
        for port in 100..200 {
            demux.prove(address(port), SessionKey(2));
        }
        assert!(demux.by_address.len() <= MAX_ADDRESSES);
    }

    #[test]
    fn broken_stun_is_nobodys() {
        let demux = Demux::new(0, 1);
        let whole = check("0000abc:peer");
        for len in 0..whole.len() {
            let mut cut = whole[..len].to_vec();
            assert_eq!(demux.owner(address(1), &cut), Owner::Nobody);
            cut.push(0xff);
            assert_eq!(demux.owner(address(1), &cut), Owner::Nobody);
        }
    }
}
