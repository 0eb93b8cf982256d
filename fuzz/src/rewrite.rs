//! Payload descriptors, and the numbers in them that a viewer must see go on without a seam: after
//! rewriting, the payload has its length and reads the same but for the new numbers.

use weir_rtp::{
    av1, h264,
    packet::{HeaderFields, Packet, write_header},
    picture_ids::{PictureIdOffsets, PictureIds},
    vp8::{self, Vp8},
    vp9::{self, Vp9},
};

/// Four octets of offsets, then a payload of any codec.
pub fn run(input: &[u8]) {
    let Some((&[a, b, tl0_pic_idx, key_idx], payload)) = input.split_first_chunk() else {
        return;
    };
    let offsets = PictureIdOffsets {
        picture_id: u16::from_be_bytes([a, b]),
        tl0_pic_idx,
        key_idx,
    };
    if let Some(read) = vp8::parse(payload) {
        assert!(read.descriptor_len < payload.len());
        let expected = Vp8 {
            picture_ids: read.picture_ids.with(&offsets),
            ..read
        };
        let rewritten = rewrite(payload, &expected.picture_ids, read.descriptor_len);
        assert_eq!(vp8::parse(&rewritten), Some(expected));
    }
    if let Some(read) = vp9::parse(payload) {
        assert!(read.descriptor_len <= payload.len());
        let expected = Vp9 {
            picture_ids: read.picture_ids.with(&offsets),
            ..read
        };
        let rewritten = rewrite(payload, &expected.picture_ids, read.descriptor_len);
        assert_eq!(vp9::parse(&rewritten), Some(expected));
    }
    av1::parse(payload);
    h264::parse(payload);
}

/// Makes a packet of the payload with new numbers, and returns the payload of the packet.
fn rewrite(payload: &[u8], ids: &PictureIds, descriptor_len: usize) -> Vec<u8> {
    let fields = HeaderFields {
        marker: true,
        payload_type: 96,
        seq: 7,
        timestamp: 8,
        ssrc: 9,
    };
    let mut out = vec![0xee];
    let header_len = write_header(&mut out, &fields, &[(1, b"0"), (3, &[1, 2])]);
    out.extend_from_slice(payload);
    ids.write(&mut out[1 + header_len..]);
    let packet = Packet::parse(&out[1..]).expect("a written packet can be read");
    assert_eq!(packet.fields(), fields);
    assert_eq!(packet.payload.len(), payload.len());
    // What a decoder gets is untouched.
    assert_eq!(packet.payload[descriptor_len..], payload[descriptor_len..]);
    packet.payload.to_vec()
}
