//! One stream at the origin: its tracks, its runs, and the texts made of them. No clock, no I/O:
//! the time comes in with each piece of media.

use std::time::Duration;

use bytes::Bytes;
use weir_media::{HlsOutput, HlsTracks, Kind, MediaTime};

use super::{
    clock::{Clock, SAME_CUT, WallMicros, wall},
    playlist,
    track::{Incoming, Part, Track},
};

/// A stream whose other track does not come is shown without it after so many whole segments.
const ALONE_AFTER: usize = 5;

/// `HOLD-BACK` and limits of blocking count in target durations; see `playlist.rs`.
const WINDOW_MIN_TARGETS: u32 = 8;

#[derive(Debug)]
pub(super) struct Stream {
    /// In all addresses of media, so that they are never used twice for different bytes.
    pub(super) epoch: String,
    window: Duration,
    max_bytes: usize,
    pub(super) tracks: Option<HlsTracks>,
    /// `EXT-X-TARGETDURATION`, a whole number of seconds. Must never change (rfc8216bis section 6.2.1).
    pub(super) target_duration: Duration,
    video: Option<Track>,
    audio: Option<Track>,
    /// Discontinuity sequence number of what comes from media time `run_from` on.
    run: u64,
    run_from: MediaTime,
    clock: Clock,
    ready: bool,
    rendered: [Option<Bytes>; 4],
}

impl Stream {
    pub(super) fn new(epoch: String, window: Duration, max_bytes: usize) -> Self {
        Self {
            epoch,
            window,
            max_bytes,
            tracks: None,
            target_duration: Duration::ZERO,
            video: None,
            audio: None,
            run: 0,
            run_from: 0,
            clock: Clock::default(),
            ready: false,
            rendered: Default::default(),
        }
    }

    /// Whether playlists can be asked for. Stays true.
    pub(super) fn is_ready(&self) -> bool {
        self.ready
    }

    pub(super) fn track(&self, kind: Kind) -> Option<&Track> {
        match kind {
            Kind::Video => self.video.as_ref(),
            Kind::Audio => self.audio.as_ref(),
        }
    }

    fn track_mut(&mut self, kind: Kind) -> Option<&mut Track> {
        match kind {
            Kind::Video => self.video.as_mut(),
            Kind::Audio => self.audio.as_mut(),
        }
    }

    fn both(&self) -> impl Iterator<Item = &Track> {
        self.video.iter().chain(&self.audio)
    }

    fn both_mut(&mut self) -> impl Iterator<Item = &mut Track> {
        self.video.iter_mut().chain(&mut self.audio)
    }

    /// A publisher is there, for the first time or again: its timeline has nothing to do with an
    /// earlier one.
    pub(super) fn begin_broadcast(&mut self) {
        self.finish();
        let end = |track: &Track| {
            track
                .segments
                .back()
                .map(|last| last.date + wall(last.duration))
        };
        let floor = self.both().filter_map(end).max();
        self.clock = Clock::after(floor);
    }

    /// The publisher has gone: what there is of the growing segments is all of them.
    pub(super) fn finish(&mut self) {
        self.both_mut().for_each(Track::finish);
        self.changed();
    }

    /// Takes in what the bridge made, at this moment.
    pub(super) fn push(&mut self, output: HlsOutput, now: WallMicros) {
        match output {
            HlsOutput::Start(tracks) => self.start(tracks),
            HlsOutput::Init { kind, data } => self.init(kind, data),
            HlsOutput::Part {
                kind,
                segment_start,
                independent,
                time,
                duration,
                data,
            } => {
                // Every audio frame can be decoded by itself.
                let independent = independent || kind == Kind::Audio;
                let incoming = Incoming {
                    time,
                    part: Part {
                        duration,
                        independent,
                        data,
                    },
                };
                self.part(kind, segment_start, incoming, now);
            }
        }
        self.changed();
    }

    fn start(&mut self, tracks: HlsTracks) {
        if self.target_duration.is_zero() {
            // As EXTINF is rounded for comparison, so is this. A later run with longer segments has
            // them cut to fit.
            let seconds = tracks.target_duration.as_secs_f64().round().max(1.0);
            self.target_duration = Duration::from_secs_f64(seconds);
        }
        self.finish();
        if self
            .both()
            .any(|track| track.run == self.run && !track.segments.is_empty())
        {
            self.run += 1;
        }
        self.run_from = 0;
        // A track that joins later counts on from its sibling.
        let next_msn = self.both().map(Track::next_msn).max().unwrap_or(0);
        for (kind, is_there) in [
            (Kind::Video, tracks.video.is_some()),
            (Kind::Audio, tracks.audio.is_some()),
        ] {
            let run = self.run;
            let place = match kind {
                Kind::Video => &mut self.video,
                Kind::Audio => &mut self.audio,
            };
            if is_there {
                place
                    .get_or_insert_with(|| Track::new(kind, tracks.part_target, next_msn, run))
                    .begin_run(tracks.part_target);
            } else {
                *place = None;
            }
        }
        self.tracks = Some(tracks);
    }

