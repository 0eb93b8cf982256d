//! From a source's clocks to this server's clock.
//!
//! Sender reports toward viewers say which RTP timestamp belongs to which instant of *our* clock.
//! Two things matter: audio and video of one source are mapped by the same rule, so they stay
//! together; and no capture lies in the future, since then no report could be written.

use std::time::{Duration, Instant};

use weir_media::{Kind, MediaTime};

use crate::packet::clock_rate;

/// How long the quickest arrival is looked for before a slower one may move the clock.
const WINDOW: Duration = Duration::from_secs(10);

/// Most that the clock follows a slow source per window: 200 ppm, more than any crystal drifts.
const SLEW_PER_WINDOW: i64 = 2_000_000;

/// A difference beyond this is a jump of the source's clock, not delay or drift.
const JUMP: i64 = 2_000_000_000;

/// Maps a source's timeline to instants by the packets that came quickest (a minimum filter): what
/// is above the minimum is delay of the network and of the sender's pacing.
#[derive(Debug)]
pub(crate) struct ArrivalClock {
    origin: Instant,
    /// Instant = origin + time + offset, in nanoseconds.
    offset: Option<i64>,
    window_start: Instant,
    window_min: i64,
}

impl ArrivalClock {
    pub(crate) fn new(origin: Instant) -> Self {
        Self {
            origin,
            offset: None,
            window_start: origin,
            window_min: i64::MAX,
        }
    }

    /// A packet of this source time (ns, any zero) arrived now.
    pub(crate) fn observe(&mut self, now: Instant, time: i64) {
        let seen = nanos(now.saturating_duration_since(self.origin)).saturating_sub(time);
        let Some(offset) = self.offset else {
            self.restart(now, seen);
            return;
        };
        if seen < offset || seen.saturating_sub(offset) > JUMP {
            if seen < offset.saturating_sub(JUMP) || seen > offset {
                self.restart(now, seen);
                return;
            }
            self.offset = Some(seen);
        }
        self.window_min = self.window_min.min(seen);
        if now.saturating_duration_since(self.window_start) >= WINDOW {
            let offset = self.offset.unwrap_or(seen);
            let step = self
                .window_min
                .saturating_sub(offset)
                .clamp(0, SLEW_PER_WINDOW);
            self.offset = Some(offset + step);
            self.window_start = now;
            self.window_min = i64::MAX;
        }
    }

    fn restart(&mut self, now: Instant, seen: i64) {
        self.offset = Some(seen);
        self.window_start = now;
        self.window_min = seen;
    }

    /// Nanoseconds since the origin at which content of this source time was captured.
    pub(crate) fn captured(&self, time: i64) -> Option<i64> {
        Some(time.saturating_add(self.offset?))
    }
}

/// The timeline of a WebRTC publisher. Each track runs by its own RTP clock; once every track has
/// had a sender report, the reports' NTP times say how the tracks lie to each other.
#[derive(Debug)]
pub(crate) struct PublisherClock {
    origin: Instant,
    ntp: ArrivalClock,
    tracks: [Track; 2],
}

#[derive(Debug)]
struct Track {
    arrival: ArrivalClock,
    /// Extended RTP timestamp to begin of the track, so that numbers stay small.
    first: Option<u64>,
    report: Option<Report>,
    /// What is added to the track's own RTP time (ns); follows its target smoothly.
    placed: Option<Placed>,
}

impl Track {
    fn new(origin: Instant) -> Self {
        Self {
            arrival: ArrivalClock::new(origin),
            first: None,
            report: None,
            placed: None,
        }
    }
}

/// A sender report: this RTP timestamp was at this NTP time.
#[derive(Debug, Clone, Copy)]
struct Report {
    rtp: u32,
    ntp: i64,
}

#[derive(Debug, Clone, Copy)]
struct Placed {
    offset: i64,
    /// RTP time (ns) up to which the offset has followed.
    at: i64,
}

