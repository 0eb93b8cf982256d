//! The task of one stream: a worker after the other until the source ends.

use std::{
    io,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::StreamExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{Child, ChildStderr, Command},
    sync::{Notify, mpsc},
    time::{Instant, sleep, timeout},
};
use tokio_util::codec::{FramedRead, LinesCodec};
use tracing::{debug, info, warn};
use weir_media::{HlsOutput, RtpPacket};

use super::{Bridge, SourceUnit, history::History, queue::SourceReader};
use crate::{
    link::{
        Frames,
        message::{FromWorker, ToWorker},
    },
    output::StreamOutput,
};

/// A worker that is not ready by then is replaced. The very first start on a machine makes GStreamer
/// look at all its plugins, which takes seconds.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// What the worker has left at the source's end comes within this time, or is lost.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// A worker that lived this long died by itself; one that did not is in a loop of crashes.
const HEALTHY_AFTER: Duration = Duration::from_secs(10);

/// Wait before the second start in a row of crashes; it doubles up to [`LONGEST_WAIT`]. The first
/// restart is at once.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// Longest wait between two starts.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Media gathered into one write.
const WRITE_BYTES: usize = 256 << 10;

/// Longest line of a worker's log; a longer one is cut into nothing and said so.
const LOG_LINE: usize = 4096;

pub(super) async fn run(
    bridge: Bridge,
    slug: String,
    output: Box<dyn StreamOutput>,
    keyframes: mpsc::Receiver<Option<u8>>,
    source: SourceReader,
    wanted: Arc<Notify>,
) {
    let mut stream = Stream {
        bridge,
        slug,
        output,
        keyframes,
        source,
        wanted,
        history: History::default(),
    };
    let mut wait = Duration::ZERO;
    loop {
        let started = Instant::now();
        let reason = match stream.serve().await {
            Ok(()) => break,
            Err(reason) => reason,
        };
        warn!(slug = %stream.slug, %reason, "bridge worker replaced");
        stream
            .bridge
            .counters
            .worker_restarts
            .fetch_add(1, Ordering::Relaxed);
        stream.output.worker_restarted(&reason);
        if started.elapsed() >= HEALTHY_AFTER {
            wait = Duration::ZERO;
        }
        if stream.pause(wait).await.is_break() {
            break;
        }
        wait = (wait * 2).clamp(FIRST_WAIT, LONGEST_WAIT);
    }
    info!(slug = %stream.slug, "bridge stream ended");
}

struct Stream {
    bridge: Bridge,
    slug: String,
    output: Box<dyn StreamOutput>,
    keyframes: mpsc::Receiver<Option<u8>>,
    source: SourceReader,
    wanted: Arc<Notify>,
    history: History,
}

