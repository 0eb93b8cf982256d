//! How fast one address may shake hands. Each handshake costs a signature, and who lets go of its
//! connections at once never has many.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{address::customer, limits::Limits};

/// Addresses that are counted apart; the rest shares one count.
const ADDRESSES: usize = 16_384;

/// What an address may have saved up: an office whose people all come at once.
const BURST: Duration = Duration::from_secs(10);

/// How often room is made for other addresses, when there is none.
const SWEEP: Duration = Duration::from_secs(1);

/// Who is not counted apart.
const OTHERS: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// Counts the handshakes of each address (IPv6: of each /64).
#[derive(Debug)]
pub(crate) struct Handshakes {
    interval: Duration,
    counts: Mutex<Counts>,
}

#[derive(Debug)]
struct Counts {
    /// When each address' handshakes until now would be over, one after the other.
    due: HashMap<IpAddr, Instant>,
    /// When those were looked for that are over.
    swept: Instant,
}

impl Handshakes {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            interval: Duration::from_secs(1) / limits.handshakes_per_address.max(1),
            counts: Mutex::new(Counts {
                due: HashMap::new(),
                swept: Instant::now(),
            }),
        }
    }

    /// Counts one more, and says how long it has to wait. Who waits holds its place among strangers, so
    /// that no more than those wait.
    pub(crate) fn wait(&self, from: IpAddr) -> Duration {
        let now = Instant::now();
        let mut from = customer(from);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.due.len() >= ADDRESSES && !counts.due.contains_key(&from) {
            // Not for each of a flood.
            if now.duration_since(counts.swept) >= SWEEP {
                counts.swept = now;
                counts.due.retain(|_, due| *due > now);
            }
            if counts.due.len() >= ADDRESSES {
                from = OTHERS;
            }
        }
        let due = counts.due.entry(from).or_insert(now);
        *due = now.max(*due) + self.interval;
        due.duration_since(now).saturating_sub(BURST)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::time::advance;

    use super::*;

    fn handshakes() -> Handshakes {
        Handshakes::new(&Limits {
            handshakes_per_address: 10,
            ..Limits::default()
        })
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_burst_they_come_one_by_one() {
        let handshakes = handshakes();
        let office = IpAddr::from([192, 0, 2, 1]);
        assert!((0..100).all(|_| handshakes.wait(office).is_zero()));
        assert_eq!(handshakes.wait(office), Duration::from_millis(100));
        assert_eq!(handshakes.wait(office), Duration::from_millis(200));
        assert!(handshakes.wait(IpAddr::from([192, 0, 2, 2])).is_zero());
        advance(Duration::from_millis(300)).await;
        assert!(handshakes.wait(office).is_zero());
        assert_eq!(handshakes.wait(office), Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_of_ipv6_is_one_address_and_nothing_grows() {
        let handshakes = handshakes();
        let at = |net: u32, low: u16| {
            let [a, b] = [(net >> 16) as u16, net as u16];
            IpAddr::from([0x2001, 0xdb8, a, b, 0, 0, 0, low])
        };
        for low in 0..100 {
            assert!(handshakes.wait(at(0, low)).is_zero());
        }
        assert!(!handshakes.wait(at(0, 1_000)).is_zero());
        for net in 1..20_000 {
            handshakes.wait(at(net, 1));
        }
        let counted = handshakes.counts.lock().unwrap().due.len();
        assert_eq!(counted, ADDRESSES + 1);
        assert!(!handshakes.wait(at(20_001, 1)).is_zero(), "with the others");
        advance(Duration::from_secs(60 * 60 * 24)).await;
        assert!(handshakes.wait(at(20_001, 1)).is_zero());
    }
}
