//! One rung's encoder: raw pictures of any size in, H.264 of the rung's size out.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSinkCallbacks;
use weir_media::MediaTime;

use super::{
    decode::frame_rate,
    element::EncoderChoice,
    keys::{Answers, KeyframeRequests, Keys},
    plan::Rung,
    scale::{Scaler, note_size},
};
use crate::worker::{fail, h264::AvcConfig, pipeline::Pipeline};

/// Raw pictures that may wait for the encoder, in nanoseconds of media. When it is slower than the
/// source, those that come are left out, so that this is also the most that slowness adds in delay.
const RAW_TIME: MediaTime = 150_000_000;

/// What waits is bounded by [`RAW_TIME`]: the source of the pipeline itself never says no.
const RAW_BYTES: u64 = 1 << 32;

/// No picture takes so long to encode.
const HANG: Duration = Duration::from_secs(5);

/// One picture from the encoder.
#[derive(Debug)]
pub struct Encoded {
    /// Presentation time; no picture is reordered, so that it is the decoding time too.
    pub pts: MediaTime,
    /// An IDR picture.
    pub keyframe: bool,
    /// A keyframe that all rungs have, where a segment may start.
    pub shared: bool,
    /// NAL units with 4-byte lengths.
    pub data: Bytes,
    /// Parameter sets.
    pub config: Arc<AvcConfig>,
}

/// Where raw pictures of a rung's size go besides its encoder: to smaller rungs.
pub type OnScaled = Box<dyn Fn(&gst::Buffer, &gst::CapsRef) + Send + Sync>;

/// A running encoder.
#[derive(Debug)]
pub struct RungEncoder {
    input: Arc<RungInput>,
    encoder: gst::Element,
    choice: Arc<EncoderChoice>,
    bitrate: u32,
}

/// Where its pictures go in; and how it does.
#[derive(Debug)]
pub struct RungInput {
    pipeline: Pipeline,
    /// Pictures that come sooner after the last one are left out. 0: none is, however the source's
    /// rate varies.
    least: AtomicU64,
    rate: gst::Fraction,
    width: u32,
    height: u32,
    shared: Arc<Shared>,
    since: Instant,
}

/// What the pipeline's threads know too. They must not own the pipeline: who drops it last waits for
/// them.
#[derive(Debug)]
struct Shared {
    keys: Arc<Keys>,
    state: Mutex<State>,
    changed: Condvar,
}

