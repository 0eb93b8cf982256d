//! Starts workers and watches them: one child process per live stream.
//!
//! [`Bridge::open`] gives a [`SourceWriter`] for a stream's media; a task of its own spawns the
//! worker, feeds it over the [`link`](crate::link), hands what comes back to the stream's
//! [`StreamOutput`], and starts a new worker when one dies or hangs.

mod feed;
mod history;
mod local;
mod place;
mod progress;
mod quarantine;
mod queue;
pub mod remote;
mod stream;
mod take;

use std::{
    ffi::OsString,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;
use tokio_util::task::TaskTracker;
use weir_media::RtpPacket;
use weir_protocol::finding::FindingReport;

use crate::{
    config::{WorkerConfig, WorkerLimits},
    output::{Requests, StreamOutput},
    source::{AccessUnit, SourceFormat},
};

pub use quarantine::QuarantineConfig;
pub use queue::SourceWriter;

use quarantine::Quarantines;

/// What a publisher's session hands to the bridge.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceUnit {
    /// A track begins, or its codec or configuration changes.
    Format(SourceFormat),
    /// One coded picture or audio frame of an RTMP publisher.
    AccessUnit(AccessUnit),
    /// One packet of a WHIP publisher, as the SFU decrypted it.
    Rtp(RtpPacket),
    /// Something that the session found wrong with the source; goes past the worker to the output.
    Finding(FindingReport),
}

/// How a worker is started.
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    /// The program; it must end up in [`worker::run`](crate::worker::run).
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
}

impl WorkerCommand {
    /// This very program with the argument `bridge-worker`.
    pub fn current_exe() -> std::io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            args: vec!["bridge-worker".into()],
        })
    }
}

/// How the bridge runs its workers.
#[derive(Debug, Clone)]
pub struct BridgeConfig {
    /// What to start for each stream.
    pub worker: WorkerCommand,
    /// A worker that says nothing for this long hangs and is replaced. It says something at least
    /// four times a second.
    pub hang_timeout: Duration,
    /// A worker that takes media in for this long and gives none of its kind out is replaced.
    pub progress_timeout: Duration,
    /// What each worker may take of the machine.
    pub limits: WorkerLimits,
    /// Workers on other machines, where streams are placed first while there are any.
    pub remote: Option<remote::Pool>,
    /// When a stream that crashes its workers is left alone.
    pub quarantine: QuarantineConfig,
    /// What each worker is told first.
    pub media: WorkerConfig,
}

impl BridgeConfig {
    /// The defaults with this worker.
    pub fn new(worker: WorkerCommand) -> Self {
        Self {
            worker,
            hang_timeout: Duration::from_secs(3),
            progress_timeout: Duration::from_secs(20),
            limits: WorkerLimits::default(),
            remote: None,
            quarantine: QuarantineConfig::default(),
            media: WorkerConfig::default(),
        }
    }
}

/// Counters since the start, and a gauge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BridgeStats {
    /// Worker processes now.
    pub workers: u64,
    /// Workers that were replaced because they died or hung.
    pub worker_restarts: u64,
    /// Streams that are left alone now, since they crash their workers.
    pub quarantined: u64,
    /// Times that a stream was left alone.
    pub quarantines: u64,
    /// Source units dropped because a worker could not keep up.
    pub units_dropped: u64,
    /// Source units given to workers.
    pub units_in: u64,
    /// RTP packets that workers made.
    pub rtp_packets_out: u64,
    /// CMAF parts that workers made.
    pub hls_parts_out: u64,
}

#[derive(Debug, Default)]
struct Counters {
    workers: AtomicU64,
    worker_restarts: AtomicU64,
    quarantined: AtomicU64,
    quarantines: AtomicU64,
    units_dropped: AtomicU64,
    units_in: AtomicU64,
    rtp_packets_out: AtomicU64,
    hls_parts_out: AtomicU64,
}

/// The bridge: opens streams and counts what happens. Clones are the same bridge.
#[derive(Debug, Clone)]
pub struct Bridge {
    config: Arc<BridgeConfig>,
    counters: Arc<Counters>,
    quarantines: Arc<Quarantines>,
    streams: TaskTracker,
}

impl Bridge {
    /// A bridge that starts its workers as `config` says.
    pub fn new(config: BridgeConfig) -> Self {
        Self {
            config: Arc::new(config),
            counters: Arc::default(),
            quarantines: Arc::default(),
            streams: TaskTracker::new(),
        }
    }

    /// Opens a stream: its media goes into the writer that is returned and comes out at `output`.
    ///
    /// `slug` names it in logs. Each request for a keyframe becomes a
    /// keyframe in the RTP video as soon as the path allows: the next picture where it is encoded here, else as
    /// [`SourceWriter::keyframe_wanted`] asks the publisher. Dropping the writer ends the stream:
    /// the worker drains what it has and exits, then `output` is dropped.
    ///
    /// Must be called within a tokio runtime.
    pub fn open(
        &self,
        slug: &str,
        output: Box<dyn StreamOutput>,
        requests: Requests,
    ) -> SourceWriter {
        let wanted = Arc::new(Notify::new());
        let (writer, reader) = queue::source_queue(wanted.clone(), self.counters.clone());
        self.streams.spawn(stream::run(
            self.clone(),
            slug.to_owned(),
            output,
            requests,
            reader,
            wanted,
        ));
        writer
    }

    /// Waits until the open streams have ended and their workers are gone: what those still held is at the outputs then.
    /// For a stop in good order, after the writers were dropped.
    pub async fn settle(&self) {
        self.streams.close();
        self.streams.wait().await;
    }

    /// Counters for `/metrics`.
    pub fn stats(&self) -> BridgeStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        BridgeStats {
            workers: get(&self.counters.workers),
            worker_restarts: get(&self.counters.worker_restarts),
            quarantined: get(&self.counters.quarantined),
            quarantines: get(&self.counters.quarantines),
            units_dropped: get(&self.counters.units_dropped),
            units_in: get(&self.counters.units_in),
            rtp_packets_out: get(&self.counters.rtp_packets_out),
            hls_parts_out: get(&self.counters.hls_parts_out),
        }
    }
}
