//! Playlists of what is on disk (RFC 8216bis).

use std::fmt::Write as _;

use weir_media::clock::{WallMicros, rfc3339};

use crate::{
    index::{Index, Segment, micros},
    track::TrackId,
};

/// `EXT-X-MAP` in playlists that have pictures needs 6; `CHANNELS` and the rest need no more.
const VERSION: u32 = 6;

/// What a playlist is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A window that slides while more comes.
    Window {
        /// Whether nothing more comes.
        is_over: bool,
    },
    /// All of it, for ever.
    Whole,
}

/// The multivariant playlist. `address` gives the address of a track's media playlist.
pub fn multivariant(index: &Index, address: impl Fn(TrackId) -> String) -> Option<String> {
    let (_, last) = index.runs.last_key_value()?;
    let audio = last
        .audio
        .as_ref()
        .filter(|_| index.tracks.contains_key(&TrackId::Audio));
    let audio_rate = audio.map_or((0, 0), |_| rates(index, TrackId::Audio));
    let mut text = format!("#EXTM3U\n#EXT-X-VERSION:{VERSION}\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    let rungs = index.whole_rungs();
    if let (Some(audio), false) = (audio, rungs.is_empty()) {
        let _ = writeln!(
            text,
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Audio\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"{}\",URI=\"{}\"",
            audio.channels,
            address(TrackId::Audio)
        );
    }
    for rung in &rungs {
        let TrackId::Video(number) = *rung else {
            continue;
        };
        // A run with fewer rungs than the last had none of this number, so it is not whole.
        let Some(video) = last.video.get(usize::from(number)) else {
            continue;
        };
        let (peak, average) = rates(index, *rung);
        let codecs = match audio {
            Some(audio) => format!("{},{}", video.codec, audio.codec),
            None => video.codec.clone(),
        };
        let _ = write!(
            text,
            "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{codecs}\",RESOLUTION={}x{}",
            peak + audio_rate.0,
            average + audio_rate.1,
            video.width,
            video.height
        );
        if let Some(rate) = video.frame_rate {
            let _ = write!(text, ",FRAME-RATE={rate:.3}");
        }
        if audio.is_some() {
            text.push_str(",AUDIO=\"audio\"");
        }
        let _ = writeln!(text, "\n{}", address(*rung));
    }
    if let (Some(audio), true) = (audio, rungs.is_empty()) {
        let _ = writeln!(
            text,
            "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{}\"\n{}",
            audio_rate.0,
            audio_rate.1,
            audio.codec,
            address(TrackId::Audio)
        );
    }
    (audio.is_some() || !rungs.is_empty()).then_some(text)
}

/// The media playlist of a track. `init` and `media` give the addresses of a run's initialisation segment
/// and of a segment.
pub fn media(
    index: &Index,
    track: TrackId,
    form: Form,
    init: impl Fn(u32) -> String,
    address: impl Fn(&Segment) -> String,
) -> Option<String> {
    /// Dates stand at each discontinuity, and so often between them: players interpolate.
    const DATE_EVERY: usize = 15;
    /// And where they are so many microseconds off.
    const DATE_OFF: u64 = 30_000;
    let segments = index.tracks.get(&track)?;
    let first = segments.first()?;
    // All tracks of a playlist have the same target.
    let longest = index
        .tracks
        .values()
        .flatten()
        .map(|it| it.duration)
        .max()?;
    let target = seconds(longest).round().max(5.0);
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:{VERSION}\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-INDEPENDENT-SEGMENTS\n"
    );
    match form {
        Form::Whole => text.push_str("#EXT-X-PLAYLIST-TYPE:VOD\n"),
        Form::Window { .. } => {
            let _ = writeln!(text, "#EXT-X-MEDIA-SEQUENCE:{}", first.seq);
            if first.run > 0 {
                let _ = writeln!(text, "#EXT-X-DISCONTINUITY-SEQUENCE:{}", first.run);
            }
        }
    }
    let mut run = None;
    let mut dated = 0;
    let mut expected = first.date;
    for (at, segment) in segments.iter().enumerate() {
        if run != Some(segment.run) {
            // As many as there are runs between, so that all tracks count alike.
            let from = run.unwrap_or(segment.run);
            (from..segment.run).for_each(|_| text.push_str("#EXT-X-DISCONTINUITY\n"));
            let _ = writeln!(text, "#EXT-X-MAP:URI=\"{}\"", init(segment.run));
        }
        let is_off = segment.date.abs_diff(expected) > DATE_OFF;
        if run != Some(segment.run) || at - dated >= DATE_EVERY || is_off {
            expected = segment.date;
            let _ = writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{}", rfc3339(segment.date));
            dated = at;
        }
        run = Some(segment.run);
        expected += micros(segment.duration);
        let _ = writeln!(
            text,
            "#EXTINF:{:.5},\n{}",
            seconds(segment.duration),
            address(segment)
        );
    }
    if matches!(form, Form::Whole | Form::Window { is_over: true }) {
        text.push_str("#EXT-X-ENDLIST\n");
    }
    Some(text)
}

