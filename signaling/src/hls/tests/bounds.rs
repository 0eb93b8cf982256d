//! What is kept, and for how long.

use super::*;

#[test]
fn media_before_its_initialisation_is_left_out() {
    let mut test = Test::empty();
    test.part(VIDEO, 0, 200_000, true, true);
    test.push(HlsOutput::Init {
        track: VIDEO,
        data: Bytes::from_static(b"early"),
    });
    test.push(HlsOutput::Start(tracks(true, false, 1.0)));
    test.part(VIDEO, 0, 200_000, true, true);
    test.part(AUDIO, 0, 200_000, true, true);
    let track = test.stream.track(VIDEO).unwrap();
    assert_eq!((track.bytes, track.next_part), (0, 0));
    assert!(test.stream.track(AUDIO).is_none());
}

#[test]
fn a_late_player_still_finds_what_left_the_playlist() {
    let mut test = Test::new();
    test.seconds(5);
    let old = test.list(VIDEO);
    let part = number_of(&old.parts().next().unwrap().uri, 'p');
    test.seconds(50);
    let track = test.stream.track(VIDEO).unwrap();
    assert!(test.seen[&VIDEO].segment(4).is_none());
    assert!(track.segment(4).is_some() && track.part(part + 1_000).is_none());
    assert!(
        track
            .part(number_of(&old.segments[4].parts[0].uri, 'p'))
            .is_some()
    );
    assert!(track.init_of(0).is_some() && track.init_of(1).is_none());
    test.seconds(40);
    let track = test.stream.track(VIDEO).unwrap();
    assert!(track.segment(4).is_none() && track.part(part).is_none());
    let kept = track.segments.len();
    assert!((60..70).contains(&kept), "{kept}");
}

#[test]
fn memory_is_bounded_by_bytes_too() {
    let mut test = Test::empty();
    test.stream = Stream::new("e".into(), WINDOW, 3_000_000);
    test.start(tracks(true, true, 1.0), "a");
    for _ in 0..60 {
        test.second();
        let bytes: usize = BOTH
            .iter()
            .map(|track| test.stream.track(*track).unwrap().bytes)
            .sum();
        assert!(bytes <= 3_000_000, "{bytes}");
    }
    let list = test.list(VIDEO);
    assert!(list.whole().count() >= 7, "what fits is there");
    assert_eq!(list.segments.last().unwrap().msn, 59);
    let all: usize = test
        .stream
        .track(VIDEO)
        .unwrap()
        .segments
        .iter()
        .map(|s| s.bytes)
        .sum();
    let growing = test
        .stream
        .track(VIDEO)
        .unwrap()
        .current
        .as_ref()
        .unwrap()
        .bytes;
    assert_eq!(all + growing, test.stream.track(VIDEO).unwrap().bytes);
}

#[test]
fn a_flood_of_parts_without_duration_is_cut_and_dropped() {
    let mut test = Test::empty();
    test.stream = Stream::new("e".into(), WINDOW, 3_000_000);
    test.stream
        .push(HlsOutput::Start(tracks(true, false, 1.0)), EPOCH);
    test.stream.push(
        HlsOutput::Init {
            track: VIDEO,
            data: Bytes::new(),
        },
        EPOCH,
    );
    for n in 0..20_000 {
        let part = HlsOutput::Part {
            track: VIDEO,
            segment_start: n == 0,
            independent: true,
            time: 0,
            duration: Duration::ZERO,
            data: Bytes::from_static(&[0; 1_000]),
        };
        test.stream.push(part, EPOCH);
    }
    assert!(test.stream.track(VIDEO).unwrap().bytes <= 3_000_000);
}
