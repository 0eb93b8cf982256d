//! How often an address may try to log in.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::Mutex,
    time::{Duration, Instant},
};

/// Attempts that fail within [`WINDOW`] before an address has to wait.
const ATTEMPTS: u32 = 10;

/// After this long without refusal the count starts anew.
const WINDOW: Duration = Duration::from_secs(5 * 60);

/// Addresses remembered. When it is full and nothing has ended, the oldest entry is forgotten: an
/// attacker with that many addresses has as many tries anyway.
const CAPACITY: usize = 4096;

/// Counts failed attempts per address.
#[derive(Debug, Default)]
pub(crate) struct LoginLimit {
    addresses: Mutex<HashMap<IpAddr, Attempts>>,
}

#[derive(Debug, Clone, Copy)]
struct Attempts {
    since: Instant,
    count: u32,
}

impl LoginLimit {
    /// Counts an attempt before it is checked. The error is how long to wait.
    pub(crate) fn attempt(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let address = network(address);
        let mut addresses = self.lock();
        if !addresses.contains_key(&address) && addresses.len() >= CAPACITY {
            addresses.retain(|_, attempts| now < attempts.since + WINDOW);
            if addresses.len() >= CAPACITY
                && let Some(oldest) = addresses
                    .iter()
                    .min_by_key(|(_, attempts)| attempts.since)
                    .map(|(address, _)| *address)
            {
                addresses.remove(&oldest);
            }
        }
        let attempts = addresses.entry(address).or_insert(Attempts {
            since: now,
            count: 0,
        });
        if now >= attempts.since + WINDOW {
            *attempts = Attempts {
                since: now,
                count: 0,
            };
        }
        if attempts.count >= ATTEMPTS {
            return Err((attempts.since + WINDOW).saturating_duration_since(now));
        }
        attempts.count += 1;
        Ok(())
    }

    /// Forgets the attempts of an address that has logged in.
    pub(crate) fn succeeded(&self, address: IpAddr) {
        self.lock().remove(&network(address));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, Attempts>> {
        self.addresses
            .lock()
            .expect("nothing panics under this lock")
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
        for _ in 0..ATTEMPTS {
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
    fn success_forgets() {
        let limit = LoginLimit::default();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        for _ in 0..3 * ATTEMPTS {
            limit.attempt(address, Instant::now()).unwrap();
            limit.succeeded(address);
        }
    }

    #[test]
    fn a_slash_64_counts_as_one() {
        let limit = LoginLimit::default();
        let now = Instant::now();
        for host in 0..ATTEMPTS {
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
        assert_eq!(limit.lock().len(), CAPACITY);
    }
}
