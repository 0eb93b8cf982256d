use std::collections::BTreeMap;

use super::*;
use crate::packet::{HeaderFields, Packet, u32_at, write_header};

const SSRC: u32 = 0xdead_beef;
const TWCC: u8 = 3;

/// A packet as sent: header length and octets.
fn media(seq: u16, len: usize) -> (usize, Vec<u8>) {
    let fields = HeaderFields {
        marker: seq.is_multiple_of(3),
        payload_type: 96 + (seq % 2) as u8,
        seq,
        timestamp: 90_000 + 3_000 * u32::from(seq / 4),
        ssrc: SSRC,
    };
    let mut out = Vec::new();
    let twcc = (seq ^ 0x5a5a).to_be_bytes();
    let with = [(1, &[1, 2, 3][..]), (TWCC, &twcc[..])];
    let header_len = write_header(
        &mut out,
        &fields,
        &with[usize::from(seq.is_multiple_of(5))..],
    );
    out.extend((0..len).map(|at| (at as u16).wrapping_mul(seq) as u8));
    (header_len, out)
}

/// As a receiver sees it before decoding.
fn zeroed(packet: &[u8]) -> Vec<u8> {
    let mut zeroed = packet.to_vec();
    let header_len = Packet::parse(packet).unwrap().header_len;
    for (id, place) in Elements::of_header(&packet[..header_len]) {
        if id == TWCC {
            zeroed[place].fill(0);
        }
    }
    zeroed
}

/// Decodes as the draft's section 6.3.2 says: the sequence numbers protected, and what is lost.
fn repair(repair: &[u8], received: &BTreeMap<u16, Vec<u8>>) -> (Vec<u16>, Option<Vec<u8>>) {
    assert_eq!(repair[0] & 0xc0, 0);
    assert_eq!(repair[8..12], [1, 0, 0, 0]);
    assert_eq!(u32_at(repair, 12), SSRC);
    let base = u16_at(repair, 16);
    let bit = |at: usize| repair[18 + at / 8] >> (7 - at % 8) & 1 == 1;
    let (mut seqs, mut header, mut offset) = (Vec::new(), 18, 0);
    for octets in [2, 4, 8] {
        let from = 8 * (header - 18);
        for at in from + 1..from + 8 * octets {
            if bit(at) {
                seqs.push(base.wrapping_add(offset));
            }
            offset += 1;
        }
        header += octets;
        if bit(from) {
            break;
        }
        assert!(octets < 8, "no k bit is set");
    }
    let lost: Vec<u16> = seqs
        .iter()
        .copied()
        .filter(|seq| !received.contains_key(seq))
        .collect();
    let [lost] = lost[..] else {
        return (seqs, None);
    };
    let mut fields = repair[..8].to_vec();
    let mut body = repair[header..].to_vec();
    for packet in seqs.iter().filter_map(|seq| received.get(seq)) {
        let length = (packet.len() - 12) as u16;
        xor(&mut fields[..2], &packet[..2]);
        xor(&mut fields[2..4], &length.to_be_bytes());
        xor(&mut fields[4..8], &packet[4..8]);
        xor(&mut body, &packet[12..]);
    }
    let length = usize::from(u16_at(&fields, 2));
    let mut packet = vec![0x80 | fields[0] & 0x3f, fields[1]];
    packet.extend_from_slice(&lost.to_be_bytes());
    packet.extend_from_slice(&fields[4..8]);
    packet.extend_from_slice(&SSRC.to_be_bytes());
    packet.extend_from_slice(&body[..length]);
    (seqs, Some(packet))
}

/// Sequence numbers of a group over the wrap, of masks of all three lengths and with gaps.
fn groups() -> Vec<Vec<u16>> {
    let from = |count: u16| {
        (0..count)
            .map(|n| 65_530u16.wrapping_add(n))
            .collect::<Vec<_>>()
    };
    let gaps = from(48).into_iter().filter(|seq| seq % 7 != 3).collect();
    vec![
        from(1),
        from(3),
        from(15),
        from(16),
        from(46),
        from(47),
        from(48),
        gaps,
    ]
}

#[test]
fn any_single_loss_of_a_row_is_repaired() {
    let mut encoder = Encoder::new(SSRC, 1, &[TWCC]);
    for rows in [1, 2, 5] {
        encoder.set_rows(rows);
        for group in groups() {
            encoder.clear();
            let mut sent = BTreeMap::new();
            for &seq in &group {
                let (header_len, packet) = media(seq, usize::from(seq) % 1_200);
                let (header, payload) = packet.split_at(header_len);
                encoder.add(header, payload).unwrap();
                sent.insert(seq, zeroed(&packet));
            }
            let mut protected = Vec::new();
            assert_eq!(encoder.repairs(), rows.min(group.len()));
            for row in 0..encoder.repairs() {
                let mut payload = vec![0xee];
                assert!(encoder.write(row, &mut payload));
                let payload = &payload[1..];
                let longest = sent.values().map(Vec::len).max().unwrap();
                assert!(payload.len() <= longest - 12 + MAX_HEADER);
                let (seqs, nothing) = repair(payload, &sent);
                assert_eq!(nothing, None);
                for seq in &seqs {
                    let mut received = sent.clone();
                    let lost = received.remove(seq).unwrap();
                    assert_eq!(repair(payload, &received).1, Some(lost), "{seq}");
                }
                // Neighbours are in different rows.
                if group.len() == 48 && rows > 1 {
                    assert!(
                        seqs.windows(2)
                            .all(|pair| pair[1].wrapping_sub(pair[0]) == rows as u16)
                    );
                }
                protected.extend(seqs);
            }
            protected.sort_by_key(|seq| seq.wrapping_sub(group[0]));
            assert_eq!(protected, group);
            assert!(!encoder.write(encoder.repairs(), &mut Vec::new()));
        }
    }
}

#[test]
fn masks_are_as_short_as_can_be() {
    for (mask, octets) in [
        (0x1, vec![0xc0, 0x00]),
        (0x7fff, vec![0xff, 0xff]),
        (0x8001, vec![0x40, 0x00, 0xc0, 0, 0, 0]),
        (1 << 45 | 1, vec![0x40, 0x00, 0x80, 0, 0, 1]),
        (
            1 << 46 | 1,
            vec![0x40, 0x00, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0],
        ),
        (1 << 47, vec![0, 0, 0, 0, 0, 0, 0xa0, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        let mut out = Vec::new();
        write_mask(&mut out, mask);
        assert_eq!(out, octets, "{mask:x}");
    }
}

#[test]
fn what_does_not_belong_to_the_group_leaves_it_as_it_was() {
    let mut encoder = Encoder::new(SSRC, 3, &[]);
    let mut add = |seq| {
        let (header_len, packet) = media(seq, 10);
        encoder.add(&packet[..header_len], &packet[header_len..])
    };
    assert_eq!(add(65_535), Ok(()));
    assert_eq!(add(65_535), Err(AddError::OutOfGroup));
    assert_eq!(add(65_534), Err(AddError::OutOfGroup));
    assert_eq!(add(47), Err(AddError::OutOfGroup));
    assert_eq!(add(46), Ok(()));
    assert_eq!(add(20), Err(AddError::OutOfGroup));
    let (header_len, packet) = media(47, 65_530);
    let (header, payload) = packet.split_at(header_len);
    assert_eq!(encoder.add(header, payload), Err(AddError::NotRtp));
    assert_eq!(encoder.add(&header[..11], payload), Err(AddError::NotRtp));
    assert_eq!((encoder.packets(), encoder.repairs()), (2, 2));
}
