//! One session key of SRTP or of SRTCP at work: nonces, encryption, tags.

use aws_lc_rs::{
    aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey},
    cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey},
    constant_time, hmac,
    iv::FixedLength,
};

use super::keys::{MasterKey, Profile};

/// Octets of the authentication tag of AES-GCM.
pub(super) const GCM_TAG: usize = 16;

/// Octets of the truncated HMAC-SHA1.
pub(super) const CM_TAG: usize = 10;

/// Labels of the key derivation, RFC 3711 section 4.3.2: encryption, authentication, salt.
pub(super) const RTP_LABELS: [u8; 3] = [0, 1, 2];
pub(super) const RTCP_LABELS: [u8; 3] = [3, 4, 5];

/// A session key.
pub(super) enum Cipher {
    Gcm(Gcm),
    // Ten times the size of the other.
    Cm(Box<Cm>),
}

impl Cipher {
    pub(super) fn new(master: &MasterKey, [encryption, authentication, salt]: [u8; 3]) -> Self {
        match master.profile() {
            Profile::Aes128CmSha1_80 => Self::Cm(Box::new(Cm::new(
                &master.derive::<16>(encryption).0,
                &master.derive::<20>(authentication).0,
                master.derive(salt).0,
            ))),
            Profile::Aes128Gcm => Self::Gcm(Gcm::new(
                &AES_128_GCM,
                &master.derive::<16>(encryption).0,
                master.derive(salt).0,
            )),
            Profile::Aes256Gcm => Self::Gcm(Gcm::new(
                &AES_256_GCM,
                &master.derive::<32>(encryption).0,
                master.derive(salt).0,
            )),
        }
    }
}

/// AES-GCM with the salt that its nonces are made of.
pub(super) struct Gcm {
    key: LessSafeKey,
    salt: [u8; 12],
}

impl Gcm {
    pub(super) fn new(algorithm: &'static Algorithm, key: &[u8], salt: [u8; 12]) -> Self {
        let key = UnboundKey::new(algorithm, key).expect("the key has the algorithm's length");
        Self {
            key: LessSafeKey::new(key),
            salt,
        }
    }

    /// RFC 7714 section 8.1 and 9.1: two zeros, SSRC, index in 48 bits, and the salt over it.
    pub(super) fn nonce(&self, ssrc: u32, index: u64) -> [u8; 12] {
        let block = u128::from(ssrc) << 48 | u128::from(index & 0xffff_ffff_ffff);
        let [_, _, _, _, block @ ..] = block.to_be_bytes();
        let mut nonce = self.salt;
        for (octet, with) in nonce.iter_mut().zip(block) {
            *octet ^= with;
        }
        nonce
    }

    /// Encrypts in place and returns the tag; `None` beyond AES-GCM's 64 GiB.
    pub(super) fn seal(
        &self,
        ssrc: u32,
        index: u64,
        clear: &[u8],
        text: &mut [u8],
    ) -> Option<[u8; GCM_TAG]> {
        let nonce = Nonce::assume_unique_for_key(self.nonce(ssrc, index));
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(clear), text)
            .ok()?;
        tag.as_ref().try_into().ok()
    }

    /// Decrypts in place what is authentic. What is not leaves `text` undefined.
    pub(super) fn open(
        &self,
        ssrc: u32,
        index: u64,
        clear: &[u8],
        text: &mut [u8],
        tag: &[u8],
    ) -> bool {
        let nonce = Nonce::assume_unique_for_key(self.nonce(ssrc, index));
        self.key
            .open_in_place_separate_tag(nonce, Aad::from(clear), tag, text)
            .is_ok()
    }
}

/// AES in counter mode and HMAC-SHA1.
pub(super) struct Cm {
    key: EncryptingKey,
    authentication: hmac::Key,
    salt: [u8; 14],
}

impl Cm {
    pub(super) fn new(key: &[u8; 16], authentication: &[u8; 20], salt: [u8; 14]) -> Self {
        Self {
            key: UnboundCipherKey::new(&AES_128, key)
                .and_then(EncryptingKey::ctr)
                .expect("the key has AES-128's length"),
            authentication: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, authentication),
            salt,
        }
    }

    /// En- or decrypts: RFC 3711 section 4.1.1. Whether it could be done.
    #[must_use]
    pub(super) fn apply(&self, ssrc: u32, index: u64, text: &mut [u8]) -> bool {
        let block = u128::from(ssrc) << 64 | u128::from(index & 0xffff_ffff_ffff) << 16;
        let mut counter = block.to_be_bytes();
        for (octet, with) in counter.iter_mut().zip(self.salt) {
            *octet ^= with;
        }
        self.key
            .less_safe_encrypt(text, EncryptionContext::Iv128(FixedLength::from(counter)))
            .is_ok()
    }

    /// Over the packet and, for RTP, its rollover counter: RFC 3711 section 4.2.
    pub(super) fn tag(&self, packet: &[u8], rollover: &[u8]) -> [u8; CM_TAG] {
        let mut context = hmac::Context::with_key(&self.authentication);
        context.update(packet);
        context.update(rollover);
        let mut tag = [0; CM_TAG];
        tag.copy_from_slice(&context.sign().as_ref()[..CM_TAG]);
        tag
    }

    pub(super) fn is_authentic(&self, packet: &[u8], rollover: &[u8], tag: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.tag(packet, rollover), tag).is_ok()
    }
}
