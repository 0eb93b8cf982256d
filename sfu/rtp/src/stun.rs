//! STUN messages (RFC 8489): reading, checking and writing them, and binding requests and responses as
//! an ICE-lite agent and the discovery of the own address need them.

mod address;
mod write;

use std::net::SocketAddr;

use aws_lc_rs::hmac;

pub use address::read_xor_address;
pub use write::Writer;

/// RFC 8489 section 5.
const MAGIC: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Octets before the attributes (RFC 8489 section 5).
const HEADER: usize = 20;

/// Binding method with the class of a request (RFC 8489 sections 5 and 18.2).
const REQUEST: u16 = 0x0001;

/// Binding method with the class of a success response.
const SUCCESS: u16 = 0x0101;

/// RFC 8489 section 18.3.
const USERNAME: u16 = 0x0006;

/// RFC 8489 section 18.3.
const MESSAGE_INTEGRITY: u16 = 0x0008;

/// RFC 8489 section 18.3.
const MESSAGE_INTEGRITY_SHA256: u16 = 0x001c;

/// RFC 8489 section 18.3.
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

/// RFC 8445 section 16.1.
const USE_CANDIDATE: u16 = 0x0025;

/// Octets of MESSAGE-INTEGRITY's value: HMAC-SHA1 (RFC 8489 section 14.5).
const INTEGRITY: usize = 20;

/// Octets of MESSAGE-INTEGRITY-SHA256's value. It may be cut (RFC 8489 section 14.6), which is not
/// taken: nobody does so.
const INTEGRITY_SHA256: usize = 32;

/// Names one request and its response.
pub type Transaction = [u8; 12];

/// One STUN message. The header is sound and all attributes lie within it.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    kind: u16,
    bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// None when these bytes are not one STUN message.
    pub fn parse(datagram: &'a [u8]) -> Option<Self> {
        let [t0, t1, l0, l1, m0, m1, m2, m3, rest @ ..] = datagram else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let sound = *t0 < 0x40
            && [*m0, *m1, *m2, *m3] == MAGIC
            && length.is_multiple_of(4)
            && rest.len() + 8 == HEADER + length;
        let message = Self {
            kind: u16::from_be_bytes([*t0, *t1]),
            bytes: datagram,
        };
        let mut attributes = message.walk();
        while attributes.next().is_some() {}
        (sound && attributes.at == datagram.len()).then_some(message)
    }

    /// A binding request: in ICE a connectivity or consent check.
    pub fn is_request(&self) -> bool {
        self.kind == REQUEST
    }

    /// A binding success response.
    pub fn is_success(&self) -> bool {
        self.kind == SUCCESS
    }

    /// What its response repeats.
    pub fn transaction(&self) -> Transaction {
        let mut id = [0; 12];
        if let Some(bytes) = self.bytes.get(8..HEADER) {
            id.copy_from_slice(bytes);
        }
        id
    }

    /// The user name's halves: the fragment of the one asked, then of the one that asks (RFC 8445
    /// section 7.2.2).
    pub fn fragments(&self) -> Option<(&'a str, &'a str)> {
        let value = self.attribute(USERNAME)?;
        std::str::from_utf8(value).ok()?.split_once(':')
    }

    /// The controlling peer nominates this path (RFC 8445 section 7.1.2).
    pub fn nominates(&self) -> bool {
        self.attribute(USE_CANDIDATE).is_some()
    }

    /// Method and class together (RFC 8489 section 5).
    pub fn kind(&self) -> u16 {
        self.kind
    }

    /// Whether MESSAGE-INTEGRITY is there and right for the short-term password (RFC 8489 section
    /// 9.1.3). What follows it is not covered, and not to be believed.
    pub fn is_authentic(&self, password: &str) -> bool {
        self.has_integrity(password.as_bytes())
    }

    /// Whether MESSAGE-INTEGRITY is there and right for a key (RFC 8489 section 14.5).
    pub fn has_integrity(&self, key: &[u8]) -> bool {
        let key = || hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
        self.is_signed(MESSAGE_INTEGRITY, INTEGRITY, key)
    }

    /// Whether MESSAGE-INTEGRITY-SHA256 is there, whole, and right for a key (RFC 8489 section 14.6).
    pub fn has_integrity_sha256(&self, key: &[u8]) -> bool {
        let key = || hmac::Key::new(hmac::HMAC_SHA256, key);
        self.is_signed(MESSAGE_INTEGRITY_SHA256, INTEGRITY_SHA256, key)
    }

    fn is_signed(&self, wanted: u16, len: usize, key: impl FnOnce() -> hmac::Key) -> bool {
        let mut attributes = self.walk();
        let mut start = attributes.at;
        while let Some((kind, value)) = attributes.next() {
            if kind == wanted && value.len() == len {
                // The length counts up to and with this attribute (RFC 8489 section 14.5).
                let length = (start + 4 + len - HEADER) as u16;
                let mut covered = hmac::Context::with_key(&key());
                covered.update(&self.kind.to_be_bytes());
                covered.update(&length.to_be_bytes());
                covered.update(self.bytes.get(4..start).unwrap_or_default());
                let sum = covered.sign();
                return aws_lc_rs::constant_time::verify_slices_are_equal(sum.as_ref(), value)
                    .is_ok();
            }
            start = attributes.at;
        }
        false
    }

    /// Where the server saw the request come from (RFC 8489 section 14.2).
    pub fn mapped_address(&self) -> Option<SocketAddr> {
        read_xor_address(&self.transaction(), self.attribute(XOR_MAPPED_ADDRESS)?)
    }

    /// The first attribute of a kind that stands before the message's integrity.
    pub fn attribute(&self, wanted: u16) -> Option<&'a [u8]> {
        self.attributes()
            .find_map(|(kind, value)| (kind == wanted).then_some(value))
    }

    /// Type and value of each attribute before the message's integrity.
    pub fn attributes(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        self.walk()
            .take_while(|(kind, _)| !matches!(*kind, MESSAGE_INTEGRITY | MESSAGE_INTEGRITY_SHA256))
    }

    /// Whether the sender signed the message, rightly or not, with SHA-1 or with SHA-256.
    pub fn claims_integrity(&self) -> (bool, bool) {
        let has = |wanted| self.walk().any(|(kind, _)| kind == wanted);
        (has(MESSAGE_INTEGRITY), has(MESSAGE_INTEGRITY_SHA256))
    }

    fn walk(&self) -> Attributes<'a> {
        Attributes {
            bytes: self.bytes,
            at: HEADER,
        }
    }
}

