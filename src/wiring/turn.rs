//! The TURN server and the media plane, which it relays to without a socket between them.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use anyhow::Context;
use tokio::sync::mpsc;
use tracing::{info, warn};
use weir_sfu::{RelayIn, RelayOut, Sfu, SfuEvent};
use weir_signaling::{Sample, Secrets};
use weir_turn::{EmbeddedServer, Media, Turn, server::Refusal};

use crate::config::{Config, turn_urls};

/// A running TURN server, and what sessions are told of it.
pub struct Relay {
    /// The server.
    pub turn: Turn,
    /// For `Link` headers.
    pub told: EmbeddedServer,
}

/// Starts the TURN server, where there is to be one, and connects it with the media plane.
///
/// # Errors
/// When the address that was asked for cannot be had. Where none was asked for, that is a warning.
pub fn start(config: &Config, secrets: &Secrets, sfu: &Sfu) -> anyhow::Result<Option<Relay>> {
    let Some((listen, asked_for)) = config.turn_listen() else {
        return Ok(None);
    };
    let mut addresses = sfu.media_addresses();
    let media = addresses.borrow_and_update().clone();
    let secret = secrets.turn();
    let server = config.turn.server(&secret, rand::random());
    let turn = match Turn::start(listen, server, media.clone(), Inlet(sfu.relay_in())) {
        Ok(turn) => turn,
        Err(error) if asked_for => {
            return Err(error).with_context(|| {
                format!("cannot listen on {listen} for TURN (turn.listen; turn.enabled = false does without)")
            });
        }
        Err(error) => {
            warn!(
                %error, %listen,
                "there is no TURN server: is another one running here? Viewers whose network lets no UDP \
                 through still have TCP; set turn.listen to another port, or turn.enabled = false"
            );
            return Ok(None);
        }
    };
    let outlet: Arc<dyn RelayOut> = Arc::new(Outlet(turn.clone()));
    sfu.relay_to(&outlet);
    info!(turn = %turn.address(), "clients may send media by TURN");

    let known = Arc::new(Mutex::new(media));
    let told = {
        let (known, port, said) = (
            known.clone(),
            turn.address().port(),
            config.turn.urls.clone(),
        );
        let over_tls = over_tls(config);
        EmbeddedServer::new(&secret, move || {
            if !said.is_empty() {
                return said.clone();
            }
            let known = known.lock().unwrap_or_else(PoisonError::into_inner);
            let mut urls = turn_urls(port, &known);
            urls.extend(over_tls.clone());
            urls
        })
    };
    // The public address may be found later, and change. Ends with the media plane.
    let follower = turn.clone();
    tokio::spawn(async move {
        while addresses.changed().await.is_ok() {
            let media = addresses.borrow_and_update().clone();
            follower.set_media(media.clone());
            *known.lock().unwrap_or_else(PoisonError::into_inner) = media;
        }
    });
    Ok(Some(Relay { turn, told }))
}

/// TURN on the port of HTTPS ([`super::edge`] takes it there), for networks that let nothing else through.
/// It goes by the name that the certificate is for, since clients check that.
fn over_tls(config: &Config) -> Option<String> {
    let port = super::https_port(config)?;
    let public = config.http.public_url.as_ref();
    let public = public.filter(|url| url.scheme() == "https");
    let host = match public {
        Some(url) => url.host_str(),
        None => config.tls.acme_names.first().map(String::as_str),
    };
    host.map(|host| format!("turns:{host}:{port}?transport=tcp"))
}

/// Passes the media plane's events on, and tells the TURN server of sessions that are over. Ends with
/// either end.
pub fn tell_of_ends(
    mut events: mpsc::Receiver<SfuEvent>,
    turn: Option<Turn>,
) -> mpsc::Receiver<SfuEvent> {
    let Some(turn) = turn else {
        return events;
    };
    let (sender, passed_on) = mpsc::channel(events.max_capacity());
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if let SfuEvent::ViewerEnded { session, .. }
            | SfuEvent::PublisherEnded { session, .. } = &event
            {
                turn.session_ended(&session.to_string());
            }
            if sender.send(event).await.is_err() {
                return;
            }
        }
    });
    passed_on
}

