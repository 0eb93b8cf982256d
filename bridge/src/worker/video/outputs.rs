//! Where pictures go, and who says so.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use weir_media::{MediaTime, RtpLayer, RtpTracks, VideoCodec};

use crate::{
    config,
    link::message::FromWorker,
    worker::{
        encode::{EncoderChoice, KeyframeRequests, MOST_RUNGS},
        h264::{self, AvcConfig, H264Packetizer},
        outbox::Outbox,
        segment::Segmenter,
    },
};

/// Everything a source's pictures go to.
#[derive(Debug, Clone)]
pub struct Outputs {
    /// To the main process.
    pub outbox: Outbox,
    /// HLS.
    pub hls: Arc<Mutex<Segmenter>>,
    /// Keyframes that viewers ask for; the encoders answer.
    pub requests: Arc<KeyframeRequests>,
    /// How rungs are made.
    pub ladder: Arc<config::Ladder>,
    /// Whether viewers get the source's sound from here.
    pub sound: Arc<AtomicBool>,
    /// The RTP tracks, whoever feeds them.
    packetizers: Arc<Vec<Mutex<H264Packetizer>>>,
    /// Looked for when it is needed first: most machines only have to look to find nothing.
    encoder: Arc<OnceLock<Arc<EncoderChoice>>>,
}

impl Outputs {
    /// All that a worker's pictures go to.
    pub fn new(
        outbox: Outbox,
        requests: Arc<KeyframeRequests>,
        ladder: Arc<config::Ladder>,
    ) -> Self {
        let packetizers = (0..MOST_RUNGS as u8)
            .map(H264Packetizer::new)
            .map(Mutex::new);
        Self {
            hls: Arc::new(Mutex::new(Segmenter::new(outbox.clone()))),
            outbox,
            requests,
            ladder,
            sound: Arc::default(),
            packetizers: Arc::new(packetizers.collect()),
            encoder: Arc::default(),
        }
    }

    /// HLS.
    pub fn hls(&self) -> MutexGuard<'_, Segmenter> {
        self.hls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The encoder of all rungs.
    pub fn encoder(&self) -> Arc<EncoderChoice> {
        let find = || {
            let ladder = &self.ladder;
            EncoderChoice::find(ladder.encoder.as_deref(), ladder.preset.as_deref())
        };
        self.encoder.get_or_init(|| Arc::new(find())).clone()
    }

    /// Says which RTP tracks there are from now on.
    pub fn announce(&self, layers: &[RtpLayer], picture: bool) {
        self.outbox.send(&FromWorker::RtpStart {
            tracks: RtpTracks {
                video: picture.then_some(VideoCodec::H264),
                audio: self.sound.load(Ordering::Relaxed),
            },
            layers: layers.to_vec(),
        });
    }

    /// Sends a picture to viewers of a layer.
    pub fn send_picture(
        &self,
        layer: usize,
        config: &AvcConfig,
        pts: MediaTime,
        keyframe: bool,
        data: &Bytes,
    ) {
        let Some(packetizer) = self.packetizers.get(layer) else {
            return;
        };
        let mut packetizer = packetizer.lock().unwrap_or_else(PoisonError::into_inner);
        // Checked when it was inspected, or made by our encoder.
        let units = h264::nal_units(data).filter_map(Result::ok);
        self.outbox
            .send_rtp(packetizer.packetize(units, config, pts, keyframe));
    }
}
