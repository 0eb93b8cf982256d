//! Workers that die, hang or want too much.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use weir_bridge::{
    config::WorkerLimits,
    output::{Requests, StreamOutput},
    supervisor::{Bridge, BridgeConfig, QuarantineConfig, SourceUnit, WorkerCommand},
};
use weir_media::{HlsOutput, RtpLayer, RtpPacket, RtpTracks, Thumbnail};
use weir_protocol::{
    Caption,
    finding::{FindingCode, FindingReport, Severity},
};

use crate::worker::{
    flv,
    recording::{Event, Recording, publish, signal, worker_command},
};

/// What came out.
pub struct Output(
    pub mpsc::UnboundedSender<(Instant, Event)>,
    pub Arc<Mutex<Vec<FindingReport>>>,
);

impl StreamOutput for Output {
    fn rtp_start(&mut self, tracks: RtpTracks, layers: &[RtpLayer]) {
        let _ = self
            .0
            .send((Instant::now(), Event::Start(tracks, layers.to_vec())));
    }
    fn rtp(&mut self, packet: RtpPacket, _: bool) {
        let _ = self.0.send((Instant::now(), Event::Rtp(packet)));
    }
    fn hls(&mut self, output: HlsOutput) {
        let _ = self.0.send((Instant::now(), Event::Hls(output)));
    }
    fn thumbnail(&mut self, _: Thumbnail) {}
    fn finding(&mut self, report: FindingReport) {
        self.1.lock().unwrap().push(report);
    }
    fn caption(&mut self, _: Caption) {}
    fn worker_restarted(&mut self, reason: &str) {
        let _ = self
            .0
            .send((Instant::now(), Event::Restarted(reason.to_owned())));
    }
}

