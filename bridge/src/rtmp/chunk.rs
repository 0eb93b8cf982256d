//! The chunk layer (RTMP 1.0, section 5.3): our [`MessageReader`], and the writer of replies.
//!
//! Why not a crate's: `scuffle-rtmp` 0.2.3 gives a message that begins with a type 3 header the
//! timestamp of the one before (section 5.3.1.2.4 wants the delta added again; FFmpeg sends such
//! headers for audio frames of equal size, whose time then falls behind), stops the clock at the
//! 32-bit wrap, overflows in two subtractions, and refuses chunks above 64 KiB. `rml_rtmp` 0.8
//! keeps one buffer for all chunk streams and panics on interleaved ones.

use std::collections::HashMap;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::reader::{Message, MessageKind, MessageReader, ReadError};

/// Chunk size before any Set Chunk Size (RTMP 1.0, 5.4.1).
pub const INITIAL_CHUNK_SIZE: usize = 128;
/// Most chunk streams that one connection may open. FFmpeg uses 5, OBS 4; more is an error.
pub const MAX_CHUNK_STREAMS: usize = 64;
/// 24-bit timestamps and lengths; this timestamp says that 32 bits follow (5.3.1.3).
const EXTENDED: u32 = 0xff_ffff;

/// Reads chunks, any number of chunk streams interleaved.
pub struct ChunkReader {
    streams: HashMap<u32, ChunkStream>,
    chunk_size: usize,
    limit: usize,
    /// Bytes of unfinished messages in all chunk streams.
    held: usize,
    /// The chunk whose header was read and whose body is not complete.
    open: Option<OpenChunk>,
}

struct OpenChunk {
    id: u32,
    remaining: usize,
}

/// What compressed headers refer to, and the message under way.
#[derive(Default)]
struct ChunkStream {
    timestamp: u32,
    delta: u32,
    length: usize,
    kind: u8,
    stream: u32,
    /// The extended timestamp field as it was sent, which continuation chunks repeat.
    extended: Option<u32>,
    /// Bytes of the message that are still to come; 0 between messages.
    missing: usize,
    body: BytesMut,
}

/// A chunk header as it stands on the wire.
struct Header {
    format: u8,
    id: u32,
    length: usize,
}

