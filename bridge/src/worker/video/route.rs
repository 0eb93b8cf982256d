//! Where an encoded rung's pictures go.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::Outputs;
use crate::worker::{
    encode::{Encoded, Rung},
    h264::{AvcConfig, Sps},
    segment::{Cut, Picture, VideoRun, VideoTrack},
};

/// Given to the rung's thread; switched by the source's.
#[derive(Debug)]
pub(super) struct Route {
    outputs: Outputs,
    plan: Arc<Vec<Rung>>,
    number: usize,
    rtp: AtomicBool,
    hls: AtomicBool,
    /// The first rung's: what the current HLS run was started with; none when it needs a start.
    run: Mutex<Option<Arc<AvcConfig>>>,
}

impl Route {
    pub(super) fn new(outputs: Outputs, plan: Arc<Vec<Rung>>, number: usize) -> Self {
        Self {
            outputs,
            plan,
            number,
            rtp: AtomicBool::new(false),
            hls: AtomicBool::new(false),
            run: Mutex::default(),
        }
    }

    /// Switches the outputs. When one is switched on, the next picture is a keyframe.
    pub(super) fn set(&self, rtp: bool, hls: bool) {
        let rtp_on = !self.rtp.swap(rtp, Ordering::Relaxed) && rtp;
        let hls_was = self.hls.swap(hls, Ordering::Relaxed);
        let hls_on = !hls_was && hls;
        if hls_on {
            *self.run.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        if hls_was && !hls && self.number > 0 {
            self.outputs.hls().rung_stops(self.number);
        }
        // The first rung begins HLS, and the others join with the next segment.
        if rtp_on || hls_on && self.number == 0 {
            self.outputs.requests.ask(Some(self.number as u8));
        }
    }

    pub(super) fn any(&self) -> bool {
        self.rtp.load(Ordering::Relaxed) || self.hls.load(Ordering::Relaxed)
    }

    /// Called from the encoder's thread.
    pub(super) fn picture(&self, picture: Encoded) {
        if self.rtp.load(Ordering::Relaxed) {
            self.outputs.send_picture(
                self.number,
                &picture.config,
                picture.pts,
                picture.keyframe,
                &picture.data,
            );
        }
        if self.hls.load(Ordering::Relaxed) {
            self.to_hls(picture);
        }
    }

    fn to_hls(&self, encoded: Encoded) {
        let picture = Picture {
            dts: encoded.pts,
            pts: encoded.pts,
            keyframe: encoded.keyframe,
            data: encoded.data,
        };
        if self.number > 0 {
            let mut hls = self.outputs.hls();
            // Switched off meanwhile: it would join again.
            if self.hls.load(Ordering::Relaxed) {
                hls.rung(self.number, &encoded.config, picture, encoded.shared);
            }
            return;
        }
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hls = self.outputs.hls();
        if run.as_ref() != Some(&encoded.config) {
            if !encoded.keyframe {
                return;
            }
            let Ok(sps) = encoded.config.sps() else {
                return;
            };
            hls.start_video(VideoRun {
                rungs: tracks(&self.plan, &sps),
                config: (*encoded.config).clone(),
                cut: Cut::Grid,
            });
            *run = Some(encoded.config.clone());
        }
        hls.picture(picture);
    }
}

/// The rungs as HLS announces them: the first as it is, the others as they will be.
pub(super) fn tracks(plan: &[Rung], best: &Sps) -> Vec<VideoTrack> {
    let mut tracks: Vec<_> = plan
        .iter()
        .map(|rung| VideoTrack {
            name: rung.name.clone(),
            codec: rung.codec_string(),
            width: rung.width,
            height: rung.height,
            frame: rung.frame,
            bitrate: rung.bitrate,
        })
        .collect();
    if let Some(first) = tracks.first_mut() {
        first.codec = best.codec_string();
        first.width = best.width;
        first.height = best.height;
    }
    tracks
}
