//! How loud decoded sound is.

use std::sync::{Arc, Mutex, PoisonError};

/// Samples of a block at 48 kHz: 100 ms.
const BLOCK: u32 = 4_800;

/// From this value on a sample is at full scale: lossy coding moves clipped ones a little.
const FULL: u16 = 32_700;

/// Blocks that wait for the doctor: ten seconds. More are dropped; sound is what counts, not its meter.
const WAITING: usize = 100;

/// A block of sound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Mean power against full scale, in decibels; −100 for digital silence.
    pub rms_db: f64,
    /// Share of the samples that are at full scale.
    pub clipped: f64,
}

/// Measures sound where it is decoded, for the doctor elsewhere. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    squares: f64,
    full: u32,
    /// Values of all channels.
    values: u32,
    blocks: Vec<Level>,
}

impl Meter {
    /// Takes interleaved stereo at 48 kHz.
    pub fn feed(&self, sound: &[i16]) {
        let mut inner = self.lock();
        for value in sound {
            let value = value.unsigned_abs();
            inner.squares += f64::from(value) * f64::from(value);
            inner.full += u32::from(value >= FULL);
            inner.values += 1;
            if inner.values >= 2 * BLOCK {
                inner.end_block();
            }
        }
    }

    /// The blocks since the last call.
    pub fn take(&self) -> Vec<Level> {
        std::mem::take(&mut self.lock().blocks)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn end_block(&mut self) {
        let values = f64::from(self.values);
        let mean = self.squares / values / (32_768.0 * 32_768.0);
        let level = Level {
            rms_db: (10.0 * mean.log10()).max(-100.0),
            clipped: f64::from(self.full) / values,
        };
        if self.blocks.len() < WAITING {
            self.blocks.push(level);
        }
        (self.squares, self.full, self.values) = (0.0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(amplitude: f64) -> Vec<i16> {
        (0..9_600_u32)
            .map(|at| {
                let phase = f64::from(at / 2) * 440.0 / 48_000.0 * std::f64::consts::TAU;
                (phase.sin() * amplitude).clamp(-32_768.0, 32_767.0) as i16
            })
            .collect()
    }

    #[test]
    fn blocks_say_how_loud_they_are() {
        let meter = Meter::default();
        meter.feed(&vec![0; 9_600]);
        meter.feed(&sine(32_767.0));
        meter.feed(&sine(100_000.0));
        meter.feed(&[0; 9_599]);
        let blocks = meter.take();
        assert_eq!(blocks.len(), 3);
        assert_eq!(blocks[0].rms_db, -100.0);
        assert_eq!(blocks[0].clipped, 0.0);
        assert!((blocks[1].rms_db + 3.01).abs() < 0.1, "{:?}", blocks[1]);
        assert!(blocks[1].clipped < 0.06);
        assert!(blocks[2].clipped > 0.7, "{:?}", blocks[2]);
        assert!(meter.take().is_empty());
    }
}
