//! Answers to who has not shown any credentials. A datagram's source may be forged, so that our answer
//! hits somebody else: answers are about as large as what asked for them, and few for each address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

use crate::server::Transport;

/// The time over which is counted.
const WINDOW: Duration = Duration::from_secs(1);

/// Answers to one address (IPv6: one /64) in that time. An office whose people all open a stream at
/// once asks more often for a moment; clients ask again after half a second.
const PER_ADDRESS: u32 = 60;

/// Addresses that are counted apart. What comes from more in one second is forged for the most part;
/// the rest shares one count.
const ADDRESSES: usize = 16_384;

/// Answers in that time to all who are not counted apart.
const TO_OTHERS: u32 = 500;

/// Headers of IPv4 and UDP, which count for both ways.
const HEADERS: usize = 28;

/// How much larger than the question an answer may be.
const AMPLIFICATION: usize = 2;

/// The network that counts as one address.
pub(crate) fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
    }
}

#[derive(Debug)]
pub(crate) struct Strangers {
    since: Instant,
    answers: HashMap<IpAddr, u32>,
    others: u32,
}

impl Strangers {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            since: now,
            answers: HashMap::new(),
            others: 0,
        }
    }

    /// Whether a question of so many octets gets an answer of so many.
    pub(crate) fn may_answer(
        &mut self,
        now: Instant,
        transport: Transport,
        ip: IpAddr,
        asked: usize,
        answer: usize,
    ) -> bool {
        if transport == Transport::Udp && answer + HEADERS > AMPLIFICATION * (asked + HEADERS) {
            return false;
        }
        if now.saturating_duration_since(self.since) >= WINDOW {
            self.since = now;
            self.others = 0;
            self.answers.clear();
            self.answers.shrink_to(1_024);
        }
        let network = network(ip);
        let room = self.answers.len() < ADDRESSES;
        let (count, most) = match self.answers.get_mut(&network) {
            Some(count) => (count, PER_ADDRESS),
            None if room => (self.answers.entry(network).or_default(), PER_ADDRESS),
            None => (&mut self.others, TO_OTHERS),
        };
        let may = *count < most;
        *count += u32::from(may);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_so_many_answers_a_second() {
        let start = Instant::now();
        let mut strangers = Strangers::new(start);
        let v6 = |low: u64| IpAddr::V6(Ipv6Addr::from_bits(u128::from(low) | 7 << 64));
        let answered = (0..1_000)
            .filter(|n| strangers.may_answer(start, Transport::Udp, v6(*n), 28, 84))
            .count();
        assert_eq!(answered, PER_ADDRESS as usize, "one /64 is one address");
        let other = IpAddr::from([192, 0, 2, 1]);
        assert!(strangers.may_answer(start, Transport::Udp, other, 28, 84));
        assert!(
            !strangers.may_answer(start, Transport::Udp, other, 28, 85),
            "larger"
        );
        assert!(strangers.may_answer(start, Transport::Stream, other, 20, 300));
        let later = start + WINDOW;
        assert!(strangers.may_answer(later, Transport::Udp, v6(0), 28, 84));
    }

    #[test]
    fn a_flood_from_everywhere_is_bounded() {
        let start = Instant::now();
        let mut strangers = Strangers::new(start);
        let answered = (0..100_000_u32)
            .filter(|n| {
                strangers.may_answer(start, Transport::Udp, IpAddr::from(n.to_be_bytes()), 28, 84)
            })
            .count();
        assert_eq!(answered, ADDRESSES + TO_OTHERS as usize);
        assert_eq!(strangers.answers.len(), ADDRESSES);
    }
}
