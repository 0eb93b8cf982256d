//! Several rungs, of which some are encoded on demand.

use super::{super::conformance::check_multivariant, *};

const MIDDLE: HlsTrack = HlsTrack::Video(1);
const LOWEST: HlsTrack = HlsTrack::Video(2);

fn three_rungs() -> Test {
    let mut test = Test::empty();
    test.start(ladder(3, true, 1.0), "a");
    test
}

#[test]
fn all_rungs_are_announced_and_reports_name_those_with_media() {
    let mut test = three_rungs();
    test.seconds(4);
    let master = test.multivariant();
    check_multivariant(&master);
    for (number, size) in ["1280x720", "640x360", "320x180"].iter().enumerate() {
        assert!(master.contains(&format!("RESOLUTION={size}")), "{master}");
        assert!(
            master.contains(&format!("\nvideo{number}.m3u8\n")),
            "{master}"
        );
    }
    // Of one that is not encoded the rate is what is expected, with the measured sound.
    assert!(
        master.contains("BANDWIDTH=300250,AVERAGE-BANDWIDTH=300250,CODECS"),
        "{master}"
    );
    assert_eq!(test.stream.playlist(MIDDLE, false), None);
    let reports = test.list(VIDEO).reports;
    assert_eq!(reports.keys().collect::<Vec<_>>(), ["audio.m3u8"]);

    test.wake(MIDDLE, "a");
    test.seconds(2);
    assert_eq!(test.list(VIDEO).reports.len(), 2);
    assert_eq!(test.list(MIDDLE).reports.len(), 2);
    test.sleep(MIDDLE);
    assert_eq!(test.list(VIDEO).reports.len(), 1);
    assert_eq!(test.stream.playlist(MIDDLE, false), None);
}

#[test]
fn a_rung_that_wakes_begins_where_its_siblings_are() {
    let mut test = three_rungs();
    test.seconds(7);
    test.wake(LOWEST, "a");
    // Its first segment must be whole.
    test.part(LOWEST, test.at, 200_000, true, true);
    assert_eq!(test.stream.playlist(LOWEST, false), None);
    for part in 1..5 {
        test.part(LOWEST, test.at + part * 200_000, 200_000, false, false);
    }
    test.awake.retain(|track| *track != LOWEST);
    test.second();
    test.awake.push(LOWEST);
    test.seconds(2);
    let (lowest, best) = (test.list(LOWEST), test.list(VIDEO));
    assert_eq!(lowest.media_sequence, 7);
    assert!(lowest.segments.iter().all(|segment| !segment.is_gap));
    for segment in &lowest.segments {
        assert_eq!(segment.date, best.segment(segment.msn).unwrap().date);
    }
}

#[test]
fn a_rung_that_wakes_before_its_siblings_have_that_segment() {
    let mut test = three_rungs();
    test.seconds(3);
    test.wake(MIDDLE, "a");
    test.part(MIDDLE, test.at, 200_000, true, true);
    let track = test.stream.track(MIDDLE).unwrap();
    assert_eq!(track.current.as_ref().unwrap().msn, 3);
    test.part(VIDEO, test.at, 200_000, true, true);
    let track = test.stream.track(VIDEO).unwrap();
    assert_eq!(track.current.as_ref().unwrap().msn, 3);
}

#[test]
fn a_short_sleep_is_a_gap() {
    let mut test = three_rungs();
    test.wake(MIDDLE, "a");
    test.seconds(6);
    test.sleep(MIDDLE);
    test.seconds(4);
    test.wake(MIDDLE, "a");
    test.seconds(2);
    let list = test.list(MIDDLE);
    assert_eq!(list.media_sequence, 0);
    let gaps: Vec<u64> = list
        .segments
        .iter()
        .filter(|segment| segment.is_gap)
        .map(|segment| segment.msn)
        .collect();
    assert_eq!(gaps, [6, 7, 8, 9]);
    let best = test.list(VIDEO);
    for segment in list.segments.iter().filter(|segment| segment.is_gap) {
        let (duration, uri) = segment.whole.as_ref().unwrap();
        assert_eq!(*duration, 1.0);
        assert!(uri.ends_with(&format!("/s{}.m4s", segment.msn)));
        assert_eq!(segment.date, best.segment(segment.msn).unwrap().date);
    }
    // A playlist does not begin with gaps when what comes after them is enough.
    test.seconds(28);
    assert_eq!(test.list(MIDDLE).media_sequence, 10);
    assert_eq!(test.list(VIDEO).media_sequence, 9);
}

