#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use weir_protocol::finding::{FindingCode, Severity};

use super::*;

/// Formats, units, and findings that hold.
type Recorded = (Vec<SourceFormat>, Vec<AccessUnit>, Vec<FindingReport>);

#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Recorded>>);

impl SourceSink for Recorder {
    fn format(&mut self, format: SourceFormat) {
        self.0.lock().unwrap().0.push(format);
    }

    fn access_unit(&mut self, unit: AccessUnit) {
        self.0.lock().unwrap().1.push(unit);
    }

    fn finding(&mut self, report: FindingReport) {
        if report.active {
            self.0.lock().unwrap().2.push(report);
        }
    }
}

impl Recorder {
    fn codes(&self) -> Vec<FindingCode> {
        let recorded = self.0.lock().unwrap();
        recorded.2.iter().map(|report| report.code).collect()
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
        tracks.message(
            Kind::Video,
            time,
            flv::video_config(0, VideoCodec::H264, AVC),
        );
        tracks.message(Kind::Audio, time, flv::audio_config(AudioCodec::Aac, AAC));
    }
    assert_eq!(recorder.0.lock().unwrap().0.len(), 2);
    let mut other = AVC.to_vec();
    other[3] = 0x20;
    tracks.message(
        Kind::Video,
        2_000,
        flv::video_config(0, VideoCodec::H264, &other),
    );
    assert_eq!(recorder.0.lock().unwrap().0.len(), 3);
}

#[test]
fn pictures_begin_with_a_keyframe_after_the_format() {
    let (mut tracks, recorder) = tracks();
    tracks.message(
        Kind::Video,
        0,
        flv::video_frame(0, VideoCodec::H264, true, 0, IDR),
    );
    tracks.message(Kind::Video, 10, flv::video_config(0, VideoCodec::H264, AVC));
    tracks.message(
        Kind::Video,
        20,
        flv::video_frame(0, VideoCodec::H264, false, 0, IDR),
    );
    tracks.message(
        Kind::Video,
        30,
        flv::video_frame(0, VideoCodec::H264, true, 66, IDR),
    );
    tracks.message(
        Kind::Video,
        63,
        flv::video_frame(0, VideoCodec::H264, false, -33, IDR),
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
        flv::video_config(0, VideoCodec::H264, &AVC[..9]),
    );
    tracks.message(Kind::Video, 0, flv::video_config(0, VideoCodec::H264, AVC));
    tracks.message(
        Kind::Video,
        0,
        flv::video_frame(0, VideoCodec::H264, true, 0, &[0, 0, 9, 9, 1]),
    );
    tracks.message(
        Kind::Video,
        0,
        flv::video_frame(0, VideoCodec::Hevc, true, 0, IDR),
    );
    tracks.message(Kind::Video, 0, Bytes::from_static(&[0x17]));
    tracks.message(Kind::Audio, 0, Bytes::from_static(&[0x2f, 1, 2]));
    tracks.message(Kind::Audio, 0, flv::audio_frame(AudioCodec::Aac, b"raw"));
    let recorded = recorder.0.lock().unwrap();
    assert_eq!((recorded.0.len(), recorded.1.len()), (1, 0));
    assert_eq!(tracks.complaints.logged(), 6);
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
    assert_eq!(tracks.complaints.logged(), 8);
}

/// The same record at another level, which is another format.
fn avc(level: u8) -> Vec<u8> {
    let mut record = AVC.to_vec();
    record[3] = level;
    record
}

