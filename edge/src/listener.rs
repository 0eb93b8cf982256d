//! Listeners of TCP.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};

/// Connections that wait in the kernel to be accepted.
const BACKLOG: i32 = 1024;

/// A client that acknowledges nothing for this long is gone, though it never said so.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// How often the kernel looks whether a silent client is still there: event streams may have nothing
/// to say for hours.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Listens on an address. `[::]` takes IPv4 too, and on a machine without IPv6 means `0.0.0.0`.
///
/// # Errors
/// When the address is in use, or is not of this machine.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    match bind(address) {
        Err(error) if address.is_ipv6() && address.ip().is_unspecified() && lacks_ipv6(&error) => {
            bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())))
        }
        bound => bound,
    }
}

/// Linux: EAFNOSUPPORT where IPv6 is not in the kernel, EADDRNOTAVAIL where it is switched off.
fn lacks_ipv6(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.raw_os_error() == Some(EAFNOSUPPORT) || error.kind() == io::ErrorKind::AddrNotAvailable
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        // `[::1]` is no more than it says in either case.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // Connections of an earlier run that are still closing do not hold the port.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Sets up what was accepted: answers go out at once, and whoever is gone is noticed.
pub(crate) fn tune(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    // A connection without them works as well.
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(KEEPALIVE / 4);
    let _ = socket.set_tcp_keepalive(&keepalive);
}

/// The address as itself where IPv4 came to an IPv6 socket.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn all_addresses_are_those_of_ipv4_too() {
        let listener = listen("[::]:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let (accepted, peer) = listener.accept().await.unwrap();
        assert_eq!(canonical(peer), stream.local_addr().unwrap());
        tune(&accepted);
        assert!(accepted.nodelay().unwrap());
        let taken = listen(SocketAddr::from(([0, 0, 0, 0], port))).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    }
}
