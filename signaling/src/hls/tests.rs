//! The playlists of streams that run, break, stall and return, checked after every part.

use std::time::Duration;

use bytes::Bytes;
use weir_media::{HlsAudio, HlsOutput, HlsTracks, HlsVideo, Kind};

use super::{
    clock::WallMicros,
    conformance::{Playlist, read},
    reload::{Reached, Until},
    stream::Stream,
};

const KINDS: [Kind; 2] = [Kind::Video, Kind::Audio];
const WINDOW: Duration = Duration::from_secs(30);
const MAX_BYTES: usize = 64 << 20;
/// 2027-01-15T08:00:00Z.
const EPOCH: WallMicros = 1_800_000_000_000_000;

/// A stream that is fed by a source and watched by a player that reads every playlist.
struct Test {
    stream: Stream,
    now: WallMicros,
    /// Media time in microseconds.
    at: u64,
    seen: [Option<Playlist>; 2],
}

fn tracks(video: bool, audio: bool, target: f64) -> HlsTracks {
    HlsTracks {
        video: video.then(|| HlsVideo {
            codec: "avc1.64001f".into(),
            width: 1280,
            height: 720,
            frame_rate: Some(29.97),
            bitrate: 2_500_000,
        }),
        audio: audio.then(|| HlsAudio {
            codec: "mp4a.40.2".into(),
            bitrate: 128_000,
            channels: 2,
        }),
        target_duration: Duration::from_secs_f64(target),
        part_target: Duration::from_millis(200),
    }
}

impl Test {
    fn empty() -> Self {
        let stream = Stream::new("e".into(), WINDOW, MAX_BYTES);
        Self {
            stream,
            now: EPOCH,
            at: 0,
            seen: [None, None],
        }
    }

    fn new() -> Self {
        let mut test = Self::empty();
        test.start(tracks(true, true, 1.0), "a");
        test
    }

    fn start(&mut self, tracks: HlsTracks, name: &str) {
        let kinds = KINDS
            .into_iter()
            .zip([tracks.video.is_some(), tracks.audio.is_some()]);
        let kinds: Vec<Kind> = kinds
            .filter(|(_, there)| *there)
            .map(|(kind, _)| kind)
            .collect();
        self.push(HlsOutput::Start(tracks));
        for kind in kinds {
            let data = Bytes::from(format!("{kind:?} {name}"));
            self.push(HlsOutput::Init { kind, data });
        }
    }

    fn push(&mut self, output: HlsOutput) {
        self.stream.push(output, self.now);
        self.look();
    }

    /// A part that ends now, give or take `late`.
    fn part(&mut self, kind: Kind, at: u64, micros: u64, is_first: bool, is_key: bool) {
        let end = EPOCH + i64::try_from(at + micros).unwrap();
        // Delivered 5 to 45 ms after its end.
        self.now = self
            .now
            .max(end + 5_000 + i64::try_from(at / 1_000 % 41 * 1_000).unwrap());
        self.push(HlsOutput::Part {
            kind,
            segment_start: is_first,
            independent: is_key,
            time: at * 1_000,
            duration: Duration::from_micros(micros),
            data: Bytes::from(vec![0; if kind == Kind::Video { 60_000 } else { 3_000 }]),
        });
    }

    /// A second of video in five parts, and of audio in six, as the muxers give them.
    fn second(&mut self) {
        for index in 0..5 {
            self.part(
                Kind::Video,
                self.at + index * 200_000,
                200_000,
                index == 0,
                index == 0,
            );
            let begin = self.at + index * 170_667;
            self.part(Kind::Audio, begin, 170_667, index == 0, false);
        }
        self.part(Kind::Audio, self.at + 853_335, 146_665, false, false);
        self.at += 1_000_000;
    }

    fn seconds(&mut self, count: u32) -> &mut Self {
        for _ in 0..count {
            self.second();
        }
        self
    }

    fn text(&mut self, kind: Kind, delta: bool) -> String {
        let text = self
            .stream
            .playlist(kind, delta)
            .expect("the stream is ready");
        String::from_utf8(text.to_vec()).unwrap()
    }

    fn list(&mut self, kind: Kind) -> Playlist {
        read(&self.text(kind, false), None)
    }

    /// Reads both playlists as a player would after each change.
    fn look(&mut self) {
        if !self.stream.is_ready() {
            return;
        }
        for (index, kind) in KINDS.into_iter().enumerate() {
            if self
                .stream
                .track(kind)
                .is_none_or(|track| track.segments.is_empty())
            {
                continue;
            }
            let list = self.list(kind);
            if let Some(before) = self.seen[index].take() {
                list.check_after(&before);
                let delta = read(&self.text(kind, true), Some(&before));
                let skipped = delta.skipped;
                assert_eq!(delta, list.clone().without_skipped_parts(skipped));
            }
            self.check_media(kind, &list);
            self.seen[index] = Some(list);
        }
    }

