//! Decodes any video and encodes it as H.264 for browsers.

use std::{
    str::FromStr,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks};
use weir_media::{MediaTime, VideoCodec};

use super::{fail, h264::AvcConfig, pipeline::Pipeline};
use crate::source::AccessUnit;

/// Coded source that may wait for the decoder; beyond it the source waits, and the supervisor drops up
/// to a keyframe.
const SOURCE_BYTES: u64 = 8 << 20;

/// Decoded pictures that may wait for the encoder, in nanoseconds of media. When it is slower than the
/// source, the oldest of them are dropped, so that this is also the most that slowness adds in delay.
const RAW_TIME: u64 = 150_000_000;

/// Keyframes come at the first picture of each such period of media time, whatever else is asked for.
pub const GRID: MediaTime = 1_000_000_000;

/// No picture takes so long to encode.
const HANG: Duration = Duration::from_secs(5);

/// Slices encoded at the same time. More cost picture quality and gain little.
const MAX_THREADS: usize = 4;

/// What is to be decoded.
#[derive(Debug, Clone)]
pub struct Coded {
    /// The codec.
    pub codec: VideoCodec,
    /// Its configuration record, where the codec has one.
    pub config: Bytes,
    /// What a frame lasts; rate control counts on it.
    pub frame: MediaTime,
}

/// One picture from the encoder.
#[derive(Debug)]
pub struct Encoded {
    /// Presentation time; no picture is reordered, so that it is the decoding time too.
    pub pts: MediaTime,
    /// An IDR picture.
    pub keyframe: bool,
    /// NAL units with 4-byte lengths.
    pub data: Bytes,
    /// Parameter sets.
    pub config: Arc<AvcConfig>,
}

/// A running decoder and encoder.
#[derive(Debug)]
pub struct Encoder {
    pipeline: Pipeline,
    x264: gst::Element,
    /// Pictures before this time only bring the decoder up to date.
    emit_from: Arc<AtomicU64>,
    newest_in: MediaTime,
    newest_out: Arc<(Mutex<MediaTime>, Condvar)>,
    /// Since when x264 has a picture that has not come out.
    busy: Arc<Mutex<Option<Instant>>>,
    bitrate: u32,
}

impl Encoder {
    /// Starts one. `request` asks for a keyframe: the next picture takes it. `on_picture` is called
    /// from the encoder's thread.
    pub fn start(
        coded: &Coded,
        bitrate: u32,
        request: Arc<AtomicBool>,
        on_picture: impl FnMut(Encoded) + Send + 'static,
    ) -> anyhow::Result<Self> {
        let threads = std::thread::available_parallelism()
            .map_or(1, usize::from)
            .min(MAX_THREADS);
        let elements = format!(
            "{decoder} \
             ! queue name=raw leaky=downstream silent=true max-size-buffers=0 max-size-bytes=0 max-size-time={RAW_TIME} \
             ! videoconvert ! videoscale add-borders=false ! video/x-raw,format=I420,width=[2,8192,2],height=[2,8192,2] \
             ! x264enc name=x264 tune=zerolatency speed-preset=superfast sliced-threads=true threads={threads} \
               bframes=0 aud=false byte-stream=false key-int-max=600 option-string=scenecut=0 \
               bitrate={kilobits} vbv-buf-capacity=500 \
             ! video/x-h264,profile=constrained-baseline,stream-format=avc,alignment=au",
            decoder = decoder(coded.codec),
            kilobits = bitrate / 1000,
        );
        let pipeline = Pipeline::build("video", &caps(coded)?, SOURCE_BYTES, &elements)?;
        let x264 = pipeline.element("x264")?;

        let emit_from = Arc::new(AtomicU64::new(0));
        drop_before(&pipeline.element("raw")?, emit_from.clone())?;
        let busy = Arc::<Mutex<Option<Instant>>>::default();
        force_keyframes(&x264, request, busy.clone())?;
        let newest_out = Arc::<(Mutex<MediaTime>, Condvar)>::default();
        deliver(
            pipeline.sink(),
            newest_out.clone(),
            busy.clone(),
            on_picture,
        );
        pipeline.start()?;
        Ok(Self {
            pipeline,
            x264,
            emit_from,
            newest_in: 0,
            newest_out,
            busy,
            bitrate,
        })
    }

    /// Gives it one access unit, in decoding order. Waits when the decoder is far behind.
    pub fn push(&mut self, unit: &AccessUnit) {
        let mut buffer = gst::Buffer::from_slice(unit.data.clone());
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(unit.pts));
            buffer.set_dts(gst::ClockTime::from_nseconds(unit.dts));
            if !unit.keyframe {
                buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
            }
        }
        self.newest_in = self.newest_in.max(unit.pts);
        self.pipeline.push(buffer);
    }

    /// Pictures before `time` are decoded but not encoded.
    pub fn emit_from(&self, time: MediaTime) {
        self.emit_from.fetch_max(time, Ordering::Relaxed);
    }

    /// Whether a picture has been in x264 for so long that it will not come out.
    pub fn hangs(&self) -> bool {
        let busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.is_some_and(|since| since.elapsed() >= HANG)
    }

    /// Waits until what was pushed has come out, or for `limit`.
    pub fn settle(&self, limit: Duration) {
        let (newest, changed) = &*self.newest_out;
        let newest = newest.lock().unwrap_or_else(PoisonError::into_inner);
        // Poisoned or late: both only mean that not everything came.
        let _ = changed.wait_timeout_while(newest, limit, |newest| *newest < self.newest_in);
    }

    /// Bits a second from now on. Small changes are ignored, since each makes x264 adapt anew.
    pub fn set_bitrate(&mut self, bitrate: u32) {
        if bitrate.abs_diff(self.bitrate) > self.bitrate / 8 {
            self.bitrate = bitrate;
            self.x264.set_property("bitrate", bitrate / 1000);
        }
    }

    /// Lets everything that was pushed come out.
    pub fn drain(&self, limit: gst::ClockTime) {
        self.pipeline.drain(limit);
    }
}

