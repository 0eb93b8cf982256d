//! Streams that break, stall and return.

use super::*;

#[test]
fn a_new_run_is_a_discontinuity_in_both_tracks() {
    let mut test = Test::new();
    test.seconds(5);
    // The worker dies in the middle of a segment; the next one is a second later.
    test.part(VIDEO, test.at, 200_000, true, true);
    test.at += 1_200_000;
    test.start(tracks(true, true, 1.0), "b");
    test.seconds(5);
    for kind in BOTH {
        let list = test.list(kind);
        let broken = list
            .segments
            .iter()
            .filter(|segment| segment.run == 1)
            .count();
        assert_eq!(broken, 5, "{kind:?}");
        assert!(list.segments.last().unwrap().map.ends_with("init1.mp4"));
    }
    // The numbers go with the segments when those leave the playlist.
    test.seconds(40);
    for kind in BOTH {
        let text = test.text(kind, false);
        assert!(text.contains("#EXT-X-DISCONTINUITY-SEQUENCE:1\n"));
        assert!(!text.contains("#EXT-X-DISCONTINUITY\n"));
    }
}

#[test]
fn a_run_in_which_one_track_is_silent_counts_for_it_too() {
    let mut test = Test::new();
    test.seconds(3);
    test.start(tracks(true, true, 1.0), "b");
    test.part(VIDEO, test.at, 200_000, true, true);
    test.at += 1_000_000;
    test.start(tracks(true, true, 1.0), "c");
    test.seconds(2);
    for kind in BOTH {
        assert_eq!(test.list(kind).segments.last().unwrap().run, 2, "{kind:?}");
    }
    // A start without any media does not count at all.
    test.start(tracks(true, true, 1.0), "d");
    test.start(tracks(true, true, 1.0), "e");
    test.second();
    assert_eq!(test.list(AUDIO).segments.last().unwrap().run, 3);
}

#[test]
fn a_publisher_that_returns_continues_the_playlist() {
    let mut test = Test::new();
    test.seconds(10);
    test.stream.finish();
    test.look();
    let before = test.list(VIDEO);
    assert!(
        before
            .segments
            .iter()
            .all(|segment| segment.whole.is_some())
    );

    // Another timeline, from zero, after eight seconds of silence.
    test.now += 8_000_000;
    let silence = test.now;
    test.zero = silence - 205_000;
    test.stream.begin_broadcast();
    test.at = 0;
    test.start(tracks(true, true, 1.0), "a");
    test.second();
    let list = test.list(VIDEO);
    assert_eq!(list.segments.last().unwrap().msn, 10);
    assert_eq!(list.segments.last().unwrap().run, 1);
    let date = crate::hls::clock::rfc3339(silence - 200_000);
    assert_eq!(
        list.segments.last().unwrap().date,
        date,
        "the first part came at once"
    );
}

#[test]
fn a_codec_change_without_start_is_a_discontinuity() {
    let mut test = Test::new();
    test.seconds(3);
    test.push(HlsOutput::Init {
        track: HlsTrack::BEST,
        data: Bytes::from_static(b"another"),
    });
    test.push(HlsOutput::Init {
        track: HlsTrack::Audio,
        data: Bytes::from_static(b"Audio a"),
    });
    test.seconds(2);
    for kind in BOTH {
        assert_eq!(runs(&test.list(kind)), [0, 0, 0, 1, 1], "{kind:?}");
    }
}

#[test]
fn segments_longer_than_announced_are_cut() {
    let mut test = Test::new();
    test.seconds(3);
    // A keyframe only every five seconds, for both tracks.
    for part in 0..50 {
        let at = test.at + part * 200_000;
        test.part(VIDEO, at, 200_000, part % 25 == 0, part % 25 == 0);
        test.part(AUDIO, at, 200_000, part % 25 == 0, true);
    }
    let list = test.list(VIDEO);
    assert_eq!(list.target, 1.0);
    assert!(
        !list.is_independent,
        "it must not promise what it cannot keep"
    );
    assert!(
        list.whole()
            .all(|segment| segment.whole.as_ref().unwrap().0 <= 1.4)
    );
    assert!(test.list(AUDIO).is_independent);
}

#[test]
fn a_later_run_with_longer_segments_keeps_the_target() {
    let mut test = Test::new();
    test.seconds(3);
    test.start(tracks(true, true, 4.0), "b");
    for part in 0..40 {
        let at = test.at + part * 200_000;
        test.part(VIDEO, at, 200_000, part % 20 == 0, part % 20 == 0);
        test.part(AUDIO, at, 200_000, part % 20 == 0, true);
    }
    assert_eq!(test.list(VIDEO).target, 1.0);
}

#[test]
fn a_short_stall_is_no_part() {
    let mut test = Test::new();
    test.seconds(2);
    test.part(VIDEO, 2_000_000, 200_000, true, true);
    test.part(VIDEO, 2_200_000, 700_000, false, false);
    let list = test.list(VIDEO);
    assert_eq!(list.part_target, 0.2);
    assert_eq!(list.segments.last().unwrap().parts.len(), 1);
    assert_eq!(
        list.hint, None,
        "what comes next will not be shown as a part"
    );
    test.part(VIDEO, 2_900_000, 200_000, false, false);
    assert_eq!(test.list(VIDEO), list);
    // Whoever waits for the part gets the whole segment.
    let target = Duration::from_millis(200);
    let reached = |test: &Test| {
        test.stream
            .track(VIDEO)
            .unwrap()
            .reached(Until::Part(2, 1), target)
    };
    assert_eq!(reached(&test), Reached::NotYet);
    test.part(VIDEO, 3_100_000, 200_000, true, true);
    assert_eq!(reached(&test), Reached::Yes);
    let list = test.list(VIDEO);
    let stalled = list.segment(2).unwrap();
    assert_eq!(stalled.whole.as_ref().unwrap().0, 1.1);
    assert_eq!(stalled.parts, []);
    assert!(list.hint.is_some());
}

#[test]
fn a_long_stall_breaks_the_timeline_in_both_tracks() {
    let mut test = Test::new();
    test.seconds(3);
    test.part(VIDEO, 3_000_000, 200_000, true, true);
    test.part(AUDIO, 3_000_000, 170_667, true, true);
    // One picture stands for six seconds.
    test.part(VIDEO, 3_200_000, 6_000_000, false, false);
    test.at = 9_200_000;
    test.seconds(3);
    for kind in BOTH {
        let list = test.list(kind);
        assert_eq!(runs(&list)[..3], [0, 0, 0]);
        assert_eq!(list.segments.last().unwrap().run, 1);
    }
    let list = test.list(VIDEO);
    let after = list
        .segments
        .iter()
        .find(|segment| segment.run == 1)
        .unwrap();
    assert_eq!(
        after.date, "2027-01-15T08:00:09.205Z",
        "the date is true again"
    );
}

#[test]
fn parts_a_little_longer_raise_the_part_target() {
    let mut test = Test::new();
    for second in 0..3 {
        for part in 0..4 {
            // 29.97 frames a second, seven or eight frames a part.
            let at = second * 1_001_000 + part * 250_250;
            test.part(VIDEO, at, 250_250, part == 0, part == 0);
            test.part(AUDIO, at, 250_250, part == 0, true);
        }
    }
    let list = test.list(VIDEO);
    assert_eq!(list.part_target, 0.251);
    assert_eq!(list.target, 1.0, "1.001 s rounds to one");
}
