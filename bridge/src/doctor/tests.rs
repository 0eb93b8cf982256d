//! The doctor in virtual time: each fault gives its finding and no other, and a good stream none.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use FindingCode as Code;

/// A publisher that is well until a test makes it otherwise.
struct Publisher {
    fps: u64,
    /// Pictures from keyframe to keyframe.
    gop: u64,
    seconds: u64,
    /// Nanoseconds of media time of a picture.
    time: fn(u64, MediaTime) -> MediaTime,
    /// Whether a picture is sent at all.
    sent: fn(u64) -> bool,
    keyframe: fn(u64, u64) -> bool,
    b_frame: fn(u64) -> bool,
    size: fn(u64, bool) -> usize,
    /// When something arrives that was made at a time.
    arrives: fn(Duration) -> Duration,
    /// Media time of sound that was made at a time; `None`: there is none.
    sound: fn(MediaTime) -> Option<MediaTime>,
    level: fn(Duration) -> Level,
    treatment: Treatment,
}

const FINE: Level = Level {
    rms_db: -20.0,
    clipped: 0.0,
};

const GOOD: Publisher = Publisher {
    fps: 30,
    gop: 60,
    seconds: 60,
    // As RTMP has it: milliseconds.
    time: |_, at| at / 1_000_000 * 1_000_000,
    sent: |_| true,
    keyframe: |at, gop| at % gop == 0,
    b_frame: |_| false,
    size: |_, keyframe| if keyframe { 60_000 } else { 9_000 },
    arrives: |at| at,
    sound: Some,
    level: |_| FINE,
    treatment: Treatment {
        rtp_encoded: false,
        hls_encoded: false,
    },
};

const AAC_FRAME: MediaTime = 21_333_333;

/// All that was said, in order.
fn run(publisher: &Publisher) -> Vec<(Duration, FindingReport)> {
    let mut events: BTreeMap<(Duration, u64), Option<Seen>> = BTreeMap::new();
    let mut number = 0;
    let mut add = |at: Duration, event| {
        number += 1;
        events.insert((at, number), event);
    };
    for at in 0..publisher.fps * publisher.seconds {
        if !(publisher.sent)(at) {
            continue;
        }
        let made = at * SECOND / publisher.fps;
        let keyframe = (publisher.keyframe)(at, publisher.gop);
        let dts = (publisher.time)(at, made) + SECOND;
        let seen = Seen {
            dts,
            pts: dts,
            size: (publisher.size)(at, keyframe),
            keyframe,
            b_slice: Some((publisher.b_frame)(at)),
            sps: None,
            replay: false,
        };
        add((publisher.arrives)(Duration::from_nanos(made)), Some(seen));
    }
    let mut made = 0;
    while made < publisher.seconds * SECOND {
        if (publisher.sound)(made).is_some() {
            let at = (publisher.arrives)(Duration::from_nanos(made));
            add(
                at,
                Some(Seen {
                    pts: made,
                    size: 0,
                    ..Seen::default()
                }),
            );
        }
        made += AAC_FRAME;
    }
    for at in 0..publisher.seconds * 4 {
        add(Duration::from_millis(at * 250), None);
    }
    let mut doctor = Doctor::default();
    doctor.video_format(Duration::ZERO, VideoCodec::Vp8, &Bytes::new(), false);
    doctor.treatment(publisher.treatment);
    let mut said = Vec::new();
    for ((now, _), event) in events {
        match event {
            Some(seen) if seen.size > 0 => doctor.picture(now, &seen),
            Some(sound) => {
                let time = (publisher.sound)(sound.pts).expect("there is sound") + SECOND;
                doctor.sound(now, time, Some(AAC_FRAME));
                for _ in 0..u8::from(sound.pts % (5 * AAC_FRAME) == 0) {
                    doctor.level(now, (publisher.level)(now));
                }
            }
            None => doctor.look(now),
        }
        said.extend(doctor.take().into_iter().map(|report| (now, report)));
    }
    said
}

fn codes(said: &[(Duration, FindingReport)]) -> BTreeSet<Code> {
    said.iter().map(|(_, report)| report.code).collect()
}

/// The one finding of a publisher, as it was said first.
fn only(publisher: &Publisher, code: Code) -> FindingReport {
    let said = run(publisher);
    assert_eq!(codes(&said), BTreeSet::from([code]), "{said:#?}");
    said[0].1.clone()
}

