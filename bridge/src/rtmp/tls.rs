//! RTMPS: TLS in front of a session.

use std::{io, sync::Arc, time::Duration};

use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig, server::TlsStream};

/// From the first byte to the end of the TLS handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A server's end of TLS. Clones are the same.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// With a configuration that says which certificate is shown; whoever renews it does so there.
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self(config.into())
    }

    /// Shakes hands with a client.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        timeout(HANDSHAKE_TIMEOUT, self.0.accept(stream))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}
