#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use super::*;

#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<(Vec<SourceFormat>, Vec<AccessUnit>)>>);

impl SourceSink for Recorder {
    fn format(&mut self, format: SourceFormat) {
        self.0.lock().unwrap().0.push(format);
    }

    fn access_unit(&mut self, unit: AccessUnit) {
        self.0.lock().unwrap().1.push(unit);
    }
}

const AVC: &[u8] = &[
    1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, 2, 0x67, 0x42, 1, 0, 1, 0x68,
];
const IDR: &[u8] = &[0, 0, 0, 1, 0x65];
const AAC: &[u8] = &[0x11, 0x90];

fn tracks() -> (Tracks, Recorder) {
    let recorder = Recorder::default();
    (Tracks::new(Box::new(recorder.clone())), recorder)
}

#[test]
fn a_repeated_sequence_header_is_no_new_format() {
    let (mut tracks, recorder) = tracks();
    for time in [0, 1_000] {
        tracks.message(Kind::Video, time, flv::video_config(VideoCodec::H264, AVC));
        tracks.message(Kind::Audio, time, flv::audio_config(AudioCodec::Aac, AAC));
    }
    assert_eq!(recorder.0.lock().unwrap().0.len(), 2);
    let mut other = AVC.to_vec();
    other[3] = 0x20;
    tracks.message(
        Kind::Video,
        2_000,
        flv::video_config(VideoCodec::H264, &other),
    );
    assert_eq!(recorder.0.lock().unwrap().0.len(), 3);
}

#[test]
fn pictures_begin_with_a_keyframe_after_the_format() {
    let (mut tracks, recorder) = tracks();
    tracks.message(
        Kind::Video,
        0,
        flv::video_frame(VideoCodec::H264, true, 0, IDR),
    );
    tracks.message(Kind::Video, 10, flv::video_config(VideoCodec::H264, AVC));
    tracks.message(
        Kind::Video,
        20,
        flv::video_frame(VideoCodec::H264, false, 0, IDR),
    );
    tracks.message(
        Kind::Video,
        30,
        flv::video_frame(VideoCodec::H264, true, 66, IDR),
    );
    tracks.message(
        Kind::Video,
        63,
        flv::video_frame(VideoCodec::H264, false, -33, IDR),
    );
    let recorded = recorder.0.lock().unwrap();
    let units = &recorded.1;
    assert_eq!(units.len(), 2);
    assert!(units[0].keyframe && units[0].pts - units[0].dts == 66_000_000);
    assert!(!units[1].keyframe && units[1].dts - units[1].pts == 33_000_000);
    assert_eq!(units[1].dts - units[0].dts, 33_000_000);
}

#[test]
fn what_cannot_be_decoded_is_not_passed_on() {
    let (mut tracks, recorder) = tracks();
    tracks.message(
        Kind::Video,
        0,
        flv::video_config(VideoCodec::H264, &AVC[..9]),
    );
    tracks.message(Kind::Video, 0, flv::video_config(VideoCodec::H264, AVC));
    tracks.message(
        Kind::Video,
        0,
        flv::video_frame(VideoCodec::H264, true, 0, &[0, 0, 9, 9, 1]),
    );
    tracks.message(
        Kind::Video,
        0,
        flv::video_frame(VideoCodec::Hevc, true, 0, IDR),
    );
    tracks.message(Kind::Video, 0, Bytes::from_static(&[0x17]));
    tracks.message(Kind::Audio, 0, Bytes::from_static(&[0x2f, 1, 2]));
    tracks.message(Kind::Audio, 0, flv::audio_frame(AudioCodec::Aac, b"raw"));
    let recorded = recorder.0.lock().unwrap();
    assert_eq!((recorded.0.len(), recorded.1.len()), (1, 0));
    assert_eq!(tracks.complaints.len(), 6);
}

#[test]
fn complaints_are_bounded() {
    let (mut tracks, _) = tracks();
    for four_cc in 0..1_000_u32 {
        tracks.message(
            Kind::Video,
            0,
            Bytes::from([&[0x90], &four_cc.to_be_bytes()[..]].concat()),
        );
    }
    assert_eq!(tracks.complaints.len(), MAX_COMPLAINTS);
}
