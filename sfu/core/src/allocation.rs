//! Which layer a viewer gets: the best that fits its path, with hysteresis.
//!
//! Going down is quick: a layer that does not fit builds a queue. Going up needs a margin, some
//! patience, and ever more of it where it has failed: a switch that must be taken back is worse to
//! look at than a lower layer.

use std::time::{Duration, Instant};

/// Place of a layer in the order of quality, lowest first. When layers come or go below the chosen
/// one, [`LayerChooser::moved`] says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank(pub u8);

/// A layer that the source sends now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layer {
    pub rank: Rank,
    /// Measured, bit/s of UDP payload.
    pub bitrate: u64,
}

/// What the viewer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The best that fits.
    Auto,
    /// The best that fits, but none above this.
    AtMost(Rank),
    /// No video.
    Paused,
}

/// What a choice depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation<'a> {
    /// Of the path, bit/s.
    pub estimate: u64,
    /// The estimator sees the queue grow.
    pub over: bool,
    /// Those that are active, lowest rank first.
    pub layers: &'a [Layer],
    /// What goes beside the video, bit/s.
    pub audio: u64,
    pub wish: Wish,
}

/// The decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Send this layer, from its next keyframe.
    Layer(Rank),
    /// Send no video; audio goes on.
    Pause,
}

/// An estimate must exceed what a higher layer needs by this much, in percent.
const UP_MARGIN: u64 = 115;

/// For how long it must do so.
const UP_STEADY: Duration = Duration::from_millis(300);

/// After a switch down, none goes up before this: two ups and downs would lie within 10 s
/// otherwise, and later a recovered path would not be used within 10 s. After one up that failed,
/// before `UP_FAILED`, which doubles with each failure up to `UP_LONGEST`.
const UP_AFTER_DOWN: Duration = Duration::from_secs(8);
const UP_FAILED: Duration = Duration::from_secs(12);
const UP_LONGEST: Duration = Duration::from_secs(120);

/// A switch up has failed if one down follows within this, and has proven itself after it.
const UP_PROVEN: Duration = Duration::from_secs(12);

/// Probing begins so long before a switch up is allowed again.
const PROBE_AHEAD: Duration = Duration::from_secs(1);

/// Below this share of what the layer needs (percent) the switch down comes at once; between it and
/// the whole, only after `DOWN_PATIENCE`: the estimate dips below a layer that just fits.
const DOWN_AT_ONCE: u64 = 80;
const DOWN_PATIENCE: Duration = Duration::from_millis(800);

/// Video pauses when not even this share of the lowest layer (percent) fits beside the audio for
/// `PAUSE_PATIENCE`, and comes back when `RESUME` of it fits.
const PAUSE_BELOW: u64 = 60;
const PAUSE_PATIENCE: Duration = Duration::from_secs(2);
const RESUME: u64 = 80;

/// Chooses for one viewer.
#[derive(Debug)]
pub(crate) struct LayerChooser {
    chosen: Option<Choice>,
    /// Since when the estimate is below what the chosen layer needs, and above what a higher one
    /// needs, and far below the lowest.
    short_since: Option<Instant>,
    ample_since: Option<Instant>,
    starved_since: Option<Instant>,
    /// No switch up before this.
    up_from: Option<Instant>,
    /// The last switch up, as long as it is not proven.
    went_up: Option<Instant>,
    back_off: Duration,
    wanted: Option<u64>,
}

/// The layer to begin with, by an estimate that is a guess or an earlier measurement: the best one
/// that fits with a margin, or the lowest. None without layers.
pub(crate) fn start_layer(estimate: u64, layers: &[Layer], audio: u64) -> Option<Rank> {
    let fits = |layer: &&Layer| fits(estimate, layer, audio, UP_MARGIN);
    let best = layers.iter().rev().find(fits);
    best.or(layers.first()).map(|layer| layer.rank)
}

fn fits(estimate: u64, layer: &Layer, audio: u64, percent: u64) -> bool {
    estimate * 100 >= (layer.bitrate + audio) * percent
}

/// What audio leaves of the estimate, in percent of the layer.
fn video_share(situation: &Situation<'_>, layer: &Layer) -> u64 {
    let video = situation.estimate.saturating_sub(situation.audio);
    video * 100 / layer.bitrate.max(1)
}

impl LayerChooser {
    /// `start`: what the viewer begins with.
    pub(crate) fn new(start: Option<Rank>) -> Self {
        Self {
            chosen: start.map(Choice::Layer),
            short_since: None,
            ample_since: None,
            starved_since: None,
            up_from: None,
            went_up: None,
            back_off: UP_FAILED,
            wanted: None,
        }
    }

    /// The chosen layer has this rank now: others came or went below it.
    pub(crate) fn moved(&mut self, to: Rank) {
        if let Some(Choice::Layer(rank)) = &mut self.chosen {
            *rank = to;
        }
    }

