//! What users ask for: RFC 8656 sections 7, 8, 10 and 12.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use weir_rtp::stun::{Message, read_xor_address};

use super::{
    Client, Now, Outlet, Refusal, Server, Transport,
    allocation::Allocation,
    auth::User,
    bucket::Bucket,
    codec::{
        CHANNELS,
        attribute::{
            ADDITIONAL_ADDRESS_FAMILY, ADDRESS_ERROR_CODE, CHANNEL_NUMBER, EVEN_PORT, LIFETIME,
            REQUESTED_ADDRESS_FAMILY, REQUESTED_TRANSPORT, RESERVATION_TOKEN, XOR_MAPPED_ADDRESS,
            XOR_PEER_ADDRESS, XOR_RELAYED_ADDRESS,
        },
        kind::SUCCESS,
    },
    config::PORTS,
    strangers::network,
};

/// RFC 8656 section 7.2: the least, and what a client gets that asks for none. No allocation is prolonged
/// through which the media plane has said nothing since: it answers the checks of its sessions all the time.
const LEAST_LIFETIME: u32 = 600;

/// RFC 8656 section 7.2: the most that it recommends.
const MOST_LIFETIME: u32 = 3_600;

/// The protocol number in REQUESTED-TRANSPORT.
const UDP: u8 = 17;

/// Families in REQUESTED-ADDRESS-FAMILY (RFC 8656 section 18.6).
const IPV4: u8 = 1;
const IPV6: u8 = 2;

impl Server {
    pub(super) fn allocate(
        &mut self,
        now: Now,
        client: &Client,
        message: &Message<'_>,
        user: &User,
        out: &mut impl Outlet,
    ) -> Result<(), Refusal> {
        if let Some(allocation) = self.allocations.get(client) {
            // The request came twice, since the answer was lost or late.
            let again = client.transport == Transport::Udp
                && allocation.transaction == message.transaction()
                && allocation.user == user.name;
            if !again {
                return Err(Refusal::AllocationMismatch);
            }
            let left = allocation.expires.saturating_duration_since(now.at);
            let relayed = allocation.relayed;
            self.allocated(client, message, user, relayed, left, out);
            return Ok(());
        }
        let wanted = Wanted::read(message)?;
        let relayed_ip = self.relayed_ip(wanted.family)?;
        lifetime(message)?;
        // More is for who uses it.
        let lifetime = Duration::from_secs(LEAST_LIFETIME.into());
        let from = network(client.peer.ip());
        if self.of_user.get(&user.name) >= Some(&self.config.max_per_user)
            || self.of_network.get(&from) >= Some(&self.config.max_per_address)
        {
            return Err(Refusal::AllocationQuotaReached);
        }
        if self.allocations.len() >= self.config.max_allocations {
            return Err(Refusal::InsufficientCapacity);
        }
        let relayed = self.free_address(relayed_ip)?;
        *self.of_user.entry(user.name.clone()).or_default() += 1;
        *self.of_network.entry(from).or_default() += 1;
        self.by_relayed.insert(relayed, *client);
        let allocation = Allocation::new(
            relayed,
            user.name.clone(),
            message.transaction(),
            now.at + lifetime,
            Bucket::new(now.at, self.config.allocation_bandwidth),
        );
        self.allocations.insert(*client, allocation);
        self.stats.allocated += 1;
        tracing::debug!(client = %client.peer, %relayed, user = user.name, "TURN allocation");
        self.allocated(client, message, user, relayed, lifetime, out);
        Ok(())
    }

