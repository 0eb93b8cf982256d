//! Decodes a source once and encodes it as H.264 in several sizes, for browsers.
//!
//! Each rung is a pipeline with its own thread, fed with decoded pictures: the largest from the decoder,
//! each smaller one with the scaled pictures of the next larger one that runs. So a rung can start and
//! stop while the others go on, pictures are scaled in small steps, which costs less, and a slow rung
//! holds up no larger one.

mod decode;
mod element;
mod keys;
mod overload;
mod plan;
mod rung;
mod scale;

pub use decode::{Coded, Decoder};
pub use element::{EncoderChoice, SOFTWARE};
pub use keys::KeyframeRequests;
pub use overload::{Overload, Step};
pub use plan::{MOST_RUNGS, Rung, SourcePicture, plan};
pub use rung::Encoded;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use gstreamer as gst;
use tracing::{info, warn};
use weir_media::MediaTime;

use keys::Keys;
use rung::{RungEncoder, RungInput};

/// A rung that is started or stopped needs so long until its figures say something.
const WARM_UP: Duration = Duration::from_secs(3);

/// Of pictures that come before there are rungs, so much is kept.
const EARLY: MediaTime = 150_000_000;

/// A rung so far behind the decoder is late: most of what may wait does.
const LATE: MediaTime = 140_000_000;

/// The running rungs of one source.
#[derive(Debug)]
pub struct Encoders {
    fan: Arc<Fan>,
    plan: Arc<Vec<Rung>>,
    requests: Arc<KeyframeRequests>,
    running: Vec<Option<RungEncoder>>,
}

/// Gives decoded pictures to the rungs.
#[derive(Debug, Default)]
pub struct Fan {
    keys: Arc<Keys>,
    /// Pictures before this time only bring the decoder up to date.
    emit_from: AtomicU64,
    /// The newest decoded picture.
    decoded: AtomicU64,
    /// Width and height of decoded pictures, 32 bits each.
    size: AtomicU64,
    /// Pictures that came before there was a plan, which needs their size.
    early: Mutex<VecDeque<Early>>,
    inputs: RwLock<Inputs>,
}

#[derive(Debug, Default)]
struct Inputs {
    rungs: Vec<Option<Input>>,
    /// Only pictures of this size go to the rungs; others wait for a new plan.
    size: Option<(u32, u32)>,
}

#[derive(Debug)]
struct Input {
    to: Arc<RungInput>,
    /// The rung whose scaled pictures it gets; none for the decoder's.
    from: Option<usize>,
}

/// A picture that came before there was a plan.
#[derive(Debug)]
struct Early {
    pts: MediaTime,
    buffer: gst::Buffer,
    caps: gst::Caps,
}

impl Fan {
    /// Takes a picture of the decoder.
    pub fn decoded(&self, sample: &gst::Sample) {
        let (Some(buffer), Some(caps)) = (sample.buffer_owned(), sample.caps()) else {
            return;
        };
        let Some(pts) = buffer.pts().map(gst::ClockTime::nseconds) else {
            return;
        };
        let side = |name| {
            let fields = caps.structure(0)?;
            u32::try_from(fields.get::<i32>(name).ok()?).ok()
        };
        let (Some(width), Some(height)) = (side("width"), side("height")) else {
            return;
        };
        let size = u64::from(width) << 32 | u64::from(height);
        self.size.store(size, Ordering::Relaxed);
        self.decoded.fetch_max(pts, Ordering::Relaxed);
        if pts < self.emit_from.load(Ordering::Relaxed) {
            return;
        }
        let inputs = self.read();
        if inputs.size.is_some_and(|size| size != (width, height)) {
            return;
        }
        self.keys.decoded(pts);
        if inputs.rungs.is_empty() {
            let mut early = self.early();
            while early.front().is_some_and(|first| first.pts + EARLY < pts) {
                early.pop_front();
            }
            let caps = caps.to_owned();
            early.push_back(Early { pts, buffer, caps });
        } else {
            inputs.feed(None, &buffer, caps);
        }
    }

    fn early(&self) -> MutexGuard<'_, VecDeque<Early>> {
        self.early.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Width and height of the pictures that come from the decoder, when one came.
    pub fn size(&self) -> Option<(u32, u32)> {
        let size = self.size.load(Ordering::Relaxed);
        (size > 0).then_some(((size >> 32) as u32, size as u32))
    }