impl Stream {
    /// Runs one worker. `Ok` at the source's end, else why the worker must be replaced.
    async fn serve(&mut self) -> Result<(), String> {
        let (mut child, link) = self
            .spawn()
            .map_err(|error| format!("cannot start the worker: {error}"))?;
        let _running = Running::new(self.bridge.clone());
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(log_lines(self.slug.clone(), stderr));
        }
        let (read, write) = link.into_split();
        let ended = AtomicBool::new(false);
        let taken = {
            let feed = feed(
                write,
                &self.source,
                &mut self.keyframes,
                &mut self.history,
                &self.wanted,
                &self.bridge,
                &ended,
            );
            let take = take(read, &mut *self.output, &self.wanted, &self.bridge, &ended);
            tokio::pin!(feed, take);
            let mut feeding = true;
            loop {
                tokio::select! {
                    // When feeding fails the worker is gone, and the reading end says how.
                    result = &mut feed, if feeding => {
                        feeding = false;
                        if let Err(error) = result {
                            debug!(slug = %self.slug, %error, "cannot write to the worker");
                        }
                    }
                    result = &mut take => break result,
                }
            }
        };
        let ended = ended.into_inner();
        let reason = match taken {
            // The link is closed: the worker is about to be gone.
            Ok(()) => match timeout(Duration::from_secs(1), child.wait()).await {
                Ok(Ok(status)) if status.success() && ended => return Ok(()),
                Ok(Ok(status)) => status.to_string(),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it closed the link but did not exit".to_owned(),
            },
            Err(reason) => reason,
        };
        // Already dead or about to be; an error here says that it is dead.
        let _ = child.kill().await;
        if ended {
            warn!(slug = %self.slug, %reason, "bridge worker did not end in order");
            return Ok(());
        }
        Err(reason)
    }

    fn spawn(&self) -> io::Result<(Child, UnixStream)> {
        let config = &self.bridge.config.worker;
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let link = UnixStream::from_std(ours)?;
        // The link is the worker's standard input. Its end of file is also how a worker learns that
        // this process is gone, however it went. A group of its own keeps the terminal's Ctrl-C from
        // it: the server stops its workers in order.
        let child = Command::new(&config.program)
            .args(&config.args)
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        info!(slug = %self.slug, pid = child.id(), "bridge worker started");
        Ok((child, link))
    }

    /// Waits before the next start, while what the source sends becomes history.
    async fn pause(&mut self, wait: Duration) -> std::ops::ControlFlow<()> {
        let deadline = sleep(wait);
        tokio::pin!(deadline);
        loop {
            tokio::select! {
                () = &mut deadline => return std::ops::ControlFlow::Continue(()),
                unit = self.source.next() => match unit {
                    Some(unit) => self.history.note(&unit),
                    None => return std::ops::ControlFlow::Break(()),
                },
            }
        }
    }
}

/// Writes to the worker until the source ends.
async fn feed(
    mut link: OwnedWriteHalf,
    source: &SourceReader,
    keyframes: &mut mpsc::Receiver<Option<u8>>,
    history: &mut History,
    wanted: &Notify,
    bridge: &Bridge,
    ended: &AtomicBool,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    put(&mut bytes, &ToWorker::Hello, bridge);
    for format in history.formats() {
        put(&mut bytes, &ToWorker::Format(format.clone()), bridge);
    }
    for unit in history.units() {
        put(
            &mut bytes,
            &ToWorker::Unit {
                unit: unit.clone(),
                replay: true,
            },
            bridge,
        );
    }
    if history.is_rtp_video() {
        wanted.notify_one();
    }
    link.write_all(&bytes).await?;
    let mut viewers_ask = true;
    loop {
        bytes.clear();
        tokio::select! {
            biased;
            request = keyframes.recv(), if viewers_ask => match request {
                Some(layer) => {
                    // What waits is asked for once per layer; the channel bounds their number.
                    let mut asked = vec![layer];
                    while let Ok(layer) = keyframes.try_recv() {
                        if !asked.contains(&layer) {
                            asked.push(layer);
                        }
                    }
                    for layer in asked {
                        put(&mut bytes, &ToWorker::Keyframe(layer), bridge);
                    }
                }
                None => viewers_ask = false,
            },
            unit = source.next() => match unit {
                Some(unit) => {
                    put_unit(&mut bytes, unit, history, bridge);
                    while bytes.len() < WRITE_BYTES && let Some(unit) = source.try_next() {
                        put_unit(&mut bytes, unit, history, bridge);
                    }
                }
                None => {
                    put(&mut bytes, &ToWorker::End, bridge);
                    link.write_all(&bytes).await?;
                    // The link stays open for writing until the worker is done: its end of file
                    // would say that this process died.
                    ended.store(true, Ordering::Relaxed);
                    return std::future::pending().await;
                }
            },
        }
        link.write_all(&bytes).await?;
    }
}

