//! From a source's clocks to this server's clock.
//!
//! Sender reports toward viewers say which RTP timestamp belongs to which instant of *our* clock.
//! Two things matter: audio and video of one source are mapped by the same rule, so they stay
//! together; and no capture lies in the future, since then no report could be written.

use std::time::{Duration, Instant};

use weir_media::{Kind, MediaTime};

use crate::packet::{LayerId, clock_rate};

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

/// One of a publisher's RTP clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClockTrack {
    Audio,
    Video(LayerId),
}

impl ClockTrack {
    fn kind(self) -> Kind {
        match self {
            Self::Audio => Kind::Audio,
            Self::Video(_) => Kind::Video,
        }
    }

    fn layer(self) -> usize {
        match self {
            Self::Audio => 0,
            Self::Video(layer) => usize::from(layer.0),
        }
    }
}

/// The timeline of a WebRTC publisher. Each track and each simulcast layer runs by its own RTP
/// clock; all layers of the video are one [`Group`], placed as one. Once audio and video have had a
/// sender report, the reports' NTP times say how they lie to each other.
#[derive(Debug)]
pub(crate) struct PublisherClock {
    origin: Instant,
    ntp: ArrivalClock,
    groups: [Group; 2],
}

/// Clocks that show the same pictures: the layers of a simulcast, or audio alone. Its time has its
/// zero at the first packet.
#[derive(Debug)]
struct Group {
    arrival: ArrivalClock,
    layers: Vec<Layer>,
    /// Layer whose reports place the group.
    lead: Option<usize>,
    /// What is added to the group's time (ns); follows its target smoothly.
    placed: Option<Placed>,
    /// Newest pictures, to find where a layer that begins belongs.
    pictures: [Option<Picture>; PICTURES],
}

#[derive(Debug, Clone, Copy, Default)]
struct Layer {
    /// Extended RTP timestamp to begin of the layer, so that numbers stay small.
    first: Option<u64>,
    last: u64,
    /// Added to the layer's own time (ns) to give the group's.
    delta: i64,
    heard: Option<Instant>,
    report: Option<Report>,
}

/// A sender report: the layer's own time (ns) was at this NTP time (ns).
#[derive(Debug, Clone, Copy)]
struct Report {
    own: i64,
    ntp: i64,
}

#[derive(Debug, Clone, Copy)]
struct Placed {
    offset: i64,
    /// Group time (ns) up to which the offset has followed.
    at: i64,
}

#[derive(Debug, Clone, Copy)]
struct Picture {
    layer: usize,
    /// Group time (ns).
    at: i64,
    arrived: Instant,
    keyframe: bool,
}

/// Share of the elapsed media time by which a track may be shifted: 100 ms of error is gone in 1 s
/// without a visible jump.
const SLEW_SHARE: i64 = 10;

/// Pictures that are remembered: 4 layers at 60 a second for the window below.
const PICTURES: usize = 32;

/// Keyframes that begin on two layers within this time are of one picture: encoders begin all layers
/// with the same one, and the small ones are out first.
const SAME_KEYFRAME: Duration = Duration::from_millis(100);

/// Packets of two layers that come within this time are of one picture: less than half of 1/30 s.
const SAME_PICTURE: Duration = Duration::from_millis(12);

/// A layer that was silent for so long tells nothing of where another one belongs.
const SILENCE: Duration = Duration::from_secs(2);

impl Layer {
    fn own(&self, rtp: u64, rate: i64) -> i64 {
        let ticks = (rtp as i64).wrapping_sub(self.first.unwrap_or(rtp) as i64);
        to_nanos(ticks, rate)
    }

    /// Whether its timestamps went on as the time did since its last packet.
    fn goes_on(&self, now: Instant, rtp: u64, rate: i64) -> bool {
        let Some(heard) = self.heard else { return true };
        let passed = nanos(now.saturating_duration_since(heard));
        let advance = self
            .own(rtp, rate)
            .saturating_sub(self.own(self.last, rate));
        advance.saturating_sub(passed).saturating_abs() <= JUMP
    }

    fn is_heard(&self, now: Instant) -> bool {
        self.heard
            .is_some_and(|heard| now.saturating_duration_since(heard) < SILENCE)
    }
}

impl Group {
    fn new(origin: Instant, layers: usize) -> Self {
        Self {
            arrival: ArrivalClock::new(origin),
            layers: vec![Layer::default(); layers],
            lead: None,
            placed: None,
            pictures: [None; PICTURES],
        }
    }

