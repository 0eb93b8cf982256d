//! What is open: signs become findings when they stay, and findings end when their signs stay away.

use std::{collections::BTreeMap, time::Duration};

use weir_protocol::finding::{FindingCode, FindingReport, Severity};

/// What holds on is said again this often, with its newest figures.
const SAY_AGAIN: Duration = Duration::from_secs(10);

/// How long a sign must stay until it is a finding, and stay away until that is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hold {
    raise: Duration,
    clear: Duration,
}

impl Hold {
    pub(super) const fn seconds(raise: u64, clear: u64) -> Self {
        Self {
            raise: Duration::from_secs(raise),
            clear: Duration::from_secs(clear),
        }
    }
}

/// Something that is not as it should be, at this moment.
#[derive(Debug)]
pub(super) struct Sign(FindingReport);

impl Sign {
    pub(super) fn new(code: FindingCode, severity: Severity) -> Self {
        Self(FindingReport {
            code,
            severity,
            active: true,
            values: BTreeMap::new(),
            words: BTreeMap::new(),
            repaired: false,
        })
    }

    /// With a figure, rounded to what people read.
    pub(super) fn value(mut self, name: &str, value: f64) -> Self {
        self.0
            .values
            .insert(name.to_owned(), (value * 100.0).round() / 100.0);
        self
    }

    pub(super) fn word(mut self, name: &str, word: impl Into<String>) -> Self {
        self.0.words.insert(name.to_owned(), word.into());
        self
    }

    pub(super) fn repaired(mut self, repaired: bool) -> Self {
        self.0.repaired = repaired;
        self
    }
}

/// All findings of one stream.
#[derive(Debug, Default)]
pub(super) struct Board {
    entries: BTreeMap<FindingCode, Entry>,
    said: Vec<FindingReport>,
}

#[derive(Debug, Default)]
struct Entry {
    bad_since: Option<Duration>,
    last_bad: Duration,
    /// What was said of it, and when.
    open: Option<(Duration, FindingReport)>,
}

impl Board {
    /// A sign is seen.
    pub(super) fn bad(&mut self, now: Duration, hold: Hold, Sign(report): Sign) {
        let entry = self.entries.entry(report.code).or_default();
        entry.last_bad = now;
        let since = *entry.bad_since.get_or_insert(now);
        let say = match &entry.open {
            None => now.saturating_sub(since) >= hold.raise,
            Some((at, said)) => {
                now.saturating_sub(*at) >= SAY_AGAIN
                    || said.severity != report.severity
                    || said.repaired != report.repaired
            }
        };
        if say {
            entry.open = Some((now, report.clone()));
            self.said.push(report);
        }
    }

    /// No sign of it is to be seen.
    pub(super) fn good(&mut self, now: Duration, hold: Hold, code: FindingCode) {
        let Some(entry) = self.entries.get_mut(&code) else {
            return;
        };
        entry.bad_since = None;
        if now.saturating_sub(entry.last_bad) < hold.clear {
            return;
        }
        if let Some((_, mut report)) = entry.open.take() {
            report.active = false;
            self.said.push(report);
        }
    }

    /// [`Board::bad`] or [`Board::good`].
    pub(super) fn judge(
        &mut self,
        now: Duration,
        hold: Hold,
        code: FindingCode,
        sign: Option<Sign>,
    ) {
        match sign {
            Some(sign) => self.bad(now, hold, sign),
            None => self.good(now, hold, code),
        }
    }

    pub(super) fn is_open(&self, code: FindingCode) -> bool {
        self.entries
            .get(&code)
            .is_some_and(|entry| entry.open.is_some())
    }

    /// What there is to say.
    pub(super) fn take(&mut self) -> Vec<FindingReport> {
        std::mem::take(&mut self.said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Hold = Hold::seconds(3, 5);

    fn sign() -> Sign {
        Sign::new(FindingCode::AudioSilent, Severity::Warning).value("level_db", -70.123)
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_sign_that_stays_is_a_finding_and_ends_when_it_stays_away() {
        let mut board = Board::default();
        for second in 0..3 {
            board.bad(at(second), HOLD, sign());
        }
        assert!(board.take().is_empty());
        board.bad(at(3), HOLD, sign());
        board.bad(at(4), HOLD, sign());
        let said = board.take();
        assert_eq!(said.len(), 1);
        assert!(said[0].active);
        assert_eq!(said[0].values["level_db"], -70.12);
        for second in 5..9 {
            board.good(at(second), HOLD, FindingCode::AudioSilent);
        }
        assert!(board.take().is_empty() && board.is_open(FindingCode::AudioSilent));
        board.good(at(9), HOLD, FindingCode::AudioSilent);
        assert!(!board.take()[0].active);
        board.good(at(99), HOLD, FindingCode::AudioSilent);
        assert!(board.take().is_empty());
    }

    #[test]
    fn a_sign_that_comes_and_goes_is_none() {
        let mut board = Board::default();
        for second in 0..30 {
            board.judge(
                at(second),
                HOLD,
                FindingCode::AudioSilent,
                (second % 3 != 0).then(sign),
            );
        }
        assert!(board.take().is_empty());
    }

    #[test]
    fn what_holds_on_is_said_again_and_what_gets_worse_at_once() {
        let mut board = Board::default();
        for second in 0..=13 {
            board.bad(at(second), HOLD, sign());
        }
        assert_eq!(board.take().len(), 2);
        board.bad(at(14), HOLD, sign().repaired(true));
        assert!(board.take()[0].repaired);
    }
}
