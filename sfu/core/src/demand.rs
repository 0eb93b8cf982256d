//! Which layers of a ladder viewers need, so that the bridge encodes no others.
//!
//! A viewer needs the layer that it should get and the one that it gets; and the next lower one as
//! soon as its path shows that it may not carry the present one for long, so that the layer is there
//! before the picture stands still. Who asks for a layer by name needs that one.

use std::{sync::Arc, time::Duration};

use weir_media::RtpLayer;

use crate::{api::LayerChoice, packet::LayerId};

/// How often viewers are looked at.
pub(crate) const LOOK: Duration = Duration::from_millis(250);

/// What a path must carry of a layer to be given it, in percent; of one above the present layer.
const FITS: u64 = 100;
const FITS_ABOVE: u64 = 115;

/// Below this share of what the layer takes, in percent, a path with losses is near its end.
const NEAR: u64 = 150;

/// Share of packets lost from which a path is strained.
const LOSS: f32 = 0.02;

/// One layer, as the policy sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offered {
    pub(crate) layer: LayerId,
    pub(crate) height: u32,
    /// In bit/s, on the wire and with the sound.
    pub(crate) bitrate: u64,
}

/// What one viewer wants and can take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Viewer<'a> {
    pub(crate) choice: &'a LayerChoice,
    /// What its path is thought to carry, in bit/s, once measured.
    pub(crate) estimate: Option<u64>,
    /// A queue grows on its path.
    pub(crate) over: bool,
    /// Share of packets lost, 0 to 1.
    pub(crate) loss: f32,
    /// The layer that it gets.
    pub(crate) gets: Option<LayerId>,
}

/// What the bridge announced, the least first. `rate` measures a layer that is there, in bit/s of
/// payload; none: it is not, and the announcement counts.
pub(crate) fn offered(
    announced: &Arc<[RtpLayer]>,
    rate: impl Fn(LayerId) -> Option<u64>,
    on_the_wire: impl Fn(u64) -> u64,
) -> Vec<Offered> {
    let mut offered: Vec<Offered> = (0_u8..)
        .zip(announced.iter())
        .map(|(number, layer)| Offered {
            layer: LayerId(number),
            height: layer.height,
            bitrate: on_the_wire(rate(LayerId(number)).unwrap_or(layer.bitrate.into())),
        })
        .collect();
    // The announcement's order is of quality, the best first.
    offered.reverse();
    offered
}

