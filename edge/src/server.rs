//! The loops that accept connections.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hyper_util::{rt::TokioExecutor, server::conn::auto};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use crate::{
    activity::Activity,
    census::{Census, Place},
    certificates::ACME_TLS,
    handshakes::Handshakes,
    http,
    limits::Limits,
    listener::{canonical, tune},
    proxies::TrustedProxies,
    request::{Ends, Handler, Secure, Site, Transport},
    stream::Watched,
    tls::{self, HTTP1, HTTP2, Hooks, TURN},
};

/// Pause after `accept` failed for want of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What an edge is made of.
pub struct EdgeConfig {
    /// Answers requests.
    pub handler: Handler,
    /// Whose word of who asks is taken.
    pub proxies: TrustedProxies,
    /// How much strangers may take.
    pub limits: Limits,
    /// HTTPS, where there is any.
    pub secure: Option<Secure>,
    /// Who takes what is not HTTP on the TLS port.
    pub hooks: Hooks,
    /// When cancelled, no more connections are taken, and those that there are end when their
    /// requests do.
    pub draining: CancellationToken,
}

/// Serves HTTP on any number of listeners. Clones are the same, with the same limits.
#[derive(Clone)]
pub struct Edge {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) site: Arc<Site>,
    pub(crate) hooks: Hooks,
    /// For the TLS port.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    census: Arc<Census>,
    pub(crate) handshakes: Handshakes,
    builder: auto::Builder<TokioExecutor>,
    pub(crate) draining: CancellationToken,
}

/// Which port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Port {
    Plain,
    Tls,
}

impl Edge {
    /// Makes an edge; nothing listens yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(config: EdgeConfig) -> Result<Self, rustls::Error> {
        let tls = match &config.secure {
            Some(secure) => {
                let names = [HTTP2, HTTP1, TURN, ACME_TLS];
                Some(secure.certificates.server_config(&names)?)
            }
            None => None,
        };
        Ok(Self {
            shared: Arc::new(Shared {
                builder: http::builder(&config.limits),
                census: Arc::new(Census::new(config.limits.clone())),
                handshakes: Handshakes::new(&config.limits),
                site: Arc::new(Site {
                    handler: config.handler,
                    proxies: config.proxies,
                    secure: config.secure,
                    limits: config.limits,
                }),
                hooks: config.hooks,
                tls,
                draining: config.draining,
            }),
        })
    }

    /// Serves HTTP without TLS. Returns when all is drained.
    pub async fn serve_plain(&self, listener: TcpListener) {
        self.serve(listener, Port::Plain).await;
    }

    /// Serves HTTPS, and on the same port what the hooks take. Returns when all is drained.
    pub async fn serve_tls(&self, listener: TcpListener) {
        self.serve(listener, Port::Tls).await;
    }

    async fn serve(&self, listener: TcpListener, port: Port) {
        let connections = TaskTracker::new();
        let mut told = false;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.shared.draining.cancelled() => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    told = false;
                    let peer = canonical(peer);
                    let trusted = self.shared.site.proxies.trust(peer.ip());
                    let Some(place) = self.shared.census.admit(peer.ip(), trusted) else {
                        debug!(%peer, "too many connections");
                        continue;
                    };
                    tune(&stream);
                    let shared = self.shared.clone();
                    connections.spawn(async move { shared.one(stream, peer, place, port).await });
                }
                // That one is gone already; the next may be fine.
                Err(error) if is_of_connection(&error) => {}
                Err(error) => {
                    if !std::mem::replace(&mut told, true) {
                        warn!(%error, "HTTP connections cannot be taken now");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        connections.close();
        connections.wait().await;
    }
}

fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

impl Shared {
    async fn one(&self, stream: TcpStream, peer: SocketAddr, place: Place, port: Port) {
        if port == Port::Tls {
            return tls::serve(stream, peer, place, self).await;
        }
        let Ok(local) = stream.local_addr() else {
            return;
        };
        let activity = Activity::new(place);
        let stream = Watched::new(stream, activity.clone(), self.site.limits.write);
        let ends = Ends {
            peer,
            local: canonical(local),
            transport: Transport::Plain,
        };
        self.http(stream, ends, activity).await;
    }

    pub(crate) async fn http<S>(&self, stream: S, ends: Ends, activity: Arc<Activity>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let site = self.site.clone();
        http::serve(stream, ends, activity, site, &self.builder, &self.draining).await;
    }
}
