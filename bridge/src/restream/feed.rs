//! One stream: its media on one timeline, and the targets that get it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::warn;
use weir_media::{HlsOutput, HlsTrack, HlsTracks, Kind, MediaTime};
use weir_protocol::{RestreamState, RestreamStatus};

use super::{
    Limit, Target,
    cmaf::{Init, Sample, read_init, read_part},
    connect::Connector,
    queue::About,
    target::{Shared, Task},
    timeline::Timeline,
};
use crate::source::AccessUnit;

/// One stream.
pub struct Feed {
    slug: String,
    connector: Connector,
    changes: watch::Sender<u64>,
    demand: watch::Sender<u8>,
    /// Sinks so far: only the newest one's media counts.
    sinks: AtomicU64,
    /// Sinks that are there now.
    open: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tracks: Option<HlsTracks>,
    inits: HashMap<HlsTrack, Init>,
    timeline: Timeline,
    targets: HashMap<i64, Running>,
}

/// A target with its task.
struct Running {
    target: Target,
    shared: Arc<Shared>,
    /// Which rung it gets.
    rung: u8,
    _stop: DropGuard,
}

impl Feed {
    /// No media, no targets.
    pub fn new(slug: String, connector: Connector, changes: watch::Sender<u64>) -> Self {
        Self {
            slug,
            connector,
            changes,
            demand: watch::Sender::default(),
            sinks: AtomicU64::new(0),
            open: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    /// These and no others.
    pub fn set_targets(&self, targets: Vec<Target>) {
        let mut state = self.state();
        let mut before = std::mem::take(&mut state.targets);
        for target in targets {
            let kept = before.remove(&target.id);
            let kept = kept.filter(|running| running.target == target);
            let id = target.id;
            let running = kept.unwrap_or_else(|| self.start(target, &state));
            state.targets.insert(id, running);
        }
        self.count_demand(&state);
        // Those that are left stop with their guards.
    }

    fn start(&self, target: Target, state: &State) -> Running {
        let shared = Arc::new(Shared::default());
        let stop = CancellationToken::new();
        let mut running = Running {
            target: target.clone(),
            shared: shared.clone(),
            rung: 0,
            _stop: stop.clone().drop_guard(),
        };
        if let Some(tracks) = &state.tracks {
            running.begin(tracks);
            running.tell_formats(&state.inits);
        }
        let task = Task {
            slug: self.slug.clone(),
            target,
            connector: self.connector.clone(),
            shared,
            changes: self.changes.clone(),
            stop,
        };
        tokio::spawn(task.run());
        running
    }

    /// Which rungs are needed.
    pub fn demand(&self) -> watch::Receiver<u8> {
        self.demand.subscribe()
    }

    /// How the targets do.
    pub fn statuses(&self) -> HashMap<i64, RestreamStatus> {
        let state = self.state();
        let statuses = state.targets.iter();
        statuses
            .map(|(id, running)| (*id, running.shared.status()))
            .collect()
    }

    /// The same in one word each.
    pub fn states(&self) -> Vec<RestreamState> {
        let state = self.state();
        let targets = state.targets.values();
        targets.map(|running| running.shared.state()).collect()
    }

    /// Neither media nor targets, and nobody who waits for demand.
    pub fn is_unused(&self) -> bool {
        self.open.load(Ordering::Relaxed) == 0
            && self.demand.receiver_count() == 0
            && self.state().targets.is_empty()
    }

    fn take(&self, output: &HlsOutput) {
        let mut state = self.state();
        match output {
            HlsOutput::Start(tracks) => {
                state.timeline.start_run();
                state.inits.clear();
                for running in state.targets.values_mut() {
                    running.begin(tracks);
                }
                state.tracks = Some(tracks.clone());
                self.count_demand(&state);
            }
            HlsOutput::Init { track, data } => match read_init(data) {
                Ok(init) => {
                    state.inits.insert(*track, init);
                    for running in state.targets.values() {
                        running.tell_formats(&state.inits);
                    }
                }
                Err(error) => {
                    warn!(slug = %self.slug, ?track, %error, "a track cannot be restreamed");
                    state.inits.remove(track);
                }
            },
            HlsOutput::Part { track, data, .. } => self.part(&mut state, *track, data),
            HlsOutput::Dormant(_) | HlsOutput::Withheld(_) => {}
        }
    }

    fn part(&self, state: &mut State, track: HlsTrack, data: &Bytes) {
        let takers = || {
            let targets = state.targets.values();
            targets.filter(|running| running.takes(track))
        };
        if takers().next().is_none() {
            return;
        }
        let Some(init) = state.inits.get(&track) else {
            return;
        };
        let samples = match read_part(data, init) {
            Ok(samples) => samples,
            Err(error) => {
                warn!(slug = %self.slug, ?track, %error, "a part cannot be restreamed");
                return;
            }
        };
        let timescale = init.timescale;
        let now = Instant::now();
        for sample in samples {
            let decode = nanos(sample.decode, timescale);
            let unit = access_unit(
                track.kind(),
                sample,
                timescale,
                state.timeline.place(decode, now),
            );
            let targets = state.targets.values();
            for running in targets.filter(|running| running.takes(track)) {
                running.shared.queue.unit(unit.clone());
            }
        }
    }

    fn count_demand(&self, state: &State) {
        let rungs = state.targets.values().map(|running| running.rung);
        let needed = rungs.fold(0, |bits, rung| {
            bits | 1_u8.checked_shl(rung.into()).unwrap_or(0)
        });
        self.demand
            .send_if_modified(|told| std::mem::replace(told, needed) != needed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// A run of these tracks begins.
    fn begin(&mut self, tracks: &HlsTracks) {
        self.rung = choose(tracks, self.target.limit);
        let video = tracks.video.get(usize::from(self.rung));
        let audio = tracks.audio.as_ref();
        self.shared.rendition(video.map(|video| video.name.clone()));
        self.shared.queue.start(About {
            width: video.map_or(0, |video| video.width),
            height: video.map_or(0, |video| video.height),
            frame_rate: video.and_then(|video| video.frame_rate),
            video_bitrate: video.map_or(0, |video| video.bitrate),
            audio_bitrate: audio.map_or(0, |audio| audio.bitrate),
            channels: audio.map_or(0, |audio| audio.channels),
            video: video.is_some(),
            audio: audio.is_some(),
        });
    }

    fn tell_formats(&self, inits: &HashMap<HlsTrack, Init>) {
        let tracks = [HlsTrack::Video(self.rung), HlsTrack::Audio];
        for init in tracks.iter().filter_map(|track| inits.get(track)) {
            self.shared.queue.format(init.format.clone());
        }
    }

    fn takes(&self, track: HlsTrack) -> bool {
        match track {
            HlsTrack::Video(rung) => rung == self.rung,
            HlsTrack::Audio => true,
        }
    }
}

/// The best rung within the limit, or the last one.
fn choose(tracks: &HlsTracks, limit: Limit) -> u8 {
    let fits = |most: Option<u32>, value: u32| most.is_none_or(|most| value <= most);
    let within = tracks.video.iter().position(|rung| {
        // A portrait picture is as wide as a landscape one is high.
        fits(limit.max_height, rung.height.min(rung.width)) && fits(limit.max_bitrate, rung.bitrate)
    });
    let rung = within.unwrap_or(tracks.video.len().saturating_sub(1));
    u8::try_from(rung).unwrap_or(u8::MAX)
}

fn access_unit(kind: Kind, sample: Sample, timescale: u32, dts: MediaTime) -> AccessUnit {
    let composition = i64::from(sample.composition) * 1_000_000_000 / i64::from(timescale);
    AccessUnit {
        kind,
        layer: 0,
        dts,
        pts: dts.saturating_add_signed(composition),
        keyframe: sample.keyframe || kind == Kind::Audio,
        data: sample.data,
    }
}

fn nanos(ticks: u64, timescale: u32) -> MediaTime {
    let nanos = u128::from(ticks) * 1_000_000_000 / u128::from(timescale);
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

/// A broadcast's media on its way into a feed.
pub struct FeedSink {
    feed: Arc<Feed>,
    number: u64,
}

impl FeedSink {
    /// From now on this one's media counts.
    pub fn new(feed: Arc<Feed>) -> Self {
        let number = feed.sinks.fetch_add(1, Ordering::Relaxed) + 1;
        feed.open.fetch_add(1, Ordering::Relaxed);
        Self { feed, number }
    }

    /// A piece.
    pub fn hls(&mut self, output: &HlsOutput) {
        if self.feed.sinks.load(Ordering::Relaxed) == self.number {
            self.feed.take(output);
        }
    }
}

impl Drop for FeedSink {
    fn drop(&mut self) {
        self.feed.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use weir_media::HlsVideo;

    use super::*;

    fn tracks(rungs: &[(u32, u32, u32)]) -> HlsTracks {
        HlsTracks {
            video: rungs
                .iter()
                .map(|(width, height, bitrate)| HlsVideo {
                    name: format!("{height}p"),
                    codec: "avc1.64001f".to_owned(),
                    width: *width,
                    height: *height,
                    frame_rate: None,
                    bitrate: *bitrate,
                })
                .collect(),
            audio: None,
            target_duration: Duration::from_secs(1),
            part_target: Duration::from_millis(200),
        }
    }

    #[test]
    fn the_best_rung_within_the_limits_is_chosen() {
        let tracks = tracks(&[
            (1920, 1080, 6_000_000),
            (1280, 720, 2_500_000),
            (640, 360, 700_000),
        ]);
        let rung = |max_height, max_bitrate| {
            choose(
                &tracks,
                Limit {
                    max_height,
                    max_bitrate,
                },
            )
        };
        assert_eq!(rung(None, None), 0);
        assert_eq!(rung(Some(1080), None), 0);
        assert_eq!(rung(Some(720), None), 1);
        assert_eq!(rung(None, Some(3_000_000)), 1);
        assert_eq!(rung(Some(1080), Some(1_000_000)), 2);
        assert_eq!(rung(Some(100), None), 2);
        let portrait = self::tracks(&[(1080, 1920, 6_000_000)]);
        let limit = Limit {
            max_height: Some(1080),
            max_bitrate: None,
        };
        assert_eq!(choose(&portrait, limit), 0);
        assert_eq!(choose(&self::tracks(&[]), limit), 0);
    }
}
