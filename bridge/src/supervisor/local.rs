//! Workers on this machine: child processes.

use std::{
    io,
    os::fd::OwnedFd,
    process::Stdio,
    sync::{OnceLock, mpsc},
};

use futures_util::StreamExt;
use tokio::{
    net::UnixStream,
    process::{Child, ChildStderr, Command},
    runtime::Handle,
    sync::oneshot,
};
use tokio_util::codec::{FramedRead, LinesCodec};
use tracing::{info, warn};

use super::WorkerCommand;
use crate::config::{LIMITS_VARIABLE, WorkerLimits};

/// Longest line of a worker's log; a longer one is cut into nothing and said so.
const LOG_LINE: usize = 4096;

/// Starts a worker. Its link is its standard input.
pub(crate) async fn start(
    worker: &WorkerCommand,
    limits: &WorkerLimits,
    slug: &str,
) -> io::Result<(Child, UnixStream)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let link = UnixStream::from_std(ours)?;
    let mut child = spawn(worker, limits, theirs.into()).await?;
    info!(slug, pid = child.id(), "bridge worker started");
    if let Some(stderr) = child.stderr.take() {
        tokio::spawn(log_lines(slug.to_owned(), stderr));
    }
    Ok((child, link))
}

async fn spawn(worker: &WorkerCommand, limits: &WorkerLimits, link: OwnedFd) -> io::Result<Child> {
    let limits = serde_json::to_string(limits).map_err(io::Error::other)?;
    // The link's end of file is also how a worker learns that this process is gone, however it went.
    // A group of its own keeps the terminal's Ctrl-C from it: the server stops its workers in order.
    let mut command = Command::new(&worker.program);
    command
        .args(&worker.args)
        .env(LIMITS_VARIABLE, limits)
        .stdin(Stdio::from(link))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let (answer, child) = oneshot::channel();
    let gone = || io::Error::other("the thread that starts workers is gone");
    let job = Job {
        command,
        runtime: Handle::current(),
        answer,
    };
    starter().send(job).map_err(|_| gone())?;
    child.await.map_err(|_| gone())?
}

struct Job {
    command: Command,
    runtime: Handle,
    answer: oneshot::Sender<io::Result<Child>>,
}

/// A thread that lives as long as the process. A worker asks the kernel to end it when its parent does,
/// and for the kernel the parent is the thread that started it: those of a runtime come and go.
fn starter() -> &'static mpsc::Sender<Job> {
    static STARTER: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    STARTER.get_or_init(|| {
        let (sender, jobs) = mpsc::channel::<Job>();
        let thread = std::thread::Builder::new().name("workers".into());
        let spawned = thread.spawn(move || {
            for mut job in jobs {
                let _runtime = job.runtime.enter();
                // Who does not wait any more does not want the worker: dropped, it ends.
                let _ = job.answer.send(job.command.spawn());
            }
        });
        // Without the thread each job fails, with a reason.
        if let Err(error) = spawned {
            warn!(%error, "cannot start the thread that starts workers");
        }
        sender
    })
}

/// What a worker writes to its standard error belongs into the server's log.
async fn log_lines(slug: String, stderr: ChildStderr) {
    let mut lines = FramedRead::new(stderr, LinesCodec::new_with_max_length(LOG_LINE));
    while let Some(line) = lines.next().await {
        match line {
            Ok(line) => info!(%slug, worker = %line),
            Err(error) => warn!(%slug, %error, "worker's log line lost"),
        }
    }
}
