//! The least that an SRTP packet can cost: an own header and AES-128-GCM (RFC 7714).

use anyhow::Context;
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// Bytes of an RTP header without extensions (RFC 3550 section 5.1).
pub const HEADER: usize = 12;

/// Bytes of the authentication tag (RFC 7714 section 12).
pub const TAG: usize = 16;

/// What varies in the header.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    /// Last packet of a frame.
    pub marker: bool,
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// Roll-over counter and sequence number in one.
    pub index: u32,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
}

/// Seals packets of one session.
pub struct Sealer {
    key: LessSafeKey,
    salt: [u8; 12],
}

impl Sealer {
    /// From a session key and a session salt (not the master ones).
    ///
    /// # Errors
    /// None that can be expected: the key has the length of the algorithm.
    pub fn new(key: [u8; 16], salt: [u8; 12]) -> anyhow::Result<Self> {
        let key = UnboundKey::new(&AES_128_GCM, &key)
            .ok()
            .context("no AES-128-GCM")?;
        Ok(Self {
            key: LessSafeKey::new(key),
            salt,
        })
    }

    /// Appends the sealed packet to `out`.
    ///
    /// # Errors
    /// None that can be expected: packets are far below the algorithm's limits.
    pub fn seal(&self, header: Header, payload: &[u8], out: &mut Vec<u8>) -> anyhow::Result<()> {
        let start = out.len();
        out.push(0x80);
        out.push(u8::from(header.marker) << 7 | header.payload_type);
        out.extend_from_slice(&(header.index as u16).to_be_bytes());
        out.extend_from_slice(&header.timestamp.to_be_bytes());
        out.extend_from_slice(&header.ssrc.to_be_bytes());
        out.extend_from_slice(payload);
        let (clear, sealed) = out[start..].split_at_mut(HEADER);
        let nonce = Nonce::assume_unique_for_key(self.nonce(header));
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(&*clear), sealed)
            .ok()
            .context("a packet could not be sealed")?;
        out.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// RFC 7714 section 8.1: two zero bytes, SSRC, roll-over counter, sequence number, all by
    /// exclusive or with the salt.
    fn nonce(&self, header: Header) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[2..6].copy_from_slice(&header.ssrc.to_be_bytes());
        nonce[6..12].copy_from_slice(&u64::from(header.index).to_be_bytes()[2..]);
        for (byte, salt) in nonce.iter_mut().zip(self.salt) {
            *byte ^= salt;
        }
        nonce
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text
            .chars()
            .filter_map(|c| c.to_digit(16).map(|digit| digit as u8))
            .collect();
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect()
    }

    /// RFC 7714 section 16.1.1.
    #[test]
    fn seals_as_in_the_rfc() {
        let key = hex("000102030405060708090a0b0c0d0e0f");
        let salt = hex("51756964207072 6f2071756f");
        let sealer = Sealer::new(key.try_into().unwrap(), salt.try_into().unwrap()).unwrap();
        let header = Header {
            marker: false,
            payload_type: 0x40,
            index: 0xf17b,
            timestamp: 0x8041_f8d3,
            ssrc: 0x5501_a0b2,
        };
        let payload =
            hex("47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573");
        let mut packet = Vec::new();
        sealer.seal(header, &payload, &mut packet).unwrap();
        let expected = hex(
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 \
             0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        );
        assert_eq!(packet, expected);
    }
}
