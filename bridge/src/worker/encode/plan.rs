//! Which sizes of a picture there are, and what each is encoded with.

use weir_media::MediaTime;

use crate::config;

/// A rung is only worth having when it is so much smaller than the one above, in percent of its height.
const SMALLER_PERCENT: u32 = 90;

/// A rung has at most so much of the bits of the one above: its picture is smaller.
const BITRATE_PERCENT: u64 = 75;

/// Bits a second that the smallest picture gets at least.
const LEAST_BITRATE: u32 = 150_000;

/// Frame rates may be off by so much, in percent, and still be the same: 59.94 and 60, milliseconds.
const RATE_SLACK: f64 = 0.05;

/// Most rungs: [`weir_media::Demand`] has a bit for each.
pub const MOST_RUNGS: usize = 8;

/// What is known of the source when its rungs are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourcePicture {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// What a frame lasts.
    pub frame: MediaTime,
    /// Bits a second, measured or estimated.
    pub bitrate: u32,
}

/// One size of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// By the shorter side, `720p`.
    pub name: String,
    /// Pixels; even.
    pub width: u32,
    /// Pixels; even.
    pub height: u32,
    /// What a frame lasts: a whole multiple of the source's.
    pub frame: MediaTime,
    /// Bits a second.
    pub bitrate: u32,
}

impl Rung {
    /// Pixels a second: what encoding costs grows with it.
    pub fn cost(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height) * 1_000_000_000 / self.frame.max(1)
    }

    /// `level_idc` of ITU-T H.264, table A-1: the lowest whose limits it keeps. Announced before the
    /// rung is encoded, and given to the encoder, so that both say the same.
    pub fn level(&self) -> u8 {
        // Level, macroblocks a second, macroblocks of a frame, kilobits a second.
        const LEVELS: [(u8, u64, u64, u32); 11] = [
            (20, 11_880, 396, 2_000),
            (21, 19_800, 792, 4_000),
            (22, 20_250, 1_620, 4_000),
            (30, 40_500, 1_620, 10_000),
            (31, 108_000, 3_600, 14_000),
            (32, 216_000, 5_120, 20_000),
            (40, 245_760, 8_192, 20_000),
            (42, 522_240, 8_704, 50_000),
            (50, 589_824, 22_080, 135_000),
            (51, 983_040, 36_864, 240_000),
            (52, 2_073_600, 36_864, 240_000),
        ];
        let blocks = u64::from(self.width.div_ceil(16)) * u64::from(self.height.div_ceil(16));
        // A frame of 33 ms is one of 33.37 that was rounded: 30 a second are within the level.
        let rate = (blocks * 1_000_000_000 / self.frame.max(1)) * 97 / 100;
        let fits = |(_, most_rate, most_blocks, kilobits): &&(u8, u64, u64, u32)| {
            rate <= *most_rate && blocks <= *most_blocks && self.bitrate / 1000 <= *kilobits
        };
        LEVELS.iter().find(fits).map_or(52, |(level, ..)| *level)
    }

    /// RFC 6381 codec string of what our encoder makes: constrained baseline.
    pub fn codec_string(&self) -> String {
        format!("avc1.42c0{:02x}", self.level())
    }
}

/// The rungs of a source, best first. Those of `own` are the source's pictures, most have but one: the
/// first is passed on or encoded, the others are passed on. What is smaller than all of them is encoded.
pub fn plan(own: &[SourcePicture], config: &config::Ladder) -> Vec<Rung> {
    let own = &own[..own.len().min(MOST_RUNGS)];
    let Some(source) = own.first() else {
        return Vec::new();
    };
    let short = source.width.min(source.height);
    let mut rungs: Vec<Rung> = Vec::new();
    for picture in own {
        let mut name = format!("{}p", picture.width.min(picture.height));
        // The same size twice, as with two bit rates.
        if rungs.iter().any(|rung| rung.name == name) {
            name = format!("{name}-{}", rungs.len() + 1);
        }
        rungs.push(Rung {
            name,
            width: even(picture.width),
            height: even(picture.height),
            frame: picture.frame,
            bitrate: picture.bitrate,
        });
    }
    let mut lower: Vec<&config::Rung> = config.rungs.iter().collect();
    lower.sort_by_key(|rung| std::cmp::Reverse(rung.height));
    for rung in lower {
        let Some(above) = rungs.last() else { break };
        let limit = above.width.min(above.height) * SMALLER_PERCENT / 100;
        if rung.height > limit || rung.height < 2 || rungs.len() == MOST_RUNGS {
            continue;
        }
        let most = u64::from(above.bitrate) * BITRATE_PERCENT / 100;
        let bitrate = rung.bitrate.min(most as u32).max(LEAST_BITRATE);
        let scale = |side: u32| {
            let scaled = u64::from(side) * u64::from(rung.height) + u64::from(short / 2);
            even((scaled / u64::from(short.max(1))) as u32)
        };
        rungs.push(Rung {
            name: format!("{}p", rung.height),
            width: scale(source.width),
            height: scale(source.height),
            frame: frame(above.frame, f64::from(rung.frame_rate)),
            bitrate,
        });
    }
    rungs
}

