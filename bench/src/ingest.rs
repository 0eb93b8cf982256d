//! The source fed into the media plane as the bridge does it, in real time.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::process::setpriority_process;
use tokio::sync::mpsc;
use weir_media::{Kind, RtpLayer, RtpPacket, RtpTracks, VideoCodec};
use weir_sfu::{Ingest, Sfu, StreamId};

use crate::{
    clock,
    source::{
        AUDIO_TICKS, AUDIO_TIME, FRAME_TICKS, FRAME_TIME, LAYERS, NICE, Source, SourceReport, Stamp,
    },
    srtp::HEADER,
};

/// Payload types and sources; the media plane has its own towards viewers.
const VIDEO: (u8, u32) = (96, 0x5745_4952);
const AUDIO: (u8, u32) = (111, 0x5745_4953);

/// A thread that feeds the stream until this is dropped.
pub(crate) struct Feed {
    stop: Arc<AtomicBool>,
    report: Arc<Mutex<SourceReport>>,
    thread: Option<JoinHandle<()>>,
}

impl Feed {
    /// `layers` of them, 1 to 3, the largest first; several are what the bridge's ladder makes.
    pub(crate) fn start(sfu: &Sfu, stream: StreamId, layers: usize) -> anyhow::Result<Self> {
        let shapes = &LAYERS[..layers.clamp(1, LAYERS.len())];
        let layer = |(name, bitrate, smaller): &(&str, u32, u32)| RtpLayer {
            name: (*name).to_owned(),
            width: 1280 / smaller,
            height: 720 / smaller,
            bitrate: *bitrate,
        };
        let layers: Vec<RtpLayer> = match shapes {
            [_] => Vec::new(),
            _ => shapes.iter().map(layer).collect(),
        };
        // One request that waits is as good as many.
        let (sender, keyframes) = mpsc::channel(1);
        let ingest = sfu.ingest(stream, sender);
        ingest.start(
            RtpTracks {
                video: Some(VideoCodec::H264),
                audio: true,
            },
            &layers,
        );
        let stop = Arc::new(AtomicBool::new(false));
        let report = Arc::new(Mutex::new(SourceReport::default()));
        let work = Work {
            ingest,
            keyframes,
            stop: stop.clone(),
            report: report.clone(),
            sequences: [1_000; LAYERS.len() + 1],
            sources: shapes
                .iter()
                .map(|(_, bitrate, smaller)| Source::layer(*bitrate, *smaller))
                .collect(),
        };
        let thread = std::thread::Builder::new()
            .name("source".to_owned())
            .spawn(move || work.run())?;
        Ok(Self {
            stop,
            report,
            thread: Some(thread),
        })
    }

    /// What was sent since the last call.
    pub(crate) fn report(&self) -> SourceReport {
        std::mem::take(&mut *self.report.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed.
            let _ = thread.join();
        }
    }
}

struct Work {
    ingest: Ingest,
    keyframes: mpsc::Receiver<Option<u8>>,
    stop: Arc<AtomicBool>,
    report: Arc<Mutex<SourceReport>>,
    /// Next ones: of each layer, and at the end of audio.
    sequences: [u16; LAYERS.len() + 1],
    /// The layers, the largest first.
    sources: Vec<Source>,
}

/// What is sent at one time.
struct Piece<'a> {
    kind: Kind,
    layer: u8,
    time: Duration,
    timestamp: u32,
    payloads: &'a [Arc<[u8]>],
    /// Video: the frame's number, and whether it is a keyframe.
    stamp: Option<(Stamp, bool)>,
}

impl Work {
    fn run(mut self) {
        // Allowed to root only; without it the run may be thrown away more often.
        let _ = setpriority_process(None, NICE);
        let sources = std::mem::take(&mut self.sources);
        let start = Instant::now();
        let (mut frame, mut audio) = (0_u32, 0_u32);
        let mut place = 0;
        while !self.stop.load(Ordering::Relaxed) {
            let (video_due, audio_due) = (FRAME_TIME * frame, AUDIO_TIME * audio);
            let due = start + video_due.min(audio_due);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if audio_due < video_due {
                self.send(&Piece {
                    kind: Kind::Audio,
                    layer: 0,
                    time: audio_due,
                    timestamp: audio.wrapping_mul(AUDIO_TICKS),
                    payloads: std::slice::from_ref(sources[0].audio()),
                    stamp: None,
                });
                self.count(SourceReport::audio);
                audio += 1;
                continue;
            }
            if self.keyframes.try_recv().is_ok() {
                place = 0;
            }
            let mut packets = 0;
            // The largest last, so that its delay is the whole frame's.
            for (layer, source) in sources.iter().enumerate().rev() {
                let smaller = packets as u64;
                self.count(|report| report.packets += smaller);
                let payloads = source.frames()[place].as_slice();
                packets = payloads.len();
                self.send(&Piece {
                    kind: Kind::Video,
                    layer: layer as u8,
                    time: video_due,
                    timestamp: frame.wrapping_mul(FRAME_TICKS),
                    payloads,
                    stamp: Some((Stamp(frame), place == 0)),
                });
            }
            let (sent, delay) = (clock::unix_nanos(), due.elapsed());
            self.count(|report| report.frame(frame, sent, packets, delay));
            frame += 1;
            place = (place + 1) % sources[0].frames().len();
        }
    }

    fn count(&self, count: impl FnOnce(&mut SourceReport)) {
        count(&mut self.report.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn send(&mut self, piece: &Piece<'_>) {
        let video = piece.kind == Kind::Video;
        let (payload_type, ssrc) = if video { VIDEO } else { AUDIO };
        let slot = if video {
            usize::from(piece.layer)
        } else {
            LAYERS.len()
        };
        let sequence = &mut self.sequences[slot];
        // A source of its own for each layer.
        let ssrc = ssrc + u32::from(piece.layer) * 16;
        for (number, payload) in piece.payloads.iter().enumerate() {
            let last = number + 1 == piece.payloads.len();
            let mut packet = Vec::with_capacity(HEADER + payload.len());
            packet.extend_from_slice(&[0x80, u8::from(last && video) << 7 | payload_type]);
            packet.extend_from_slice(&sequence.to_be_bytes());
            packet.extend_from_slice(&piece.timestamp.to_be_bytes());
            packet.extend_from_slice(&ssrc.to_be_bytes());
            packet.extend_from_slice(payload);
            if last && let Some((stamp, _)) = piece.stamp {
                stamp.write(&mut packet);
            }
            *sequence = sequence.wrapping_add(1);
            let packet = RtpPacket {
                kind: piece.kind,
                layer: piece.layer,
                time: piece.time.as_nanos() as u64,
                keyframe: piece.stamp.is_some_and(|(_, keyframe)| keyframe),
                packet: packet.into(),
            };
            self.ingest.send(packet, last);
        }
    }
}
