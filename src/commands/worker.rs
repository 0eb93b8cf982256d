//! Media workers of other machines: the token, and the machine that offers itself.

use std::num::NonZero;

use anyhow::{Context, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use weir_bridge::supervisor::{
    WorkerCommand,
    remote::{self, ConnectorConfig, Trust},
};

use super::print;
use crate::{
    cli::{BridgeWorkerArgs, WorkerTokenArgs},
    config::Workers,
    data_dir, worker_identity,
};

/// `weir worker-token`
pub fn worker_token(args: &WorkerTokenArgs) -> anyhow::Result<()> {
    let config = args.settings.load()?;
    data_dir::prepare(&config.data.dir)?;
    let identity = worker_identity::load(&config)?;
    let token = worker_identity::new_token(&config.data.dir)?;
    match identity.fingerprint {
        // By it a worker knows the server.
        Some(fingerprint) => print(&format!(
            "{token}.{}",
            remote::fingerprint_text(&fingerprint)
        )),
        None => print(&token),
    }
}

/// `weir bridge-worker --connect`
pub fn remote_worker(server: &str, args: &BridgeWorkerArgs) -> anyhow::Result<()> {
    let path = args
        .token_file
        .as_deref()
        .context("--token-file is missing")?;
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let (token, fingerprint) = match text.trim().split_once('.') {
        None => (text.trim(), None),
        Some((token, fingerprint)) => (token, remote::read_fingerprint(fingerprint)),
    };
    if token.is_empty() {
        bail!(
            "{} is empty; put there what `weir worker-token` printed",
            path.display()
        );
    }
    let trust = match (&args.ca, fingerprint) {
        (Some(ca), _) => Trust::Authorities(ca.clone()),
        (None, Some(fingerprint)) => Trust::Fingerprint(fingerprint),
        (None, None) => bail!(
            "the token in {} carries no fingerprint of the server; give its authorities with --ca",
            path.display()
        ),
    };
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let config = ConnectorConfig {
        server: server.to_owned(),
        token: token.to_owned(),
        trust,
        slots: args.slots.unwrap_or(processors),
        worker: WorkerCommand::current_exe()?,
        limits: Workers::default().limits(),
    };
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(async {
            let stop = CancellationToken::new();
            let mut term = signal(SignalKind::terminate())?;
            let mut int = signal(SignalKind::interrupt())?;
            tokio::spawn({
                let stop = stop.clone();
                async move {
                    tokio::select! {
                        _ = term.recv() => {}
                        _ = int.recv() => {}
                    }
                    stop.cancel();
                }
            });
            remote::connect(config, stop).await.map_err(Into::into)
        })
}
