//! Workers that dial in from elsewhere.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;
use weir_bridge::{
    config::WorkerLimits,
    output::Requests,
    supervisor::{
        Bridge, BridgeConfig, WorkerCommand,
        remote::{self, ConnectorConfig, Pool, Trust},
    },
};
use weir_media::HlsOutput;

use crate::{
    isolation::{Output, source},
    worker::recording::{Event, publish, worker_command, worker_program},
};

const TOKEN: &str = "a token";
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that workers may dial.
struct Server {
    pool: Pool,
    address: String,
    fingerprint: [u8; 32],
    certificate: String,
    /// Times that a token was looked at.
    asked: Arc<AtomicUsize>,
}

async fn server() -> Server {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = made.cert.pem();
    let key = made.signing_key.serialize_pem();
    let (tls, fingerprint) = remote::identity(certificate.as_bytes(), key.as_bytes()).unwrap();
    assert_eq!(fingerprint, remote::fingerprint(made.cert.der()));
    let text = remote::fingerprint_text(&fingerprint);
    assert_eq!(remote::read_fingerprint(&text), Some(fingerprint));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (pool, asked) = (Pool::default(), Arc::new(AtomicUsize::new(0)));
    let count = asked.clone();
    let token = move || {
        count.fetch_add(1, Ordering::Relaxed);
        Some(remote::token_hash(TOKEN))
    };
    tokio::spawn(
        pool.clone()
            .listen(listener, tls, token, CancellationToken::new()),
    );
    Server {
        pool,
        address: format!("localhost:{port}"),
        fingerprint,
        certificate,
        asked,
    }
}

impl Server {
    /// A machine with one slot.
    fn machine(&self, token: &str, trust: Trust, program: PathBuf) -> CancellationToken {
        let stop = CancellationToken::new();
        let config = ConnectorConfig {
            server: self.address.clone(),
            token: token.to_owned(),
            trust,
            slots: 1,
            worker: WorkerCommand {
                program,
                args: Vec::new(),
            },
            limits: WorkerLimits::default(),
        };
        tokio::spawn(remote::connect(config, stop.clone()));
        stop
    }
}

async fn until(what: &str, wanted: impl Fn() -> bool) {
    let wait = async {
        while !wanted() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, wait).await;
    waited.unwrap_or_else(|_| panic!("waited for: {what}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_runs_elsewhere_and_comes_home_when_the_machine_goes() {
    let server = server().await;
    let trust = Trust::Fingerprint(server.fingerprint);
    let machine = server.machine(TOKEN, trust, worker_program());
    until("a machine", || server.pool.waiting() == 1).await;

    let pid_file = tempfile::NamedTempFile::new().unwrap();
    let bridge = Bridge::new(BridgeConfig {
        remote: Some(server.pool.clone()),
        ..BridgeConfig::new(worker_command(pid_file.path()))
    });
    let (sender, mut events) = mpsc::unbounded_channel();
    let (_, requests) = Requests::channel();
    let writer = bridge.open("s", Box::new(Output(sender, Arc::default())), requests);
    let publishing = tokio::spawn(async move { publish(&writer, source(15)).await });
    let is_part = |event: &Event| matches!(event, Event::Hls(HlsOutput::Part { .. }));
    while !is_part(&events.recv().await.unwrap().1) {}
    // The local worker's program notes its number when it starts.
    let local = || std::fs::read_to_string(pid_file.path()).unwrap();
    assert_eq!(local(), "", "it runs elsewhere");
    assert_eq!(server.pool.waiting(), 0);

    machine.cancel();
    let gone = Instant::now();
    let mut reason = None;
    let back = loop {
        match events.recv().await.unwrap() {
            (_, Event::Restarted(why)) => reason = Some(why),
            (at, event) if reason.is_some() && is_part(&event) => break at,
            _ => {}
        }
    };
    println!("home after {:?}", back.duration_since(gone));
    assert!(reason.unwrap().contains("remote worker"));
    assert_ne!(local(), "", "it runs here");
    publishing.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_whose_worker_crashes_offers_itself_again() {
    let server = server().await;
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("ca.pem");
    std::fs::write(&roots, &server.certificate).unwrap();
    let trust = Trust::Authorities(roots);
    let _machine = server.machine(TOKEN, trust, PathBuf::from("/bin/false"));
    until("a machine", || server.pool.waiting() == 1).await;
    let bridge = Bridge::new(BridgeConfig {
        remote: Some(server.pool.clone()),
        ..BridgeConfig::new(WorkerCommand {
            program: worker_program(),
            args: Vec::new(),
        })
    });
    let (sender, mut events) = mpsc::unbounded_channel();
    let (_, requests) = Requests::channel();
    let writer = bridge.open("s", Box::new(Output(sender, Arc::default())), requests);
    let publishing = tokio::spawn(async move { publish(&writer, source(6)).await });
    // It is not tried there again at once, so media flows.
    while !matches!(
        events.recv().await.unwrap().1,
        Event::Hls(HlsOutput::Part { .. })
    ) {}
    assert_eq!(bridge.stats().worker_restarts, 1);
    until("the machine again", || server.pool.waiting() == 1).await;
    publishing.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_machines_with_the_token_are_taken_and_only_the_right_server_gets_it() {
    let server = server().await;
    let right = Trust::Fingerprint(server.fingerprint);
    let _stranger = server.machine("another token", right, worker_program());
    // This one must not even show its token.
    let _careful = server.machine(TOKEN, Trust::Fingerprint([7; 32]), worker_program());
    until("the stranger to try twice", || {
        server.asked.load(Ordering::Relaxed) >= 2
    })
    .await;
    assert_eq!(server.pool.waiting(), 0);
}
