#![allow(clippy::unwrap_used)]

use super::*;

const AAC_44100: AacFrames = AacFrames {
    rate: 44_100,
    samples: 1024,
};

fn place(timeline: &mut Timeline, kind: Kind, timestamp: u32) -> i64 {
    let placed = timeline.place(kind, 0, timestamp, 0, None).unwrap();
    placed.time as i64 - START
}

fn video(timeline: &mut Timeline, timestamp: u32) -> i64 {
    place(timeline, Kind::Video, timestamp)
}

fn audio(timeline: &mut Timeline, timestamp: u32) -> i64 {
    place(timeline, Kind::Audio, timestamp)
}

#[test]
fn the_first_stamp_is_the_origin_of_both_tracks() {
    let mut timeline = Timeline::default();
    assert_eq!(video(&mut timeline, 90_000), 0);
    assert_eq!(audio(&mut timeline, 89_990), -10 * MS);
    assert_eq!(video(&mut timeline, 90_033), 33 * MS);
    let placed = timeline.place(Kind::Video, 0, 90_066, 500_000, None);
    assert_eq!(placed.unwrap().time as i64 - START, 66 * MS + 500_000);
}

#[test]
fn sound_from_long_before_the_first_picture_is_left_out() {
    let mut timeline = Timeline::default();
    video(&mut timeline, 2_000);
    for early in [0, 1_000, 1_499] {
        assert_eq!(timeline.place(Kind::Audio, 0, early, 0, None), None);
    }
    assert_eq!(audio(&mut timeline, 1_500), -500 * MS);
    assert_eq!(audio(&mut timeline, 2_000), 0);
}

#[test]
fn time_goes_on_over_the_wrap() {
    let mut timeline = Timeline::default();
    assert_eq!(video(&mut timeline, u32::MAX - 10), 0);
    assert_eq!(video(&mut timeline, 22), 33 * MS);
    assert_eq!(audio(&mut timeline, u32::MAX), 10 * MS);
    assert_eq!(video(&mut timeline, 55), 66 * MS);
    assert_eq!(audio(&mut timeline, 22), 33 * MS);
}

#[test]
fn a_new_timeline_goes_on_where_the_old_one_ended() {
    let mut timeline = Timeline::default();
    video(&mut timeline, 100_000);
    video(&mut timeline, 105_000);
    let leap = timeline.place(Kind::Video, 0, 0, 0, None).unwrap();
    assert_eq!(leap.time as i64 - START, 5_001 * MS);
    assert_eq!(leap.leapt, Some(-105_000));
    assert_eq!(video(&mut timeline, 33), 5_034 * MS);
    assert_eq!(video(&mut timeline, 2_000_000_000), 5_035 * MS);
    assert_eq!(video(&mut timeline, 2_000_000_040), 5_075 * MS);
}

#[test]
fn tracks_that_leap_together_stay_in_step() {
    for leap in [3_600_000_i64, -3_600_000] {
        let mut timeline = Timeline::default();
        let begin = 5_000_000_i64;
        let apart = |timeline: &mut Timeline, at: i64| {
            let picture = video(timeline, at as u32);
            audio(timeline, (at + 7) as u32) - picture
        };
        for at in (begin..begin + 2_000).step_by(40) {
            assert_eq!(apart(&mut timeline, at), 7 * MS);
        }
        let there = begin + leap;
        let first = timeline.place(Kind::Video, 0, there as u32, 0, None);
        assert!(first.unwrap().leapt.is_some());
        // The last sound of the old time may still come, and is no leap of the new one's.
        let late = timeline.place(Kind::Audio, 0, (begin + 1_990) as u32, 0, None);
        assert_eq!(late.unwrap().leapt, None);
        let second = timeline.place(Kind::Audio, 0, (there + 7) as u32, 0, None);
        assert_eq!(second.unwrap().leapt, None);
        for at in (there + 40..there + 2_000).step_by(40) {
            assert_eq!(apart(&mut timeline, at), 7 * MS);
        }
    }
}

