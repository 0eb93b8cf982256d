//! The worker process: one live stream's media work, with GStreamer inside.
//!
//! The source comes over the link into a [`session`], which hands pictures to [`video`] and sound to
//! [`audio`]. Both put RTP for WebRTC into the [`outbox`] and CMAF for HLS through the [`segment`]er.
//! What cannot go on ends the process: the supervisor starts another at once.

mod audio;
mod captions;
mod checkup;
pub(crate) mod cmaf;
mod depacketize;
mod elements;
mod encode;
pub(crate) mod h264;
mod limits;
mod outbox;
mod pipeline;
mod rtp;
mod segment;
mod session;
mod thumbnail;
mod video;

use std::{
    fmt::Display,
    io::{Read, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::link::{
    Frames,
    message::{FromWorker, ToWorker},
};

use encode::KeyframeRequests;
use outbox::Outbox;
use session::Session;

pub use elements::missing_elements;

/// Source messages that may wait for the session. When there are more, the link is not read, and what
/// does not fit into it waits in the main process, which drops by its own rules.
const SOURCE_MESSAGES: usize = 256;

/// The worker says that it is alive this often.
const HEARTBEAT: Duration = Duration::from_millis(250);

/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;

/// Body of `weir bridge-worker`: serves the link on standard input, a stream socket, until the source
/// ends. Log lines go to standard error.
pub fn run() -> anyhow::Result<()> {
    limits::confine();
    let input = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .context("no standard input")?;
    let link = UnixStream::from(input);
    link.local_addr()
        .context("standard input is no link: `weir serve` starts this command for each stream")?;
    log_to_stderr();
    gstreamer::init().context("cannot start GStreamer")?;

    let (outbox, writer) = Outbox::start(link.try_clone()?)?;
    outbox.send(&FromWorker::Hello);
    let requests = Arc::new(KeyframeRequests::default());
    let (sender, source) = sync_channel(SOURCE_MESSAGES);
    let asked = requests.clone();
    std::thread::Builder::new()
        .name("link".into())
        .spawn(move || read(link, &sender, &asked))?;

    let mut session = Session::new(outbox.clone(), requests);
    let mut beat = Instant::now();
    loop {
        match source.recv_timeout(HEARTBEAT) {
            Ok((_, ToWorker::End)) | Err(RecvTimeoutError::Disconnected) => break,
            Ok((arrived, message)) => {
                session.arrived(arrived);
                session.take(message);
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if beat.elapsed() >= HEARTBEAT {
            beat = Instant::now();
            if session.hangs() {
                fail("the video encoder hangs");
            }
            outbox.heartbeat();
            session.tick();
        }
    }
    session.finish();
    drop(outbox);
    // It cannot fail: it ends when all senders are gone.
    let _ = writer.join();
    Ok(())
}

/// The supervisor adds the time and the stream's name. A caller that logs already keeps its own way.
fn log_to_stderr() {
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let format = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // An error says that there is a subscriber already.
    let _ = format.without_time().with_ansi(false).try_init();
}

/// Reads the link. A request for a keyframe takes effect here and now; everything else waits its turn.
fn read(
    mut link: UnixStream,
    source: &SyncSender<(Instant, ToWorker)>,
    requests: &KeyframeRequests,
) {
    let mut frames = Frames::default();
    let mut bytes = vec![0; READ_BYTES];
    let mut ended = false;
    loop {
        let read = link.read(&mut bytes);
        // What waits for its turn later has arrived now.
        let arrived = Instant::now();
        match read {
            Ok(0) if ended => return,
            Ok(0) => fail("the main process is gone"),
            Ok(count) => frames.space().extend_from_slice(&bytes[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) if ended => return,
            Err(error) => fail(format!("cannot read the link: {error}")),
        }
        loop {
            let message = match frames.next_frame() {
                Ok(Some((kind, body))) => ToWorker::decode(kind, body),
                Ok(None) => break,
                Err(error) => Err(error),
            };
            match message {
                Ok(ToWorker::Keyframe(layer)) => requests.ask(layer),
                Ok(message) => {
                    ended |= message == ToWorker::End;
                    if source.send((arrived, message)).is_err() {
                        return;
                    }
                }
                Err(error) => fail(format!("the link is broken: {error}")),
            }
        }
    }
}

/// Ends the process, with the reason for the server's log. Another worker takes over.
fn fail(reason: impl Display) -> ! {
    // If standard error is gone there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "bridge worker fails: {reason}");
    std::process::exit(1)
}
