//! SRTP and SRTCP of a viewer (RFC 3711, RFC 7714), written apart from the server's own, so that a
//! fault there cannot hide behind the same fault here.

use anyhow::{Context, bail};
use aws_lc_rs::{
    aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey},
    hmac,
    iv::FixedLength,
};
use str0m::crypto::dtls::SrtpProfile;

use crate::keys::Agreed;

/// Bytes of a GCM tag (RFC 7714 section 12).
const GCM_TAG: usize = 16;

/// Bytes of an HMAC-SHA1-80 tag (RFC 3711 section 4.2.1).
const HMAC_TAG: usize = 10;

/// Bytes of the SRTCP index with its E bit.
const SRTCP_INDEX: usize = 4;

/// Bytes of an RTCP header that stay in the clear (RFC 3711 section 3.4).
const RTCP_CLEAR: usize = 8;

/// Set in the SRTCP index of an encrypted packet.
const ENCRYPTED: u32 = 1 << 31;

/// Labels of the key derivation for one direction (RFC 3711 section 4.3.1); RTP's are 0 to 2,
/// RTCP's 3 to 5.
const RTP_LABEL: u8 = 0;
const RTCP_LABEL: u8 = 3;

/// Both directions of a session.
pub(crate) struct SessionKeys {
    pub(crate) profile: SrtpProfile,
    remote_rtp: Cipher,
    remote_rtcp: Cipher,
    local_rtcp: Cipher,
    /// Next SRTCP index; never used twice.
    next_index: u32,
}

impl SessionKeys {
    pub(crate) fn new(agreed: &Agreed) -> anyhow::Result<Self> {
        let (key, salt) = match agreed.profile {
            SrtpProfile::AEAD_AES_128_GCM => (16, 12),
            SrtpProfile::AEAD_AES_256_GCM => (32, 12),
            SrtpProfile::AES128_CM_SHA1_80 => (16, 14),
            other => bail!("the server chose the SRTP profile {other}, which is not known here"),
        };
        let material = agreed.material.as_slice();
        if material.len() != 2 * (key + salt) {
            bail!("{} bytes of keys for {}", material.len(), agreed.profile);
        }
        let (keys, salts) = material.split_at(2 * key);
        let client = (&keys[..key], &salts[..salt]);
        let server = (&keys[key..], &salts[salt..]);
        let (local, remote) = if agreed.client {
            (client, server)
        } else {
            (server, client)
        };
        let aead = salt == 12;
        Ok(Self {
            profile: agreed.profile,
            remote_rtp: Cipher::new(remote, RTP_LABEL, aead)?,
            remote_rtcp: Cipher::new(remote, RTCP_LABEL, aead)?,
            local_rtcp: Cipher::new(local, RTCP_LABEL, aead)?,
            next_index: 0,
        })
    }

    /// Bytes that sealing adds to an RTP packet.
    pub(crate) fn overhead(&self) -> usize {
        self.remote_rtp.tag()
    }

    /// Decrypts an RTP packet's payload into `payload` (without the tag), after checking it.
    /// `index` is the roll-over counter and the sequence number in one.
    pub(crate) fn open_rtp(
        &self,
        packet: &[u8],
        header: usize,
        ssrc: u32,
        index: u64,
        payload: &mut Vec<u8>,
    ) -> anyhow::Result<()> {
        payload.clear();
        let (clear, sealed) = packet.split_at_checked(header).context("a short packet")?;
        match &self.remote_rtp {
            Cipher::Gcm { key, salt } => {
                payload.extend_from_slice(sealed);
                let nonce = gcm_nonce(salt, ssrc, index);
                let opened = key.open_in_place(nonce, Aad::from(clear), payload);
                let len = opened.ok().context("an RTP packet's tag is wrong")?.len();
                payload.truncate(len);
            }
            Cipher::Cm { key, salt, mac } => {
                let end = sealed.len().checked_sub(HMAC_TAG);
                let (sealed, tag) = sealed.split_at(end.context("a short packet")?);
                let mut context = hmac::Context::with_key(mac);
                context.update(clear);
                context.update(sealed);
                context.update(&((index >> 16) as u32).to_be_bytes());
                if context.sign().as_ref()[..HMAC_TAG] != *tag {
                    bail!("an RTP packet's tag is wrong");
                }
                payload.extend_from_slice(sealed);
                key_stream(key, cm_counter(salt, ssrc, index), payload)?;
            }
        }
        Ok(())
    }