    /// Decides anew. After each feedback, and when the layers or the wish change.
    pub(crate) fn choose(&mut self, now: Instant, situation: &Situation<'_>) -> Choice {
        let limit = match situation.wish {
            Wish::Auto => Rank(u8::MAX),
            Wish::AtMost(rank) => rank,
            Wish::Paused => {
                self.wanted = None;
                // The viewer's will, not a failure; what comes after begins anew.
                self.set(None);
                return Choice::Pause;
            }
        };
        // Somebody whose limit lies below every layer still wants to see something.
        let allowed = situation.layers.iter().filter(|l| l.rank <= limit).count();
        let layers = &situation.layers[..allowed.max(1).min(situation.layers.len())];
        let Some(lowest) = layers.first() else {
            self.wanted = None;
            return Choice::Pause;
        };
        let Situation {
            estimate, audio, ..
        } = *situation;
        let current = match self.chosen {
            Some(Choice::Pause) => {
                self.resume(now, situation, lowest);
                self.look_up(now, lowest.bitrate + audio);
                return self.chosen.unwrap_or(Choice::Pause);
            }
            Some(Choice::Layer(rank)) => layers.iter().position(|l| l.rank == rank),
            None => None,
        };
        let Some(current) = current else {
            // The first choice, or the layer is gone, or it is not wanted any more.
            let rank = start_layer(estimate, layers, audio).unwrap_or(lowest.rank);
            self.set(Some(Choice::Layer(rank)));
            return Choice::Layer(rank);
        };
        if self
            .went_up
            .is_some_and(|at| now.duration_since(at) >= UP_PROVEN)
        {
            self.went_up = None;
            self.back_off = UP_FAILED;
        }
        let layer = &layers[current];
        if self.must_go_down(now, situation, layer) {
            let fitting = |l: &&Layer| fits(estimate, l, audio, 100);
            let lower = layers[..current].iter().rev().find(fitting);
            if let Some(lower) = lower.or(layers[..current].first()) {
                self.go_down(now, Choice::Layer(lower.rank));
            }
        } else if self.may_go_up(now, situation, layers.get(current + 1)) {
            let fitting = |l: &&Layer| fits(estimate, l, audio, UP_MARGIN);
            if let Some(higher) = layers[current + 1..].iter().rev().find(fitting) {
                self.went_up = Some(now);
                self.set(Some(Choice::Layer(higher.rank)));
            }
        }
        if self.is_starved(now, situation, lowest) {
            self.go_down(now, Choice::Pause);
        }
        let next = match self.chosen {
            Some(Choice::Layer(rank)) => layers.iter().find(|l| l.rank > rank),
            Some(Choice::Pause) => Some(lowest),
            None => None,
        };
        match next {
            Some(next) => self.look_up(now, next.bitrate + audio),
            None => self.wanted = None,
        }
        self.chosen.unwrap_or(Choice::Pause)
    }

    /// The estimate that would let the viewer have the next higher layer, for
    /// `Estimator::poll_probe`; none when there is no such layer or it may not be had now.
    pub(crate) fn wanted(&self) -> Option<u64> {
        self.wanted
    }

    fn must_go_down(&mut self, now: Instant, situation: &Situation<'_>, layer: &Layer) -> bool {
        if fits(situation.estimate, layer, situation.audio, 100) {
            self.short_since = None;
            return false;
        }
        let since = *self.short_since.get_or_insert(now);
        !fits(situation.estimate, layer, situation.audio, DOWN_AT_ONCE)
            || now.duration_since(since) >= DOWN_PATIENCE
    }

    fn may_go_up(&mut self, now: Instant, situation: &Situation<'_>, next: Option<&Layer>) -> bool {
        let ample = !situation.over
            && next.is_some_and(|l| fits(situation.estimate, l, situation.audio, UP_MARGIN));
        if !ample {
            self.ample_since = None;
            return false;
        }
        let since = *self.ample_since.get_or_insert(now);
        now.duration_since(since) >= UP_STEADY && self.up_from.is_none_or(|from| now >= from)
    }

    fn is_starved(&mut self, now: Instant, situation: &Situation<'_>, lowest: &Layer) -> bool {
        if video_share(situation, lowest) >= PAUSE_BELOW {
            self.starved_since = None;
            return false;
        }
        let since = *self.starved_since.get_or_insert(now);
        now.duration_since(since) >= PAUSE_PATIENCE
    }

    fn resume(&mut self, now: Instant, situation: &Situation<'_>, lowest: &Layer) {
        let open = self.up_from.is_none_or(|from| now >= from);
        if open && video_share(situation, lowest) >= RESUME {
            self.went_up = Some(now);
            self.set(Some(Choice::Layer(lowest.rank)));
        }
    }

    fn go_down(&mut self, now: Instant, to: Choice) {
        let wait = if self.went_up.take().is_some() {
            let wait = self.back_off;
            self.back_off = (wait * 2).min(UP_LONGEST);
            wait
        } else {
            UP_AFTER_DOWN
        };
        let from = now + wait;
        self.up_from = Some(self.up_from.map_or(from, |earlier| earlier.max(from)));
        self.set(Some(to));
    }

    fn set(&mut self, choice: Option<Choice>) {
        self.chosen = choice;
        self.short_since = None;
        self.ample_since = None;
        self.starved_since = None;
    }

    fn look_up(&mut self, now: Instant, need: u64) {
        let soon = self.up_from.is_none_or(|from| now + PROBE_AHEAD >= from);
        self.wanted = soon.then_some(need * UP_MARGIN / 100);
    }
}

#[cfg(test)]
#[path = "allocation_tests.rs"]
mod tests;
