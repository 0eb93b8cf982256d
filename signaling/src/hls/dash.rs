//! The DASH manifest over the same CMAF segments (ISO/IEC 23009-1): a period for each run, a timeline
//! of whole segments for each rendition.

use std::{fmt::Write, time::Duration};

use weir_media::{HlsAudio, HlsVideo, MediaTime};

use super::{
    clock::{SAME_CUT, WallMicros, rfc3339},
    multivariant::{self, Rendition},
    playlist::path,
    stream::{Run, Stream},
    track::{Segment, Track},
};

/// Times are in microseconds: the samples' own scales differ from track to track.
const TIMESCALE: u32 = 1_000_000;

/// Target durations that players keep from the end: whole segments only are listed.
const DELAY: u32 = 3;

pub(super) fn manifest(stream: &Stream, now: WallMicros) -> String {
    let (rungs, sound) = (multivariant::rungs(stream), multivariant::sound(stream));
    let rungs: Vec<_> = rungs
        .into_iter()
        .filter(|rung| rung.track.is_servable())
        .collect();
    let target = stream.target_duration.as_secs();
    let depth = rungs.iter().map(|rung| rung.track);
    let depth = depth.chain(sound.as_ref().map(|sound| sound.track));
    let depth = depth.map(shown_duration).max().unwrap_or_default();
    let began = stream.began.unwrap_or(now);
    let delay = u64::from(DELAY) * target;
    let mut text = String::with_capacity(8 * 1024);
    let _ = write!(
        text,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"dynamic\" \
         profiles=\"urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019\" \
         availabilityStartTime=\"{}\" publishTime=\"{}\" minimumUpdatePeriod=\"PT{target}S\" \
         timeShiftBufferDepth=\"{}\" maxSegmentDuration=\"PT{}S\" minBufferTime=\"PT{target}S\" \
         suggestedPresentationDelay=\"PT{delay}S\">\n\
         <ServiceDescription id=\"0\"><Latency target=\"{}\"/>\
         <PlaybackRate min=\"0.96\" max=\"1.04\"/></ServiceDescription>\n",
        rfc3339(began),
        rfc3339(now),
        seconds(depth),
        target + 1,
        1_000 * delay,
    );
    for run in &stream.runs {
        period(&mut text, stream, run, began, &rungs, sound.as_ref());
    }
    text.push_str(
        "<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-iso:2014\" value=\"time\"/>\n</MPD>\n",
    );
    text
}

fn period(
    text: &mut String,
    stream: &Stream,
    run: &Run,
    began: WallMicros,
    rungs: &[Rendition<'_, HlsVideo>],
    sound: Option<&Rendition<'_, HlsAudio>>,
) {
    let mut sets = String::new();
    let mut video = String::new();
    for rung in rungs {
        let rate = rung.declared.frame_rate.and_then(frame_rate);
        let rate = rate.map_or_else(String::new, |rate| format!(" frameRate=\"{rate}\""));
        let what = format!(
            "width=\"{}\" height=\"{}\"{rate}",
            rung.declared.width, rung.declared.height
        );
        representation(&mut video, stream, run, rung, &what, "");
    }
    if !video.is_empty() {
        let _ = write!(
            sets,
            "<AdaptationSet id=\"1\" contentType=\"video\" mimeType=\"video/mp4\" \
             segmentAlignment=\"true\" startWithSAP=\"1\">\n{video}</AdaptationSet>\n"
        );
    }
    let mut audio = String::new();
    if let Some(sound) = sound {
        let channels = format!(
            "<AudioChannelConfiguration \
             schemeIdUri=\"urn:mpeg:dash:23003:3:audio_channel_configuration:2011\" value=\"{}\"/>",
            sound.declared.channels
        );
        representation(&mut audio, stream, run, sound, "", &channels);
    }
    if !audio.is_empty() {
        let _ = write!(
            sets,
            "<AdaptationSet id=\"2\" contentType=\"audio\" mimeType=\"audio/mp4\" \
             segmentAlignment=\"true\" startWithSAP=\"1\">\n{audio}</AdaptationSet>\n"
        );
    }
    if sets.is_empty() {
        return;
    }
    let start = u64::try_from(run.date - began).unwrap_or(0);
    let _ = write!(
        text,
        "<Period id=\"{}\" start=\"{}\">\n{sets}</Period>\n",
        run.number,
        seconds(Duration::from_micros(start))
    );
}

fn representation<T>(
    text: &mut String,
    stream: &Stream,
    run: &Run,
    rendition: &Rendition<'_, T>,
    attributes: &str,
    inside: &str,
) {
    let track = rendition.track;
    let segments = unbroken(track, run.number);
    let Some(first) = segments.first() else {
        return;
    };
    let path = path(stream, track);
    let _ = write!(
        text,
        "<Representation id=\"{}\" codecs=\"{}\" bandwidth=\"{}\" {attributes}>{inside}\
         <SegmentTemplate timescale=\"{TIMESCALE}\" presentationTimeOffset=\"{}\" \
         initialization=\"{path}/init{}.mp4\" media=\"{path}/s$Number$.m4s\" startNumber=\"{}\">\
         <SegmentTimeline>",
        super::playlist::name(track.id),
        rendition.codec,
        rendition.bitrate.peak,
        ticks(run.time),
        first.init.number,
        first.msn,
    );
    for (index, segment) in segments.iter().enumerate() {
        let begin = ticks(segment.time);
        let length = u64::try_from(segment.duration.as_micros()).unwrap_or(u64::MAX);
        // Up to the next one, so that rounding leaves no holes.
        let until = segments.get(index + 1).map(|next| ticks(next.time));
        let length = until
            .and_then(|until| until.checked_sub(begin))
            .filter(|exact| exact.abs_diff(length) < ticks(SAME_CUT))
            .unwrap_or(length);
        let _ = write!(text, "<S t=\"{begin}\" d=\"{length}\"/>");
    }
    text.push_str("</SegmentTimeline></SegmentTemplate></Representation>\n");
}

/// What is shown of a run, from its last gap or change of parameters on: numbers count through a timeline.
fn unbroken(track: &Track, run: u64) -> Vec<&Segment> {
    let mut segments: Vec<&Segment> = Vec::new();
    for segment in track.shown().filter(|segment| segment.run == run) {
        let is_other = |last: &&Segment| last.init.number != segment.init.number;
        if segment.is_gap() || segments.last().is_some_and(is_other) {
            segments.clear();
        }
        if !segment.is_gap() {
            segments.push(segment);
        }
    }
    segments
}

fn shown_duration(track: &Track) -> Duration {
    track.shown().map(|segment| segment.duration).sum()
}

fn ticks(time: MediaTime) -> u64 {
    time / 1_000
}

fn seconds(duration: Duration) -> String {
    format!("PT{:.6}S", duration.as_secs_f64())
}

/// A whole number or a fraction of two.
fn frame_rate(rate: f64) -> Option<String> {
    if !(rate.is_finite() && rate > 0.0) {
        return None;
    }
    let millis = (rate * 1_000.0).round();
    Some(match millis % 1_000.0 == 0.0 {
        true => format!("{}", millis / 1_000.0),
        false => format!("{millis}/1000"),
    })
}
