//! The worker's side: dials the server, and relays each stream to a child process.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, pki_types::ServerName},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{BAD_TOKEN, OTHER_VERSION, Trust, WELCOME, greeting, tls};
use crate::{
    config::WorkerLimits,
    link::message::FromWorker,
    supervisor::{WorkerCommand, local},
};

/// From the dial to the server's answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// While it waits, a connection says that it is alive this often.
const ALIVE: Duration = Duration::from_secs(3);

/// Wait after a first failure; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Longest wait between two dials.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// A connection that lived so long was a good one.
const HEALTHY_AFTER: Duration = Duration::from_secs(10);

/// What is relayed at once.
const RELAY_BYTES: usize = 128 << 10;

/// How a machine offers itself.
#[derive(Clone)]
pub struct ConnectorConfig {
    /// The server, `host:port`.
    pub server: String,
    /// What the server printed; never logged.
    pub token: String,
    /// How the server is known.
    pub trust: Trust,
    /// Streams at one time.
    pub slots: usize,
    /// What to start for each stream.
    pub worker: WorkerCommand,
    /// What each may take of this machine.
    pub limits: WorkerLimits,
}

/// Offers slots until `stop`; whatever fails is tried again.
///
/// # Errors
/// When the settings cannot be used.
pub async fn connect(config: ConnectorConfig, stop: CancellationToken) -> io::Result<()> {
    let (host, _) = config.server.rsplit_once(':').ok_or_else(|| {
        io::Error::other(format!("{:?} is no address like host:port", config.server))
    })?;
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let name = ServerName::try_from(host.clone())
        .map_err(|_| io::Error::other(format!("{host:?} is no name of a host")))?;
    let tls = tls::client(&config.trust)?;
    let mut slots = JoinSet::new();
    for _ in 0..config.slots.max(1) {
        slots.spawn(offer(config.clone(), name.clone(), tls.clone()));
    }
    stop.cancelled().await;
    // Streams are placed anew by the server.
    slots.shutdown().await;
    Ok(())
}

/// One slot: a connection after the other.
async fn offer(config: ConnectorConfig, name: ServerName<'static>, tls: Arc<ClientConfig>) {
    let mut wait = FIRST_WAIT;
    loop {
        let began = Instant::now();
        let dialled = timeout(CONNECT_TIMEOUT, dial(&config, &name, &tls)).await;
        let served = match dialled {
            Ok(Ok(stream)) => serve(&config, stream).await,
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::Error::other("it does not answer")),
        };
        if began.elapsed() >= HEALTHY_AFTER || served.is_ok() {
            wait = FIRST_WAIT;
        }
        if let Err(error) = served {
            warn!(server = config.server, %error, "no connection to the server; it is tried again");
            tokio::time::sleep(wait.mul_f64(rand::random_range(0.75..1.25))).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

async fn dial(
    config: &ConnectorConfig,
    name: &ServerName<'static>,
    tls: &Arc<ClientConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(&config.server).await?;
    tcp.set_nodelay(true)?;
    let connector = TlsConnector::from(tls.clone());
    let mut stream = connector.connect(name.clone(), tcp).await?;
    stream.write_all(&greeting(&config.token)).await?;
    stream.flush().await?;
    match stream.read_u8().await? {
        WELCOME => Ok(stream),
        BAD_TOKEN => Err(io::Error::other(
            "the server has another token; make one there with: weir worker-token",
        )),
        OTHER_VERSION => Err(io::Error::other(
            "the server is of another version of Weir; run the same on both machines",
        )),
        _ => Err(io::Error::other("the server gave an unknown answer")),
    }
}

/// Waits for a stream on a connection, and serves it.
async fn serve(config: &ConnectorConfig, stream: TlsStream<TcpStream>) -> io::Result<()> {
    info!(server = config.server, "waiting for a stream");
    let (mut from_server, mut to_server) = tokio::io::split(stream);
    let mut alive = Vec::new();
    FromWorker::Heartbeat
        .encode(&mut alive)
        .map_err(io::Error::other)?;
    let mut ticks = interval(ALIVE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut first = vec![0; RELAY_BYTES];
    let count = loop {
        tokio::select! {
            read = from_server.read(&mut first) => break read?,
            _ = ticks.tick() => {
                to_server.write_all(&alive).await?;
                to_server.flush().await?;
            }
        }
    };
    if count == 0 {
        return Err(io::Error::other("the server closed the connection"));
    }
    let (mut child, link) = local::start(&config.worker, &config.limits, "remote").await?;
    let (mut from_child, mut to_child) = link.into_split();
    let inwards = async {
        to_child.write_all(&first[..count]).await?;
        tokio::io::copy(&mut from_server, &mut to_child).await
    };
    let outwards = async {
        let copied = tokio::io::copy(&mut from_child, &mut to_server).await;
        // The server knows by it that the worker is done, or dead.
        to_server.shutdown().await?;
        copied
    };
    let ended = tokio::select! {
        ended = inwards => ended.map(|_| "the server closed the link"),
        ended = outwards => ended.map(|_| "the worker closed the link"),
    };
    info!(reason = ended.as_ref().ok(), "the stream's worker ends");
    // Already dead or about to be; an error here says that it is dead.
    let _ = child.kill().await;
    Ok(())
}
