//! Reads media playlists and checks what rfc8216bis demands of one, and of one after another. For tests.

use std::{collections::HashMap, time::Duration};

/// By how much dates may differ from the sum of durations: they follow the publisher's clock by 20 ms a
/// segment, and are written in milliseconds.
const DATE_SLACK: f64 = 0.022;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PartLine {
    pub(crate) uri: String,
    pub(crate) duration: f64,
    pub(crate) independent: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SegmentLines {
    pub(crate) msn: u64,
    /// Discontinuity sequence number.
    pub(crate) run: u64,
    pub(crate) map: String,
    /// RFC 3339 in UTC with milliseconds: sorts as text.
    pub(crate) date: String,
    pub(crate) parts: Vec<PartLine>,
    /// Duration and URI, once the segment is whole.
    pub(crate) whole: Option<(f64, String)>,
    /// `EXT-X-GAP`: its media is missing.
    pub(crate) is_gap: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Playlist {
    pub(crate) target: f64,
    pub(crate) part_target: f64,
    pub(crate) control: HashMap<String, String>,
    pub(crate) media_sequence: u64,
    pub(crate) skipped: u64,
    pub(crate) is_independent: bool,
    pub(crate) segments: Vec<SegmentLines>,
    pub(crate) hint: Option<String>,
    /// Rendition reports by their URI.
    pub(crate) reports: HashMap<String, HashMap<String, String>>,
}

/// Reads a playlist and checks it by itself. A delta update inherits from `before`.
pub(crate) fn read(text: &str, before: Option<&Playlist>) -> Playlist {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("#EXTM3U"));
    let mut list = Playlist {
        target: 0.0,
        part_target: 0.0,
        control: HashMap::new(),
        media_sequence: 0,
        skipped: 0,
        is_independent: false,
        segments: Vec::new(),
        hint: None,
        reports: HashMap::new(),
    };
    let (mut map, mut run, mut msn) = (None, 0, 0);
    let mut open: Option<SegmentLines> = None;
    let mut extinf = None;
    for line in lines {
        let (tag, value) = line.split_once(':').unwrap_or((line, ""));
        let begun = |open: &mut Option<SegmentLines>| open.take().expect("a date stands in front");
        match tag {
            "#EXT-X-VERSION" => assert!(value.parse::<u32>().expect("number") >= 9),
            "#EXT-X-TARGETDURATION" => {
                list.target = f64::from(value.parse::<u32>().expect("integer"));
            }
            "#EXT-X-SERVER-CONTROL" => list.control = attributes(value),
            "#EXT-X-PART-INF" => list.part_target = seconds(&attributes(value), "PART-TARGET"),
            "#EXT-X-MEDIA-SEQUENCE" => {
                list.media_sequence = value.parse().expect("number");
                msn = list.media_sequence;
            }
            "#EXT-X-DISCONTINUITY-SEQUENCE" => run = value.parse().expect("number"),
            "#EXT-X-INDEPENDENT-SEGMENTS" => list.is_independent = true,
            "#EXT-X-SKIP" => {
                let before = before.expect("a delta update needs what came before");
                list.skipped = attributes(value)["SKIPPED-SEGMENTS"]
                    .parse()
                    .expect("number");
                for _ in 0..list.skipped {
                    let mut known = before
                        .segment(msn)
                        .expect("skipped segments are known")
                        .clone();
                    known.parts.clear();
                    // The map must be said again: Shaka 5 does not take it from what is skipped.
                    (map, run) = (None, known.run);
                    list.segments.push(known);
                    msn += 1;
                }
            }
            "#EXT-X-DISCONTINUITY" => {
                assert!(open.is_none(), "stands between segments");
                run += 1;
            }
            "#EXT-X-MAP" => map = Some(attributes(value)["URI"].clone()),
            "#EXT-X-PROGRAM-DATE-TIME" => {
                let map = map.clone().expect("a map stands in front");
                let date = value.to_owned();
                open = Some(SegmentLines {
                    msn,
                    run,
                    map,
                    date,
                    parts: Vec::new(),
                    whole: None,
                    is_gap: false,
                });
            }
            "#EXT-X-PART" => {
                let attributes = attributes(value);
                let mut segment = begun(&mut open);
                segment.parts.push(PartLine {
                    uri: attributes["URI"].clone(),
                    duration: seconds(&attributes, "DURATION"),
                    independent: attributes
                        .get("INDEPENDENT")
                        .is_some_and(|yes| yes == "YES"),
                });
                open = Some(segment);
            }
            "#EXT-X-GAP" => {
                let mut segment = begun(&mut open);
                assert!(!segment.is_gap && segment.parts.is_empty());
                segment.is_gap = true;
                open = Some(segment);
            }
            "#EXTINF" => extinf = Some(value.trim_end_matches(',').parse::<f64>().expect("number")),
            "#EXT-X-PRELOAD-HINT" => {
                let attributes = attributes(value);
                assert_eq!(attributes["TYPE"], "PART");
                assert!(list.hint.replace(attributes["URI"].clone()).is_none());
            }
            "#EXT-X-RENDITION-REPORT" => {
                let report = attributes(value);
                let uri = report["URI"].clone();
                assert!(list.reports.insert(uri, report).is_none(), "{value}");
            }
            _ if !line.starts_with('#') => {
                let mut segment = begun(&mut open);
                segment.whole = Some((extinf.take().expect("EXTINF"), line.to_owned()));
                list.segments.push(segment);
                msn += 1;
            }
            _ => panic!("unexpected line {line:?}"),
        }
    }
    list.segments.extend(open);
    list.check();
    list
}

impl Playlist {
    pub(crate) fn segment(&self, msn: u64) -> Option<&SegmentLines> {
        self.segments.iter().find(|segment| segment.msn == msn)
    }

    pub(crate) fn whole(&self) -> impl DoubleEndedIterator<Item = &SegmentLines> {
        self.segments
            .iter()
            .filter(|segment| segment.whole.is_some())
    }

    pub(crate) fn parts(&self) -> impl DoubleEndedIterator<Item = &PartLine> {
        self.segments.iter().flat_map(|segment| &segment.parts)
    }

    /// Seconds of everything in it.
    pub(crate) fn duration(&self) -> f64 {
        let growing = self
            .segments
            .last()
            .filter(|segment| segment.whole.is_none());
        let growing: f64 = growing
            .iter()
            .flat_map(|s| &s.parts)
            .map(|part| part.duration)
            .sum();
        self.whole()
            .filter_map(|s| s.whole.as_ref())
            .map(|whole| whole.0)
            .sum::<f64>()
            + growing
    }

    fn check(&self) {
        assert!(self.target >= 1.0 && self.part_target > 0.0);
        assert_eq!(self.control["CAN-BLOCK-RELOAD"], "YES");
        let control = |name| seconds(&self.control, name);
        assert!(control("PART-HOLD-BACK") >= 3.0 * self.part_target - 1e-9);
        assert!(control("HOLD-BACK") >= 3.0 * self.target);
        assert!(control("CAN-SKIP-UNTIL") >= 6.0 * self.target);

        let mut from_end = 0.0;
        for (behind, segment) in self.segments.iter().rev().enumerate() {
            let sum: f64 = segment.parts.iter().map(|part| part.duration).sum();
            let duration = match &segment.whole {
                Some((duration, _)) => {
                    assert!(duration.round() <= self.target, "{segment:?}");
                    let parts_add_up = (sum - duration).abs() < 1e-6;
                    assert!(segment.parts.is_empty() || parts_add_up, "{segment:?}");
                    *duration
                }
                None => {
                    assert_eq!(behind, 0, "only the last one grows");
                    assert!(!segment.parts.is_empty());
                    sum
                }
            };
            from_end += duration;
            if segment.whole.is_some() && !segment.parts.is_empty() {
                assert!(
                    from_end <= 3.0 * self.target + 1e-6,
                    "parts of {} are old",
                    segment.msn
                );
            }
            assert!(!segment.is_gap || segment.whole.is_some() && segment.parts.is_empty());
            self.check_parts(segment);
            if self.is_independent {
                assert!(segment.parts.first().is_none_or(|part| part.independent));
            }
        }
        for (index, part) in self.parts().enumerate() {
            assert!(part.duration <= self.part_target + 1e-9, "{part:?}");
            assert!(
                self.parts()
                    .skip(index + 1)
                    .all(|other| other.uri != part.uri)
            );
            assert_ne!(Some(&part.uri), self.hint.as_ref());
        }
        for pair in self.segments.windows(2) {
            assert_eq!(pair[1].msn, pair[0].msn + 1);
            assert!(pair[1].run >= pair[0].run);
            assert!(
                pair[1].date > pair[0].date,
                "{} {}",
                pair[0].date,
                pair[1].date
            );
            if pair[1].run == pair[0].run {
                assert_eq!(
                    pair[1].map, pair[0].map,
                    "another map needs a discontinuity"
                );
                let (duration, _) = pair[0].whole.as_ref().expect("only the last one grows");
                let passed = (millis(&pair[1].date) - millis(&pair[0].date)) / 1_000.0;
                // A gap is as long as the others' segment: the last that came before it may end earlier.
                let has_gap = pair.iter().any(|segment| segment.is_gap);
                let slack = if has_gap { 0.25 } else { DATE_SLACK };
                assert!((passed - duration).abs() <= slack, "{pair:?}");
            }
        }
        assert!(self.segments.last().is_none_or(|last| !last.is_gap));
    }

    /// All parts but the last of a segment, and those that begin with a keyframe, have at least 85 % of
    /// the part target.
    fn check_parts(&self, segment: &SegmentLines) {
        if let Some((_, inner)) = segment.parts.split_last() {
            for part in inner.iter().filter(|part| !part.independent) {
                assert!(part.duration >= 0.85 * self.part_target, "{part:?}");
            }
        }
    }

    /// Media sequence number of what comes after all that is in it.
    pub(crate) fn next_msn(&self) -> u64 {
        self.segments
            .last()
            .map_or(self.media_sequence, |last| last.msn + 1)
    }

    /// Checks that this playlist may follow `before`.
    pub(crate) fn check_after(&self, before: &Self) {
        assert_eq!(
            self.target, before.target,
            "EXT-X-TARGETDURATION must not change"
        );
        assert!(self.part_target >= before.part_target);
        assert!(self.media_sequence >= before.media_sequence);
        if self.media_sequence > before.media_sequence {
            assert!(
                self.duration() >= 3.0 * self.target - 0.5,
                "what leaves must leave enough"
            );
        }
        if let (Some(last), Some(newest)) = (before.segments.last(), self.segments.last()) {
            assert!(newest.msn >= last.msn, "it never shrinks");
        }
        for old in &before.segments {
            let Some(new) = self.segment(old.msn) else {
                assert!(
                    old.msn < self.media_sequence,
                    "{} left from the middle",
                    old.msn
                );
                continue;
            };
            assert_eq!(
                (new.run, &new.map, &new.date),
                (old.run, &old.map, &old.date)
            );
            if old.whole.is_some() {
                assert_eq!((&new.whole, new.is_gap), (&old.whole, old.is_gap));
            } else if new.whole.is_none() {
                assert_eq!(new.parts[..old.parts.len()], old.parts);
            }
        }
        // The first part that is new is the one that was hinted at.
        if let (Some(hint), Some(last_known)) = (&before.hint, before.parts().next_back()) {
            let mut after = self
                .parts()
                .skip_while(|part| part.uri != last_known.uri)
                .skip(1);
            if let Some(new) = after.next() {
                assert_eq!(&new.uri, hint);
            }
        }
    }

    /// The playlist as it would be without parts of whole segments, which a delta update leaves out.
    pub(crate) fn without_skipped_parts(mut self, skipped: u64) -> Self {
        let until = self.media_sequence + skipped;
        for segment in self
            .segments
            .iter_mut()
            .filter(|segment| segment.msn < until)
        {
            segment.parts.clear();
        }
        self.skipped = skipped;
        self
    }
}

/// Checks that a player can go from one rendition to another: numbers, dates and discontinuities of the
/// same segments agree.
pub(crate) fn check_siblings(lists: &[&Playlist]) {
    for (index, list) in lists.iter().enumerate() {
        for other in &lists[index + 1..] {
            assert_eq!(list.target, other.target);
            for segment in &list.segments {
                if let Some(same) = other.segment(segment.msn) {
                    assert_eq!(segment.run, same.run, "{}", segment.msn);
                    let apart = (millis(&segment.date) - millis(&same.date)).abs();
                    assert!(apart <= 250.0, "{}: {apart} ms", segment.msn);
                }
            }
        }
    }
}

/// Checks a multivariant playlist.
pub(crate) fn check_multivariant(text: &str) {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("#EXTM3U"));
    let mut groups = Vec::new();
    let mut before = f64::INFINITY;
    while let Some(line) = lines.next() {
        let (tag, value) = line.split_once(':').unwrap_or((line, ""));
        match tag {
            "#EXT-X-VERSION" => {}
            "#EXT-X-MEDIA" => {
                let media = attributes(value);
                assert_eq!(media["TYPE"], "AUDIO");
                assert!(media.contains_key("URI") && media.contains_key("CHANNELS"));
                groups.push(media["GROUP-ID"].clone());
            }
            "#EXT-X-STREAM-INF" => {
                let variant = attributes(value);
                let number = |name: &str| variant[name].parse::<f64>().expect("number");
                assert!(number("AVERAGE-BANDWIDTH") <= number("BANDWIDTH"), "{line}");
                assert!(number("AVERAGE-BANDWIDTH") > 0.0, "{line}");
                assert!(number("BANDWIDTH") <= before, "the best first: {text}");
                before = number("BANDWIDTH");
                if variant["CODECS"].contains("avc1") {
                    assert!(variant.contains_key("RESOLUTION"), "{line}");
                    assert!(number("FRAME-RATE") > 0.0, "{line}");
                }
                if let Some(group) = variant.get("AUDIO") {
                    assert!(groups.contains(group), "{line}");
                    assert!(variant["CODECS"].contains(','), "{line}");
                }
                let uri = lines.next().expect("an address");
                assert!(uri.ends_with(".m3u8") && !uri.starts_with('#'), "{uri}");
            }
            _ => panic!("unexpected line {line:?}"),
        }
    }
    assert!(before.is_finite(), "no variant: {text}");
}

