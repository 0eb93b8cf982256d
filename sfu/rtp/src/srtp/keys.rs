//! Profiles, master keys and what is derived from them.

use std::{fmt, sync::atomic};

use aws_lc_rs::{
    cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey},
    iv::FixedLength,
};

/// Octets of the longest master key.
const MAX_KEY: usize = 32;

/// Octets of the longest master salt.
const MAX_SALT: usize = 14;

/// Where the label stands in the input of the key derivation: RFC 3711 section 4.3.1, an index of
/// 48 bits below it (0, since keys are derived once) and the block counter of 16 bits.
const LABEL_AT: usize = 7;

/// A protection profile, as DTLS-SRTP negotiates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// SRTP_AES128_CM_HMAC_SHA1_80, RFC 5764 section 4.1.2.
    Aes128CmSha1_80,
    /// SRTP_AEAD_AES_128_GCM, RFC 7714 section 14.2.
    Aes128Gcm,
    /// SRTP_AEAD_AES_256_GCM, RFC 7714 section 14.2.
    Aes256Gcm,
}

impl Profile {
    /// Octets that sealing adds to an RTP packet. An RTCP packet gets 4 more, for its index.
    pub const fn tag_len(self) -> usize {
        match self {
            Self::Aes128CmSha1_80 => 10,
            Self::Aes128Gcm | Self::Aes256Gcm => 16,
        }
    }

    /// Octets of a master key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes128CmSha1_80 | Self::Aes128Gcm => 16,
            Self::Aes256Gcm => 32,
        }
    }

    /// Octets of a master salt.
    pub const fn salt_len(self) -> usize {
        match self {
            Self::Aes128CmSha1_80 => 14,
            Self::Aes128Gcm | Self::Aes256Gcm => 12,
        }
    }

    /// Octets to be exported from DTLS: key and salt of both directions.
    pub const fn keying_material_len(self) -> usize {
        2 * (self.key_len() + self.salt_len())
    }
}

/// Key and salt of one direction. Overwritten when dropped, and not shown.
#[derive(Clone)]
pub struct MasterKey {
    profile: Profile,
    key: [u8; MAX_KEY],
    salt: [u8; MAX_SALT],
}

impl MasterKey {
    /// Takes key and salt, or nothing if they have not the profile's lengths.
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Option<Self> {
        if key.len() != profile.key_len() || salt.len() != profile.salt_len() {
            return None;
        }
        let mut master = Self {
            profile,
            key: [0; MAX_KEY],
            salt: [0; MAX_SALT],
        };
        master.key[..key.len()].copy_from_slice(key);
        master.salt[..salt.len()].copy_from_slice(salt);
        Some(master)
    }

    pub(super) fn profile(&self) -> Profile {
        self.profile
    }

    /// The session key with this label: RFC 3711 section 4.3.3, AES-CM with the master key as
    /// pseudo-random function; for AES-GCM too, its salt padded with zeros (RFC 7714 section 11).
    pub(super) fn derive<const N: usize>(&self, label: u8) -> Secret<N> {
        let algorithm = match self.profile {
            Profile::Aes128CmSha1_80 | Profile::Aes128Gcm => &AES_128,
            Profile::Aes256Gcm => &AES_256,
        };
        let mut input = [0; 16];
        input[..MAX_SALT].copy_from_slice(&self.salt);
        input[LABEL_AT] ^= label;
        let mut derived = Secret([0; N]);
        UnboundCipherKey::new(algorithm, &self.key[..self.profile.key_len()])
            .and_then(EncryptingKey::ctr)
            .and_then(|key| {
                key.less_safe_encrypt(
                    &mut derived.0,
                    EncryptionContext::Iv128(FixedLength::from(input)),
                )
            })
            .expect("a key of AES's length encrypts any octets in counter mode");
        derived
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

impl Drop for MasterKey {
    fn drop(&mut self) {
        wipe(&mut self.key);
        wipe(&mut self.salt);
    }
}

/// Derived octets, overwritten when dropped.
pub(super) struct Secret<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Overwrites; the barriers keep the compiler from leaving it out as of no effect.
pub(super) fn wipe(octets: &mut [u8]) {
    octets.fill(0);
    std::hint::black_box(octets);
    atomic::compiler_fence(atomic::Ordering::SeqCst);
}

/// Splits what DTLS exported into the client's and the server's write key: RFC 5764 section 4.2,
/// both keys, then both salts. `None` if it is too short; what is beyond is not looked at.
pub fn split_keying_material(profile: Profile, material: &[u8]) -> Option<(MasterKey, MasterKey)> {
    let (client_key, rest) = material.split_at_checked(profile.key_len())?;
    let (server_key, rest) = rest.split_at_checked(profile.key_len())?;
    let (client_salt, rest) = rest.split_at_checked(profile.salt_len())?;
    let server_salt = rest.get(..profile.salt_len())?;
    Some((
        MasterKey::new(profile, client_key, client_salt)?,
        MasterKey::new(profile, server_key, server_salt)?,
    ))
}
