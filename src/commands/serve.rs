//! `weir serve`: starts the parts, connects them, and stops them in order.

use std::{io::IsTerminal as _, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;
use weir_bridge::{
    restream::{RestreamConfig, Restreamer},
    rtmp,
    supervisor::{Bridge, BridgeConfig, WorkerCommand, remote::Pool},
};
use weir_sfu::{Sfu, SfuConfig};
use weir_signaling::{
    AccountsConfig, Archive, HttpConfig, Live, Services,
    hls::{Origin, OriginConfig},
    keys, live, passwords,
};
use weir_turn::IceServers;

use super::{first_run, print, start_demo, stream::addresses};
use crate::{
    assets,
    cli::ServeArgs,
    config::{Config, LogFormat, Media, Place, PublicIp, Turn},
    data_dir,
    doctor::{Found, Running},
    wiring::{
        self, Certificate, DemoKey, Gauges, Judged, Outlets, Restreams, RtmpGate, WhipToHls, turn,
    },
    worker_identity,
};

/// How long open requests and sessions may take to end after SIGTERM.
const STOP_TIMEOUT: Duration = Duration::from_secs(8);

/// How long publishers may take to connect elsewhere when they are asked to: to the next keyframe.
const PUBLISHERS_GO: Duration = Duration::from_secs(5);

/// Players are some seconds behind: what they have not loaded yet stays for so long after the end of a
/// broadcast, whatever `media.grace` is.
const HLS_GRACE: Duration = Duration::from_secs(15);

/// Runs the server until SIGTERM or SIGINT.
pub fn serve(args: &ServeArgs) -> anyhow::Result<()> {
    let config = args.settings.load()?;
    start_logs(&config);
    open_files();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(run(config, args.demo))
}

/// Allows as many open files as the system lets us: each client of a room is one, and the usual soft
/// limit of 1024 is there for programs that use select(2).
fn open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    let wanted = Rlimit {
        current: maximum,
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        warn!(%error, ?current, "the limit of open files stays as it is");
    }
}

