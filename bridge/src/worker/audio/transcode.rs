//! Decodes sound, places it on the timeline and encodes it again.
//!
//! GStreamer's elements see a perfect clock that counts samples. What that clock differs from the
//! source's timestamps goes around them, so that no element's tolerance can blur it.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use bytes::Bytes;
use gstreamer as gst;
use weir_media::MediaTime;

use super::{
    aac::AacConfig,
    pcm::{CHANNELS, PcmTimeline, RATE},
    stage::{SOURCE_BYTES, Stage, caps},
};
use crate::{
    doctor::Meter,
    worker::{
        fail,
        rtp::{nanos, ticks},
    },
};

/// Samples of an Opus packet: 20 ms.
pub(super) const OPUS_FRAME: usize = 960;

/// Samples of an AAC frame.
const AAC_FRAME: usize = 1024;

/// What libopus looks ahead at 48 kHz in its audio mode: a packet's sound lies so many samples before
/// what was put in with it (RFC 7845, section 4.2, calls it pre-skip).
const OPUS_DELAY: u64 = 312;

/// What libav's AAC encoder delays: one frame.
const AAC_DELAY: u64 = 1024;

/// Source timestamps that jump by more make the decoder start anew.
const JUMP: i64 = 100_000_000;

/// Times of frames that are inside an encoder's stage. The encoder holds one or two; before it waits what arrived at once
/// or came while the machine was busy, at most the stage's [`SOURCE_BYTES`]: then the source waits. More means that frames
/// went in and nothing comes out.
const INSIDE: usize = 512;

const SMALLEST_FRAME_BYTES: usize = OPUS_FRAME * CHANNELS * size_of::<i16>();
const _: () = assert!(INSIDE as u64 > SOURCE_BYTES / SMALLEST_FRAME_BYTES as u64);

/// Interleaved signed 16-bit stereo at 48 kHz.
const PCM: &str = "audio/x-raw,format=S16LE,rate=48000,channels=2,layout=interleaved";

/// Gets the number of each packet's first sample at 48 kHz, and the packet.
pub(super) type Deliver = Box<dyn FnMut(u64, Bytes) + Send>;

/// What sound becomes.
pub(super) enum Target {
    /// Opus, 20 ms a packet, with in-band FEC.
    Opus { bitrate: u32, deliver: Deliver },
    /// AAC-LC.
    Aac { bitrate: u32, deliver: Deliver },
}

/// A running decoder and encoder.
pub(super) struct Transcoder {
    source: gst::Caps,
    decoder: Stage,
    output: Arc<Mutex<Output>>,
    /// Perfect clock of what went into the decoder.
    clock: u64,
    /// What the source's timestamps are ahead of `clock`.
    offset: Arc<AtomicI64>,
    meter: Meter,
    started: bool,
}

/// The encoder and the timeline in front of it.
struct Output {
    timeline: PcmTimeline,
    encoder: Stage,
    inside: Arc<Mutex<VecDeque<u64>>>,
    clock: u64,
    frame: usize,
}

/// Caps of an AAC source.
pub(super) fn aac_caps(config: &AacConfig) -> gst::Caps {
    let mut caps = caps("audio/mpeg,mpegversion=4,stream-format=raw,framed=true");
    let fields = caps.make_mut();
    fields.set("codec_data", gst::Buffer::from_slice(config.record.clone()));
    fields.set("rate", config.rate as i32);
    fields.set("channels", i32::from(config.channels));
    caps
}

/// Caps of an Opus source.
pub(super) fn opus_caps() -> gst::Caps {
    caps("audio/x-opus,channel-mapping-family=0,channels=2,rate=48000")
}

impl Transcoder {
    /// Starts one for a source of these caps; `meter` gets what was decoded.
    pub(super) fn start(source: gst::Caps, target: Target, meter: Meter) -> anyhow::Result<Self> {
        let output = Arc::new(Mutex::new(Output::start(target)?));
        let offset = Arc::<AtomicI64>::default();
        let decoder = decoder(&source, &output, &offset, &meter)?;
        Ok(Self {
            source,
            decoder,
            output,
            clock: 0,
            offset,
            meter,
            started: false,
        })
    }

    /// Takes one coded frame that lasts `duration` and should be heard from `time` on.
    pub(super) fn push(&mut self, time: MediaTime, duration: u64, data: &Bytes) {
        let offset = time as i64 - self.clock as i64;
        let jump = (offset - self.offset.load(Ordering::Relaxed)).abs() > JUMP;
        if self.started && jump {
            // What is inside the decoder still belongs to the old times.
            self.decoder.drain();
            match decoder(&self.source, &self.output, &self.offset, &self.meter) {
                Ok(decoder) => self.decoder = decoder,
                Err(error) => fail(format!("cannot restart the audio decoder: {error:#}")),
            }
            self.clock = 0;
        }
        self.started = true;
        self.offset
            .store(time as i64 - self.clock as i64, Ordering::Relaxed);
        self.decoder.push(self.clock, duration, data.clone());
        self.clock += duration;
    }