/// Share of the elapsed media time by which a track may be shifted: 100 ms of error is gone in 1 s
/// without a visible jump.
const SLEW_SHARE: i64 = 10;

impl PublisherClock {
    /// The timeline's zero is `origin`, the arrival of the first packet.
    pub(crate) fn new(origin: Instant) -> Self {
        let tracks = [Track::new(origin), Track::new(origin)];
        Self {
            origin,
            ntp: ArrivalClock::new(origin),
            tracks,
        }
    }

    /// The track's RTP clock starts anew (another SSRC).
    pub(crate) fn restart(&mut self, kind: Kind) {
        self.tracks[index(kind)] = Track::new(self.origin);
    }

    /// A sender report of a track came (RFC 3550 section 6.4.1). `ntp` in nanoseconds of any era.
    pub(crate) fn report(&mut self, kind: Kind, rtp: u32, ntp: i64) {
        self.tracks[index(kind)].report = Some(Report { rtp, ntp });
    }

    /// A packet came. `rtp` is its extended RTP timestamp. Gives its time on the timeline and its
    /// capture instant, which is never after `now`.
    pub(crate) fn packet(&mut self, now: Instant, kind: Kind, rtp: u64) -> (MediaTime, Instant) {
        let rate = i64::from(clock_rate(kind));
        let all_reported = self
            .tracks
            .iter()
            .all(|t| t.first.is_none() || t.report.is_some());
        let track = &mut self.tracks[index(kind)];
        let first = *track.first.get_or_insert(rtp);
        let own = to_nanos((rtp as i64).wrapping_sub(first as i64), rate);
        track.arrival.observe(now, own);
        let target = match track.report.filter(|_| all_reported) {
            Some(report) => {
                let ticks = i64::from((rtp as u32).wrapping_sub(report.rtp) as i32);
                let ntp = report.ntp.saturating_add(to_nanos(ticks, rate));
                self.ntp.observe(now, ntp);
                self.ntp.captured(ntp)
            }
            None => track.arrival.captured(own),
        };
        let target = target.map_or(0, |captured| captured.saturating_sub(own));
        let placed = match track.placed {
            None => Placed {
                offset: target,
                at: own,
            },
            Some(last) => {
                let elapsed = own.saturating_sub(last.at).max(0);
                let error = target.saturating_sub(last.offset);
                let step = if error.saturating_abs() > JUMP {
                    error
                } else {
                    error.clamp(-elapsed / SLEW_SHARE, elapsed / SLEW_SHARE)
                };
                Placed {
                    offset: last.offset.saturating_add(step),
                    at: own.max(last.at),
                }
            }
        };
        track.placed = Some(placed);
        let since_origin = nanos(now.saturating_duration_since(self.origin));
        let time = own.saturating_add(placed.offset).max(0) as u64;
        let captured = self.origin + Duration::from_nanos(time.min(since_origin as u64));
        (time, captured)
    }
}

/// The timeline of the bridge: its packets carry their time already.
#[derive(Debug)]
pub(crate) struct BridgeClock {
    origin: Instant,
    arrival: ArrivalClock,
}

impl BridgeClock {
    pub(crate) fn new(origin: Instant) -> Self {
        Self {
            origin,
            arrival: ArrivalClock::new(origin),
        }
    }

    /// Capture instant of a packet that came now; never after `now`.
    pub(crate) fn packet(&mut self, now: Instant, time: MediaTime) -> Instant {
        let time = i64::try_from(time).unwrap_or(i64::MAX);
        self.arrival.observe(now, time);
        let since_origin = nanos(now.saturating_duration_since(self.origin));
        let captured = self
            .arrival
            .captured(time)
            .unwrap_or(since_origin)
            .min(since_origin);
        self.origin
            .checked_add(Duration::from_nanos(captured.max(0) as u64))
            .unwrap_or(now)
            .min(now)
    }
}