    /// Everything that the playlist names is there.
    fn check_media(&self, kind: Kind, list: &Playlist) {
        let track = self.stream.track(kind).unwrap();
        for segment in &list.segments {
            let number = segment
                .map
                .rsplit_once("init")
                .unwrap()
                .1
                .trim_end_matches(".mp4");
            assert!(track.init_of(number.parse().unwrap()).is_some());
            for part in &segment.parts {
                assert!(track.part(number_of(&part.uri, 'p')).is_some());
            }
            if let Some((_, uri)) = &segment.whole {
                assert_eq!(number_of(uri, 's'), segment.msn);
                assert!(track.segment(segment.msn).is_some());
            }
        }
        if let Some(hint) = &list.hint {
            assert_eq!(number_of(hint, 'p'), track.next_part);
        }
    }
}

fn number_of(uri: &str, kind: char) -> u64 {
    let name = uri.rsplit_once('/').unwrap().1;
    name.strip_prefix(kind)
        .unwrap()
        .strip_suffix(".m4s")
        .unwrap()
        .parse()
        .unwrap()
}

fn runs(list: &Playlist) -> Vec<u64> {
    list.segments.iter().map(|segment| segment.run).collect()
}

#[test]
fn a_steady_stream_conforms_for_minutes() {
    let mut test = Test::new();
    test.seconds(150);
    for kind in KINDS {
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
    let (video, audio) = (test.list(Kind::Video), test.list(Kind::Audio));
    for segment in video.whole() {
        assert_eq!(segment.date, audio.segment(segment.msn).unwrap().date);
    }
    // And they tell when the media was made: the earliest arrival was 5 ms after it.
    let last = video.segments.last().unwrap();
    assert_eq!(last.date, "2027-01-15T08:02:29.005Z");
    assert_eq!(video.report.unwrap()["LAST-MSN"], "149");
}

#[test]
fn the_text_of_a_playlist() {
    let mut test = Test::new();
    test.seconds(2);
    test.part(Kind::Video, 2_000_000, 200_000, true, true);
    assert_eq!(
        test.text(Kind::Video, false),
        "#EXTM3U\n\
         #EXT-X-VERSION:9\n\
         #EXT-X-TARGETDURATION:1\n\
         #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.600,HOLD-BACK=3.000,CAN-SKIP-UNTIL=6.000\n\
         #EXT-X-PART-INF:PART-TARGET=0.200\n\
         #EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-DISCONTINUITY-SEQUENCE:0\n\
         #EXT-X-INDEPENDENT-SEGMENTS\n\
         #EXT-X-MAP:URI=\"video/e/init0.mp4\"\n\
         #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.005Z\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video/e/p0.m4s\",INDEPENDENT=YES\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video/e/p1.m4s\"\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video/e/p2.m4s\"\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video/e/p3.m4s\"\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video/e/p4.m4s\"\n\
         #EXTINF:1.000000,\n\
         video/e/s0.m4s\n\
         #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:01.005Z\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video/e/p5.m4s\",INDEPENDENT=YES\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video/e/p6.m4s\"\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video/e/p7.m4s\"\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video/e/p8.m4s\"\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video/e/p9.m4s\"\n\
         #EXTINF:1.000000,\n\
         video/e/s1.m4s\n\
         #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:02.005Z\n\
         #EXT-X-PART:DURATION=0.200000,URI=\"video/e/p10.m4s\",INDEPENDENT=YES\n\
         #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"video/e/p11.m4s\"\n\
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
        #EXT-X-STREAM-INF:BANDWIDTH=2644000,AVERAGE-BANDWIDTH=2628000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO=\"audio\"\n\
        video.m3u8\n";
    assert_eq!(test.stream.multivariant().unwrap(), expected);
    // Measured, once there is enough: 5 × 60,000 and 6 × 3,000 bytes a second.
    test.seconds(4);
    let text = String::from_utf8(test.stream.multivariant().unwrap().to_vec()).unwrap();
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
    let text = String::from_utf8(test.stream.multivariant().unwrap().to_vec()).unwrap();
    let variant = "#EXT-X-STREAM-INF:BANDWIDTH=144000,AVERAGE-BANDWIDTH=128000,CODECS=\"mp4a.40.2\"\naudio.m3u8\n";
    assert!(text.ends_with(variant), "{text}");
    assert!(!text.contains("EXT-X-MEDIA:"));
    assert_eq!(test.list(Kind::Audio).report, None);
    assert_eq!(test.stream.playlist(Kind::Video, false), None);
}

#[test]
fn a_track_that_never_comes_is_not_waited_for_long() {
    let mut test = Test::new();
    for second in 0..6 {
        assert!(!test.stream.is_ready());
        for part in 0..5 {
            let at = second * 1_000_000 + part * 200_000;
            test.part(Kind::Video, at, 200_000, part == 0, part == 0);
            if second == 5 {
                break;
            }
        }
    }
    let text = String::from_utf8(test.stream.multivariant().unwrap().to_vec()).unwrap();
    assert!(!text.contains("audio") && !text.contains("mp4a"), "{text}");
}

#[test]
fn a_new_run_is_a_discontinuity_in_both_tracks() {
    let mut test = Test::new();
    test.seconds(5);
    // The worker dies in the middle of a segment; the next one is a second later.
    test.part(Kind::Video, test.at, 200_000, true, true);
    test.at += 1_200_000;
    test.start(tracks(true, true, 1.0), "b");
    test.seconds(5);
    for kind in KINDS {
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
    for kind in KINDS {
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
    test.part(Kind::Video, test.at, 200_000, true, true);
    test.at += 1_000_000;
    test.start(tracks(true, true, 1.0), "c");
    test.seconds(2);
    for kind in KINDS {
        assert_eq!(test.list(kind).segments.last().unwrap().run, 2, "{kind:?}");
    }
    // A start without any media does not count at all.
    test.start(tracks(true, true, 1.0), "d");
    test.start(tracks(true, true, 1.0), "e");
    test.second();
    assert_eq!(test.list(Kind::Audio).segments.last().unwrap().run, 3);
}

#[test]
fn a_publisher_that_returns_continues_the_playlist() {
    let mut test = Test::new();
    test.seconds(10);
    test.stream.finish();
    test.look();
    let before = test.list(Kind::Video);
    assert!(
        before
            .segments
            .iter()
            .all(|segment| segment.whole.is_some())
    );

    // Another timeline, from zero, after eight seconds of silence.
    test.now += 8_000_000;
    let silence = test.now;
    test.stream.begin_broadcast();
    test.at = 0;
    test.start(tracks(true, true, 1.0), "a");
    test.second();
    let list = test.list(Kind::Video);
    assert_eq!(list.segments.last().unwrap().msn, 10);
    assert_eq!(list.segments.last().unwrap().run, 1);
    let date = super::clock::rfc3339(silence - 200_000);
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
        kind: Kind::Video,
        data: Bytes::from_static(b"another"),
    });
    test.push(HlsOutput::Init {
        kind: Kind::Audio,
        data: Bytes::from_static(b"Audio a"),
    });
    test.seconds(2);
    for kind in KINDS {
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
        test.part(Kind::Video, at, 200_000, part % 25 == 0, part % 25 == 0);
        test.part(Kind::Audio, at, 200_000, part % 25 == 0, true);
    }
    let list = test.list(Kind::Video);
    assert_eq!(list.target, 1.0);
    assert!(
        !list.is_independent,
        "it must not promise what it cannot keep"
    );
    assert!(
        list.whole()
            .all(|segment| segment.whole.as_ref().unwrap().0 <= 1.4)
    );
    assert!(test.list(Kind::Audio).is_independent);
}

#[test]
fn a_later_run_with_longer_segments_keeps_the_target() {
    let mut test = Test::new();
    test.seconds(3);
    test.start(tracks(true, true, 4.0), "b");
    for part in 0..40 {
        let at = test.at + part * 200_000;
        test.part(Kind::Video, at, 200_000, part % 20 == 0, part % 20 == 0);
        test.part(Kind::Audio, at, 200_000, part % 20 == 0, true);
    }
    assert_eq!(test.list(Kind::Video).target, 1.0);
}

#[test]
fn a_short_stall_is_no_part() {
    let mut test = Test::new();
    test.seconds(2);
    test.part(Kind::Video, 2_000_000, 200_000, true, true);
    test.part(Kind::Video, 2_200_000, 700_000, false, false);
    let list = test.list(Kind::Video);
    assert_eq!(list.part_target, 0.2);
    assert_eq!(list.segments.last().unwrap().parts.len(), 1);
    assert_eq!(
        list.hint, None,
        "what comes next will not be shown as a part"
    );
    test.part(Kind::Video, 2_900_000, 200_000, false, false);
    assert_eq!(test.list(Kind::Video), list);
    // Whoever waits for the part gets the whole segment.
    let target = Duration::from_millis(200);
    let reached = |test: &Test| {
        test.stream
            .track(Kind::Video)
            .unwrap()
            .reached(Until::Part(2, 1), target)
    };
    assert_eq!(reached(&test), Reached::NotYet);
    test.part(Kind::Video, 3_100_000, 200_000, true, true);
    assert_eq!(reached(&test), Reached::Yes);
    let list = test.list(Kind::Video);
    let stalled = list.segment(2).unwrap();
    assert_eq!(stalled.whole.as_ref().unwrap().0, 1.1);
    assert_eq!(stalled.parts, []);
    assert!(list.hint.is_some());
}

#[test]
fn a_long_stall_breaks_the_timeline_in_both_tracks() {
    let mut test = Test::new();
    test.seconds(3);
    test.part(Kind::Video, 3_000_000, 200_000, true, true);
    test.part(Kind::Audio, 3_000_000, 170_667, true, true);
    // One picture stands for six seconds.
    test.part(Kind::Video, 3_200_000, 6_000_000, false, false);
    test.at = 9_200_000;
    test.seconds(3);
    for kind in KINDS {
        let list = test.list(kind);
        assert_eq!(runs(&list)[..3], [0, 0, 0]);
        assert_eq!(list.segments.last().unwrap().run, 1);
    }
    let list = test.list(Kind::Video);
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
            test.part(Kind::Video, at, 250_250, part == 0, part == 0);
            test.part(Kind::Audio, at, 250_250, part == 0, true);
        }
    }
    let list = test.list(Kind::Video);
    assert_eq!(list.part_target, 0.251);
    assert_eq!(list.target, 1.0, "1.001 s rounds to one");
}

