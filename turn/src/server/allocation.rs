//! What one client has: a relayed address, whom it may speak to there, and its channels.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use weir_rtp::stun::Transaction;

use super::{Refusal, bucket::Bucket};

/// RFC 8656 section 9.
const PERMISSION: Duration = Duration::from_secs(300);

/// RFC 8656 section 12.
const CHANNEL: Duration = Duration::from_secs(600);

/// Permissions of one allocation: the media address has an IPv4 and an IPv6 address, perhaps a private
/// one of each beside it.
pub(crate) const MAX_PERMISSIONS: usize = 16;

/// Channels of one allocation, likewise.
pub(crate) const MAX_CHANNELS: usize = 16;

/// One client's allocation.
#[derive(Debug)]
pub(crate) struct Allocation {
    pub(crate) relayed: SocketAddr,
    pub(crate) user: String,
    /// The request that made it, which may come again.
    pub(crate) transaction: Transaction,
    pub(crate) expires: Instant,
    pub(crate) bucket: Bucket,
    /// The media plane has spoken through it since it was made or prolonged: a session stands behind it.
    pub(crate) in_use: bool,
    permissions: Vec<(IpAddr, Instant)>,
    channels: Vec<Channel>,
}

#[derive(Debug)]
struct Channel {
    number: u16,
    peer: SocketAddr,
    expires: Instant,
}

impl Allocation {
    pub(crate) fn new(
        relayed: SocketAddr,
        user: String,
        transaction: Transaction,
        expires: Instant,
        bucket: Bucket,
    ) -> Self {
        Self {
            relayed,
            user,
            transaction,
            expires,
            bucket,
            in_use: false,
            permissions: Vec::new(),
            channels: Vec::new(),
        }
    }

    /// Whether data may go between the client and this address.
    pub(crate) fn permits(&self, now: Instant, peer: IpAddr) -> bool {
        let mut permissions = self.permissions.iter();
        permissions.any(|(ip, expires)| *ip == peer && now < *expires)
    }

    /// Permits these addresses for the next five minutes: all, or none.
    pub(crate) fn permit(&mut self, now: Instant, peers: &[IpAddr]) -> Result<(), Refusal> {
        self.permissions.retain(|(_, expires)| now < *expires);
        let known = self.permissions.len();
        for peer in peers {
            if !self.permissions.iter().any(|(ip, _)| ip == peer) {
                self.permissions.push((*peer, now));
            }
        }
        if self.permissions.len() > MAX_PERMISSIONS {
            self.permissions.truncate(known);
            return Err(Refusal::InsufficientCapacity);
        }
        for (ip, expires) in &mut self.permissions {
            if peers.contains(ip) {
                *expires = now + PERMISSION;
            }
        }
        Ok(())
    }

    /// Binds a channel to a peer for the next ten minutes, and permits the peer (RFC 8656 section 12.2).
    pub(crate) fn bind(
        &mut self,
        now: Instant,
        number: u16,
        peer: SocketAddr,
    ) -> Result<(), Refusal> {
        self.channels.retain(|channel| now < channel.expires);
        let bound = self
            .channels
            .iter()
            .position(|channel| channel.number == number || channel.peer == peer);
        match bound.and_then(|index| self.channels.get(index)) {
            Some(channel) if channel.number != number || channel.peer != peer => {
                return Err(Refusal::BadRequest);
            }
            None if self.channels.len() >= MAX_CHANNELS => {
                return Err(Refusal::InsufficientCapacity);
            }
            Some(_) | None => {}
        }
        self.permit(now, &[peer.ip()])?;
        if let Some(index) = bound {
            self.channels.swap_remove(index);
        }
        self.channels.push(Channel {
            number,
            peer,
            expires: now + CHANNEL,
        });
        Ok(())
    }

    /// The peer of a channel.
    pub(crate) fn peer_of(&self, now: Instant, number: u16) -> Option<SocketAddr> {
        let mut channels = self.channels.iter();
        channels
            .find(|channel| channel.number == number && now < channel.expires)
            .map(|channel| channel.peer)
    }

    /// The channel of a peer.
    pub(crate) fn channel_of(&self, now: Instant, peer: SocketAddr) -> Option<u16> {
        let mut channels = self.channels.iter();
        channels
            .find(|channel| channel.peer == peer && now < channel.expires)
            .map(|channel| channel.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allocation(now: Instant) -> Allocation {
        let relayed = "192.0.2.1:50000".parse().unwrap();
        let bucket = Bucket::new(now, 1_000_000);
        Allocation::new(relayed, "u".to_owned(), [0; 12], now, bucket)
    }

    fn peer(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 9], port))
    }

    #[test]
    fn permissions_end_and_are_bounded() {
        let start = Instant::now();
        let mut it = allocation(start);
        let ip = |n: u8| IpAddr::from([198, 51, 100, n]);
        it.permit(start, &[ip(0)]).unwrap();
        assert!(it.permits(start + Duration::from_secs(299), ip(0)));
        assert!(!it.permits(start + Duration::from_secs(300), ip(0)));
        assert!(!it.permits(start, ip(1)));
        let many: Vec<_> = (1..MAX_PERMISSIONS as u8).map(ip).collect();
        it.permit(start, &many).unwrap();
        let refused = it.permit(start, &[ip(1), ip(100)]);
        assert_eq!(refused, Err(Refusal::InsufficientCapacity));
        assert!(!it.permits(start, ip(100)), "all or none");
        let later = start + Duration::from_secs(300);
        it.permit(later, &[ip(100), ip(100)]).unwrap();
        assert_eq!(it.permissions.len(), 1, "what has ended takes no room");
    }

    #[test]
    fn a_channel_is_one_peers() {
        let start = Instant::now();
        let mut it = allocation(start);
        it.bind(start, 0x4000, peer(1)).unwrap();
        assert!(it.permits(start, peer(1).ip()));
        assert_eq!(it.bind(start, 0x4000, peer(2)), Err(Refusal::BadRequest));
        assert_eq!(it.bind(start, 0x4001, peer(1)), Err(Refusal::BadRequest));
        it.bind(start + Duration::from_secs(599), 0x4000, peer(1))
            .unwrap();
        let later = start + Duration::from_secs(1_198);
        assert_eq!(it.peer_of(later, 0x4000), Some(peer(1)));
        assert_eq!(it.channel_of(later, peer(1)), Some(0x4000));
        assert_eq!(it.channel_of(later, peer(2)), None);
        assert_eq!(it.peer_of(later + Duration::from_secs(1), 0x4000), None);
        it.bind(later + Duration::from_secs(1), 0x4000, peer(2))
            .unwrap();
        let now = later + Duration::from_secs(1);
        for n in 1..MAX_CHANNELS as u16 {
            it.bind(now, 0x4000 + n, peer(100 + n)).unwrap();
        }
        let refused = it.bind(now, 0x4fff, peer(99));
        assert_eq!(refused, Err(Refusal::InsufficientCapacity));
        it.bind(now, 0x4000, peer(2)).unwrap();
    }
}
