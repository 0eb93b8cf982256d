#![allow(clippy::unwrap_used)]

use super::*;
use crate::rtmp::amf0::{self, Value};

const AVC: Codec = Codec::Video(VideoCodec::H264);
const HEVC: Codec = Codec::Video(VideoCodec::Hevc);

fn frame(codec: Codec, keyframe: bool, composition: i32, data: &'static [u8]) -> Tag {
    of_track(0, codec, keyframe, composition, data)
}

fn of_track(track: u8, codec: Codec, keyframe: bool, composition: i32, data: &'static [u8]) -> Tag {
    Tag::Frame(Frame {
        track,
        codec,
        keyframe,
        composition,
        nanoseconds: 0,
        data: Bytes::from_static(data),
    })
}

fn config(track: u8, codec: Codec, config: &'static [u8]) -> Tag {
    Tag::Config {
        track,
        codec,
        config: Bytes::from_static(config),
    }
}

fn unsupported(kind: Kind, name: &str) -> Tag {
    Tag::Unsupported(Unsupported::Codec(kind, name.to_owned()))
}

fn feature(name: &str) -> Tag {
    Tag::Unsupported(Unsupported::Feature(name.to_owned()))
}

/// What a video message of these parts says.
fn picture(parts: &[&[u8]]) -> Vec<Tag> {
    let mut tags = Vec::new();
    video(Bytes::from(parts.concat()), |tag| tags.push(tag)).unwrap();
    tags
}

/// What an audio message of these parts says.
fn sound(parts: &[&[u8]]) -> Vec<Tag> {
    let mut tags = Vec::new();
    audio(Bytes::from(parts.concat()), |tag| tags.push(tag)).unwrap();
    tags
}

#[test]
fn legacy_avc() {
    assert_eq!(
        picture(&[&[0x17, 0, 0, 0, 0], b"avcC"]),
        [config(0, AVC, b"avcC")]
    );
    assert_eq!(
        picture(&[&[0x17, 1, 0, 0, 40], b"idr"]),
        [frame(AVC, true, 40, b"idr")]
    );
    assert_eq!(
        picture(&[&[0x27, 1, 0xff, 0xff, 0xd8], b"p"]),
        [frame(AVC, false, -40, b"p")]
    );
    // An end of sequence, a seek, and nothing at all.
    for nothing in [&[0x17, 2, 0, 0, 0][..], &[0x57, 0], &[]] {
        assert_eq!(picture(&[nothing]), []);
    }
    assert_eq!(
        picture(&[&[0x12, 0, 0]]),
        [unsupported(Kind::Video, "Sorenson H.263")]
    );
}

#[test]
fn enhanced_video_of_each_packet_type() {
    assert_eq!(
        picture(&[&[0x90], b"hvc1", b"hvcC"]),
        [config(0, HEVC, b"hvcC")]
    );
    assert_eq!(
        picture(&[&[0x91], b"hvc1", &[0, 0, 33], b"idr"]),
        [frame(HEVC, true, 33, b"idr")]
    );
    assert_eq!(
        picture(&[&[0xa3], b"hvc1", b"p"]),
        [frame(HEVC, false, 0, b"p")]
    );
    assert_eq!(
        picture(&[&[0xa1], b"avc1", &[0xff, 0xff, 0xff], b"p"]),
        [frame(AVC, false, -1, b"p")]
    );
    // These have no composition time, whatever the packet type.
    for (four_cc, codec) in [
        (b"av01", VideoCodec::Av1),
        (b"vp09", VideoCodec::Vp9),
        (b"vp08", VideoCodec::Vp8),
    ] {
        assert_eq!(
            picture(&[&[0x91], four_cc, b"tu"]),
            [frame(Codec::Video(codec), true, 0, b"tu")]
        );
    }
    assert_eq!(picture(&[&[0x92], b"av01"]), []);
    // A command frame: a seek's begin.
    assert_eq!(picture(&[&[0xd1], &[0]]), []);
    assert_eq!(
        picture(&[&[0x90], b"wxyz"]),
        [unsupported(Kind::Video, "wxyz")]
    );
    assert_eq!(
        picture(&[&[0x90], b"vvc1"]),
        [unsupported(Kind::Video, "VVC (H.266)")]
    );
    assert_eq!(
        picture(&[&[0x98], b"av01"]),
        [feature("video packet type 8")]
    );
}

#[test]
fn an_av1_descriptor_of_transport_streams_becomes_a_record() {
    // hdr_wcg_idc 3 in the last byte's upper bits, where av1C has zeros.
    let descriptor = [0x80, 4, 0x81, 0x05, 0x0c, 0xd3];
    let record = Codec::Video(VideoCodec::Av1);
    assert_eq!(
        picture(&[&[0x95], b"av01", &descriptor]),
        [config(0, record, &[0x81, 0x05, 0x0c, 0x13])]
    );
    assert_eq!(
        picture(&[&[0x95], b"hvc1", &descriptor]),
        [feature("video packet type 5")]
    );
    let cut = Bytes::from([&[0x95][..], b"av01", &descriptor[..4]].concat());
    assert_eq!(video(cut, |_| ()), Err(TagError::Truncated));
}

