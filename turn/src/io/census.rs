//! How many connections there are.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use crate::server::network;

/// Connections in all. Beyond, new ones are closed at once.
const MAX_CONNECTIONS: usize = 8_192;

/// Connections of one address (IPv6: one /64). Whole offices share one.
const MAX_PER_ADDRESS: usize = 512;

/// Connections without an allocation in all. They have half a minute to get one.
const MAX_STRANGERS: usize = 2_048;

/// The same of one address (IPv6: one /64). A client gets its allocation within two round trips.
const MAX_STRANGERS_PER_ADDRESS: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Census(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    strangers: usize,
    of_network: HashMap<IpAddr, Count>,
}

#[derive(Debug, Default)]
struct Count {
    all: usize,
    strangers: usize,
}

/// Holds a connection's place until it is closed.
#[derive(Debug)]
pub(crate) struct Place {
    census: Arc<Census>,
    network: IpAddr,
}

/// Counts a connection as a stranger's until it has an allocation.
#[derive(Debug)]
pub(crate) struct Stranger {
    census: Arc<Census>,
    network: IpAddr,
}

impl Census {
    pub(crate) fn connections(&self) -> usize {
        self.counts().all
    }

    /// A place for a new connection, or none.
    pub(crate) fn admit(self: &Arc<Self>, from: IpAddr) -> Option<(Place, Stranger)> {
        let network = network(from);
        let mut counts = self.counts();
        if counts.all >= MAX_CONNECTIONS || counts.strangers >= MAX_STRANGERS {
            return None;
        }
        let own = counts.of_network.entry(network).or_default();
        // An entry that was just made has room: no limit is zero.
        if own.all >= MAX_PER_ADDRESS || own.strangers >= MAX_STRANGERS_PER_ADDRESS {
            return None;
        }
        own.all += 1;
        own.strangers += 1;
        counts.all += 1;
        counts.strangers += 1;
        drop(counts);
        let census = self.clone();
        let stranger = Stranger {
            census: self.clone(),
            network,
        };
        Some((Place { census, network }, stranger))
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, network: IpAddr, change: impl FnOnce(&mut Count)) {
        let mut counts = self.counts();
        if let Some(own) = counts.of_network.get_mut(&network) {
            change(own);
            if own.all == 0 && own.strangers == 0 {
                counts.of_network.remove(&network);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.census.counts().all -= 1;
        self.census.change(self.network, |own| own.all -= 1);
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.census.counts().strangers -= 1;
        self.census.change(self.network, |own| own.strangers -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(n: usize) -> IpAddr {
        IpAddr::from(u32::try_from(n).unwrap().to_be_bytes())
    }

    #[test]
    fn connections_are_bounded_and_leave_no_trace() {
        let census = Arc::new(Census::default());
        let known = |n| census.admit(ip(n)).map(|(place, _)| place);
        let mut held: Vec<Place> = (0..MAX_PER_ADDRESS).map(|_| known(1).unwrap()).collect();
        assert!(known(1).is_none());
        held.pop();
        held.push(known(1).unwrap());
        held.extend((2..).map_while(known));
        assert_eq!(held.len(), MAX_CONNECTIONS);
        assert_eq!(census.connections(), MAX_CONNECTIONS);
        drop(held);
        assert_eq!(census.connections(), 0);
        assert!(census.counts().of_network.is_empty());
    }

    #[test]
    fn who_has_no_allocation_takes_fewer_places() {
        let census = Arc::new(Census::default());
        let mut held: Vec<_> = (0..MAX_STRANGERS_PER_ADDRESS)
            .map(|_| census.admit(ip(1)).unwrap())
            .collect();
        assert!(census.admit(ip(1)).is_none());
        let (place, stranger) = held.pop().unwrap();
        drop(stranger);
        held.push(census.admit(ip(1)).unwrap());
        held.extend((0..).map_while(|n| census.admit(ip(2 + n / MAX_STRANGERS_PER_ADDRESS))));
        assert_eq!(held.len(), MAX_STRANGERS, "all are strangers but one");
        drop((held, place));
        let counts = census.counts();
        assert!(counts.of_network.is_empty());
        assert_eq!((counts.all, counts.strangers), (0, 0));
    }
}
