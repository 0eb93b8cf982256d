//! A WHIP publisher that sends the synthetic source in real time and knows when it was late.

use std::{
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, bail};
use reqwest::Client;
use rustix::process::setpriority_process;
use str0m::{
    Event,
    format::Codec,
    media::{Direction, Mid, Pt},
    rtp::{RtpWrite, SeqNo},
};

use crate::{
    http::{self, Resource},
    peer::{Offer, Peer, TICK},
    sockets::Buffers,
    source::{AUDIO_TICKS, AUDIO_TIME, FRAME_TICKS, FRAME_TIME, Source},
};

/// Nice value of the thread where that is allowed: a starved source makes every figure wrong.
const NICE: i32 = -15;

/// How long the handshake may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// A frame that leaves later than this after its time was late: by a whole frame.
pub const LATE: Duration = FRAME_TIME;

/// What was sent since the last question.
#[derive(Debug, Clone, Copy, Default)]
pub struct PublisherReport {
    /// Video frames.
    pub frames: u64,
    /// RTP packets, video and audio.
    pub packets: u64,
    /// Keyframes that the server asked for.
    pub keyframe_requests: u64,
    /// Frames that left later than [`LATE`].
    pub late_frames: u64,
    /// The latest frame's delay.
    pub max_delay: Duration,
}

enum Command {
    Report(mpsc::Sender<PublisherReport>),
    Stop,
}

/// A publisher at work in its own thread.
pub struct Publisher {
    commands: mpsc::Sender<Command>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
    client: Client,
    resource: Resource,
}

impl Publisher {
    /// Publishes; comes back when media flows.
    ///
    /// # Errors
    /// When the server refuses or the connection does not come up.
    pub async fn start(
        client: &Client,
        endpoint: &str,
        key: &str,
        source: Arc<Source>,
    ) -> anyhow::Result<Self> {
        let offer = Offer::new(Direction::SendOnly)?;
        let (answer, resource) = http::offer(client, endpoint, Some(key), offer.sdp()).await?;
        let peer = offer.answered(&answer)?;
        let (commands, inbox) = mpsc::channel();
        let (ready, started) = tokio::sync::oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("publisher".to_owned())
            .spawn(move || run(peer, &source, &inbox, ready))?;
        let mut publisher = Self {
            commands,
            thread: Some(thread),
            client: client.clone(),
            resource,
        };
        if started.await.is_err() {
            return Err(publisher.failure());
        }
        Ok(publisher)
    }

    /// What was sent since the last call.
    ///
    /// # Errors
    /// When the thread ended, with why.
    pub fn report(&mut self) -> anyhow::Result<PublisherReport> {
        let (reply, answer) = mpsc::channel();
        let sent = self.commands.send(Command::Report(reply));
        match sent.ok().and_then(|()| answer.recv().ok()) {
            Some(report) => Ok(report),
            None => Err(self.failure()),
        }
    }

    /// Ends the session.
    ///
    /// # Errors
    /// When the server does not know it any more.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        // The thread first: it would take the end of the session for a failure.
        self.stop_thread()?;
        http::delete(&self.client, &self.resource).await
    }

    fn stop_thread(&mut self) -> anyhow::Result<()> {
        // It may have ended by itself; then joining tells why.
        let _ = self.commands.send(Command::Stop);
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(ended)) => ended,
            Some(Err(_)) => bail!("the publisher's thread panicked"),
        }
    }

    fn failure(&mut self) -> anyhow::Error {
        match self.stop_thread() {
            Err(error) => error.context("the publisher failed"),
            Ok(()) => anyhow!("the publisher ended"),
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::Stop);
    }
}

/// One RTP stream.
struct Track {
    mid: Mid,
    pt: Pt,
    next: SeqNo,
}

impl Track {
    fn new(peer: &Peer, mid: Mid, codec: Codec) -> anyhow::Result<Self> {
        Ok(Self {
            mid,
            pt: peer.payload_type(mid, codec)?,
            next: SeqNo::from(1000),
        })
    }