/// The layers that a viewer needs, a bit for each [`LayerId`]. `names` are by layer.
pub(crate) fn needs(offered: &[Offered], names: &[String], viewer: &Viewer<'_>) -> u8 {
    let bit = |layer: LayerId| 1_u8.checked_shl(layer.0.into()).unwrap_or(0);
    let gets = viewer.gets.map_or(0, bit);
    let limit = match viewer.choice {
        LayerChoice::AudioOnly | LayerChoice::Paused => return 0,
        LayerChoice::Layer(name) => {
            let named = names.iter().position(|known| known == name);
            if let Some(named) = named.and_then(|place| u8::try_from(place).ok()) {
                return bit(LayerId(named)) | gets;
            }
            u32::MAX
        }
        LayerChoice::MaxHeight(most) => (*most).into(),
        LayerChoice::Auto => u32::MAX,
    };
    let allowed = offered.iter().filter(|layer| layer.height <= limit).count();
    // Somebody whose limit lies below every layer still wants to see something.
    let allowed = &offered[..allowed.max(1).min(offered.len())];
    let Some(least) = allowed.first() else {
        return gets;
    };
    let Some(estimate) = viewer.estimate else {
        return allowed.last().map_or(0, |top| bit(top.layer)) | gets;
    };
    let place_of = |layer| allowed.iter().position(|known| known.layer == layer);
    let present = viewer.gets.and_then(place_of);
    let fits = |(place, layer): &(usize, &Offered)| {
        let above = present.is_some_and(|present| *place > present);
        let percent = if above { FITS_ABOVE } else { FITS };
        estimate * 100 >= layer.bitrate * percent
    };
    let (place, best) = allowed
        .iter()
        .enumerate()
        .rev()
        .find(fits)
        .unwrap_or((0, least));
    let strained = viewer.over || viewer.loss >= LOSS;
    let near = strained && estimate * 100 < best.bitrate * NEAR;
    let below = place.checked_sub(1).and_then(|place| allowed.get(place));
    let below = below.filter(|_| near).map_or(0, |layer| bit(layer.layer));
    bit(best.layer) | below | gets
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["1080p", "720p", "480p", "360p"];

    fn of(change: impl FnOnce(&mut Viewer<'_>)) -> u8 {
        let announced: Arc<[RtpLayer]> = [
            (NAMES[0], 1_080, 5_000_000),
            (NAMES[1], 720, 2_500_000),
            (NAMES[2], 480, 1_200_000),
            (NAMES[3], 360, 700_000),
        ]
        .map(|(name, height, bitrate)| RtpLayer {
            name: name.to_owned(),
            width: height * 16 / 9,
            height,
            bitrate,
        })
        .into();
        let names = NAMES.map(str::to_owned);
        let offered = offered(&announced, |_| None, |bitrate| bitrate + 100_000);
        let mut viewer = Viewer {
            choice: &LayerChoice::Auto,
            estimate: Some(20_000_000),
            over: false,
            loss: 0.0,
            gets: Some(LayerId(0)),
        };
        change(&mut viewer);
        needs(&offered, &names, &viewer)
    }

    #[test]
    fn who_has_room_needs_the_best_alone() {
        assert_eq!(of(|_| ()), 0b0001);
        assert_eq!(of(|v| (v.estimate, v.gets) = (None, None)), 0b0001);
    }

    #[test]
    fn who_cannot_have_the_best_needs_what_fits_and_what_it_has() {
        assert_eq!(of(|v| v.estimate = Some(3_000_000)), 0b0011);
        assert_eq!(of(|v| v.estimate = Some(1_400_000)), 0b0101);
        assert_eq!(of(|v| v.estimate = Some(10_000)), 0b1001);
        // Once there, the best is left to others.
        let there = |v: &mut Viewer<'_>| {
            v.estimate = Some(1_400_000);
            v.gets = Some(LayerId(2));
        };
        assert_eq!(of(there), 0b0100);
        // Up it goes with a margin.
        let up = |estimate| {
            move |v: &mut Viewer<'_>| {
                v.estimate = Some(estimate);
                v.gets = Some(LayerId(2));
            }
        };
        assert_eq!(of(up(2_700_000)), 0b0100);
        assert_eq!(of(up(3_000_000)), 0b0110);
    }

    #[test]
    fn a_strained_path_is_met_early() {
        assert_eq!(
            of(|v| (v.estimate, v.loss) = (Some(7_000_000), 0.03)),
            0b0011
        );
        assert_eq!(
            of(|v| (v.estimate, v.over) = (Some(7_000_000), true)),
            0b0011
        );
        assert_eq!(of(|v| v.estimate = Some(7_000_000)), 0b0001, "it is fine");
        assert_eq!(
            of(|v| (v.estimate, v.loss) = (Some(9_000_000), 0.03)),
            0b0001
        );
    }

    #[test]
    fn wishes_count() {
        assert_eq!(of(|v| v.choice = &LayerChoice::Paused), 0);
        assert_eq!(of(|v| v.choice = &LayerChoice::AudioOnly), 0);
        assert_eq!(of(|v| v.choice = &LayerChoice::MaxHeight(500)), 0b0101);
        assert_eq!(of(|v| v.choice = &LayerChoice::MaxHeight(100)), 0b1001);
        let named = LayerChoice::Layer("480p".to_owned());
        let announced: Vec<String> = NAMES.iter().map(ToString::to_string).collect();
        let viewer = Viewer {
            choice: &named,
            estimate: Some(1),
            over: true,
            loss: 1.0,
            gets: Some(LayerId(0)),
        };
        assert_eq!(needs(&[], &announced, &viewer), 0b0101);
    }
}
