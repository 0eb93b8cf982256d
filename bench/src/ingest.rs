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
use weir_media::{Kind, RtpPacket, RtpTracks, VideoCodec};
use weir_sfu::{Ingest, Sfu, StreamId};

use crate::{
    clock,
    source::{AUDIO_TICKS, AUDIO_TIME, FRAME_TICKS, FRAME_TIME, NICE, Source, SourceReport, Stamp},
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
    pub(crate) fn start(sfu: &Sfu, stream: StreamId) -> anyhow::Result<Self> {
        // One request that waits is as good as many.
        let (sender, keyframes) = mpsc::channel(1);
        let ingest = sfu.ingest(stream, sender);
        ingest.start(
            RtpTracks {
                video: Some(VideoCodec::H264),
                audio: true,
            },
            &[],
        );
        let stop = Arc::new(AtomicBool::new(false));
        let report = Arc::new(Mutex::new(SourceReport::default()));
        let work = Work {
            ingest,
            keyframes,
            stop: stop.clone(),
            report: report.clone(),
            sequence: [1_000, 1_000],
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
    /// Next ones of video and audio.
    sequence: [u16; 2],
}

impl Work {
    fn run(mut self) {
        // Allowed to root only; without it the run may be thrown away more often.
        let _ = setpriority_process(None, NICE);
        let source = Source::new();
        let start = Instant::now();
        let (mut frame, mut audio) = (0_u32, 0_u32);
        let mut place = 0;
        while !self.stop.load(Ordering::Relaxed) {
            let (video_due, audio_due) = (FRAME_TIME * frame, AUDIO_TIME * audio);
            let due = start + video_due.min(audio_due);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if audio_due < video_due {
                let payload = std::slice::from_ref(source.audio());
                let ticks = audio.wrapping_mul(AUDIO_TICKS);
                self.send(Kind::Audio, audio_due, ticks, payload, None);
                audio += 1;
                continue;
            }
            if self.keyframes.try_recv().is_ok() {
                place = 0;
            }
            let payloads = &source.frames()[place];
            let ticks = frame.wrapping_mul(FRAME_TICKS);
            let stamp = Some((Stamp(frame), place == 0));
            self.send(Kind::Video, video_due, ticks, payloads, stamp);
            let (sent, delay) = (clock::unix_nanos(), due.elapsed());
            let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
            report.frame(frame, sent, payloads.len(), delay);
            drop(report);
            frame += 1;
            place = (place + 1) % source.frames().len();
        }
    }

    fn send(
        &mut self,
        kind: Kind,
        time: Duration,
        timestamp: u32,
        payloads: &[Arc<[u8]>],
        stamp: Option<(Stamp, bool)>,
    ) {
        let ((payload_type, ssrc), sequence) = match kind {
            Kind::Video => (VIDEO, &mut self.sequence[0]),
            Kind::Audio => (AUDIO, &mut self.sequence[1]),
        };
        for (number, payload) in payloads.iter().enumerate() {
            let last = number + 1 == payloads.len();
            let marker = last && kind == Kind::Video;
            let mut packet = Vec::with_capacity(HEADER + payload.len());
            packet.extend_from_slice(&[0x80, u8::from(marker) << 7 | payload_type]);
            packet.extend_from_slice(&sequence.to_be_bytes());
            packet.extend_from_slice(&timestamp.to_be_bytes());
            packet.extend_from_slice(&ssrc.to_be_bytes());
            packet.extend_from_slice(payload);
            if last && let Some((stamp, _)) = stamp {
                stamp.write(&mut packet);
            }
            *sequence = sequence.wrapping_add(1);
            let packet = RtpPacket {
                layer: 0,
                kind,
                time: time.as_nanos() as u64,
                keyframe: stamp.is_some_and(|(_, keyframe)| keyframe),
                packet: packet.into(),
            };
            self.ingest.send(packet, last);
        }
        if kind == Kind::Audio {
            let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
            report.audio();
        }
    }
}
