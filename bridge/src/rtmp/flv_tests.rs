#![allow(clippy::unwrap_used)]

use super::*;

const AVC: Codec = Codec::Video(VideoCodec::H264);
const HEVC: Codec = Codec::Video(VideoCodec::Hevc);

fn frame(codec: Codec, keyframe: bool, composition: i32, data: &'static [u8]) -> Tag {
    Tag::Frame(Frame {
        codec,
        keyframe,
        composition,
        nanoseconds: 0,
        data: Bytes::from_static(data),
    })
}

fn bytes(parts: &[&[u8]]) -> Bytes {
    Bytes::from(parts.concat())
}

#[test]
fn legacy_avc() {
    let config = Tag::Config {
        codec: AVC,
        config: Bytes::from_static(b"avcC"),
    };
    assert_eq!(
        video(bytes(&[&[0x17, 0, 0, 0, 0], b"avcC"])).unwrap(),
        config
    );
    assert_eq!(
        video(bytes(&[&[0x17, 1, 0, 0, 40], b"idr"])).unwrap(),
        frame(AVC, true, 40, b"idr")
    );
    assert_eq!(
        video(bytes(&[&[0x27, 1, 0xff, 0xff, 0xd8], b"p"])).unwrap(),
        frame(AVC, false, -40, b"p")
    );
    assert_eq!(video(bytes(&[&[0x17, 2, 0, 0, 0]])).unwrap(), Tag::Nothing);
    assert_eq!(video(bytes(&[&[0x57, 0]])).unwrap(), Tag::Nothing);
    assert!(matches!(
        video(bytes(&[&[0x12, 0, 0]])).unwrap(),
        Tag::Unsupported(_)
    ));
}

#[test]
fn enhanced_video_of_each_packet_type() {
    assert_eq!(
        video(bytes(&[&[0x90], b"hvc1", b"hvcC"])).unwrap(),
        Tag::Config {
            codec: HEVC,
            config: Bytes::from_static(b"hvcC")
        }
    );
    assert_eq!(
        video(bytes(&[&[0x91], b"hvc1", &[0, 0, 33], b"idr"])).unwrap(),
        frame(HEVC, true, 33, b"idr")
    );
    assert_eq!(
        video(bytes(&[&[0xa3], b"hvc1", b"p"])).unwrap(),
        frame(HEVC, false, 0, b"p")
    );
    // AV1 has no composition time, whatever the packet type.
    let av1 = Codec::Video(VideoCodec::Av1);
    assert_eq!(
        video(bytes(&[&[0x91], b"av01", b"tu"])).unwrap(),
        frame(av1, true, 0, b"tu")
    );
    assert_eq!(
        video(bytes(&[&[0x94], b"av01", b"meta"])).unwrap(),
        Tag::Nothing
    );
    assert_eq!(video(bytes(&[&[0x92], b"av01"])).unwrap(), Tag::Nothing);
    assert_eq!(
        video(bytes(&[&[0x90], b"wxyz"])).unwrap(),
        Tag::Unsupported("video codec wxyz".to_owned())
    );
    assert_eq!(
        video(bytes(&[&[0x95], b"av01"])).unwrap(),
        Tag::Unsupported("video packet type 5".to_owned())
    );
}

#[test]
fn mod_ex_gives_nanoseconds_and_is_skipped() {
    let nanoseconds = 123_456_u32.to_be_bytes();
    // ModEx of 3 bytes, type 0, then CodedFramesX.
    let body = bytes(&[&[0x97, 2], &nanoseconds[1..], &[0x03], b"hvc1", b"idr"]);
    let Tag::Frame(read) = video(body).unwrap() else {
        panic!("not a frame")
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
        video(bytes(&[&long, b"hvc1", b"idr"])).unwrap(),
        frame(HEVC, true, 0, b"idr")
    );
}

#[test]
fn of_many_tracks_the_default_one_is_taken() {
    let body = bytes(&[
        &[0x96, 0x13],
        b"hvc1",
        &[1, 0, 0, 2],
        b"xx",
        &[0, 0, 0, 3],
        b"idr",
    ]);
    assert_eq!(video(body).unwrap(), frame(HEVC, true, 0, b"idr"));
    let body = bytes(&[
        &[0x96, 0x23],
        b"av01",
        &[1, 0, 0, 2],
        b"xx",
        b"hvc1",
        &[0, 0, 0, 3],
        b"idr",
    ]);
    assert_eq!(video(body).unwrap(), frame(HEVC, true, 0, b"idr"));
    assert_eq!(
        video(bytes(&[&[0x96, 0x03], b"hvc1", &[1], b"xx"])).unwrap(),
        Tag::Nothing
    );
    assert_eq!(
        audio(bytes(&[&[0x95, 0x01], b"Opus", &[0], b"x"])).unwrap(),
        frame(Codec::Audio(AudioCodec::Opus), true, 0, b"x")
    );
}

#[test]
fn audio_of_both_kinds() {
    let aac = Codec::Audio(AudioCodec::Aac);
    let config = |codec| Tag::Config {
        codec,
        config: Bytes::from_static(b"cfg"),
    };
    assert_eq!(audio(bytes(&[&[0xaf, 0], b"cfg"])).unwrap(), config(aac));
    assert_eq!(
        audio(bytes(&[&[0xaf, 1], b"raw"])).unwrap(),
        frame(aac, true, 0, b"raw")
    );
    assert_eq!(
        audio(bytes(&[&[0x90], b"Opus", b"cfg"])).unwrap(),
        config(Codec::Audio(AudioCodec::Opus))
    );
    assert_eq!(
        audio(bytes(&[&[0x91], b"mp4a", b"raw"])).unwrap(),
        frame(aac, true, 0, b"raw")
    );
    assert_eq!(
        audio(bytes(&[&[0x91], b"fLaC"])).unwrap(),
        Tag::Unsupported("audio codec fLaC".to_owned())
    );
    assert_eq!(
        audio(bytes(&[&[0x2f, 1]])).unwrap(),
        Tag::Unsupported("sound format 2".to_owned())
    );
}

#[test]
fn what_is_written_is_read() {
    for codec in [
        VideoCodec::H264,
        VideoCodec::Hevc,
        VideoCodec::Vp8,
        VideoCodec::Vp9,
        VideoCodec::Av1,
    ] {
        let config = Tag::Config {
            codec: Codec::Video(codec),
            config: Bytes::from_static(b"cfg"),
        };
        assert_eq!(video(video_config(codec, b"cfg")).unwrap(), config);
        assert_eq!(
            video(video_frame(codec, true, 0, b"x")).unwrap(),
            frame(Codec::Video(codec), true, 0, b"x")
        );
    }
    assert_eq!(
        video(video_frame(VideoCodec::Hevc, false, -5, b"x")).unwrap(),
        frame(HEVC, false, -5, b"x")
    );
    for codec in [AudioCodec::Aac, AudioCodec::Opus] {
        assert_eq!(
            audio(audio_frame(codec, b"x")).unwrap(),
            frame(Codec::Audio(codec), true, 0, b"x")
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
    ];
    for tag in tags {
        for length in 0..tag.len() {
            let prefix = Bytes::copy_from_slice(&tag[..length]);
            let _ = (video(prefix.clone()), audio(prefix));
        }
    }
}
