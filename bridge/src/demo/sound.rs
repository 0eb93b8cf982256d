//! The demo's sound: a quiet bell each second over a barely audible chord.

use std::f32::consts::TAU;

/// Samples a second.
pub const RATE: u32 = 48_000;
/// Left and right.
pub const CHANNELS: u32 = 2;

/// Bell: A5 with a fifth above; the first of every ten seconds is an octave higher.
const BELL: f32 = 880.0;
const BELL_LOUDNESS: f32 = 0.10;
/// How fast the bell fades, per second, and how fast it comes: a clean edge to measure by.
const BELL_FADE: f32 = 14.0;
const BELL_ATTACK: f32 = 0.002;
/// The chord: A2, E3, A3. It shows gaps that the bell would hide.
const CHORD: [f32; 3] = [110.0, 165.0, 220.0];
const CHORD_LOUDNESS: f32 = 0.006;

/// Interleaved stereo samples from number `first` on. The bell rings at each whole second.
pub fn render(first: u64, count: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(count * 8);
    for number in first..first + count as u64 {
        let second = number / u64::from(RATE);
        let time = (number % u64::from(RATE)) as f32 / RATE as f32;
        let pitch = if second % 10 == 0 { BELL * 2.0 } else { BELL };
        let envelope = (time / BELL_ATTACK).min(1.0) * (-time * BELL_FADE).exp();
        let bell = BELL_LOUDNESS
            * envelope
            * ((TAU * pitch * time).sin() + 0.4 * (TAU * pitch * 1.5 * time).sin());
        // Whole periods of all three fit into a second, so the chord has no seam.
        let chord: f32 = CHORD
            .iter()
            .map(|pitch| (TAU * pitch * time).sin())
            .sum::<f32>()
            * CHORD_LOUDNESS;
        let sample = (bell + chord).to_le_bytes();
        bytes.extend_from_slice(&sample);
        bytes.extend_from_slice(&sample);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loudest(bytes: &[u8]) -> f32 {
        bytes
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]).abs())
            .fold(0.0, f32::max)
    }

    #[test]
    fn the_bell_rings_at_each_second_and_never_clips() {
        let rate = u64::from(RATE);
        let before = loudest(&render(rate - 480, 480));
        let after = loudest(&render(rate, 480));
        assert!(after > 4.0 * before, "{after} after, {before} before");
        assert!(loudest(&render(0, RATE as usize)) < 0.2);
    }
}