impl ChunkReader {
    /// A reader that holds at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            streams: HashMap::new(),
            chunk_size: INITIAL_CHUNK_SIZE,
            limit,
            held: 0,
            open: None,
        }
    }

    /// Reads one chunk header and prepares its stream. `None`: more bytes are needed, none taken.
    fn begin_chunk(&mut self, input: &mut BytesMut) -> Result<Option<OpenChunk>, ReadError> {
        let Some(Header {
            format,
            id,
            length: basic,
        }) = basic_header(input)
        else {
            return Ok(None);
        };
        let message_header = match format {
            0 => 11,
            1 => 7,
            2 => 3,
            _ => 0,
        };
        let mut header = &input[basic..];
        if header.len() < message_header {
            return Ok(None);
        }
        if !self.streams.contains_key(&id) {
            if format != 0 {
                return Err(ReadError::NoPreviousHeader(id));
            }
            if self.streams.len() >= MAX_CHUNK_STREAMS {
                return Err(ReadError::TooManyChunkStreams(MAX_CHUNK_STREAMS));
            }
        }
        let continues = self
            .streams
            .get(&id)
            .is_some_and(|stream| stream.missing > 0);
        if continues && format != 3 {
            return Err(ReadError::Unfinished(id));
        }

        let mut taken = basic + message_header;
        let field = if format < 3 {
            header.get_uint(3) as u32
        } else {
            0
        };
        let (mut length, mut kind, mut message_stream) = (None, 0, None);
        if format < 2 {
            length = Some(header.get_uint(3) as usize);
            kind = header.get_u8();
        }
        if format == 0 {
            message_stream = Some(header.get_u32_le());
        }
        let previous = self.streams.get(&id).and_then(|stream| stream.extended);
        let extended = if format < 3 {
            if field == EXTENDED {
                if header.len() < 4 {
                    return Ok(None);
                }
                taken += 4;
                Some(header.get_u32())
            } else {
                None
            }
        } else if let Some(value) = previous {
            // Section 5.3.1.3 wants the field repeated here; some encoders leave it out. It is
            // there when it repeats.
            if header.len() < 4 {
                return Ok(None);
            }
            if header.get_u32() == value {
                taken += 4;
            }
            previous
        } else {
            None
        };

        let announced =
            length.unwrap_or_else(|| self.streams.get(&id).map_or(0, |stream| stream.length));
        if !continues && self.held + announced > self.limit {
            return Err(ReadError::TooLarge {
                length: self.held + announced,
                limit: self.limit,
            });
        }
        input.advance(taken);
        let stream = self.streams.entry(id).or_default();
        if !continues {
            let time = extended.unwrap_or(field);
            match format {
                0 => {
                    stream.timestamp = time;
                    // 5.3.1.2.4: a type 3 chunk after a type 0 has that timestamp as its delta.
                    stream.delta = time;
                }
                1 | 2 => {
                    stream.delta = time;
                    stream.timestamp = stream.timestamp.wrapping_add(time);
                }
                _ => stream.timestamp = stream.timestamp.wrapping_add(stream.delta),
            }
            stream.extended = extended;
            if let Some(length) = length {
                stream.length = length;
                stream.kind = kind;
            }
            if let Some(message_stream) = message_stream {
                stream.stream = message_stream;
            }
            stream.missing = stream.length;
        }
        Ok(Some(OpenChunk {
            id,
            remaining: stream.missing.min(self.chunk_size),
        }))
    }

    /// Takes what is there of a chunk's body. Returns the message's body when it is complete.
    fn body(&mut self, open: &mut OpenChunk, input: &mut BytesMut) -> Option<Bytes> {
        let stream = self.streams.get_mut(&open.id)?;
        if stream.body.is_empty()
            && stream.missing == open.remaining
            && input.len() >= open.remaining
        {
            // The whole message lies in one chunk: no copy.
            stream.missing = 0;
            let body = input.split_to(open.remaining).freeze();
            open.remaining = 0;
            return Some(body);
        }
        let take = open.remaining.min(input.len());
        stream.body.extend_from_slice(&input[..take]);
        input.advance(take);
        self.held += take;
        open.remaining -= take;
        stream.missing -= take;
        if stream.missing > 0 {
            return None;
        }
        let body = std::mem::take(&mut stream.body);
        self.held -= body.len();
        Some(body.freeze())
    }

    /// Protocol control messages of the chunk layer. True when the message was one.
    fn control(&mut self, message: &Message) -> Result<bool, ReadError> {
        let value = || match message.payload.first_chunk::<4>() {
            Some(bytes) => Ok(u32::from_be_bytes(*bytes)),
            None => Err(ReadError::Control(message.kind.id())),
        };
        match message.kind {
            MessageKind::SetChunkSize => {
                // 5.4.1: the first bit is zero, and the size at least 1. A chunk larger than the
                // largest message does no harm, since bodies are taken as they arrive.
                let size = value()? as usize;
                if size == 0 || size > 0x7fff_ffff {
                    return Err(ReadError::Control(message.kind.id()));
                }
                self.chunk_size = size;
                Ok(true)
            }
            MessageKind::Abort => {
                if let Some(stream) = self.streams.get_mut(&value()?) {
                    self.held -= stream.body.len();
                    stream.body = BytesMut::new();
                    stream.missing = 0;
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

impl MessageReader for ChunkReader {
    fn next(&mut self, input: &mut BytesMut) -> Result<Option<Message>, ReadError> {
        loop {
            let mut open = match self.open.take() {
                Some(open) => open,
                None => match self.begin_chunk(input)? {
                    Some(open) => open,
                    None => return Ok(None),
                },
            };
            let id = open.id;
            let body = self.body(&mut open, input);
            if open.remaining > 0 {
                self.open = Some(open);
                return Ok(None);
            }
            let (Some(payload), Some(stream)) = (body, self.streams.get(&id)) else {
                continue;
            };
            let message = Message {
                kind: MessageKind::from_id(stream.kind),
                timestamp: stream.timestamp,
                stream: stream.stream,
                payload,
            };
            if !self.control(&message)? {
                return Ok(Some(message));
            }
        }
    }

    fn set_limit(&mut self, bytes: usize) {
        self.limit = bytes;
    }
}

/// Section 5.3.1.1. `None`: more bytes are needed.
fn basic_header(input: &[u8]) -> Option<Header> {
    let first = *input.first()?;
    let format = first >> 6;
    let (id, length) = match first & 0x3f {
        0 => (64 + u32::from(*input.get(1)?), 2),
        1 => (
            64 + u32::from(*input.get(1)?) + 256 * u32::from(*input.get(2)?),
            3,
        ),
        id => (u32::from(id), 1),
    };
    Some(Header { format, id, length })
}

/// Writes messages, each with a full header.
pub struct ChunkWriter {
    chunk_size: usize,
}

impl Default for ChunkWriter {
    fn default() -> Self {
        Self {
            chunk_size: INITIAL_CHUNK_SIZE,
        }
    }
}

impl ChunkWriter {
    /// Announces a larger chunk size and uses it from then on.
    pub fn set_chunk_size(&mut self, size: usize, output: &mut BytesMut) {
        let size = size.clamp(1, 0x7fff_ffff);
        let payload = Bytes::copy_from_slice(&(size as u32).to_be_bytes());
        self.write(
            2,
            &Message {
                kind: MessageKind::SetChunkSize,
                timestamp: 0,
                stream: 0,
                payload,
            },
            output,
        );
        self.chunk_size = size;
    }

    /// Writes one message to chunk stream `id` (2 to 63).
    pub fn write(&self, id: u8, message: &Message, output: &mut BytesMut) {
        let extended = message.timestamp >= EXTENDED;
        output.put_u8(id & 0x3f);
        output.put_uint(u64::from(message.timestamp.min(EXTENDED)), 3);
        output.put_uint(message.payload.len() as u64, 3);
        output.put_u8(message.kind.id());
        output.put_u32_le(message.stream);
        if extended {
            output.put_u32(message.timestamp);
        }
        for (index, piece) in message.payload.chunks(self.chunk_size).enumerate() {
            if index > 0 {
                output.put_u8(0xc0 | (id & 0x3f));
                if extended {
                    output.put_u32(message.timestamp);
                }
            }
            output.put_slice(piece);
        }
    }
}

#[cfg(test)]
#[path = "chunk_tests.rs"]
mod tests;
