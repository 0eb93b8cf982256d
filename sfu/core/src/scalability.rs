//! From what descriptors say to what a viewer's layer selection asks: from which frame on may a
//! higher layer be taken?
//!
//! A frame that *opens* a layer (VP9's U bit; the dependency descriptor's indication "switch") says
//! that later frames of that layer need nothing of it from before. So the first frame of the layer
//! after it is where it may be taken, if no frame of a layer between was left out: that one may be
//! a reference. A lost frame closes everything, since it may have been such a one.

use weir_rtp::dependency_descriptor::{Frame, Indication, MAX_SPATIAL, Receiver};

use crate::{keyframe::PayloadSigns, packet::Scalability};

/// Temporal layers (three bits).
const MAX_TEMPORAL: usize = 8;

/// Frames whose answer is kept for their later packets, and for those that are resent.
const RECENT: usize = 32;

/// The scalability of one layer run.
#[derive(Debug)]
pub(crate) struct ScalabilityTracker {
    descriptors: Receiver,
    open: [[bool; MAX_TEMPORAL]; MAX_SPATIAL],
    spatial_open: [bool; MAX_SPATIAL],
    newest: Option<u16>,
    recent: [Option<Known>; RECENT],
}

#[derive(Debug, Clone, Copy)]
struct Known {
    number: u16,
    spatial: u8,
    switching_point: bool,
    spatial_start: bool,
}

impl ScalabilityTracker {
    pub(crate) fn new() -> Self {
        Self {
            descriptors: Receiver::default(),
            open: [[false; MAX_TEMPORAL]; MAX_SPATIAL],
            spatial_open: [false; MAX_SPATIAL],
            newest: None,
            recent: [None; RECENT],
        }
    }

    /// What a packet says: by its dependency descriptor, else by its payload descriptor.
    pub(crate) fn packet(
        &mut self,
        descriptor: Option<&[u8]>,
        signs: &PayloadSigns,
    ) -> Option<Scalability> {
        if let Some(bytes) = descriptor
            && let Some(frame) = self.descriptors.read(bytes)
        {
            return Some(self.described(&frame));
        }
        let layers = signs.layers?;
        let Some(id) = signs.picture_ids.picture_id else {
            return Some(layers);
        };
        // Seven bits of picture id are enough to tell neighbours apart; 15 are as they are.
        let number = if id.long {
            id.value
        } else {
            let newest = self.newest.unwrap_or(0);
            let distance = ((id.value as u8).wrapping_sub(newest as u8) << 1) as i8 >> 1;
            newest.wrapping_add_signed(i16::from(distance))
        };
        let modulo = if id.long { 0x7fff } else { 0xffff };
        Some(self.vp8_or_vp9(layers, signs, number, modulo))
    }

    /// Width and height of the highest spatial layer, by the dependency descriptor.
    pub(crate) fn size(&self) -> Option<(u16, u16)> {
        let structure = self.descriptors.structure()?;
        structure.size(structure.max_spatial())
    }

    fn described(&mut self, frame: &Frame) -> Scalability {
        let (spatial, temporal) = (frame.spatial, frame.temporal);
        let mut said = Scalability {
            spatial,
            temporal,
            starts_frame: frame.starts_frame,
            ends_frame: frame.ends_frame,
            switching_point: temporal == 0,
            spatial_start: false,
        };
        if let Some(known) = self.known(frame.number, spatial) {
            said.switching_point = known.switching_point;
            said.spatial_start = known.spatial_start;
            return said;
        }
        let independent = frame.diffs.as_slice().is_empty();
        if !self.advance(frame.number, 0xffff) {
            said.spatial_start = independent;
            return said;
        }
        let (s, t) = (
            usize::from(spatial) % MAX_SPATIAL,
            usize::from(temporal) % MAX_TEMPORAL,
        );
        said.switching_point |= self.open[s][t] || independent;
        said.spatial_start = independent || self.spatial_open[s];
        self.close(s, t);
        // What it opens: any higher layer of the same spatial one, and higher spatial layers.
        let targets = self
            .descriptors
            .structure()
            .map_or(&[][..], |s| s.targets());
        for (index, target) in targets.iter().enumerate() {
            if frame.indications.of(index) != Indication::Switch {
                continue;
            }
            let (to_s, to_t) = (usize::from(target.spatial), usize::from(target.temporal));
            if to_s >= s && to_t > t {
                self.open[to_s % MAX_SPATIAL][to_t % MAX_TEMPORAL] = true;
            }
            if to_s > s {
                self.spatial_open[to_s % MAX_SPATIAL] = true;
            }
        }
        self.remember(frame.number, &said);
        said
    }

    fn vp8_or_vp9(
        &mut self,
        mut said: Scalability,
        signs: &PayloadSigns,
        number: u16,
        modulo: u16,
    ) -> Scalability {
        if let Some(known) = self.known(number, said.spatial) {
            said.switching_point = known.switching_point;
            return said;
        }
        if !self.advance(number, modulo) {
            return said;
        }
        let s = usize::from(said.spatial) % MAX_SPATIAL;
        let t = usize::from(said.temporal) % MAX_TEMPORAL;
        said.switching_point |= self.open[s][t];
        self.close(s, t);
        if signs.switching_up {
            self.open[s][t + 1..].fill(true);
        }
        self.remember(number, &said);
        said
    }