/// What is still open at the end.
fn open(said: &[(Duration, FindingReport)]) -> BTreeSet<Code> {
    let mut open = BTreeSet::new();
    for (_, report) in said {
        match report.active {
            true => open.insert(report.code),
            false => open.remove(&report.code),
        };
    }
    open
}

#[test]
fn a_good_stream_has_no_findings() {
    assert_eq!(run(&GOOD), []);
    for fps in [24, 25, 50, 60] {
        let publisher = Publisher {
            fps,
            gop: fps * 2,
            ..GOOD
        };
        assert_eq!(run(&publisher), [], "{fps} fps");
    }
    // A network with some jitter, and an encoder that starts with what it has.
    let jitter = Publisher {
        arrives: |at| {
            let together = at.as_millis().div_ceil(130) * 130;
            Duration::from_millis(together.max(900) as u64)
        },
        ..GOOD
    };
    assert_eq!(run(&jitter), []);
}

#[test]
fn b_frames_are_told_with_what_becomes_of_them() {
    let publisher = Publisher {
        b_frame: |at| at % 4 != 0 && at < 600,
        treatment: Treatment {
            rtp_encoded: true,
            hls_encoded: false,
        },
        ..GOOD
    };
    let said = run(&publisher);
    assert_eq!(codes(&said), BTreeSet::from([Code::BFrames]));
    assert!(said[0].0 < Duration::from_secs(1), "at once");
    assert!(said[0].1.repaired && said[0].1.severity == Severity::Warning);
    assert!(open(&said).is_empty(), "over when they stop");
}

#[test]
fn far_and_irregular_keyframes_are_told_apart() {
    let far = only(&Publisher { gop: 250, ..GOOD }, Code::KeyframesFar);
    assert_eq!(far.severity, Severity::Warning, "first, when 2 s are over");
    let said = run(&Publisher { gop: 250, ..GOOD });
    assert!(
        said.iter()
            .any(|(_, report)| report.severity == Severity::Error
                && report.values["interval_s"] > 4.0)
    );
    // Scene cuts beside a keyframe every two seconds.
    let cuts = Publisher {
        keyframe: |at, gop| at % gop == 0 || at % 137 == 0,
        ..GOOD
    };
    let uneven = only(&cuts, Code::KeyframesIrregular);
    assert!(uneven.values["min_interval_s"] < uneven.values["max_interval_s"]);
}

#[test]
fn lost_pictures_are_no_variable_frame_rate() {
    let lossy = Publisher {
        sent: |at| at % 20 != 7,
        ..GOOD
    };
    let report = only(&lossy, Code::FramesDropped);
    assert!(
        (report.values["dropped_percent"] - 5.0).abs() < 1.0,
        "{report:?}"
    );
    let many = Publisher {
        sent: |at| at % 6 != 5,
        ..GOOD
    };
    assert_eq!(only(&many, Code::FramesDropped).severity, Severity::Error);
    let variable = Publisher {
        time: |at, made| (made + at * 7919 % 17 * 1_000_000) / 1_000_000 * 1_000_000,
        ..GOOD
    };
    only(&variable, Code::FrameRateVariable);
}

#[test]
fn a_leap_of_timestamps_is_told_and_confuses_nothing_else() {
    let leap = Publisher {
        time: |at, made| made + if at > 900 { 4 * SECOND } else { 0 },
        sound: |made| Some(made + if made > 30 * SECOND { 4 * SECOND } else { 0 }),
        gop: 30,
        ..GOOD
    };
    let said = run(&leap);
    // The distance to the keyframe before the leap is long, truly.
    let but_keyframes: BTreeSet<_> = codes(&said)
        .into_iter()
        .filter(|code| !matches!(code, Code::KeyframesFar | Code::KeyframesIrregular))
        .collect();
    assert_eq!(
        but_keyframes,
        BTreeSet::from([Code::TimestampsJump]),
        "{said:#?}"
    );
}

#[test]
fn bursts_and_a_slow_upload_are_told_apart() {
    // Everything of two seconds comes at their end.
    let bursts = Publisher {
        arrives: |at| Duration::from_secs(at.as_secs() / 2 * 2 + 2),
        ..GOOD
    };
    assert!(codes(&run(&bursts)).contains(&Code::ArrivalBursty));
    // A tenth slower than real time.
    let slow = Publisher {
        arrives: |at| at.mul_f64(1.1),
        ..GOOD
    };
    let said = run(&slow);
    assert!(codes(&said).contains(&Code::UploadSlow), "{said:#?}");
    let worst = said
        .iter()
        .rfind(|(_, report)| report.code == Code::UploadSlow);
    assert!(
        worst.is_some_and(|(_, report)| report.values["behind_s"] > 3.0),
        "{worst:?}"
    );
    // One stall that is made up for is over soon.
    let stall = Publisher {
        arrives: |at| match at.as_millis() {
            20_000..25_000 => Duration::from_secs(25),
            _ => at,
        },
        ..GOOD
    };
    let said = run(&stall);
    assert!(codes(&said).contains(&Code::UploadSlow), "{said:#?}");
    assert!(!open(&said).contains(&Code::UploadSlow));
}