/// Times are of the newest picture.
#[derive(Debug, Default)]
struct State {
    pushed: Option<MediaTime>,
    /// Of the very first.
    first: MediaTime,
    /// What is in x264, or was.
    entered: Option<MediaTime>,
    out: Option<MediaTime>,
    /// Since when the encoder has a picture that has not come out.
    busy: Option<Instant>,
    /// Keyframes on their way that all rungs have.
    shared: VecDeque<MediaTime>,
    /// Pictures left out because too many waited.
    dropped: u64,
    /// What the pictures that come are.
    caps: Option<gst::Caps>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RungInput {
    /// Gives it one picture. Never waits.
    pub fn push(&self, buffer: &gst::Buffer, caps: &gst::CapsRef) {
        let Some(pts) = buffer.pts().map(gst::ClockTime::nseconds) else {
            return;
        };
        let mut state = self.shared.state();
        // It may come twice when the way to here changes.
        if state.pushed.is_some_and(|pushed| pts <= pushed) {
            return;
        }
        if let Some(pushed) = state.pushed
            && !self.shared.keys.falls_on(pts, Some(pushed))
        {
            if pts - pushed < self.least.load(Ordering::Relaxed) {
                return;
            }
            let waits = pushed.saturating_sub(state.entered.unwrap_or(state.first));
            if waits > RAW_TIME {
                state.dropped += 1;
                return;
            }
        }
        if state.pushed.is_none() {
            state.first = pts;
        }
        state.pushed = Some(pts);
        if state.caps.as_deref() != Some(caps) {
            state.caps = Some(caps.to_owned());
            self.pipeline.set_caps(&self.own_caps(caps));
        }
        drop(state);
        let mut buffer = buffer.clone();
        if let Err(error) = note_size(&mut buffer, caps) {
            fail(format!("a picture of no size: {error:#}"));
        }
        self.pipeline.push(buffer);
    }

    /// What its own pictures are, made of these. Their rate is another, on which rate control counts.
    fn own_caps(&self, caps: &gst::CapsRef) -> gst::Caps {
        let mut own = caps.to_owned();
        let fields = own.make_mut();
        fields.set("width", self.width.cast_signed());
        fields.set("height", self.height.cast_signed());
        fields.set("framerate", self.rate);
        own
    }

    /// Leaves out pictures, so that one of them lasts `frame` where one of the source lasts `source`.
    pub fn thin_out(&self, frame: MediaTime, source: MediaTime) {
        // Times are rounded: half a frame early is not early.
        let least = if frame > source {
            frame - source / 2
        } else {
            0
        };
        self.least.store(least, Ordering::Relaxed);
    }

    /// Whether a picture has been in the encoder for so long that it will not come out.
    pub fn hangs(&self) -> bool {
        let state = self.shared.state();
        state.busy.is_some_and(|since| since.elapsed() >= HANG)
    }

    /// How far it is behind this picture.
    pub fn lag(&self, newest: MediaTime) -> MediaTime {
        let state = self.shared.state();
        match (state.out, state.pushed) {
            // What it was not given it cannot be late with.
            (Some(out), Some(pushed)) => newest.min(pushed).saturating_sub(out),
            _ => 0,
        }
    }

    /// How many pictures were left out since the last call because it was late.
    pub fn take_dropped(&self) -> u64 {
        std::mem::take(&mut self.shared.state().dropped)
    }

    /// For how long it has run.
    pub fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// Waits until all up to `time` has come out, or for `limit`.
    pub fn settle(&self, time: MediaTime, limit: Duration) {
        // Poisoned or late: both only mean that not everything came.
        let _ = self
            .shared
            .changed
            .wait_timeout_while(self.shared.state(), limit, |state| {
                state.out.is_none_or(|out| out < time)
            });
    }

    /// Lets everything that was pushed come out.
    pub fn drain(&self, limit: gst::ClockTime) {
        self.pipeline.drain(limit);
    }
}

impl RungEncoder {
    /// Starts one for the rung of this number. `on_scaled` is called with each picture before it is
    /// encoded, and `on_picture` with what comes out, both from the rung's own threads.
    pub fn start(
        number: usize,
        rung: &Rung,
        choice: Arc<EncoderChoice>,
        keys: Arc<Keys>,
        requests: Arc<KeyframeRequests>,
        on_scaled: OnScaled,
        on_picture: impl FnMut(Encoded) + Send + 'static,
    ) -> anyhow::Result<Self> {
        let rate = frame_rate(rung.frame);
        let elements = format!(
            "capsfilter name=scaled caps=video/x-raw,format=I420,width={},height={} ! {}",
            rung.width,
            rung.height,
            choice.description(rung),
        );
        // Its real caps come with the first picture.
        let pipeline = Pipeline::build("rung", &gst::Caps::new_any(), RAW_BYTES, &elements)?;
        let encoder = pipeline.element("encoder")?;
        let input = RungInput {
            least: AtomicU64::new(0),
            rate,
            width: rung.width,
            height: rung.height,
            shared: Arc::new(Shared {
                keys,
                state: Mutex::default(),
                changed: Condvar::new(),
            }),
            since: Instant::now(),
            pipeline,
        };
        prepare(&input, &encoder, Answers::new(number), requests, on_scaled)?;
        deliver(&input, on_picture);
        input.pipeline.start()?;
        Ok(Self {
            input: Arc::new(input),
            encoder,
            choice,
            bitrate: rung.bitrate,
        })
    }

    /// Where its pictures go in.
    pub fn input(&self) -> &Arc<RungInput> {
        &self.input
    }