#[test]
fn colours_are_read_from_metadata() {
    let metadata = amf0::encode_all(&[
        "colorInfo".into(),
        Value::object([
            (
                "colorConfig",
                Value::object([
                    ("bitDepth", 10.0.into()),
                    ("colorPrimaries", 9.0.into()),
                    ("transferCharacteristics", 16.0.into()),
                    ("matrixCoefficients", 9.0.into()),
                ]),
            ),
            ("hdrCll", Value::object([("maxCLL", 1_000.0.into())])),
        ]),
    ]);
    let colour = ColourInfo {
        bit_depth: 10,
        primaries: 9,
        transfer: 16,
        matrix: 9,
        max_cll: 1_000.0,
    };
    // The frame type is to be ignored: even a command's.
    for first in [0x94, 0xa4, 0xd4] {
        assert_eq!(
            picture(&[&[first], b"hvc1", &metadata]),
            [Tag::Colour(colour)]
        );
    }
    assert_eq!(colour.hdr(), Some("HDR (PQ)"));
    assert_eq!(ColourInfo::default().hdr(), None);
    for nothing in [&b"no AMF0"[..], &metadata[..20], b""] {
        assert_eq!(picture(&[&[0x94], b"hvc1", nothing]), []);
    }
    let odd = amf0::encode_all(&["colorInfo".into(), f64::NAN.into()]);
    assert_eq!(
        picture(&[&[0x94], b"hvc1", &odd]),
        [Tag::Colour(ColourInfo::default())]
    );
}