#[test]
fn a_machine_that_is_late_itself_does_not_blame_the_publisher() {
    let mut doctor = Doctor::default();
    doctor.video_format(Duration::ZERO, VideoCodec::Vp8, &Bytes::new(), false);
    for at in 0..1_800_u64 {
        let late = if (600..900).contains(&at) { 3 } else { 0 };
        let made = Duration::from_nanos(at * SECOND / 30);
        let now = made.max(Duration::from_secs(late) + made);
        if late > 0 {
            doctor.late(now);
        }
        doctor.picture(
            now,
            &Seen {
                dts: made.as_nanos() as u64,
                pts: made.as_nanos() as u64,
                size: 9_000,
                keyframe: at % 30 == 0,
                b_slice: Some(false),
                ..Seen::default()
            },
        );
        doctor.sound(now, made.as_nanos() as u64, None);
    }
    assert_eq!(doctor.take(), []);
}

#[test]
fn sound_that_is_off_or_moves_away_is_told() {
    let off = Publisher {
        sound: |made| Some(made + SECOND / 2),
        ..GOOD
    };
    let report = only(&off, Code::AvOffset);
    assert!(
        (report.values["offset_ms"] - 500.0).abs() < 40.0,
        "{report:?}"
    );
    let drifts = Publisher {
        // 20 ms a minute.
        sound: |made| Some(made + made / 3_000),
        seconds: 360,
        ..GOOD
    };
    let report = only(&drifts, Code::AvDrift);
    assert!(
        (report.values["drift_ms_per_minute"] - 20.0).abs() < 4.0,
        "{report:?}"
    );
}

#[test]
fn missing_silent_and_clipped_sound_are_told_apart() {
    let none = Publisher {
        sound: |_| None,
        ..GOOD
    };
    only(&none, Code::AudioMissing);
    let lost = Publisher {
        sound: |made| (!(20 * SECOND..30 * SECOND).contains(&made)).then_some(made),
        ..GOOD
    };
    only(&lost, Code::AudioMissing);
    assert!(open(&run(&lost)).is_empty(), "over when it is back");
    let silent = Publisher {
        level: |now| match now.as_secs() {
            10..30 => Level {
                rms_db: -90.0,
                clipped: 0.0,
            },
            _ => FINE,
        },
        ..GOOD
    };
    only(&silent, Code::AudioSilent);
    let said = run(&silent);
    assert!(
        (19..22).contains(&said[0].0.as_secs()),
        "after ten seconds: {:?}",
        said[0].0
    );
    assert!(open(&said).is_empty());
    // Somebody who takes a breath is not silent.
    let pauses = Publisher {
        level: |now| match now.as_secs() % 10 {
            0..7 => Level {
                rms_db: -90.0,
                clipped: 0.0,
            },
            _ => FINE,
        },
        ..GOOD
    };
    assert_eq!(run(&pauses), []);
    let clipped = Publisher {
        level: |_| Level {
            rms_db: -3.0,
            clipped: 0.2,
        },
        ..GOOD
    };
    only(&clipped, Code::AudioClipped);
}

#[test]
fn no_picture_is_an_error_only_where_there_was_one() {
    let ends = Publisher {
        sent: |at| at < 600,
        ..GOOD
    };
    let said = run(&ends);
    let missing = said
        .iter()
        .find(|(_, report)| report.code == Code::VideoMissing);
    assert_eq!(
        missing.map(|(_, report)| report.severity),
        Some(Severity::Error)
    );
    let never = Publisher {
        sent: |_| false,
        ..GOOD
    };
    assert_eq!(only(&never, Code::VideoMissing).severity, Severity::Info);
}

#[test]
fn a_bit_rate_that_swings_is_told() {
    let swings = Publisher {
        size: |at, keyframe| match (keyframe, at / 90 % 3) {
            (true, _) => 60_000,
            (_, 0) => 30_000,
            _ => 4_000,
        },
        ..GOOD
    };
    let report = only(&swings, Code::BitrateUnstable);
    assert!(report.values["high_kbps"] > 3.0 * report.values["low_kbps"]);
}

