//! Descriptors as an encoder of two spatial and two temporal layers writes them, and broken ones.

use super::*;

/// Writes what the reader reads.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    at: usize,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) -> &mut Self {
        for bit in (0..count).rev() {
            if self.at.is_multiple_of(8) {
                self.bytes.push(0);
            }
            self.bytes[self.at / 8] |= ((value >> bit & 1) as u8) << (7 - self.at % 8);
            self.at += 1;
        }
        self
    }

    fn mandatory(&mut self, starts: bool, ends: bool, template: u32, number: u32) -> &mut Self {
        self.put(u32::from(starts), 1).put(u32::from(ends), 1);
        self.put(template, 6).put(number, 16)
    }
}

/// L2T2 with four targets (S0T0, S0T1, S1T0, S1T1), six templates, two chains and sizes; ids from 62.
fn keyframe() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.mandatory(true, false, 62, 0xfffe);
    bits.put(0b10000, 5); // a structure and nothing else
    bits.put(62, 6).put(3, 5);
    // S0T0 (key), S0T0, S0T1, S1T0 (key), S1T0, S1T1
    for next in [0, 1, 2, 0, 1, 3] {
        bits.put(next, 2);
    }
    let (absent, discardable, switch, required) = (0, 1, 2, 3);
    for indications in [
        [switch, switch, switch, switch],
        [switch, switch, required, required],
        [absent, discardable, absent, required],
        [absent, absent, switch, switch],
        [absent, absent, switch, switch],
        [absent, absent, absent, discardable],
    ] {
        for indication in indications {
            bits.put(indication, 2);
        }
    }
    for diffs in [&[][..], &[4], &[2], &[1], &[4, 1], &[2, 1]] {
        for diff in diffs {
            bits.put(1, 1).put(diff - 1, 4);
        }
        bits.put(0, 1);
    }
    // Two chains of at most four, so ns(5): 2 is two bits. Then the chain of each target: ns(2).
    bits.put(2, 2);
    for chain in [0, 0, 1, 1] {
        bits.put(chain, 1);
    }
    for chains in [[0, 0], [4, 3], [2, 1], [1, 1], [1, 1], [3, 2]] {
        bits.put(chains[0], 4).put(chains[1], 4);
    }
    bits.put(1, 1);
    for (width, height) in [(640, 360), (1280, 720)] {
        bits.put(width - 1, 16).put(height - 1, 16);
    }
    bits.bytes.clone()
}

#[test]
fn the_structure_serves_later_frames() {
    let mut receiver = Receiver::default();
    assert_eq!(receiver.read(&[0x80 | 62, 0, 1]), None, "no structure yet");
    let frame = receiver.read(&keyframe()).unwrap();
    assert!(frame.starts_frame && !frame.ends_frame && frame.has_structure);
    assert_eq!(
        (frame.number, frame.spatial, frame.temporal),
        (0xfffe, 0, 0)
    );
    assert_eq!(frame.active_targets, Some(0b1111));
    assert_eq!(frame.diffs.as_slice(), [0_u16; 0]);
    let structure = receiver.structure().unwrap();
    let target = |spatial, temporal, chain| Target {
        spatial,
        temporal,
        protected_by: Some(chain),
    };
    assert_eq!(
        structure.targets(),
        [
            target(0, 0, 0),
            target(0, 1, 0),
            target(1, 0, 1),
            target(1, 1, 1)
        ]
    );
    assert_eq!(structure.size(1), Some((1280, 720)));
    assert_eq!(structure.max_spatial(), 1);

    // Template 4: id 62 + 4 goes round to 2.
    let mut bits = Bits::default();
    bits.mandatory(true, true, 2, 3);
    let frame = receiver.read(&bits.bytes).unwrap();
    assert_eq!((frame.spatial, frame.temporal), (1, 0));
    assert!(frame.starts_frame && frame.ends_frame && !frame.has_structure);
    assert_eq!(frame.diffs.as_slice(), [4, 1]);
    assert_eq!(frame.chains.as_slice(), [1, 1]);
    let said: Vec<_> = (0..5).map(|target| frame.indications.of(target)).collect();
    use Indication::{NotPresent, Switch};
    assert_eq!(said, [NotPresent, NotPresent, Switch, Switch, NotPresent]);
    assert_eq!(receiver.read(&[0x80 | 4, 0, 9]), None, "no such template");
}

#[test]
fn a_frame_may_differ_from_its_template() {
    let mut receiver = Receiver::default();
    receiver.read(&keyframe()).unwrap();
    let mut bits = Bits::default();
    bits.mandatory(false, true, 63, 7);
    bits.put(0b01111, 5).put(0b0011, 4);
    for indication in [3, 3, 0, 1] {
        bits.put(indication, 2);
    }
    bits.put(1, 2).put(9, 4).put(3, 2).put(299, 12).put(0, 2);
    bits.put(200, 8).put(5, 8);
    let frame = receiver.read(&bits.bytes).unwrap();
    assert_eq!(frame.active_targets, Some(0b0011));
    assert_eq!(frame.indications.of(3), Indication::Discardable);
    assert_eq!(frame.diffs.as_slice(), [10, 300]);
    assert_eq!(frame.chains.as_slice(), [200, 5]);
}

#[test]
fn nothing_can_break_it() {
    let whole = keyframe();
    for cut in 0..whole.len() {
        assert_eq!(Receiver::default().read(&whole[..cut]), None, "{cut}");
    }
    let mut state = 0x2545_f491_u32;
    let mut receiver = Receiver::default();
    for round in 0..50_000 {
        let mut bytes = whole.clone();
        for _ in 0..1 + round % 5 {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let at = state as usize % bytes.len();
            bytes[at] ^= (state >> 24) as u8;
        }
        bytes.truncate(bytes.len() - round % 9);
        if let Some(frame) = receiver.read(&bytes) {
            assert!(usize::from(frame.spatial) < MAX_SPATIAL);
        }
    }
}