#[test]
fn a_long_sleep_or_another_encoder_begins_anew() {
    let mut test = three_rungs();
    test.wake(MIDDLE, "a");
    test.seconds(5);
    test.sleep(MIDDLE);
    test.seconds(40);
    test.wake(MIDDLE, "a");
    test.seconds(2);
    assert_eq!(test.list(MIDDLE).media_sequence, 45);
    test.sleep(MIDDLE);
    test.wake(MIDDLE, "b");
    test.seconds(2);
    let list = test.list(MIDDLE);
    assert_eq!((list.media_sequence, list.segments[0].run), (47, 0));
    assert!(list.segments[0].map.ends_with("init1.mp4"));
    let best = runs(&test.list(VIDEO));
    assert!(best.iter().all(|run| *run == 0), "others have no break");
}

#[test]
fn a_rung_goes_on_with_another_worker_and_one_that_left_is_gone() {
    let mut test = three_rungs();
    test.wake(MIDDLE, "a");
    test.wake(LOWEST, "a");
    test.seconds(4);
    // The worker dies when some have begun a segment and some have not.
    test.part(VIDEO, test.at, 200_000, true, true);
    test.part(MIDDLE, test.at, 200_000, true, true);
    test.at += 900_000;
    test.start(ladder(3, true, 1.0), "b");
    test.seconds(3);
    for track in [VIDEO, MIDDLE, LOWEST, AUDIO] {
        let list = test.list(track);
        assert_eq!(runs(&list), [0, 0, 0, 0, 0, 1, 1, 1], "{track:?}");
        let gaps = list.segments.iter().filter(|segment| segment.is_gap);
        let has_gap = matches!(track, LOWEST | AUDIO);
        assert_eq!(gaps.count(), usize::from(has_gap), "{track:?}");
    }
    // The publisher comes back with a smaller picture.
    let old_part = test.stream.track(LOWEST).unwrap().next_part;
    test.start(ladder(2, true, 1.0), "c");
    test.seconds(3);
    assert!(test.stream.track(LOWEST).is_none());
    assert!(!test.multivariant().contains("video2"));
    // And with the large one again: addresses of media are new.
    test.start(ladder(3, true, 1.0), "d");
    test.seconds(2);
    test.wake(LOWEST, "d");
    test.seconds(3);
    let track = test.stream.track(LOWEST).unwrap();
    assert!(track.next_part > old_part && track.init_of(0).is_none());
    assert_eq!(test.list(LOWEST).segments.last().unwrap().run, 3);
}

#[test]
fn codecs_are_what_the_encoder_says() {
    let mut test = three_rungs();
    let data = Bytes::from_static(b"moov avcC\x01\x4d\x40\x1e\xff");
    test.push(HlsOutput::Init {
        track: MIDDLE,
        data,
    });
    test.awake.push(MIDDLE);
    test.seconds(3);
    let master = test.multivariant();
    assert!(
        master.contains("CODECS=\"avc1.4d401e,mp4a.40.2\",RESOLUTION=640x360"),
        "{master}"
    );
    assert!(
        master.contains("CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720"),
        "{master}"
    );
}

#[test]
fn the_manifest_lists_what_can_be_had() {
    let mut test = three_rungs();
    test.wake(MIDDLE, "a");
    test.seconds(3);
    test.start(ladder(3, true, 1.0), "b");
    test.seconds(3);
    let text = test.stream.manifest(test.now).unwrap();
    let text = std::str::from_utf8(&text).unwrap();
    for has in [
        "type=\"dynamic\"",
        "availabilityStartTime=\"2027-01-15T08:00:00.005Z\"",
        "<Period id=\"0\" start=\"PT0.000000S\">",
        "<Period id=\"1\" start=\"PT3.000000S\">",
        "<Representation id=\"video0\" codecs=\"avc1.64001f\"",
        "<Representation id=\"video1\" codecs=\"avc1.64001f\"",
        "width=\"640\" height=\"360\" frameRate=\"29970/1000\"",
        "initialization=\"video1/e/init1.mp4\" media=\"video1/e/s$Number$.m4s\" startNumber=\"3\"",
        "presentationTimeOffset=\"3000000\"",
        "<S t=\"3000000\" d=\"1000000\"/><S t=\"4000000\" d=\"1000000\"/></SegmentTimeline>",
        "value=\"2\"/>",
    ] {
        assert!(text.contains(has), "{has} in {text}");
    }
    assert!(!text.contains("video2"), "it is not encoded");
    assert_eq!(text.matches("<AdaptationSet").count(), 4);
}
