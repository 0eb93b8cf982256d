//! The number of a frame inside of the frame, for what is encrypted on the way.

/// What a stamp begins with.
const MAGIC: [u8; 4] = *b"WEIR";

/// The frame's number, in the last 8 bytes of its last packet. A decoder would not like it: only
/// where nobody decodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp(pub(crate) u32);

impl Stamp {
    /// Writes it over the end of a payload.
    pub(crate) fn write(self, payload: &mut [u8]) {
        if let Some(end) = payload.last_chunk_mut::<8>() {
            end[..4].copy_from_slice(&MAGIC);
            end[4..].copy_from_slice(&self.0.to_be_bytes());
        }
    }

    /// The stamp of a payload that has one.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let [magic @ .., a, b, c, d] = payload.last_chunk::<8>()?;
        (*magic == MAGIC).then(|| Self(u32::from_be_bytes([*a, *b, *c, *d])))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn stamps_are_read_back() {
        let mut payload = [7; 20];
        assert_eq!(Stamp::read(&payload), None);
        Stamp(70_000).write(&mut payload);
        assert_eq!(Stamp::read(&payload), Some(Stamp(70_000)));
        assert_eq!(payload[..12], [7; 12]);
        Stamp(1).write(&mut payload[..4]);
        assert_eq!(Stamp::read(&payload[..4]), None);
    }
}
