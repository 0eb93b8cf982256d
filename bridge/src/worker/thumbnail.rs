//! Small pictures of the stream: a keyframe is decoded by itself every few seconds, on a thread of its own.
//!
//! That costs less than keeping a decoder running, and nothing of it stands in the way of the live picture: a
//! keyframe that comes while another is at work is left out, and one that does not decode costs a log line.

use std::{
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSrc};
use tracing::warn;
use weir_media::{MediaTime, Thumbnail, VideoCodec};

use super::{h264::AvcConfig, h264::inspect, outbox::Outbox, video::with_sequence_header};
use crate::{link::message::FromWorker, source::AccessUnit};

/// Longest side of a picture, and of a tile of the strip.
const PICTURE: u32 = 640;
const TILE: u32 = 160;

/// JPEG quality: smaller shows blocks at this size.
const QUALITY: u32 = 75;

/// One that takes longer will not come. A machine that is busy with live pictures draws late.
const LIMIT: Duration = Duration::from_secs(10);

/// How often the end of the stream is looked for meanwhile.
const LOOK: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// A keyframe so much before its time is taken: the next may be seconds away.
const EARLY: MediaTime = 250_000_000;

/// Makes the pictures of one stream.
pub struct Thumbnails {
    outbox: Outbox,
    every: Option<MediaTime>,
    last: Option<MediaTime>,
    jobs: Option<SyncSender<Job>>,
    over: Arc<AtomicBool>,
}

impl Drop for Thumbnails {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

struct Job {
    codec: VideoCodec,
    config: Bytes,
    unit: AccessUnit,
}

impl Thumbnails {
    /// None are made before [`Thumbnails::every`] says how often.
    pub fn new(outbox: Outbox) -> Self {
        Self {
            outbox,
            every: None,
            last: None,
            jobs: None,
            over: Arc::default(),
        }
    }

    /// How often from now on; `None` ends it.
    pub fn every(&mut self, every: Option<Duration>) {
        self.every = every.map(|every| every.as_nanos() as MediaTime);
        if self.every.is_none() {
            self.jobs = None;
        }
    }

