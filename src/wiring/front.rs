//! The router behind the edge: HTTP, and HTTPS where there is a certificate.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    path::Path,
    sync::Arc,
};

use anyhow::Context;
use axum::{Router, body::Body, extract::ConnectInfo};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;
use tracing::warn;
use weir_edge::{
    Client, Edge, EdgeConfig, Handler, Hooks, IceTcp, Secure, TurnStreams,
    certificates::{Acme, AcmeConfig, Certificates, Files, self_signed},
};
use weir_sfu::Sfu;
use weir_signaling::Exposed;
use weir_turn::Turn;

use crate::config::Config;

/// Folder in the data folder for certificates that we make or get.
const FOLDER: &str = "tls";

/// A certificate, and how it is kept fresh.
pub struct Certificate {
    shown: Arc<Certificates>,
    source: Source,
}

enum Source {
    Fixed,
    Files(Files),
    Acme(Box<Acme>),
}

impl Certificate {
    /// The one of `[tls]`; none when TLS is off.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of_site(config: &Config) -> anyhow::Result<Option<Self>> {
        let tls = &config.tls;
        if tls.listen.is_none() {
            return Ok(None);
        }
        if !tls.certificate.as_os_str().is_empty() {
            let files = Self::of_files(&tls.certificate, &tls.key);
            return files.context("TLS cannot start").map(Some);
        }
        let folder = config.data.dir.join(FOLDER);
        let shown = Certificates::new();
        let source = if tls.self_signed {
            self_signed(&folder, &own_names(config), &shown)
                .context("cannot use a self-signed certificate")?;
            Source::Fixed
        } else {
            let roots = tls.acme_roots.clone();
            let contact = tls.acme_contact.clone();
            let acme = AcmeConfig {
                names: tls.acme_names.clone(),
                contact: (!contact.is_empty()).then_some(contact),
                directory: tls.acme_directory.clone(),
                roots: (!roots.as_os_str().is_empty()).then_some(roots),
                challenge: tls.acme_challenge.into(),
                folder: folder.join("acme"),
            };
            let acme = Acme::load(acme, shown.clone()).context("cannot read what ACME kept")?;
            Source::Acme(Box::new(acme))
        };
        Ok(Some(Self { shown, source }))
    }

    /// One in files.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub fn of_files(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let shown = Certificates::new();
        let files = Files::load(certificate, key, &shown)?;
        Ok(Self {
            shown,
            source: Source::Files(files),
        })
    }

    /// Where the newest one is.
    pub fn shown(&self) -> &Arc<Certificates> {
        &self.shown
    }

    /// Renews it until `stop`; looks for files that changed at once when `look` says so.
    pub fn keep(self, tasks: &TaskTracker, look: &Arc<Notify>, stop: &CancellationToken) {
        let stop = stop.clone();
        match self.source {
            Source::Fixed => {}
            Source::Files(files) => {
                tasks.spawn(files.follow(self.shown, look.clone(), stop));
            }
            Source::Acme(acme) => {
                tasks.spawn(acme.run(stop));
            }
        }
    }
}

/// Tells everybody who looks at files when SIGHUP says that they changed.
///
/// # Errors
/// When the signal cannot be watched.
pub fn follow_hangup(tasks: &TaskTracker, stop: &CancellationToken) -> anyhow::Result<Arc<Notify>> {
    let mut hangup = signal(SignalKind::hangup())?;
    let look = Arc::new(Notify::new());
    let (told, stop) = (look.clone(), stop.clone());
    tasks.spawn(async move {
        loop {
            tokio::select! {
                _ = hangup.recv() => told.notify_waiters(),
                () = stop.cancelled() => return,
            }
        }
    });
    Ok(look)
}

