//! A running server looks at itself.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use tokio::{
    net::TcpStream,
    sync::{Mutex, OnceCell},
    time::{Instant, timeout},
};
use weir_db::Db;
use weir_protocol::ConnectivityCheck;
use weir_sfu::{Sfu, interface_addresses};
use weir_signaling::Doctor;
use weir_turn::credentials;

use super::{
    facts::{Addresses, Certificate, Database, Facts},
    gather::{self, Asking, Ice},
    judge,
};
use crate::config::Config;

/// Who asks again within so long gets the same: each look costs sockets and a few questions to others.
const FRESH: Duration = Duration::from_secs(5);

/// For a handshake with ourselves, and for the database.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long our credentials are good.
const CREDENTIALS: Duration = Duration::from_secs(60);

/// A server's parts, as far as they are looked at.
pub struct Running {
    /// With the ports that were really taken.
    pub config: Config,
    /// The media plane.
    pub sfu: Sfu,
    /// Whether its TURN server runs.
    pub relays: bool,
    /// What that one's credentials are made of.
    pub turn_secret: [u8; 32],
    /// The database.
    pub db: Db,
    /// What was found last.
    pub found: Found,
}

/// What was found, and when.
#[derive(Default)]
pub struct Found {
    last: Mutex<Option<(Instant, i64, Vec<ConnectivityCheck>)>>,
    /// Plugins do not come and go while a server runs.
    gstreamer: OnceCell<Result<Vec<String>, String>>,
}

impl Running {
    async fn facts(&self) -> Facts {
        let config = &self.config;
        let (ports, stun, certificate, database, gstreamer) = tokio::join!(
            self.ports(),
            gather::stun(config, &[]),
            self.certificate(),
            self.database(),
            self.found.gstreamer.get_or_init(gather::gstreamer),
        );
        Facts {
            ports,
            addresses: self.addresses(),
            stun,
            http: gather::http(config),
            certificate,
            turn: gather::turn_server(config, Some(self.relays)),
            buffers: gather::buffers(),
            open_files: gather::open_files(config),
            clock_synchronised: gather::clock_synchronised(),
            disk: Some(gather::disk(config)),
            database: Some(database),
            gstreamer: Some(gstreamer.clone()),
        }
    }

    fn addresses(&self) -> Addresses {
        let told = self.sfu.media_addresses();
        let mut told: Vec<_> = told.borrow().iter().map(|it| it.ip()).collect();
        told.dedup();
        Addresses {
            told,
            own: interface_addresses(true),
        }
    }

    async fn ports(&self) -> Vec<super::facts::PortFacts> {
        let now = SystemTime::now();
        let asking = Asking {
            ice: Ice::open(&self.sfu).await,
            credentials: credentials::issue(&self.turn_secret, "doctor", now, CREDENTIALS),
            name: self.name().unwrap_or("localhost"),
        };
        let mut services = gather::listening(&self.config);
        let is_turn = |service: &gather::Listening| service.service.word().starts_with("turn");
        services.retain(|it| self.relays || !is_turn(it));
        let ports = gather::try_ports(&services, &self.addresses(), &asking).await;
        if let Ok(ice) = &asking.ice {
            ice.close().await;
        }
        ports
    }

    /// The name under which clients ask for HTTPS.
    fn name(&self) -> Option<&str> {
        let public = self.config.http.public_url.as_ref();
        let secure = public.filter(|url| url.scheme() == "https");
        let host = secure.and_then(|url| url.host_str());
        let host = host.map(|host| host.trim_matches(['[', ']']));
        host.or(self.config.tls.acme_names.first().map(String::as_str))
    }

    async fn certificate(&self) -> Option<Result<Certificate, String>> {
        let mut address = self.config.tls.listen?;
        if address.ip().is_unspecified() {
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        let (name, expected) = (self.name().unwrap_or("localhost"), self.name());
        let looked = timeout(PATIENCE, async {
            let stream = TcpStream::connect(address).await;
            let stream = stream.map_err(|error| error.to_string())?;
            gather::certificate(stream, name, expected).await
        });
        Some(looked.await.unwrap_or_else(|_| Err("no answer".to_owned())))
    }

    async fn database(&self) -> Database {
        let asked = Instant::now();
        let answered = timeout(PATIENCE, self.db.ping()).await;
        Database {
            kind: match self.config.database_url().starts_with("postgres") {
                true => "PostgreSQL",
                false => "SQLite",
            },
            milliseconds: match answered {
                Ok(Ok(())) => Ok(asked.elapsed().as_secs_f64() * 1_000.0),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("no answer".to_owned()),
            },
        }
    }
}

impl Doctor for Running {
    fn examine(&self) -> BoxFuture<'_, (i64, Vec<ConnectivityCheck>)> {
        Box::pin(async {
            // One looks at a time; who waits gets what that one found.
            let mut last = self.found.last.lock().await;
            if let Some((at, told, checks)) = &*last
                && at.elapsed() < FRESH
            {
                return (*told, checks.clone());
            }
            let checks = judge(&self.facts().await);
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let now = i64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(i64::MAX);
            *last = Some((Instant::now(), now, checks.clone()));
            (now, checks)
        })
    }
}