#[test]
fn each_video_track_is_a_layer() {
    let (mut tracks, recorder) = tracks();
    for (track, level) in [(0, 0x1f), (7, 0x1e), (3, 0x1d)] {
        let config = flv::video_config(track, VideoCodec::H264, &avc(level));
        tracks.message(Kind::Video, 0, config);
    }
    for (time, keyframe) in [(0, true), (33, false)] {
        for track in [3, 0, 7] {
            let frame = flv::video_frame(track, VideoCodec::H264, keyframe, 0, IDR);
            tracks.message(Kind::Video, time, frame);
        }
    }
    let recorded = recorder.0.lock().unwrap();
    let layers: Vec<_> = recorded
        .0
        .iter()
        .map(|format| match format {
            SourceFormat::Video { layer, config, .. } => (*layer, config[3]),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(layers, [(0, 0x1f), (1, 0x1e), (2, 0x1d)]);
    let units: Vec<_> = recorded.1.iter().map(|unit| unit.layer).collect();
    assert_eq!(units, [2, 0, 1, 2, 0, 1]);
    assert!(
        recorded.1[..3]
            .iter()
            .all(|unit| unit.dts == recorded.1[0].dts)
    );
    assert!(recorded.2.is_empty());
}

#[test]
fn one_message_may_hold_all_tracks() {
    let (mut tracks, recorder) = tracks();
    let entry = |track: u8, data: &[u8]| {
        let size = (data.len() as u32).to_be_bytes();
        [&[track], &size[1..], data].concat()
    };
    let message = |types: &[u8], parts: &[Vec<u8>]| {
        Bytes::from([types, b"avc1", &parts.concat()[..]].concat())
    };
    let configs = [entry(0, AVC), entry(1, &avc(0x1e))];
    tracks.message(Kind::Video, 0, message(&[0x96, 0x10], &configs));
    let idrs = [entry(0, IDR), entry(1, IDR)];
    tracks.message(Kind::Video, 0, message(&[0x96, 0x13], &idrs));
    let recorded = recorder.0.lock().unwrap();
    assert_eq!((recorded.0.len(), recorded.1.len()), (2, 2));
    assert_eq!(recorded.1[1].layer, 1);
}

#[test]
fn tracks_of_another_codec_and_too_many_are_left_out_and_told_once() {
    let (mut tracks, recorder) = tracks();
    for track in 0..MAX_VIDEO_TRACKS as u8 + 2 {
        let config = flv::video_config(track, VideoCodec::H264, &avc(track));
        tracks.message(Kind::Video, 0, config);
    }
    tracks.message(
        Kind::Video,
        0,
        flv::video_config(20, VideoCodec::Av1, &[0x81, 5, 12, 0]),
    );
    for _ in 0..3 {
        let frame = flv::video_frame(20, VideoCodec::Av1, true, 0, b"tu");
        tracks.message(Kind::Video, 0, frame);
    }
    let recorded = recorder.0.lock().unwrap();
    assert_eq!(recorded.0.len(), MAX_VIDEO_TRACKS);
    assert!(recorded.1.is_empty());
    let [.., last] = &recorded.2[..] else {
        panic!("nothing found")
    };
    assert_eq!(recorded.2.len(), 3);
    assert_eq!(last.code, FindingCode::TracksIgnored);
    assert_eq!(last.values["video"], 3.0);
}

#[test]
fn the_default_track_says_of_which_codec_the_stream_is() {
    let (mut tracks, recorder) = tracks();
    let av1 = flv::video_config(1, VideoCodec::Av1, &[0x81, 5, 12, 0]);
    tracks.message(Kind::Video, 0, av1);
    tracks.message(Kind::Video, 0, flv::video_config(0, VideoCodec::H264, AVC));
    for (track, codec) in [(1, VideoCodec::Av1), (0, VideoCodec::H264)] {
        let frame = flv::video_frame(track, codec, true, 0, IDR);
        tracks.message(Kind::Video, 0, frame);
    }
    let units: Vec<_> = recorder.0.lock().unwrap().1.clone();
    assert_eq!(units.len(), 1);
    assert_eq!((units[0].layer, units[0].dts), (0, 500_000_000));
    assert_eq!(recorder.codes(), [FindingCode::TracksIgnored]);
}

#[test]
fn of_several_sounds_the_default_one_is_taken() {
    let (mut tracks, recorder) = tracks();
    let of_track = |track: u8, packet_type: u8, data: &[u8]| {
        Bytes::from([&[0x95, packet_type], &b"mp4a"[..], &[track], data].concat())
    };
    tracks.message(Kind::Audio, 0, of_track(1, 0, AAC));
    tracks.message(Kind::Audio, 0, of_track(1, 1, b"other"));
    tracks.message(Kind::Audio, 0, flv::audio_config(AudioCodec::Aac, AAC));
    for time in [0, 21, 43] {
        let frame = flv::audio_frame(AudioCodec::Aac, b"default");
        tracks.message(Kind::Audio, time, frame);
        tracks.message(Kind::Audio, time, of_track(1, 1, b"other"));
    }
    let units = recorder.0.lock().unwrap().1.clone();
    assert_eq!(units.len(), 4);
    assert!(units[1..].iter().all(|unit| unit.data == b"default"[..]));
    assert_eq!(recorder.codes(), [FindingCode::TracksIgnored]);
}

#[test]
fn what_cannot_be_used_is_told_by_name() {
    let (mut tracks, recorder) = tracks();
    for _ in 0..3 {
        let ac3 = Bytes::from_static(b"\x91ac-3data");
        tracks.message(Kind::Audio, 0, ac3);
        tracks.message(Kind::Video, 0, Bytes::from_static(b"\x90vvc1data"));
    }
    let recorded = recorder.0.lock().unwrap();
    let [first, second] = &recorded.2[..] else {
        panic!("{:?}", recorded.2)
    };
    assert_eq!(first.severity, Severity::Error);
    assert_eq!(first.words["audio"], "AC-3");
    assert_eq!(second.words["video"], "VVC (H.266)");
    assert_eq!(second.words["audio"], "AC-3");
}

#[test]
fn a_changed_sequence_header_begins_a_new_format_at_a_keyframe() {
    let (mut tracks, recorder) = tracks();
    let picture = |keyframe| flv::video_frame(0, VideoCodec::H264, keyframe, 0, IDR);
    tracks.message(Kind::Video, 0, flv::video_config(0, VideoCodec::H264, AVC));
    tracks.message(Kind::Video, 0, picture(true));
    let other = flv::video_config(0, VideoCodec::H264, &avc(0x28));
    tracks.message(Kind::Video, 33, other);
    // Refers to pictures of another size: cannot be decoded any more.
    tracks.message(Kind::Video, 33, picture(false));
    tracks.message(Kind::Video, 66, picture(true));
    // And of other sound: mono at 44,100 Hz.
    for (time, record) in [(0, AAC), (80, &[0x12, 0x08])] {
        tracks.message(
            Kind::Audio,
            time,
            flv::audio_config(AudioCodec::Aac, record),
        );
        tracks.message(Kind::Audio, time, flv::audio_frame(AudioCodec::Aac, b"raw"));
    }
    let recorded = recorder.0.lock().unwrap();
    assert_eq!(recorded.0.len(), 4);
    let times: Vec<_> = recorded
        .1
        .iter()
        .map(|unit| (unit.kind, unit.dts / 1_000_000 - 500))
        .collect();
    assert_eq!(
        times,
        [
            (Kind::Video, 0),
            (Kind::Video, 66),
            (Kind::Audio, 0),
            (Kind::Audio, 80)
        ]
    );
}

#[test]
fn leaps_of_the_clock_are_told_and_forgotten() {
    let (mut tracks, recorder) = tracks();
    tracks.message(Kind::Video, 0, flv::video_config(0, VideoCodec::H264, AVC));
    let mut picture = |time: u32| {
        let frame = flv::video_frame(0, VideoCodec::H264, true, 0, IDR);
        tracks.message(Kind::Video, time, frame);
    };
    picture(0);
    picture(100_000_000);
    for time in 0..70 {
        picture(100_000_000 + time * 1_000);
    }
    // The calm was told: the next leap is the first one again.
    picture(0);
    let recorded = recorder.0.lock().unwrap();
    let counts: Vec<_> = recorded
        .2
        .iter()
        .map(|report| report.values["count"])
        .collect();
    assert_eq!(counts, [1.0, 1.0]);
    assert!(recorded.2.iter().all(|report| report.repaired));
    assert!(recorded.1.windows(2).all(|pair| pair[0].dts < pair[1].dts));
}

#[test]
fn hdr_is_told_while_it_lasts() {
    use crate::rtmp::amf0::{self, Value};
    let (mut tracks, recorder) = tracks();
    for transfer in [16.0, 16.0, 1.0, 18.0] {
        let colour = Value::object([("transferCharacteristics", transfer.into())]);
        let metadata =
            amf0::encode_all(&["colorInfo".into(), Value::object([("colorConfig", colour)])]);
        let message = [&b"\x94hvc1"[..], &metadata].concat();
        tracks.message(Kind::Video, 0, message.into());
    }
    let recorded = recorder.0.lock().unwrap();
    let names: Vec<_> = recorded
        .2
        .iter()
        .map(|report| &report.words["transfer"])
        .collect();
    assert_eq!(names, ["HDR (PQ)", "HDR (HLG)"]);
}
