//! The engagement score. Its formula stands in `README.md` beside this file.

/// What counts towards the score.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Engagement {
    /// Time watched, of all viewers together.
    pub(crate) watch_ms: u64,
    /// Time on the air.
    pub(crate) live_ms: u64,
    /// Different viewers.
    pub(crate) viewers: u64,
    /// Chat messages.
    pub(crate) messages: u64,
    /// Reactions.
    pub(crate) reactions: u64,
    /// Different users who wrote.
    pub(crate) chatters: u64,
    /// Time that pictures stood still.
    pub(crate) stall_ms: u64,
}

/// Messages in an hour watched at which conversation is half of what it can be.
const HALF_CONVERSATION: f64 = 6.0;

/// Reactions that weigh as much as a message: they cost a tap.
const REACTIONS_PER_MESSAGE: f64 = 4.0;

/// Share of viewers who write at which participation is whole.
const FULL_PARTICIPATION: f64 = 0.2;

/// Stalled share of the time watched at which nothing is left of quality.
const NO_QUALITY: f64 = 0.05;

/// 0 to 100, to a tenth; `None` when nobody watched.
///
/// `100 · (0.50 A + 0.20 C + 0.15 P + 0.15 Q)`: attention, conversation, participation and quality,
/// each 0 to 1.
pub(crate) fn engagement(of: Engagement) -> Option<f64> {
    if of.watch_ms == 0 || of.viewers == 0 || of.live_ms == 0 {
        return None;
    }
    let watch = number(of.watch_ms);
    let attention = (watch / (number(of.viewers) * number(of.live_ms))).min(1.0);
    let said = number(of.messages) + number(of.reactions) / REACTIONS_PER_MESSAGE;
    let per_hour = said / (watch / 3_600_000.0);
    let conversation = per_hour / (per_hour + HALF_CONVERSATION);
    let writing = number(of.chatters) / number(of.viewers);
    let participation = (writing / FULL_PARTICIPATION).min(1.0);
    let quality = (1.0 - number(of.stall_ms) / watch / NO_QUALITY).max(0.0);
    let score = 0.50 * attention + 0.20 * conversation + 0.15 * participation + 0.15 * quality;
    Some((score * 1_000.0).round() / 10.0)
}

/// Counts and milliseconds stay far below 2⁵³.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    #[test]
    fn the_score_follows_its_formula() {
        let of = |watch_ms, viewers, messages, reactions, chatters, stall_ms| Engagement {
            watch_ms,
            live_ms: HOUR,
            viewers,
            messages,
            reactions,
            chatters,
            stall_ms,
        };
        let table = [
            // Everybody stays, nobody says a word, nothing stalls.
            (of(10 * HOUR, 10, 0, 0, 0, 0), 65.0),
            // Everybody stays for half of it.
            (of(5 * HOUR, 10, 0, 0, 0, 0), 40.0),
            // Six messages an hour watched, by every fifth.
            (of(10 * HOUR, 10, 60, 0, 2, 0), 90.0),
            // The same said by reactions: nobody writes.
            (of(10 * HOUR, 10, 0, 240, 0, 0), 75.0),
            // One writer among ten.
            (of(10 * HOUR, 10, 60, 0, 1, 0), 82.5),
            // A fortieth stalled, a twentieth, more.
            (of(10 * HOUR, 10, 0, 0, 0, HOUR / 4), 57.5),
            (of(10 * HOUR, 10, 0, 0, 0, HOUR / 2), 50.0),
            (of(10 * HOUR, 10, 0, 0, 0, 5 * HOUR), 50.0),
            // Nothing counts for more than all of it.
            (of(30 * HOUR, 10, u64::MAX, 0, 900, 0), 100.0),
        ];
        for (of, score) in table {
            let found = engagement(of).expect("somebody watched");
            assert!((found - score).abs() < 0.05, "{of:?}: {found}, not {score}");
        }
    }

    #[test]
    fn nobody_has_no_score() {
        let some = Engagement {
            watch_ms: 1,
            live_ms: 1,
            viewers: 1,
            ..Engagement::default()
        };
        assert!(engagement(some).is_some());
        for none in [
            Engagement {
                watch_ms: 0,
                ..some
            },
            Engagement { live_ms: 0, ..some },
            Engagement { viewers: 0, ..some },
        ] {
            assert_eq!(engagement(none), None);
        }
    }
}
