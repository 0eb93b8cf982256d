//! WHEP viewers that receive, authenticate, report and count, but do not decode.

use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, bail};
use reqwest::Client;
use str0m::{Event, media::Direction, rtp::RtpPacket};
use tokio::task::JoinSet;

use crate::{
    cpu,
    http::{self, Resource},
    peer::{Offer, Peer, TICK},
    sockets::Buffers,
    source::FRAME_TICKS,
    srtp::TAG,
};

/// Offers under way at once, so that joining does not starve the source.
const JOINS_AT_ONCE: usize = 8;

/// How long all viewers together may take until each of them receives.
const JOIN_TIMEOUT: Duration = Duration::from_secs(60);

/// Video packets after which a viewer counts as receiving.
const RECEIVING: u64 = 100;

/// Between two looks at whether all receive.
const POLL: Duration = Duration::from_millis(100);

/// RTP clock of a viewer's audio, to tell the tracks apart (RFC 7587 section 4.1).
const AUDIO_RATE: u32 = 48_000;

/// What one viewer received since it joined.
#[derive(Debug, Clone, Copy, Default)]
pub struct ViewerCounts {
    /// Both tracks.
    pub video: StreamCounts,
    /// Both tracks.
    pub audio: StreamCounts,
    /// Frames that ended: markers.
    pub frames: u64,
    /// Frames whose time is not one frame after the one before.
    pub time_jumps: u64,
    /// SRTP was sealed with AES-GCM: the datagrams are 16 bytes longer than RTP.
    pub aead: bool,
}

/// Continuity of one RTP stream.
#[derive(Debug, Clone, Copy, Default)]
pub struct StreamCounts {
    /// Different packets.
    pub received: u64,
    /// Extended sequence numbers from the first one to the highest.
    pub span: u64,
}

impl StreamCounts {
    /// Packets missing between `earlier` and now.
    pub fn lost_since(&self, earlier: &Self) -> u64 {
        let expected = self.span - earlier.span;
        expected.saturating_sub(self.received - earlier.received)
    }
}

/// A generator thread's state at one moment.
#[derive(Debug, Clone, Default)]
pub struct ThreadReport {
    /// Its viewers.
    pub viewers: Vec<ViewerCounts>,
    /// CPU time that it used.
    pub cpu: Duration,
    /// Longest time between two rounds since the last report.
    pub max_pause: Duration,
}

enum Command {
    Add(Box<Peer>),
    Report(mpsc::Sender<ThreadReport>),
    Stop,
}

struct Thread {
    commands: mpsc::Sender<Command>,
    handle: Option<JoinHandle<()>>,
    /// Why it ended by itself.
    failure: Arc<Mutex<Option<anyhow::Error>>>,
}

/// All viewers of a run.
pub struct Viewers {
    threads: Vec<Thread>,
    client: Client,
    resources: Vec<Resource>,
}

impl Viewers {
    /// Joins `count` viewers; comes back when all of them receive.
    ///
    /// # Errors
    /// When the server refuses one or one does not receive in time.
    pub async fn join(
        client: &Client,
        endpoint: &str,
        count: usize,
        threads: usize,
    ) -> anyhow::Result<Self> {
        let mut viewers = Self {
            threads: (0..threads.max(1))
                .map(Thread::start)
                .collect::<anyhow::Result<_>>()?,
            client: client.clone(),
            resources: Vec::with_capacity(count),
        };
        let mut joining = JoinSet::new();
        let mut begun = 0;
        while begun < count || !joining.is_empty() {
            while begun < count && joining.len() < JOINS_AT_ONCE {
                let offer = Offer::new(Direction::RecvOnly)?;
                joining.spawn(join(client.clone(), endpoint.to_owned(), offer));
                begun += 1;
            }
            if let Some(joined) = joining.join_next().await {
                let (peer, resource) = joined??;
                let thread = &viewers.threads[viewers.resources.len() % viewers.threads.len()];
                if thread.commands.send(Command::Add(Box::new(peer))).is_err() {
                    return Err(thread.failure());
                }
                viewers.resources.push(resource);
            }
        }
        viewers.wait_receiving().await?;
        Ok(viewers)
    }

    /// The state of all threads now.
    ///
    /// # Errors
    /// When a viewer's session ended, with why.
    pub fn report(&self) -> anyhow::Result<Vec<ThreadReport>> {
        // All are asked before any answers, so that their reports are of the same moment.
        let asked = self.threads.iter().map(|thread| {
            let (reply, answer) = mpsc::channel();
            match thread.commands.send(Command::Report(reply)) {
                Ok(()) => Ok((thread, answer)),
                Err(_) => Err(thread.failure()),
            }
        });
        let asked: Vec<_> = asked.collect::<anyhow::Result<_>>()?;
        asked
            .into_iter()
            .map(|(thread, answer)| answer.recv().map_err(|_| thread.failure()))
            .collect()
    }

    /// Ends all sessions.
    ///
    /// # Errors
    /// When the server does not know one of them any more.
    pub async fn leave(mut self) -> anyhow::Result<()> {
        // The threads first: they would take the end of a session for a failure.
        for thread in &mut self.threads {
            thread.stop();
        }
        for resource in &self.resources {
            http::delete(&self.client, resource).await?;
        }
        Ok(())
    }

