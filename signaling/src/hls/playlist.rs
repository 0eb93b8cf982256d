//! The text of playlists (RFC 8216, rfc8216bis, Apple's authoring specification).

use std::{fmt::Write, sync::Arc, time::Duration};

use weir_media::HlsTrack;

use super::{
    clock::rfc3339,
    stream::Stream,
    track::{Segment, Track},
};

/// `EXT-X-SKIP` needs version 9 (rfc8216bis section 8).
pub(super) const VERSION: u32 = 9;

/// Target durations that a player without low latency keeps from the end: at least three (section 4.4.3.8).
const HOLD_BACK: u32 = 3;

/// Part targets that a player with low latency keeps from the end: at least two, Apple wants three.
const PART_HOLD_BACK: u32 = 3;

/// `CAN-SKIP-UNTIL`: at least six target durations (section 4.4.3.8).
const SKIP_UNTIL: u32 = 6;

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
                is_first: index == skipped,
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
    // Of those that are encoded: a player that switches to another asks and waits.
    for sibling in stream.all().filter(|it| it.id != track.id) {
        if sibling.is_servable()
            && let Some((msn, part)) = sibling.last_part()
        {
            let name = name(sibling.id);
            line(
                &mut text,
                format_args!(
                    "#EXT-X-RENDITION-REPORT:URI=\"{name}.m3u8\",LAST-MSN={msn},LAST-PART={part}"
                ),
            );
        }
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
    /// Nothing is listed in front of it: it is the playlist's first, or the first that a delta update does not skip.
    is_first: bool,
}

impl Place<'_> {
    fn begin(&self, text: &mut String) {
        let Self {
            stream,
            track,
            before,
            segment,
            is_first,
        } = self;
        // A run of which this track has nothing counts too: the numbers must be the same in all tracks.
        let breaks = before.map_or(0, |before| segment.run - before.run);
        for _ in 0..breaks {
            text.push_str("#EXT-X-DISCONTINUITY\n");
        }
        // After skipped segments too, though players could know it from them: Shaka 5 does not look there.
        if *is_first
            || breaks > 0
            || before.is_some_and(|before| !Arc::ptr_eq(&before.init, &segment.init))
        {
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
        if self.segment.is_gap() {
            text.push_str("#EXT-X-GAP\n");
        }
        line(
            text,
            format_args!("#EXTINF:{seconds:.6},\n{path}/s{msn}.m4s"),
        );
    }
}

/// The word for a track in addresses.
pub(super) fn name(id: HlsTrack) -> String {
    match id {
        HlsTrack::Video(rung) => format!("video{rung}"),
        HlsTrack::Audio => "audio".to_owned(),
    }
}

/// The track of a word in an address.
pub(super) fn track_of(name: &str) -> Option<HlsTrack> {
    if name == "audio" {
        return Some(HlsTrack::Audio);
    }
    let rung = name.strip_prefix("video")?.parse().ok()?;
    let track = HlsTrack::Video(rung);
    // One address per track: no sign, no leading zero.
    (self::name(track) == name).then_some(track)
}

pub(super) fn path(stream: &Stream, track: &Track) -> String {
    format!("{}/{}", name(track.id), stream.epoch)
}

/// Parts are counted through the track, not within a segment: whether the coming part begins a new
/// segment is not known when it is hinted at.
fn part_uri(stream: &Stream, track: &Track, number: u64) -> String {
    format!("{}/p{number}.m4s", path(stream, track))
}

pub(super) fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(arguments);
    text.push('\n');
}
