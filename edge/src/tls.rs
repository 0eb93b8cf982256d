//! The TLS port: what comes there, and who takes it.

use std::{io, net::SocketAddr, sync::Arc};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tracing::debug;

use crate::{
    activity::Activity,
    census::Place,
    certificates::ACME_TLS,
    first_bytes::{ENOUGH, Protocol, protocol},
    listener::canonical,
    request::{Ends, Transport},
    server::Shared,
    stream::{Prefixed, Watched},
};

/// ALPN names (RFC 7301, RFC 7443).
pub(crate) const HTTP2: &[u8] = b"h2";
pub(crate) const HTTP1: &[u8] = b"http/1.1";
pub(crate) const TURN: &[u8] = b"stun.turn";

/// Bytes in both directions, in order.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> ByteStream for S {}

/// Takes a connection on which a client of TURN has begun to speak, with its address. It fails when
/// the client takes too little of what is written.
pub type TurnStreams = Arc<dyn Fn(Box<dyn ByteStream>, SocketAddr) + Send + Sync>;

/// Takes a connection of ICE over TCP, which does not block, with its peer's address and what was read
/// of it already.
pub type IceTcp = Arc<dyn Fn(std::net::TcpStream, SocketAddr, Bytes) + Send + Sync>;

/// Who takes what is not HTTP. Where nobody does, such connections are closed.
#[derive(Clone, Default)]
pub struct Hooks {
    /// TURN, within TLS or without.
    pub turn: Option<TurnStreams>,
    /// ICE over TCP (RFC 6544).
    pub ice_tcp: Option<IceTcp>,
}

/// Finds out what comes, and serves it.
pub(crate) async fn serve(mut stream: TcpStream, peer: SocketAddr, place: Place, shared: &Shared) {
    let patience = shared.site.limits.handshake;
    let began = tokio::select! {
        began = timeout(patience, first(&mut stream)) => began,
        () = shared.draining.cancelled() => return,
    };
    let (read, what) = match began {
        Ok(Ok(first)) => first,
        Ok(Err(error)) => return debug!(%peer, %error, "ended before it began"),
        Err(_) => return debug!(%peer, "says nothing on the TLS port"),
    };
    let Ok(local) = stream.local_addr() else {
        return;
    };
    let local = canonical(local);
    let ends = |transport| Ends {
        peer,
        local,
        transport,
    };
    let activity = Activity::new(place);
    match what {
        Protocol::Tls => {
            let stream = Prefixed::new(read, stream);
            let stream = Watched::new(stream, activity.clone(), shared.site.limits.write);
            secure(stream, ends(Transport::Tls), activity, shared).await;
        }
        Protocol::Http => {
            let stream = Prefixed::new(read, stream);
            let stream = Watched::new(stream, activity.clone(), shared.site.limits.write);
            shared
                .http(stream, ends(Transport::Misdirected), activity)
                .await;
        }
        Protocol::Stun => {
            let stream = Prefixed::new(read, stream);
            let stream = Watched::new(stream, activity.clone(), shared.site.limits.write);
            turn(Box::new(stream), peer, &activity, shared);
        }
        Protocol::FramedStun => match (&shared.hooks.ice_tcp, stream.into_std()) {
            (Some(take), Ok(stream)) => take(stream, peer, read),
            _ => debug!(%peer, "no ICE over TCP here"),
        },
        Protocol::Unknown => debug!(%peer, "neither TLS nor anything else that is known"),
    }
}

async fn secure<S>(stream: S, ends: Ends, activity: Arc<Activity>, shared: &Shared)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = ends.peer;
    let Some(config) = &shared.tls else {
        return;
    };
    if !shared.site.proxies.trust(peer.ip()) {
        let turn = sleep(shared.handshakes.wait(peer.ip()));
        tokio::select! {
            () = turn => {}
            () = shared.draining.cancelled() => return,
        }
    }
    let accepted = TlsAcceptor::from(config.clone()).accept(stream);
    let accepted = tokio::select! {
        accepted = timeout(shared.site.limits.handshake, accepted) => accepted,
        () = shared.draining.cancelled() => return,
    };
    let stream = match accepted {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return debug!(%peer, %error, "no TLS"),
        Err(_) => return debug!(%peer, "too slow a TLS handshake"),
    };
    let name = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    match name.as_deref() {
        Some(TURN) => turn(Box::new(stream), peer, &activity, shared),
        // The handshake is all that is asked for (RFC 8737 section 3).
        Some(ACME_TLS) => close(stream).await,
        Some(_) => shared.http(stream, ends, activity).await,
        None => unnamed(stream, ends, activity, shared).await,
    }
}

/// A client that did not say what it is going to speak.
async fn unnamed<S>(mut stream: TlsStream<S>, ends: Ends, activity: Arc<Activity>, shared: &Shared)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = ends.peer;
    let began = tokio::select! {
        began = timeout(shared.site.limits.header, first(&mut stream)) => began,
        () = shared.draining.cancelled() => return,
    };
    let Ok(Ok((read, what))) = began else {
        return;
    };
    let stream = Prefixed::new(read, stream);
    match what {
        Protocol::Http => shared.http(stream, ends, activity).await,
        Protocol::Stun => turn(Box::new(stream), peer, &activity, shared),
        Protocol::Tls | Protocol::FramedStun | Protocol::Unknown => {
            debug!(%peer, ?what, "nothing that is served within TLS");
        }
    }
}

fn turn(stream: Box<dyn ByteStream>, peer: SocketAddr, activity: &Activity, shared: &Shared) {
    match &shared.hooks.turn {
        Some(take) => {
            // Who may do what there, and for how long, is the TURN server's to say.
            activity.known();
            take(stream, peer);
        }
        None => debug!(%peer, "no TURN here"),
    }
}

async fn close<S: AsyncWrite + Unpin>(mut stream: S) {
    // Whoever is gone already has what it wanted.
    let _ = stream.shutdown().await;
}

/// Reads until it is clear what speaks.
async fn first<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<(Bytes, Protocol)> {
    let mut read = BytesMut::with_capacity(ENOUGH);
    loop {
        if let Some(protocol) = protocol(&read) {
            return Ok((read.freeze(), protocol));
        }
        let mut room = (&mut *stream).take((ENOUGH - read.len()) as u64);
        if room.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
