//! The rule of recommendations, as pure functions. It is told to users in `docs/recommendations.md`.
//!
//! A stream's score is the sum of:
//!
//! | what | points |
//! |---|---|
//! | it is live | 100 |
//! | viewers now | 10 × log2(1 + viewers) |
//! | it began lately | 20 × 2^(−hours since it began), while it is live |
//! | it was live lately | 30 × 2^(−days since its last broadcast ÷ 7), while it is not |
//! | viewers at its best | 3 × log2(1 + peak), while it is not live |
//! | you follow its owner | 80 |
//! | you have watched it | up to 40: 40 × its share of what you watched most |
//! | its category | up to 30: 30 × the category's share of what you watched most |
//! | its tags | up to 30: 15 × each tag's share of what you watched most, the two best |
//!
//! "Share of what you watched most" is how often you watched streams of that kind, each time counting half
//! after 14 days, divided by the same of your favourite of that kind: 0 to 1. Equal scores go by viewers,
//! then by the newer stream. Without an account, or history, only the first five lines count.

use std::collections::HashMap;

use weir_db::{CategoryId, StreamId, UnixMillis, UserId, Watched};

const HOUR: f64 = 3_600_000.0;
const DAY: f64 = 24.0 * HOUR;

/// A stream that may be recommended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    pub(super) stream: StreamId,
    pub(super) owner: Option<UserId>,
    pub(super) category: Option<CategoryId>,
    pub(super) tags: Vec<String>,
    /// Since when it is live.
    pub(super) live_since: Option<UnixMillis>,
    /// Viewers now.
    pub(super) viewers: u32,
    /// When its last broadcast began, and its greatest number of viewers.
    pub(super) last_broadcast: Option<(UnixMillis, i64)>,
}

/// What somebody likes, as far as is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Taste {
    /// Owners whom the user follows.
    pub(super) follows: Vec<UserId>,
    streams: HashMap<StreamId, f64>,
    categories: HashMap<CategoryId, f64>,
    tags: HashMap<String, f64>,
}

impl Taste {
    /// Of somebody who follows these and has watched that.
    pub(super) fn new(follows: Vec<UserId>, watched: &[Watched], now: UnixMillis) -> Self {
        let mut taste = Self {
            follows,
            ..Self::default()
        };
        for it in watched {
            let weight = f64_of(it.times) * halved(now - it.watched_at, 14.0 * DAY);
            *taste.streams.entry(it.stream).or_default() += weight;
            if let Some(category) = it.category {
                *taste.categories.entry(category).or_default() += weight;
            }
            for tag in &it.tags {
                *taste.tags.entry(tag.clone()).or_default() += weight;
            }
        }
        taste
    }
}

/// A candidate's score for somebody of this taste.
pub(super) fn score(candidate: &Candidate, taste: &Taste, now: UnixMillis) -> f64 {
    let mut score = 0.0;
    match candidate.live_since {
        Some(since) => {
            score += 100.0 + 10.0 * (1.0 + f64::from(candidate.viewers)).log2();
            score += 20.0 * halved(now - since, HOUR);
        }
        None => {
            if let Some((began, peak)) = candidate.last_broadcast {
                score += 30.0 * halved(now - began, 7.0 * DAY);
                score += 3.0 * (1.0 + f64_of(peak.max(0))).log2();
            }
        }
    }
    if candidate
        .owner
        .is_some_and(|owner| taste.follows.contains(&owner))
    {
        score += 80.0;
    }
    score += 40.0 * share(&taste.streams, &candidate.stream);
    if let Some(category) = &candidate.category {
        score += 30.0 * share(&taste.categories, category);
    }
    let mut tags: Vec<f64> = candidate
        .tags
        .iter()
        .map(|tag| share(&taste.tags, tag))
        .collect();
    tags.sort_by(|a, b| b.total_cmp(a));
    score + tags.iter().take(2).map(|share| 15.0 * share).sum::<f64>()
}

/// Candidates in the order in which they are recommended.
pub(super) fn ranked(candidates: &[Candidate], taste: &Taste, now: UnixMillis) -> Vec<StreamId> {
    let mut scored: Vec<(f64, u32, StreamId)> = candidates
        .iter()
        .map(|it| (score(it, taste, now), it.viewers, it.stream))
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then((b.1, b.2).cmp(&(a.1, a.2))));
    scored.into_iter().map(|(_, _, stream)| stream).collect()
}