    fn allocated(
        &mut self,
        client: &Client,
        message: &Message<'_>,
        user: &User,
        relayed: SocketAddr,
        lifetime: Duration,
        out: &mut impl Outlet,
    ) {
        let more = message.attribute(ADDITIONAL_ADDRESS_FAMILY).is_some();
        self.answer(client, message, SUCCESS, user, out, |answer| {
            answer
                .xor_address(XOR_RELAYED_ADDRESS, relayed)
                .attribute(LIFETIME, &seconds(lifetime))
                .xor_address(XOR_MAPPED_ADDRESS, client.peer);
            if more {
                // An allocation has one address here; who wants both families allocates twice.
                let code = Refusal::AddressFamilyNotSupported.code();
                let value = [IPV6, 0, (code / 100) as u8, (code % 100) as u8];
                answer.attribute(ADDRESS_ERROR_CODE, &value);
            }
        });
    }

    /// An address of the media plane, of this family.
    fn relayed_ip(&self, family: u8) -> Result<IpAddr, Refusal> {
        let mut addresses = self.media.iter().map(SocketAddr::ip);
        addresses
            .find(|ip| ip.is_ipv4() == (family == IPV4))
            .ok_or(Refusal::AddressFamilyNotSupported)
    }

    pub(super) fn free_address(&mut self, ip: IpAddr) -> Result<SocketAddr, Refusal> {
        for _ in PORTS {
            let port = self.next_port;
            self.next_port = match port {
                port if port >= *PORTS.end() => *PORTS.start(),
                port => port + 1,
            };
            let address = SocketAddr::new(ip, port);
            if !self.by_relayed.contains_key(&address) && !self.media.contains(&address) {
                return Ok(address);
            }
        }
        Err(Refusal::InsufficientCapacity)
    }

    pub(super) fn refresh(
        &mut self,
        now: Now,
        client: &Client,
        message: &Message<'_>,
        user: &User,
        out: &mut impl Outlet,
    ) -> Result<(), Refusal> {
        let wanted = match message.attribute(LIFETIME) {
            None => LEAST_LIFETIME,
            Some(_) => lifetime(message)?,
        };
        let allocation = self.own(client, user)?;
        match message.attribute(REQUESTED_ADDRESS_FAMILY) {
            None => {}
            Some([family, ..]) if (*family == IPV4) == allocation.relayed.is_ipv4() => {}
            Some(_) => return Err(Refusal::PeerAddressFamilyMismatch),
        }
        let granted = match wanted {
            0 => Duration::ZERO,
            // Nothing is behind it, or the answer was lost and the request comes again.
            _ if !std::mem::take(&mut allocation.in_use) => {
                allocation.expires.saturating_duration_since(now.at)
            }
            wanted => Duration::from_secs(wanted.clamp(LEAST_LIFETIME, MOST_LIFETIME).into()),
        };
        allocation.expires = now.at + granted;
        if granted.is_zero() {
            self.release(client, out);
        }
        self.answer(client, message, SUCCESS, user, out, |answer| {
            answer.attribute(LIFETIME, &seconds(granted));
        });
        Ok(())
    }

    pub(super) fn create_permission(
        &mut self,
        now: Now,
        client: &Client,
        message: &Message<'_>,
        user: &User,
        out: &mut impl Outlet,
    ) -> Result<(), Refusal> {
        let relayed = self.own(client, user)?.relayed;
        let mut peers = Vec::new();
        let wanted = message
            .attributes()
            .filter(|(kind, _)| *kind == XOR_PEER_ADDRESS);
        for (_, value) in wanted {
            let peer = peer(message, value, relayed)?;
            // A permission is about an address, whatever port stands beside it (RFC 8656 section 9).
            if !self.media.iter().any(|media| media.ip() == peer.ip()) {
                return Err(Refusal::Forbidden);
            }
            peers.push(peer.ip());
        }
        if peers.is_empty() {
            return Err(Refusal::BadRequest);
        }
        self.own(client, user)?.permit(now.at, &peers)?;
        self.answer(client, message, SUCCESS, user, out, |_| {});
        Ok(())
    }

