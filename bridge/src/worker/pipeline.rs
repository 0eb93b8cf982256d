//! A GStreamer pipeline between our two ends: buffers in at `source`, samples out at `sink`.

use anyhow::Context;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSrc};

use super::fail;

/// A pipeline that stops when it is dropped.
#[derive(Debug)]
pub(super) struct Pipeline {
    pipeline: gst::Pipeline,
    source: AppSrc,
    sink: AppSink,
    /// What it works on, for messages.
    what: &'static str,
}

impl Pipeline {
    /// Builds `elements` between an `appsrc` with these caps (any: they come
    /// later), in which `source_bytes` may wait, and an
    /// `appsink`. Nothing waits for a clock.
    pub(super) fn build(
        what: &'static str,
        caps: &gst::Caps,
        source_bytes: u64,
        elements: &str,
    ) -> anyhow::Result<Self> {
        let description = format!(
            "appsrc name=source format=time block=true max-bytes={source_bytes} ! {elements} \
             ! appsink name=sink sync=false async=false"
        );
        let pipeline = gst::parse::launch(&description)
            .with_context(|| format!("cannot build {elements}"))?
            .downcast::<gst::Pipeline>()
            .map_err(|_| anyhow::anyhow!("what was built is no pipeline"))?;
        let source = element(&pipeline, "source")?
            .downcast::<AppSrc>()
            .map_err(|_| anyhow::anyhow!("source is no appsrc"))?;
        let sink = element(&pipeline, "sink")?
            .downcast::<AppSink>()
            .map_err(|_| anyhow::anyhow!("sink is no appsink"))?;
        if !caps.is_any() {
            source.set_caps(Some(caps));
        }
        Ok(Self {
            pipeline,
            source,
            sink,
            what,
        })
    }

    /// One of its elements.
    pub(super) fn element(&self, name: &str) -> anyhow::Result<gst::Element> {
        element(&self.pipeline, name)
    }

    /// Where samples come out.
    pub(super) fn sink(&self) -> &AppSink {
        &self.sink
    }

    /// Starts it. When it fails later, it takes the worker with it; the supervisor starts a new one.
    pub(super) fn start(&self) -> anyhow::Result<()> {
        let what = self.what;
        if let Some(bus) = self.pipeline.bus() {
            bus.set_sync_handler(move |_, message| {
                if let gst::MessageView::Error(error) = message.view() {
                    fail(format!(
                        "{what} pipeline: {} ({})",
                        error.error(),
                        error.debug().unwrap_or_default()
                    ));
                }
                gst::BusSyncReply::Pass
            });
        }
        self.pipeline
            .set_state(gst::State::Playing)
            .with_context(|| format!("cannot start the {what} pipeline"))?;
        Ok(())
    }

    /// What the buffers from now on are.
    pub(super) fn set_caps(&self, caps: &gst::Caps) {
        self.source.set_caps(Some(caps));
    }

    /// Gives it one buffer. Waits while more than its share waits in the source.
    pub(super) fn push(&self, buffer: gst::Buffer) {
        if let Err(error) = self.source.push_buffer(buffer) {
            fail(format!("the {} pipeline takes no more: {error}", self.what));
        }
    }

    /// Lets everything that was pushed come out, for `limit` at most.
    pub(super) fn drain(&self, limit: gst::ClockTime) {
        // An error means that it has stopped already.
        let _ = self.source.end_of_stream();
        if let Some(bus) = self.pipeline.bus() {
            bus.timed_pop_filtered(limit, &[gst::MessageType::Eos, gst::MessageType::Error]);
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        // Stopping cannot fail in a way that matters to who drops it.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn element(pipeline: &gst::Pipeline, name: &str) -> anyhow::Result<gst::Element> {
    pipeline
        .by_name(name)
        .with_context(|| format!("no element {name}"))
}