/// 1 now, half after `half_life` milliseconds.
fn halved(age: UnixMillis, half_life: f64) -> f64 {
    (-f64_of(age.max(0)) / half_life).exp2()
}

fn share<K: std::hash::Hash + Eq>(weights: &HashMap<K, f64>, of: &K) -> f64 {
    let most = weights.values().copied().fold(0.0, f64::max);
    match weights.get(of) {
        Some(weight) if most > 0.0 => weight / most,
        Some(_) | None => 0.0,
    }
}

/// Counts and milliseconds stay far below 2⁵³.
#[allow(clippy::cast_precision_loss)]
fn f64_of(number: i64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const NOW: UnixMillis = 1_800_000_000_000;
    const HOURS: UnixMillis = 3_600_000;
    const DAYS: UnixMillis = 24 * HOURS;

    fn id<I: std::str::FromStr>(number: u32) -> I
    where
        I::Err: std::fmt::Debug,
    {
        number.to_string().parse().unwrap()
    }

    fn candidate(number: u32) -> Candidate {
        Candidate {
            stream: id(number),
            owner: Some(id(100 + number)),
            category: None,
            tags: Vec::new(),
            live_since: None,
            viewers: 0,
            last_broadcast: None,
        }
    }

    fn live(number: u32, hours: i64, viewers: u32) -> Candidate {
        Candidate {
            live_since: Some(NOW - hours * HOURS),
            viewers,
            ..candidate(number)
        }
    }

    fn watched(stream: u32, category: u32, tag: &str, times: i64, days: i64) -> Watched {
        Watched {
            stream: id(stream),
            owner: None,
            category: Some(id(category)),
            tags: vec![tag.to_owned()],
            times,
            watched_at: NOW - days * DAYS,
        }
    }

    #[test]
    fn every_line_of_the_rule() {
        let nobody = Taste::default();
        let history = [watched(1, 7, "chess", 4, 0), watched(2, 8, "go", 2, 0)];
        let somebody = Taste::new(vec![id(101)], &history, NOW);
        let off = |days, peak| Candidate {
            last_broadcast: Some((NOW - days * DAYS, peak)),
            ..candidate(9)
        };
        let about = |category: u32, tags: &[&str]| Candidate {
            category: Some(id(category)),
            tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
            ..candidate(9)
        };
        let table = [
            ("never live", candidate(9), &nobody, 0.0),
            ("just live", live(9, 0, 0), &nobody, 120.0),
            ("live for an hour", live(9, 1, 0), &nobody, 110.0),
            ("seven viewers", live(9, 1, 7), &nobody, 140.0),
            ("live a week ago", off(7, 0), &nobody, 15.0),
            ("with a peak of seven", off(7, 7), &nobody, 24.0),
            ("followed and the favourite", candidate(1), &somebody, 120.0),
            ("watched half as often", candidate(2), &somebody, 20.0),
            ("favourite category", about(7, &[]), &somebody, 30.0),
            ("other category", about(8, &[]), &somebody, 15.0),
            ("tags", about(9, &["go", "chess", "x"]), &somebody, 22.5),
        ];
        for (what, candidate, taste, expected) in table {
            let got = score(&candidate, taste, NOW);
            assert!((got - expected).abs() < 1e-9, "{what}: {got}");
        }
    }

    #[test]
    fn old_habits_fade() {
        let history = [watched(1, 7, "chess", 4, 28), watched(2, 8, "go", 2, 0)];
        let taste = Taste::new(Vec::new(), &history, NOW);
        assert!((score(&candidate(2), &taste, NOW) - 40.0).abs() < 1e-9);
        assert!((score(&candidate(1), &taste, NOW) - 20.0).abs() < 1e-9);
    }

    #[test]
    fn order_is_total() {
        let candidates = [candidate(1), live(2, 1, 3), live(3, 1, 3), live(4, 1, 9)];
        let order = ranked(&candidates, &Taste::default(), NOW);
        assert_eq!(order, [id(4), id(3), id(2), id::<StreamId>(1)]);
        let fan = Taste::new(vec![id(101)], &[], NOW);
        // A followed owner who is not live stands behind what is.
        assert_eq!(ranked(&candidates, &fan, NOW)[3], id::<StreamId>(1));
        let fan = Taste::new(vec![id(102)], &[], NOW);
        assert_eq!(ranked(&candidates, &fan, NOW)[0], id::<StreamId>(2));
    }
}
