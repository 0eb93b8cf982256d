//! The sending direction.

use std::fmt;

use super::{
    ENCRYPTED, RTCP_CLEAR,
    cipher::{Cipher, RTCP_LABELS, RTP_LABELS},
    keys::{MasterKey, Profile},
    window::Windows,
};
use crate::packet::{FIXED_HEADER, u16_at, u32_at};

/// Most SSRCs of one key. A session sends a handful; none may ever be forgotten, so a new one
/// beyond is refused.
const MAX_SOURCES: usize = 64;

/// The first packet index that does not exist: a rollover counter of 32 bits and a sequence number.
const END_OF_RTP: u64 = 1 << 48;

/// The last SRTCP index: 31 bits.
const LAST_RTCP: u32 = 0x7fff_ffff;

/// Why a packet was not sealed. The buffer was cut back to where the packet began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The index was sealed before with this SSRC, or is too old to tell.
    #[error("this packet index was sealed before; sealing it again would reveal the key")]
    IndexUsed,
    /// All indices of the key are used. The session needs a new one.
    #[error("the key has sealed all packets that it may; the session must be made anew")]
    Exhausted,
    /// More SSRCs than one key serves.
    #[error("more than {MAX_SOURCES} sources for one key; use fewer SSRCs a session")]
    TooManySources,
    /// The caller's packet is none, or its sequence number is not that of the index.
    #[error("not a packet that can be sealed: {0}")]
    Malformed(&'static str),
}

/// Seals the packets of one direction. There must be one of it per key: it knows what is used.
pub struct Sealer {
    profile: Profile,
    rtp: Cipher,
    rtcp: Cipher,
    sources: Windows,
    /// The next SRTCP index. One for the whole key, though RFC 3711 asks for one per SSRC only.
    rtcp_index: u32,
}

impl Sealer {
    /// Derives the session keys.
    ///
    /// # Panics
    /// If the key was made for another profile.
    pub fn new(profile: Profile, master: &MasterKey) -> Self {
        assert_eq!(profile, master.profile(), "a key is for one profile");
        Self::with(
            profile,
            Cipher::new(master, RTP_LABELS),
            Cipher::new(master, RTCP_LABELS),
        )
    }

    pub(super) fn with(profile: Profile, rtp: Cipher, rtcp: Cipher) -> Self {
        Self {
            profile,
            rtp,
            rtcp,
            sources: Windows::default(),
            rtcp_index: 1,
        }
    }

    /// Its profile.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Whether this packet index was not sealed with this SSRC yet, and is not too old to tell.
    pub fn is_free(&self, ssrc: u32, index: u64) -> bool {
        let used = self.sources.get(ssrc);
        used.is_none_or(|used| used.is_free(index))
    }

    /// Seals the RTP packet that stands in `out` from `start` on, in place, and appends its tag.
    /// `index` is the rollover counter, which begins with 0, before the 16 bits of the packet's
    /// sequence number. Nothing is allocated if `out` has room for the tag.
    ///
    /// # Errors
    /// [`SealError`]; the packet is gone from `out` then.
    pub fn seal_rtp(
        &mut self,
        out: &mut Vec<u8>,
        start: usize,
        header_len: usize,
        index: u64,
    ) -> Result<(), SealError> {
        let sealed = self.try_seal_rtp(out, start, header_len, index);
        if sealed.is_err() {
            out.truncate(start);
        }
        sealed
    }

    fn try_seal_rtp(
        &mut self,
        out: &mut Vec<u8>,
        start: usize,
        header_len: usize,
        index: u64,
    ) -> Result<(), SealError> {
        let packet = out.get_mut(start..).unwrap_or_default();
        let (Some((header, text)), FIXED_HEADER..) =
            (packet.split_at_mut_checked(header_len), header_len)
        else {
            return Err(SealError::Malformed("shorter than its header"));
        };
        if index as u16 != u16_at(header, 2) {
            return Err(SealError::Malformed("sequence number and index differ"));
        }
        if index >= END_OF_RTP {
            return Err(SealError::Exhausted);
        }
        let ssrc = u32_at(header, 8);
        match self.sources.get_mut(ssrc) {
            Some(used) => {
                if !used.take(index) {
                    return Err(SealError::IndexUsed);
                }
            }
            None => {
                if self.sources.len() >= MAX_SOURCES {
                    return Err(SealError::TooManySources);
                }
                self.sources.begin(ssrc, index);
            }
        }
        match &self.rtp {
            Cipher::Gcm(gcm) => {
                let tag = gcm
                    .seal(ssrc, index, header, text)
                    .ok_or(SealError::Malformed("longer than the cipher can take"))?;
                out.extend_from_slice(&tag);
            }
            Cipher::Cm(cm) => {
                if !cm.apply(ssrc, index, text) {
                    return Err(SealError::Malformed("longer than the cipher can take"));
                }
                let rollover = ((index >> 16) as u32).to_be_bytes();
                let tag = cm.tag(packet, &rollover);
                out.extend_from_slice(&tag);
            }
        }
        Ok(())
    }

    /// Seals the RTCP compound that stands in `out` from `start` on, in place, and appends index and
    /// tag.
    ///
    /// # Errors
    /// [`SealError`]; the compound is gone from `out` then.
    pub fn seal_rtcp(&mut self, out: &mut Vec<u8>, start: usize) -> Result<(), SealError> {
        let sealed = self.try_seal_rtcp(out, start);
        if sealed.is_err() {
            out.truncate(start);
        }
        sealed
    }

    fn try_seal_rtcp(&mut self, out: &mut Vec<u8>, start: usize) -> Result<(), SealError> {
        let packet = out.get_mut(start..).unwrap_or_default();
        let Some((clear, text)) = packet.split_at_mut_checked(RTCP_CLEAR) else {
            return Err(SealError::Malformed("shorter than its header"));
        };
        if self.rtcp_index > LAST_RTCP {
            return Err(SealError::Exhausted);
        }
        let index = self.rtcp_index;
        self.rtcp_index += 1;
        let ssrc = u32_at(clear, 4);
        let trailer = (ENCRYPTED | index).to_be_bytes();
        match &self.rtcp {
            Cipher::Gcm(gcm) => {
                // Authenticated with the index, which stands after the tag: RFC 7714 section 9.2.
                let mut associated = [0; RTCP_CLEAR + 4];
                associated[..RTCP_CLEAR].copy_from_slice(clear);
                associated[RTCP_CLEAR..].copy_from_slice(&trailer);
                let tag = gcm
                    .seal(ssrc, u64::from(index), &associated, text)
                    .ok_or(SealError::Malformed("longer than the cipher can take"))?;
                out.extend_from_slice(&tag);
                out.extend_from_slice(&trailer);
            }
            Cipher::Cm(cm) => {
                if !cm.apply(ssrc, u64::from(index), text) {
                    return Err(SealError::Malformed("longer than the cipher can take"));
                }
                let tag = cm.tag(packet, &trailer);
                out.extend_from_slice(&trailer);
                out.extend_from_slice(&tag);
            }
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn set_rtcp_index(&mut self, index: u32) {
        self.rtcp_index = index;
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}
