//! The demo source: a moving test picture with sound, published over RTMP like anyone else's.
//!
//! A newcomer sees live video at once, and sees what matters: the clock shows the delay, the bell
//! rings in the instant in which the lamp lights and the ball touches the water (once a second),
//! and moving water shows every lost or late picture.

mod encoder;
mod glyph;
mod picture;
mod sound;

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use encoder::DemoError;
pub use picture::{Moment, Picture};

use crate::rtmp::{Client, ClientError};
use encoder::{Encoded, Encoder};

/// Pause after the first failure; doubles with each, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Where the demo publishes, and what.
#[derive(Clone)]
pub struct DemoTarget {
    /// `rtmp://host[:port]/app`.
    pub url: String,
    /// Stream key. Never logged.
    pub key: String,
    /// Pixels, a multiple of 8.
    pub width: u32,
    /// Pixels, a multiple of 2.
    pub height: u32,
    /// Pictures a second, 1 to 60.
    pub fps: u32,
    /// Bits a second of H.264.
    pub video_bitrate: u32,
    /// Bits a second of AAC.
    pub audio_bitrate: u32,
}

impl DemoTarget {
    /// 720p30 at 2.5 Mbit/s.
    pub fn new(url: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            key: key.into(),
            width: 1280,
            height: 720,
            fps: 30,
            video_bitrate: 2_500_000,
            audio_bitrate: 128_000,
        }
    }
}

/// Publishes until `cancel`; tries again, with growing pauses, whenever the server goes away.
///
/// # Errors
/// When it can never work: GStreamer or one of its elements is missing, or the target is not one.
pub async fn run(target: DemoTarget, cancel: CancellationToken) -> Result<(), DemoError> {
    encoder::check(&target)?;
    let mut pause = FIRST_PAUSE;
    loop {
        let ended = tokio::select! {
            ended = publish(&target, &cancel, &mut pause) => ended,
            () = cancel.cancelled() => return Ok(()),
        };
        match ended {
            Ok(()) => return Ok(()),
            Err(DemoError::Client(error @ ClientError::BadUrl(_))) => return Err(error.into()),
            Err(error) => warn!(%error, "demo source interrupted; next attempt in {pause:?}"),
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            () = cancel.cancelled() => return Ok(()),
        }
    }
}

/// One connection, until cancelled or broken.
async fn publish(
    target: &DemoTarget,
    cancel: &CancellationToken,
    pause: &mut Duration,
) -> Result<(), DemoError> {
    let mut client = Client::connect(&target.url, &target.key).await?;
    info!(url = target.url, "demo source publishes");
    *pause = FIRST_PAUSE;
    let mut encoder = Encoder::start(target)?;
    loop {
        let encoded = tokio::select! {
            biased;
            () = cancel.cancelled() => {
                drop(encoder);
                client.close().await?;
                return Ok(());
            }
            encoded = encoder.next() => encoded?,
        };
        match encoded {
            Encoded::Format(format) => client.send_format(&format).await?,
            Encoded::Unit(unit) => client.send(&unit).await?,
        }
    }
}
