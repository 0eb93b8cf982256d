//! Whole restreams: a real worker's CMAF to real RTMP servers.

use std::{
    io,
    net::SocketAddr,
    path::Path,
    process::{Child, Command},
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer},
};
use weir_bridge::{
    output::{Requests, StreamOutput, StreamSink},
    restream::{Address, Key, Limit, Resolve, RestreamConfig, Restreamer, Target},
    supervisor::{Bridge, BridgeConfig, SourceUnit},
};
use weir_media::{HlsOutput, Kind, RtpLayer, RtpPacket, RtpTracks, Thumbnail};
use weir_protocol::{Caption, RestreamState, RestreamStatus, finding::FindingReport};

use crate::{
    rtmp::harness::{Event, KEY, PATIENCE, Recording, Server, formats, units},
    worker::{
        flv,
        recording::{publish, signal, worker_command},
    },
};

/// Gives this machine, or nothing that may be connected to.
struct Local {
    allowed: bool,
}

impl Resolve for Local {
    fn resolve<'a>(&'a self, _: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        let found = match self.allowed {
            true => Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]),
            false => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the host's address is this machine; it must be a public one",
            )),
        };
        Box::pin(std::future::ready(found))
    }
}

fn restreamer(allowed: bool, roots: Option<&Path>) -> Restreamer {
    let config = RestreamConfig {
        resolver: Arc::new(Local { allowed }),
        roots: roots.map(Path::to_owned),
    };
    Restreamer::new(config).unwrap()
}

fn target(port: u16, key: &str) -> Target {
    Target {
        id: 1,
        name: "test".to_owned(),
        address: Address {
            secure: false,
            host: "localhost".to_owned(),
            port,
            app: "live".to_owned(),
            url: format!("rtmp://localhost:{port}/live"),
        },
        key: Key::new(key.to_owned()),
        limit: Limit::default(),
    }
}

/// A worker's output that is only restreamed.
struct Forward(Box<dyn StreamSink>);

impl StreamOutput for Forward {
    fn rtp_start(&mut self, _: RtpTracks, _: &[RtpLayer]) {}
    fn rtp(&mut self, _: RtpPacket, _: bool) {}
    fn hls(&mut self, output: HlsOutput) {
        self.0.hls(&output);
    }
    fn thumbnail(&mut self, _: Thumbnail) {}
    fn finding(&mut self, _: FindingReport) {}
    fn caption(&mut self, _: Caption) {}
    fn worker_restarted(&mut self, _: &str) {}
}

/// A picture that needs no encoding, a keyframe each second.
fn source(seconds: u32) -> Vec<SourceUnit> {
    flv::encode(&format!(
        "-f lavfi -i testsrc2=size=320x180:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000 \
         -t {seconds} -pix_fmt yuv420p -c:v libx264 -preset ultrafast -b:v 300k -bf 0 -g 30 \
         -sc_threshold 0 -c:a aac -b:a 96k -ac 2"
    ))
}

/// Publishes into a worker whose CMAF is restreamed; gives the file with the worker's process id.
fn start(restreamer: &Restreamer, units: Vec<SourceUnit>) -> tempfile::NamedTempFile {
    let pid_file = tempfile::NamedTempFile::new().unwrap();
    let bridge = Bridge::new(BridgeConfig::new(worker_command(pid_file.path())));
    let output = Forward(restreamer.sink("s"));
    let (_, requests) = Requests::channel();
    let writer = bridge.open("s", Box::new(output), requests);
    tokio::spawn(async move { publish(&writer, units).await });
    pid_file
}

/// Waits until the one target is in this state.
async fn until(restreamer: &Restreamer, state: RestreamState) -> RestreamStatus {
    let mut changes = restreamer.changes();
    let look = async {
        loop {
            let status = restreamer.statuses("s").remove(&1);
            if let Some(status) = status.filter(|status| status.state == state) {
                return status;
            }
            changes.changed().await.unwrap();
        }
    };
    let waited = tokio::time::timeout(PATIENCE, look).await;
    waited.unwrap_or_else(|_| panic!("{:?}, not {state:?}", restreamer.statuses("s")))
}

async fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    listener.local_addr().unwrap().port()
}

/// Reads until so many units have come, on one connection.
async fn some(recording: &mut Recording, count: usize) -> Vec<Event> {
    let mut left = count;
    let seen = recording.until(|event| {
        left -= usize::from(matches!(event, Event::Unit(_)));
        left == 0 || *event == Event::Ended
    });
    let seen = seen.await;
    assert!(!seen.contains(&Event::Ended), "it ended");
    seen
}

/// Each track's times only go forward, and both keep together.
fn check_times(events: &[Event]) {
    let units = units(events);
    for kind in [Kind::Video, Kind::Audio] {
        let times = units.iter().filter(|unit| unit.kind == kind);
        let times: Vec<_> = times.map(|unit| unit.dts).collect();
        assert!(!times.is_empty(), "{kind:?}");
        assert!(times.windows(2).all(|pair| pair[0] <= pair[1]), "{kind:?}");
    }
    let latest = |before: u64, time: u64| before.max(time);
    units.iter().map(|unit| unit.dts).fold(0, |before, time| {
        assert!(time + 1_600_000_000 > before, "{time} after {before}");
        latest(before, time)
    });
}

/// FFmpeg as an RTMP server that writes what it gets into a file.
fn ffmpeg_listens(port: u16, file: &Path) -> Child {
    Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "flv", "-listen", "1", "-i"])
        .arg(format!("rtmp://127.0.0.1:{port}/live/{KEY}"))
        .args(["-c", "copy"])
        .arg(file)
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_gets_media_that_decodes_and_is_told_the_end() {
    let units = source(8);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("got.flv");
    let port = free_port().await;
    let mut server = ffmpeg_listens(port, &file);
    let restreamer = restreamer(true, None);
    restreamer.set_targets("s", vec![target(port, KEY)]);
    assert_eq!(restreamer.statuses("s")[&1].state, RestreamState::Idle);
    let _worker = start(&restreamer, units);
    until(&restreamer, RestreamState::Live).await;
    let enough = async {
        loop {
            let status = restreamer.statuses("s")[&1].clone();
            if status.bytes > 100_000 && status.keyframe_interval_ms.is_some() {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let status = tokio::time::timeout(PATIENCE, enough).await.unwrap();
    assert!(status.bitrate > 0, "{status:?}");
    assert_eq!(status.keyframe_interval_ms, Some(1000));
    assert_eq!(status.rendition.as_deref(), Some("180p"));
    assert_eq!((status.warning, status.dropped), (None, 0));
    // Removed while it is live: FFmpeg sees the end of the stream and closes its file.
    restreamer.set_targets("s", Vec::new());
    let ended = tokio::task::spawn_blocking(move || server.wait().unwrap());
    let ended = tokio::time::timeout(PATIENCE, ended)
        .await
        .unwrap()
        .unwrap();
    assert!(ended.success(), "{ended}");
    let frames = probe(&file);
    assert!(frames.len() > 30, "{frames:?}");
    assert!(
        frames[0].starts_with('1'),
        "begins at a keyframe: {frames:?}"
    );
    let errors = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&file)
        .args(["-f", "null", "-"])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&errors.stderr).into_owned();
    assert_eq!(errors, "", "it decodes");
}

/// Decoded pictures: whether each is a keyframe.
fn probe(file: &Path) -> Vec<String> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v", "-show_entries"])
        .args(["frame=key_frame", "-of", "csv=p=0"])
        .arg(file)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_outlives_the_worker_and_comes_back_after_the_server() {
    let units = source(40);
    let (server, mut recording) = Server::start().await;
    let address = server.address;
    let restreamer = restreamer(true, None);
    restreamer.set_targets("s", vec![target(address.port(), KEY)]);
    let worker = start(&restreamer, units);
    let mut seen = some(&mut recording, 60).await;
    assert_eq!(formats(&seen).len(), 2);
    let first = units_of(&seen)[0];
    // A receiver begins its timeline at half a second.
    let begins = (Kind::Video, true, 500_000_000);
    assert_eq!((first.kind, first.keyframe, first.dts), begins);

    signal(worker.path(), "-9");
    seen.extend(some(&mut recording, 150).await);
    check_times(&seen);
    // Nothing was configured anew.
    assert_eq!(formats(&seen).len(), 2);

    server.stop().await;
    let status = until(&restreamer, RestreamState::Retrying).await;
    assert!(status.reason.is_some() && status.next_at.is_some() && status.failures == 1);
    let (_server, mut recording) = Server::start_at(address).await;
    let seen = some(&mut recording, 60).await;
    assert_eq!(seen[0], Event::Opened("demo".to_owned()));
    let first = units_of(&seen)[0];
    let began = (first.kind, first.keyframe, first.dts);
    assert_eq!(began, (Kind::Video, true, 500_000_000));
    check_times(&seen);
    // A wrong key, given while it is live, is a new connection that is refused.
    restreamer.set_targets("s", vec![target(address.port(), "wrong-key")]);
    recording.until_ended().await;
    let status = until(&restreamer, RestreamState::Retrying).await;
    let reason = status.reason.unwrap();
    assert!(
        reason.contains("check the key") && !reason.contains("wrong-key"),
        "{reason}"
    );
}

fn units_of(events: &[Event]) -> Vec<&weir_bridge::source::AccessUnit> {
    units(events)
}

#[tokio::test(flavor = "multi_thread")]
async fn forbidden_addresses_are_never_connected_to() {
    let (server, mut recording) = Server::start().await;
    let restreamer = restreamer(false, None);
    let target = target(server.address.port(), KEY);
    let refused = restreamer.test(&target).await.unwrap_err().to_string();
    assert!(refused.contains("must be a public one"), "{refused}");
    restreamer.set_targets("s", vec![target]);
    let _worker = start(&restreamer, source(4));
    let status = until(&restreamer, RestreamState::Failed).await;
    assert!(status.reason.unwrap().contains("must be a public one"));
    assert_eq!(recording.rest(), []);
}

#[tokio::test]
async fn a_test_tells_whether_the_server_would_take_it() {
    let (server, mut recording) = Server::start().await;
    let restreamer = restreamer(true, None);
    let port = server.address.port();
    restreamer.test(&target(port, KEY)).await.unwrap();
    recording.until_ended().await;
    let refused = restreamer.test(&target(port, "wrong")).await.unwrap_err();
    assert!(
        refused.to_string().contains("unknown stream key"),
        "{refused}"
    );
    let nobody = free_port().await;
    let gone = restreamer.test(&target(nobody, KEY)).await.unwrap_err();
    assert!(gone.to_string().contains("cannot connect"), "{gone}");
}

#[tokio::test]
async fn rtmps_is_taken_from_servers_that_prove_their_name() {
    let (server, _recording) = Server::start().await;
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = server.address;
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust it goes away.
                let Ok(mut outside) = acceptor.accept(tcp).await else {
                    return;
                };
                let mut inside = TcpStream::connect(behind).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
            });
        }
    });
    let mut target = target(port, KEY);
    target.address.secure = true;
    restreamer(true, Some(&roots)).test(&target).await.unwrap();
    let untrusted = restreamer(true, None).test(&target).await.unwrap_err();
    assert!(untrusted.to_string().contains("TLS"), "{untrusted}");
    target.address.host = "other.example".to_owned();
    let other = restreamer(true, Some(&roots)).test(&target).await;
    assert!(other.unwrap_err().to_string().contains("TLS"));
}