async fn run(mut config: Config, with_demo: bool) -> anyhow::Result<()> {
    set_password_cost(&config);
    let db = data_dir::open_database(&config).await?;
    let secrets = data_dir::secrets(&config.data.dir)?;
    let http = listen(config.http.listen, "HTTP", "--http").await?;
    let rtmp_listener = listen(config.rtmp.listen, "RTMP", "--rtmp").await?;
    let certificate = Certificate::of_site(&config)?;
    let https = match config.tls.listen {
        Some(address) => Some(listen(address, "HTTPS", "tls.listen").await?),
        None => None,
    };
    let rtmps = match config.rtmps.listen {
        Some(address) => {
            let own = config.rtmps.files();
            let own = own.map(|(certificate, key)| Certificate::of_files(certificate, key));
            let own = own.transpose().context("RTMPS cannot start")?;
            Some((listen(address, "RTMPS", "rtmps.listen").await?, own))
        }
        None => None,
    };
    // From here on the ports that were really taken, should 0 have been asked for.
    config.http.listen = http.local_addr()?;
    config.rtmp.listen = rtmp_listener.local_addr()?;
    if let Some((listener, _)) = &rtmps {
        config.rtmps.listen = Some(listener.local_addr()?);
    }
    if let Some(listener) = &https {
        config.tls.listen = Some(listener.local_addr()?);
    }
    if let Some(cloud) = config.media.cloud_metadata.clone()
        && config.media.discover_cloud
    {
        let found = wiring::cloud::public_addresses(&cloud).await;
        let known: Vec<_> = config.media.public_addresses().collect();
        let new = found.into_iter().filter(|ip| !known.contains(ip));
        config.media.public_ip.extend(new.map(PublicIp::Address));
    }
    wiring::warn_of_plain_http(&config);
    let (sfu, sfu_events) = Sfu::start(SfuConfig {
        media_udp: config.media.udp,
        media_tcp: config.media.tcp,
        more_tcp_ports: wiring::https_port(&config)
            .filter(|_| config.tls.media)
            .into_iter()
            .collect(),
        advertise: config.media.advertise.clone(),
        public: config.media.public_addresses().collect(),
        discover: config.discover(),
        shards: config.media.shards,
        publisher_timeout: config.media.publisher_timeout(),
        grace: config.media.grace(),
        playout_delay: config.media.playout_delay(),
        flexfec: config.media.flexfec.into(),
    })
    .with_context(|| format!("cannot use {} for media (--media-udp)", config.media.udp))?;

    let relay = turn::start(&config, &secrets, &sfu)?;

    // Only now: a second server in the same folder fails above and must not touch what the first has
    // open, and secrets that are shown once must not be made by a start that fails.
    let left_open = db.end_open_broadcasts().await?;
    if left_open > 0 {
        warn!(
            left_open,
            "broadcasts of a run that did not stop cleanly were ended"
        );
    }
    let first = first_run::prepare(&config, &db).await?;

    let restreamer = Restreamer::new(RestreamConfig {
        resolver: Arc::new(Judged {
            allow_private: config.restream.allow_private,
        }),
        roots: config.restream.roots(),
    })
    .context("cannot use the certificates of restream.roots")?;
    let outlets = Outlets {
        restreamer: restreamer.clone(),
    };
    let tasks = TaskTracker::new();
    let draining = CancellationToken::new();
    let pool = listen_for_workers(&config, &tasks, &draining).await?;
    let mut bridge_config = BridgeConfig {
        limits: config.workers.limits(),
        remote: pool.filter(|_| config.workers.place == Place::RemoteFirst),
        ..BridgeConfig::new(WorkerCommand::current_exe()?)
    };
    // Checked when the configuration was read.
    bridge_config.media.ladder = config.ladder.settings().unwrap_or_default();
    let bridge = Bridge::new(bridge_config);
    let hls = Origin::new(OriginConfig {
        grace: config.media.grace().max(HLS_GRACE),
        ..OriginConfig::default()
    });
    let archive = {
        let (dir, config) = (config.data.dir.clone(), config.recording.to_config());
        tokio::task::spawn_blocking(move || Archive::open(&dir, config))
            .await?
            .context("cannot open the archive of recordings in the data folder")?
    };
    let archive_root = archive.root.clone();
    let live = Live::new(db.clone(), hls.clone(), config.media.grace());
    let turn_secret = secrets.turn();
    let services = Arc::new(Services {
        db: db.clone(),
        sfu: sfu.clone(),
        hls,
        archive,
        live: live.clone(),
        secrets,
        config: HttpConfig {
            addresses: addresses(&config),
            ice_servers: IceServers::new(config.ice.servers())?
                .with_embedded(relay.as_ref().map(|relay| relay.told.clone())),
            overflow: config.media.overflow(),
            cors_origins: config.http.cors_origins.clone(),
            sessions: config.accounts.settings(),
            limits: config.limits.settings().unwrap_or_default(),
            accounts: AccountsConfig {
                creator_approval: config.accounts.creator_approval,
            },
            mail: config.mail(),
            oidc: config.oidc(),
            webhooks: config.webhooks.to_config(),
            restream: config.restream.to_config(),
            rooms: config.rooms.limits(),
            embed: config.embed.config(),
            insight: config.insight.config(),
            metrics: config.metrics.config().map_err(anyhow::Error::msg)?,
            settings: config.shown(),
        },
        assets: assets::embedded(),
        restream: Arc::new(Restreams(restreamer.clone())),
        gauges: Arc::new(Gauges {
            bridge: bridge.clone(),
            restreamer,
            archive: archive_root.clone(),
            turn: relay.as_ref().map(|relay| relay.turn.clone()),
        }),
        doctor: Arc::new(Running {
            config: Config {
                media: Media {
                    udp: sfu.media_addr(),
                    ..config.media.clone()
                },
                turn: Turn {
                    listen: relay.as_ref().map(|relay| relay.turn.address()),
                    ..config.turn.clone()
                },
                ..config.clone()
            },
            sfu: sfu.clone(),
            relays: relay.is_some(),
            turn_secret,
            db: db.clone(),
            found: Found::default(),
        }),
        draining: draining.clone(),
    });
    let demo = with_demo.then(keys::generate);
    let gate = Arc::new(RtmpGate {
        services: services.clone(),
        outlets: outlets.clone(),
        demo: demo.as_ref().map(|(_, hash)| DemoKey {
            hash: *hash,
            slug: first_run::demo_slug(),
        }),
    });

    let turn = relay.as_ref().map(|relay| relay.turn.clone());
    tasks.spawn(live::follow_sfu(
        wiring::turn::tell_of_ends(sfu_events, turn),
        live.clone(),
        sfu.clone(),
        WhipToHls {
            bridge: bridge.clone(),
            services: services.clone(),
            outlets: outlets.clone(),
        },
    ));
    tasks.spawn({
        let (live, stop) = (live.clone(), draining.clone());
        async move { live.run(stop).await }
    });
    tasks.spawn(live::watch_database(
        live.clone(),
        sfu.clone(),
        db.clone(),
        draining.clone(),
    ));
    let drain = rtmp::Drain::default();
    let publishers = rtmp::Server::new(rtmp::Context {
        gate,
        ingest: Arc::new(bridge.clone()),
        drain: drain.clone(),
        cancel: draining.clone(),
    });
    let look = wiring::follow_hangup(&tasks, &draining)?;
    let certificates = certificate.as_ref().map(|it| it.shown().clone());
    if let Some((listener, own)) = rtmps {
        let shown = own.as_ref().map(Certificate::shown);
        let shown = shown.or(certificates.as_ref());
        let shown = shown.context("rtmps.certificate is missing")?;
        let tls = rtmp::Tls::new(shown.server_config(&[])?);
        let publishers = publishers.clone();
        tasks.spawn(async move { publishers.serve(listener, Some(tls)).await });
        if let Some(own) = own {
            own.keep(&tasks, &look, &draining);
        }
    }
    tasks.spawn(async move { publishers.serve(rtmp_listener, None).await });
    let router = weir_signaling::router(services);
    let turn = relay.as_ref().map(|relay| relay.turn.clone());
    let edge = wiring::edge(&config, router, certificates, &sfu, turn, draining.clone())?;
    if let Some(listener) = https {
        let edge = edge.clone();
        tasks.spawn(async move { edge.serve_tls(listener).await });
    }
    tasks.spawn(async move { edge.serve_plain(http).await });
    if let Some(certificate) = certificate {
        certificate.keep(&tasks, &look, &draining);
    }
    tasks.close();

    if let Some((key, _)) = demo {
        let url = format!(
            "rtmp://{}:{}/live",
            local_host(&config),
            config.rtmp.listen.port()
        );
        start_demo(url, key.reveal().to_owned(), draining.clone()).await?;
    }
    info!(
        http = %config.http.listen,
        https = config.tls.listen.map(tracing::field::display),
        rtmp = %config.rtmp.listen,
        rtmps = config.rtmps.listen.map(tracing::field::display),
        media = %sfu.media_addr(),
        turn = relay.as_ref().map(|relay| tracing::field::display(relay.turn.address())),
        "ready"
    );
    data_dir::say_running(&config.data.dir, config.http.listen, config.tls.listen)?;
    print(&first_run::welcome(&config, &first, with_demo))?;

    stop_signal().await?;
    info!("stopping");
    data_dir::say_stopped(&config.data.dir);
    // Publishers that can go elsewhere do so while all else goes on, and lose nothing.
    if !drain.run(PUBLISHERS_GO).await {
        warn!("some publishers did not connect elsewhere in time");
    }
    draining.cancel();
    sfu.shutdown().await;
    if let Some(relay) = &relay {
        relay.turn.stop();
    }
    if tokio::time::timeout(STOP_TIMEOUT, tasks.wait())
        .await
        .is_err()
    {
        warn!("some requests did not end in time");
    }
    // The publishers are gone. What their workers still hold belongs into recordings, before the ends are written.
    if tokio::time::timeout(STOP_TIMEOUT, bridge.settle())
        .await
        .is_err()
    {
        warn!("some media workers did not end in time");
    }
    if tokio::time::timeout(STOP_TIMEOUT, live.settle())
        .await
        .is_err()
    {
        warn!("the ends of some broadcasts were not written");
    }
    let written = tokio::task::spawn_blocking(move || archive_root.close());
    if tokio::time::timeout(STOP_TIMEOUT, written).await.is_err() {
        warn!("the disk is too slow: the last seconds of some recordings were not written");
    }
    db.close().await;
    info!("stopped");
    Ok(())
}

