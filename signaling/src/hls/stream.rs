//! One stream at the origin: its tracks, its runs, and the texts made of them. No clock, no I/O:
//! the time comes in with each piece of media.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use weir_media::{HlsOutput, HlsTrack, HlsTracks, MediaTime};

use super::{
    clock::{Clock, SAME_CUT, WallMicros, wall},
    cuts::{Cuts, Place},
    dash, multivariant, playlist, rates,
    texts::Texts,
    track::{Begin, Incoming, Init, Part, Track, Whole},
};

/// A stream whose other tracks do not come is shown without them after so many whole segments.
const ALONE_AFTER: usize = 5;

/// `HOLD-BACK` and limits of blocking count in target durations; see `playlist.rs`.
const WINDOW_MIN_TARGETS: u32 = 8;

/// Runs that are remembered for manifests with periods.
const RUNS_MAX: usize = 64;

/// Rungs of a ladder that there can be: one bit each in a demand.
pub(super) const RUNGS_MAX: usize = 8;

/// Media between two discontinuities.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// Discontinuity sequence number.
    pub(super) number: u64,
    /// Media time and date of its first segment.
    pub(super) time: MediaTime,
    pub(super) date: WallMicros,
}

#[derive(Debug)]
pub(super) struct Stream {
    /// In all addresses of media, so that they are never used twice for different bytes.
    pub(super) epoch: String,
    window: Duration,
    max_bytes: usize,
    pub(super) tracks: Option<HlsTracks>,
    /// `EXT-X-TARGETDURATION`, a whole number of seconds. Must never change (rfc8216bis section 6.2.1).
    pub(super) target_duration: Duration,
    video: Vec<Track>,
    audio: Option<Track>,
    /// Rungs that are not made, whoever asks for them; a bit each.
    withheld: u8,
    /// Discontinuity sequence number of what comes from media time `run_from` on.
    run: u64,
    run_from: MediaTime,
    pub(super) runs: VecDeque<Run>,
    /// Date of the first segment of all: what manifests count from.
    pub(super) began: Option<WallMicros>,
    timeline: u32,
    cuts: Cuts,
    clock: Clock,
    ready: bool,
    texts: Texts,
}

impl Stream {
    pub(super) fn new(epoch: String, window: Duration, max_bytes: usize) -> Self {
        Self {
            epoch,
            window,
            max_bytes,
            tracks: None,
            target_duration: Duration::ZERO,
            video: Vec::new(),
            audio: None,
            withheld: 0,
            run: 0,
            run_from: 0,
            runs: VecDeque::new(),
            began: None,
            timeline: 0,
            cuts: Cuts::default(),
            clock: Clock::default(),
            ready: false,
            texts: Texts::default(),
        }
    }

    /// Whether playlists can be asked for. Stays true.
    pub(super) fn is_ready(&self) -> bool {
        self.ready
    }

    /// A track of the newest run.
    pub(super) fn track(&self, id: HlsTrack) -> Option<&Track> {
        let track = match id {
            HlsTrack::Video(rung) => self.video.get(usize::from(rung)),
            HlsTrack::Audio => self.audio.as_ref(),
        };
        track.filter(|track| track.is_declared)
    }

    /// Whether a track cannot be had at present: the machine is too slow for all rungs.
    pub(super) fn is_withheld(&self, id: HlsTrack) -> bool {
        matches!(id, HlsTrack::Video(rung) if usize::from(rung) < RUNGS_MAX && self.withheld & 1 << rung != 0)
    }

    fn track_mut(&mut self, id: HlsTrack) -> Option<&mut Track> {
        let track = match id {
            HlsTrack::Video(rung) => self.video.get_mut(usize::from(rung)),
            HlsTrack::Audio => self.audio.as_mut(),
        };
        track.filter(|track| track.is_declared)
    }

    /// All tracks of the newest run: the ladder from the top, then sound.
    pub(super) fn all(&self) -> impl Iterator<Item = &Track> {
        let all = self.video.iter().chain(&self.audio);
        all.filter(|track| track.is_declared)
    }