#[test]
fn what_cannot_be_used_and_what_is_damaged_is_told() {
    let mut doctor = Doctor::default();
    let second = Duration::from_secs(1);
    doctor.unsupported(second, Some("8-channel AAC"));
    doctor.damaged(second);
    let said = doctor.take();
    assert_eq!(said.len(), 2);
    assert_eq!(said[0].words["what"], "8-channel AAC");
    doctor.unsupported(2 * second, None);
    doctor.look(40 * second);
    assert!(doctor.take().iter().all(|report| !report.active));
}

mod parameter_sets {
    use super::*;
    use crate::worker::h264::AvcConfig;

    /// x264, 1280x720 at 30 frames a second, High 3.1 with B-frames, colours not said.
    const HIGH: &[u8] = &[
        0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03,
        0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xc0, 0xf1, 0x83, 0x19, 0x60,
    ];

    fn record(sps: &[u8]) -> Bytes {
        AvcConfig {
            sps: vec![Bytes::copy_from_slice(sps)],
            pps: vec![Bytes::from_static(&[0x68, 1])],
        }
        .record()
    }

    fn told(record: &Bytes, later: Option<&[u8]>) -> BTreeMap<Code, FindingReport> {
        let mut doctor = Doctor::default();
        doctor.video_format(Duration::ZERO, VideoCodec::H264, record, false);
        let mut said = doctor.take();
        for at in 0..300_u64 {
            let dts = at * SECOND / 30;
            let sps = if at < 150 { Some(HIGH) } else { later };
            let seen = Seen {
                dts,
                pts: dts,
                size: 9_000,
                keyframe: at % 60 == 0,
                b_slice: Some(false),
                sps: sps.filter(|_| at % 60 == 0).map(Bytes::copy_from_slice),
                replay: false,
            };
            doctor.picture(Duration::from_nanos(dts), &seen);
            doctor.sound(Duration::from_nanos(dts), dts, None);
            said.extend(doctor.take());
        }
        said.into_iter()
            .map(|report| (report.code, report))
            .collect()
    }

    #[test]
    fn what_they_say_is_told() {
        let told_of = told(&record(HIGH), Some(HIGH));
        let codes: Vec<_> = told_of.keys().copied().collect();
        assert_eq!(codes, [Code::ColorMatrix]);
        assert_eq!(told_of[&Code::ColorMatrix].severity, Severity::Info);
    }

    #[test]
    fn another_profile_than_the_records_is_told() {
        let mut declared = record(HIGH).to_vec();
        declared[1] = 66;
        let told_of = told(&declared.into(), Some(HIGH));
        let report = &told_of[&Code::ProfileMismatch];
        assert_eq!(report.words["declared"], "Baseline 3.1");
        assert_eq!(report.words["actual"], "High 3.1");
    }

    #[test]
    fn a_level_that_is_too_low_is_told() {
        let mut low = HIGH.to_vec();
        low[3] = 30;
        let mut doctor = Doctor::default();
        doctor.video_format(Duration::ZERO, VideoCodec::H264, &record(&low), false);
        doctor.look(Duration::from_secs(2));
        let said = doctor.take();
        let report = said.iter().find(|report| report.code == Code::LevelTooLow);
        let report = report.expect("3.0 has no 720p");
        assert_eq!(report.values["level"], 3.0);
        assert_eq!(report.values["needed_level"], 3.1);
    }

    #[test]
    fn a_change_in_the_middle_is_told() {
        let mut other = HIGH.to_vec();
        other[3] = 32;
        let told_of = told(&record(HIGH), Some(&other));
        let report = &told_of[&Code::ParametersChanged];
        assert_eq!(report.values["width_px"], 1280.0);
    }

    #[test]
    fn ten_bits_are_told_of_every_codec_with_a_record() {
        let mut hevc = vec![0; 23];
        (hevc[16], hevc[17], hevc[18]) = (0xfd, 0xfa, 0xfa);
        for (codec, record, format) in [
            (VideoCodec::Hevc, hevc, "10-bit 4:2:0 HEVC"),
            (VideoCodec::Av1, vec![0x81, 0, 0x4c, 0], "10-bit 4:2:0 AV1"),
        ] {
            let mut doctor = Doctor::default();
            doctor.video_format(Duration::ZERO, codec, &record.into(), false);
            let said = doctor.take();
            assert_eq!(said[0].code, Code::VideoFormat);
            assert_eq!(said[0].words["format"], format);
        }
    }
}
