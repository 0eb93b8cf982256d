//! When the machine is too slow: which rungs go, and when they come back.

use std::time::{Duration, Instant};

/// It must have been too slow at so many looks in a row: one hiccup is none of our business.
const LOOKS: u32 = 2;

/// What a step does shows after this time; until then there is no next one.
const SETTLE: Duration = Duration::from_millis(1500);

/// Calm before a rung comes back the first time: what made the machine slow may be over in a second, as a start is.
const CALM: Duration = Duration::from_secs(5);

/// Whoever has to go again so soon came back too early.
const TRIAL: Duration = Duration::from_secs(20);

/// Calm after which earlier trouble is forgotten.
const FORGET: Duration = Duration::from_secs(60);

/// Calm before a rung comes back after it had to go again and again.
const LONGEST_CALM: Duration = Duration::from_secs(600);

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Do less.
    Shed,
    /// Do again what was shed last.
    Restore,
}

/// Decides; who knows the rungs does.
#[derive(Debug)]
pub struct Overload {
    suffered: u32,
    last: Option<(Step, Instant)>,
    calm_since: Option<Instant>,
    calm: Duration,
    shed: usize,
}

impl Default for Overload {
    fn default() -> Self {
        Self {
            suffered: 0,
            last: None,
            calm_since: None,
            calm: CALM,
            shed: 0,
        }
    }
}

impl Overload {
    /// One look. `suffers`: pictures were dropped or are late; `more`: something is left to shed.
    pub fn look(&mut self, now: Instant, suffers: bool, more: bool) -> Option<Step> {
        if suffers {
            self.suffered += 1;
            self.calm_since = None;
        } else {
            self.suffered = 0;
            self.calm_since.get_or_insert(now);
        }
        if let Some((_, at)) = self.last
            && now.duration_since(at) < SETTLE
        {
            return None;
        }
        if self.suffered >= LOOKS && more {
            if let Some((Step::Restore, at)) = self.last
                && now.duration_since(at) < self.calm.max(TRIAL)
            {
                self.calm = (self.calm * 2).min(LONGEST_CALM);
            }
            self.suffered = 0;
            self.shed += 1;
            self.last = Some((Step::Shed, now));
            return Some(Step::Shed);
        }
        let calm = self.calm_since.map(|since| now.duration_since(since))?;
        if self.shed == 0 {
            if calm >= FORGET {
                self.calm = CALM;
            }
            return None;
        }
        if calm < self.calm {
            return None;
        }
        self.shed -= 1;
        self.calm_since = Some(now);
        self.last = Some((Step::Restore, now));
        Some(Step::Restore)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks four times a second for so many seconds; gives back when a step was taken.
    fn run(
        overload: &mut Overload,
        now: &mut Instant,
        seconds: u32,
        suffers: impl Fn(u32) -> bool,
    ) -> Vec<(u32, Step)> {
        let mut steps = Vec::new();
        for look in 0..seconds * 4 {
            *now += Duration::from_millis(250);
            if let Some(step) = overload.look(*now, suffers(look), true) {
                steps.push((look, step));
            }
        }
        steps
    }

    #[test]
    fn rungs_go_one_after_the_other_and_come_back_after_calm() {
        let (mut overload, mut now) = (Overload::default(), Instant::now());
        assert_eq!(run(&mut overload, &mut now, 10, |look| look % 2 == 0), []);
        let steps = run(&mut overload, &mut now, 4, |_| true);
        assert_eq!(steps, [(1, Step::Shed), (7, Step::Shed), (13, Step::Shed)]);
        let steps = run(&mut overload, &mut now, 17, |_| false);
        let times: Vec<_> = steps.iter().map(|(look, _)| look / 4).collect();
        assert_eq!(times, [5, 10, 15]);
        assert!(steps.iter().all(|(_, step)| *step == Step::Restore));
        assert_eq!(overload.shed, 0);
    }

    #[test]
    fn what_comes_back_too_early_stays_away_longer() {
        let (mut overload, mut now) = (Overload::default(), Instant::now());
        run(&mut overload, &mut now, 1, |_| true);
        for calm in [5, 10, 20, 40] {
            assert_eq!(run(&mut overload, &mut now, calm - 1, |_| false), []);
            let back = run(&mut overload, &mut now, 3, |_| false);
            assert_eq!(back.len(), 1, "after {calm} s");
            // Well for a while, and then too slow again.
            run(&mut overload, &mut now, 10, |_| false);
            assert_eq!(run(&mut overload, &mut now, 1, |_| true)[0].1, Step::Shed);
        }
        // What was long ago does not count.
        run(&mut overload, &mut now, 82, |_| false);
        run(&mut overload, &mut now, 61, |_| false);
        assert_eq!(run(&mut overload, &mut now, 1, |_| true)[0].1, Step::Shed);
        assert_eq!(run(&mut overload, &mut now, 6, |_| false).len(), 1);
    }

    #[test]
    fn with_nothing_left_there_is_no_step() {
        let (mut overload, mut now) = (Overload::default(), Instant::now());
        for _ in 0..20 {
            now += Duration::from_millis(250);
            assert_eq!(overload.look(now, true, false), None);
        }
    }
}