    async fn wait_receiving(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + JOIN_TIMEOUT;
        loop {
            let reports = self.report()?;
            let all = || reports.iter().flat_map(|report| &report.viewers);
            let waiting = all()
                .filter(|viewer| viewer.video.received < RECEIVING || viewer.audio.received == 0)
                .count();
            if waiting == 0 && all().count() == self.resources.len() {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!(
                    "{waiting} of {} viewers do not receive after {JOIN_TIMEOUT:?}",
                    self.resources.len()
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

async fn join(client: Client, endpoint: String, offer: Offer) -> anyhow::Result<(Peer, Resource)> {
    let (answer, resource) = http::offer(&client, &endpoint, None, offer.sdp()).await?;
    Ok((offer.answered(&answer)?, resource))
}

impl Thread {
    fn start(number: usize) -> anyhow::Result<Self> {
        let (commands, inbox) = mpsc::channel();
        let failure = Arc::new(Mutex::new(None));
        let failed = failure.clone();
        let handle = std::thread::Builder::new()
            .name(format!("viewers-{number}"))
            .spawn(move || {
                if let Err(error) = run(&inbox) {
                    *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                }
            })?;
        Ok(Self {
            commands,
            handle: Some(handle),
            failure,
        })
    }

    fn stop(&mut self) {
        // It may have ended by itself.
        let _ = self.commands.send(Command::Stop);
        if let Some(handle) = self.handle.take() {
            let _ = handle.join();
        }
    }

    fn failure(&self) -> anyhow::Error {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match failure.take() {
            Some(error) => error.context("a viewer failed"),
            None => anyhow!("a generator thread ended"),
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Viewer {
    peer: Box<Peer>,
    counts: ViewerCounts,
    video: Sequence,
    audio: Sequence,
    last_frame_time: Option<u32>,
}

#[derive(Default)]
struct Sequence {
    first: Option<u64>,
}

impl Sequence {
    fn count(&mut self, counts: &mut StreamCounts, number: u64) {
        let first = *self.first.get_or_insert(number);
        // What came before the first one was resent; it is not part of the span.
        if let Some(offset) = number.checked_sub(first) {
            counts.received += 1;
            counts.span = counts.span.max(offset + 1);
        }
    }
}

impl Viewer {
    fn new(peer: Box<Peer>) -> Self {
        Self {
            peer,
            counts: ViewerCounts::default(),
            video: Sequence::default(),
            audio: Sequence::default(),
            last_frame_time: None,
        }
    }

    fn turn(&mut self, buffers: &mut Buffers) -> anyhow::Result<()> {
        let Self {
            peer,
            counts,
            video,
            audio,
            last_frame_time,
        } = self;
        peer.turn(buffers, &mut |event, datagram| {
            let Event::RtpPacket(packet) = event else {
                return Ok(());
            };
            if packet.time.frequency().get() == AUDIO_RATE {
                audio.count(&mut counts.audio, *packet.seq_no);
                return Ok(());
            }
            video.count(&mut counts.video, *packet.seq_no);
            if !counts.aead {
                counts.aead = is_aead(&packet, datagram);
            }
            if packet.header.marker {
                counts.frames += 1;
                let time = packet.header.timestamp;
                if last_frame_time.is_some_and(|last| time.wrapping_sub(last) != FRAME_TICKS) {
                    counts.time_jumps += 1;
                }
                *last_frame_time = Some(time);
            }
            Ok(())
        })
    }
}

/// AES-GCM adds a tag of 16 bytes (RFC 7714 section 12), HMAC-SHA1 one of 10 or 4 (RFC 3711).
fn is_aead(packet: &RtpPacket, datagram: usize) -> bool {
    datagram == packet.header.header_len + packet.payload.len() + TAG
}

fn run(inbox: &mpsc::Receiver<Command>) -> anyhow::Result<()> {
    let mut viewers: Vec<Viewer> = Vec::new();
    let mut buffers = Buffers::default();
    let mut max_pause = Duration::ZERO;
    let mut last_round = Instant::now();
    loop {
        loop {
            match inbox.try_recv() {
                Ok(Command::Add(peer)) => viewers.push(Viewer::new(peer)),
                Ok(Command::Report(reply)) => {
                    let report = ThreadReport {
                        viewers: viewers.iter().map(|viewer| viewer.counts).collect(),
                        cpu: cpu::of_this_thread(),
                        max_pause: std::mem::take(&mut max_pause),
                    };
                    // Nobody waits for the answer any more: nothing is lost.
                    let _ = reply.send(report);
                }
                Ok(Command::Stop) | Err(mpsc::TryRecvError::Disconnected) => return Ok(()),
                Err(mpsc::TryRecvError::Empty) => break,
            }
        }
        let round = Instant::now();
        max_pause = max_pause.max(round - last_round);
        last_round = round;
        for (number, viewer) in viewers.iter_mut().enumerate() {
            viewer
                .turn(&mut buffers)
                .with_context(|| format!("viewer {number} of its thread"))?;
        }
        std::thread::sleep((round + TICK).saturating_duration_since(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_gaps_in_the_sequence() {
        let mut counts = StreamCounts::default();
        let mut sequence = Sequence::default();
        for number in [70_000, 70_001, 70_004, 70_003] {
            sequence.count(&mut counts, number);
        }
        assert_eq!(counts.lost_since(&StreamCounts::default()), 1);
        let before = counts;
        sequence.count(&mut counts, 70_002);
        sequence.count(&mut counts, 70_005);
        // The late one closes the gap that was counted before.
        assert_eq!(counts.lost_since(&StreamCounts::default()), 0);
        assert_eq!(counts.lost_since(&before), 0);
    }
}