    /// A layer's clock starts anew: its next packet is its first.
    fn forget(&mut self, index: usize) {
        if let Some(layer) = self.layers.get_mut(index) {
            *layer = Layer::default();
        }
        if self.lead == Some(index) {
            self.lead = self.layers.iter().position(|l| l.report.is_some());
        }
        for picture in &mut self.pictures {
            if picture.is_some_and(|p| p.layer == index) {
                *picture = None;
            }
        }
    }

    /// Where in the group's time a layer begins that is first heard now.
    fn place_of_first(&self, now: Instant, index: usize, keyframe: bool) -> i64 {
        let since = |picture: &Picture| now.saturating_duration_since(picture.arrived);
        let others = || {
            let pictures = self.pictures.iter().flatten();
            pictures.filter(move |picture| picture.layer != index)
        };
        let same_keyframe = others()
            .filter(|p| keyframe && p.keyframe && since(p) < SAME_KEYFRAME)
            .max_by_key(|p| p.arrived);
        let Some(near) = same_keyframe.or_else(|| others().max_by_key(|p| p.arrived)) else {
            return 0;
        };
        let passed = since(near);
        if near.keyframe && keyframe && passed < SAME_KEYFRAME || passed < SAME_PICTURE {
            near.at
        } else {
            near.at.saturating_add(nanos(passed))
        }
    }

    /// NTP time (ns) of a group time, by the lead's report.
    fn ntp(&self, at: i64) -> Option<i64> {
        let layer = self.layers.get(self.lead?)?;
        let report = layer.report?;
        Some(
            report
                .ntp
                .saturating_add(at.saturating_sub(report.own.saturating_add(layer.delta))),
        )
    }

    /// A packet's group time.
    fn observe(&mut self, now: Instant, index: usize, rtp: u64, rate: i64, keyframe: bool) -> i64 {
        // What one layer does to its clock must not move the others.
        if self.layers.len() > 1 && !self.layers[index].goes_on(now, rtp, rate) {
            self.forget(index);
        }
        if self.layers[index].first.is_none() {
            let alone = !self.layers.iter().any(|layer| layer.is_heard(now));
            if alone {
                *self = Self::new(self.arrival.origin, self.layers.len());
            }
            self.layers[index].delta = self.place_of_first(now, index, keyframe);
            self.layers[index].first = Some(rtp);
            self.layers[index].last = rtp;
        }
        let own = self.layers[index].own(rtp, rate);
        // A layer that was placed by its arrival moves to where the reports say that it belongs.
        if self.lead != Some(index)
            && let Some(report) = self.layers[index].report
            && let Some(seen) = self.ntp(report.own.saturating_add(self.layers[index].delta))
        {
            let layer = &mut self.layers[index];
            let error = report.ntp.saturating_sub(seen);
            let elapsed = own.saturating_sub(layer.own(layer.last, rate));
            layer.delta = layer.delta.saturating_add(slew(error, elapsed));
        }
        let layer = &mut self.layers[index];
        let at = own.saturating_add(layer.delta);
        let is_new = rtp > layer.last || layer.heard.is_none();
        layer.heard = Some(now);
        layer.last = layer.last.max(rtp);
        if is_new && self.layers.len() > 1 {
            self.pictures.rotate_right(1);
            self.pictures[0] = Some(Picture {
                layer: index,
                at,
                arrived: now,
                keyframe,
            });
        }
        self.arrival.observe(now, at);
        at
    }
}

/// What of an error may be made good within so much media time (ns).
fn slew(error: i64, elapsed: i64) -> i64 {
    let most = elapsed.max(0) / SLEW_SHARE;
    if error.saturating_abs() > JUMP {
        error
    } else {
        error.clamp(-most, most)
    }
}

impl PublisherClock {
    /// The timeline's zero is `origin`, the arrival of the first packet.
    pub(crate) fn new(origin: Instant, layers: usize) -> Self {
        Self {
            origin,
            ntp: ArrivalClock::new(origin),
            groups: [Group::new(origin, layers.max(1)), Group::new(origin, 1)],
        }
    }

    /// When the timeline was at zero.
    pub(crate) fn origin(&self) -> Instant {
        self.origin
    }

    /// A track's RTP clock starts anew (another SSRC).
    pub(crate) fn restart(&mut self, track: ClockTrack) {
        self.groups[index(track.kind())].forget(track.layer());
    }

