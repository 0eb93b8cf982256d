//! How often somebody may guess a password or a code.
//!
//! An address that fails too often waits, whoever it says to be. An account at which many addresses
//! fail is guessed at by many machines together: then only networks from which its owner is logged in
//! may go on trying, so that nobody can lock the owner out.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::Mutex,
    time::{Duration, Instant},
};

use weir_db::{KeyHash, UserId};

/// Attempts that fail within [`WINDOW`] before an address has to wait.
const PER_ADDRESS: u32 = 10;

/// Attempts at one account that fail within [`WINDOW`], from everywhere.
const PER_ACCOUNT: u32 = 50;

/// Second factors that fail within [`WINDOW`]: whoever gets there knows the password, and a code has
/// a million values.
const PER_SECOND_FACTOR: u32 = 5;

/// After this long the count starts anew.
const WINDOW: Duration = Duration::from_secs(5 * 60);

/// Entries of a table. When it is full and nothing has ended, the oldest entry is forgotten: an
/// attacker with that many addresses has as many tries anyway.
const CAPACITY: usize = 4096;

/// Counts failed attempts.
#[derive(Debug)]
pub(crate) struct LoginLimit {
    addresses: Counts<IpAddr>,
    /// By the hash of the name that was given, whether there is such an account or not.
    accounts: Counts<KeyHash>,
    second_factors: Counts<UserId>,
}

impl Default for LoginLimit {
    fn default() -> Self {
        Self {
            addresses: Counts::new(PER_ADDRESS),
            accounts: Counts::new(PER_ACCOUNT),
            second_factors: Counts::new(PER_SECOND_FACTOR),
        }
    }
}

impl LoginLimit {
    /// Counts an attempt before it is checked. The error is how long to wait.
    pub(crate) fn attempt(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        self.addresses.count(network(address), now)
    }

    /// Takes the attempt of an address back that was none: the password was right. Earlier failures
    /// stay, or an account of one's own would buy guesses at others.
    pub(crate) fn succeeded(&self, address: IpAddr) {
        self.addresses.take_back(network(address));
    }

    /// How long an account has to wait because too many fail at it; networks of its owner need not.
    pub(crate) fn account_wait(&self, login: &str, now: Instant) -> Option<Duration> {
        self.accounts.wait(account(login), now)
    }

    /// Counts a wrong password at an account.
    pub(crate) fn account_failed(&self, login: &str, now: Instant) {
        // What is over the limit need not be counted.
        let _ = self.accounts.count(account(login), now);
    }

    /// Counts an attempt at a second factor before it is checked. The error is how long to wait.
    pub(crate) fn second_factor(&self, user: UserId, now: Instant) -> Result<(), Duration> {
        self.second_factors.count(user, now)
    }

    /// The second factor was right.
    pub(crate) fn second_factor_succeeded(&self, user: UserId) {
        self.second_factors.take_back(user);
    }
}

fn account(login: &str) -> KeyHash {
    KeyHash::of(&login.to_lowercase())
}

/// Counts of attempts within a window, by key.
#[derive(Debug)]
struct Counts<K> {
    most: u32,
    entries: Mutex<HashMap<K, Attempts>>,
}

#[derive(Debug, Clone, Copy)]
struct Attempts {
    since: Instant,
    count: u32,
}

impl<K: Copy + Eq + Hash> Counts<K> {
    fn new(most: u32) -> Self {
        Self {
            most,
            entries: Mutex::default(),
        }
    }

    fn count(&self, key: K, now: Instant) -> Result<(), Duration> {
        let mut entries = self.lock();
        if !entries.contains_key(&key) && entries.len() >= CAPACITY {
            entries.retain(|_, attempts| now < attempts.since + WINDOW);
            if entries.len() >= CAPACITY
                && let Some(oldest) = entries
                    .iter()
                    .min_by_key(|(_, attempts)| attempts.since)
                    .map(|(key, _)| *key)
            {
                entries.remove(&oldest);
            }
        }
        let fresh = Attempts {
            since: now,
            count: 0,
        };
        let attempts = entries.entry(key).or_insert(fresh);
        if now >= attempts.since + WINDOW {
            *attempts = fresh;
        }
        if attempts.count >= self.most {
            return Err((attempts.since + WINDOW).saturating_duration_since(now));
        }
        attempts.count += 1;
        Ok(())
    }

    fn wait(&self, key: K, now: Instant) -> Option<Duration> {
        let entries = self.lock();
        let attempts = entries.get(&key)?;
        let left = (attempts.since + WINDOW).saturating_duration_since(now);
        (attempts.count >= self.most && !left.is_zero()).then_some(left)
    }

    fn take_back(&self, key: K) {
        let mut entries = self.lock();
        if let Some(attempts) = entries.get_mut(&key) {
            attempts.count = attempts.count.saturating_sub(1);
            if attempts.count == 0 {
                entries.remove(&key);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<K, Attempts>> {
        self.entries.lock().expect("nothing panics under this lock")
    }
}

/// One customer has a whole IPv6 /64, so that is what is counted.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let bits = v6.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(bits.into())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn waits_after_too_many_and_starts_anew() {
        let limit = LoginLimit::default();
        let start = Instant::now();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        for _ in 0..PER_ADDRESS {
            limit.attempt(address, start).unwrap();
        }
        let later = start + Duration::from_secs(60);
        assert_eq!(
            limit.attempt(address, later),
            Err(WINDOW - Duration::from_secs(60))
        );
        limit.attempt("192.0.2.2".parse().unwrap(), later).unwrap();
        limit.attempt(address, start + WINDOW).unwrap();
    }

    #[test]
    fn success_takes_back_its_own_attempt_only() {
        let limit = LoginLimit::default();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let now = Instant::now();
        for _ in 0..3 * PER_ADDRESS {
            limit.attempt(address, now).unwrap();
            limit.succeeded(address);
        }
        for _ in 0..PER_ADDRESS - 1 {
            limit.attempt(address, now).unwrap();
        }
        limit.attempt(address, now).unwrap();
        limit.succeeded(address);
        limit.attempt(address, now).unwrap();
        limit.attempt(address, now).unwrap_err();
    }

    #[test]
    fn many_machines_at_one_account_are_seen() {
        let limit = LoginLimit::default();
        let now = Instant::now();
        for _ in 0..PER_ACCOUNT {
            assert_eq!(limit.account_wait("Ann", now), None);
            limit.account_failed("ann", now);
        }
        assert_eq!(limit.account_wait("ANN", now), Some(WINDOW));
        assert_eq!(limit.account_wait("bob", now), None);
        assert_eq!(limit.account_wait("ann", now + WINDOW), None);
    }

    #[test]
    fn a_slash_64_counts_as_one() {
        let limit = LoginLimit::default();
        let now = Instant::now();
        for host in 0..PER_ADDRESS {
            limit
                .attempt(format!("2001:db8::{host}").parse().unwrap(), now)
                .unwrap();
        }
        limit
            .attempt("2001:db8::ffff".parse().unwrap(), now)
            .unwrap_err();
        limit
            .attempt("2001:db8:0:1::1".parse().unwrap(), now)
            .unwrap();
    }

    #[test]
    fn table_stays_bounded() {
        let limit = LoginLimit::default();
        let start = Instant::now();
        for host in 0..(CAPACITY as u32 + 100) {
            let address = IpAddr::V4((0x0a00_0000 + host).into());
            limit
                .attempt(address, start + Duration::from_micros(host.into()))
                .unwrap();
        }
        assert_eq!(limit.addresses.lock().len(), CAPACITY);
    }
}
