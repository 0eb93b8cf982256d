//! Finding facts: sockets are opened, files are read, children are asked. All of it is bounded in time.

mod ice;
mod ports;
mod stun;
mod system;
mod tls;
mod turn;

pub use ice::Ice;
pub use ports::{Asking, Listening, free_ports, listening, try_ports};
pub use stun::ask_stun;
pub use system::{buffers, clock_synchronised, disk, gstreamer, open_files, reach_database};
pub use tls::certificate;

use std::net::IpAddr;

use weir_sfu::interface_addresses;

use super::facts::{Addresses, Facts, Http, TurnServer};
use crate::{config::Config, wiring};

/// What this machine can know of these settings while no server runs. More STUN servers may be named.
pub async fn without_server(config: &Config, more_stun: &[String]) -> Facts {
    let (ports, stun, database, gstreamer) = tokio::join!(
        free_ports(config),
        stun(config, more_stun),
        reach_database(config),
        gstreamer(),
    );
    let mut told = told(config);
    if !config.discover().is_empty() {
        let seen = stun.iter().flat_map(|stun| &stun.seen);
        told.extend(seen.map(|seen| seen.ip().to_canonical()));
        told.dedup();
    }
    Facts {
        ports,
        addresses: Addresses {
            told,
            own: interface_addresses(true),
        },
        stun,
        http: http(config),
        certificate: None,
        turn: turn_server(config, None),
        buffers: buffers(),
        open_files: open_files(config),
        clock_synchronised: clock_synchronised(),
        disk: Some(disk(config)),
        database,
        gstreamer: Some(gstreamer),
    }
}

/// What the STUN servers of the settings, and these, say.
pub async fn stun(config: &Config, more: &[String]) -> Option<super::facts::Stun> {
    let mut servers = config.ice.stun_servers();
    servers.extend(more.iter().cloned());
    match servers.is_empty() {
        true => None,
        false => Some(ask_stun(servers).await),
    }
}

/// What of the settings says how secrets travel.
pub fn http(config: &Config) -> Http {
    let proxies = config.http.proxies().map(|proxies| proxies.networks());
    Http {
        plain_and_public: wiring::is_plain_and_public(config),
        allow_insecure: config.http.allow_insecure,
        speaks_tls: config.tls.listen.is_some(),
        proxies: proxies.unwrap_or_default(),
        public_url: config.http.public_url.as_ref().map(ToString::to_string),
    }
}

/// Who relays, where `running` is the TURN server of this process, if there is one.
pub fn turn_server(config: &Config, running: Option<bool>) -> TurnServer {
    match (config.turn_listen(), running) {
        (Some(_), None | Some(true)) => TurnServer::Here,
        (Some((listen, _)), Some(false)) => TurnServer::Missing(listen),
        (None, _) => match weir_turn::IceServers::new(config.ice.servers()) {
            Ok(servers) if servers.have_turn() => TurnServer::Elsewhere,
            _ => TurnServer::Off,
        },
    }
}

/// What the media plane would tell clients.
fn told(config: &Config) -> Vec<IpAddr> {
    let media = &config.media;
    let ip = media.udp.ip();
    let mut told = match media.advertise.as_slice() {
        [] if ip.is_unspecified() => interface_addresses(ip.is_ipv6()),
        [] => vec![ip],
        advertised => advertised.to_vec(),
    };
    told.extend(media.public_addresses());
    told.dedup();
    told
}
