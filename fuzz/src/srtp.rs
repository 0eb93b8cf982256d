//! SRTP: hostile packets are refused, what we seal can be opened, and no index is sealed twice.

use std::collections::{HashMap, HashSet};

use weir_rtp::{
    packet::{extend_seq, header_len},
    rfc4571::Deframer,
    srtp::{Opener, Profile, SealError, Sealer, split_keying_material},
};

const PROFILES: [Profile; 3] = [
    Profile::Aes128Gcm,
    Profile::Aes256Gcm,
    Profile::Aes128CmSha1_80,
];

/// The first octet chooses the profile; the rest is packets in RFC 4571's framing.
pub fn run(input: &[u8]) {
    let Some((&choice, mut stream)) = input.split_first() else {
        return;
    };
    let profile = PROFILES[usize::from(choice) % PROFILES.len()];
    let material: Vec<u8> = (0..profile.keying_material_len() as u8).collect();
    let (client, server) =
        split_keying_material(profile, &material).expect("the material has the profile's length");
    // What is hostile comes as from the client; what we seal is the server's.
    let mut hostile = Opener::new(profile, &client);
    let mut sealer = Sealer::new(profile, &server);
    let mut opener = Opener::new(profile, &server);
    let mut sealed = HashSet::new();
    let mut last = HashMap::new();

    let mut deframer = Deframer::new(1_500);
    while let Ok(Some(packet)) = deframer.next(&mut stream) {
        let mut received = packet.to_vec();
        if let Ok(opened) = hostile.open_rtp(&mut received) {
            assert_eq!(opened.plain_len + profile.tag_len(), packet.len());
            assert!(hostile.open_rtp(&mut packet.to_vec()).is_err());
        }
        let mut received = packet.to_vec();
        if let Ok(len) = hostile.open_rtcp(&mut received) {
            assert_eq!(len + 4 + profile.tag_len(), packet.len());
            assert!(hostile.open_rtcp(&mut packet.to_vec()).is_err());
        }

        if let Ok(header_len) = header_len(packet) {
            let ssrc = u32::from_be_bytes(packet[8..12].try_into().expect("four octets"));
            let seq = u16::from_be_bytes([packet[2], packet[3]]);
            let highest = last.get(&ssrc).copied();
            let index = extend_seq(highest, seq);
            let mut out = vec![0xee];
            out.extend_from_slice(packet);
            match sealer.seal_rtp(&mut out, 1, header_len, index) {
                Ok(()) => {
                    assert!(
                        sealed.insert((ssrc, index)),
                        "{ssrc} {index} was sealed twice"
                    );
                    last.insert(ssrc, highest.map_or(index, |highest| highest.max(index)));
                    let opened = opener.open_rtp(&mut out[1..]).expect("it is authentic");
                    assert_eq!(opened.index, index);
                    assert_eq!(&out[1..][..opened.plain_len], packet);
                }
                Err(refused) => {
                    assert_eq!(refused, SealError::IndexUsed);
                    assert_eq!(out, [0xee]);
                }
            }
        }
        if packet.len() >= 8 && packet[0] >> 6 == 2 {
            let mut out = packet.to_vec();
            match sealer.seal_rtcp(&mut out, 0) {
                Ok(()) => {
                    if let Ok(len) = opener.open_rtcp(&mut out) {
                        assert_eq!(&out[..len], packet);
                    }
                }
                Err(refused) => panic!("{refused}"),
            }
        }
    }
}