/// Whether these bytes claim to be STUN (RFC 7983 section 7).
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| *first < 4)
        && datagram.get(4..8).is_some_and(|magic| magic == MAGIC)
}

/// A binding request without attributes, which asks a STUN server for the own address.
pub fn binding_request(transaction: &Transaction) -> [u8; HEADER] {
    header(REQUEST, 0, transaction)
}

/// The success response to a binding request from `source`.
pub fn binding_response(transaction: &Transaction, source: SocketAddr) -> Vec<u8> {
    let mut out = Vec::with_capacity(44);
    Writer::new(&mut out, SUCCESS, transaction).xor_address(XOR_MAPPED_ADDRESS, source);
    out
}

fn header(kind: u16, length: u16, transaction: &Transaction) -> [u8; HEADER] {
    let mut out = [0; HEADER];
    let [t0, t1] = kind.to_be_bytes();
    let [l0, l1] = length.to_be_bytes();
    let [m0, m1, m2, m3] = MAGIC;
    let fields = [t0, t1, l0, l1, m0, m1, m2, m3];
    out.iter_mut()
        .zip(fields.iter().chain(transaction))
        .for_each(|(o, f)| *o = *f);
    out
}

/// Type and value of each attribute. Ends early when one is cut off; `at` then is not the end.
struct Attributes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let [t0, t1, l0, l1, after @ ..] = self.bytes.get(self.at..)? else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let value = after.get(..length)?;
        let padded = length.next_multiple_of(4);
        after.get(..padded)?;
        self.at += 4 + padded;
        Some((u16::from_be_bytes([*t0, *t1]), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769 section 2.1, with password "VOkJxbRl1RmTxUk/WvJxBt".
    const SAMPLE_REQUEST: [u8; 108] = [
        0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6,
        0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74,
        0x65, 0x73, 0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e,
        0x00, 0x01, 0xff, 0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36,
        0x00, 0x06, 0x00, 0x09, 0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20,
        0x20, 0x00, 0x08, 0x00, 0x14, 0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e,
        0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49, 0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5,
        0x7a, 0x3b, 0xcf,
    ];

    #[test]
    fn the_rfcs_sample_is_read_and_authentic() {
        let message = Message::parse(&SAMPLE_REQUEST).unwrap();
        assert!(message.is_request() && !message.is_success() && !message.nominates());
        assert_eq!(message.fragments(), Some(("evtj", "h6vY")));
        assert!(message.is_authentic("VOkJxbRl1RmTxUk/WvJxBt"));
        assert!(!message.is_authentic("VOkJxbRl1RmTxUk/WvJxBu"));
        for bit in 0..8 * 76 {
            let mut changed = SAMPLE_REQUEST;
            changed[bit / 8] ^= 1 << (bit % 8);
            let authentic =
                Message::parse(&changed).is_some_and(|m| m.is_authentic("VOkJxbRl1RmTxUk/WvJxBt"));
            // The length field is what the integrity replaces; it must fit the datagram though.
            assert!(!authentic, "bit {bit}");
        }
    }

    #[test]
    fn what_is_cut_or_random_is_refused_without_panic() {
        for len in 0..SAMPLE_REQUEST.len() {
            assert!(Message::parse(&SAMPLE_REQUEST[..len]).is_none());
        }
        let mut state = 0x853c_49e6_748f_ea9b_u64;
        for _ in 0..50_000 {
            let mut bytes = SAMPLE_REQUEST;
            for _ in 0..3 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                bytes[state as usize % 108] = (state >> 32) as u8;
            }
            if let Some(message) = Message::parse(&bytes) {
                let _ = (message.fragments(), message.mapped_address());
                let _ = (message.nominates(), message.is_authentic("x"));
            }
        }
    }

    #[test]
    fn a_response_tells_the_address() {
        let transaction = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        let request = binding_request(&transaction);
        let message = Message::parse(&request).unwrap();
        assert!(message.is_request());
        assert_eq!(message.transaction(), transaction);
        assert_eq!(message.mapped_address(), None);
        for address in ["203.0.113.9:7882", "[2001:db8::7]:65535"] {
            let address: SocketAddr = address.parse().unwrap();
            let response = binding_response(&transaction, address);
            let message = Message::parse(&response).unwrap();
            assert!(message.is_success() && message.transaction() == transaction);
            assert_eq!(message.mapped_address(), Some(address));
        }
    }
}
