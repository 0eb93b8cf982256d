//! A WHIP publisher that sends the synthetic source in real time and knows when it was late.

use std::{
    net::IpAddr,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, bail};
use rustix::process::setpriority_process;
use str0m::{
    Event,
    format::Codec,
    media::{Mid, Pt, Rid},
    rtp::{RtpWrite, SeqNo},
};

use crate::{
    clock,
    endpoint::{Endpoint, Joined},
    peer::{Offer, Peer, TICK},
    sockets::Buffers,
    source::{
        AUDIO_TICKS, AUDIO_TIME, FRAME_TICKS, FRAME_TIME, LAYERS, NICE, Source, SourceReport, Stamp,
    },
};

/// How long the handshake may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// What is published.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Publishing {
    /// Simulcast layers, 1 to 3; one is no simulcast.
    pub(crate) layers: usize,
    /// Stamp frames with their numbers: only where nobody decodes.
    pub(crate) stamp: bool,
    /// The address that the server will see.
    pub(crate) local: IpAddr,
}

enum Command {
    Report(mpsc::Sender<SourceReport>),
    Stop,
}

/// A publisher at work in its own thread.
pub(crate) struct Publisher {
    commands: mpsc::Sender<Command>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
    session: Joined,
}

impl Publisher {
    /// Publishes; comes back when media flows.
    ///
    /// # Errors
    /// When the server refuses or the connection does not come up.
    pub(crate) async fn start(endpoint: &Endpoint, publishing: Publishing) -> anyhow::Result<Self> {
        let layers = &LAYERS[..publishing.layers.clamp(1, LAYERS.len())];
        let rids: Vec<&str> = match layers {
            [_] => Vec::new(),
            _ => layers.iter().map(|(rid, ..)| *rid).collect(),
        };
        let offer = Offer::new(publishing.local, &rids)?;
        let (answer, session) = endpoint.offer(offer.sdp()).await?;
        let peer = offer.answered(&answer)?;
        let sources = layers.iter().map(|(rid, bitrate, smaller)| {
            let rid = (!rids.is_empty()).then(|| Rid::from(*rid));
            (rid, Source::layer(*bitrate, *smaller))
        });
        let sources = sources.collect();
        let (commands, inbox) = mpsc::channel();
        let (ready, started) = tokio::sync::oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("publisher".to_owned())
            .spawn(move || run(peer, sources, publishing.stamp, &inbox, ready))?;
        let mut publisher = Self {
            commands,
            thread: Some(thread),
            session,
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
    pub(crate) fn report(&mut self) -> anyhow::Result<SourceReport> {
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
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        // The thread first: it would take the end of the session for a failure.
        self.stop_thread()?;
        self.session.end().await
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
    rid: Option<Rid>,
    pt: Pt,
    next: SeqNo,
}

impl Track {
    fn new(peer: &Peer, mid: Mid, rid: Option<Rid>, codec: Codec) -> anyhow::Result<Self> {
        Ok(Self {
            mid,
            rid,
            pt: peer.payload_type(mid, codec)?,
            next: SeqNo::from(1000),
        })
    }

    /// `video` with the frame's number where it is stamped.
    fn write(
        &mut self,
        peer: &mut Peer,
        time: u32,
        payloads: &[Arc<[u8]>],
        video: Option<Option<Stamp>>,
    ) -> anyhow::Result<()> {
        let now = Instant::now();
        let mut api = peer.rtc().direct_api();
        let stream = api
            .stream_tx_by_mid(self.mid, self.rid)
            .context("the answer does not take the track or the layer")?;
        for (number, payload) in payloads.iter().enumerate() {
            let last = number + 1 == payloads.len();
            let seq = self.next.inc();
            let mut payload = payload.clone();
            if last && let Some(Some(stamp)) = video {
                let mut stamped = payload.to_vec();
                stamp.write(&mut stamped);
                payload = stamped.into();
            }
            stream.write_rtp(
                RtpWrite::new(self.pt, seq, time, now, payload)
                    .marker(video.is_some() && last)
                    .nackable(video.is_some()),
            );
        }
        Ok(())
    }
}

/// A layer of the picture.
struct Layer {
    track: Track,
    source: Source,
}

fn run(
    mut peer: Peer,
    sources: Vec<(Option<Rid>, Source)>,
    stamp: bool,
    inbox: &mpsc::Receiver<Command>,
    ready: tokio::sync::oneshot::Sender<()>,
) -> anyhow::Result<()> {
    // Allowed to root only; without it the run may be thrown away more often.
    let _ = setpriority_process(None, NICE);
    let mut buffers = Buffers::default();
    connect(&mut peer, &mut buffers)?;
    let mids = peer.mids();
    let layers = sources.into_iter().map(|(rid, source)| {
        let track = Track::new(&peer, mids.video, rid, Codec::H264)?;
        Ok(Layer { track, source })
    });
    let mut layers: Vec<Layer> = layers.collect::<anyhow::Result<_>>()?;
    let mut audio = Track::new(&peer, mids.audio, None, Codec::Opus)?;
    let mut ready = Some(ready);
    let mut report = SourceReport::default();
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
        peer.turn(&mut buffers, &mut |event| {
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
            let time = frame.wrapping_mul(FRAME_TICKS);
            let stamp = stamp.then_some(Stamp(frame));
            let mut packets = 0;
            // The largest last, so that its delay is the whole frame's.
            for layer in layers.iter_mut().rev() {
                report.packets += packets as u64;
                let payloads = &layer.source.frames()[place];
                layer.track.write(&mut peer, time, payloads, Some(stamp))?;
                packets = payloads.len();
            }
            peer.drain(&mut |_| Ok(()))?;
            report.frame(frame, clock::unix_nanos(), packets, video_due.elapsed());
            frame += 1;
            place = (place + 1) % layers[0].source.frames().len();
            if let Some(ready) = ready.take() {
                // Whoever started this may have given up.
                let _ = ready.send(());
            }
        }
        let audio_due = start + AUDIO_TIME * audio_packet;
        if now >= audio_due {
            let payload = std::slice::from_ref(layers[0].source.audio());
            let time = audio_packet.wrapping_mul(AUDIO_TICKS);
            audio.write(&mut peer, time, payload, None)?;
            peer.drain(&mut |_| Ok(()))?;
            report.audio();
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
        peer.turn(buffers, &mut |event| {
            connected |= matches!(event, Event::Connected);
            Ok(())
        })?;
        std::thread::sleep(TICK);
    }
    Ok(())
}
