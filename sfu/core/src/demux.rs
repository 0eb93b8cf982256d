//! From a datagram to its session, without asking every session.
//!
//! We choose our ICE username fragment, so the shard stands in it: its first four characters are
//! the shard's number in hexadecimal. A STUN check names it in USERNAME (RFC 8445 section 7.2.2);
//! after the check proved right, the peer's address stands for the session.

use std::{collections::HashMap, net::SocketAddr};

use str0m::IceCreds;

use crate::shard::SessionKey;

/// Characters of a fragment that name the shard.
const PREFIX: usize = 4;

/// Most addresses of one session: a client has a handful of interfaces and NAT bindings. The
/// oldest goes when a new one proves itself.
const MAX_ADDRESSES: usize = 16;

/// Most addresses remembered on behalf of other shards; beyond, all are forgotten and the next
/// STUN check, at most 2.5 s away, brings each back.
const MAX_FOREIGN: usize = 65_536;

/// RFC 8489 section 5.
const STUN_MAGIC: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// RFC 8489 section 14.3.
const ATTRIBUTE_USERNAME: u16 = 0x0006;

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
    by_address: HashMap<SocketAddr, SessionKey>,
    addresses: HashMap<SessionKey, Vec<SocketAddr>>,
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

    pub(crate) fn remove(&mut self, ufrag: &str, key: SessionKey) {
        self.by_ufrag.remove(ufrag);
        for address in self.addresses.remove(&key).unwrap_or_default() {
            if self.by_address.get(&address) == Some(&key) {
                self.by_address.remove(&address);
            }
        }
    }

    /// A STUN check from this address was authentic.
    pub(crate) fn prove(&mut self, address: SocketAddr, key: SessionKey) {
        self.foreign.remove(&address);
        if self.by_address.insert(address, key) == Some(key) {
            return;
        }
        let addresses = self.addresses.entry(key).or_default();
        if addresses.len() >= MAX_ADDRESSES {
            let oldest = addresses.remove(0);
            if self.by_address.get(&oldest) == Some(&key) {
                self.by_address.remove(&oldest);
            }
        }
        addresses.push(address);
    }

    /// Another shard proved that the address is its own.
    pub(crate) fn prove_foreign(&mut self, address: SocketAddr, shard: u16) {
        if self.foreign.len() >= MAX_FOREIGN {
            self.foreign.clear();
        }
        self.foreign.insert(address, shard);
    }

    pub(crate) fn owner(&self, source: SocketAddr, datagram: &[u8]) -> Owner {
        if is_stun(datagram)
            && let Some(ufrag) = our_ufrag(datagram)
        {
            if let Some(&key) = self.by_ufrag.get(ufrag) {
                return Owner::Here {
                    key,
                    proven: self.by_address.get(&source) == Some(&key),
                };
            }
            let shard = ufrag
                .get(..PREFIX)
                .and_then(|hex| u16::from_str_radix(hex, 16).ok());
            return match shard {
                Some(shard) if shard != self.shard && shard < self.shards => Owner::Shard(shard),
                Some(_) | None => Owner::Nobody,
            };
        }
        if let Some(&key) = self.by_address.get(&source) {
            return Owner::Here { key, proven: true };
        }
        self.foreign
            .get(&source)
            .map_or(Owner::Nobody, |shard| Owner::Shard(*shard))
    }
}

fn is_stun(datagram: &[u8]) -> bool {
    datagram.len() >= 20 && datagram[0] < 2 && datagram[4..8] == STUN_MAGIC
}

/// Our half of USERNAME, before the colon.
fn our_ufrag(stun: &[u8]) -> Option<&str> {
    let mut rest = stun.get(20..)?;
    while let [t0, t1, l0, l1, after @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*l0, *l1]));
        let value = after.get(..len)?;
        if u16::from_be_bytes([*t0, *t1]) == ATTRIBUTE_USERNAME {
            return std::str::from_utf8(value).ok()?.split(':').next();
        }
        rest = after.get(len.next_multiple_of(4)..)?;
    }
    None
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
        stun
    }

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
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
        demux.prove_foreign(address(2), 3);
        assert_eq!(demux.owner(address(2), &[22; 20]), Owner::Shard(3));
        demux.remove(&creds.ufrag, key);
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