#[test]
fn media_before_its_initialisation_is_left_out() {
    let mut test = Test::empty();
    test.part(Kind::Video, 0, 200_000, true, true);
    test.push(HlsOutput::Init {
        kind: Kind::Video,
        data: Bytes::from_static(b"early"),
    });
    test.push(HlsOutput::Start(tracks(true, false, 1.0)));
    test.part(Kind::Video, 0, 200_000, true, true);
    test.part(Kind::Audio, 0, 200_000, true, true);
    let track = test.stream.track(Kind::Video).unwrap();
    assert_eq!((track.bytes, track.next_part), (0, 0));
    assert!(test.stream.track(Kind::Audio).is_none());
}

#[test]
fn a_late_player_still_finds_what_left_the_playlist() {
    let mut test = Test::new();
    test.seconds(5);
    let old = test.list(Kind::Video);
    let part = number_of(&old.parts().next().unwrap().uri, 'p');
    test.seconds(50);
    let track = test.stream.track(Kind::Video).unwrap();
    assert!(test.seen[0].as_ref().unwrap().segment(4).is_none());
    assert!(track.segment(4).is_some() && track.part(part + 1_000).is_none());
    assert!(
        track
            .part(number_of(&old.segments[4].parts[0].uri, 'p'))
            .is_some()
    );
    assert!(track.init_of(0).is_some() && track.init_of(1).is_none());
    test.seconds(40);
    let track = test.stream.track(Kind::Video).unwrap();
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
        let bytes: usize = KINDS
            .iter()
            .map(|kind| test.stream.track(*kind).unwrap().bytes)
            .sum();
        assert!(bytes <= 3_000_000, "{bytes}");
    }
    let list = test.list(Kind::Video);
    assert!(list.whole().count() >= 7, "what fits is there");
    assert_eq!(list.segments.last().unwrap().msn, 59);
    let all: usize = test
        .stream
        .track(Kind::Video)
        .unwrap()
        .segments
        .iter()
        .map(|s| s.bytes)
        .sum();
    let growing = test
        .stream
        .track(Kind::Video)
        .unwrap()
        .current
        .as_ref()
        .unwrap()
        .bytes;
    assert_eq!(all + growing, test.stream.track(Kind::Video).unwrap().bytes);
}

#[test]
fn a_flood_of_parts_without_duration_is_cut_and_dropped() {
    let mut test = Test::empty();
    test.stream = Stream::new("e".into(), WINDOW, 3_000_000);
    test.stream
        .push(HlsOutput::Start(tracks(true, false, 1.0)), EPOCH);
    test.stream.push(
        HlsOutput::Init {
            kind: Kind::Video,
            data: Bytes::new(),
        },
        EPOCH,
    );
    for n in 0..20_000 {
        let part = HlsOutput::Part {
            kind: Kind::Video,
            segment_start: n == 0,
            independent: true,
            time: 0,
            duration: Duration::ZERO,
            data: Bytes::from_static(&[0; 1_000]),
        };
        test.stream.push(part, EPOCH);
    }
    assert!(test.stream.track(Kind::Video).unwrap().bytes <= 3_000_000);
}

#[test]
fn blocking_requests_wait_for_the_right_thing() {
    let mut test = Test::new();
    test.seconds(3);
    test.part(Kind::Video, 3_000_000, 200_000, true, true);
    test.part(Kind::Video, 3_200_000, 200_000, false, false);
    let track = test.stream.track(Kind::Video).unwrap();
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
    let track = test.stream.track(Kind::Video).unwrap();
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
