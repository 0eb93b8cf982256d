//! Writing boxes (ISO/IEC 14496-12, clause 4.2).

use bytes::BufMut;

/// A file being written.
#[derive(Debug, Default)]
pub struct Boxes {
    /// What is written so far.
    pub bytes: Vec<u8>,
}

impl Boxes {
    /// Writes a box whose content `fill` appends.
    pub fn put(&mut self, kind: &[u8; 4], fill: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.put_u32(0);
        self.bytes.put_slice(kind);
        fill(self);
        // Parts of live media and tables are written this way; the tables of a day are some hundred
        // megabytes.
        let size = u32::try_from(self.bytes.len() - start).unwrap_or(u32::MAX);
        self.bytes[start..start + 4].copy_from_slice(&size.to_be_bytes());
    }

    /// Writes a box with version and flags.
    pub fn full(&mut self, kind: &[u8; 4], version: u8, flags: u32, fill: impl FnOnce(&mut Self)) {
        self.put(kind, |out| {
            out.u32(u32::from(version) << 24 | flags);
            fill(out);
        });
    }

    /// Appends a number, as all the following in network order.
    pub fn u8(&mut self, value: u8) {
        self.bytes.put_u8(value);
    }

    /// Appends a number.
    pub fn u16(&mut self, value: u16) {
        self.bytes.put_u16(value);
    }

    /// Appends a number.
    pub fn u32(&mut self, value: u32) {
        self.bytes.put_u32(value);
    }

    /// Appends a number.
    pub fn u64(&mut self, value: u64) {
        self.bytes.put_u64(value);
    }

    /// Appends bytes as they are.
    pub fn slice(&mut self, value: &[u8]) {
        self.bytes.put_slice(value);
    }

    /// Appends so many zeros.
    pub fn zeros(&mut self, count: usize) {
        self.bytes.put_bytes(0, count);
    }
}
