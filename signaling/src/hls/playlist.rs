//! The text of playlists (RFC 8216, rfc8216bis, Apple's authoring specification).

use std::{fmt::Write, sync::Arc, time::Duration};

use weir_media::Kind;

use super::{
    clock::rfc3339,
    stream::Stream,
    track::{Segment, Track},
};

/// `EXT-X-SKIP` needs version 9 (rfc8216bis section 8).
const VERSION: u32 = 9;

/// Target durations that a player without low latency keeps from the end: at least three (section 4.4.3.8).
const HOLD_BACK: u32 = 3;

/// Part targets that a player with low latency keeps from the end: at least two, Apple wants three.
const PART_HOLD_BACK: u32 = 3;

/// `CAN-SKIP-UNTIL`: at least six target durations (section 4.4.3.8).
const SKIP_UNTIL: u32 = 6;

/// Whole segments from which a bit rate counts as measured.
const MEASURED_AFTER: usize = 3;

/// Multivariant playlist: one video rendition with its audio, or audio alone.
pub(super) fn multivariant(stream: &Stream) -> String {
    let has = |kind| {
        stream
            .track(kind)
            .filter(|track| !track.segments.is_empty())
    };
    let (video, audio) = (has(Kind::Video), has(Kind::Audio));
    let declared = stream.tracks.as_ref();
    let video = video.zip(declared.and_then(|tracks| tracks.video.as_ref()));
    let audio = audio.zip(declared.and_then(|tracks| tracks.audio.as_ref()));

    let mut text = format!("#EXTM3U\n#EXT-X-VERSION:{VERSION}\n");
    let rates = [
        video.map(|(track, video)| bitrate(track, video.bitrate)),
        audio.map(|(track, audio)| bitrate(track, audio.bitrate)),
    ];
    let peak: u64 = rates.iter().flatten().map(|rate| rate.peak).sum();
    let average: u64 = rates.iter().flatten().map(|rate| rate.average).sum();
    let codecs: Vec<&str> = video
        .iter()
        .map(|(_, video)| video.codec.as_str())
        .chain(audio.iter().map(|(_, audio)| audio.codec.as_str()))
        .collect();
    if let (Some(_), Some((_, audio))) = (video, audio) {
        line(
            &mut text,
            format_args!(
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Audio\",DEFAULT=YES,AUTOSELECT=YES,\
                 CHANNELS=\"{}\",URI=\"{}.m3u8\"",
                audio.channels,
                name(Kind::Audio)
            ),
        );
    }
    line(
        &mut text,
        format_args!(
            "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS=\"{}\"",
            codecs.join(",")
        ),
    );
    text.pop();
    if let Some((_, video)) = video {
        let _ = write!(text, ",RESOLUTION={}x{}", video.width, video.height);
        if let Some(rate) = video
            .frame_rate
            .filter(|rate| rate.is_finite() && *rate > 0.0)
        {
            let _ = write!(text, ",FRAME-RATE={rate:.3}");
        }
        if audio.is_some() {
            text.push_str(",AUDIO=\"audio\"");
        }
    }
    let main = if video.is_some() {
        Kind::Video
    } else {
        Kind::Audio
    };
    let _ = writeln!(text, "\n{}.m3u8", name(main));
    text
}

struct Bitrate {
    peak: u64,
    average: u64,
}

/// Of the segments in the playlist, or as expected until there are enough of them.
fn bitrate(track: &Track, expected: u32) -> Bitrate {
    let (mut bytes, mut seconds, mut peak, mut count) = (0, 0.0, 0.0f64, 0);
    for segment in track.shown() {
        bytes += segment.bytes;
        seconds += segment.duration.as_secs_f64();
        peak = peak.max(segment.bitrate());
        count += 1;
    }
    if count < MEASURED_AFTER || seconds <= 0.0 {
        let expected = u64::from(expected.max(1));
        return Bitrate {
            peak: expected.max(peak.ceil() as u64),
            average: expected,
        };
    }
    let average = (bytes as f64 * 8.0 / seconds).ceil();
    Bitrate {
        peak: peak.ceil().max(1.0) as u64,
        average: average.max(1.0) as u64,
    }
}

