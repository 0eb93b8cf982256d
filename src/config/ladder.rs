//! `[ladder]`: the sizes of a stream's picture.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use weir_bridge::config::{Ladder as Rungs, Rung};

/// What stands for "whatever suits".
const AUTO: &str = "auto";

/// Presets of x264 that keep up with live pictures.
const PRESETS: [&str; 6] = [
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
];

/// `[ladder]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ladder {
    /// Smaller pictures that a stream may get beside its own: lines (of the shorter side), kilobits a
    /// second and most frames a second, as `720:2500:60`. Each is only made while somebody watches it.
    pub rungs: Vec<String>,
    /// The H.264 encoder by its name in GStreamer; `auto` takes hardware where there is some, else x264.
    pub encoder: String,
    /// x264's preset; `auto` goes by the machine's cores.
    pub preset: String,
    /// Milliseconds after which a WebRTC publisher is asked for a keyframe, so that its own picture can
    /// be cut into HLS segments, up to 2000. 0: it is not asked, and its picture is encoded for HLS.
    pub whip_keyframe_ms: u64,
}

impl Default for Ladder {
    fn default() -> Self {
        let Rungs {
            rungs,
            encoder,
            preset,
            whip_keyframes,
        } = Rungs::default();
        let text = |rung: &Rung| {
            let kilobits = rung.bitrate / 1000;
            format!("{}:{kilobits}:{}", rung.height, rung.frame_rate)
        };
        Self {
            rungs: rungs.iter().map(text).collect(),
            encoder: encoder.unwrap_or_else(|| AUTO.to_owned()),
            preset: preset.unwrap_or_else(|| AUTO.to_owned()),
            whip_keyframe_ms: whip_keyframes.map_or(0, |every| every.as_millis() as u64),
        }
    }
}

impl Ladder {
    /// As the workers take it; the key and the reason of what does not fit.
    pub fn settings(&self) -> Result<Rungs, (&'static str, &'static str)> {
        let rungs: Option<Vec<Rung>> = self.rungs.iter().map(|text| rung(text)).collect();
        let Some(rungs) = rungs.filter(|rungs| rungs.len() <= MOST) else {
            return Err((
                "ladder.rungs",
                "must be up to 7 like 720:2500:60: lines (90 to 2160), kilobits a second (100 to 50000), \
                 frames a second (5 to 240)",
            ));
        };
        if self.preset != AUTO && !PRESETS.contains(&self.preset.as_str()) {
            return Err((
                "ladder.preset",
                "must be auto, ultrafast, superfast, veryfast, faster, fast or medium",
            ));
        }
        if self.encoder.is_empty() {
            return Err((
                "ladder.encoder",
                "must be auto or an encoder of GStreamer, like x264enc or vah264enc",
            ));
        }
        if self.whip_keyframe_ms > 2000 {
            return Err(("ladder.whip_keyframe_ms", "must be 0 to 2000"));
        }
        let given = |text: &String| (text != AUTO).then(|| text.clone());
        Ok(Rungs {
            rungs,
            encoder: given(&self.encoder),
            preset: given(&self.preset),
            whip_keyframes: (self.whip_keyframe_ms > 0)
                .then(|| Duration::from_millis(self.whip_keyframe_ms)),
        })
    }
}

/// One more is the source's own.
const MOST: usize = 7;

/// `720:2500:60`
fn rung(text: &str) -> Option<Rung> {
    let mut numbers = text.split(':').map(str::parse::<u32>);
    let mut next = |least: u32, most: u32| {
        let number = numbers.next()?.ok()?;
        (least..=most).contains(&number).then_some(number)
    };
    let rung = Rung {
        height: next(90, 2160)?,
        bitrate: next(100, 50_000)? * 1000,
        frame_rate: next(5, 240)?,
    };
    numbers.next().is_none().then_some(rung)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_workers_own() {
        assert_eq!(Ladder::default().settings(), Ok(Rungs::default()));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for bad in ["720", "720:2500", "720:2500:60:1", "0:1:1", "720p:2500:60"] {
            let ladder = Ladder {
                rungs: vec![bad.to_owned()],
                ..Ladder::default()
            };
            assert_eq!(ladder.settings().unwrap_err().0, "ladder.rungs", "{bad}");
        }
        let slow = Ladder {
            preset: "placebo".to_owned(),
            whip_keyframe_ms: 0,
            ..Ladder::default()
        };
        assert_eq!(slow.settings().unwrap_err().0, "ladder.preset");
        let forced = Ladder {
            encoder: "vah264enc".to_owned(),
            whip_keyframe_ms: 0,
            ..Ladder::default()
        };
        let settings = forced.settings().unwrap();
        assert_eq!(settings.encoder.as_deref(), Some("vah264enc"));
        assert_eq!(settings.whip_keyframes, None);
    }
}
