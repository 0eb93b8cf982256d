//! What playlists say of a stream that runs.

use super::*;

#[test]
fn a_steady_stream_conforms_for_minutes() {
    let mut test = Test::new();
    test.seconds(150);
    for kind in BOTH {
        let list = test.list(kind);
        assert_eq!(list.target, 1.0);
        assert!(
            (30.0..32.0).contains(&list.duration()),
            "{}",
            list.duration()
        );
        assert!(list.is_independent);
        assert_eq!(runs(&list), vec![0; list.segments.len()]);
        assert_eq!(list.segments.last().unwrap().msn, 149);
        let delta = read(&test.text(kind, true), Some(&list));
        assert!(delta.skipped >= 22, "{}", delta.skipped);
        assert!(test.text(kind, true).len() < test.text(kind, false).len() * 2 / 3);
    }
    // Both tracks have the same dates: cut for cut, the difference is less than a frame.
    let (video, audio) = (test.list(VIDEO), test.list(AUDIO));
    for segment in video.whole() {
        assert_eq!(segment.date, audio.segment(segment.msn).unwrap().date);
    }
    // And they tell when the media was made: the earliest arrival was 5 ms after it.
    let last = video.segments.last().unwrap();
    assert_eq!(last.date, "2027-01-15T08:02:29.005Z");
    assert_eq!(video.reports["audio.m3u8"]["LAST-MSN"], "149");
}

#[test]
fn the_text_of_a_playlist() {
    let mut test = Test::new();
    test.seconds(2);
    test.part(VIDEO, 2_000_000, 200_000, true, true);
    assert_eq!(
        test.text(VIDEO, false),
        "#EXTM3U\n\
         #EXT-X-VERSION:9\n\
         #EXT-X-TARGETDURATION:1\n\
         #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.600,HOLD-BACK=3.000,CAN-SKIP-UNTIL=6.000\n\
         #EXT-X-PART-INF:PART-TARGET=0.200\n\
         #EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-DISCONTINUITY-SEQUENCE:0\n\
         #EXT-X-INDEPENDENT-SEGMENTS\n\
         #EXT-X-MAP:URI=\"video0/e/init0.mp4\"\n\
         #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.005Z\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video0/e/p0.m4s\",INDEPENDENT=YES\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video0/e/p1.m4s\"\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video0/e/p2.m4s\"\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video0/e/p3.m4s\"\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video0/e/p4.m4s\"\n\
         #EXTINF:1.000000,\n\
         video0/e/s0.m4s\n\
         #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:01.005Z\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video0/e/p5.m4s\",INDEPENDENT=YES\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video0/e/p6.m4s\"\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video0/e/p7.m4s\"\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video0/e/p8.m4s\"\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video0/e/p9.m4s\"\n\
         #EXTINF:1.000000,\n\
         video0/e/s1.m4s\n\
         #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:02.005Z\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video0/e/p10.m4s\",INDEPENDENT=YES\n\
         #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"video0/e/p11.m4s\"\n\
         #EXT-X-RENDITION-REPORT:URI=\"audio.m3u8\",LAST-MSN=1,LAST-PART=5\n"
    );
}

#[test]
fn the_multivariant_playlist() {
    let mut test = Test::new();
    assert_eq!(test.stream.multivariant(), None);
    test.seconds(2);
    let expected = "#EXTM3U\n\
        #EXT-X-VERSION:9\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Audio\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"audio.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=2644000,AVERAGE-BANDWIDTH=2628000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO=\"audio\",CLOSED-CAPTIONS=NONE\n\
        video0.m3u8\n";
    assert_eq!(test.stream.multivariant().unwrap(), expected);
    // Measured, once there is enough: 5 × 60,000 and 6 × 3,000 bytes a second.
    test.seconds(4);
    let text = test.multivariant();
    assert!(
        text.contains("BANDWIDTH=2544000,AVERAGE-BANDWIDTH=2544000,"),
        "{text}"
    );
}

#[test]
fn one_track_alone() {
    let mut test = Test::empty();
    test.start(tracks(false, true, 1.0), "a");
    test.seconds(3);
    let text = test.multivariant();
    let variant = "#EXT-X-STREAM-INF:BANDWIDTH=144000,AVERAGE-BANDWIDTH=128000,CODECS=\"mp4a.40.2\"\naudio.m3u8\n";
    assert!(text.ends_with(variant), "{text}");
    assert!(!text.contains("EXT-X-MEDIA:"));
    assert!(test.list(AUDIO).reports.is_empty());
    assert_eq!(test.stream.playlist(VIDEO, false), None);
}

#[test]
fn a_track_that_never_comes_is_not_waited_for_long() {
    let mut test = Test::new();
    for second in 0..6 {
        assert!(!test.stream.is_ready());
        for part in 0..5 {
            let at = second * 1_000_000 + part * 200_000;
            test.part(VIDEO, at, 200_000, part == 0, part == 0);
            if second == 5 {
                break;
            }
        }
    }
    let text = test.multivariant();
    assert!(!text.contains("audio") && !text.contains("mp4a"), "{text}");
}

#[test]
fn blocking_requests_wait_for_the_right_thing() {
    let mut test = Test::new();
    test.seconds(3);
    test.part(VIDEO, 3_000_000, 200_000, true, true);
    test.part(VIDEO, 3_200_000, 200_000, false, false);
    let track = test.stream.track(VIDEO).unwrap();
    let target = Duration::from_millis(200);
    // Whole: 0, 1, 2 with five parts each; growing: 3 with parts 0 and 1. Advance Part Limit: 15.
    use {Reached::*, Until::*};
    for (until, reached) in [
        (Segment(0), Yes),
        (Segment(2), Yes),
        (Segment(3), NotYet),
        (Segment(4), NotYet),
        (Segment(5), TooFar),
        (Segment(u64::MAX), TooFar),
        (Part(1, 99), Yes),
        (Part(2, 4), Yes),
        // Past the end of segment 2: part 0 of segment 3.
        (Part(2, 5), Yes),
        (Part(3, 0), Yes),
        (Part(3, 1), Yes),
        (Part(3, 2), NotYet),
        (Part(3, 17), NotYet),
        (Part(3, 18), TooFar),
        (Part(4, 0), NotYet),
        (Part(4, 15), NotYet),
        (Part(4, 16), TooFar),
        (Part(5, 0), TooFar),
        (Part(u64::MAX, u64::MAX), TooFar),
    ] {
        assert_eq!(track.reached(until, target), reached, "{until:?}");
    }
    // All segments whole, the next not begun: its part 0 is what is waited for.
    test.stream.finish();
    let track = test.stream.track(VIDEO).unwrap();
    for (until, reached) in [
        (Segment(3), Yes),
        (Part(3, 1), Yes),
        (Part(3, 2), NotYet),
        (Part(4, 0), NotYet),
        (Segment(6), TooFar),
    ] {
        assert_eq!(track.reached(until, target), reached, "{until:?}");
    }
}
