//! How many connections there are, in all and of whom.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{address::customer, limits::Limits};

/// Counts connections. Each holds a [`Place`] until it is closed.
#[derive(Debug)]
pub(crate) struct Census {
    limits: Limits,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    strangers: usize,
    by_customer: HashMap<IpAddr, Count>,
}

#[derive(Debug, Default)]
struct Count {
    all: usize,
    strangers: usize,
}

/// A connection's place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    census: Arc<Census>,
    customer: IpAddr,
    stranger: bool,
}

impl Census {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            counts: Mutex::default(),
        }
    }

    /// A place for a new connection, or none. `trusted` peers stand for many.
    pub(crate) fn admit(self: &Arc<Self>, from: IpAddr, trusted: bool) -> Option<Place> {
        let customer = customer(from);
        let mut counts = self.lock();
        if counts.all >= self.limits.connections || counts.strangers >= self.limits.strangers {
            return None;
        }
        let count = counts.by_customer.entry(customer).or_default();
        let full = count.all >= self.limits.connections_per_address
            || count.strangers >= self.limits.strangers_per_address;
        // An entry that was just made has room: no limit is zero.
        if full && !trusted {
            return None;
        }
        count.all += 1;
        count.strangers += 1;
        counts.all += 1;
        counts.strangers += 1;
        drop(counts);
        Some(Place {
            census: self.clone(),
            customer,
            stranger: true,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The connection has made a request.
    pub(crate) fn is_known(&mut self) {
        if std::mem::take(&mut self.stranger) {
            let mut counts = self.census.lock();
            counts.strangers -= 1;
            if let Some(count) = counts.by_customer.get_mut(&self.customer) {
                count.strangers -= 1;
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.is_known();
        let mut counts = self.census.lock();
        counts.all -= 1;
        if let Some(count) = counts.by_customer.get_mut(&self.customer) {
            count.all -= 1;
            if count.all == 0 {
                counts.by_customer.remove(&self.customer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn census() -> Arc<Census> {
        Arc::new(Census::new(Limits {
            connections: 6,
            connections_per_address: 3,
            strangers: 5,
            strangers_per_address: 2,
            ..Limits::default()
        }))
    }

    #[test]
    fn one_address_does_not_take_all_places() {
        let census = census();
        let office = IpAddr::from([192, 0, 2, 1]);
        let mut first = census.admit(office, false).unwrap();
        let mut second = census.admit(office, false).unwrap();
        assert!(census.admit(office, false).is_none(), "two strangers");
        first.is_known();
        second.is_known();
        let third = census.admit(office, false).unwrap();
        assert!(census.admit(office, false).is_none(), "three in all");
        assert!(census.admit(office, true).is_some(), "a proxy");
        let other = IpAddr::from([192, 0, 2, 2]);
        assert!(census.admit(other, false).is_some());
        drop((first, second, third));
        let counts = census.lock();
        assert!(counts.by_customer.is_empty());
        assert_eq!((counts.all, counts.strangers), (0, 0));
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let census = census();
        let at = |low: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, low]);
        let held = [census.admit(at(1), false), census.admit(at(2), false)];
        assert!(held.iter().all(Option::is_some));
        assert!(census.admit(at(3), false).is_none());
    }

    #[test]
    fn all_together_have_a_limit() {
        let census = census();
        let held: Vec<_> = (0..20)
            .filter_map(|n| census.admit(IpAddr::from([192, 0, 2, n]), true))
            .collect();
        assert_eq!(held.len(), 5, "strangers");
        for mut place in held {
            place.is_known();
            std::mem::forget(place);
        }
        assert!(census.admit(IpAddr::from([192, 0, 2, 99]), true).is_some());
        assert_eq!(census.lock().all, 5);
    }
}
