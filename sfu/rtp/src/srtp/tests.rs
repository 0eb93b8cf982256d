use std::collections::HashSet;

use super::{
    cipher::{Cipher, Cm, Gcm},
    window::WINDOW,
    *,
};
use crate::packet::{HeaderFields, Packet, write_header};

const PROFILES: [Profile; 3] = [
    Profile::Aes128CmSha1_80,
    Profile::Aes128Gcm,
    Profile::Aes256Gcm,
];

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .map(|digit| digit as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn material(profile: Profile) -> Vec<u8> {
    (1..=profile.keying_material_len() as u8).collect()
}

fn pair(profile: Profile) -> (Sealer, Opener) {
    let (client, _) = split_keying_material(profile, &material(profile)).unwrap();
    (Sealer::new(profile, &client), Opener::new(profile, &client))
}

fn packet(ssrc: u32, index: u64, payload: &[u8]) -> (Vec<u8>, usize) {
    let fields = HeaderFields {
        marker: false,
        payload_type: 96,
        seq: index as u16,
        timestamp: index as u32,
        ssrc,
    };
    let mut out = Vec::new();
    let header_len = write_header(&mut out, &fields, &[(3, &[1, 2])]);
    out.extend_from_slice(payload);
    (out, header_len)
}

fn seal(sealer: &mut Sealer, ssrc: u32, index: u64, payload: &[u8]) -> Result<Vec<u8>, SealError> {
    let (mut out, header_len) = packet(ssrc, index, payload);
    sealer.seal_rtp(&mut out, 0, header_len, index)?;
    Ok(out)
}

#[test]
fn keys_are_derived_as_in_rfc_3711_appendix_b_3() {
    let master = MasterKey::new(
        Profile::Aes128CmSha1_80,
        &hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
        &hex("0EC675AD498AFEEBB6960B3AABE6"),
    )
    .unwrap();
    assert_eq!(
        master.derive::<16>(0).0[..],
        hex("C61E7A93744F39EE10734AFE3FF7A087")
    );
    assert_eq!(
        master.derive::<14>(2).0[..],
        hex("30CBBC08863D8C85D49DB34A9AE1")
    );
    assert_eq!(
        master.derive::<94>(1).0[..],
        hex("CEBE321F6FF7716B6FD4AB49AF256A15
             6D38BAA48F0A0ACF3C34E2359E6CDBCE
             E049646C43D9327AD175578EF7227098
             6371C10C9A369AC2F94A8C5FBCDDDC25
             6D6E919A48B610EF17C2041E47403576
             6B68642C59BBFC2F34DB60DBDFB2")
    );
    assert!(!format!("{master:?}").contains("249"));
}

/// Session keys of RFC 7714 sections 16 and 17, which do without the derivation.
fn rfc_7714(profile: Profile) -> (Sealer, Opener) {
    let cipher = || {
        let key: Vec<u8> = (0..profile.key_len() as u8).collect();
        let salt = *b"Quid pro quo";
        let algorithm = match profile {
            Profile::Aes128Gcm => &aws_lc_rs::aead::AES_128_GCM,
            _ => &aws_lc_rs::aead::AES_256_GCM,
        };
        Cipher::Gcm(Gcm::new(algorithm, &key, salt))
    };
    (
        Sealer::with(profile, cipher(), cipher()),
        Opener::with(profile, cipher(), cipher()),
    )
}

#[test]
fn rtp_is_sealed_as_in_rfc_7714_section_16() {
    let plain = [
        &hex("8040f17b 8041f8d3 5501a0b2")[..],
        b"Gallia est omnis divisa in partes tres",
    ]
    .concat();
    for (profile, text) in [
        (
            Profile::Aes128Gcm,
            "f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b
             36de3adf 8833 899d7f27 beb16a91 52cf765e e4390cce",
        ),
        (
            Profile::Aes256Gcm,
            "32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f
             1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
        ),
    ] {
        let (mut sealer, mut opener) = rfc_7714(profile);
        let mut out = plain.clone();
        sealer.seal_rtp(&mut out, 0, 12, 0xf17b).unwrap();
        assert_eq!(out, [&plain[..12], &hex(text)].concat());
        let opened = opener.open_rtp(&mut out).unwrap();
        assert_eq!(opened.index, 0xf17b);
        assert_eq!(out[..opened.plain_len], plain);
    }
}

#[test]
fn rtcp_is_sealed_as_in_rfc_7714_section_17() {
    let plain = hex(
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
         deadbeef deadbeef deadbeef deadbeef deadbeef",
    );
    for (profile, sealed) in [
        (
            Profile::Aes128Gcm,
            "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
             c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872
             45d9eade 800005d4",
        ),
        (
            Profile::Aes256Gcm,
            "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50
             a2eaa5c1 110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c
             b26ac3be 800005d4",
        ),
    ] {
        let (mut sealer, mut opener) = rfc_7714(profile);
        sealer.set_rtcp_index(0x5d4);
        let mut out = plain.clone();
        sealer.seal_rtcp(&mut out, 0).unwrap();
        assert_eq!(out, hex(sealed));
        let len = opener.open_rtcp(&mut out).unwrap();
        assert_eq!(out[..len], plain);
    }
    // Section 17.3: authenticated, not encrypted.
    let tagged = [
        &plain[..],
        &hex("841dd968 3dd78ec9 2ae58790 125f62b3 000005d4"),
    ]
    .concat();
    let mut packet = tagged.clone();
    let (_, mut opener) = rfc_7714(Profile::Aes128Gcm);
    let len = opener.open_rtcp(&mut packet).unwrap();
    assert_eq!(packet[..len], plain);
}

/// The key stream of RFC 3711 appendix B.2: SSRC and index of zero.
#[test]
fn counter_mode_is_that_of_rfc_3711_appendix_b_2() {
    let key = hex("2B7E151628AED2A6ABF7158809CF4F3C").try_into().unwrap();
    let salt = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD").try_into().unwrap();
    let mut stream = [0; 48];
    assert!(Cm::new(&key, &[0; 20], salt).apply(0, 0, &mut stream));
    assert_eq!(
        stream[..],
        hex("E03EAD0935C95E80E166B16DD92B4EB4
             D23513162B02D0F72A43A2FE4A5F97AB
             41E95B3BB0A2E8DD477901E4FCA894C0")
    );
}

#[test]
fn every_profile_goes_round_over_the_rollover() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        let mut out = vec![0xee; 5];
        for index in 65_500..65_600u64 {
            let payload = vec![index as u8; index as usize % 200];
            let (plain, header_len) = packet(7, index, &payload);
            out.truncate(5);
            out.extend_from_slice(&plain);
            sealer.seal_rtp(&mut out, 5, header_len, index).unwrap();
            assert_eq!(out.len(), 5 + plain.len() + profile.tag_len());
            if !payload.is_empty() {
                assert_ne!(out[5..][..plain.len()], plain);
            }
            let opened = opener.open_rtp(&mut out[5..]).unwrap();
            assert_eq!(opened.index, index);
            assert_eq!(out[5..][..opened.plain_len], plain);
            assert_eq!(
                Packet::parse(&out[5..][..opened.plain_len])
                    .unwrap()
                    .payload,
                payload
            );

            let mut compound = vec![0xee; 3];
            crate::rtcp::write_pli(&mut compound, 9, 7);
            let plain = compound[3..].to_vec();
            sealer.seal_rtcp(&mut compound, 3).unwrap();
            let len = opener.open_rtcp(&mut compound[3..]).unwrap();
            assert_eq!(compound[3..][..len], plain);
        }
    }
}

#[test]
fn one_wrong_bit_anywhere_is_refused_and_a_repetition_too() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        let sealed = seal(&mut sealer, 7, 100, b"payload").unwrap();
        let mut compound = Vec::new();
        crate::rtcp::write_receiver_report(&mut compound, 9, &[]);
        crate::rtcp::write_pli(&mut compound, 9, 7);
        sealer.seal_rtcp(&mut compound, 0).unwrap();
        for bit in 0..8 * sealed.len() {
            let mut wrong = sealed.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(opener.open_rtp(&mut wrong).is_err(), "{profile:?} {bit}");
        }
        for bit in 0..8 * compound.len() {
            let mut wrong = compound.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(opener.open_rtcp(&mut wrong).is_err(), "{profile:?} {bit}");
        }
        for cut in 0..sealed.len() {
            assert!(opener.open_rtp(&mut sealed[..cut].to_vec()).is_err());
        }
        for cut in 0..compound.len() {
            assert!(opener.open_rtcp(&mut compound[..cut].to_vec()).is_err());
        }
        opener.open_rtp(&mut sealed.clone()).unwrap();
        opener.open_rtcp(&mut compound.clone()).unwrap();
        assert_eq!(
            opener.open_rtp(&mut sealed.clone()),
            Err(OpenError::Replayed)
        );
        assert_eq!(
            opener.open_rtcp(&mut compound.clone()),
            Err(OpenError::Replayed)
        );
        // The other direction's key.
        let (_, server) = split_keying_material(profile, &material(profile)).unwrap();
        let mut other = Opener::new(profile, &server);
        assert_eq!(
            other.open_rtp(&mut sealed.clone()),
            Err(OpenError::NotAuthentic)
        );
    }
}

