//! Writing messages.

use std::net::SocketAddr;

use aws_lc_rs::hmac;

use super::{
    HEADER, INTEGRITY, INTEGRITY_SHA256, MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256, Transaction,
    address::write_xor_address, header,
};

/// A message that is being written, in a buffer of the caller. The length in its header is right after
/// each attribute.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    transaction: Transaction,
}

impl<'a> Writer<'a> {
    /// Begins a message at the end of `out`. `kind` is method and class together (RFC 8489 section 5).
    pub fn new(out: &'a mut Vec<u8>, kind: u16, transaction: &Transaction) -> Self {
        let start = out.len();
        out.extend(header(kind, 0, transaction));
        Self {
            out,
            start,
            transaction: *transaction,
        }
    }

    /// An attribute. What is longer than 65535 octets is cut there.
    pub fn attribute(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.out.extend(kind.to_be_bytes());
        self.out.extend(length.to_be_bytes());
        self.out
            .extend(value.iter().take(usize::from(length)).copied());
        self.close()
    }

    /// An attribute that is an address, mixed with the magic cookie.
    pub fn xor_address(&mut self, kind: u16, address: SocketAddr) -> &mut Self {
        let length: u16 = if address.is_ipv4() { 8 } else { 20 };
        self.out.extend(kind.to_be_bytes());
        self.out.extend(length.to_be_bytes());
        write_xor_address(self.out, &self.transaction, address);
        self.close()
    }

    /// MESSAGE-INTEGRITY (RFC 8489 section 14.5) over what was written so far.
    pub fn integrity(&mut self, key: &[u8]) -> &mut Self {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
        self.sign(MESSAGE_INTEGRITY, INTEGRITY, &key)
    }

    /// MESSAGE-INTEGRITY-SHA256 (RFC 8489 section 14.6) over what was written so far.
    pub fn integrity_sha256(&mut self, key: &[u8]) -> &mut Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        self.sign(MESSAGE_INTEGRITY_SHA256, INTEGRITY_SHA256, &key)
    }

    fn sign(&mut self, kind: u16, len: usize, key: &hmac::Key) -> &mut Self {
        // The length counts this attribute already.
        self.set_length(4 + len);
        let covered = self.out.get(self.start..).unwrap_or_default();
        let sum = hmac::sign(key, covered);
        self.attribute(kind, sum.as_ref())
    }

    fn close(&mut self) -> &mut Self {
        let len = self.out.len() - self.start;
        self.out.resize(self.start + len.next_multiple_of(4), 0);
        self.set_length(0);
        self
    }

    fn set_length(&mut self, more: usize) {
        let length = self.out.len() - self.start - HEADER + more;
        let length = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        if let Some(field) = self.out.get_mut(self.start + 2..self.start + 4) {
            field.copy_from_slice(&length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stun::{Message, read_xor_address};

    #[test]
    fn what_is_written_is_read_and_authentic() {
        let transaction = [3; 12];
        let mut out = vec![9; 5];
        let v6: SocketAddr = "[2001:db8::7]:65535".parse().unwrap();
        Writer::new(&mut out, 0x0113, &transaction)
            .attribute(0x0014, b"realm")
            .xor_address(0x0016, v6)
            .integrity(b"key")
            .integrity_sha256(b"key");
        let message = Message::parse(&out[5..]).unwrap();
        assert_eq!(message.kind(), 0x0113);
        assert_eq!(message.attribute(0x0014), Some(&b"realm"[..]));
        let address = message.attribute(0x0016).unwrap();
        assert_eq!(read_xor_address(&transaction, address), Some(v6));
        assert_eq!(read_xor_address(&transaction, &address[1..]), None);
        for (key, right) in [(&b"key"[..], true), (b"kez", false)] {
            assert_eq!(message.has_integrity(key), right);
            assert_eq!(message.has_integrity_sha256(key), right);
        }
        assert_eq!(message.attributes().count(), 2, "what is not covered");
    }
}
