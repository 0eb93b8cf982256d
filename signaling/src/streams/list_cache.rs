//! Answers of the list, for a moment: a site's first page is asked for by everybody, and is the same for all.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::body::Bytes;

/// How old an answer may be. It is forgotten at once when a stream begins, ends or changes on this server;
/// this bounds how late counts of viewers and changes by other nodes are.
const AGE: Duration = Duration::from_millis(500);

/// Different questions remembered; when full, the old ones go, and if none is old, all.
const QUESTIONS: usize = 512;

/// Answers by what was asked.
#[derive(Default)]
pub(crate) struct ListCache {
    edits: AtomicU64,
    answers: Mutex<HashMap<String, Answer>>,
}

struct Answer {
    /// What the list was like: edits here, and beginnings and ends.
    state: (u64, u64),
    at: Instant,
    body: Bytes,
}

impl ListCache {
    /// Something that lists show has changed.
    pub(crate) fn forget(&self) {
        self.edits.fetch_add(1, Ordering::Relaxed);
    }

    /// How often something has changed; to be read before an answer is made.
    pub(super) fn edits(&self) -> u64 {
        self.edits.load(Ordering::Relaxed)
    }

    pub(super) fn get(&self, question: &str, state: (u64, u64)) -> Option<Bytes> {
        let answers = self.lock();
        let answer = answers.get(question)?;
        (answer.state == state && answer.at.elapsed() < AGE).then(|| answer.body.clone())
    }

    pub(super) fn put(&self, question: String, state: (u64, u64), body: Bytes) {
        let mut answers = self.lock();
        if answers.len() >= QUESTIONS {
            answers.retain(|_, answer| answer.at.elapsed() < AGE);
            if answers.len() >= QUESTIONS {
                answers.clear();
            }
        }
        let at = Instant::now();
        answers.insert(question, Answer { state, at, body });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Answer>> {
        self.answers.lock().expect("nothing panics under this lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_good_until_something_changes() {
        let cache = ListCache::default();
        let state = (cache.edits(), 7);
        cache.put("q".into(), state, Bytes::from_static(b"[]"));
        assert!(cache.get("q", state).is_some());
        assert!(cache.get("r", state).is_none());
        cache.forget();
        assert!(cache.get("q", (cache.edits(), 7)).is_none());
        for n in 0..2 * QUESTIONS {
            cache.put(n.to_string(), state, Bytes::new());
        }
        assert!(cache.lock().len() <= QUESTIONS);
    }
}