/// What a frame lasts at a rate of at most `most`: the whole multiple of the source's that comes next,
/// so that the pictures that stay are evenly spaced and those of each rung are among those above it.
fn frame(source: MediaTime, most: f64) -> MediaTime {
    let rate = 1e9 / source.max(1) as f64;
    let each = (rate / most.max(1.0) - RATE_SLACK).ceil().max(1.0);
    source * each as u64
}

/// 4:2:0 has a colour sample for each square of two by two pixels.
fn even(side: u32) -> u32 {
    (side & !1).max(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(width: u32, height: u32) -> Vec<(String, u32, u32)> {
        let source = SourcePicture {
            width,
            height,
            frame: 16_666_667,
            bitrate: 6_000_000,
        };
        plan(&[source], &config::Ladder::default())
            .into_iter()
            .map(|rung| (rung.name, rung.width, rung.height))
            .collect()
    }

    fn named(rungs: &[(&str, u32, u32)]) -> Vec<(String, u32, u32)> {
        rungs
            .iter()
            .map(|(name, width, height)| ((*name).to_owned(), *width, *height))
            .collect()
    }

    #[test]
    fn no_rung_is_above_the_source_or_close_to_it() {
        assert_eq!(
            sizes(1920, 1080),
            named(&[
                ("1080p", 1920, 1080),
                ("720p", 1280, 720),
                ("480p", 852, 480),
                ("360p", 640, 360)
            ])
        );
        assert_eq!(
            sizes(1280, 720),
            named(&[("720p", 1280, 720), ("480p", 852, 480), ("360p", 640, 360)])
        );
        assert_eq!(sizes(640, 360), named(&[("360p", 640, 360)]));
        // 384 and 360 lines look the same.
        assert_eq!(sizes(672, 384), named(&[("384p", 672, 384)]));
        assert_eq!(sizes(3840, 2160).len(), 5);
    }

    #[test]
    fn portrait_and_odd_sizes_are_scaled_by_the_shorter_side() {
        assert_eq!(
            sizes(1080, 1920),
            named(&[
                ("1080p", 1080, 1920),
                ("720p", 720, 1280),
                ("480p", 480, 852),
                ("360p", 360, 640)
            ])
        );
        assert_eq!(
            sizes(1001, 563),
            named(&[("563p", 1000, 562), ("480p", 852, 480), ("360p", 640, 360)])
        );
        assert_eq!(sizes(1, 1), named(&[("1p", 2, 2)]));
    }

    #[test]
    fn frame_rates_fall_by_whole_steps() {
        for (rate, most, expected) in [
            (60.0, 30.0, 30.0),
            (59.94, 30.0, 29.97),
            (50.0, 30.0, 25.0),
            (30.0, 30.0, 30.0),
            (25.0, 30.0, 25.0),
            (45.0, 30.0, 22.5),
            (144.0, 30.0, 28.8),
        ] {
            let frame = frame((1e9 / rate) as u64, most);
            assert!((1e9 / frame as f64 - expected).abs() < 0.01, "{rate}");
        }
    }

    #[test]
    fn bits_and_levels_fit_the_picture() {
        let source = SourcePicture {
            width: 1920,
            height: 1080,
            frame: 33_333_333,
            bitrate: 2_000_000,
        };
        let rungs = plan(&[source], &config::Ladder::default());
        assert!(
            rungs
                .windows(2)
                .all(|pair| pair[1].bitrate <= pair[0].bitrate * 3 / 4)
        );
        let levels: Vec<_> = rungs.iter().map(Rung::level).collect();
        assert_eq!(levels, [40, 31, 31, 30]);
        assert_eq!(rungs[1].codec_string(), "avc1.42c01f");
        let fast = Rung {
            frame: 16_666_667,
            ..rungs[0].clone()
        };
        assert_eq!(fast.level(), 42);
    }
}
