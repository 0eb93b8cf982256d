//! Decodes any video, once for all rungs.

use std::str::FromStr;

use anyhow::Context;
use bytes::Bytes;
use gstreamer as gst;
use gstreamer_app::AppSinkCallbacks;
use weir_media::{MediaTime, VideoCodec};

use crate::{source::AccessUnit, worker::pipeline::Pipeline};

/// Coded source that may wait for the decoder; beyond it the source waits, and the supervisor drops up
/// to a keyframe.
const SOURCE_BYTES: u64 = 8 << 20;

/// So much may wait where the source must not: pictures that are passed on as they are do not stand
/// still for rungs that are late.
const WAITING_BYTES: u64 = 4 << 20;

/// What is to be decoded.
#[derive(Debug, Clone)]
pub struct Coded {
    /// The codec.
    pub codec: VideoCodec,
    /// Its configuration record, where the codec has one.
    pub config: Bytes,
    /// What a frame lasts.
    pub frame: MediaTime,
}

/// A running decoder.
#[derive(Debug)]
pub struct Decoder {
    pipeline: Pipeline,
    newest: MediaTime,
    /// Pictures are left out up to the next keyframe.
    skipping: bool,
}

impl Decoder {
    /// Starts one. `on_picture` gets each picture as I420, from the decoder's thread.
    pub fn start(
        coded: &Coded,
        mut on_picture: impl FnMut(&gst::Sample) + Send + 'static,
    ) -> anyhow::Result<Self> {
        let elements = format!(
            "{} ! videoconvert ! video/x-raw,format=I420",
            decoder(coded.codec)
        );
        let pipeline = Pipeline::build("video", &caps(coded)?, SOURCE_BYTES, &elements)?;
        let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            on_picture(&sample);
            Ok(gst::FlowSuccess::Ok)
        });
        pipeline.sink().set_callbacks(callbacks.build());
        pipeline.start()?;
        Ok(Self {
            pipeline,
            newest: 0,
            skipping: false,
        })
    }

    /// Gives it one access unit, in decoding order. When the decoder is far behind it waits, or, where
    /// the source must `go_on`, leaves pictures out up to the next keyframe; false then.
    pub fn push(&mut self, unit: &AccessUnit, go_on: bool) -> bool {
        if go_on && self.pipeline.waiting_bytes() > WAITING_BYTES {
            self.skipping = true;
        } else if unit.keyframe {
            self.skipping = false;
        }
        if self.skipping {
            return false;
        }
        let mut buffer = gst::Buffer::from_slice(unit.data.clone());
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(unit.pts));
            buffer.set_dts(gst::ClockTime::from_nseconds(unit.dts));
            if !unit.keyframe {
                buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
            }
        }
        self.newest = self.newest.max(unit.pts);
        self.pipeline.push(buffer);
        true
    }

    /// The newest picture that it was given.
    pub fn newest(&self) -> MediaTime {
        self.newest
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
        // Of a WebRTC publisher there is no record: its parameter sets are in the stream.
        VideoCodec::Hevc if coded.config.is_empty() => {
            ("video/x-h265", ",stream-format=byte-stream,alignment=au")
        }
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
        fields.set("framerate", frame_rate(coded.frame));
    }
    Ok(caps)
}

/// A frame rate as GStreamer has it.
pub(super) fn frame_rate(frame: MediaTime) -> gst::Fraction {
    let rate = (1e9 / frame.max(1) as f64 * 1000.0).round() as i32;
    gst::Fraction::new(rate, 1000)
}
