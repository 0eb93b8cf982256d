//! The media plane in a process of its own, as its parent sees it: lines of JSON through pipes.
//!
//! A process of its own, so that the counting allocator, the resident memory and the threads are
//! the server's alone.

use std::{
    collections::HashMap,
    path::Path,
    process::Stdio,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::oneshot,
};

use crate::source::SourceReport;

/// Time to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// The hidden subcommand that [`crate::media_host::run`] stands behind.
pub const SUBCOMMAND: &str = "media-host";

/// What the child is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// A WHIP or WHEP offer.
    Offer { publisher: bool, sdp: String },
    /// The end of a session.
    End { session: u64 },
    /// Feed the stream in real time through the bridge's way in.
    Feed { layers: usize },
    /// Everything that is counted.
    Snapshot,
    /// Stop in an orderly way.
    Stop,
}

/// What the child answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    Session(HostSession),
    Snapshot(Box<HostSnapshot>),
    Done,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HostSession {
    pub(crate) id: u64,
    pub(crate) answer: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) id: u64,
    pub(crate) ask: Ask,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Response {
    pub(crate) id: u64,
    pub(crate) result: Result<Reply, String>,
}

/// The media plane's state at one moment.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct HostSnapshot {
    /// Bytes on the heap, as they were asked for.
    pub(crate) heap: u64,
    /// Allocations on the shards' threads since the start.
    pub(crate) shard_allocations: u64,
    /// Connected viewers.
    pub(crate) viewers: u64,
    pub(crate) packets_out: u64,
    pub(crate) bytes_out: u64,
    pub(crate) sends: u64,
    pub(crate) retransmissions: u64,
    pub(crate) overflow_drops: u64,
    pub(crate) viewer_drops: u64,
    pub(crate) keyframe_requests: u64,
    /// The source since the last snapshot, when it is fed here.
    pub(crate) source: SourceReport,
}

/// A handle to the child; clones are the same one.
#[derive(Clone)]
pub(crate) struct Host {
    inner: Arc<Inner>,
}

struct Inner {
    pid: u32,
    next: AtomicU64,
    stdin: tokio::sync::Mutex<ChildStdin>,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Result<Reply, String>>>>,
    child: tokio::sync::Mutex<Child>,
}

impl Host {
    /// Starts the benchmark's own program again, as the media plane.
    pub(crate) fn start(program: &Path, shards: usize) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .args([SUBCOMMAND, "--shards", &shards.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let stdin = child.stdin.take().context("no pipe to the media plane")?;
        let stdout = child.stdout.take().context("no pipe to the media plane")?;
        let inner = Arc::new(Inner {
            pid: child.id().context("the media plane ended at once")?,
            next: AtomicU64::new(0),
            stdin: tokio::sync::Mutex::new(stdin),
            waiting: Mutex::new(HashMap::new()),
            child: tokio::sync::Mutex::new(child),
        });
        tokio::spawn(read(stdout, Arc::downgrade(&inner)));
        Ok(Self { inner })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.inner.pid
    }

    async fn ask(&self, ask: Ask) -> anyhow::Result<Reply> {
        const GONE: &str = "the media plane's process ended";
        let id = self.inner.next.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        let lock = |waiting: &Mutex<HashMap<_, _>>| {
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.insert(id, reply);
        };
        lock(&self.inner.waiting);
        let mut line = serde_json::to_vec(&Request { id, ask })?;
        line.push(b'\n');
        let mut stdin = self.inner.stdin.lock().await;
        stdin.write_all(&line).await.context(GONE)?;
        stdin.flush().await.context(GONE)?;
        drop(stdin);
        answer
            .await
            .context(GONE)?
            .map_err(|error| anyhow!("the media plane: {error}"))
    }

    async fn tell(&self, ask: Ask) -> anyhow::Result<()> {
        self.ask(ask).await.map(drop)
    }

    pub(crate) async fn offer(&self, publisher: bool, sdp: &str) -> anyhow::Result<HostSession> {
        let sdp = sdp.to_owned();
        match self.ask(Ask::Offer { publisher, sdp }).await? {
            Reply::Session(session) => Ok(session),
            Reply::Snapshot(_) | Reply::Done => bail!("the media plane gave no session"),
        }
    }

    pub(crate) async fn end(&self, session: u64) -> anyhow::Result<()> {
        self.tell(Ask::End { session }).await
    }

    /// The stream is live when this is done.
    pub(crate) async fn feed(&self, layers: usize) -> anyhow::Result<()> {
        self.tell(Ask::Feed { layers }).await
    }

    pub(crate) async fn snapshot(&self) -> anyhow::Result<HostSnapshot> {
        match self.ask(Ask::Snapshot).await? {
            Reply::Snapshot(snapshot) => Ok(*snapshot),
            Reply::Session(_) | Reply::Done => bail!("the media plane gave no figures"),
        }
    }

    pub(crate) async fn stop(&self) -> anyhow::Result<()> {
        self.tell(Ask::Stop).await?;
        let mut child = self.inner.child.lock().await;
        let status = tokio::time::timeout(STOP_TIMEOUT, child.wait()).await;
        let status = status.context("the media plane does not stop")??;
        if !status.success() {
            bail!("the media plane ended with {status}");
        }
        Ok(())
    }
}

/// Hands answers to those who wait. When the child is gone, nobody waits any more.
async fn read(stdout: ChildStdout, inner: std::sync::Weak<Inner>) {
    let mut lines = BufReader::new(stdout).lines();
    loop {
        let line = lines.next_line().await;
        let Some(inner) = inner.upgrade() else { return };
        let mut waiting = inner.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(Some(line)) = line else {
            waiting.clear();
            return;
        };
        if let Ok(Response { id, result }) = serde_json::from_str(&line)
            && let Some(reply) = waiting.remove(&id)
        {
            // Whoever asked may have given up.
            let _ = reply.send(result);
        }
    }
}
