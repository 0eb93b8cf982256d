//! A shard's part in ICE: own candidates, restarts, TCP connections.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use super::{MAX_DATAGRAM, Output, SessionKey, Shard};
use crate::{
    SessionId,
    demux::{self, Datagram, Owner, Peer},
    ice::{Candidates, IceAnswer, IceParameters, IceRestartError},
    outbox::Via,
    session::Session,
    transport::Answered,
};

impl Shard {
    /// Sets what later answers name: UDP addresses, and TCP addresses where we listen. Sessions
    /// keep what they were told.
    pub fn set_candidates(&mut self, udp: Vec<SocketAddr>, tcp: Vec<SocketAddr>) {
        self.candidates = Arc::new(Candidates { udp, tcp });
    }

    /// The shard that a STUN check is for: who accepts connections hands them there.
    pub fn of_check(packet: &[u8]) -> Option<u16> {
        demux::shard_of_check(packet)
    }

    /// The client restarts ICE (RFC 9725 section 4.3.3). The session goes on where it is until the
    /// client nominates a path with the new parameters. The same call again gets the same answer.
    ///
    /// # Errors
    /// See [`IceRestartError`]; the session goes on as it was.
    pub fn handle_ice_restart(
        &mut self,
        id: SessionId,
        remote: &IceParameters,
    ) -> Result<IceAnswer, IceRestartError> {
        remote.check()?;
        let key = *self.by_id.get(&id).ok_or(IceRestartError::NoSuchSession)?;
        let session = self.sessions.get_mut(&key);
        let transport = &mut session
            .ok_or(IceRestartError::NoSuchSession)?
            .common_mut()
            .transport;
        let remote = remote.credentials();
        let local = match transport.answered(&remote) {
            Some(Answered::Now) => return Err(IceRestartError::Unchanged),
            Some(Answered::Restart(local)) => local.clone(),
            None => {
                let local = self.demux.credentials();
                if let Some(unproven) = transport.restart(local.clone(), remote) {
                    self.demux.forget(&unproven);
                }
                self.demux.add(local.ufrag.clone(), key);
                tracing::info!(session = %id, "ICE restart");
                local
            }
        };
        Ok(IceAnswer {
            generation: transport.restarts(),
            ufrag: local.ufrag,
            pwd: local.pass,
            candidates: transport.candidate_lines(),
        })
    }

    /// The restart is complete; the old fragment is nobody's.
    pub(super) fn restarted(&mut self, key: SessionKey, old: &str) {
        self.demux.forget(old);
        if let Some(session) = self.sessions.get_mut(&key) {
            let common = session.common_mut();
            common.ufrag = common.transport.fragment().to_owned();
            tracing::info!(session = %common.id, "ICE restart complete");
        }
    }

    /// A packet that came over a TCP connection or a relay. `arrived` is when, at `now` or before. False:
    /// it is not a session's of this shard, and a connection whose first packet it was should be closed.
    pub fn handle_packet(
        &mut self,
        now: Instant,
        via: Via,
        source: SocketAddr,
        destination: SocketAddr,
        arrived: Instant,
        packet: &[u8],
    ) -> bool {
        let peer = Peer {
            address: source,
            via,
        };
        match self.demux.owner(peer, packet) {
            Owner::Here { key, proven } if packet.len() <= MAX_DATAGRAM => {
                let datagram = Datagram {
                    source: peer,
                    destination,
                    arrived,
                    contents: packet,
                };
                self.receive(now, key, proven, datagram)
            }
            Owner::Here { .. } | Owner::Shard(_) | Owner::Nobody => {
                self.counters.datagrams_dropped += 1;
                false
            }
        }
    }

    /// A TCP connection is closed, or a relayed address is nobody's any more. The session goes on over
    /// another path, or waits for one until its consent runs out.
    pub fn handle_closed(&mut self, via: Via, source: SocketAddr) {
        let peer = Peer {
            address: source,
            via,
        };
        if let Some(key) = self.demux.closed(peer)
            && let Some(session) = self.sessions.get_mut(&key)
        {
            let common = session.common_mut();
            common.transport.closed(via, source);
            if via == Via::Tcp {
                common.congested.take_if(|peer| *peer == source);
            }
        }
    }

    /// What waits for a TCP connection has grown too much, or is little again. Video stops until
    /// then, and begins again at a keyframe.
    pub fn handle_congestion(&mut self, source: SocketAddr, congested: bool) {
        let peer = Peer {
            address: source,
            via: Via::Tcp,
        };
        let key = self.demux.session(peer);
        if let Some(session) = key.and_then(|key| self.sessions.get_mut(&key)) {
            session.common_mut().congested = congested.then_some(source);
            if let Session::Viewer(viewer) = session {
                viewer.egress.interrupt_video();
            }
        }
    }

    /// The sessions' connections are of no more use.
    pub(super) fn disconnect(&mut self, peers: &[Peer]) {
        for peer in peers.iter().filter(|peer| peer.via == Via::Tcp) {
            let peer = peer.address;
            self.outputs.push_back(Output::CloseTcp { peer });
        }
    }
}
