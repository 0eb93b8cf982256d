//! Who is in the room: counted by person, told in gathered form.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    time::{Duration, Instant},
};

use weir_protocol::room::{Member, Presence};

/// It is told at most so often in a small room.
const INTERVAL: Duration = Duration::from_secs(1);

/// In a larger one less often: with each thousand that are here a second longer, so that telling who
/// comes costs no more than what is said.
const PER_INTERVAL: u32 = 1000;

/// Names of those who came and of those who left that are told at once.
const NAMES: usize = 20;

/// Where somebody stands in the list: by name, without regard to case.
type Place = (String, String);

#[derive(Debug, Default)]
pub(super) struct People {
    here: BTreeMap<Place, (Member, u32)>,
    anonymous: u32,
    /// Changes since it was told; true for who came. Never more than came and went within the interval.
    changes: HashMap<Place, (Member, bool)>,
    changed: bool,
    told_at: Option<Instant>,
}

impl People {
    pub(super) fn enter(&mut self, member: Option<Member>) {
        self.changed = true;
        let Some(member) = member else {
            self.anonymous += 1;
            return;
        };
        let place = place(&member);
        let entry = self
            .here
            .entry(place.clone())
            .or_insert_with(|| (member.clone(), 0));
        entry.1 += 1;
        if entry.1 == 1 {
            self.note(place, member, true);
        }
    }

    pub(super) fn leave(&mut self, member: Option<&Member>) {
        self.changed = true;
        let Some(member) = member else {
            self.anonymous = self.anonymous.saturating_sub(1);
            return;
        };
        let place = place(member);
        let Some(entry) = self.here.get_mut(&place) else {
            return;
        };
        entry.1 -= 1;
        if entry.1 == 0 {
            self.here.remove(&place);
            self.note(place, member.clone(), false);
        }
    }

    /// Whether this person has a connection here.
    pub(super) fn has(&self, member: &Member) -> bool {
        self.here.contains_key(&place(member))
    }

    /// Who came and left again within the interval was not here.
    fn note(&mut self, place: Place, member: Member, came: bool) {
        match self.changes.get(&place) {
            Some((_, before)) if *before != came => {
                self.changes.remove(&place);
            }
            _ => {
                self.changes.insert(place, (member, came));
            }
        }
    }

    /// How many are here.
    pub(super) fn now(&self) -> Presence {
        Presence {
            people: u32::try_from(self.here.len()).unwrap_or(u32::MAX),
            anonymous: self.anonymous,
            ..Presence::default()
        }
    }

    /// What is to be told now, if anything.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Presence> {
        if !self.changed || self.told_at.is_some_and(|at| now < at + self.interval()) {
            return None;
        }
        self.changed = false;
        self.told_at = Some(now);
        let mut presence = self.now();
        for (member, came) in std::mem::take(&mut self.changes).into_values() {
            let names = match came {
                true => &mut presence.joined,
                false => &mut presence.left,
            };
            match names.len() < NAMES {
                true => names.push(member),
                false => presence.more = true,
            }
        }
        Some(presence)
    }

    /// When to poll again.
    pub(super) fn next(&self) -> Option<Instant> {
        let at = self.told_at.map(|at| at + self.interval());
        self.changed.then(|| at.unwrap_or_else(Instant::now))
    }

    /// A page of names after a cursor, and the cursor of the next one.
    pub(super) fn page(&self, after: Option<&str>, limit: usize) -> (Vec<Member>, Option<String>) {
        let from = match after.and_then(|text| text.split_once('\n')) {
            Some((name, id)) => Bound::Excluded((name.to_owned(), id.to_owned())),
            None => Bound::Unbounded,
        };
        let mut rest = self.here.range((from, Bound::Unbounded));
        let mut members = Vec::new();
        let mut last = None;
        for (place, (member, _)) in rest.by_ref().take(limit) {
            members.push(member.clone());
            last = Some(place);
        }
        let more = rest.next().is_some();
        let next = last
            .filter(|_| more)
            .map(|(name, id)| format!("{name}\n{id}"));
        (members, next)
    }

    fn interval(&self) -> Duration {
        let here = u32::try_from(self.here.len()).unwrap_or(u32::MAX);
        let thousands = here.saturating_add(self.anonymous) / PER_INTERVAL;
        INTERVAL * (1 + thousands.min(9))
    }
}

fn place(member: &Member) -> Place {
    (member.name.to_lowercase(), member.id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(n: u32) -> Member {
        Member {
            id: format!("user:{n}"),
            name: format!("Name {n:04}"),
            guest: false,
            moderator: false,
        }
    }

    #[test]
    fn a_person_counts_once() {
        let mut people = People::default();
        people.enter(Some(member(1)));
        people.enter(Some(member(1)));
        people.enter(None);
        let told = people.poll(Instant::now()).expect("presence");
        assert_eq!((told.people, told.anonymous), (1, 1));
        assert_eq!(told.joined, [member(1)]);
        people.leave(Some(&member(1)));
        assert_eq!(people.now().people, 1);
        people.leave(Some(&member(1)));
        assert_eq!(people.now().people, 0);
    }

    #[test]
    fn a_flood_is_told_once_a_second() {
        let mut people = People::default();
        let start = Instant::now();
        let mut told = 0;
        for n in 0..500 {
            people.enter(Some(member(n)));
            if n % 2 == 0 {
                people.leave(Some(&member(n)));
            }
            told += usize::from(
                people
                    .poll(start + Duration::from_millis(n.into()))
                    .is_some(),
            );
        }
        assert_eq!(told, 1);
        let last = people.poll(start + Duration::from_secs(2)).expect("rest");
        assert_eq!(
            (last.people, last.joined.len(), last.more),
            (250, NAMES, true)
        );
        assert!(last.left.len() <= 1, "who came and left was not here");
    }

    #[test]
    fn names_come_in_pages() {
        let mut people = People::default();
        (0..25).for_each(|n| people.enter(Some(member(n))));
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let (mut page, next) = people.page(after.as_deref(), 10);
            all.append(&mut page);
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(all, (0..25).map(member).collect::<Vec<_>>());
    }
}
