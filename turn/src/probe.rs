//! A client that asks a TURN server for one allocation and gives it back: whether a server works is best
//! known by who has used it. Only the messages; who has a socket or a stream sends and receives them.

use std::net::SocketAddr;

use rand::random;
use weir_rtp::stun::{Message, Transaction, Writer, read_xor_address};

use crate::{
    credentials::Credentials,
    server::{
        auth::{Algorithm, REALM_NAME, key},
        codec::{attribute, kind},
    },
};

/// REQUESTED-TRANSPORT: UDP (RFC 8656 section 14.7).
const UDP: [u8; 4] = [17, 0, 0, 0];

/// The client.
pub struct Probe {
    username: String,
    key: Vec<u8>,
    transaction: Transaction,
    /// The nonce it was given.
    nonce: Option<Vec<u8>>,
}

/// What comes of an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// To be sent next.
    Ask(Vec<u8>),
    /// There is an allocation. What is in here, sent, gives it back.
    Allocated {
        /// Its relayed address.
        relayed: SocketAddr,
        /// A refresh to nothing.
        release: Vec<u8>,
    },
    /// There is none, with this error code (RFC 8489 section 14.8).
    Refused(u16),
}

impl Probe {
    /// With these credentials, and the first message to send.
    pub fn new(credentials: &Credentials) -> (Self, Vec<u8>) {
        let probe = Self {
            username: credentials.username.clone(),
            key: key(Algorithm::Md5, &credentials.username, &credentials.password),
            transaction: random(),
            nonce: None,
        };
        let mut request = Vec::new();
        Writer::new(&mut request, kind::ALLOCATE, &probe.transaction)
            .attribute(attribute::REQUESTED_TRANSPORT, &UDP);
        (probe, request)
    }

    /// None when these bytes are no answer to what was sent last.
    pub fn handle(&mut self, message: &[u8]) -> Option<Answer> {
        let message = Message::parse(message)?;
        if message.transaction() != self.transaction {
            return None;
        }
        match message.kind() {
            allocated if allocated == kind::ALLOCATE | kind::SUCCESS => {
                if !message.has_integrity(&self.key) {
                    return None;
                }
                let relayed = message.attribute(attribute::XOR_RELAYED_ADDRESS)?;
                Some(Answer::Allocated {
                    relayed: read_xor_address(&self.transaction, relayed)?,
                    release: self.request(kind::REFRESH, attribute::LIFETIME, &[0; 4]),
                })
            }
            refused if refused == kind::ALLOCATE | kind::ERROR => {
                let [_, _, class, number] = *message.attribute(attribute::ERROR_CODE)?.get(..4)?
                else {
                    return None;
                };
                let code = u16::from(class & 0x07) * 100 + u16::from(number);
                let first = self.nonce.is_none();
                match (code, message.attribute(attribute::NONCE)) {
                    (401, Some(nonce)) if first => {
                        self.nonce = Some(nonce.to_vec());
                        let kind = kind::ALLOCATE;
                        let asked = self.request(kind, attribute::REQUESTED_TRANSPORT, &UDP);
                        Some(Answer::Ask(asked))
                    }
                    _ => Some(Answer::Refused(code)),
                }
            }
            _ => None,
        }
    }

    /// A request with credentials, under a transaction of its own.
    fn request(&mut self, kind: u16, name: u16, value: &[u8]) -> Vec<u8> {
        self.transaction = random();
        let mut request = Vec::new();
        Writer::new(&mut request, kind, &self.transaction)
            .attribute(name, value)
            .attribute(attribute::USERNAME, self.username.as_bytes())
            .attribute(attribute::REALM, REALM_NAME.as_bytes())
            .attribute(attribute::NONCE, self.nonce.as_deref().unwrap_or_default())
            .integrity(&self.key);
        request
    }
}
