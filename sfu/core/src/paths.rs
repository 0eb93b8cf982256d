//! Which of a peer's proven paths its session uses.
//!
//! We are ICE-lite and controlled: the peer checks, and says by USE-CANDIDATE which path it has
//! chosen. Browsers put that into each check of the path they have selected towards a lite peer, so
//! the newest nomination wins, also back to a path that was nominated before. str0m would keep to
//! the first path of a priority until it is silent for 15 s; hence this.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::outbox::{Path, Via};

/// A path over which nothing came for this long is no longer the peer's choice when another has checks:
/// media and reports come all the time. Without them, browsers check every 2.5 s, and those that do so
/// every 6 s (RFC 7675 section 5.1) check only the path that they have chosen. A browser that finds its
/// way back after it had none does not nominate at once.
const SILENT: Duration = Duration::from_secs(3);

/// A nomination is a new one where the path had no check for this long, which is longer than between two
/// refreshes of consent.
const FORGOTTEN: Duration = Duration::from_secs(8);

/// Most paths remembered: a client has a handful of interfaces and NAT bindings. The one without
/// checks for longest goes.
const MAX_PATHS: usize = 16;

#[derive(Debug, Default)]
pub(crate) struct Paths {
    current: Option<Path>,
    /// When something else than a check came over it.
    heard: Option<Instant>,
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    path: Path,
    checked: Instant,
    /// The last check carried USE-CANDIDATE.
    nominated: bool,
}

impl Paths {
    /// Where everything but answers to checks goes. None before the first nomination, and when the
    /// connection that carried it is closed.
    pub(crate) fn current(&self) -> Option<Path> {
        self.current
    }

    /// Something else than a check came over this path.
    pub(crate) fn heard(&mut self, now: Instant, path: &Path) {
        if self.current.as_ref() == Some(path) {
            self.heard = Some(now);
        }
    }

    /// An authentic check came over this path. True when it is now the one in use.
    pub(crate) fn checked(&mut self, now: Instant, path: Path, nominated: bool) -> bool {
        let before = self.known.iter().position(|known| known.path == path);
        let newly = nominated
            && before.is_none_or(|index| {
                let known = &self.known[index];
                !known.nominated || now.saturating_duration_since(known.checked) > FORGOTTEN
            });
        match before {
            Some(index) => {
                self.known[index].checked = now;
                self.known[index].nominated = nominated;
            }
            None => self.add(now, path, nominated),
        }
        if self.current == Some(path) {
            return false;
        }
        let current = self
            .current
            .and_then(|current| self.known.iter().find(|known| known.path == current));
        let moves = match (current, self.current) {
            (None, None) => nominated,
            // Kept from before a restart; any nomination is about the new generation.
            (None, Some(_)) => newly,
            (Some(current), _) => {
                let last = self
                    .heard
                    .map_or(current.checked, |at| at.max(current.checked));
                let silent = now.saturating_duration_since(last) > SILENT;
                newly || silent || (nominated && !current.nominated)
            }
        };
        if moves {
            self.current = Some(path);
            self.heard = None;
        }
        moves
    }

    /// The path between two addresses that was checked last: where the answer to the check goes.
    pub(crate) fn checked_between(
        &self,
        source: SocketAddr,
        destination: SocketAddr,
        over: impl Fn(Via) -> bool,
    ) -> Option<Path> {
        let between = |path: &Path| path.source == source && path.destination == destination;
        let known = self.known.iter();
        known
            .filter(|known| between(&known.path) && over(known.path.via))
            .max_by_key(|known| known.checked)
            .map(|known| known.path)
    }

    /// The peer restarts ICE: what was nominated counts no more, and what is in use stays in use
    /// until a path is nominated anew (RFC 8445 section 9).
    pub(crate) fn restart(&mut self) {
        self.known.clear();
    }

    /// The connection is closed. Another path takes over, when there is one.
    pub(crate) fn closed(&mut self, closed: impl Fn(&Path) -> bool) {
        self.known.retain(|known| !closed(&known.path));
        if self.current.as_ref().is_some_and(closed) {
            let best = self.known.iter().max_by_key(|k| (k.nominated, k.checked));
            self.current = best.map(|known| known.path);
            self.heard = None;
        }
    }

    fn add(&mut self, now: Instant, path: Path, nominated: bool) {
        if self.known.len() >= MAX_PATHS {
            let current = self.current;
            let oldest = self
                .known
                .iter()
                .enumerate()
                .filter(|(_, known)| Some(known.path) != current)
                .min_by_key(|(_, known)| known.checked)
                .map(|(index, _)| index);
            if let Some(index) = oldest {
                self.known.swap_remove(index);
            }
        }
        self.known.push(Known {
            path,
            checked: now,
            nominated,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path {
            source: ([192, 0, 2, 1], 7882).into(),
            destination: ([198, 51, 100, 1], port).into(),
            via: Via::Udp,
        }
    }

    #[test]
    fn the_newest_nomination_wins() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut paths = Paths::default();
        assert!(!paths.checked(at(0), path(1), false));
        assert_eq!(paths.current(), None);
        assert!(paths.checked(at(0), path(1), true));
        assert!(!paths.checked(at(1), path(2), false), "checked only");
        assert!(paths.checked(at(2), path(2), true), "the peer moved");
        assert!(
            !paths.checked(at(3), path(1), true),
            "an older nomination, repeated"
        );
        assert!(!paths.checked(at(4), path(1), false), "deselected");
        assert!(paths.checked(at(5), path(1), true), "and chosen again");
        assert_eq!(paths.current(), Some(path(1)));
    }

    #[test]
    fn a_new_binding_takes_over_from_a_silent_one() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut paths = Paths::default();
        assert!(paths.checked(at(0), path(1), true));
        // A client that nominates once and then only refreshes consent.
        for second in [5, 10] {
            paths.checked(at(second), path(1), false);
        }
        paths.heard(at(14), &path(1));
        paths.heard(at(18), &path(2));
        assert!(!paths.checked(at(15), path(2), false), "it is in use");
        assert!(paths.checked(at(18), path(2), false), "4 s without a word");
        // And one whose every check nominates.
        assert!(paths.checked(at(20), path(3), true), "at once");
    }

    #[test]
    fn a_restart_keeps_the_path_until_the_next_nomination() {
        let now = Instant::now();
        let mut paths = Paths::default();
        paths.checked(now, path(1), true);
        paths.restart();
        assert!(!paths.checked(now, path(2), false));
        assert_eq!(paths.current(), Some(path(1)));
        assert!(paths.checked(now, path(2), true));
        for port in 100..200 {
            paths.checked(now + Duration::from_secs(1), path(port), false);
        }
        assert!(paths.known.len() <= MAX_PATHS);
        assert_eq!(paths.current(), Some(path(2)));
        paths.closed(|p| p.destination.port() == 2);
        assert!(paths.current().is_some_and(|p| p.destination.port() >= 100));
        paths.closed(|_| true);
        assert_eq!(paths.current(), None);
    }
}
