//! The way out of a worker.

use std::{io, sync::atomic::Ordering, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::Instant,
};
use weir_media::{HlsOutput, Kind, RtpPacket};

use super::{Bridge, feed::Link, queue::SourceReader};
use crate::{
    link::{Frames, message::FromWorker},
    output::StreamOutput,
};

/// A worker that is not ready by then is replaced. The very first start on a machine makes GStreamer
/// look at all its plugins, which takes seconds.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// What the worker has left at the source's end comes within this time, or is lost.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads from the worker until it closes the link, breaks its rules or falls silent.
pub(super) async fn take(
    mut read: impl AsyncRead + Unpin,
    source: &SourceReader,
    output: &mut dyn StreamOutput,
    link: &Link<'_>,
) -> Result<(), String> {
    let bridge = link.bridge;
    let mut frames = Frames::default();
    let mut ready = false;
    let mut drain_until = None;
    loop {
        let mut last = None;
        while let Some((kind, body)) = frames.next_frame().map_err(|error| error.to_string())? {
            let message = FromWorker::decode(kind, body).map_err(|error| error.to_string())?;
            // A remote worker's connection may have said that it is alive just before.
            if !ready && !matches!(message, FromWorker::Hello | FromWorker::Heartbeat) {
                return Err("it did not begin with a hello".to_owned());
            }
            match message {
                FromWorker::Hello => ready = true,
                FromWorker::Rtp(packet) => {
                    link.progress(|progress| progress.gave(packet.kind));
                    if let Some(packet) = last.replace(packet) {
                        give(output, packet, false, bridge);
                    }
                }
                FromWorker::RtpStart { tracks, layers } => {
                    flush(output, &mut last, bridge);
                    output.rtp_start(tracks, &layers);
                }
                FromWorker::Hls(piece) => {
                    if let HlsOutput::Part { track, .. } = &piece {
                        link.progress(|progress| progress.gave(track.kind()));
                        bridge
                            .counters
                            .hls_parts_out
                            .fetch_add(1, Ordering::Relaxed);
                    }
                    output.hls(piece);
                }
                FromWorker::Thumbnail(thumbnail) => output.thumbnail(thumbnail),
                FromWorker::Finding(report) => output.finding(report),
                FromWorker::Caption(caption) => output.caption(caption),
                FromWorker::KeyframeWanted => link.wanted.notify_one(),
                FromWorker::Heartbeat => {}
            }
        }
        flush(output, &mut last, bridge);
        let patience = bridge.config.progress_timeout;
        let stalled = link.progress(|progress| progress.stalled(Instant::now().into(), patience));
        if let Some(kind) = stalled {
            let kind = match kind {
                Kind::Video => "pictures",
                Kind::Audio => "sound",
            };
            return Err(format!(
                "for {patience:?} it took {kind} in and gave none out"
            ));
        }

        let limit = if ready {
            bridge.config.hang_timeout
        } else {
            START_TIMEOUT
        };
        if link.ended.load(Ordering::Relaxed) && drain_until.is_none() {
            drain_until = Some(Instant::now() + DRAIN_TIMEOUT);
        }
        let deadline = match drain_until {
            Some(until) => until.min(Instant::now() + limit),
            None => Instant::now() + limit,
        };
        tokio::select! {
            // What the worker has said counts before the time it took us to look.
            biased;
            done = read.read_buf(frames.space()) => match done {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
                Err(error) => return Err(error.to_string()),
            },
            report = source.finding() => output.finding(report),
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
