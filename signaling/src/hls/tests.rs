//! The playlists of streams that run, break, stall and return, checked after every part.

mod bounds;
mod breaks;
mod ladder;
mod minutes;
mod texts;

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use weir_media::{HlsAudio, HlsOutput, HlsTrack, HlsTracks, HlsVideo};

use super::{
    clock::WallMicros,
    conformance::{Playlist, check_siblings, read},
    playlist::{name, track_of},
    reload::{Reached, Until},
    stream::Stream,
};

const VIDEO: HlsTrack = HlsTrack::BEST;
const AUDIO: HlsTrack = HlsTrack::Audio;
const BOTH: [HlsTrack; 2] = [VIDEO, AUDIO];
const WINDOW: Duration = Duration::from_secs(30);
const MAX_BYTES: usize = 64 << 20;
/// 2027-01-15T08:00:00Z.
const EPOCH: WallMicros = 1_800_000_000_000_000;

/// A stream that is fed by a source and watched by players that read every playlist.
struct Test {
    stream: Stream,
    now: WallMicros,
    /// Wall clock when the media time was zero.
    zero: WallMicros,
    /// Media time in microseconds.
    at: u64,
    /// Whether all playlists are read after each change: else that of the changed track, and all after
    /// each second.
    reads_all: bool,
    /// Rungs that are encoded.
    awake: Vec<HlsTrack>,
    seen: HashMap<HlsTrack, Playlist>,
}

fn rung(number: u32) -> HlsVideo {
    let height = 720 >> number;
    HlsVideo {
        name: format!("{height}p"),
        codec: "avc1.64001f".into(),
        width: height * 16 / 9,
        height,
        frame_rate: Some(29.97),
        bitrate: 2_500_000 >> (2 * number),
    }
}

fn tracks(video: bool, audio: bool, target: f64) -> HlsTracks {
    ladder(u32::from(video), audio, target)
}

