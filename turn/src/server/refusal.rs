//! Why a request is refused, and how often that happened.

/// The error responses that there are (RFC 8489 section 18.4 and RFC 8656 section 19).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Refusal {
    /// The request makes no sense.
    BadRequest,
    /// No credentials, wrong ones, or ones that have ended.
    Unauthorized,
    /// The peer is not this server's media address.
    Forbidden,
    /// An attribute that must be understood and is not.
    UnknownAttribute,
    /// There is an allocation already, or none.
    AllocationMismatch,
    /// The nonce is old, or was another client's.
    StaleNonce,
    /// There is no relayed address of that family.
    AddressFamilyNotSupported,
    /// The allocation is another user's.
    WrongCredentials,
    /// Only UDP is relayed.
    UnsupportedTransport,
    /// The peer's address is not of the relayed address's family.
    PeerAddressFamilyMismatch,
    /// The user, or the address, has as many allocations as it may have.
    AllocationQuotaReached,
    /// The server, or the allocation, is full; or it was asked for what this server does not have.
    InsufficientCapacity,
}

impl Refusal {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::UnknownAttribute,
        Self::AllocationMismatch,
        Self::StaleNonce,
        Self::AddressFamilyNotSupported,
        Self::WrongCredentials,
        Self::UnsupportedTransport,
        Self::PeerAddressFamilyMismatch,
        Self::AllocationQuotaReached,
        Self::InsufficientCapacity,
    ];

    /// The number in ERROR-CODE.
    pub fn code(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::UnknownAttribute => 420,
            Self::AllocationMismatch => 437,
            Self::StaleNonce => 438,
            Self::AddressFamilyNotSupported => 440,
            Self::WrongCredentials => 441,
            Self::UnsupportedTransport => 442,
            Self::PeerAddressFamilyMismatch => 443,
            Self::AllocationQuotaReached => 486,
            Self::InsufficientCapacity => 508,
        }
    }

    /// The words beside it.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::BadRequest => "Bad Request",
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::UnknownAttribute => "Unknown Attribute",
            Self::AllocationMismatch => "Allocation Mismatch",
            Self::StaleNonce => "Stale Nonce",
            Self::AddressFamilyNotSupported => "Address Family not Supported",
            Self::WrongCredentials => "Wrong Credentials",
            Self::UnsupportedTransport => "Unsupported Transport Protocol",
            Self::PeerAddressFamilyMismatch => "Peer Address Family Mismatch",
            Self::AllocationQuotaReached => "Allocation Quota Reached",
            Self::InsufficientCapacity => "Insufficient Capacity",
        }
    }
}

/// Counters since the start, and how many allocations there are now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerStats {
    /// Allocations now.
    pub allocations: u64,
    /// Sessions whose credentials work no more, as far as they are remembered.
    pub ended: u64,
    /// Allocations made.
    pub allocated: u64,
    /// Octets of data given to clients.
    pub bytes_to_clients: u64,
    /// Octets of data taken from clients.
    pub bytes_from_clients: u64,
    /// Datagrams that had no permission, were too many for the bandwidth, or that a client or the kernel
    /// did not take in time.
    pub dropped: u64,
    /// Clients asked for their credentials, which is how each begins.
    pub challenges: u64,
    /// Requests that got no answer since too many came from their address.
    pub unanswered: u64,
    /// Requests refused, by [`Refusal::ALL`].
    pub refused: [u64; Refusal::ALL.len()],
}

impl ServerStats {
    /// How often a request was refused for this.
    pub fn refused(&self, why: Refusal) -> u64 {
        self.refused.get(why as usize).copied().unwrap_or(0)
    }

    pub(crate) fn count(&mut self, why: Refusal) {
        if let Some(count) = self.refused.get_mut(why as usize) {
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_counted_under_their_own_number() {
        let mut stats = ServerStats::default();
        for (count, why) in Refusal::ALL.into_iter().enumerate() {
            for _ in 0..=count {
                stats.count(why);
            }
        }
        for (count, why) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(stats.refused(why), count as u64 + 1, "{why:?}");
        }
    }
}