/// The edge in front of the router.
///
/// # Errors
/// When TLS cannot be set up.
pub fn edge(
    config: &Config,
    router: Router,
    certificates: Option<Arc<Certificates>>,
    sfu: &Sfu,
    turn: Option<Turn>,
    draining: CancellationToken,
) -> anyhow::Result<Edge> {
    let secure = certificates.map(|certificates| Secure {
        port: https_port(config).unwrap_or_default(),
        redirect: config.tls.redirect,
        hsts: config.tls.hsts(),
        certificates,
    });
    let ice_tcp = config.tls.media && config.media.tcp;
    let edge = Edge::new(EdgeConfig {
        handler: handler(router, config.http.allow_insecure),
        proxies: config.http.proxies().map_err(anyhow::Error::msg)?,
        limits: config.http.limits(),
        secure,
        hooks: Hooks {
            turn: turn.zip(config.tls.listen).map(turn_over),
            ice_tcp: ice_tcp.then(|| ice_over(sfu.clone())),
        },
        draining,
    });
    edge.context("cannot set TLS up")
}

/// TURN on the TLS port, which listens there.
fn turn_over((turn, local): (Turn, SocketAddr)) -> TurnStreams {
    Arc::new(move |stream, peer| {
        let turn = turn.clone();
        tokio::spawn(async move { turn.serve_stream(stream, peer, local).await });
    })
}

fn ice_over(sfu: Sfu) -> IceTcp {
    Arc::new(move |stream, peer, read| {
        if !sfu.take_tcp(stream, peer, &read) {
            tracing::debug!(%peer, "media over TCP is not taken");
        }
    })
}

fn handler(router: Router, allow_insecure: bool) -> Handler {
    weir_edge::handler(move |request| {
        let router = router.clone();
        async move {
            let mut request = request.map(Body::new);
            if let Some(client) = request.extensions().get::<Client>().copied() {
                let extensions = request.extensions_mut();
                extensions.insert(ConnectInfo(client.address));
                if client.exposed && !allow_insecure {
                    extensions.insert(Exposed);
                }
            }
            match router.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    })
}

/// The port under which the outside reaches HTTPS here: that of the public address, which NAT may map
/// to ours.
pub fn https_port(config: &Config) -> Option<u16> {
    let listen = config.tls.listen?;
    let public = config.http.public_url.as_ref();
    let public = public.filter(|url| url.scheme() == "https");
    let port = public.and_then(|url| url.port_or_known_default());
    Some(port.unwrap_or(listen.port()))
}

/// Says where secrets could cross the Internet in the clear.
pub fn warn_of_plain_http(config: &Config) {
    if config.http.allow_insecure {
        warn!(
            "passwords, stream keys and tokens are taken over the Internet without TLS \
             (http.allow_insecure): anybody on the way can read them"
        );
        return;
    }
    if is_plain_and_public(config) {
        warn!(
            "this server is on the Internet and has no TLS: people can watch, but log-ins and stream \
             keys are only taken from private networks. Set tls.acme_names, or http.trusted_proxies \
             where a proxy speaks TLS; docs/TLS.md says how"
        );
    }
}

/// Whether this server is on the Internet, and neither it nor a proxy speaks TLS.
pub fn is_plain_and_public(config: &Config) -> bool {
    let covered = config.tls.listen.is_some()
        || config.http.listen.ip().is_loopback()
        || config
            .http
            .proxies()
            .is_ok_and(|proxies| !proxies.is_empty());
    let public = config.media.public_addresses().next().is_some()
        || own_address().is_some_and(weir_edge::is_public);
    !covered && public
}

/// Names and addresses under which this machine may be called.
fn own_names(config: &Config) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    let public = config.http.public_url.as_ref();
    let host = public.and_then(|url| url.host_str());
    names.extend(host.map(|host| host.trim_matches(['[', ']']).to_owned()));
    let advertised = config.media.advertise.iter().copied();
    let more = advertised.chain(config.media.public_addresses());
    names.extend(more.chain(own_address()).map(|ip| ip.to_string()));
    let mut known = Vec::new();
    names.retain(|name| {
        let new = !known.contains(name);
        known.push(name.clone());
        new
    });
    names
}

/// The address with which this machine reaches others. Nothing is sent.
fn own_address() -> Option<IpAddr> {
    /// Documentation's (RFC 5737): nobody's, and routed like any other.
    const ELSEWHERE: ([u8; 4], u16) = ([192, 0, 2, 1], 9);
    let socket = UdpSocket::bind((IpAddr::from([0; 4]), 0)).ok()?;
    socket.connect(SocketAddr::from(ELSEWHERE)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified() && !ip.is_loopback()).then_some(ip)
}