    /// Bits a second from now on. Small changes are ignored, since each makes x264 adapt anew.
    pub fn set_bitrate(&mut self, bitrate: u32) {
        if bitrate.abs_diff(self.bitrate) > self.bitrate / 8 {
            self.bitrate = bitrate;
            self.choice.set_bitrate(&self.encoder, bitrate);
        }
    }
}

/// Scales each picture, hands it on, and makes it a keyframe when all rungs have one or viewers ask.
fn prepare(
    input: &RungInput,
    encoder: &gst::Element,
    answers: Answers,
    requests: Arc<KeyframeRequests>,
    on_scaled: OnScaled,
) -> anyhow::Result<()> {
    let scaled = input.pipeline.element("scaled")?;
    let pad = scaled.static_pad("src").context("no pad")?;
    let out = encoder.static_pad("src").context("no pad")?;
    let state = Mutex::new((answers, Scaler::new(input.width, input.height)?));
    let input = input.shared.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let Some(buffer) = info.buffer_mut() else {
            return gst::PadProbeReturn::Ok;
        };
        // Never waits: a pad has one thread.
        let mut own = state.lock().unwrap_or_else(PoisonError::into_inner);
        let (answers, scaler) = &mut *own;
        match scaler.scale(buffer) {
            Ok(scaled) => *buffer = scaled,
            Err(error) => fail(format!("a picture cannot be scaled: {error:#}")),
        }
        let Some(pts) = buffer.pts().map(gst::ClockTime::nseconds) else {
            return gst::PadProbeReturn::Ok;
        };
        if let Some(caps) = pad.current_caps() {
            on_scaled(buffer, &caps);
        }
        let mut state = input.state();
        let shared = input.keys.falls_on(pts, state.entered);
        state.entered = Some(pts);
        if shared {
            state.shared.push_back(pts);
        }
        state.busy.get_or_insert_with(Instant::now);
        drop(state);
        let asked = answers.due(&requests, shared, Instant::now());
        drop(own);
        if shared || asked {
            let event = gstreamer_video::UpstreamForceKeyUnitEvent::builder()
                .all_headers(true)
                .build();
            out.send_event(event);
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

fn deliver(input: &RungInput, mut on_picture: impl FnMut(Encoded) + Send + 'static) {
    let mut config: Option<(gst::Buffer, Arc<AvcConfig>)> = None;
    let shared = input.shared.clone();
    let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let Some(mut encoded) = encoded(&sample, &mut config) else {
            fail("the encoder gave something that is no H.264 picture");
        };
        let pts = encoded.pts;
        {
            let mut state = shared.state();
            // What is still in it since then is a younger picture.
            state.busy = (state.entered > Some(pts)).then(Instant::now);
            while state.shared.front().is_some_and(|time| *time <= pts) {
                encoded.shared |= state.shared.pop_front() == Some(pts);
            }
        }
        on_picture(encoded);
        shared.state().out = Some(pts);
        shared.changed.notify_all();
        Ok(gst::FlowSuccess::Ok)
    });
    input.pipeline.sink().set_callbacks(callbacks.build());
}

fn encoded(
    sample: &gst::Sample,
    config: &mut Option<(gst::Buffer, Arc<AvcConfig>)>,
) -> Option<Encoded> {
    let record = sample
        .caps()?
        .structure(0)?
        .get::<gst::Buffer>("codec_data")
        .ok()?;
    let config = match config {
        Some((known, config)) if *known == record => config.clone(),
        _ => {
            let bytes = Bytes::copy_from_slice(&record.map_readable().ok()?);
            let read = Arc::new(AvcConfig::parse(&bytes).ok()?);
            *config = Some((record, read.clone()));
            read
        }
    };
    let buffer = sample.buffer_owned()?;
    let keyframe = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
    // x264enc puts its timestamps a thousand hours ahead; the segment takes them back.
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let pts = segment.to_running_time(buffer.pts()?)?.nseconds();
    let data = Bytes::copy_from_slice(&buffer.map_readable().ok()?);
    Some(Encoded {
        pts,
        keyframe,
        shared: false,
        data,
        config,
    })
}