    /// A sender report of a track came (RFC 3550 section 6.4.1). `ntp` in nanoseconds of any era.
    pub(crate) fn report(&mut self, now: Instant, track: ClockTrack, rtp: u32, ntp: i64) {
        let rate = i64::from(clock_rate(track.kind()));
        let group = &mut self.groups[index(track.kind())];
        let number = track.layer();
        let Some(layer) = group.layers.get_mut(number) else {
            return;
        };
        if layer.first.is_none() {
            return;
        }
        let ticks = i64::from(rtp.wrapping_sub(layer.last as u32) as i32);
        let own = layer
            .own(layer.last, rate)
            .saturating_add(to_nanos(ticks, rate));
        layer.report = Some(Report { own, ntp });
        let led = group.lead.and_then(|lead| group.layers.get(lead));
        if !led.is_some_and(|lead| lead.is_heard(now)) {
            group.lead = Some(number);
        }
    }

    /// A packet came. `rtp` is its extended RTP timestamp; `keyframe`: a keyframe begins with it.
    /// Gives its time on the timeline and its capture instant, which is never after `now`.
    pub(crate) fn packet(
        &mut self,
        now: Instant,
        track: ClockTrack,
        rtp: u64,
        keyframe: bool,
    ) -> (MediaTime, Instant) {
        let kind = track.kind();
        let rate = i64::from(clock_rate(kind));
        let number = track.layer().min(self.groups[index(kind)].layers.len() - 1);
        let at = self.groups[index(kind)].observe(now, number, rtp, rate, keyframe);
        let all_reported = self
            .groups
            .iter()
            .all(|g| g.layers.iter().all(|l| l.first.is_none()) || g.ntp(0).is_some());
        let group = &mut self.groups[index(kind)];
        let target = match group.ntp(at).filter(|_| all_reported) {
            Some(ntp) => {
                self.ntp.observe(now, ntp);
                self.ntp.captured(ntp)
            }
            None => group.arrival.captured(at),
        };
        let target = target.map_or(0, |captured| captured.saturating_sub(at));
        let placed = match group.placed {
            None => Placed { offset: target, at },
            Some(last) => {
                let elapsed = at.saturating_sub(last.at);
                let step = slew(target.saturating_sub(last.offset), elapsed);
                Placed {
                    offset: last.offset.saturating_add(step),
                    at: at.max(last.at),
                }
            }
        };
        group.placed = Some(placed);
        let since_origin = nanos(now.saturating_duration_since(self.origin));
        let time = at.saturating_add(placed.offset).max(0) as u64;
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
    const VIDEO: ClockTrack = ClockTrack::Video(LayerId(0));

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
        let mut clock = PublisherClock::new(origin, 1);
        // Audio is captured at the same time as video but arrives 60 ms sooner.
        let mut difference = 0;
        for frame in 0..200_u64 {
            let captured = Duration::from_millis(frame * 20);
            if frame == 50 {
                let ntp = captured.as_nanos() as i64;
                let now = origin + captured;
                clock.report(now, ClockTrack::Audio, (frame * 960) as u32, ntp);
                clock.report(now, VIDEO, (frame * 1_800) as u32, ntp);
            }
            let soon = origin + captured + Duration::from_millis(20);
            let late = origin + captured + Duration::from_millis(80);
            let (audio, _) = clock.packet(soon, ClockTrack::Audio, frame * 960, false);
            let (video, instant) = clock.packet(late, VIDEO, frame * 1_800, frame == 0);
            assert!(instant <= late);
            difference = video as i64 - audio as i64;
            if frame == 49 {
                assert_eq!(difference, 60 * MS, "by arrival until reports come");
            }
        }
        assert!(difference.abs() < MS, "{difference}");
    }