    /// A picture of the source; taken when it is a keyframe and time for one.
    pub fn offer(&mut self, codec: VideoCodec, config: &Bytes, unit: &AccessUnit) {
        let Some(every) = self.every else { return };
        let due = self.last.is_none_or(|last| {
            // Times that went back are another timeline.
            unit.pts < last || unit.pts + EARLY >= last + every
        });
        if !unit.keyframe || !due {
            return;
        }
        let job = Job {
            codec,
            config: config.clone(),
            unit: unit.clone(),
        };
        let jobs = self
            .jobs
            .take()
            .or_else(|| start(self.outbox.clone(), self.over.clone()));
        let Some(jobs) = jobs else { return };
        match jobs.try_send(job) {
            Ok(()) => self.last = Some(unit.pts),
            // Another is at work: the next keyframe will do.
            Err(TrySendError::Full(_)) => {}
            Err(TrySendError::Disconnected(_)) => return,
        }
        self.jobs = Some(jobs);
    }
}

fn start(outbox: Outbox, over: Arc<AtomicBool>) -> Option<SyncSender<Job>> {
    let (sender, jobs) = sync_channel(1);
    let thread = std::thread::Builder::new().name("thumbnail".into());
    match thread.spawn(move || work(&jobs, &outbox, &over)) {
        Ok(_) => Some(sender),
        Err(error) => {
            warn!(%error, "no thumbnails: no thread for them");
            None
        }
    }
}

fn work(jobs: &Receiver<Job>, outbox: &Outbox, over: &AtomicBool) {
    let mut failed = 0_u64;
    while let Ok(job) = jobs.recv() {
        match draw(&job, over) {
            Ok(pictures) => {
                for picture in pictures {
                    outbox.send(&FromWorker::Thumbnail(picture));
                }
            }
            Err(_) if over.load(Ordering::Relaxed) => return,
            Err(error) => {
                failed += 1;
                if failed.is_power_of_two() {
                    warn!(error = format!("{error:#}"), count = failed, "no thumbnail");
                }
            }
        }
    }
}

/// The picture, and its tile.
fn draw(job: &Job, over: &AtomicBool) -> anyhow::Result<[Thumbnail; 2]> {
    // JPEG has the full range of BT.601, whatever the source has.
    let jpeg = |side: u32, name: &str| {
        format!(
            "videoscale add-borders=false ! videoconvert \
             ! video/x-raw,format=I420,width=[2,{side},2],height=[2,{side},2],pixel-aspect-ratio=1/1,colorimetry=1:4:0:0 \
             ! jpegenc quality={QUALITY} ! appsink name={name} sync=false async=false"
        )
    };
    let description = format!(
        "appsrc name=source format=time ! {} ! tee name=both both. ! {} both. ! {}",
        decoder(job.codec),
        jpeg(PICTURE, "picture"),
        jpeg(TILE, "tile"),
    );
    let pipeline = gst::parse::launch(&description)?
        .downcast::<gst::Pipeline>()
        .map_err(|_| anyhow::anyhow!("what was built is no pipeline"))?;
    let pipeline = Running(pipeline);
    let source = pipeline.element::<AppSrc>("source")?;
    let picture = pipeline.element::<AppSink>("picture")?;
    let tile = pipeline.element::<AppSink>("tile")?;
    let (caps, data) = coded(job)?;
    source.set_caps(Some(&caps));
    pipeline.0.set_state(gst::State::Playing)?;
    let mut buffer = gst::Buffer::from_slice(data);
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(gst::ClockTime::ZERO);
    }
    // What fails here fails below as well, where the reason is known.
    let _ = source.push_buffer(buffer);
    let _ = source.end_of_stream();
    let time = job.unit.pts;
    Ok([
        pipeline.pull(&picture, time, over)?,
        pipeline.pull(&tile, time, over)?,
    ])
}

/// A pipeline that stops when it is dropped.
struct Running(gst::Pipeline);

impl Running {
    fn element<T: IsA<gst::Element>>(&self, name: &str) -> anyhow::Result<T> {
        let element = self.0.by_name(name).context("no such element")?;
        element
            .downcast()
            .map_err(|_| anyhow::anyhow!("{name} is something else"))
    }

