//! The receiving direction.

use std::fmt;

use super::{
    ENCRYPTED, RTCP_CLEAR, RTCP_INDEX,
    cipher::{Cipher, RTCP_LABELS, RTP_LABELS},
    keys::{MasterKey, Profile},
    window::Windows,
};
use crate::{
    Malformed,
    packet::{extend_seq, header_len, u16_at, u32_at},
};

/// Most SSRCs of one key, of RTP and again of RTCP; packets of more are refused. A publisher has at
/// most a dozen.
const MAX_SOURCES: usize = 64;

/// Why a packet was not opened. Its octets are undefined then: drop it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not RTP or RTCP, or too short for a tag.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The tag is wrong: another key, or octets changed on the way.
    #[error("the packet is not authentic")]
    NotAuthentic,
    /// Seen before, or too old to tell.
    #[error("the packet is a repetition, or too old to tell")]
    Replayed,
    /// An authentic peer sends more SSRCs than anyone needs.
    #[error("more than {MAX_SOURCES} sources for one key; the packet's is not taken")]
    TooManySources,
}

/// An RTP packet that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Octets of header and payload: what follows them in the buffer is no part of the packet.
    pub plain_len: usize,
    /// Rollover counter before the 16 bits of the sequence number.
    pub index: u64,
}

/// Opens the packets of one direction.
pub struct Opener {
    profile: Profile,
    rtp: Cipher,
    rtcp: Cipher,
    rtp_sources: Windows,
    rtcp_sources: Windows,
}

impl Opener {
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
            rtp_sources: Windows::default(),
            rtcp_sources: Windows::default(),
        }
    }

    /// Its profile.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Opens an RTP packet in place. The rollover counter is guessed as in RFC 3711 appendix A: the
    /// index next to the highest seen; a source's first packet counts as of the first cycle.
    ///
    /// # Errors
    /// [`OpenError`]; nothing is remembered of a packet that is not authentic.
    pub fn open_rtp(&mut self, packet: &mut [u8]) -> Result<Opened, OpenError> {
        let header_len = header_len(packet)?;
        let ssrc = u32_at(packet, 8);
        let window = self.rtp_sources.get(ssrc);
        let index = extend_seq(window.map(|window| window.highest()), u16_at(packet, 2));
        if window.is_some_and(|window| !window.is_free(index)) {
            return Err(OpenError::Replayed);
        }
        if window.is_none() && self.rtp_sources.len() >= MAX_SOURCES {
            return Err(OpenError::TooManySources);
        }
        let plain_len = match packet.len().checked_sub(self.profile.tag_len()) {
            Some(len) if len >= header_len => len,
            _ => return Err(short("SRTP").into()),
        };
        let (plain, tag) = packet.split_at_mut(plain_len);
        let authentic = match &self.rtp {
            Cipher::Gcm(gcm) => {
                let (header, text) = plain.split_at_mut(header_len);
                gcm.open(ssrc, index, header, text, tag)
            }
            Cipher::Cm(cm) => {
                let rollover = ((index >> 16) as u32).to_be_bytes();
                cm.is_authentic(plain, &rollover, tag)
                    && cm.apply(ssrc, index, plain.get_mut(header_len..).unwrap_or_default())
            }
        };
        if !authentic {
            return Err(OpenError::NotAuthentic);
        }
        remember(&mut self.rtp_sources, ssrc, index);
        Ok(Opened { plain_len, index })
    }

    /// An authentic RTP packet with this index was opened elsewhere: it counts as seen, and the
    /// rollover counter goes on from it.
    pub fn note_rtp(&mut self, ssrc: u32, index: u64) {
        if self.rtp_sources.get(ssrc).is_some() || self.rtp_sources.len() < MAX_SOURCES {
            remember(&mut self.rtp_sources, ssrc, index);
        }
    }

    /// Opens an RTCP compound in place and returns its length. Indices are told apart by the SSRC of
    /// the compound's first sender, as each has its own in RFC 3711.
    ///
    /// # Errors
    /// [`OpenError`]; nothing is remembered of a compound that is not authentic.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, OpenError> {
        let tag_len = self.profile.tag_len();
        let plain_len = match packet.len().checked_sub(tag_len + RTCP_INDEX) {
            Some(len) if len >= RTCP_CLEAR => len,
            _ => return Err(short("SRTCP").into()),
        };
        if packet.first().is_none_or(|first| first >> 6 != 2) {
            return Err(Malformed::new("SRTCP", "not version 2").into());
        }
        let (plain, after) = packet.split_at_mut(plain_len);
        let (trailer, tag) = match &self.rtcp {
            Cipher::Gcm(_) => {
                let (tag, trailer) = after.split_at(tag_len);
                (trailer, tag)
            }
            Cipher::Cm(_) => after.split_at(RTCP_INDEX),
        };
        let ssrc = u32_at(plain, 4);
        let field = u32_at(trailer, 0);
        let (encrypted, index) = (field & ENCRYPTED != 0, u64::from(field & !ENCRYPTED));
        let window = self.rtcp_sources.get(ssrc);
        if window.is_some_and(|window| !window.is_free(index)) {
            return Err(OpenError::Replayed);
        }
        if window.is_none() && self.rtcp_sources.len() >= MAX_SOURCES {
            return Err(OpenError::TooManySources);
        }
        let authentic = match &self.rtcp {
            Cipher::Gcm(gcm) if encrypted => {
                let (clear, text) = plain.split_at_mut(RTCP_CLEAR);
                let mut associated = [0; RTCP_CLEAR + RTCP_INDEX];
                associated[..RTCP_CLEAR].copy_from_slice(clear);
                associated[RTCP_CLEAR..].copy_from_slice(trailer);
                gcm.open(ssrc, index, &associated, text, tag)
            }
            Cipher::Gcm(gcm) => {
                // Authenticated only, RFC 7714 section 9.3. Nobody sends this to us in WebRTC, so
                // the copy is of no concern.
                let associated = [plain, trailer].concat();
                gcm.open(ssrc, index, &associated, &mut [], tag)
            }
            Cipher::Cm(cm) => {
                cm.is_authentic(plain, trailer, tag)
                    && (!encrypted
                        || cm.apply(ssrc, index, plain.get_mut(RTCP_CLEAR..).unwrap_or_default()))
            }
        };
        if !authentic {
            return Err(OpenError::NotAuthentic);
        }
        remember(&mut self.rtcp_sources, ssrc, index);
        Ok(plain_len)
    }
}

fn remember(sources: &mut Windows, ssrc: u32, index: u64) {
    match sources.get_mut(ssrc) {
        Some(window) => {
            window.take(index);
        }
        None => sources.begin(ssrc, index),
    }
}

fn short(format: &'static str) -> Malformed {
    Malformed::new(format, "too short for its tag")
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}