#[test]
fn mod_ex_gives_nanoseconds_and_is_skipped() {
    let nanoseconds = 123_456_u32.to_be_bytes();
    // ModEx of 3 bytes, type 0, then CodedFramesX.
    let tags = picture(&[&[0x97, 2], &nanoseconds[1..], &[0x03], b"hvc1", b"idr"]);
    let [Tag::Frame(read)] = &tags[..] else {
        panic!("not a frame: {tags:?}")
    };
    assert_eq!(
        (read.nanoseconds, read.keyframe, &read.data[..]),
        (123_456, true, &b"idr"[..])
    );
    // A long ModEx of an unknown type, twice.
    let long = [
        &[0x97, 0xff, 0x01, 0x00][..],
        &[0; 257],
        &[0x17, 0, 9, 0x13],
    ]
    .concat();
    assert_eq!(
        picture(&[&long, b"hvc1", b"idr"]),
        [frame(HEVC, true, 0, b"idr")]
    );
    // Before a multitrack message it holds for each of the tracks, and for audio as well.
    let tags = picture(&[
        &[0x97, 2, 0, 0, 7, 0x06, 0x13],
        b"hvc1",
        &[0, 0, 0, 1, b'a', 1, 0, 0, 1, b'b'],
    ]);
    let nanoseconds: Vec<_> = tags
        .iter()
        .map(|tag| match tag {
            Tag::Frame(frame) => (frame.track, frame.nanoseconds),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(nanoseconds, [(0, 7), (1, 7)]);
    let tags = sound(&[&[0x97, 2, 0, 0, 9, 0x01], b"Opus", b"x"]);
    assert!(matches!(&tags[..], [Tag::Frame(frame)] if frame.nanoseconds == 9));
}

#[test]
fn a_multitrack_message_is_taken_apart() {
    // ManyTracks: one codec.
    assert_eq!(
        picture(&[
            &[0x96, 0x13],
            b"hvc1",
            &[1, 0, 0, 2],
            b"xx",
            &[0, 0, 0, 3],
            b"idr",
        ]),
        [
            of_track(1, HEVC, true, 0, b"xx"),
            frame(HEVC, true, 0, b"idr")
        ]
    );
    // ManyTracksManyCodecs, with an unknown one among them.
    assert_eq!(
        picture(&[
            &[0x96, 0x23],
            b"av01",
            &[1, 0, 0, 2],
            b"xx",
            b"vvc1",
            &[3, 0, 0, 0],
            b"hvc1",
            &[0, 0, 0, 3],
            b"idr",
        ]),
        [
            of_track(1, Codec::Video(VideoCodec::Av1), true, 0, b"xx"),
            unsupported(Kind::Video, "VVC (H.266)"),
            frame(HEVC, true, 0, b"idr")
        ]
    );
    // OneTrack, with a composition time and a configuration.
    assert_eq!(
        picture(&[&[0xa6, 0x01], b"avc1", &[2, 0, 0, 40], b"p"]),
        [of_track(2, AVC, false, 40, b"p")]
    );
    assert_eq!(
        picture(&[&[0x96, 0x00], b"avc1", &[2], b"avcC"]),
        [config(2, AVC, b"avcC")]
    );
    assert_eq!(
        sound(&[&[0x95, 0x01], b"Opus", &[4], b"x"]),
        [of_track(4, Codec::Audio(AudioCodec::Opus), true, 0, b"x")]
    );
    // Only the default track's colours are those of the stream.
    assert_eq!(picture(&[&[0x96, 0x04], b"avc1", &[2], b"x"]), []);
}

#[test]
fn multitrack_messages_that_make_no_sense_are_refused() {
    for types in [0x06, 0x07, 0x30, 0xf1] {
        let tags = picture(&[&[0x96, types], b"avc1", &[0]]);
        assert!(
            matches!(&tags[..], [Tag::Unsupported(Unsupported::Feature(_))]),
            "{tags:?}"
        );
    }
    // A track that is larger than the message; the one before it is good.
    let cut = [
        &[0x96, 0x13][..],
        b"avc1",
        &[0, 0, 0, 1, b'a', 1, 0, 0, 9, b'b'],
    ];
    let mut tags = Vec::new();
    assert_eq!(
        video(Bytes::from(cut.concat()), |tag| tags.push(tag)),
        Err(TagError::Truncated)
    );
    assert_eq!(tags, [frame(AVC, true, 0, b"a")]);
    // A message of empty tracks without end.
    let many = [&[0x96, 0x13][..], b"av01", &[0, 0, 0, 0].repeat(257)].concat();
    let mut count = 0;
    assert_eq!(
        video(Bytes::from(many), |_| count += 1),
        Err(TagError::TooManyTracks)
    );
    assert_eq!(count, 256);
}

#[test]
fn audio_of_both_kinds() {
    let aac = Codec::Audio(AudioCodec::Aac);
    let opus = Codec::Audio(AudioCodec::Opus);
    assert_eq!(sound(&[&[0xaf, 0], b"cfg"]), [config(0, aac, b"cfg")]);
    assert_eq!(sound(&[&[0xaf, 1], b"raw"]), [frame(aac, true, 0, b"raw")]);
    assert_eq!(sound(&[&[0x90], b"Opus", b"c"]), [config(0, opus, b"c")]);
    assert_eq!(
        sound(&[&[0x91], b"mp4a", b"raw"]),
        [frame(aac, true, 0, b"raw")]
    );
    // The end of a sequence, and the order of channels.
    assert_eq!(sound(&[&[0x92], b"Opus"]), []);
    assert_eq!(sound(&[&[0x94], b"Opus", &[1, 2, 0, 1]]), []);
    for (four_cc, name) in [
        (b"fLaC", "FLAC"),
        (b"ac-3", "AC-3"),
        (b"ec-3", "E-AC-3"),
        (b".mp3", "MP3"),
        (b"wxyz", "wxyz"),
    ] {
        assert_eq!(sound(&[&[0x91], four_cc]), [unsupported(Kind::Audio, name)]);
    }
    assert_eq!(sound(&[&[0x2f, 1]]), [unsupported(Kind::Audio, "MP3")]);
    assert_eq!(sound(&[&[0x96], b"Opus"]), [feature("audio packet type 6")]);
}

#[test]
fn what_is_written_is_read() {
    let read = |body: Bytes| picture(&[&body]);
    for codec in [
        VideoCodec::H264,
        VideoCodec::Hevc,
        VideoCodec::Vp8,
        VideoCodec::Vp9,
        VideoCodec::Av1,
    ] {
        let own = Codec::Video(codec);
        for track in [0, 1, 200] {
            assert_eq!(
                read(video_config(track, codec, b"cfg")),
                [config(track, own, b"cfg")]
            );
            assert_eq!(
                read(video_frame(track, codec, true, 0, b"x")),
                [of_track(track, own, true, 0, b"x")]
            );
        }
    }
    for track in [0, 3] {
        for codec in [VideoCodec::H264, VideoCodec::Hevc] {
            assert_eq!(
                read(video_frame(track, codec, false, -5, b"x")),
                [of_track(track, Codec::Video(codec), false, -5, b"x")]
            );
        }
    }
    for codec in [AudioCodec::Aac, AudioCodec::Opus] {
        assert_eq!(
            sound(&[&audio_frame(codec, b"x")]),
            [frame(Codec::Audio(codec), true, 0, b"x")]
        );
    }
}

#[test]
fn no_prefix_of_a_tag_panics() {
    let tags = [
        [&[0x97, 2, 0, 0, 0, 0x03][..], b"hvc1", b"idr"].concat(),
        [
            &[0x96, 0x23][..],
            b"av01",
            &[1, 0, 0, 2],
            b"xx",
            b"hvc1",
            &[0, 0, 0, 3],
            b"idr",
        ]
        .concat(),
        [&[0x17, 1, 0, 0, 40][..], b"idr"].concat(),
        [&[0x95][..], b"av01", &[0x80, 4, 0x81, 5, 12, 0]].concat(),
    ];
    for tag in tags {
        for length in 0..tag.len() {
            let prefix = Bytes::copy_from_slice(&tag[..length]);
            let _ = (video(prefix.clone(), |_| ()), audio(prefix, |_| ()));
        }
    }
}
