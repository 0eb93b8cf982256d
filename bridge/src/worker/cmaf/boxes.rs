//! Writing boxes (ISO/IEC 14496-12, clause 4.2).

use bytes::BufMut;

/// A file being written.
#[derive(Debug, Default)]
pub(super) struct Boxes {
    pub(super) bytes: Vec<u8>,
}

impl Boxes {
    /// Writes a box whose content `fill` appends.
    pub(super) fn put(&mut self, kind: &[u8; 4], fill: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.put_u32(0);
        self.bytes.put_slice(kind);
        fill(self);
        // Media is bounded far below 4 GiB by the link's largest message.
        let size = (self.bytes.len() - start) as u32;
        self.bytes[start..start + 4].copy_from_slice(&size.to_be_bytes());
    }

    /// Writes a box with version and flags.
    pub(super) fn put_full(
        &mut self,
        kind: &[u8; 4],
        version: u8,
        flags: u32,
        fill: impl FnOnce(&mut Self),
    ) {
        self.put(kind, |out| {
            out.bytes.put_u32(u32::from(version) << 24 | flags);
            fill(out);
        });
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.bytes.put_u8(value);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.bytes.put_u16(value);
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.bytes.put_u32(value);
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.bytes.put_u64(value);
    }

    pub(super) fn slice(&mut self, value: &[u8]) {
        self.bytes.put_slice(value);
    }

    pub(super) fn zeros(&mut self, count: usize) {
        self.bytes.put_bytes(0, count);
    }
}
