//! One step of the sound's way in GStreamer: buffers in, buffers out.

use std::str::FromStr;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer_app::AppSinkCallbacks;

use crate::worker::pipeline::Pipeline;

/// Sound that may wait for a stage: seconds of it. Beyond it the source waits.
pub(super) const SOURCE_BYTES: u64 = 1 << 20;

/// How long a stage may take to give out its rest.
const DRAIN: gst::ClockTime = gst::ClockTime::from_seconds(2);

/// A running stage.
#[derive(Debug)]
pub(super) struct Stage(Pipeline);

impl Stage {
    /// Starts `elements`; `on_buffer` gets each buffer's time in nanoseconds, where it has one, and
    /// its bytes, on the stage's own thread.
    pub(super) fn start(
        caps: &gst::Caps,
        elements: &str,
        mut on_buffer: impl FnMut(Option<u64>, Bytes) + Send + 'static,
    ) -> anyhow::Result<Self> {
        let pipeline = Pipeline::build("audio", caps, SOURCE_BYTES, elements)?;
        let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            if let Some(buffer) = sample.buffer()
                && let Ok(bytes) = buffer.map_readable()
            {
                on_buffer(
                    buffer.pts().map(gst::ClockTime::nseconds),
                    Bytes::copy_from_slice(&bytes),
                );
            }
            Ok(gst::FlowSuccess::Ok)
        });
        pipeline.sink().set_callbacks(callbacks.build());
        pipeline.start()?;
        Ok(Self(pipeline))
    }

    /// Gives it one buffer.
    pub(super) fn push(&self, time: u64, duration: u64, data: Bytes) {
        let mut buffer = gst::Buffer::from_slice(data);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(time));
            buffer.set_duration(gst::ClockTime::from_nseconds(duration));
        }
        self.0.push(buffer);
    }

    /// Lets everything come out.
    pub(super) fn drain(&self) {
        self.0.drain(DRAIN);
    }
}

/// Caps from their text.
pub(super) fn caps(text: &str) -> gst::Caps {
    // The texts are constants of this crate.
    gst::Caps::from_str(text).expect("caps of this crate are well-formed")
}
