//! Cutting the byte stream into messages.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::LinkError;

/// Largest message, type and body. An RTMP message has at most 16 MiB (24-bit length); the rest is
/// for what stands around it.
pub const MAX_MESSAGE: usize = (16 << 20) + 4096;

/// Bytes of the length in front of a message.
const LENGTH: usize = 4;

/// Gathers what was read and gives it back as whole messages.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: BytesMut,
}

impl Frames {
    /// Where to read into. At least 64 KiB are free.
    pub fn space(&mut self) -> &mut BytesMut {
        self.buffer.reserve(64 << 10);
        &mut self.buffer
    }

    /// The next whole message's type and body, or `None` until more was read.
    pub fn next_frame(&mut self) -> Result<Option<(u8, Bytes)>, LinkError> {
        let Some(header) = self.buffer.first_chunk::<LENGTH>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*header) as usize;
        if length == 0 || length > MAX_MESSAGE {
            return Err(LinkError::Length(length));
        }
        if self.buffer.len() < LENGTH + length {
            self.buffer.reserve(LENGTH + length - self.buffer.len());
            return Ok(None);
        }
        self.buffer.advance(LENGTH);
        let mut frame = self.buffer.split_to(length).freeze();
        let kind = frame.get_u8();
        Ok(Some((kind, frame)))
    }
}

/// Writes one message whose body `fill` appends.
pub(super) fn put_frame(
    out: &mut Vec<u8>,
    kind: u8,
    fill: impl FnOnce(&mut Vec<u8>),
) -> Result<(), LinkError> {
    let start = out.len();
    out.put_u32(0);
    out.put_u8(kind);
    fill(out);
    let length = out.len() - start - LENGTH;
    if length > MAX_MESSAGE {
        out.truncate(start);
        return Err(LinkError::Length(length));
    }
    // Checked against MAX_MESSAGE just now, so it fits.
    out[start..start + LENGTH].copy_from_slice(&(length as u32).to_be_bytes());
    Ok(())
}