/// The decoder of a codec, without threads that would hold pictures back.
fn decoder(codec: VideoCodec) -> &'static str {
    match codec {
        // Not live to GStreamer means "strict" to libav, and strict means that a stream that does not
        // declare its reordering is delayed by the whole picture buffer.
        VideoCodec::H264 => "avdec_h264 std-compliance=normal thread-type=slice qos=false",
        VideoCodec::Hevc => {
            "h265parse ! avdec_h265 std-compliance=normal thread-type=slice qos=false"
        }
        VideoCodec::Vp8 => "vp8dec qos=false",
        VideoCodec::Vp9 => "vp9parse ! vp9dec qos=false",
        VideoCodec::Av1 => "av1parse ! av1dec qos=false",
    }
}

fn caps(coded: &Coded) -> anyhow::Result<gst::Caps> {
    let (name, format) = match coded.codec {
        VideoCodec::H264 => ("video/x-h264", ",stream-format=avc,alignment=au"),
        VideoCodec::Hevc => ("video/x-h265", ",stream-format=hvc1,alignment=au"),
        VideoCodec::Vp8 => ("video/x-vp8", ""),
        VideoCodec::Vp9 => ("video/x-vp9", ""),
        VideoCodec::Av1 => ("video/x-av1", ",stream-format=obu-stream,alignment=tu"),
    };
    let mut caps = gst::Caps::from_str(&format!("{name}{format}")).context("bad caps")?;
    let fields = caps.make_mut();
    if matches!(coded.codec, VideoCodec::H264 | VideoCodec::Hevc) && !coded.config.is_empty() {
        fields.set("codec_data", gst::Buffer::from_slice(coded.config.clone()));
    }
    if coded.frame > 0 {
        let rate = (1e9 / coded.frame as f64 * 1000.0).round() as i32;
        fields.set("framerate", gst::Fraction::new(rate, 1000));
    }
    Ok(caps)
}

fn drop_before(queue: &gst::Element, emit_from: Arc<AtomicU64>) -> anyhow::Result<()> {
    let pad = queue.static_pad("sink").context("no pad")?;
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let early = info
            .buffer()
            .and_then(|buffer| buffer.pts())
            .is_some_and(|pts| pts.nseconds() < emit_from.load(Ordering::Relaxed));
        if early {
            gst::PadProbeReturn::Drop
        } else {
            gst::PadProbeReturn::Ok
        }
    });
    Ok(())
}

/// Makes the picture that is about to be encoded a keyframe when a request waits or a new period of
/// the grid begins. Requests do not shift the grid.
fn force_keyframes(
    x264: &gst::Element,
    request: Arc<AtomicBool>,
    busy: Arc<Mutex<Option<Instant>>>,
) -> anyhow::Result<()> {
    let pad = x264.static_pad("sink").context("no pad")?;
    let out = x264.static_pad("src").context("no pad")?;
    let mut period = None;
    let period_of = Mutex::new(move |pts: MediaTime| {
        let current = Some(pts / GRID);
        std::mem::replace(&mut period, current) != current
    });
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let Some(pts) = info.buffer().and_then(|buffer| buffer.pts()) else {
            return gst::PadProbeReturn::Ok;
        };
        let mut new_period = period_of.lock().unwrap_or_else(PoisonError::into_inner);
        if new_period(pts.nseconds()) | request.swap(false, Ordering::Relaxed) {
            let event = gstreamer_video::UpstreamForceKeyUnitEvent::builder()
                .all_headers(true)
                .build();
            out.send_event(event);
        }
        busy.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(Instant::now);
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

fn deliver(
    sink: &AppSink,
    newest_out: Arc<(Mutex<MediaTime>, Condvar)>,
    busy: Arc<Mutex<Option<Instant>>>,
    mut on_picture: impl FnMut(Encoded) + Send + 'static,
) {
    let mut config: Option<(gst::Buffer, Arc<AvcConfig>)> = None;
    let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let Some(encoded) = encoded(&sample, &mut config) else {
            fail("the encoder gave something that is no H.264 picture");
        };
        *busy.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let pts = encoded.pts;
        on_picture(encoded);
        let (newest, changed) = &*newest_out;
        *newest.lock().unwrap_or_else(PoisonError::into_inner) = pts;
        changed.notify_all();
        Ok(gst::FlowSuccess::Ok)
    });
    sink.set_callbacks(callbacks.build());
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
        data,
        config,
    })
}