    /// Decrypts a compound packet into `out`, after checking it.
    pub(crate) fn open_rtcp(&self, packet: &[u8], out: &mut Vec<u8>) -> anyhow::Result<()> {
        const WRONG: &str = "an RTCP packet's tag is wrong";
        out.clear();
        let ssrc = packet.get(4..8).context("a short RTCP packet")?;
        let ssrc = u32::from_be_bytes(ssrc.try_into().expect("four bytes"));
        match &self.remote_rtcp {
            Cipher::Gcm { key, salt } => {
                let split = packet.len().checked_sub(SRTCP_INDEX + GCM_TAG);
                if split.is_none_or(|split| split < RTCP_CLEAR) {
                    bail!("a short RTCP packet");
                }
                let (body, index) = packet.split_at(packet.len() - SRTCP_INDEX);
                let number = u32::from_be_bytes(index.try_into().expect("four bytes"));
                if number & ENCRYPTED == 0 {
                    bail!("an RTCP packet that is not encrypted");
                }
                let (clear, sealed) = body.split_at(RTCP_CLEAR);
                let mut aad = clear.to_vec();
                aad.extend_from_slice(index);
                out.extend_from_slice(sealed);
                let nonce = gcm_nonce(salt, ssrc, u64::from(number & !ENCRYPTED));
                let opened = key.open_in_place(nonce, Aad::from(aad), out);
                let len = opened.ok().context(WRONG)?.len();
                out.truncate(len);
                out.splice(..0, clear.iter().copied());
            }
            Cipher::Cm { key, salt, mac } => {
                let split = packet.len().checked_sub(SRTCP_INDEX + HMAC_TAG);
                if split.is_none_or(|split| split < RTCP_CLEAR) {
                    bail!("a short RTCP packet");
                }
                let (authenticated, tag) = packet.split_at(packet.len() - HMAC_TAG);
                let (body, index) = authenticated.split_at(authenticated.len() - SRTCP_INDEX);
                if hmac::sign(mac, authenticated).as_ref()[..HMAC_TAG] != *tag {
                    bail!(WRONG);
                }
                let number = u32::from_be_bytes(index.try_into().expect("four bytes"));
                out.extend_from_slice(body);
                if number & ENCRYPTED != 0 {
                    let counter = cm_counter(salt, ssrc, u64::from(number & !ENCRYPTED));
                    key_stream(key, counter, &mut out[RTCP_CLEAR..])?;
                }
            }
        }
        Ok(())
    }

    /// Seals a compound packet into `out`.
    pub(crate) fn seal_rtcp(&mut self, packet: &[u8], out: &mut Vec<u8>) -> anyhow::Result<()> {
        out.clear();
        let ssrc = packet.get(4..8).context("a short RTCP packet")?;
        let ssrc = u32::from_be_bytes(ssrc.try_into().expect("four bytes"));
        let number = self.next_index;
        if number >= ENCRYPTED {
            bail!("the SRTCP index is used up");
        }
        self.next_index += 1;
        let index = (number | ENCRYPTED).to_be_bytes();
        out.extend_from_slice(packet);
        match &self.local_rtcp {
            Cipher::Gcm { key, salt } => {
                let mut aad = [0; RTCP_CLEAR + SRTCP_INDEX];
                aad[..RTCP_CLEAR].copy_from_slice(&packet[..RTCP_CLEAR]);
                aad[RTCP_CLEAR..].copy_from_slice(&index);
                let nonce = gcm_nonce(salt, ssrc, u64::from(number));
                let tag = key
                    .seal_in_place_separate_tag(nonce, Aad::from(aad), &mut out[RTCP_CLEAR..])
                    .ok()
                    .context("an RTCP packet could not be sealed")?;
                out.extend_from_slice(tag.as_ref());
                out.extend_from_slice(&index);
            }
            Cipher::Cm { key, salt, mac } => {
                let counter = cm_counter(salt, ssrc, u64::from(number));
                key_stream(key, counter, &mut out[RTCP_CLEAR..])?;
                out.extend_from_slice(&index);
                let tag = hmac::sign(mac, out);
                out.extend_from_slice(&tag.as_ref()[..HMAC_TAG]);
            }
        }
        Ok(())
    }
}

enum Cipher {
    Gcm {
        key: LessSafeKey,
        salt: [u8; 12],
    },
    Cm {
        key: Box<EncryptingKey>,
        salt: [u8; 14],
        mac: Box<hmac::Key>,
    },
}

impl Cipher {
    /// `label` is the first of the three of a direction: key, authentication, salt.
    fn new((key, salt): (&[u8], &[u8]), label: u8, aead: bool) -> anyhow::Result<Self> {
        let mut session = vec![0; key.len()];
        derive(key, salt, label, &mut session)?;
        if aead {
            let mut session_salt = [0; 12];
            derive(key, salt, label + 2, &mut session_salt)?;
            let algorithm = if key.len() == 16 {
                &AES_128_GCM
            } else {
                &AES_256_GCM
            };
            let key = UnboundKey::new(algorithm, &session);
            return Ok(Self::Gcm {
                key: LessSafeKey::new(key.ok().context("no AES-GCM")?),
                salt: session_salt,
            });
        }
        let mut mac = [0; 20];
        derive(key, salt, label + 1, &mut mac)?;
        let mut session_salt = [0; 14];
        derive(key, salt, label + 2, &mut session_salt)?;
        Ok(Self::Cm {
            key: Box::new(counter_mode(&session)?),
            salt: session_salt,
            mac: Box::new(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &mac)),
        })
    }

    fn tag(&self) -> usize {
        match self {
            Self::Gcm { .. } => GCM_TAG,
            Self::Cm { .. } => HMAC_TAG,
        }
    }
}