    /// Three layers of 30 pictures a second whose packets take 60, 30 and 10 ms. The first layer's
    /// first pictures are lost. Gives for each picture from `from` on the greatest difference in time
    /// between the layers.
    fn layers_apart(from: u64, reports: bool) -> i64 {
        let origin = Instant::now();
        let mut clock = PublisherClock::new(origin, 3);
        let delays = [60, 30, 10];
        let mut arrivals = Vec::new();
        for picture in 0..300_u64 {
            for (layer, delay) in delays.into_iter().enumerate() {
                if layer > 0 || !(1..10).contains(&picture) {
                    let at = picture * 33_333 + delay * 1_000;
                    arrivals.push((at, layer, picture));
                }
            }
        }
        arrivals.sort_unstable();
        let mut times = vec![[None::<i64>; 3]; 300];
        for (at, layer, picture) in arrivals {
            let now = origin + Duration::from_micros(at);
            let track = ClockTrack::Video(LayerId(layer as u8));
            let rtp = 1_000_000_007 * (layer as u64 + 1) + picture * 3_000;
            if reports && picture == 20 + layer as u64 {
                let ntp = 1_000_000 * MS + picture as i64 * 33_333_333;
                clock.report(now, track, rtp as u32, ntp);
            }
            let (time, captured) = clock.packet(now, track, rtp, picture == 0);
            assert!(captured <= now);
            times[picture as usize][layer] = Some(time as i64);
        }
        for layer in 0..3 {
            let own: Vec<_> = times.iter().filter_map(|t| t[layer]).collect();
            assert!(own.windows(2).all(|pair| pair[1] > pair[0]), "{layer}");
        }
        let spread = times[from as usize..].iter().map(|times| {
            let known = || times.iter().flatten();
            known().max().unwrap() - known().min().unwrap()
        });
        spread.max().unwrap()
    }

    #[test]
    fn layers_show_a_picture_at_one_time_before_reports() {
        let apart = layers_apart(0, false);
        assert!(apart < 5 * MS, "{apart} ns");
    }

    #[test]
    fn reports_keep_the_layers_together() {
        let apart = layers_apart(60, true);
        assert!(apart < MS, "{apart} ns");
    }

    #[test]
    fn a_layer_that_begins_late_is_placed_and_then_corrected() {
        let origin = Instant::now();
        let mut clock = PublisherClock::new(origin, 2);
        let mut apart = Vec::new();
        for picture in 0..200_u64 {
            let captured = Duration::from_micros(picture * 33_333);
            let ntp = captured.as_nanos() as i64;
            let now = origin + captured + Duration::from_millis(10);
            let low = ClockTrack::Video(LayerId(1));
            let (first, _) = clock.packet(now, low, picture * 3_000, false);
            clock.report(now, low, (picture * 3_000) as u32, ntp);
            if picture < 50 {
                continue;
            }
            // Begins without a keyframe and 25 ms later than the other.
            let high = ClockTrack::Video(LayerId(0));
            let now = now + Duration::from_millis(25);
            let rtp = 5_000_000_000 + picture * 3_000;
            let (second, _) = clock.packet(now, high, rtp, false);
            if picture == 100 {
                clock.report(now, high, rtp as u32, ntp);
            }
            apart.push(second as i64 - first as i64);
        }
        assert!(apart[0].abs() <= 26 * MS, "{}", apart[0]);
        let last = apart[apart.len() - 1];
        assert!(last.abs() < MS, "{last}");
    }

    #[test]
    fn a_layer_whose_timestamps_jump_moves_no_other() {
        let origin = Instant::now();
        let mut clock = PublisherClock::new(origin, 2);
        let mut last = [0; 2];
        for picture in 0..300_u64 {
            let now = origin + Duration::from_micros(picture * 33_333);
            for layer in 0..2_u8 {
                let jumps = layer == 1 && (100..200).contains(&picture);
                let rtp = picture * 3_000 + if jumps { 90_000 * 3_600 } else { 0 };
                let track = ClockTrack::Video(LayerId(layer));
                let (time, _) = clock.packet(now, track, 1 << 32 | rtp, picture == 0);
                let error = time as i64 - picture as i64 * 33_333_000;
                assert!(error.abs() < 20 * MS, "{layer} {picture} {error}");
                assert!(time >= last[usize::from(layer)]);
                last[usize::from(layer)] = time;
            }
        }
    }

    #[test]
    fn time_never_runs_back() {
        let origin = Instant::now();
        let mut clock = PublisherClock::new(origin, 1);
        let mut last = 0;
        for frame in 0..500_u64 {
            let now = origin + Duration::from_millis(frame * 33 + frame % 7);
            if frame % 60 == 0 {
                // A report that says a different offset each time.
                let ntp = (frame * 33) as i64 * MS - (frame as i64) * MS;
                clock.report(now, VIDEO, (frame * 2_970) as u32, ntp);
            }
            let (time, captured) = clock.packet(now, VIDEO, frame * 2_970, frame == 0);
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