    /// Whether the frame is as new as the newest. A gap closes every layer.
    fn advance(&mut self, number: u16, modulo: u16) -> bool {
        let half = modulo / 2 + 1;
        let step = self
            .newest
            .map(|newest| number.wrapping_sub(newest) & modulo);
        if step.is_some_and(|step| step >= half) {
            return false;
        }
        if step.is_some_and(|step| step > 1) {
            self.open = [[false; MAX_TEMPORAL]; MAX_SPATIAL];
            self.spatial_open = [false; MAX_SPATIAL];
        }
        self.newest = Some(number);
        true
    }

    /// A frame of this layer may be a reference of every layer that contains it.
    fn close(&mut self, s: usize, t: usize) {
        for layers in &mut self.open[s..] {
            layers[t.max(1)..].fill(false);
        }
        self.spatial_open[s..].fill(false);
    }

    fn known(&self, number: u16, spatial: u8) -> Option<Known> {
        let mut recent = self.recent.iter().flatten();
        recent
            .find(|known| known.number == number && known.spatial == spatial)
            .copied()
    }

    fn remember(&mut self, number: u16, said: &Scalability) {
        self.recent.rotate_right(1);
        self.recent[0] = Some(Known {
            number,
            spatial: said.spatial,
            switching_point: said.switching_point,
            spatial_start: said.spatial_start,
        });
    }
}

#[cfg(test)]
mod tests {
    use weir_media::VideoCodec;

    use super::*;
    use crate::keyframe;

    /// A VP9 packet of a whole layer frame in non-flexible mode.
    fn vp9(tracker: &mut ScalabilityTracker, id: u8, temporal: u8, up: bool) -> bool {
        let payload = [0xec, id, temporal << 5 | u8::from(up) << 4, 0, 0x82];
        let signs = keyframe::inspect(VideoCodec::Vp9, &payload, true);
        let said = tracker.packet(None, &signs).unwrap();
        assert_eq!(said.temporal, temporal);
        said.switching_point
    }

    #[test]
    fn a_vp9_layer_opens_after_a_switching_up_point() {
        let mut tracker = ScalabilityTracker::new();
        // L1T3: T0 T2 T1 T2, the first group without U.
        for (id, temporal) in [(126, 2), (127, 1), (0, 2)] {
            assert!(!vp9(&mut tracker, id, temporal, false), "{id}");
        }
        assert!(vp9(&mut tracker, 1, 0, true));
        assert!(vp9(&mut tracker, 2, 2, false), "depends on T0 only");
        assert!(vp9(&mut tracker, 2, 2, false), "another packet of the same");
        assert!(vp9(&mut tracker, 3, 1, false), "depends on T0 only");
        assert!(
            !vp9(&mut tracker, 4, 2, false),
            "may depend on the T1 before"
        );
        assert!(vp9(&mut tracker, 5, 0, true));
        assert!(
            !vp9(&mut tracker, 7, 2, false),
            "a picture before is missing"
        );
        assert!(!vp9(&mut tracker, 6, 1, false), "it comes late");
    }

    #[test]
    fn a_described_layer_opens_by_its_targets() {
        // L1T2: ids 0 key, 1 T0, 2 T1; targets T0 and T0+T1. DTIs: "SS", "SS", "-D".
        let mut bits = String::from("11" /* whole frame */);
        bits += "000000";
        bits += "0000000000000001";
        bits += "10000"; // structure
        bits += "00000000001"; // offset 0, two targets
        bits += "000111"; // same layer, next temporal layer, end
        bits += "101010100001"; // SS SS -D
        bits += "0"; // key: no references
        bits += "100010"; // T0: 2 back
        bits += "100000"; // T1: 1 back
        bits += "0"; // no chains: ns(3)
        bits += "0"; // no sizes
        let bytes: Vec<u8> = bits
            .as_bytes()
            .chunks(8)
            .map(|chunk| {
                let octet: String = chunk.iter().map(|bit| char::from(*bit)).collect();
                u8::from_str_radix(&format!("{octet:0<8}"), 2).unwrap()
            })
            .collect();
        let mut tracker = ScalabilityTracker::new();
        let signs = PayloadSigns::default();
        let key = tracker.packet(Some(&bytes), &signs).unwrap();
        assert!(key.spatial_start && key.switching_point && key.temporal == 0);
        let mut frame = |template: u8, number: u8| {
            let bytes = [0xc0 | template, 0, number];
            let said = tracker.packet(Some(&bytes), &signs).unwrap();
            (said.temporal, said.switching_point)
        };
        assert_eq!(frame(2, 2), (1, true));
        assert_eq!(frame(2, 3), (1, false), "may depend on the T1 before");
        assert_eq!(frame(1, 4), (0, true));
        assert_eq!(frame(2, 5), (1, true));
        assert_eq!(frame(2, 5), (1, true), "a further packet of the same frame");
        assert_eq!(frame(1, 6), (0, true));
        assert_eq!(frame(2, 8), (1, false), "frame 7 is missing");
    }
}