    fn init(&mut self, kind: Kind, data: Bytes) {
        let Some(track) = self.track_mut(kind) else {
            tracing::warn!(
                ?kind,
                "initialisation segment of a track that was not announced"
            );
            return;
        };
        let another = track.differs(&data);
        if another {
            track.finish();
        }
        if another || track.init.is_none() {
            track.set_init(data);
        }
        if another {
            // No `Start` stands before it: still, what follows does not continue what was.
            self.run += 1;
            self.run_from = 0;
        }
    }

    fn part(&mut self, kind: Kind, segment_start: bool, incoming: Incoming, now: WallMicros) {
        let (run, run_from) = (self.run, self.run_from);
        // EXTINF rounded to the nearest whole number must not be more than EXT-X-TARGETDURATION.
        let longest = self.target_duration + Duration::from_millis(499);
        let end = incoming.time.saturating_add(nanos(incoming.part.duration));
        let Some(init) = self.track_mut(kind).and_then(|track| track.init.clone()) else {
            tracing::debug!(?kind, "part without initialisation segment");
            return;
        };
        self.clock.observe(end, now);
        let Some(track) = self.track_mut(kind) else {
            return;
        };
        let duration = incoming.part.duration;
        let new_run = track.run < run && incoming.time.saturating_add(SAME_CUT) >= run_from;
        if segment_start || new_run || track.current.is_none() || track.is_full(duration, longest) {
            let run = if new_run { run } else { track.run };
            let date = self.clock.date(incoming.time);
            if let Some(track) = self.track_mut(kind) {
                track.begin_segment(init, &incoming, date, run);
            }
        }
        let (window, target_duration) = (self.window, self.target_duration);
        let window = window.max(WINDOW_MIN_TARGETS * target_duration);
        let Some(track) = self.track_mut(kind) else {
            return;
        };
        track.push(incoming, longest);
        track.slide(window, target_duration);
        if duration > longest {
            // A stall that no segment may contain. Its true length is lost, so the timeline of the
            // playlist breaks here, in both tracks at the same instant.
            self.run += 1;
            self.run_from = end;
        }
        self.keep_within_bytes();
        self.check_ready();
    }

    fn keep_within_bytes(&mut self) {
        while self.both().map(|track| track.bytes).sum::<usize>() > self.max_bytes {
            let oldest = |track: &&mut Track| track.segments.front().map_or(i64::MAX, |s| s.date);
            let Some(track) = self.both_mut().min_by_key(oldest) else {
                return;
            };
            if !track.drop_oldest() {
                return;
            }
        }
    }

    fn check_ready(&mut self) {
        let whole = |track: &Track| track.segments.len();
        let all = self.both().all(|track| whole(track) > 0);
        let one = self.both().any(|track| whole(track) >= ALONE_AFTER);
        if self.ready || !(all || one) {
            return;
        }
        self.ready = true;
        // Nobody has seen a date yet: now the estimate is better than it was for the first segments.
        self.clock.settle();
        let Self {
            video,
            audio,
            clock,
            ..
        } = self;
        for track in video.iter_mut().chain(audio) {
            for segment in track.segments.iter_mut().chain(&mut track.current) {
                segment.date = clock.date(segment.time);
            }
        }
    }

    fn changed(&mut self) {
        self.rendered = Default::default();
    }

    /// The multivariant playlist; `None` when the stream is not ready.
    pub(super) fn multivariant(&self) -> Option<Bytes> {
        self.ready
            .then(|| playlist::multivariant(self))
            .map(Bytes::from)
    }

    /// The playlist of a track, whole or as a delta update; `None` when there is none. Made once per
    /// change, however many players wait for it.
    pub(super) fn playlist(&mut self, kind: Kind, delta: bool) -> Option<Bytes> {
        if !self.ready {
            return None;
        }
        let track = self.track(kind)?;
        let place = 2 * usize::from(kind == Kind::Audio) + usize::from(delta);
        if let Some(text) = &self.rendered[place] {
            return Some(text.clone());
        }
        let text = Bytes::from(playlist::media(self, track, delta));
        self.rendered[place] = Some(text.clone());
        Some(text)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