    fn read(&self) -> RwLockReadGuard<'_, Inputs> {
        self.inputs.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inputs> {
        self.inputs.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inputs {
    fn feed(&self, from: Option<usize>, buffer: &gst::Buffer, caps: &gst::CapsRef) {
        let takers = self
            .rungs
            .iter()
            .flatten()
            .filter(|input| input.from == from);
        for input in takers {
            input.to.push(buffer, caps);
        }
    }

    /// A rung's pictures come from the next larger one that is encoded. The first takes those of the
    /// decoder as they are, and so does the next: there is nothing scaled before it.
    fn connect(&mut self) {
        let mut from = None;
        for (number, input) in self.rungs.iter_mut().enumerate() {
            if let Some(input) = input {
                input.from = from;
                if number > 0 {
                    from = Some(number);
                }
            }
        }
    }
}

impl Encoders {
    /// No rungs yet.
    pub fn new(requests: Arc<KeyframeRequests>) -> Self {
        Self {
            fan: Arc::default(),
            plan: Arc::default(),
            requests,
            running: Vec::new(),
        }
    }

    /// Where the decoder's pictures go.
    pub fn fan(&self) -> &Arc<Fan> {
        &self.fan
    }

    /// The rungs that there may be.
    pub fn plan(&self) -> &Arc<Vec<Rung>> {
        &self.plan
    }

    /// Rungs of another source picture: nothing runs then. `size`: of the decoder's pictures.
    pub fn replan(&mut self, plan: Vec<Rung>, size: Option<(u32, u32)>) {
        self.stop_all();
        {
            let mut inputs = self.fan.write();
            inputs.rungs = plan.iter().map(|_| None).collect();
            inputs.size = size;
        }
        self.running = plan.iter().map(|_| None).collect();
        self.plan = Arc::new(plan);
    }

    /// See [`Keys::follow_source`].
    pub fn follow_source(&self, source: bool) {
        self.fan.keys.follow_source(source);
    }

    /// The source has a keyframe at this time.
    pub fn source_keyframe(&self, pts: MediaTime) {
        self.fan.keys.source(pts);
    }

    /// Pictures before `time` are decoded but not encoded.
    pub fn emit_from(&self, time: MediaTime) {
        self.fan.emit_from.fetch_max(time, Ordering::Relaxed);
    }

    /// Whether this rung is encoded.
    pub fn runs(&self, number: usize) -> bool {
        self.running.get(number).is_some_and(Option::is_some)
    }

    /// Starts a rung's encoder, if it does not run. `on_picture` is called from its thread.
    pub fn start(
        &mut self,
        number: usize,
        bitrate: u32,
        choice: Arc<EncoderChoice>,
        on_picture: impl FnMut(Encoded) + Send + 'static,
    ) -> anyhow::Result<()> {
        let Some(rung) = self.plan.get(number) else {
            return Ok(());
        };
        if self.runs(number) {
            return Ok(());
        }
        let rung = Rung {
            bitrate,
            ..rung.clone()
        };
        let fan: Weak<Fan> = Arc::downgrade(&self.fan);
        let on_scaled = Box::new(move |buffer: &gst::Buffer, caps: &gst::CapsRef| {
            if let Some(fan) = fan.upgrade() {
                fan.read().feed(Some(number), buffer, caps);
            }
        });
        let encoder = RungEncoder::start(
            number,
            &rung,
            choice,
            self.fan.keys.clone(),
            self.requests.clone(),
            on_scaled,
            on_picture,
        )?;
        encoder.input().thin_out(rung.frame, self.plan[0].frame);
        info!(rung = rung.name, bitrate, "rung encoded");
        let mut inputs = self.fan.write();
        inputs.rungs[number] = Some(Input {
            to: encoder.input().clone(),
            from: None,
        });
        inputs.connect();
        if number == 0 {
            // Under the lock, so that none that is newer comes before them.
            for picture in self.fan.early().drain(..) {
                encoder.input().push(&picture.buffer, &picture.caps);
            }
        }
        drop(inputs);
        self.running[number] = Some(encoder);
        Ok(())
    }

    /// Stops a rung. What it still has is not wanted any more.
    pub fn stop(&mut self, number: usize) {
        let Some(encoder) = self.running.get_mut(number).and_then(Option::take) else {
            return;
        };
        let mut inputs = self.fan.write();
        let input = inputs.rungs[number].take();
        inputs.connect();
        drop(inputs);
        // Its thread may be about to hand a picture on: it must not wait for a lock that is held here.
        drop(input);
        drop(encoder);
        info!(rung = self.plan[number].name, "rung not encoded any more");
    }

    /// Stops all.
    pub fn stop_all(&mut self) {
        for number in 0..self.running.len() {
            self.stop(number);
        }
    }

    /// Lets everything come out that the decoder has given.
    pub fn drain(&self, limit: gst::ClockTime) {
        // The larger first: they feed the smaller.
        for encoder in self.running.iter().flatten() {
            encoder.input().drain(limit);
        }
    }

    /// Waits until this rung has given out all up to `time`, or for `limit`.
    pub fn settle(&self, number: usize, time: MediaTime, limit: Duration) {
        if let Some(Some(encoder)) = self.running.get(number) {
            encoder.input().settle(time, limit);
        }
    }

    /// Bits a second of a running rung.
    pub fn set_bitrate(&mut self, number: usize, bitrate: u32) {
        if let Some(Some(encoder)) = self.running.get_mut(number) {
            encoder.set_bitrate(bitrate);
        }
    }

    /// Encodes only each `step`th picture of a rung.
    pub fn thin_out(&self, number: usize, step: u32) {
        if let (Some(Some(encoder)), Some(rung)) = (self.running.get(number), self.plan.get(number))
        {
            let frame = rung.frame * u64::from(step);
            encoder.input().thin_out(frame, self.plan[0].frame);
        }
    }

    /// Whether one has stopped working.
    pub fn hangs(&self) -> bool {
        let mut running = self.running.iter().flatten();
        running.any(|encoder| encoder.input().hangs())
    }

    /// The newest decoded picture.
    pub fn newest_decoded(&self) -> MediaTime {
        self.fan.decoded.load(Ordering::Relaxed)
    }

    /// Whether rungs cannot keep up: pictures were left out since the last look, or are late.
    pub fn suffer(&self) -> bool {
        let decoded = self.newest_decoded();
        let mut suffers = false;
        for (number, encoder) in self.running.iter().enumerate() {
            let Some(encoder) = encoder else { continue };
            let (dropped, lag) = (encoder.input().take_dropped(), encoder.input().lag(decoded));
            if encoder.input().age() >= WARM_UP && (dropped > 0 || lag > LATE) {
                let rung = &self.plan[number].name;
                warn!(%rung, dropped, lag_ms = lag / 1_000_000, "encoding is late");
                suffers = true;
            }
        }
        suffers
    }
}

impl Drop for Encoders {
    fn drop(&mut self) {
        // Else a rung's thread, which knows the fan, could be the last to let go of its own pipeline.
        self.stop_all();
    }
}

#[cfg(test)]
mod tests {
    use super::{element::SOFTWARE, *};

    #[test]
    fn smaller_rungs_take_the_scaled_pictures_of_larger_ones() {
        gst::init().expect("GStreamer starts");
        let choice = Arc::new(EncoderChoice::find(Some(SOFTWARE), None));
        let mut encoders = Encoders::new(Arc::default());
        let source = SourcePicture {
            width: 1920,
            height: 1080,
            frame: 33_333_333,
            bitrate: 4_000_000,
        };
        encoders.replan(plan(&[source], &crate::config::Ladder::default()), None);
        let from = |encoders: &Encoders| -> Vec<Option<Option<usize>>> {
            let inputs = encoders.fan.read();
            inputs
                .rungs
                .iter()
                .map(|input| input.as_ref().map(|input| input.from))
                .collect()
        };
        for number in [3, 1, 0] {
            encoders
                .start(number, 1_000_000, choice.clone(), |_| {})
                .expect("x264 starts");
        }
        assert_eq!(
            from(&encoders),
            [Some(None), Some(None), None, Some(Some(1))]
        );
        encoders.stop(1);
        assert_eq!(from(&encoders), [Some(None), None, None, Some(None)]);
        encoders.stop_all();
        assert_eq!(from(&encoders), [None; 4]);
    }
}