/// WebVTT of pictures: which to show for which moment. `pictures` are dates in Unix milliseconds.
/// `position` gives where a date lies, in milliseconds of the player's time.
pub fn pictures(
    begins: WallMicros,
    ends_ms: u64,
    pictures: &[i64],
    position: impl Fn(WallMicros) -> Option<u64>,
    address: impl Fn(i64) -> String,
) -> String {
    let mut text = format!("WEBVTT\n\nNOTE\n0 is {}\n", rfc3339(begins));
    let mut shown: Vec<(u64, i64)> = pictures
        .iter()
        .filter_map(|at| Some((position(at * 1_000)?, *at)))
        .collect();
    shown.sort_unstable();
    // The first picture is shown from the beginning.
    if let Some((position, _)) = shown.first_mut() {
        *position = 0;
    }
    let ends = shown.iter().skip(1).map(|(at, _)| *at).chain([ends_ms]);
    for ((from, at), to) in shown.iter().zip(ends).filter(|((from, _), to)| to > from) {
        let _ = write!(
            text,
            "\n{} --> {}\n{}\n",
            timestamp(*from),
            timestamp(to),
            address(*at)
        );
    }
    text
}

fn timestamp(ms: u64) -> String {
    let (seconds, ms) = (ms / 1_000, ms % 1_000);
    format!(
        "{:02}:{:02}:{:02}.{ms:03}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}

fn seconds(nanos: u64) -> f64 {
    // Durations of segments: far below 2⁵³.
    #[allow(clippy::cast_precision_loss)]
    let nanos = nanos as f64;
    nanos / 1e9
}

/// Peak and average bits per second of a track's segments.
fn rates(index: &Index, track: TrackId) -> (u64, u64) {
    let segments = index.tracks.get(&track).map_or(&[][..], Vec::as_slice);
    let rate = |bytes: u64, nanos: u64| {
        let bits = u128::from(bytes) * 8 * 1_000_000_000 / u128::from(nanos.max(1));
        u64::try_from(bits).unwrap_or(u64::MAX)
    };
    // A last segment of a frame or two says nothing.
    let whole = segments.iter().filter(|it| it.duration >= 1_000_000_000);
    let peak = whole.map(|it| rate(it.len, it.duration)).max();
    let bytes = segments.iter().map(|it| it.len).sum();
    let average = rate(bytes, segments.iter().map(|it| it.duration).sum());
    (peak.unwrap_or(average).max(1), average.max(1))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::index::tests::two_runs;

    fn of(form: Form, index: &Index) -> String {
        media(
            index,
            TrackId::TOP,
            form,
            |run| format!("i{run}"),
            |segment| format!("s{}", segment.seq),
        )
        .unwrap()
    }

    #[test]
    fn runs_are_discontinuous_and_dated() {
        let text = of(Form::Whole, &two_runs());
        assert_eq!(
            text,
            "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:5\n#EXT-X-INDEPENDENT-SEGMENTS\n\
             #EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MAP:URI=\"i0\"\n\
             #EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:16:40.000Z\n#EXTINF:4.00000,\ns0\n#EXTINF:4.00000,\ns1\n\
             #EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"i1\"\n\
             #EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:16:48.000Z\n#EXTINF:4.00000,\ns2\n#EXTINF:4.00000,\ns3\n\
             #EXT-X-ENDLIST\n"
        );
    }

    #[test]
    fn a_window_counts_what_has_slid_out() {
        let index = two_runs().between(1_007_000_000, 2_000_000_000);
        let text = of(Form::Window { is_over: false }, &index);
        assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:2\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n"));
        assert!(!text.contains("#EXT-X-DISCONTINUITY\n"));
        assert!(!text.contains("ENDLIST"));
        assert!(of(Form::Window { is_over: true }, &index).ends_with("#EXT-X-ENDLIST\n"));
    }

    #[test]
    fn pictures_fill_the_time() {
        let text = pictures(
            0,
            9_000,
            &[2_000, 5_000],
            |at| u64::try_from(at / 1_000).ok(),
            |at| format!("{at}.jpg"),
        );
        assert!(text.ends_with(
            "\n00:00:00.000 --> 00:00:05.000\n2000.jpg\n\n00:00:05.000 --> 00:00:09.000\n5000.jpg\n"
        ));
    }
}
