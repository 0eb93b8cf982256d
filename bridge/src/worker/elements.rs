//! What of GStreamer a worker builds its pipelines of.

use anyhow::Context;
use gstreamer as gst;

use super::encode::SOFTWARE;

/// Elements without which some stream cannot be served, but for encoders in hardware, which may be absent.
const ELEMENTS: [&str; 24] = [
    "appsrc",
    "appsink",
    "tee",
    "capsfilter",
    "videoconvert",
    "videoscale",
    "audioconvert",
    "audioresample",
    "h264parse",
    "avdec_h264",
    "h265parse",
    "avdec_h265",
    "vp8dec",
    "vp9parse",
    "vp9dec",
    "av1parse",
    "av1dec",
    "avdec_aac",
    "avenc_aac",
    "aacparse",
    "opusdec",
    "opusenc",
    "jpegenc",
    SOFTWARE,
];

/// Which of them this machine lacks.
///
/// # Errors
/// When GStreamer does not start.
pub fn missing_elements() -> anyhow::Result<Vec<&'static str>> {
    gst::init().context("cannot start GStreamer")?;
    let missing = |name: &&str| gst::ElementFactory::find(name).is_none();
    Ok(ELEMENTS.into_iter().filter(missing).collect())
}