fn index(kind: Kind) -> usize {
    match kind {
        Kind::Video => 0,
        Kind::Audio => 1,
    }
}

fn to_nanos(ticks: i64, rate: i64) -> i64 {
    (i128::from(ticks) * 1_000_000_000 / i128::from(rate)) as i64
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    #[test]
    fn the_quickest_packet_sets_the_clock() {
        let origin = Instant::now();
        let mut clock = ArrivalClock::new(origin);
        clock.observe(origin + Duration::from_millis(80), 0);
        assert_eq!(clock.captured(0), Some(80 * MS));
        clock.observe(origin + Duration::from_millis(130), 100 * MS);
        assert_eq!(clock.captured(100 * MS), Some(130 * MS));
        clock.observe(origin + Duration::from_millis(290), 200 * MS);
        assert_eq!(
            clock.captured(200 * MS),
            Some(230 * MS),
            "a delayed one moves nothing"
        );
    }

    #[test]
    fn a_slow_source_is_followed_slowly() {
        let origin = Instant::now();
        let mut clock = ArrivalClock::new(origin);
        for second in 0..60_u64 {
            // 100 ppm slow.
            let now = origin + Duration::from_micros(second * 1_000_100);
            clock.observe(now, second as i64 * 1_000 * MS);
        }
        let error = 59 * 1_000_100_000 - clock.captured(59_000 * MS).unwrap();
        assert!((0..3 * MS).contains(&error), "{error}");
    }

    #[test]
    fn reports_bring_the_tracks_together() {
        let origin = Instant::now();
        let mut clock = PublisherClock::new(origin);
        // Audio is captured at the same time as video but arrives 60 ms sooner.
        let mut difference = 0;
        for frame in 0..200_u64 {
            let captured = Duration::from_millis(frame * 20);
            if frame == 50 {
                let ntp = captured.as_nanos() as i64;
                clock.report(Kind::Audio, (frame * 960) as u32, ntp);
                clock.report(Kind::Video, (frame * 1_800) as u32, ntp);
            }
            let soon = origin + captured + Duration::from_millis(20);
            let late = origin + captured + Duration::from_millis(80);
            let (audio, _) = clock.packet(soon, Kind::Audio, frame * 960);
            let (video, instant) = clock.packet(late, Kind::Video, frame * 1_800);
            assert!(instant <= late);
            difference = video as i64 - audio as i64;
            if frame == 49 {
                assert_eq!(difference, 60 * MS, "by arrival until reports come");
            }
        }
        assert!(difference.abs() < MS, "{difference}");
    }

    #[test]
    fn time_never_runs_back() {
        let origin = Instant::now();
        let mut clock = PublisherClock::new(origin);
        let mut last = 0;
        for frame in 0..500_u64 {
            let now = origin + Duration::from_millis(frame * 33 + frame % 7);
            if frame % 60 == 0 {
                // A report that says a different offset each time.
                let ntp = (frame * 33) as i64 * MS - (frame as i64) * MS;
                clock.report(Kind::Video, (frame * 2_970) as u32, ntp);
            }
            let (time, captured) = clock.packet(now, Kind::Video, frame * 2_970);
            assert!(time >= last, "{frame}");
            assert!(captured <= now);
            last = time;
        }
    }

    #[test]
    fn the_bridge_is_never_in_the_future() {
        let origin = Instant::now();
        let mut clock = BridgeClock::new(origin);
        let first = clock.packet(origin + Duration::from_millis(5), 1_000_000_000);
        assert_eq!(first, origin + Duration::from_millis(5));
        let now = origin + Duration::from_millis(20);
        assert_eq!(clock.packet(now, 1_500_000_000), now);
        let later = origin + Duration::from_millis(40);
        let captured = clock.packet(later, 1_510_000_000);
        assert_eq!(captured, now + Duration::from_millis(10));
    }
}