    /// The ladder from the top, without what is withheld.
    pub(super) fn pictures(&self) -> impl Iterator<Item = &Track> {
        let all = self.all();
        all.filter(|track| track.id != HlsTrack::Audio && !self.is_withheld(track.id))
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Track> {
        let all = self.video.iter_mut().chain(&mut self.audio);
        all.filter(|track| track.is_declared)
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
        let floor = self.all().filter_map(end).max();
        self.clock = Clock::after(floor);
        self.timeline += 1;
        self.withheld = 0;
    }

    /// The publisher has gone: what there is of the growing segments is all of them.
    pub(super) fn finish(&mut self) {
        let whole: Vec<Whole> = self.all_mut().filter_map(Track::finish).collect();
        self.note(whole);
        self.texts.forget();
    }

    fn note(&mut self, whole: impl IntoIterator<Item = Whole>) {
        for Whole { cut, duration } in whole {
            self.cuts.whole(cut, duration);
        }
    }

    /// Takes in what the bridge made, at this moment.
    pub(super) fn push(&mut self, output: HlsOutput, now: WallMicros) {
        match output {
            HlsOutput::Start(tracks) => self.start(tracks),
            HlsOutput::Init { track, data } => self.init(track, data),
            HlsOutput::Dormant(track) => self.dormant(track),
            HlsOutput::Withheld(rungs) => self.withheld = rungs,
            HlsOutput::Part {
                track,
                segment_start,
                independent,
                time,
                duration,
                data,
            } => {
                // Every audio frame can be decoded by itself.
                let independent = independent || track == HlsTrack::Audio;
                let at = Place {
                    timeline: self.timeline,
                    time,
                };
                let part = Part {
                    duration,
                    independent,
                    data,
                };
                self.part(track, segment_start, Incoming { at, part }, now);
            }
        }
        self.texts.forget();
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
            .all()
            .any(|track| track.run == self.run && !track.segments.is_empty())
        {
            self.run += 1;
        }
        self.run_from = 0;
        let rungs = tracks.video.len().min(RUNGS_MAX);
        while self.video.len() < rungs {
            let id = HlsTrack::Video(u8::try_from(self.video.len()).unwrap_or(u8::MAX));
            let track = Track::new(id, tracks.part_target, self.run);
            self.video.push(track);
        }
        if tracks.audio.is_some() && self.audio.is_none() {
            let track = Track::new(HlsTrack::Audio, tracks.part_target, self.run);
            self.audio = Some(track);
        }
        let declared = |track: &Track| match track.id {
            HlsTrack::Video(rung) => usize::from(rung) < rungs,
            HlsTrack::Audio => tracks.audio.is_some(),
        };
        for track in self.video.iter_mut().chain(&mut self.audio) {
            if declared(track) {
                track.declare();
                track.begin_run(tracks.part_target);
            } else {
                track.withdraw();
            }
        }
        self.tracks = Some(tracks);
    }

    fn init(&mut self, id: HlsTrack, data: Bytes) {
        let Some(track) = self.track_mut(id) else {
            tracing::warn!(
                ?id,
                "initialisation segment of a track that was not announced"
            );
            return;
        };
        if track.is_dormant {
            track.wake(data);
            return;
        }
        let another = track.differs(&data);
        let whole = if another { track.finish() } else { None };
        if another || track.init.is_none() {
            track.set_init(data);
        }
        self.note(whole);
        if another {
            // No `Start` stands before it: still, what follows does not continue what was.
            self.run += 1;
            self.run_from = 0;
        }
    }

    fn dormant(&mut self, id: HlsTrack) {
        let whole = self.track_mut(id).and_then(Track::sleep);
        self.note(whole);
    }

    fn part(&mut self, id: HlsTrack, segment_start: bool, incoming: Incoming, now: WallMicros) {
        // EXTINF rounded to the nearest whole number must not be more than EXT-X-TARGETDURATION.
        let longest = self.target_duration + Duration::from_millis(499);
        let duration = incoming.part.duration;
        let end = incoming.at.after(duration).time;
        let (run, run_from) = (self.run, self.run_from);
        let Some(track) = self.track(id) else {
            return;
        };
        let Some(init) = track.init.clone() else {
            tracing::debug!(?id, "part without initialisation segment");
            return;
        };
        let new_run = track.run < run && incoming.at.time.saturating_add(SAME_CUT) >= run_from;
        let begins =
            segment_start || new_run || track.current.is_none() || track.is_full(duration, longest);
        let run = if new_run { run } else { track.run };
        self.clock.observe(end, now);
        if begins {
            self.begin_segment(id, incoming.at, run, init);
        }
        let (window, target_duration) = (self.window(), self.target_duration);
        let Some(track) = self.track_mut(id) else {
            return;
        };
        if begins {
            track.peak = track
                .peak
                .max(rates::newest_peak(&track.segments, target_duration));
        }
        track.push(incoming, longest);
        track.slide(window, target_duration);
        if duration > longest {
            // A stall that no segment may contain. Its true length is lost, so the timeline of the
            // playlist breaks here, in all tracks at the same instant.
            self.run += 1;
            self.run_from = end;
        }
        self.keep_within_bytes();
        self.check_ready();
    }

    fn window(&self) -> Duration {
        self.window.max(WINDOW_MIN_TARGETS * self.target_duration)
    }

    fn begin_segment(&mut self, id: HlsTrack, at: Place, run: u64, init: Arc<Init>) {
        let window = self.window();
        let date = self.clock.date(at.time);
        self.note_run(run, at.time, date);
        let Some(track) = self.track_mut(id) else {
            return;
        };
        let (whole, after, end) = (track.finish(), track.last_cut, track.end);
        self.note(whole);
        let cut = self.cuts.take(at, run, after, date);
        let missed = match (&cut, after, end) {
            (Some(cut), Some(after), Some(end)) => self.cuts.missed(end, after, cut.number),
            _ => Vec::new(),
        };
        let Some(track) = self.track_mut(id) else {
            return;
        };
        if let Some(cut) = &cut
            && (!missed.is_empty() || after.is_none())
        {
            track.bridge(&missed, cut, &init, window);
        }
        track.begin_segment(Begin {
            cut: cut.map(|cut| cut.number),
            run,
            init,
            time: at.time,
            date,
        });
    }

    fn note_run(&mut self, number: u64, time: MediaTime, date: WallMicros) {
        self.began.get_or_insert(date);
        if self.runs.back().is_none_or(|newest| newest.number < number) {
            self.runs.push_back(Run { number, time, date });
            if self.runs.len() > RUNS_MAX {
                self.runs.pop_front();
            }
        }
    }

    fn keep_within_bytes(&mut self) {
        while self.all().map(|track| track.bytes).sum::<usize>() > self.max_bytes {
            let oldest = |track: &&mut Track| track.segments.front().map_or(i64::MAX, |s| s.date);
            let Some(track) = self.all_mut().min_by_key(oldest) else {
                return;
            };
            if !track.drop_oldest() {
                return;
            }
        }
    }

    fn check_ready(&mut self) {
        let whole = |track: &Track| track.segments.len();
        let all = self.all().all(|track| track.is_dormant || whole(track) > 0);
        let one = self.all().any(|track| whole(track) >= ALONE_AFTER);
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
            cuts,
            runs,
            ..
        } = self;
        for track in video.iter_mut().chain(audio) {
            for segment in track.segments.iter_mut().chain(&mut track.current) {
                segment.date = clock.date(segment.time);
            }
        }
        cuts.redate(self.timeline, |time| clock.date(time));
        for run in runs.iter_mut() {
            run.date = clock.date(run.time);
        }
        self.began = self.runs.front().map(|run| run.date);
    }

    /// The multivariant playlist; `None` when the stream is not ready.
    pub(super) fn multivariant(&self) -> Option<Bytes> {
        self.ready
            .then(|| multivariant::text(self))
            .map(Bytes::from)
    }

    /// The DASH manifest at this moment; `None` when the stream is not ready.
    pub(super) fn manifest(&self, now: WallMicros) -> Option<Bytes> {
        self.ready
            .then(|| dash::manifest(self, now))
            .map(Bytes::from)
    }

    /// The playlist of a track, whole or as a delta update; `None` as long as there is none. Made once
    /// per change, however many players wait for it.
    pub(super) fn playlist(&mut self, id: HlsTrack, delta: bool) -> Option<Bytes> {
        if !self.ready || !self.track(id)?.is_servable() {
            return None;
        }
        if let Some(text) = self.texts.get(id, delta) {
            return Some(text);
        }
        let track = self.track(id)?;
        let text = Bytes::from(playlist::media(self, track, delta));
        self.texts.keep(id, delta, text.clone());
        Some(text)
    }
}
