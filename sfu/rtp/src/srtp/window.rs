//! Which packet indices were used: those of a source, and those of a handful of sources.

/// Indices below the highest that are told apart; what is older counts as used. RFC 3711 section
/// 3.3.2 demands 64 at least; this is seconds of video, as far back as retransmissions reach.
pub(super) const WINDOW: u64 = 2048;

const WORDS: usize = (WINDOW / 64) as usize;

/// Indices used with one SSRC. The bit of an index stands at its value modulo the window.
#[derive(Debug, Clone)]
pub(super) struct Window {
    highest: u64,
    used: [u64; WORDS],
}

impl Window {
    /// Nothing is used but this one.
    pub(super) fn beginning_with(index: u64) -> Self {
        let mut window = Self {
            highest: index,
            used: [0; WORDS],
        };
        window.set(index);
        window
    }

    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    /// Neither used nor too old to tell.
    pub(super) fn is_free(&self, index: u64) -> bool {
        if index > self.highest {
            return true;
        }
        let (word, bit) = position(index);
        self.highest - index < WINDOW && self.used[word] & bit == 0
    }

    /// Takes an index that is free, and says whether it was.
    pub(super) fn take(&mut self, index: u64) -> bool {
        if !self.is_free(index) {
            return false;
        }
        if index > self.highest {
            if index - self.highest >= WINDOW {
                self.used = [0; WORDS];
            } else {
                for passed in self.highest + 1..index {
                    let (word, bit) = position(passed);
                    self.used[word] &= !bit;
                }
            }
            self.highest = index;
        }
        self.set(index);
        true
    }

    fn set(&mut self, index: u64) {
        let (word, bit) = position(index);
        self.used[word] |= bit;
    }
}

fn position(index: u64) -> (usize, u64) {
    ((index % WINDOW / 64) as usize, 1 << (index % 64))
}

/// Windows by SSRC. A key serves few, so they are looked through.
#[derive(Debug, Default)]
pub(super) struct Windows {
    by_ssrc: Vec<(u32, Window)>,
}

impl Windows {
    pub(super) fn get(&self, ssrc: u32) -> Option<&Window> {
        self.by_ssrc
            .iter()
            .find_map(|(known, window)| (*known == ssrc).then_some(window))
    }

    pub(super) fn get_mut(&mut self, ssrc: u32) -> Option<&mut Window> {
        self.by_ssrc
            .iter_mut()
            .find_map(|(known, window)| (*known == ssrc).then_some(window))
    }

    pub(super) fn len(&self) -> usize {
        self.by_ssrc.len()
    }

    /// Begins a window for an SSRC that has none.
    pub(super) fn begin(&mut self, ssrc: u32, index: u64) {
        self.by_ssrc.push((ssrc, Window::beginning_with(index)));
    }
}