/// Media playlist of a track.
pub(super) fn media(stream: &Stream, track: &Track, delta: bool) -> String {
    let mut text = String::with_capacity(8 * 1024);
    let target = stream.target_duration;
    // Rounded up, so that no part is longer.
    let part_target = Duration::from_millis(track.part_target.as_micros().div_ceil(1_000) as u64);
    line(&mut text, format_args!("#EXTM3U\n#EXT-X-VERSION:{VERSION}"));
    line(
        &mut text,
        format_args!("#EXT-X-TARGETDURATION:{}", target.as_secs()),
    );
    line(
        &mut text,
        format_args!(
            "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={:.3},HOLD-BACK={:.3},\
             CAN-SKIP-UNTIL={:.3}",
            (PART_HOLD_BACK * part_target).as_secs_f64(),
            (HOLD_BACK * target).as_secs_f64(),
            (SKIP_UNTIL * target).as_secs_f64(),
        ),
    );
    let part_target = part_target.as_secs_f64();
    line(
        &mut text,
        format_args!("#EXT-X-PART-INF:PART-TARGET={part_target:.3}"),
    );
    line(
        &mut text,
        format_args!("#EXT-X-MEDIA-SEQUENCE:{}", track.shown_from),
    );
    let first = track.shown().next().or(track.current.as_ref());
    let first_run = first.map_or(track.run, |segment| segment.run);
    line(
        &mut text,
        format_args!("#EXT-X-DISCONTINUITY-SEQUENCE:{first_run}"),
    );
    if track.independent_segments {
        text.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
    }

    let skipped = if delta {
        skippable(track, SKIP_UNTIL * target)
    } else {
        0
    };
    if skipped > 0 {
        line(
            &mut text,
            format_args!("#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}"),
        );
    }
    let parts_from = track.parts_from(target);
    let mut before: Option<&Segment> = None;
    for (index, segment) in track.shown().chain(&track.current).enumerate() {
        let is_whole = segment.msn < track.next_msn() - u64::from(track.current.is_some());
        if index >= skipped && (is_whole || segment.shown_parts > 0) {
            let place = Place {
                stream,
                track,
                before,
                segment,
            };
            place.begin(&mut text);
            if !is_whole || segment.msn >= parts_from {
                place.parts(&mut text);
            }
            if is_whole {
                place.whole(&mut text);
            }
        }
        before = Some(segment);
    }

    if track.can_hint() {
        let uri = part_uri(stream, track, track.next_part);
        line(
            &mut text,
            format_args!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{uri}\""),
        );
    }
    let sibling = match track.kind {
        Kind::Video => Kind::Audio,
        Kind::Audio => Kind::Video,
    };
    if let Some((msn, part)) = stream.track(sibling).and_then(Track::last_part) {
        line(
            &mut text,
            format_args!(
                "#EXT-X-RENDITION-REPORT:URI=\"{}.m3u8\",LAST-MSN={msn},LAST-PART={part}",
                name(sibling)
            ),
        );
    }
    text
}

/// How many whole segments lie before the skip boundary, which is `until` before the end.
fn skippable(track: &Track, until: Duration) -> usize {
    let mut after = track
        .current
        .as_ref()
        .map_or(Duration::ZERO, Segment::shown_duration);
    let mut kept = 0;
    let mut shown = 0;
    for segment in track.shown().rev() {
        // A segment is skipped only when it lies before the boundary as a whole.
        if after <= until {
            kept += 1;
        }
        after += segment.duration;
        shown += 1;
    }
    shown - kept
}

/// A segment where it stands in a playlist.
struct Place<'a> {
    stream: &'a Stream,
    track: &'a Track,
    before: Option<&'a Segment>,
    segment: &'a Segment,
}

impl Place<'_> {
    fn begin(&self, text: &mut String) {
        let Self {
            stream,
            track,
            before,
            segment,
        } = self;
        // A run of which this track has nothing counts too: the numbers must be the same in all tracks.
        let breaks = before.map_or(0, |before| segment.run - before.run);
        for _ in 0..breaks {
            text.push_str("#EXT-X-DISCONTINUITY\n");
        }
        if breaks > 0 || before.is_none_or(|before| !Arc::ptr_eq(&before.init, &segment.init)) {
            let (path, number) = (path(stream, track), segment.init.number);
            line(
                text,
                format_args!("#EXT-X-MAP:URI=\"{path}/init{number}.mp4\""),
            );
        }
        line(
            text,
            format_args!("#EXT-X-PROGRAM-DATE-TIME:{}", rfc3339(segment.date)),
        );
    }

    fn parts(&self, text: &mut String) {
        let mut at = Duration::ZERO;
        for (index, part) in self
            .segment
            .parts
            .iter()
            .take(self.segment.shown_parts)
            .enumerate()
        {
            // Differences of rounded sums: printed parts add up to the printed segment.
            let begin = at.as_micros();
            at += part.duration;
            let micros = u64::try_from(at.as_micros() - begin).unwrap_or(u64::MAX);
            let seconds = Duration::from_micros(micros).as_secs_f64();
            let uri = part_uri(
                self.stream,
                self.track,
                self.segment.first_part + index as u64,
            );
            let independent = if part.independent {
                ",INDEPENDENT=YES"
            } else {
                ""
            };
            line(
                text,
                format_args!("#EXT-X-PART:DURATION={seconds:.6},URI=\"{uri}\"{independent}"),
            );
        }
    }

    fn whole(&self, text: &mut String) {
        let micros = u64::try_from(self.segment.duration.as_micros()).unwrap_or(u64::MAX);
        let seconds = Duration::from_micros(micros).as_secs_f64();
        let (path, msn) = (path(self.stream, self.track), self.segment.msn);
        line(
            text,
            format_args!("#EXTINF:{seconds:.6},\n{path}/s{msn}.m4s"),
        );
    }
}

/// The word for a track in addresses.
pub(super) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Video => "video",
        Kind::Audio => "audio",
    }
}

fn path(stream: &Stream, track: &Track) -> String {
    format!("{}/{}", name(track.kind), stream.epoch)
}

/// Parts are counted through the track, not within a segment: whether the coming part begins a new
/// segment is not known when it is hinted at.
fn part_uri(stream: &Stream, track: &Track, number: u64) -> String {
    format!("{}/p{number}.m4s", path(stream, track))
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(arguments);
    text.push('\n');
}