    pub(super) fn channel_bind(
        &mut self,
        now: Now,
        client: &Client,
        message: &Message<'_>,
        user: &User,
        out: &mut impl Outlet,
    ) -> Result<(), Refusal> {
        let relayed = self.own(client, user)?.relayed;
        let number = match message.attribute(CHANNEL_NUMBER) {
            Some([n0, n1, _, _]) => u16::from_be_bytes([*n0, *n1]),
            Some(_) | None => return Err(Refusal::BadRequest),
        };
        let value = message.attribute(XOR_PEER_ADDRESS);
        let peer = peer(message, value.unwrap_or_default(), relayed)?;
        if !CHANNELS.contains(&number) {
            return Err(Refusal::BadRequest);
        }
        if !self.media.contains(&peer) {
            return Err(Refusal::Forbidden);
        }
        self.own(client, user)?.bind(now.at, number, peer)?;
        self.answer(client, message, SUCCESS, user, out, |_| {});
        Ok(())
    }

    /// The client's allocation, which must be this user's.
    fn own(&mut self, client: &Client, user: &User) -> Result<&mut Allocation, Refusal> {
        let allocation = self.allocations.get_mut(client);
        let allocation = allocation.ok_or(Refusal::AllocationMismatch)?;
        if allocation.user == user.name {
            Ok(allocation)
        } else {
            Err(Refusal::WrongCredentials)
        }
    }
}

/// What an Allocate request asks for beside its lifetime.
struct Wanted {
    family: u8,
}

impl Wanted {
    /// RFC 8656 section 7.2, in its order.
    fn read(message: &Message<'_>) -> Result<Self, Refusal> {
        match message.attribute(REQUESTED_TRANSPORT) {
            Some([UDP, _, _, _]) => {}
            // TCP among them, which would be RFC 6062.
            Some([_, _, _, _]) => return Err(Refusal::UnsupportedTransport),
            Some(_) | None => return Err(Refusal::BadRequest),
        }
        let token = message.attribute(RESERVATION_TOKEN).is_some();
        let even = message.attribute(EVEN_PORT);
        let family = message.attribute(REQUESTED_ADDRESS_FAMILY);
        let additional = message.attribute(ADDITIONAL_ADDRESS_FAMILY);
        if (token && (even.is_some() || family.is_some() || additional.is_some()))
            || (family.is_some() && additional.is_some())
        {
            return Err(Refusal::BadRequest);
        }
        // Pairs of ports are for RTP without multiplexing, which the media plane does not speak.
        if token || even.is_some() {
            return Err(Refusal::InsufficientCapacity);
        }
        match additional {
            None | Some([IPV6, _, _, _]) => {}
            Some(_) => return Err(Refusal::BadRequest),
        }
        let family = match family {
            None => IPV4,
            Some([family @ (IPV4 | IPV6), _, _, _]) => *family,
            Some([_, _, _, _]) => return Err(Refusal::AddressFamilyNotSupported),
            Some(_) => return Err(Refusal::BadRequest),
        };
        Ok(Self { family })
    }
}

fn lifetime(message: &Message<'_>) -> Result<u32, Refusal> {
    match message.attribute(LIFETIME) {
        None => Ok(LEAST_LIFETIME),
        Some(value) => match <[u8; 4]>::try_from(value) {
            Ok(bytes) => Ok(u32::from_be_bytes(bytes)),
            Err(_) => Err(Refusal::BadRequest),
        },
    }
}

fn seconds(lifetime: Duration) -> [u8; 4] {
    // An hour at most.
    u32::try_from(lifetime.as_secs())
        .unwrap_or(MOST_LIFETIME)
        .to_be_bytes()
}

fn peer(message: &Message<'_>, value: &[u8], relayed: SocketAddr) -> Result<SocketAddr, Refusal> {
    let peer = read_xor_address(&message.transaction(), value).ok_or(Refusal::BadRequest)?;
    if peer.is_ipv4() == relayed.is_ipv4() {
        Ok(peer)
    } else {
        Err(Refusal::PeerAddressFamilyMismatch)
    }
}