pub fn source(seconds: u32) -> Vec<SourceUnit> {
    flv::encode(&format!(
        "-f lavfi -i testsrc2=size=320x180:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000 \
         -t {seconds} -pix_fmt yuv420p -c:v libx264 -preset ultrafast -b:v 300k -bf 0 -g 30 \
         -sc_threshold 0 -c:a aac -b:a 96k -ac 2"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn five_kills_cost_moments_and_no_more() {
    let pid_file = tempfile::NamedTempFile::new().unwrap();
    let bridge = Bridge::new(BridgeConfig {
        // Kills in a test come faster than crashes in life.
        quarantine: QuarantineConfig {
            within: Duration::from_secs(5),
            ..QuarantineConfig::default()
        },
        ..BridgeConfig::new(worker_command(pid_file.path()))
    });
    let (sender, mut events) = mpsc::unbounded_channel();
    let findings = Arc::default();
    let (_, requests) = Requests::channel();
    let writer = bridge.open(
        "s",
        Box::new(Output(sender, Arc::clone(&findings))),
        requests,
    );
    let publishing = tokio::spawn(async move { publish(&writer, source(28)).await });
    let mut all = Vec::new();
    let mut kills = Vec::new();
    // A kill each time that media flows again, for 3 s.
    let mut flows_since = None;
    while let Some((at, event)) = events.recv().await {
        match &event {
            Event::Hls(HlsOutput::Part { .. }) => {
                let since = *flows_since.get_or_insert(at);
                if kills.len() < 5 && at.duration_since(since) > Duration::from_secs(3) {
                    signal(pid_file.path(), "-9");
                    kills.push(Instant::now());
                    flows_since = None;
                }
            }
            Event::Restarted(_) => flows_since = None,
            _ => {}
        }
        all.push((at, event));
    }
    publishing.await.unwrap();
    assert_eq!(kills.len(), 5);
    assert_eq!(bridge.stats().worker_restarts, 5);
    assert_eq!(bridge.stats().workers, 0);
    assert!(findings.lock().unwrap().is_empty());
    for kill in kills {
        let restarted = all
            .iter()
            .position(|(at, event)| *at >= kill && matches!(event, Event::Restarted(_)));
        let after = &all[restarted.unwrap()..];
        let back = |wanted: fn(&Event) -> bool| {
            let (at, _) = after.iter().find(|(_, event)| wanted(event)).unwrap();
            at.duration_since(kill)
        };
        let rtp = back(|event| matches!(event, Event::Rtp(_)));
        let hls = back(|event| matches!(event, Event::Hls(HlsOutput::Part { .. })));
        println!("after a kill: RTP in {rtp:?}, HLS in {hls:?}");
        // Wide: what it takes is measured elsewhere.
        assert!(rtp < Duration::from_secs(10) && hls < Duration::from_secs(10));
    }
    let recording = Recording::new(all);
    let starts = recording
        .hls
        .iter()
        .filter(|it| matches!(it, HlsOutput::Start(_)));
    assert_eq!(starts.count(), 6, "each run is told as one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_crashes_its_workers_is_left_alone_for_a_while() {
    let worker = WorkerCommand {
        program: "/bin/false".into(),
        args: Vec::new(),
    };
    let bridge = Bridge::new(BridgeConfig {
        quarantine: QuarantineConfig {
            first: Duration::from_secs(2),
            ..QuarantineConfig::default()
        },
        ..BridgeConfig::new(worker)
    });
    let findings: Arc<Mutex<Vec<FindingReport>>> = Arc::default();
    let open = || {
        let (sender, events) = mpsc::unbounded_channel();
        let (_, requests) = Requests::channel();
        let output = Output(sender, findings.clone());
        (bridge.open("s", Box::new(output), requests), events)
    };
    let until = async |wanted: &dyn Fn() -> bool| {
        let wait = async {
            while !wanted() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), wait)
            .await
            .unwrap();
    };
    let units = source(1);
    let (writer, _events) = open();
    units
        .iter()
        .take(2)
        .cloned()
        .for_each(|unit| writer.push(unit));
    until(&|| bridge.stats().quarantined == 1).await;
    assert_eq!(bridge.stats().worker_restarts, 5);
    {
        let findings = findings.lock().unwrap();
        assert_eq!(findings.len(), 1);
        let finding = &findings[0];
        assert_eq!(finding.code, FindingCode::WorkerQuarantined);
        assert!(finding.active && finding.severity == Severity::Error);
        assert!(finding.words.contains_key("reason"));
    }
    // A publisher that comes back with the same is left alone too.
    drop(writer);
    until(&|| bridge.stats().quarantined == 0).await;
    let (writer, _events) = open();
    until(&|| bridge.stats().quarantined == 1).await;
    assert_eq!(bridge.stats().worker_restarts, 5);
    // With another format it is tried at once.
    let SourceUnit::Format(weir_bridge::source::SourceFormat::Video { codec, layer, .. }) = units
        .iter()
        .find(|unit| matches!(unit, SourceUnit::Format(format) if format.kind() == weir_media::Kind::Video))
        .unwrap()
    else {
        panic!("it is a format")
    };
    writer.push(SourceUnit::Format(
        weir_bridge::source::SourceFormat::Video {
            codec: *codec,
            layer: *layer,
            config: bytes::Bytes::from_static(b"another"),
        },
    ));
    until(&|| bridge.stats().worker_restarts > 5).await;
    let cleared = findings
        .lock()
        .unwrap()
        .iter()
        .any(|finding| !finding.active);
    assert!(cleared);
}

/// A worker's `/proc` file.
fn proc_file(pid: &str, name: &str) -> String {
    std::fs::read_to_string(format!("/proc/{}/{name}", pid.trim())).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_confines_itself() {
    let pid_file = tempfile::NamedTempFile::new().unwrap();
    let bridge = Bridge::new(BridgeConfig {
        limits: WorkerLimits {
            memory_mib: 1500,
            nice: 7,
        },
        ..BridgeConfig::new(worker_command(pid_file.path()))
    });
    let (sender, mut events) = mpsc::unbounded_channel();
    let (_, requests) = Requests::channel();
    let writer = bridge.open("s", Box::new(Output(sender, Arc::default())), requests);
    let publishing = tokio::spawn(async move { publish(&writer, source(3)).await });
    // It works within its limits.
    while !matches!(
        events.recv().await.unwrap().1,
        Event::Hls(HlsOutput::Part { .. })
    ) {}
    let pid = std::fs::read_to_string(pid_file.path()).unwrap();
    let limits = proc_file(&pid, "limits");
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        let words = line[26..].split_whitespace();
        words.take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    let memory = (1500_u64 << 20).to_string();
    assert_eq!(limit("Max data size"), [memory.as_str(), memory.as_str()]);
    assert_eq!(limit("Max core file size"), ["0", "0"]);
    let status = proc_file(&pid, "status");
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    let stat = proc_file(&pid, "stat");
    let fields: Vec<_> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    // Field 19 of proc_pid_stat(5); the text begins with the third.
    assert_eq!(fields[19 - 3], "7", "nice");
    assert_eq!(proc_file(&pid, "oom_score_adj").trim(), "500");
    publishing.await.unwrap();
}