    /// Lets everything come out.
    pub(super) fn finish(self) {
        self.decoder.drain();
        lock(&self.output).encoder.drain();
    }
}

fn decoder(
    source: &gst::Caps,
    output: &Arc<Mutex<Output>>,
    offset: &Arc<AtomicI64>,
    meter: &Meter,
) -> anyhow::Result<Stage> {
    let element = match source
        .structure(0)
        .map(|structure| structure.name().as_str())
    {
        Some("audio/x-opus") => "opusdec",
        _ => "avdec_aac",
    };
    let (output, offset, meter) = (output.clone(), offset.clone(), meter.clone());
    let mut counted = None;
    Stage::start(
        source,
        &format!("{element} ! audioconvert ! audioresample ! {PCM}"),
        move |time, bytes| {
            // The clock is perfect, so counting from the first buffer is exact, whatever the elements round.
            let first = *counted.get_or_insert_with(|| ticks(time.unwrap_or(0), RATE));
            let count = (bytes.len() / 2 / CHANNELS) as u64;
            counted = Some(first + count);
            let ahead = offset.load(Ordering::Relaxed);
            let at = ticks(nanos(first, RATE).saturating_add_signed(ahead), RATE);
            let sound: Vec<i16> = bytes
                .chunks_exact(2)
                .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
                .collect();
            meter.feed(&sound);
            lock(&output).push(at, &sound);
        },
    )
}

impl Output {
    fn start(target: Target) -> anyhow::Result<Self> {
        let inside = Arc::<Mutex<VecDeque<u64>>>::default();
        let (elements, frame, delay, mut deliver) = match target {
            Target::Opus { bitrate, deliver } => (
                format!(
                    "opusenc bitrate={bitrate} frame-size=20 inband-fec=true packet-loss-percentage=5 \
                     max-payload-size=1100 audio-type=generic"
                ),
                OPUS_FRAME,
                OPUS_DELAY,
                deliver,
            ),
            Target::Aac { bitrate, deliver } => (
                format!("audioconvert ! avenc_aac bitrate={bitrate}"),
                AAC_FRAME,
                AAC_DELAY,
                deliver,
            ),
        };
        let times = inside.clone();
        let encoder = Stage::start(&caps(PCM), &elements, move |_, packet| {
            let at = times
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            // Nothing is before the start; and what comes beyond what was put in is padding.
            if let Some(begin) = at.and_then(|at| at.checked_sub(delay)) {
                deliver(begin, packet);
            }
        })?;
        Ok(Self {
            timeline: PcmTimeline::new(frame),
            encoder,
            inside,
            clock: 0,
            frame,
        })
    }

    fn push(&mut self, at: u64, sound: &[i16]) {
        let Self {
            timeline,
            encoder,
            inside,
            clock,
            frame,
        } = self;
        timeline.push(at, sound, |begin, samples| {
            {
                let mut inside = inside.lock().unwrap_or_else(PoisonError::into_inner);
                if inside.len() >= INSIDE {
                    fail("the audio encoder gives nothing out");
                }
                inside.push_back(begin);
            }
            let bytes: Bytes = samples
                .iter()
                .flat_map(|sample| sample.to_le_bytes())
                .collect();
            encoder.push(nanos(*clock, RATE), nanos(*frame as u64, RATE), bytes);
            *clock += *frame as u64;
        });
    }
}

fn lock(output: &Mutex<Output>) -> std::sync::MutexGuard<'_, Output> {
    output.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn sound_that_comes_all_at_once_is_encoded_whole() {
        gst::init().unwrap();
        let packets = Arc::<AtomicUsize>::default();
        let counted = packets.clone();
        let deliver: Deliver = Box::new(move |_, _| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let target = Target::Opus {
            bitrate: 96_000,
            deliver,
        };
        let mut output = Output::start(target).unwrap();
        // What a worker gets that takes over a stream with 20 s between its keyframes.
        let seconds = 20;
        output.push(0, &vec![0; seconds * RATE as usize * CHANNELS]);
        output.encoder.drain();
        let whole = seconds * RATE as usize / OPUS_FRAME;
        let packets = packets.load(Ordering::Relaxed);
        // Each counts but the first, which begins before the sound.
        assert!((whole - 2..=whole + 1).contains(&packets), "{packets}");
    }
}