/// To the media plane.
struct Inlet(RelayIn);

impl Media for Inlet {
    fn deliver(
        &mut self,
        relayed: SocketAddr,
        media: SocketAddr,
        arrived: Instant,
        datagram: &[u8],
    ) {
        self.0.deliver(relayed, media, arrived, datagram);
    }

    fn closed(&mut self, relayed: SocketAddr) {
        self.0.closed(relayed);
    }

    fn tick(&mut self) {
        self.0.retry();
    }
}

/// From the media plane.
struct Outlet(Turn);

impl RelayOut for Outlet {
    fn send(
        &self,
        relayed: SocketAddr,
        media: SocketAddr,
        contents: &[u8],
        segment: usize,
    ) -> bool {
        self.0.send(relayed, media, contents, segment)
    }
}

/// Its figures for `/metrics`.
pub fn samples(turn: &Turn) -> Vec<Sample> {
    let stats = turn.stats();
    // Counts stay far below 2⁵³.
    #[allow(clippy::cast_precision_loss)]
    let (allocations, connections, ended) = (
        stats.allocations as f64,
        turn.connections() as f64,
        stats.ended as f64,
    );
    let mut samples = vec![
        Sample::gauge("weir_turn_allocations", "TURN allocations now", allocations),
        Sample::gauge(
            "weir_turn_connections",
            "Connections of TURN clients over TCP and TLS now",
            connections,
        ),
        Sample::gauge(
            "weir_turn_ended_sessions",
            "Sessions whose TURN credentials make no more allocations, since they are over",
            ended,
        ),
        Sample::counter(
            "weir_turn_dropped",
            "Datagrams that TURN did not relay: without permission, over the bandwidth, or not taken in time",
            stats.dropped,
        ),
        Sample::counter(
            "weir_turn_unanswered",
            "TURN requests without credentials that got no answer, since too many came",
            stats.unanswered,
        ),
    ];
    let bytes = [
        ("to_clients", stats.bytes_to_clients),
        ("from_clients", stats.bytes_from_clients),
    ];
    samples.extend(bytes.map(|(direction, bytes)| {
        Sample::counter("weir_turn_bytes", "Bytes relayed by TURN", bytes)
            .with("direction", direction)
    }));
    samples.extend(Refusal::ALL.map(|why| {
        let help = "TURN requests refused, by the error code of the answer";
        Sample::counter("weir_turn_refused", help, stats.refused(why))
            .with("code", why.code().to_string())
    }));
    samples
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn turn_over_tls_goes_by_the_name_of_the_certificate() {
        let url = |change: &dyn Fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            over_tls(&config)
        };
        let listen = "[::]:8443".parse().ok();
        let public = |text: &str| text.parse().ok();
        assert_eq!(url(&|_| {}), None);
        assert_eq!(url(&|it| it.tls.listen = listen), None, "no name is known");
        let acme = url(&|it| {
            it.tls.listen = listen;
            it.tls.acme_names = vec!["a.example".to_owned(), "b.example".to_owned()];
        });
        assert_eq!(acme.as_deref(), Some("turns:a.example:8443?transport=tcp"));
        let named = url(&|it| {
            it.tls.listen = listen;
            it.http.public_url = public("https://live.example/");
        });
        assert_eq!(
            named.as_deref(),
            Some("turns:live.example:443?transport=tcp")
        );
        let v6 = url(&|it| {
            it.tls.listen = listen;
            it.http.public_url = public("https://[2001:db8::1]:8443");
        });
        assert_eq!(
            v6.as_deref(),
            Some("turns:[2001:db8::1]:8443?transport=tcp")
        );
        let plain = url(&|it| {
            it.tls.listen = listen;
            it.http.public_url = public("http://live.example");
        });
        assert_eq!(plain, None);
        let elsewhere = url(&|it| it.http.public_url = public("https://live.example"));
        assert_eq!(elsewhere, None, "a proxy speaks TLS there, not we");
    }
}