fn put_unit(bytes: &mut Vec<u8>, unit: SourceUnit, history: &mut History, bridge: &Bridge) {
    if let SourceUnit::Format(format) = &unit
        && history.knows(format)
    {
        return;
    }
    history.note(&unit);
    bridge.counters.units_in.fetch_add(1, Ordering::Relaxed);
    let message = match unit {
        SourceUnit::Format(format) => ToWorker::Format(format),
        SourceUnit::AccessUnit(unit) => ToWorker::Unit {
            unit,
            replay: false,
        },
        SourceUnit::Rtp(packet) => ToWorker::Rtp(packet),
    };
    put(bytes, &message, bridge);
}

fn put(bytes: &mut Vec<u8>, message: &ToWorker, bridge: &Bridge) {
    if let Err(error) = message.encode(bytes) {
        warn!(%error, "source unit dropped");
        bridge
            .counters
            .units_dropped
            .fetch_add(1, Ordering::Relaxed);
    }
}

/// Reads from the worker until it closes the link, breaks its rules or falls silent.
async fn take(
    mut link: OwnedReadHalf,
    output: &mut dyn StreamOutput,
    wanted: &Notify,
    bridge: &Bridge,
    ended: &AtomicBool,
) -> Result<(), String> {
    let mut frames = Frames::default();
    let mut ready = false;
    let mut drain_until = None;
    loop {
        let mut last = None;
        while let Some((kind, body)) = frames.next_frame().map_err(|error| error.to_string())? {
            let message = FromWorker::decode(kind, body).map_err(|error| error.to_string())?;
            if !ready && message != FromWorker::Hello {
                return Err("it did not begin with a hello".to_owned());
            }
            match message {
                FromWorker::Hello => ready = true,
                FromWorker::Rtp(packet) => {
                    if let Some(packet) = last.replace(packet) {
                        give(output, packet, false, bridge);
                    }
                }
                FromWorker::RtpStart { tracks, layers } => {
                    flush(output, &mut last, bridge);
                    output.rtp_start(tracks, &layers);
                }
                FromWorker::Hls(piece) => {
                    if matches!(piece, HlsOutput::Part { .. }) {
                        bridge
                            .counters
                            .hls_parts_out
                            .fetch_add(1, Ordering::Relaxed);
                    }
                    output.hls(piece);
                }
                FromWorker::KeyframeWanted => wanted.notify_one(),
                FromWorker::Heartbeat => {}
            }
        }
        flush(output, &mut last, bridge);

        let limit = if ready {
            bridge.config.hang_timeout
        } else {
            START_TIMEOUT
        };
        if ended.load(Ordering::Relaxed) && drain_until.is_none() {
            drain_until = Some(Instant::now() + DRAIN_TIMEOUT);
        }
        let deadline = match drain_until {
            Some(until) => until.min(Instant::now() + limit),
            None => Instant::now() + limit,
        };
        tokio::select! {
            // What the worker has said counts before the time it took us to look.
            biased;
            read = link.read_buf(frames.space()) => match read {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
                Err(error) => return Err(error.to_string()),
            },
            () = tokio::time::sleep_until(deadline) => {
                return Err(format!("it was silent for {limit:?} and is taken for hung"));
            }
        }
    }
}

fn flush(output: &mut dyn StreamOutput, last: &mut Option<RtpPacket>, bridge: &Bridge) {
    if let Some(packet) = last.take() {
        give(output, packet, true, bridge);
    }
}

fn give(output: &mut dyn StreamOutput, packet: RtpPacket, last_of_batch: bool, bridge: &Bridge) {
    bridge
        .counters
        .rtp_packets_out
        .fetch_add(1, Ordering::Relaxed);
    output.rtp(packet, last_of_batch);
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

/// Counts a worker while it lives.
struct Running(Bridge);

impl Running {
    fn new(bridge: Bridge) -> Self {
        bridge.counters.workers.fetch_add(1, Ordering::Relaxed);
        Self(bridge)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.counters.workers.fetch_sub(1, Ordering::Relaxed);
    }
}
