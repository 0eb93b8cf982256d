//! When a delivery that did not arrive is tried again.

use std::time::Duration;

/// Waits after the first try, the second, and so on; after the last the delivery is given up. Ten tries
/// within about a day: quick at first, for an endpoint that restarts, and then patient.
pub(super) const DEFAULT: [Duration; 9] = {
    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }
    [
        seconds(5),
        seconds(30),
        seconds(2 * 60),
        seconds(10 * 60),
        seconds(30 * 60),
        seconds(60 * 60),
        seconds(3 * 60 * 60),
        seconds(6 * 60 * 60),
        seconds(12 * 60 * 60),
    ]
};

/// The longest that an endpoint's Retry-After is believed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Share of a wait that is left to chance, so that deliveries that failed together do not come back
/// together.
const JITTER: f64 = 0.2;

/// How long to wait after `tries` tries; `None` to give up. `chance` is between 0 and 1.
pub(super) fn wait(
    schedule: &[Duration],
    tries: u32,
    retry_after: Option<Duration>,
    chance: f64,
) -> Option<Duration> {
    let index = usize::try_from(tries).ok()?.checked_sub(1)?;
    let planned = schedule.get(index)?;
    let jittered = planned.mul_f64(1.0 - JITTER + 2.0 * JITTER * chance.clamp(0.0, 1.0));
    // Not sooner than asked for.
    let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
    Some(jittered.max(asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_tries_within_about_a_day() {
        let waits: Vec<Duration> = (1..)
            .map_while(|tries| wait(&DEFAULT, tries, None, 0.5))
            .collect();
        assert_eq!(waits.len(), 9);
        assert!(waits.is_sorted());
        let hours = waits.iter().sum::<Duration>().as_secs() / 3600;
        assert!((20..=28).contains(&hours), "{hours} hours");
        assert_eq!(wait(&DEFAULT, 10, None, 0.5), None);
    }

    #[test]
    fn chance_moves_a_wait_by_a_fifth() {
        let schedule = [Duration::from_secs(100)];
        let at = |chance| wait(&schedule, 1, None, chance).map(|wait| wait.as_secs());
        assert_eq!(
            [at(0.0), at(0.5), at(1.0)],
            [Some(80), Some(100), Some(120)]
        );
    }

    #[test]
    fn an_endpoint_may_ask_for_more_time_and_not_for_less() {
        let asked = |seconds| wait(&DEFAULT, 1, Some(Duration::from_secs(seconds)), 0.5);
        assert_eq!(asked(1), Some(Duration::from_secs(5)));
        assert_eq!(asked(120), Some(Duration::from_secs(120)));
        assert_eq!(asked(u64::MAX), Some(RETRY_AFTER_MAX));
    }
}
