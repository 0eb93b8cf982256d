//! A publisher's media keys, and what is done with them beside str0m.
//!
//! str0m opens a publisher's media and writes most of the feedback. Two things it cannot do: send
//! NACKs of our own, and take what comes back later than 100 packets. So the key that seals
//! towards the publisher is **taken** as a viewer's is ([`dtls`](crate::dtls)): str0m seals its RTCP
//! under a decoy, which is opened here and sealed again under the real key. There is one sealer and
//! one SRTCP index for the key, whoever wrote the compound.

use weir_rtp::{
    packet::Packet,
    srtp::{Opener, Sealer, split_keying_material},
};

use crate::dtls::Agreed;

/// Sender of our RTCP until str0m has shown which one it uses: what browsers that only receive write.
const FIRST_SENDER: u32 = 1;

/// The most octets of SRTP's tag and SRTCP's index behind a compound.
const SEAL: usize = 20;

#[derive(Debug)]
pub(crate) struct MediaKeys {
    /// Opens what str0m sealed.
    decoy: Opener,
    sealer: Sealer,
    opener: Opener,
    sender: u32,
    plain: Vec<u8>,
}

impl MediaKeys {
    /// None when the profile is not one of ours.
    pub(crate) fn new(agreed: &Agreed) -> Option<Self> {
        let (profile, material) = agreed.keys.as_ref()?;
        let (client, server) = split_keying_material(*profile, material)?;
        let (decoy_client, decoy_server) = split_keying_material(*profile, &agreed.passed_on)?;
        let (ours, theirs, decoy) = if agreed.active {
            (client, server, decoy_client)
        } else {
            (server, client, decoy_server)
        };
        Some(Self {
            decoy: Opener::new(*profile, &decoy),
            sealer: Sealer::new(*profile, &ours),
            opener: Opener::new(*profile, &theirs),
            sender: FIRST_SENDER,
            plain: Vec::new(),
        })
    }

    /// RTCP of str0m under the real key. None when it cannot be: then nothing must leave.
    pub(crate) fn reseal(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let mut compound = Vec::with_capacity(datagram.len() + SEAL);
        compound.extend_from_slice(datagram);
        let plain = self.decoy.open_rtcp(&mut compound).ok()?;
        compound.truncate(plain);
        if let Some(sender) = compound.get(4..8).and_then(|bytes| bytes.first_chunk()) {
            self.sender = u32::from_be_bytes(*sender);
        }
        self.seal(compound)
    }

    /// Seals a compound of ours.
    pub(crate) fn seal(&mut self, mut compound: Vec<u8>) -> Option<Vec<u8>> {
        self.sealer.seal_rtcp(&mut compound, 0).ok()?;
        Some(compound)
    }

    /// Who sends our RTCP.
    pub(crate) fn sender(&self) -> u32 {
        self.sender
    }

    /// str0m opened this packet: that keeps the rollover counter in step.
    pub(crate) fn note(&mut self, ssrc: u32, index: u64) {
        self.opener.note_rtp(ssrc, index);
    }

    /// Opens a packet once; None for what is not authentic or a repetition.
    pub(crate) fn open(&mut self, datagram: &[u8]) -> Option<(Packet<'_>, u64)> {
        self.plain.clear();
        self.plain.extend_from_slice(datagram);
        let opened = self.opener.open_rtp(&mut self.plain).ok()?;
        let packet = Packet::parse(self.plain.get(..opened.plain_len)?).ok()?;
        Some((packet, opened.index))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use str0m::crypto::dtls::SrtpProfile;
    use weir_rtp::{rtcp, srtp::Profile};

    use super::*;

    #[test]
    fn the_key_towards_a_publisher_has_one_index() {
        let profile = Profile::Aes128Gcm;
        let len = profile.keying_material_len();
        for active in [false, true] {
            let material: Vec<u8> = (0..len as u8).collect();
            let passed_on: Vec<u8> = material.iter().map(|octet| octet ^ 0xff).collect();
            let of = |material: &[u8]| {
                let (client, server) = split_keying_material(profile, material).unwrap();
                if active { client } else { server }
            };
            let mut str0m = Sealer::new(profile, &of(&passed_on));
            let mut peer = Opener::new(profile, &of(&material));
            let mut keys = MediaKeys::new(&Agreed {
                name: SrtpProfile::AEAD_AES_128_GCM,
                active,
                keys: Some((profile, material)),
                passed_on,
            })
            .unwrap();
            let mut indices = HashSet::new();
            for n in 0..20_u16 {
                let mut compound = Vec::new();
                // str0m and we say the same, from the same sender.
                rtcp::write_receiver_report(&mut compound, 77, &[]);
                rtcp::write_nack(&mut compound, 77, 5, [n]);
                let plain = compound.clone();
                let mut sealed = if n.is_multiple_of(3) {
                    keys.seal(compound).unwrap()
                } else {
                    str0m.seal_rtcp(&mut compound, 0).unwrap();
                    assert!(peer.open_rtcp(&mut compound.clone()).is_err(), "a decoy");
                    keys.reseal(&compound).unwrap()
                };
                let trailer: [u8; 4] = *sealed.last_chunk().unwrap();
                assert!(indices.insert(trailer), "an index came twice");
                let opened = peer.open_rtcp(&mut sealed).unwrap();
                assert_eq!(sealed[..opened], plain);
            }
            assert_eq!(keys.sender(), 77);
            assert!(keys.reseal(&[0x80; 40]).is_none(), "not str0m's");
        }
    }
}