fn ladder(rungs: u32, audio: bool, target: f64) -> HlsTracks {
    HlsTracks {
        video: (0..rungs).map(rung).collect(),
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
            zero: EPOCH,
            at: 0,
            reads_all: true,
            awake: vec![VIDEO],
            seen: HashMap::new(),
        }
    }

    fn new() -> Self {
        let mut test = Self::empty();
        test.start(tracks(true, true, 1.0), "a");
        test
    }

    /// A run begins. Of the rungs those have media that are awake.
    fn start(&mut self, tracks: HlsTracks, name: &str) {
        let rungs = tracks.video.len();
        let audio = tracks.audio.is_some();
        self.push(HlsOutput::Start(tracks));
        self.awake
            .retain(|track| matches!(track, HlsTrack::Video(rung) if usize::from(*rung) < rungs));
        for track in self.awake.clone() {
            self.init(track, name);
        }
        if audio {
            self.init(AUDIO, name);
        }
    }

    fn init(&mut self, track: HlsTrack, name: &str) {
        let data = Bytes::from(format!("{track:?} {name}"));
        self.push(HlsOutput::Init { track, data });
    }

    /// A rung is encoded from now on, or not any more.
    fn wake(&mut self, track: HlsTrack, name: &str) {
        self.awake.push(track);
        self.awake.sort_by_key(|track| format!("{track:?}"));
        self.init(track, name);
    }

    fn sleep(&mut self, track: HlsTrack) {
        self.awake.retain(|other| *other != track);
        self.push(HlsOutput::Dormant(track));
    }

    fn push(&mut self, output: HlsOutput) {
        let touched = match &output {
            HlsOutput::Part { track, .. } if !self.reads_all => Some(*track),
            _ => None,
        };
        self.stream.push(output, self.now);
        self.look_at(touched);
    }

    /// A part that ends now, give or take `late`.
    fn part(&mut self, track: HlsTrack, at: u64, micros: u64, is_first: bool, is_key: bool) {
        let end = self.zero + i64::try_from(at + micros).unwrap();
        // Delivered 5 to 45 ms after its end.
        self.now = self
            .now
            .max(end + 5_000 + i64::try_from(at / 1_000 % 41 * 1_000).unwrap());
        let bytes = match track {
            HlsTrack::Video(rung) => 60_000 >> (2 * rung),
            HlsTrack::Audio => 3_000,
        };
        self.push(HlsOutput::Part {
            track,
            segment_start: is_first,
            independent: is_key,
            time: at * 1_000,
            duration: Duration::from_micros(micros),
            data: Bytes::from(vec![0; bytes]),
        });
    }

    /// A second of video in five parts, and of audio in six, as the muxers give them.
    fn second(&mut self) {
        for index in 0..5 {
            for track in self.awake.clone() {
                let is_first = index == 0;
                self.part(
                    track,
                    self.at + index * 200_000,
                    200_000,
                    is_first,
                    is_first,
                );
            }
            let begin = self.at + index * 170_667;
            self.part(AUDIO, begin, 170_667, index == 0, false);
        }
        self.part(AUDIO, self.at + 853_335, 146_665, false, false);
        self.at += 1_000_000;
        self.look();
    }

    fn seconds(&mut self, count: u32) -> &mut Self {
        for _ in 0..count {
            self.second();
        }
        self
    }

    fn text(&mut self, track: HlsTrack, delta: bool) -> String {
        let text = self.stream.playlist(track, delta);
        let text = text.expect("the playlist is there");
        String::from_utf8(text.to_vec()).unwrap()
    }

    fn multivariant(&self) -> String {
        let text = self.stream.multivariant().expect("the stream is ready");
        String::from_utf8(text.to_vec()).unwrap()
    }

    fn list(&mut self, track: HlsTrack) -> Playlist {
        read(&self.text(track, false), None)
    }

    fn look(&mut self) {
        self.look_at(None);
    }

    /// Reads playlists as players would after a change: one, or all.
    fn look_at(&mut self, one: Option<HlsTrack>) {
        if !self.stream.is_ready() {
            return;
        }
        let servable: Vec<HlsTrack> = self
            .stream
            .all()
            .filter(|track| track.is_servable())
            .map(|track| track.id)
            .collect();
        let is_read = |track: &HlsTrack| one.is_none_or(|one| one == *track);
        for track in servable.iter().copied().filter(is_read) {
            let list = self.list(track);
            let before = self.seen.remove(&track);
            // A rung that slept for long begins anew.
            let goes_on = |before: &Playlist| list.media_sequence < before.next_msn();
            if let Some(before) = before.filter(goes_on) {
                list.check_after(&before);
                // Delta updates are for those who know what is skipped.
                let before = match list.next_msn() > before.next_msn() + 1 {
                    true => list.clone(),
                    false => before,
                };
                let delta = read(&self.text(track, true), Some(&before));
                let skipped = delta.skipped;
                assert_eq!(delta, list.clone().without_skipped_parts(skipped));
            }
            self.check_media(track, &list);
            self.check_reports(track, &list, &servable);
            self.seen.insert(track, list);
        }
        if one.is_some() {
            return;
        }
        let now: Vec<&Playlist> = servable.iter().map(|track| &self.seen[track]).collect();
        check_siblings(&now);
    }

    /// Everything that the playlist names is there.
    fn check_media(&self, id: HlsTrack, list: &Playlist) {
        let track = self.stream.track(id).unwrap();
        for segment in &list.segments {
            let init = segment.map.rsplit_once("init").unwrap().1;
            let number = init.trim_end_matches(".mp4").parse().unwrap();
            assert!(track.init_of(number).is_some());
            for part in &segment.parts {
                assert!(track.part(number_of(&part.uri, 'p')).is_some());
            }
            if let Some((_, uri)) = &segment.whole {
                assert_eq!(number_of(uri, 's'), segment.msn);
                let kept = track.segment(segment.msn).unwrap();
                assert_eq!(kept.is_gap(), segment.is_gap);
            }
        }
        if let Some(hint) = &list.hint {
            assert_eq!(number_of(hint, 'p'), track.next_part);
        }
    }

    /// Every sibling that has media is reported on, as it is.
    fn check_reports(&self, id: HlsTrack, list: &Playlist, servable: &[HlsTrack]) {
        let siblings = servable.iter().filter(|other| **other != id);
        assert_eq!(list.reports.len(), siblings.clone().count());
        for sibling in siblings {
            let report = &list.reports[&format!("{}.m3u8", name(*sibling))];
            let track = self.stream.track(*sibling).unwrap();
            let (msn, part) = track.last_part().unwrap();
            assert_eq!(report["LAST-MSN"], msn.to_string());
            assert_eq!(report["LAST-PART"], part.to_string());
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
fn tracks_have_one_name_each() {
    for track in [VIDEO, HlsTrack::Video(7), AUDIO] {
        assert_eq!(track_of(&name(track)), Some(track));
    }
    for other in ["video", "video00", "video+1", "video256", "Audio", ""] {
        assert_eq!(track_of(other), None, "{other}");
    }
}
