//! Which element of GStreamer encodes, and how each is told what we want: one table.

use anyhow::bail;
use gstreamer as gst;
use gstreamer::prelude::*;
use tracing::{info, warn};

use super::plan::Rung;

/// Slices encoded at the same time. More cost picture quality and gain little.
const MAX_THREADS: u64 = 4;

/// Pixels a second that a thread of x264 encodes well within a frame's time.
const THREAD_PIXELS: u64 = 35_000_000;

/// Cores from which on a slower preset, which looks better, is affordable.
const MANY_CORES: usize = 8;

/// The encoder in software, which is always there.
pub const SOFTWARE: &str = "x264enc";

/// An encoder and its manners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element {
    /// Its name in GStreamer.
    pub name: &'static str,
    /// Properties for low delay: no reordering, no looking ahead, constant rate, keyframes when asked.
    /// `{kilobits}`, `{bits}` and so on are filled in.
    properties: &'static str,
    /// What stands in front: the form of raw pictures that it takes.
    before: &'static str,
    /// Profile in its caps. What browsers decode at once is constrained baseline.
    profile: &'static str,
    /// The property that holds bits a second, and how many of them are one of it. None: it cannot change
    /// while it runs.
    bitrate: Option<(&'static str, u32)>,
}

/// Hardware first come by rank; where ranks are equal, in this order.
const HARDWARE: [Element; 7] = [
    Element {
        name: "vah264enc",
        properties: "rate-control=cbr bitrate={kilobits} b-frames=0 ref-frames=1 key-int-max=600 aud=false target-usage=6",
        before: "videoconvert ! video/x-raw,format=NV12 !",
        profile: "constrained-baseline",
        bitrate: Some(("bitrate", 1000)),
    },
    Element {
        name: "vaapih264enc",
        properties: "rate-control=cbr bitrate={kilobits} max-bframes=0 refs=1 keyframe-period=600 aud=false quality-level=6",
        before: "videoconvert ! video/x-raw,format=NV12 !",
        profile: "constrained-baseline",
        bitrate: Some(("bitrate", 1000)),
    },
    Element {
        name: "nvh264enc",
        properties: "rc-mode=cbr bitrate={kilobits} bframes=0 rc-lookahead=0 zerolatency=true gop-size=600 aud=false preset=low-latency-hq",
        before: "",
        profile: "constrained-baseline",
        bitrate: Some(("bitrate", 1000)),
    },
    Element {
        name: "nvcudah264enc",
        properties: "rate-control=cbr bitrate={kilobits} b-frames=0 rc-lookahead=0 zero-reorder-delay=true gop-size=600 aud=false tune=ultra-low-latency",
        before: "",
        profile: "constrained-baseline",
        bitrate: Some(("bitrate", 1000)),
    },
    Element {
        name: "v4l2h264enc",
        properties: "extra-controls=\"controls,video_bitrate_mode=1,video_bitrate={bits},video_gop_size=600,video_b_frames=0,repeat_sequence_header=1\"",
        before: "",
        profile: "constrained-baseline",
        bitrate: None,
    },
    Element {
        name: "vtenc_h264_hw",
        properties: "realtime=true allow-frame-reordering=false bitrate={kilobits} max-keyframe-interval=600",
        before: "",
        profile: "constrained-baseline",
        bitrate: Some(("bitrate", 1000)),
    },
    Element {
        name: "vtenc_h264",
        properties: "realtime=true allow-frame-reordering=false bitrate={kilobits} max-keyframe-interval=600",
        before: "",
        profile: "constrained-baseline",
        bitrate: Some(("bitrate", 1000)),
    },
];

const X264: Element = Element {
    name: SOFTWARE,
    properties: "tune=zerolatency speed-preset={preset} sliced-threads={sliced} threads={threads} bframes=0 aud=false \
                 byte-stream=false key-int-max=600 option-string=scenecut=0 bitrate={kilobits} vbv-buf-capacity=500",
    before: "",
    profile: "constrained-baseline",
    bitrate: Some(("bitrate", 1000)),
};

/// The encoder that a worker uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncoderChoice {
    /// Which.
    pub element: Element,
    /// x264's preset.
    preset: &'static str,
    cores: usize,
}

impl EncoderChoice {
    /// Chooses: the hardware of the highest rank that works, else software. `forced` names one, and
    /// `preset` x264's preset.
    pub fn find(forced: Option<&str>, preset: Option<&str>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let element = match forced {
            Some(name) => match known(name) {
                Ok(element) if works(element.name) => element,
                Ok(element) => {
                    warn!(
                        encoder = element.name,
                        "the encoder that the settings name does not work here; x264 is used"
                    );
                    X264
                }
                Err(error) => {
                    warn!(%error, "x264 is used");
                    X264
                }
            },
            None => choose(rank, works),
        };
        info!(encoder = element.name, "H.264 encoder");
        Self {
            element,
            preset: preset
                .and_then(known_preset)
                .unwrap_or_else(|| preset_for(cores)),
            cores,
        }
    }

    /// The part of a pipeline that encodes a rung: raw pictures of its size in, AVC out. The encoder is
    /// named `encoder`.
    pub fn description(&self, rung: &Rung) -> String {
        let Element {
            name,
            before,
            profile,
            ..
        } = self.element;
        let threads = threads(rung, self.cores);
        let properties = self
            .element
            .properties
            .replace("{kilobits}", &(rung.bitrate / 1000).max(1).to_string())
            .replace("{bits}", &rung.bitrate.to_string())
            .replace("{preset}", self.preset)
            .replace("{threads}", &threads.to_string())
            .replace("{sliced}", if threads > 1 { "true" } else { "false" });
        let form = "stream-format=avc,alignment=au";
        if name == SOFTWARE {
            let level = level_name(rung.level());
            format!(
                "{name} name=encoder {properties} ! video/x-h264,profile={profile},level=(string){level},{form}"
            )
        } else {
            // Most give a byte stream, and choose the level themselves.
            format!(
                "{before} {name} name=encoder {properties} ! video/x-h264,profile={profile} ! h264parse config-interval=0 \
                 ! video/x-h264,{form}"
            )
        }
    }