/// RFC 3711 section 4.3.3, with a key derivation rate of zero.
fn derive(key: &[u8], salt: &[u8], label: u8, out: &mut [u8]) -> anyhow::Result<()> {
    let mut counter = [0; 16];
    counter[..salt.len()].copy_from_slice(salt);
    counter[7] ^= label;
    out.fill(0);
    key_stream(&counter_mode(key)?, counter, out)
}

fn counter_mode(key: &[u8]) -> anyhow::Result<EncryptingKey> {
    let algorithm = if key.len() == 16 { &AES_128 } else { &AES_256 };
    UnboundCipherKey::new(algorithm, key)
        .and_then(EncryptingKey::ctr)
        .ok()
        .context("no AES in counter mode")
}

fn key_stream(key: &EncryptingKey, counter: [u8; 16], bytes: &mut [u8]) -> anyhow::Result<()> {
    let context = EncryptionContext::Iv128(FixedLength::from(counter));
    key.less_safe_encrypt(bytes, context)
        .ok()
        .context("AES failed")?;
    Ok(())
}

/// RFC 7714 sections 8.1 and 9.1: two zero bytes, SSRC, 48 bits of index, all by exclusive or with
/// the salt.
fn gcm_nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> Nonce {
    let mut nonce = *salt;
    xor(&mut nonce[2..6], &ssrc.to_be_bytes());
    xor(&mut nonce[6..12], &index.to_be_bytes()[2..]);
    Nonce::assume_unique_for_key(nonce)
}

/// RFC 3711 section 4.1.1: salt, SSRC and 48 bits of index, above 16 bits of block counter.
fn cm_counter(salt: &[u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    let mut counter = [0; 16];
    counter[..14].copy_from_slice(salt);
    xor(&mut counter[4..8], &ssrc.to_be_bytes());
    xor(&mut counter[8..14], &index.to_be_bytes()[2..]);
    counter
}

fn xor(bytes: &mut [u8], with: &[u8]) {
    for (byte, with) in bytes.iter_mut().zip(with) {
        *byte ^= with;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits = text.chars().filter_map(|c| c.to_digit(16));
        let digits: Vec<u8> = digits.map(|digit| digit as u8).collect();
        digits.chunks(2).map(|two| two[0] << 4 | two[1]).collect()
    }

    /// RFC 3711 appendix B.3.
    #[test]
    fn keys_are_derived_as_in_the_rfc() {
        let key = hex("E1F97A0D3E018BE0D64FA32C06DE4139");
        let salt = hex("0EC675AD498AFEEBB6960B3AABE6");
        let mut session = [0; 16];
        derive(&key, &salt, 0, &mut session).unwrap();
        assert_eq!(session.to_vec(), hex("C61E7A93744F39EE10734AFE3FF7A087"));
        let mut session = [0; 14];
        derive(&key, &salt, 2, &mut session).unwrap();
        assert_eq!(session.to_vec(), hex("30CBBC08863D8C85D49DB34A9AE1"));
        let mut session = [0; 20];
        derive(&key, &salt, 1, &mut session).unwrap();
        let expected = hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4");
        assert_eq!(session.to_vec(), expected);
    }

    /// RTCP that one end seals, the other end opens; nobody else's, and never with one index twice.
    #[test]
    fn both_ends_agree() {
        for (profile, len) in [
            (SrtpProfile::AEAD_AES_128_GCM, 56),
            (SrtpProfile::AEAD_AES_256_GCM, 88),
            (SrtpProfile::AES128_CM_SHA1_80, 60),
        ] {
            let ends = [true, false].map(|client| {
                let material = (0..len).collect();
                let agreed = Agreed {
                    profile,
                    material,
                    client,
                };
                SessionKeys::new(&agreed).unwrap()
            });
            let [mut client, server] = ends;
            let report = [0x80, 201, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8];
            let (mut sealed, mut again, mut opened) = (Vec::new(), Vec::new(), Vec::new());
            client.seal_rtcp(&report, &mut sealed).unwrap();
            client.seal_rtcp(&report, &mut again).unwrap();
            assert_ne!(sealed, again);
            server.open_rtcp(&again, &mut opened).unwrap();
            assert_eq!(opened, report);
            assert!(client.open_rtcp(&sealed, &mut opened).is_err());
            sealed[9] ^= 1;
            assert!(server.open_rtcp(&sealed, &mut opened).is_err());
            for len in 0..sealed.len() {
                assert!(server.open_rtcp(&sealed[..len], &mut opened).is_err());
            }
        }
    }
}
