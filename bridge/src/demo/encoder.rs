//! Draws the demo in real time and encodes it with GStreamer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks, AppSrc};
use tokio::sync::mpsc;
use weir_media::{AudioCodec, Kind, VideoCodec};

use super::DemoTarget;
use super::picture::{Moment, Picture};
use super::sound;
use crate::rtmp::ClientError;
use crate::source::{AccessUnit, SourceFormat};

/// Encoded units that wait for the network: about three seconds. When it overflows, the server
/// does not keep up, and the connection is begun anew.
const WAITING: usize = 256;
/// A picture that is late by more than this is not drawn; its sound is.
const TOO_LATE: Duration = Duration::from_millis(60);
/// After so long a stop (a suspended machine), the demo begins anew at the wall clock.
const LOST: Duration = Duration::from_secs(2);

/// Samples by which the AAC encoder's output lags behind its timestamps (the overlap of its first
/// transform); measured with `avenc_aac`. The sound is drawn so much ahead.
const AAC_DELAY: u64 = 1024;

/// Why the demo source cannot run.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Size or rate out of range.
    #[error("the demo source cannot make {0}")]
    Target(String),
    /// GStreamer, or one of its elements, is not installed or failed.
    #[error("GStreamer: {0}")]
    Gstreamer(String),
    /// The encoder stopped.
    #[error("the encoder of the demo source stopped")]
    Stopped,
    /// Publishing failed.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl From<gst::glib::Error> for DemoError {
    fn from(error: gst::glib::Error) -> Self {
        Self::Gstreamer(error.to_string())
    }
}

impl From<gst::StateChangeError> for DemoError {
    fn from(_: gst::StateChangeError) -> Self {
        Self::Gstreamer("the pipeline does not start".to_owned())
    }
}

/// What comes out of the encoder.
pub enum Encoded {
    /// A track begins.
    Format(SourceFormat),
    /// A picture or audio frame.
    Unit(AccessUnit),
}

/// A running demo. Dropping it stops it.
pub struct Encoder {
    pipeline: gst::Element,
    stop: Arc<AtomicBool>,
    units: mpsc::Receiver<Encoded>,
}

/// Whether the target can be made here.
pub fn check(target: &DemoTarget) -> Result<(), DemoError> {
    let DemoTarget {
        width, height, fps, ..
    } = *target;
    let sizes = (64..=3840).contains(&width) && (36..=2160).contains(&height);
    if !sizes || width % 8 != 0 || height % 2 != 0 || !(1..=60).contains(&fps) {
        return Err(DemoError::Target(format!(
            "{width}×{height} at {fps} pictures a second"
        )));
    }
    gst::init()?;
    pipeline(target).map(drop)
}

fn pipeline(target: &DemoTarget) -> Result<gst::Element, DemoError> {
    let DemoTarget {
        width,
        height,
        fps,
        video_bitrate,
        audio_bitrate,
        ..
    } = target;
    let (rate, channels) = (sound::RATE, sound::CHANNELS);
    let kilobits = (video_bitrate / 1000).max(1);
    // Constrained baseline plays everywhere. No B-frames and no lookahead: it is passed through
    // to WebRTC viewers as it is. One keyframe a second is a HLS segment.
    Ok(gst::parse::launch(&format!(
        "appsrc name=video is-live=true format=time max-buffers=8 leaky-type=downstream \
           caps=video/x-raw,format=I420,width={width},height={height},framerate={fps}/1,colorimetry=bt709 \
         ! x264enc tune=zerolatency speed-preset=veryfast bitrate={kilobits} vbv-buf-capacity=600 \
           key-int-max={fps} bframes=0 option-string=scenecut=0 \
         ! video/x-h264,profile=constrained-baseline ! h264parse \
         ! video/x-h264,stream-format=avc,alignment=au \
         ! appsink name=coded_video sync=false async=false \
         appsrc name=audio is-live=true format=time max-buffers=32 leaky-type=downstream \
           caps=audio/x-raw,format=F32LE,layout=interleaved,rate={rate},channels={channels} \
         ! audioconvert ! avenc_aac bitrate={audio_bitrate} ! aacparse \
         ! audio/mpeg,mpegversion=4,stream-format=raw \
         ! appsink name=coded_audio sync=false async=false"
    ))?)
}

impl Encoder {
    /// Starts drawing and encoding. The first picture is that of the next whole second.
    pub fn start(target: &DemoTarget) -> Result<Self, DemoError> {
        gst::init()?;
        let pipeline = pipeline(target)?;
        let (sender, units) = mpsc::channel(WAITING);
        take_coded(
            &element(&pipeline, "coded_video")?,
            Kind::Video,
            sender.clone(),
        );
        take_coded(&element(&pipeline, "coded_audio")?, Kind::Audio, sender);
        let (video, audio) = (element(&pipeline, "video")?, element(&pipeline, "audio")?);
        pipeline.set_state(gst::State::Playing)?;
        let stop = Arc::new(AtomicBool::new(false));
        let encoder = Self {
            pipeline,
            stop: stop.clone(),
            units,
        };
        let (width, height, fps) = (target.width as usize, target.height as usize, target.fps);
        std::thread::Builder::new()
            .name("demo-source".to_owned())
            .spawn(move || {
                draw(&video, &audio, &Picture::new(width, height), fps, &stop);
                // Ends the streams, and with them the units.
                let _ = (video.end_of_stream(), audio.end_of_stream());
            })
            .map_err(|error| DemoError::Gstreamer(error.to_string()))?;
        Ok(encoder)
    }