/// Milliseconds of a date within its month.
fn millis(date: &str) -> f64 {
    let (day, time) = date.split_once('T').expect("a date and a time");
    let day: f64 = day[8..].parse().expect("number");
    let fields = time.trim_end_matches('Z').split(':');
    let seconds = fields.fold(0.0, |sum, field| {
        sum * 60.0 + field.parse::<f64>().expect("number")
    });
    (day * 86_400.0 + seconds) * 1_000.0
}

fn attributes(value: &str) -> HashMap<String, String> {
    let mut attributes = HashMap::new();
    let mut rest = value;
    while let Some((name, tail)) = rest.split_once('=') {
        let (text, tail) = match tail.strip_prefix('"') {
            Some(tail) => tail.split_once('"').expect("closing quote"),
            None => tail
                .find(',')
                .map_or((tail, ""), |comma| tail.split_at(comma)),
        };
        assert!(
            attributes
                .insert(name.to_owned(), text.to_owned())
                .is_none(),
            "{value}"
        );
        rest = tail.strip_prefix(',').unwrap_or(tail);
    }
    attributes
}

fn seconds(attributes: &HashMap<String, String>, name: &str) -> f64 {
    let seconds = attributes[name].parse::<f64>().expect("seconds");
    Duration::from_secs_f64(seconds).as_secs_f64()
}