    fn write(
        &mut self,
        peer: &mut Peer,
        time: u32,
        payloads: &[Arc<[u8]>],
        video: bool,
    ) -> anyhow::Result<()> {
        let now = Instant::now();
        let mut api = peer.rtc().direct_api();
        let stream = api
            .stream_tx_by_mid(self.mid, None)
            .context("the answer does not take the track")?;
        for (number, payload) in payloads.iter().enumerate() {
            let last = number + 1 == payloads.len();
            let seq = self.next.inc();
            stream.write_rtp(
                RtpWrite::new(self.pt, seq, time, now, payload.clone())
                    .marker(video && last)
                    .nackable(video),
            );
        }
        Ok(())
    }
}

fn run(
    mut peer: Peer,
    source: &Source,
    inbox: &mpsc::Receiver<Command>,
    ready: tokio::sync::oneshot::Sender<()>,
) -> anyhow::Result<()> {
    // Allowed to root only; without it the run may be thrown away more often.
    let _ = setpriority_process(None, NICE);
    let mut buffers = Buffers::default();
    connect(&mut peer, &mut buffers)?;
    let mids = peer.mids();
    let mut video = Track::new(&peer, mids.video, Codec::H264)?;
    let mut audio = Track::new(&peer, mids.audio, Codec::Opus)?;
    let mut ready = Some(ready);
    let mut report = PublisherReport::default();
    let start = Instant::now();
    let (mut frame, mut audio_packet) = (0_u32, 0_u32);
    // Place in the group of pictures; the server may ask to begin again.
    let mut place = 0;
    loop {
        loop {
            match inbox.try_recv() {
                Ok(Command::Report(reply)) => {
                    // Nobody waits for the answer any more: nothing is lost.
                    let _ = reply.send(std::mem::take(&mut report));
                }
                Ok(Command::Stop) | Err(mpsc::TryRecvError::Disconnected) => return Ok(()),
                Err(mpsc::TryRecvError::Empty) => break,
            }
        }
        let mut wanted = false;
        peer.turn(&mut buffers, &mut |event, _| {
            wanted |= matches!(event, Event::KeyframeRequest(_));
            Ok(())
        })?;
        if wanted {
            report.keyframe_requests += 1;
            place = 0;
        }
        let now = Instant::now();
        let video_due = start + FRAME_TIME * frame;
        if now >= video_due {
            let payloads = &source.frames()[place];
            video.write(&mut peer, frame.wrapping_mul(FRAME_TICKS), payloads, true)?;
            peer.drain(&mut |_, _| Ok(()))?;
            let delay = video_due.elapsed();
            report.frames += 1;
            report.packets += payloads.len() as u64;
            report.late_frames += u64::from(delay > LATE);
            report.max_delay = report.max_delay.max(delay);
            frame += 1;
            place = (place + 1) % source.frames().len();
            if let Some(ready) = ready.take() {
                // Whoever started this may have given up.
                let _ = ready.send(());
            }
        }
        let audio_due = start + AUDIO_TIME * audio_packet;
        if now >= audio_due {
            let payload = std::slice::from_ref(source.audio());
            let time = audio_packet.wrapping_mul(AUDIO_TICKS);
            audio.write(&mut peer, time, payload, false)?;
            peer.drain(&mut |_, _| Ok(()))?;
            report.packets += 1;
            audio_packet += 1;
        }
        let due = (start + FRAME_TIME * frame).min(start + AUDIO_TIME * audio_packet);
        let now = Instant::now();
        std::thread::sleep(due.min(now + TICK).saturating_duration_since(now));
    }
}

fn connect(peer: &mut Peer, buffers: &mut Buffers) -> anyhow::Result<()> {
    let deadline = Instant::now() + CONNECT_TIMEOUT;
    let mut connected = false;
    while !connected {
        if Instant::now() > deadline {
            bail!("no connection within {CONNECT_TIMEOUT:?}");
        }
        peer.turn(buffers, &mut |event, _| {
            connected |= matches!(event, Event::Connected);
            Ok(())
        })?;
        std::thread::sleep(TICK);
    }
    Ok(())
}
