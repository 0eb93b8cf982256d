//! A stream's output that is written down, and the source that feeds it in real time.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use weir_bridge::{
    config::WorkerConfig,
    output::{Requester, Requests, StreamOutput},
    supervisor::{Bridge, BridgeConfig, SourceUnit, SourceWriter, WorkerCommand},
};
use weir_media::{HlsOutput, HlsTrack, Kind, MediaTime, RtpLayer, RtpPacket, RtpTracks, Thumbnail};
use weir_protocol::{
    Caption,
    finding::{FindingCode, FindingReport},
};

use super::flv;

/// What came out.
#[derive(Debug, Clone)]
pub enum Event {
    Start(RtpTracks, Vec<RtpLayer>),
    Rtp(RtpPacket),
    Hls(HlsOutput),
    Thumbnail(Thumbnail),
    Finding(FindingReport),
    Restarted(String),
}

struct Recorder(mpsc::UnboundedSender<(Instant, Event)>);

impl StreamOutput for Recorder {
    fn rtp_start(&mut self, tracks: RtpTracks, layers: &[RtpLayer]) {
        self.note(Event::Start(tracks, layers.to_vec()));
    }

    fn rtp(&mut self, packet: RtpPacket, _last_of_batch: bool) {
        self.note(Event::Rtp(packet));
    }

    fn hls(&mut self, output: HlsOutput) {
        self.note(Event::Hls(output));
    }

    fn thumbnail(&mut self, thumbnail: Thumbnail) {
        self.note(Event::Thumbnail(thumbnail));
    }

    fn finding(&mut self, report: FindingReport) {
        self.note(Event::Finding(report));
    }

    fn caption(&mut self, _: Caption) {}
    fn worker_restarted(&mut self, reason: &str) {
        self.note(Event::Restarted(reason.to_owned()));
    }
}

impl Recorder {
    fn note(&self, event: Event) {
        // A test that has seen enough does not listen any more.
        let _ = self.0.send((Instant::now(), event));
    }
}

/// The worker, which cargo puts beside the folder of this test. (Its `CARGO_BIN_EXE_…` variable does not
/// reach a compiler behind every wrapper.)
pub fn worker_program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("weir-bridge-worker");
    assert!(
        program.exists(),
        "{} is built with the tests",
        program.display()
    );
    program
}

/// Starts a worker that is known: the shell notes its process id, which becomes the worker's.
pub fn worker_command(pid_file: &Path) -> WorkerCommand {
    let script = format!(
        "echo $$ > {}; exec {}",
        pid_file.display(),
        worker_program().display()
    );
    WorkerCommand {
        program: PathBuf::from("/bin/sh"),
        args: vec!["-c".into(), script.into()],
    }
}

