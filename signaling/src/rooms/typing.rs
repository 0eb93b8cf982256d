//! Who is writing now.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use weir_protocol::room::Typing;

use super::identity::Person;

/// Who does not say it again is taken to have stopped.
const LASTS: Duration = Duration::from_secs(6);

/// It is told at most so often, however many write.
const INTERVAL: Duration = Duration::from_secs(1);

/// Names that are told.
const NAMES: usize = 5;

/// Those who write. At most one entry for each person in the room.
#[derive(Debug, Default)]
pub(super) struct Writers {
    until: BTreeMap<String, (String, Instant)>,
    told: Typing,
    told_at: Option<Instant>,
}

impl Writers {
    pub(super) fn writes(&mut self, person: &Person, now: Instant) {
        let entry = (person.name.clone(), now + LASTS);
        self.until.insert(person.id.clone(), entry);
    }

    /// Sent it, or left.
    pub(super) fn stopped(&mut self, id: &str) {
        self.until.remove(id);
    }

    pub(super) fn now(&self) -> Typing {
        Typing {
            names: self
                .until
                .values()
                .take(NAMES)
                .map(|(name, _)| name.clone())
                .collect(),
            count: u32::try_from(self.until.len()).unwrap_or(u32::MAX),
        }
    }

    /// What is to be told now, if anything.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Typing> {
        self.until.retain(|_, (_, until)| *until > now);
        if self.told_at.is_some_and(|at| now < at + INTERVAL) {
            return None;
        }
        let typing = self.now();
        if typing == self.told {
            return None;
        }
        self.told = typing.clone();
        self.told_at = Some(now);
        Some(typing)
    }

    /// When to poll again.
    pub(super) fn next(&self) -> Option<Instant> {
        if self.now() != self.told {
            return Some(self.told_at.map_or_else(Instant::now, |at| at + INTERVAL));
        }
        self.until.values().map(|(_, until)| *until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(n: usize) -> Person {
        Person {
            key: format!("guest:{n}").into(),
            id: format!("guest:{n}"),
            name: format!("name {n}"),
            user: None,
        }
    }

    #[test]
    fn a_crowd_is_told_once_a_second_and_ends_by_itself() {
        let mut writers = Writers::default();
        let start = Instant::now();
        let mut told = 0;
        for step in 0..200 {
            let now = start + Duration::from_millis(10 * step);
            writers.writes(&person(usize::try_from(step).expect("small")), now);
            told += usize::from(writers.poll(now).is_some());
        }
        assert_eq!(told, 2);
        let typing = writers
            .poll(start + Duration::from_secs(3))
            .expect("typing");
        assert_eq!((typing.names.len(), typing.count), (NAMES, 200));
        writers.stopped("guest:0");
        let end = writers
            .poll(start + Duration::from_secs(9))
            .expect("the end");
        assert_eq!(end, Typing::default());
        assert_eq!(writers.next(), None);
    }
}