    fn pull(
        &self,
        sink: &AppSink,
        time: MediaTime,
        over: &AtomicBool,
    ) -> anyhow::Result<Thumbnail> {
        let begun = Instant::now();
        let sample = loop {
            let sample = sink.try_pull_sample(LOOK);
            let waits = !sink.is_eos() && begun.elapsed() < LIMIT && !over.load(Ordering::Relaxed);
            if sample.is_some() || !waits {
                break sample;
            }
        };
        let Some(sample) = sample else {
            let bus = self.0.bus().context("no bus")?;
            match bus.pop_filtered(&[gst::MessageType::Error]) {
                Some(message) => match message.view() {
                    gst::MessageView::Error(error) => anyhow::bail!("{}", error.error()),
                    _ => anyhow::bail!("no picture"),
                },
                None => anyhow::bail!("the keyframe gives no picture"),
            }
        };
        let caps = sample.caps().context("no caps")?;
        let fields = caps.structure(0).context("empty caps")?;
        let buffer = sample.buffer().context("no buffer")?;
        Ok(Thumbnail {
            time,
            width: u32::try_from(fields.get::<i32>("width")?)?,
            height: u32::try_from(fields.get::<i32>("height")?)?,
            jpeg: Bytes::copy_from_slice(&buffer.map_readable()?),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Stopping cannot fail in a way that matters to who drops it.
        let _ = self.0.set_state(gst::State::Null);
    }
}

/// One thread: there is one picture, and the live ones come first.
fn decoder(codec: VideoCodec) -> &'static str {
    match codec {
        VideoCodec::H264 => "avdec_h264 max-threads=1",
        VideoCodec::Hevc => "h265parse ! avdec_h265 max-threads=1",
        VideoCodec::Vp8 => "vp8dec threads=1",
        VideoCodec::Vp9 => "vp9parse ! vp9dec threads=1",
        VideoCodec::Av1 => "av1parse ! av1dec",
    }
}

fn coded(job: &Job) -> anyhow::Result<(gst::Caps, Bytes)> {
    let mut config = job.config.clone();
    let mut data = job.unit.data.clone();
    let caps = match job.codec {
        VideoCodec::H264 => {
            // Encoders may change their parameter sets in the stream, and WebRTC has no record.
            let found = inspect(&data)?;
            if !found.sps.is_empty() && !found.pps.is_empty() {
                let (sps, pps) = (found.sps, found.pps);
                config = AvcConfig { sps, pps }.record();
            }
            "video/x-h264,stream-format=avc,alignment=au"
        }
        VideoCodec::Hevc => "video/x-h265,stream-format=hvc1,alignment=au",
        VideoCodec::Vp8 => "video/x-vp8",
        VideoCodec::Vp9 => "video/x-vp9",
        VideoCodec::Av1 => {
            data = with_sequence_header(&data, &config);
            "video/x-av1,stream-format=obu-stream,alignment=tu"
        }
    };
    let mut caps = gst::Caps::from_str(caps)?;
    if matches!(job.codec, VideoCodec::H264 | VideoCodec::Hevc) && !config.is_empty() {
        let fields = caps.make_mut();
        fields.set("codec_data", gst::Buffer::from_slice(config));
    }
    Ok((caps, data))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use weir_media::Kind;

    use super::*;

    /// A keyframe of this size, and its configuration record.
    fn keyframe(size: &str) -> Job {
        gst::init().unwrap();
        let description = format!(
            "videotestsrc num-buffers=1 ! video/x-raw,format=I420,{size} ! x264enc tune=zerolatency \
             ! video/x-h264,stream-format=avc,alignment=au ! appsink name=sink sync=false"
        );
        let pipeline = gst::parse::launch(&description).unwrap();
        let pipeline = Running(pipeline.downcast().unwrap());
        pipeline.0.set_state(gst::State::Playing).unwrap();
        let sample = pipeline.element::<AppSink>("sink").unwrap();
        let sample = sample.pull_sample().unwrap();
        let fields = sample.caps().unwrap().structure(0).unwrap();
        let config = fields.get::<gst::Buffer>("codec_data").unwrap();
        let bytes =
            |buffer: &gst::BufferRef| Bytes::copy_from_slice(&buffer.map_readable().unwrap());
        Job {
            codec: VideoCodec::H264,
            config: bytes(&config),
            unit: AccessUnit {
                kind: Kind::Video,
                layer: 0,
                dts: 7,
                pts: 7,
                keyframe: true,
                data: bytes(sample.buffer().unwrap()),
            },
        }
    }

    #[test]
    fn a_keyframe_becomes_a_picture_and_a_tile_of_its_shape() {
        for (size, picture, tile) in [
            ("width=1280,height=720", (640, 360), (160, 90)),
            ("width=720,height=1280", (360, 640), (90, 160)),
            ("width=320,height=240", (320, 240), (160, 120)),
        ] {
            let drawn = draw(&keyframe(size), &AtomicBool::new(false)).unwrap();
            let sizes = drawn.each_ref().map(|it| (it.width, it.height));
            assert_eq!(sizes, [picture, tile], "{size}");
            assert!(
                drawn
                    .iter()
                    .all(|it| it.time == 7 && it.jpeg[..2] == [0xff, 0xd8])
            );
        }
    }

    #[test]
    fn what_is_no_picture_is_an_error_and_does_not_end_the_worker() {
        let mut job = keyframe("width=320,height=240");
        job.unit.data = Bytes::from_static(&[0, 0, 0, 2, 0x65, 0xff]);
        assert!(draw(&job, &AtomicBool::new(false)).is_err());
    }
}