#[test]
fn one_wild_stamp_does_not_move_a_track_against_the_other() {
    let mut timeline = Timeline::default();
    for at in (0..1_000).step_by(40) {
        assert_eq!(video(&mut timeline, at), i64::from(at) * MS);
        assert_eq!(audio(&mut timeline, at), i64::from(at) * MS);
    }
    video(&mut timeline, 900_000_000);
    for at in (1_040..2_000).step_by(40) {
        assert_eq!(audio(&mut timeline, at), i64::from(at) * MS);
        assert_eq!(video(&mut timeline, at), i64::from(at) * MS);
    }
}

#[test]
fn tracks_with_clocks_of_their_own_both_go_on() {
    let mut timeline = Timeline::default();
    let mut leaps = 0;
    for frame in 0..500_u32 {
        let picture = timeline.place(Kind::Video, 0, 3_000_000 + frame * 40, 0, None);
        let sound = timeline.place(Kind::Audio, 0, frame * 40, 0, None);
        let (picture, sound) = (picture.unwrap(), sound.unwrap());
        leaps += usize::from(picture.leapt.is_some()) + usize::from(sound.leapt.is_some());
        assert!(picture.time.abs_diff(sound.time) <= 41_000_000);
    }
    assert_eq!(leaps, 1);
}

#[test]
fn late_sound_lies_where_its_stamps_say() {
    let mut timeline = Timeline::default();
    for at in (0..30_000).step_by(40) {
        video(&mut timeline, at);
    }
    assert_eq!(audio(&mut timeline, 30_000), 30_000 * MS);
    // And when they begin at 0, at the live edge.
    let mut timeline = Timeline::default();
    for at in (0..30_000).step_by(40) {
        video(&mut timeline, at);
    }
    let late = audio(&mut timeline, 0);
    assert!((29_000 * MS..31_000 * MS).contains(&late), "{late}");
    assert_eq!(audio(&mut timeline, 23) - late, 23 * MS);
}

#[test]
fn layers_share_their_times() {
    let mut timeline = Timeline::default();
    for at in [0, 33, 66, 1_000_000, 1_000_033] {
        let times: Vec<_> = (0..3)
            .map(|layer| timeline.place(Kind::Video, layer, at, 0, None).unwrap())
            .collect();
        assert!(times.iter().all(|placed| placed.time == times[0].time));
        assert!(times[1..].iter().all(|placed| placed.leapt.is_none()));
    }
    let beyond = MAX_VIDEO_TRACKS as u8;
    assert_eq!(timeline.place(Kind::Video, beyond, 0, 0, None), None);
}

#[test]
fn stamps_that_do_not_rise_are_spaced() {
    let mut timeline = Timeline::default();
    assert_eq!(video(&mut timeline, 1_000), 0);
    assert_eq!(video(&mut timeline, 1_000), MS);
    assert_eq!(video(&mut timeline, 900), 2 * MS);
    assert_eq!(video(&mut timeline, 1_033), 33 * MS);
}

#[test]
fn audio_is_timed_by_its_samples() {
    let mut timeline = Timeline::default();
    let mut times = Vec::new();
    for frame in 0..1_000_u64 {
        let stamp = frame * 1024 * 1000 / 44_100;
        let placed = timeline.place(Kind::Audio, 0, stamp as u32, 0, Some(AAC_44100));
        times.push(placed.unwrap().time);
    }
    for pair in times.windows(2) {
        let step = pair[1] - pair[0];
        assert!((23_219_954..=23_219_955).contains(&step), "{step}");
    }
}

#[test]
fn audio_follows_the_stamps_after_a_gap_and_at_a_new_rate() {
    let mut timeline = Timeline::default();
    let mut place = |stamp, frames| {
        let placed = timeline.place(Kind::Audio, 0, stamp, 0, Some(frames));
        placed.unwrap().time
    };
    let start = place(0, AAC_44100);
    place(23, AAC_44100);
    assert_eq!(place(500, AAC_44100) - start, 500_000_000);
    let other = AacFrames {
        rate: 48_000,
        samples: 1024,
    };
    let changed = place(600, other);
    assert_eq!(changed - start, 600_000_000);
    assert_eq!(place(621, other) - changed, 21_333_333);
}
