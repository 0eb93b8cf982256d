//! Where a TURN server of this process meets the media plane: no socket is between them. A relayed
//! address is a peer's address as any other to a session ([`Via::Relay`]), and what is sent to it is
//! handed back.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Instant};

use weir_sfu_core::{Shard, Transmit};

use crate::{
    inbox::{Inbound, Mailbox, Refused},
    shared::Shared,
    socket::Sent,
    tcp::MAX_PACKET,
};

/// Takes what the media plane sends to relayed addresses.
pub trait RelayOut: Send + Sync {
    /// Datagrams from a media address to a relayed one: all of `segment` octets but the last, which may
    /// be shorter. Must not block. False when they were dropped.
    fn send(&self, relayed: SocketAddr, media: SocketAddr, contents: &[u8], segment: usize)
    -> bool;
}

/// Hands datagrams from relayed addresses to the media plane. Belongs to one thread, which finds the
/// shard of each address without asking anybody.
pub struct RelayIn {
    mailboxes: Vec<Mailbox>,
    shared: Arc<Shared>,
    /// Which shard an address' last check was for.
    shards: HashMap<SocketAddr, usize>,
    /// What a full inbox did not hear of yet.
    unheard: Vec<(usize, SocketAddr)>,
}

impl RelayIn {
    pub(crate) fn new(mailboxes: Vec<Mailbox>, shared: Arc<Shared>) -> Self {
        Self {
            mailboxes,
            shared,
            shards: HashMap::new(),
            unheard: Vec::new(),
        }
    }

    /// A datagram from a relayed address to a media address, which came at `arrived`. Never blocks: when
    /// the media plane is too far behind, it is dropped and counted.
    pub fn deliver(
        &mut self,
        relayed: SocketAddr,
        media: SocketAddr,
        arrived: Instant,
        datagram: &[u8],
    ) {
        if let Some(shard) = Shard::of_check(datagram).map(usize::from)
            && shard < self.mailboxes.len()
        {
            self.shards.insert(relayed, shard);
        }
        let mailbox = self
            .shards
            .get(&relayed)
            .and_then(|shard| self.mailboxes.get(*shard));
        let taken = mailbox
            .filter(|_| datagram.len() <= MAX_PACKET)
            .is_some_and(|mailbox| {
                mailbox.send_media(Inbound::Relayed {
                    relayed,
                    media,
                    arrived,
                    contents: datagram.into(),
                })
            });
        if !taken {
            self.shared.count_dropped();
        }
    }

    /// Nobody has a relayed address any more: nothing that comes from it later is its old session's.
    pub fn closed(&mut self, relayed: SocketAddr) {
        self.shards.remove(&relayed);
        // A client may have used it for sessions at several shards.
        let all = (0..self.mailboxes.len()).map(|shard| (shard, relayed));
        self.unheard.extend(all);
        self.retry();
    }

    /// Tells what a full inbox did not take. To be called now and then.
    pub fn retry(&mut self) {
        let mailboxes = &self.mailboxes;
        self.unheard.retain(|(shard, relayed)| {
            let relayed = *relayed;
            let sent = mailboxes
                .get(*shard)
                .map(|mailbox| mailbox.send(Inbound::RelayedClosed { relayed }));
            matches!(sent, Some(Err(Refused::Full(_))))
        });
    }
}

/// Hands a batch for a relayed address over.
pub(crate) fn send(out: Option<&dyn RelayOut>, transmit: &Transmit) -> Sent {
    let path = transmit.path;
    let taken = out.is_some_and(|out| {
        let (relayed, media) = (path.destination, path.source);
        out.send(relayed, media, &transmit.contents, transmit.segment)
    });
    // It costs the shard no system call.
    if taken { Sent::Done(0) } else { Sent::Refused }
}
