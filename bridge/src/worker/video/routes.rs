//! Where the encoder's pictures go.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use weir_media::MediaTime;

use super::Outputs;
use crate::worker::{
    encode::Encoded,
    h264::AvcConfig,
    segment::{Cut, Picture, VideoTrack},
};

/// Given to the encoder's thread; switched by the source's.
#[derive(Debug)]
pub(super) struct Routes {
    outputs: Outputs,
    rtp: AtomicBool,
    hls: AtomicBool,
    frame: AtomicU64,
    /// What the current HLS run was started with; none when it needs a start.
    run: Mutex<Option<Arc<AvcConfig>>>,
}

impl Routes {
    pub(super) fn new(outputs: Outputs) -> Self {
        Self {
            outputs,
            rtp: AtomicBool::new(false),
            hls: AtomicBool::new(false),
            frame: AtomicU64::new(0),
            run: Mutex::default(),
        }
    }

    /// Switches the outputs. True when one was switched on.
    pub(super) fn set(&self, rtp: bool, hls: bool) -> bool {
        let rtp_on = !self.rtp.swap(rtp, Ordering::Relaxed) && rtp;
        let hls_on = !self.hls.swap(hls, Ordering::Relaxed) && hls;
        if hls_on {
            *self.run.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        rtp_on || hls_on
    }

    pub(super) fn any(&self) -> bool {
        self.rtp.load(Ordering::Relaxed) || self.hls.load(Ordering::Relaxed)
    }

    pub(super) fn set_frame(&self, frame: MediaTime) {
        self.frame.store(frame, Ordering::Relaxed);
    }

    /// Called from the encoder's thread.
    pub(super) fn picture(&self, picture: Encoded) {
        if self.rtp.load(Ordering::Relaxed) {
            self.outputs.send_picture(
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

    fn to_hls(&self, picture: Encoded) {
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hls = self.outputs.hls();
        if run.as_ref() != Some(&picture.config) {
            if !picture.keyframe {
                return;
            }
            let Ok(sps) = picture.config.sps() else {
                return;
            };
            let frame = self.frame.load(Ordering::Relaxed);
            hls.start_video(VideoTrack {
                config: (*picture.config).clone(),
                sps,
                frame,
                bitrate: super::estimate(Some(&sps), frame),
                cut: Cut::Grid,
            });
            *run = Some(picture.config.clone());
        }
        hls.picture(Picture {
            dts: picture.pts,
            pts: picture.pts,
            keyframe: picture.keyframe,
            data: picture.data,
        });
    }
}