/// Sends such a worker a signal, as `kill` names it.
pub fn signal(pid_file: &Path, signal: &str) {
    let pid = std::fs::read_to_string(pid_file).unwrap();
    let status = std::process::Command::new("kill")
        .args([signal, pid.trim()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// What a stream has given out, and when.
type Events = mpsc::UnboundedReceiver<(Instant, Event)>;

/// A stream that is being recorded.
pub struct Stream {
    pub bridge: Bridge,
    pub requester: Requester,
    pub events: Events,
    pid_file: tempfile::NamedTempFile,
}

fn open(bridge: &Bridge) -> (Requester, Events, SourceWriter) {
    let (sender, events) = mpsc::unbounded_channel();
    let (requester, requests) = Requests::channel();
    let writer = bridge.open("test", Box::new(Recorder(sender)), requests);
    (requester, events, writer)
}

impl Stream {
    pub fn open() -> (Self, SourceWriter) {
        Self::with(WorkerConfig::default())
    }

    /// One whose worker has these settings.
    pub fn with(media: WorkerConfig) -> (Self, SourceWriter) {
        let pid_file = tempfile::NamedTempFile::new().unwrap();
        let worker = worker_command(pid_file.path());
        let config = BridgeConfig {
            hang_timeout: Duration::from_millis(1500),
            media,
            ..BridgeConfig::new(worker)
        };
        let bridge = Bridge::new(config);
        let (requester, events, writer) = open(&bridge);
        (
            Self {
                bridge,
                requester,
                events,
                pid_file,
            },
            writer,
        )
    }

    /// Opens the same stream anew, as its publisher's next connection does.
    pub fn reopen(&mut self) -> SourceWriter {
        let writer;
        (self.requester, self.events, writer) = open(&self.bridge);
        writer
    }

    /// Sends the worker a signal, as `kill` names it.
    pub fn signal_worker(&self, signal: &str) {
        self::signal(self.pid_file.path(), signal);
    }

    /// Everything until the stream has ended.
    pub async fn rest(&mut self) -> Vec<(Instant, Event)> {
        let mut all = Vec::new();
        while let Some(event) = self.events.recv().await {
            all.push(event);
        }
        all
    }
}

/// Sends the units when their time has come, as a publisher would; gives back when each picture was
/// sent, by its presentation time.
pub async fn publish(
    writer: &SourceWriter,
    units: Vec<SourceUnit>,
) -> BTreeMap<MediaTime, Instant> {
    let start = tokio::time::Instant::now();
    let mut first = None;
    let mut sent = BTreeMap::new();
    for unit in units {
        if let Some(time) = flv::time(&unit) {
            let first = *first.get_or_insert(time);
            tokio::time::sleep_until(start + Duration::from_nanos(time - first)).await;
        }
        if let SourceUnit::AccessUnit(unit) = &unit
            && unit.kind == Kind::Video
        {
            sent.insert(unit.pts, Instant::now());
        }
        writer.push(unit);
    }
    sent
}

/// Publishes everything and gives back what came out.
pub async fn pass(units: Vec<SourceUnit>) -> (Recording, BTreeMap<MediaTime, Instant>) {
    let (mut stream, writer) = Stream::open();
    let sent = publish(&writer, units).await;
    drop(writer);
    (Recording::new(stream.rest().await), sent)
}

/// Events sorted by what they are.
#[derive(Default)]
pub struct Recording {
    pub starts: Vec<RtpTracks>,
    /// The video's layers at each start.
    pub layers: Vec<Vec<RtpLayer>>,
    pub video: Vec<(Instant, RtpPacket)>,
    pub audio: Vec<(Instant, RtpPacket)>,
    pub hls: Vec<HlsOutput>,
    pub thumbnails: Vec<Thumbnail>,
    pub findings: Vec<FindingReport>,
    pub restarts: Vec<String>,
}

impl Recording {
    /// Whether the worker said that the machine was too slow. Nothing else that it may have found excuses
    /// a rung that is short.
    pub fn was_overloaded(&self) -> bool {
        let mut findings = self.findings.iter();
        findings.any(|report| report.code == FindingCode::Overload)
    }

    pub fn new(events: Vec<(Instant, Event)>) -> Self {
        let mut recording = Self::default();
        for (at, event) in events {
            match event {
                Event::Start(tracks, layers) => {
                    recording.starts.push(tracks);
                    recording.layers.push(layers);
                }
                Event::Rtp(packet) => match packet.kind {
                    Kind::Video => recording.video.push((at, packet)),
                    Kind::Audio => recording.audio.push((at, packet)),
                },
                // What the machine is too slow for; no media.
                Event::Hls(HlsOutput::Withheld(_)) => {}
                Event::Hls(output) => recording.hls.push(output),
                Event::Thumbnail(thumbnail) => recording.thumbnails.push(thumbnail),
                Event::Finding(report) => recording.findings.push(report),
                Event::Restarted(reason) => recording.restarts.push(reason),
            }
        }
        recording
    }

    /// Pictures' times, in the order sent, and whether each is a keyframe.
    pub fn pictures(&self) -> Vec<(MediaTime, bool)> {
        let mut pictures: Vec<(MediaTime, bool)> = Vec::new();
        for (_, packet) in &self.video {
            if pictures.last().is_none_or(|(time, _)| *time != packet.time) {
                pictures.push((packet.time, packet.keyframe));
            }
        }
        pictures
    }

    /// What came of one of the video's layers.
    pub fn layer(&self, layer: u8) -> Self {
        let video = self.video.iter();
        Self {
            video: video
                .filter(|(_, packet)| packet.layer == layer)
                .cloned()
                .collect(),
            ..Self::default()
        }
    }

    /// When segments of a track start.
    pub fn segments(&self, track: HlsTrack) -> Vec<MediaTime> {
        let parts = self.parts(track).into_iter();
        parts.filter(|part| part.0).map(|part| part.2).collect()
    }

    /// Median of what the worker adds: from the push of the last picture that had to be there (with
    /// B-frames a later one) to the picture's last packet.
    pub fn latency(&self, sent: &BTreeMap<MediaTime, Instant>) -> Duration {
        let mut out = BTreeMap::new();
        for (at, packet) in &self.video {
            out.insert(packet.time, *at);
        }
        let mut latest = None;
        let mut delays = Vec::new();
        for (time, pushed) in sent {
            let latest =
                latest.insert(latest.map_or(*pushed, |latest: Instant| latest.max(*pushed)));
            if let Some(at) = out.get(time) {
                delays.push(at.saturating_duration_since(*latest));
            }
        }
        delays.sort();
        delays[delays.len() / 2]
    }

    /// The video as an Annex B byte stream, by the depacketizer of GStreamer or by hand.
    pub fn annex_b(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut fragment = Vec::new();
        let put = |out: &mut Vec<u8>, unit: &[u8]| {
            out.extend([0, 0, 0, 1]);
            out.extend(unit);
        };
        for (_, packet) in &self.video {
            let payload = &packet.packet[12..];
            match payload[0] & 0x1f {
                24 => {
                    let mut rest = &payload[1..];
                    while !rest.is_empty() {
                        let size = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
                        put(&mut out, &rest[2..2 + size]);
                        rest = &rest[2 + size..];
                    }
                }
                28 => {
                    if payload[1] & 0x80 != 0 {
                        fragment = vec![payload[0] & 0xe0 | payload[1] & 0x1f];
                    }
                    fragment.extend(&payload[2..]);
                    if payload[1] & 0x40 != 0 {
                        put(&mut out, &fragment);
                    }
                }
                _ => put(&mut out, payload),
            }
        }
        out
    }

    /// Init and parts of a track's run (counted from 0), as one file.
    pub fn track(&self, run: usize, wanted: HlsTrack) -> Vec<u8> {
        let mut at = 0;
        let mut file = Vec::new();
        for output in &self.hls {
            match output {
                HlsOutput::Start(_) => at += 1,
                HlsOutput::Init { track, data } | HlsOutput::Part { track, data, .. } => {
                    if *track == wanted && at == run + 1 {
                        file.extend_from_slice(data);
                    }
                }
                HlsOutput::Dormant(_) | HlsOutput::Withheld(_) => {}
            }
        }
        file
    }

    /// Parts of a track: segment start, independent, time, duration.
    pub fn parts(&self, wanted: HlsTrack) -> Vec<(bool, bool, MediaTime, Duration)> {
        self.hls
            .iter()
            .filter_map(|output| match output {
                HlsOutput::Part {
                    track,
                    segment_start,
                    independent,
                    time,
                    duration,
                    ..
                } if *track == wanted => Some((*segment_start, *independent, *time, *duration)),
                _ => None,
            })
            .collect()
    }
}
