//! SRTP and SRTCP: RFC 3711, and AES-GCM by RFC 7714.
//!
//! A key and a packet index are used together at most once, since twice gives AES-GCM's secrets
//! away: [`Sealer`] refuses the second.

mod cipher;
mod keys;
mod open;
mod seal;
mod window;

pub use keys::{MasterKey, Profile, split_keying_material};
pub use open::{OpenError, Opened, Opener};
pub use seal::{SealError, Sealer};

/// Octets of an SRTCP packet that are not encrypted: header and sender (RFC 3711 section 3.4).
const RTCP_CLEAR: usize = 8;

/// Octets of E bit and SRTCP index.
const RTCP_INDEX: usize = 4;

/// The E bit: the packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;

#[cfg(test)]
mod tests;