    /// Sets bits a second of a running encoder, where it can be done.
    pub fn set_bitrate(&self, element: &gst::Element, bitrate: u32) {
        if let Some((property, unit)) = self.element.bitrate {
            element.set_property(property, (bitrate / unit).max(1));
        }
    }
}

/// Names that the setting may have.
pub fn known(name: &str) -> anyhow::Result<Element> {
    let mut all = HARDWARE.iter().chain([&X264]);
    match all.find(|element| element.name == name) {
        Some(element) => Ok(*element),
        None => {
            let names: Vec<_> = HARDWARE.iter().map(|element| element.name).collect();
            bail!(
                "no encoder {name:?}; take {SOFTWARE} or one of {}",
                names.join(", ")
            )
        }
    }
}

/// `rank` of an element, none where there is no such element; `works` whether it can be used.
fn choose(rank: impl Fn(&str) -> Option<i32>, works: impl Fn(&str) -> bool) -> Element {
    let mut present: Vec<_> = HARDWARE
        .into_iter()
        .filter_map(|element| Some((rank(element.name)?, element)))
        .collect();
    // Stable: the table's order decides between equals.
    present.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
    present
        .into_iter()
        .map(|(_, element)| element)
        .find(|element| works(element.name))
        .unwrap_or(X264)
}

fn rank(name: &str) -> Option<i32> {
    use gst::glib::translate::IntoGlib;
    gst::ElementFactory::find(name).map(|factory| factory.rank().into_glib())
}

/// A driver without its device shows when the element opens it.
fn works(name: &str) -> bool {
    let Ok(element) = gst::ElementFactory::make(name).build() else {
        return false;
    };
    let ready = element.set_state(gst::State::Ready).is_ok();
    // It is thrown away either way.
    let _ = element.set_state(gst::State::Null);
    ready
}

/// Presets that keep up; slower ones are no use live.
fn known_preset(name: &str) -> Option<&'static str> {
    const PRESETS: [&str; 6] = [
        "ultrafast",
        "superfast",
        "veryfast",
        "faster",
        "fast",
        "medium",
    ];
    PRESETS.into_iter().find(|preset| *preset == name)
}

fn preset_for(cores: usize) -> &'static str {
    if cores >= MANY_CORES {
        "veryfast"
    } else {
        "superfast"
    }
}

/// Threads of a rung: a small picture gains nothing from being cut into slices.
fn threads(rung: &Rung, cores: usize) -> u64 {
    rung.cost()
        .div_ceil(THREAD_PIXELS)
        .clamp(1, MAX_THREADS.min(cores as u64).max(1))
}

/// A level as GStreamer's caps have it: `3`, `3.1`.
fn level_name(level: u8) -> String {
    match level % 10 {
        0 => (level / 10).to_string(),
        minor => format!("{}.{minor}", level / 10),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn rung(height: u32, frame: u64) -> Rung {
        Rung {
            name: format!("{height}p"),
            width: height * 16 / 9,
            height,
            frame,
            bitrate: 2_500_000,
        }
    }

    #[test]
    fn hardware_is_chosen_by_rank_if_it_works() {
        let ranks = |name: &str| match name {
            "vah264enc" => Some(0),
            "nvh264enc" | "v4l2h264enc" => Some(256),
            _ => None,
        };
        assert_eq!(choose(ranks, |_| true).name, "nvh264enc");
        assert_eq!(
            choose(ranks, |name| name != "nvh264enc").name,
            "v4l2h264enc"
        );
        assert_eq!(choose(ranks, |name| name == "vah264enc").name, "vah264enc");
        assert_eq!(choose(ranks, |_| false).name, SOFTWARE);
        assert_eq!(choose(|_| None, |_| true).name, SOFTWARE);
    }

    #[test]
    fn each_element_is_told_all_that_it_needs() {
        for element in HARDWARE.into_iter().chain([X264]) {
            let choice = EncoderChoice {
                element,
                preset: "superfast",
                cores: 2,
            };
            let text = choice.description(&rung(720, 33_333_333));
            assert!(!text.contains('{'), "{text}");
            assert!(text.contains("name=encoder"), "{text}");
            assert!(text.contains("2500"), "the bit rate: {text}");
            assert!(text.contains("600"), "or no keyframes of its own: {text}");
        }
        let names = known("vp8enc").unwrap_err().to_string();
        assert!(names.contains("x264enc") && names.contains("nvh264enc"));
    }

    #[test]
    fn threads_follow_the_picture() {
        assert_eq!(threads(&rung(360, 33_333_333), 16), 1);
        assert_eq!(threads(&rung(720, 33_333_333), 16), 1);
        assert_eq!(threads(&rung(720, 16_666_667), 16), 2);
        assert_eq!(threads(&rung(1080, 33_333_333), 16), 2);
        assert_eq!(threads(&rung(1080, 16_666_667), 16), 4);
        assert_eq!(threads(&rung(1080, 16_666_667), 1), 1);
        assert_eq!(preset_for(2), "superfast");
        assert_eq!(preset_for(16), "veryfast");
        assert_eq!((level_name(30), level_name(31)), ("3".into(), "3.1".into()));
    }
}