/// No index is sealed twice with an SSRC, whatever is asked for in whatever order; and what is new
/// and within the window is never refused.
#[test]
fn no_key_and_index_pair_is_ever_used_twice() {
    let mut random = 7u64;
    let mut draw = |below: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 33) % below
    };
    let (mut sealer, mut opener) = pair(Profile::Aes128Gcm);
    let mut used = HashSet::new();
    let mut nonces = HashSet::new();
    let mut highest = [65_000u64; 3];
    let (mut refused, mut old) = (0, 0);
    for _ in 0..60_000 {
        let ssrc = draw(3) as u32;
        let highest = &mut highest[ssrc as usize];
        let index = match draw(20) {
            0 => *highest + draw(WINDOW * 2),
            1 => *highest + draw(5),
            2 => highest.saturating_sub(draw(2 * WINDOW)),
            3..8 => highest.saturating_sub(draw(20)),
            _ => *highest + 1,
        };
        let known = !nonces.is_empty() && used.iter().any(|(known, _)| *known == ssrc);
        let too_old = known && index + WINDOW <= *highest;
        match seal(&mut sealer, ssrc, index, b"x") {
            Ok(mut sealed) => {
                assert!(
                    used.insert((ssrc, index)),
                    "{ssrc} {index} was sealed twice"
                );
                assert!(!too_old);
                // As a receiver sees it.
                let opened = opener.open_rtp(&mut sealed).unwrap();
                assert!(nonces.insert((ssrc, opened.index)));
                *highest = index.max(*highest);
            }
            Err(SealError::IndexUsed) => {
                assert!(
                    too_old || used.contains(&(ssrc, index)),
                    "{ssrc} {index} is new"
                );
                refused += 1;
                old += u32::from(too_old);
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 1_000 && old > 100, "{refused} {old}");
    assert_eq!(used, nonces);
}

#[test]
fn what_cannot_be_sealed_leaves_nothing_behind() {
    let (mut sealer, _) = pair(Profile::Aes128Gcm);
    let (plain, header_len) = packet(7, 100, b"payload");
    let mut try_seal = |header_len, index| {
        let mut out = [&[1, 2][..], &plain].concat();
        let sealed = sealer.seal_rtp(&mut out, 2, header_len, index);
        assert!(sealed.is_ok() || out == [1, 2]);
        sealed
    };
    assert!(matches!(
        try_seal(header_len, 101),
        Err(SealError::Malformed(_))
    ));
    assert!(matches!(try_seal(11, 100), Err(SealError::Malformed(_))));
    assert!(matches!(try_seal(900, 100), Err(SealError::Malformed(_))));
    assert_eq!(
        try_seal(header_len, (1 << 48) + 100),
        Err(SealError::Exhausted)
    );
    assert_eq!(try_seal(header_len, 100), Ok(()));
    assert_eq!(try_seal(header_len, 100), Err(SealError::IndexUsed));

    for ssrc in 100..163 {
        seal(&mut sealer, ssrc, 0, b"").unwrap();
    }
    assert_eq!(
        seal(&mut sealer, 163, 0, b""),
        Err(SealError::TooManySources)
    );

    sealer.set_rtcp_index(0x7fff_ffff);
    for sealed in [Ok(()), Err(SealError::Exhausted), Err(SealError::Exhausted)] {
        let mut out = vec![1, 2];
        crate::rtcp::write_pli(&mut out, 9, 7);
        assert_eq!(sealer.seal_rtcp(&mut out, 2), sealed);
        assert!(sealed.is_ok() || out == [1, 2]);
    }
    assert!(sealer.seal_rtcp(&mut vec![0x80, 200], 0).is_err());
    assert!(sealer.seal_rtcp(&mut Vec::new(), 9).is_err());
}

#[test]
fn what_was_opened_elsewhere_counts_as_seen() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        // Two rollovers, of which this end saw nothing.
        for index in [65_000, 100_000, 140_000] {
            opener.note_rtp(7, index);
        }
        let mut late = seal(&mut sealer, 7, 139_000, &[1]).unwrap();
        let mut noted = seal(&mut sealer, 7, 140_000, &[1]).unwrap();
        assert_eq!(opener.open_rtp(&mut late.clone()).unwrap().index, 139_000);
        assert_eq!(opener.open_rtp(&mut late), Err(OpenError::Replayed));
        assert_eq!(opener.open_rtp(&mut noted), Err(OpenError::Replayed));
    }
}

#[test]
fn keying_material_is_keys_then_salts() {
    for profile in PROFILES {
        let material = material(profile);
        let (client, server) = split_keying_material(profile, &material).unwrap();
        let (key, salt) = (profile.key_len(), profile.salt_len());
        let expected = MasterKey::new(
            profile,
            &material[key..2 * key],
            &material[2 * key + salt..],
        );
        let expected = expected.unwrap();
        assert_eq!(server.derive::<16>(0).0, expected.derive::<16>(0).0);
        assert_ne!(server.derive::<16>(0).0, client.derive::<16>(0).0);
        assert!(split_keying_material(profile, &material[1..]).is_none());
    }
}