    /// The next thing to send.
    pub async fn next(&mut self) -> Result<Encoded, DemoError> {
        self.units.recv().await.ok_or(DemoError::Stopped)
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn element<T: IsA<gst::Element>>(pipeline: &gst::Element, name: &str) -> Result<T, DemoError> {
    let bin = pipeline.downcast_ref::<gst::Bin>();
    bin.and_then(|bin| bin.by_name(name)?.downcast::<T>().ok())
        .ok_or_else(|| DemoError::Gstreamer(format!("the pipeline has no {name}")))
}

/// Draws picture after picture, each when its time has come, with the sound that belongs to it.
/// Media time is counted, not measured, so that picture and sound are exactly together.
fn draw(video: &AppSrc, audio: &AppSrc, picture: &Picture, fps: u32, stop: &AtomicBool) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let first_second = now.as_secs() + 1;
    let begin = Instant::now() + (Duration::from_secs(first_second) - now);
    let mut samples = 0_u64;
    for number in 0_u64.. {
        let time = Duration::from_nanos(number * 1_000_000_000 / u64::from(fps));
        let due = begin + time;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let late = due.elapsed();
        if stop.load(Ordering::Relaxed) || late > LOST {
            return;
        }
        let duration = Duration::from_nanos(1_000_000_000 / u64::from(fps));
        if late < TOO_LATE {
            let unix_ms = first_second * 1000 + time.as_millis() as u64;
            let mut frame = vec![0; picture.size()];
            picture.draw(Moment { unix_ms, number }, &mut frame);
            if push(video, frame, time, duration).is_err() {
                return;
            }
        }
        let until = (number + 1) * u64::from(sound::RATE) / u64::from(fps);
        let time = Duration::from_nanos(samples * 1_000_000_000 / u64::from(sound::RATE));
        if push(
            audio,
            sound::render(samples + AAC_DELAY, (until - samples) as usize),
            time,
            duration,
        )
        .is_err()
        {
            return;
        }
        samples = until;
    }
}

fn push(
    source: &AppSrc,
    data: Vec<u8>,
    time: Duration,
    duration: Duration,
) -> Result<(), gst::FlowError> {
    let clock = |time: Duration| gst::ClockTime::from_nseconds(time.as_nanos() as u64);
    let mut buffer = gst::Buffer::from_mut_slice(data);
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(clock(time));
        buffer.set_duration(clock(duration));
    }
    source.push_buffer(buffer).map(drop)
}

/// Sends what a sink gets to `units`, the format first and whenever it changes.
fn take_coded(sink: &AppSink, kind: Kind, units: mpsc::Sender<Encoded>) {
    let mut known = None;
    let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let full = |_| gst::FlowError::Error;
        if let Some(config) = codec_data(&sample)
            && known.as_ref() != Some(&config)
        {
            known = Some(config.clone());
            let format = match kind {
                Kind::Video => SourceFormat::Video {
                    layer: 0,
                    codec: VideoCodec::H264,
                    config,
                },
                Kind::Audio => SourceFormat::Audio {
                    codec: AudioCodec::Aac,
                    config,
                },
            };
            units.try_send(Encoded::Format(format)).map_err(full)?;
        }
        if let Some(unit) = access_unit(&sample, kind) {
            units.try_send(Encoded::Unit(unit)).map_err(full)?;
        }
        Ok(gst::FlowSuccess::Ok)
    });
    sink.set_callbacks(callbacks.build());
}

fn codec_data(sample: &gst::Sample) -> Option<Bytes> {
    let data = sample
        .caps()?
        .structure(0)?
        .get::<gst::Buffer>("codec_data")
        .ok()?;
    Some(Bytes::copy_from_slice(&data.map_readable().ok()?))
}

fn access_unit(sample: &gst::Sample, kind: Kind) -> Option<AccessUnit> {
    let buffer = sample.buffer()?;
    // x264enc counts from 1,000 hours; the segment says so.
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let time = segment.to_running_time(buffer.pts()?)?.nseconds();
    let keyframe = kind == Kind::Audio || !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
    // Without B-frames pictures are decoded in the order in which they are shown.
    let data = Bytes::copy_from_slice(&buffer.map_readable().ok()?);
    Some(AccessUnit {
        kind,
        layer: 0,
        dts: time,
        pts: time,
        keyframe,
        data,
    })
}
