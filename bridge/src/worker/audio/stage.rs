//! One step of the sound's way in GStreamer: buffers in, buffers out.

use std::str::FromStr;

use anyhow::Context;
use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks, AppSrc};

use crate::worker::{encode::fail_on_error, fail};

/// Sound that may wait for a stage: seconds of it. Beyond it the source waits.
const SOURCE_BYTES: u64 = 1 << 20;

/// How long a stage may take to give out its rest.
const DRAIN: gst::ClockTime = gst::ClockTime::from_seconds(2);

/// A running stage.
#[derive(Debug)]
pub(super) struct Stage {
    pipeline: gst::Pipeline,
    source: AppSrc,
}

impl Stage {
    /// Starts `elements`; `on_buffer` gets each buffer's time in nanoseconds, where it has one, and
    /// its bytes, on the stage's own thread.
    pub(super) fn start(
        caps: &gst::Caps,
        elements: &str,
        mut on_buffer: impl FnMut(Option<u64>, Bytes) + Send + 'static,
    ) -> anyhow::Result<Self> {
        let description = format!(
            "appsrc name=source format=time block=true max-bytes={SOURCE_BYTES} ! {elements} \
             ! appsink name=sink sync=false async=false"
        );
        let pipeline = gst::parse::launch(&description)
            .with_context(|| format!("cannot build {elements}"))?
            .downcast::<gst::Pipeline>()
            .map_err(|_| anyhow::anyhow!("the stage is no pipeline"))?;
        let element = |name: &str| {
            pipeline
                .by_name(name)
                .with_context(|| format!("no element {name}"))
        };
        let source = element("source")?
            .downcast::<AppSrc>()
            .map_err(|_| anyhow::anyhow!("source is no appsrc"))?;
        let sink = element("sink")?
            .downcast::<AppSink>()
            .map_err(|_| anyhow::anyhow!("sink is no appsink"))?;
        source.set_caps(Some(caps));
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
        sink.set_callbacks(callbacks.build());
        fail_on_error(&pipeline, "audio");
        pipeline
            .set_state(gst::State::Playing)
            .context("cannot start the stage")?;
        Ok(Self { pipeline, source })
    }

    /// Gives it one buffer.
    pub(super) fn push(&self, time: u64, duration: u64, data: Bytes) {
        let mut buffer = gst::Buffer::from_slice(data);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(time));
            buffer.set_duration(gst::ClockTime::from_nseconds(duration));
        }
        if let Err(error) = self.source.push_buffer(buffer) {
            fail(format!("the audio stage takes no more: {error}"));
        }
    }

    /// Lets everything come out.
    pub(super) fn drain(&self) {
        // An error means that it has stopped already.
        let _ = self.source.end_of_stream();
        if let Some(bus) = self.pipeline.bus() {
            bus.timed_pop_filtered(DRAIN, &[gst::MessageType::Eos, gst::MessageType::Error]);
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Stopping cannot fail in a way that matters to who drops it.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Caps from their text.
pub(super) fn caps(text: &str) -> gst::Caps {
    // The texts are constants of this crate.
    gst::Caps::from_str(text).expect("caps of this crate are well-formed")
}