/// Takes connections of media workers on other machines, where that was asked for.
async fn listen_for_workers(
    config: &Config,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Pool>> {
    let Some(address) = config.workers.listen else {
        return Ok(None);
    };
    let identity = worker_identity::load(config)?;
    let listener = listen(address, "media workers", "workers.listen").await?;
    let address = listener.local_addr()?;
    info!(workers = %address, "media workers of other machines may dial in");
    let pool = Pool::default();
    let dir = config.data.dir.clone();
    // Read each time: a new token is good at once, and the one before is not.
    let token = move || worker_identity::token_hash(&dir);
    tasks.spawn(
        pool.clone()
            .listen(listener, identity.tls, token, stop.clone()),
    );
    Ok(Some(pool))
}

fn set_password_cost(config: &Config) {
    let cost = config.accounts.password_cost();
    passwords::set_cost(cost);
    let usual = passwords::Cost::default();
    if cost.memory_kib * cost.passes < usual.memory_kib * usual.passes {
        warn!(
            "passwords are hashed more cheaply than they should be (accounts.password_memory_mib, \
             accounts.password_passes)"
        );
    }
}

async fn listen(
    address: std::net::SocketAddr,
    what: &str,
    flag: &str,
) -> anyhow::Result<TcpListener> {
    weir_edge::listen(address).with_context(|| {
        format!("cannot listen on {address} for {what}; is another server running there? choose another address with {flag}")
    })
}

/// Where a process on this machine reaches the RTMP listener.
fn local_host(config: &Config) -> String {
    match config.rtmp.listen.ip() {
        ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
        std::net::IpAddr::V4(ip) => ip.to_string(),
    }
}

async fn stop_signal() -> anyhow::Result<()> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}

fn start_logs(config: &Config) {
    // The filter was checked with the rest of the configuration.
    let filter = EnvFilter::new(&config.log.filter);
    // Standard output belongs to the box and to what commands print.
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match config.log.format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().init(),
    }
}
