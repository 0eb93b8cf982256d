//! Data, both ways: RFC 8656 sections 11 and 12.

use std::net::SocketAddr;

use weir_rtp::stun::{Message, Transaction, Writer, read_xor_address};

use super::{
    Client, Now, Outlet, Server, Transport,
    codec::{
        self, CHANNEL_HEADER,
        attribute::{DATA, XOR_PEER_ADDRESS},
        kind,
    },
};

impl Server {
    /// Datagrams that the media plane sends to a relayed address: all of `segment` octets but the last,
    /// which may be shorter.
    pub fn from_peer(
        &mut self,
        now: Now,
        relayed: SocketAddr,
        peer: SocketAddr,
        contents: &[u8],
        segment: usize,
        out: &mut impl Outlet,
    ) {
        let segment = segment.max(1);
        let datagrams = contents.len().div_ceil(segment) as u64;
        let found = self.by_relayed.get(&relayed);
        let Some((client, allocation)) =
            found.and_then(|client| Some((*client, self.allocations.get_mut(client)?)))
        else {
            self.stats.dropped += datagrams;
            return;
        };
        if allocation.expires <= now.at || !allocation.permits(now.at, peer.ip()) {
            self.stats.dropped += datagrams;
            return;
        }
        let channel = allocation.channel_of(now.at, peer);
        let padded = client.transport == Transport::Stream;
        let scratch = &mut self.scratch;
        scratch.clear();
        let mut given = 0;
        let mut first = 0;
        for datagram in contents.chunks(segment) {
            let len = datagram.len();
            if !self.bandwidth.take(now.at, len) {
                break;
            }
            if !allocation.bucket.take(now.at, len) {
                self.bandwidth.give(len);
                break;
            }
            match channel {
                Some(channel) => {
                    // A datagram has never more octets than the length field can say.
                    codec::write_channel_data(scratch, channel, datagram, padded);
                }
                None => {
                    let transaction = transaction(self.stats.bytes_to_clients);
                    Writer::new(scratch, kind::DATA, &transaction)
                        .xor_address(XOR_PEER_ADDRESS, peer)
                        .attribute(DATA, datagram);
                }
            }
            if given == 0 {
                first = scratch.len();
            }
            given += 1;
            self.stats.bytes_to_clients += len as u64;
        }
        self.stats.dropped += datagrams - given;
        allocation.in_use |= given > 0;
        if !scratch.is_empty() {
            out.to_client(&client, scratch, first);
        }
    }

    /// RFC 8656 section 11.2. What is not right is dropped without a word.
    pub(super) fn send_indication(
        &mut self,
        now: Now,
        client: &Client,
        message: &Message<'_>,
        out: &mut impl Outlet,
    ) {
        let peer = message.attribute(XOR_PEER_ADDRESS);
        let peer = peer.and_then(|value| read_xor_address(&message.transaction(), value));
        let (Some(peer), Some(data)) = (peer, message.attribute(DATA)) else {
            return;
        };
        self.relay(now, client, peer, data, out);
    }

    /// RFC 8656 section 12.6.
    pub(super) fn channel_data(
        &mut self,
        now: Now,
        client: &Client,
        message: &[u8],
        out: &mut impl Outlet,
    ) {
        let Some((channel, data)) = codec::read_channel_data(message) else {
            return;
        };
        let allocation = self.allocations.get(client);
        match allocation.and_then(|allocation| allocation.peer_of(now.at, channel)) {
            Some(peer) => self.relay(now, client, peer, data, out),
            None => self.stats.dropped += 1,
        }
    }

    fn relay(
        &mut self,
        now: Now,
        client: &Client,
        peer: SocketAddr,
        data: &[u8],
        out: &mut impl Outlet,
    ) {
        let allocation = self.allocations.get_mut(client);
        let permitted = allocation.filter(|it| it.permits(now.at, peer.ip()));
        // The permission is for an address with any port; only one of them is the media plane's.
        let Some(allocation) = permitted.filter(|_| self.media.contains(&peer)) else {
            self.stats.dropped += 1;
            return;
        };
        if !self.bandwidth.take(now.at, data.len()) {
            self.stats.dropped += 1;
            return;
        }
        if !allocation.bucket.take(now.at, data.len()) {
            self.bandwidth.give(data.len());
            self.stats.dropped += 1;
            return;
        }
        self.stats.bytes_from_clients += data.len() as u64;
        out.to_peer(allocation.relayed, peer, data);
    }
}

/// Indications have no answers: it is enough that no two in a row are the same.
fn transaction(count: u64) -> Transaction {
    let mut transaction = [0; 12];
    transaction
        .iter_mut()
        .zip(count.to_be_bytes())
        .for_each(|(to, from)| *to = from);
    transaction
}

/// Octets that relaying adds to a datagram at most: a Data indication with an IPv6 address, and padding.
pub const MAX_OVERHEAD: usize = 20 + 24 + CHANNEL_HEADER + 3;
