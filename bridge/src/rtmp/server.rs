//! The RTMP listeners.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tracing::{debug, error, warn};

use super::session::{self, Context};
use super::tls::Tls;

/// Most connections at a time; more are closed at once.
pub const MAX_CONNECTIONS: usize = 1024;
/// Most connections that have not been admitted, of all addresses; more are closed at once.
pub const MAX_WAITING: usize = 256;
/// Most connections from one address (IPv6: one /64) that have not been admitted; more are closed at once.
pub const MAX_WAITING_PER_ADDRESS: usize = 16;
/// Pause after `accept` failed for want of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is common to all listeners of a server.
#[derive(Clone)]
pub struct Server {
    context: Context,
    waiting: Waiting,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// A server for publishers whom `context.gate` admits.
    pub fn new(context: Context) -> Self {
        Self {
            context,
            waiting: Waiting::default(),
            connections: Arc::default(),
        }
    }

    /// Serves publishers on `listener`, over TLS if `tls` is given, until the context is cancelled;
    /// then ends all sessions and returns. New ones are not taken any more when the drain begins.
    pub async fn serve(&self, listener: TcpListener, tls: Option<Tls>) {
        let mut sessions = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        if let Some(session) = self.accept(stream, peer, &tls) {
                            sessions.spawn(session);
                        }
                    }
                    Err(error) => {
                        warn!(%error, "cannot accept an RTMP connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(ended) = sessions.join_next() => report_panic(ended),
                () = self.context.drain.begun() => break,
                () = self.context.cancel.cancelled() => break,
            }
        }
        drop(listener);
        // Each session ends by itself: its context is cancelled, and its last words have a time limit.
        while let Some(ended) = sessions.join_next().await {
            report_panic(ended);
        }
    }

    /// The connection's session, unless there are too many already.
    fn accept(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        tls: &Option<Tls>,
    ) -> Option<impl Future<Output = ()> + Send + 'static> {
        let Some(connected) = Connected::enter(&self.connections) else {
            debug!(%peer, "too many connections");
            return None;
        };
        let Some(place) = self.waiting.enter(peer.ip()) else {
            debug!(%peer, "too many connections that do not publish");
            return None;
        };
        let (context, tls) = (self.context.clone(), tls.clone());
        Some(async move {
            one(stream, peer, context, tls, place).await;
            drop(connected);
        })
    }
}

async fn one(
    stream: TcpStream,
    peer: SocketAddr,
    context: Context,
    tls: Option<Tls>,
    place: Place,
) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%peer, %error, "no TCP_NODELAY");
    }
    let admitted = move || drop(place);
    let ended = match tls {
        None => session::run(stream, peer, &context, admitted).await,
        Some(tls) => {
            let stream = tokio::select! {
                stream = tls.accept(stream) => stream,
                () = context.drain.begun() => return,
                () = context.cancel.cancelled() => return,
            };
            match stream {
                Ok(stream) => session::run(stream, peer, &context, admitted).await,
                Err(error) => return debug!(%peer, %error, "no TLS"),
            }
        }
    };
    match ended {
        Ok(end) => debug!(%peer, ?end, "RTMP connection ended"),
        Err(error) => debug!(%peer, %error, "RTMP connection failed"),
    }
}

/// A panic is a bug, and ends one connection only: each has a task of its own.
fn report_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(failure) = ended
        && failure.is_panic()
    {
        error!(%failure, "an RTMP session panicked");
    }
}

/// A connection of all those there are; stops counting when dropped.
struct Connected(Arc<AtomicUsize>);

impl Connected {
    fn enter(count: &Arc<AtomicUsize>) -> Option<Self> {
        let connected = Self(count.clone());
        (count.fetch_add(1, Ordering::Relaxed) < MAX_CONNECTIONS).then_some(connected)
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Who is counted together: whoever has one IPv6 address has all of its /64.
fn customer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

/// Counts connections that have not been admitted.
#[derive(Clone, Default)]
struct Waiting(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A counted connection; stops counting when dropped.
struct Place {
    waiting: Waiting,
    address: IpAddr,
}

impl Waiting {
    fn enter(&self, address: IpAddr) -> Option<Place> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.values().sum::<usize>() >= MAX_WAITING {
            return None;
        }
        let address = customer(address);
        let count = counts.entry(address).or_default();
        if *count >= MAX_WAITING_PER_ADDRESS {
            return None;
        }
        *count += 1;
        Some(Place {
            waiting: self.clone(),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self
            .waiting
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let waiting = Waiting::default();
        let address = IpAddr::from([192, 0, 2, 1]);
        let places: Vec<Place> = (0..MAX_WAITING_PER_ADDRESS)
            .map(|_| waiting.enter(address).unwrap())
            .collect();
        assert!(waiting.enter(address).is_none());
        assert!(waiting.enter(IpAddr::from([192, 0, 2, 2])).is_some());
        drop(places);
        assert!(waiting.0.lock().unwrap().is_empty());
        assert!(waiting.enter(address).is_some());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_all_of_ipv4_are_not() {
        let waiting = Waiting::default();
        let at = |low: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, low]);
        let places: Vec<Place> = (0..).map_while(|low| waiting.enter(at(low))).collect();
        assert_eq!(places.len(), MAX_WAITING_PER_ADDRESS);
        // As a listener of both families tells them.
        let mapped = |low: u16| IpAddr::from([0, 0, 0, 0, 0, 0xffff, 0xc000, low]);
        let more: Vec<Place> = (0..).map_while(|low| waiting.enter(mapped(low))).collect();
        assert_eq!(places.len() + more.len(), MAX_WAITING);
        drop((places, more));
        assert!(waiting.0.lock().unwrap().is_empty());
    }
}
