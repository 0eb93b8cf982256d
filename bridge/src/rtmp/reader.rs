//! The seam between the RTMP session and whatever splits the byte stream into messages.

use bytes::{Bytes, BytesMut};

/// Splits what arrives after the handshake into messages.
///
/// The implementation keeps what belongs to the chunk layer to itself (Set Chunk Size, Abort) and
/// returns every other message. It faces the network: no input may make it panic, nor hold more
/// than the limit set by [`MessageReader::set_limit`].
pub trait MessageReader: Send {
    /// Takes bytes off the front of `input`. Returns the next whole message, or `None` when more
    /// bytes are needed. After an error the connection must be closed.
    fn next(&mut self, input: &mut BytesMut) -> Result<Option<Message>, ReadError>;

    /// Sets how many bytes of unfinished and finished messages may be held at once.
    fn set_limit(&mut self, bytes: usize);
}

/// One RTMP message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: MessageKind,
    /// Milliseconds, modulo 2³².
    pub timestamp: u32,
    /// Message stream: 0 for the connection, else what `createStream` returned.
    pub stream: u32,
    /// The body.
    pub payload: Bytes,
}

/// Message types (RTMP 1.0, sections 5.4 and 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// 1. Handled by the reader.
    SetChunkSize,
    /// 2. Handled by the reader.
    Abort,
    /// 3
    Acknowledgement,
    /// 4
    UserControl,
    /// 5
    WindowAcknowledgementSize,
    /// 6
    SetPeerBandwidth,
    /// 8
    Audio,
    /// 9
    Video,
    /// 15
    DataAmf3,
    /// 17
    CommandAmf3,
    /// 18
    DataAmf0,
    /// 20
    CommandAmf0,
    /// 22
    Aggregate,
    /// Shared objects and what else may come; ignored.
    Other(u8),
}

impl MessageKind {
    /// From the message type id of a chunk header.
    pub fn from_id(id: u8) -> Self {
        match id {
            1 => Self::SetChunkSize,
            2 => Self::Abort,
            3 => Self::Acknowledgement,
            4 => Self::UserControl,
            5 => Self::WindowAcknowledgementSize,
            6 => Self::SetPeerBandwidth,
            8 => Self::Audio,
            9 => Self::Video,
            15 => Self::DataAmf3,
            17 => Self::CommandAmf3,
            18 => Self::DataAmf0,
            20 => Self::CommandAmf0,
            22 => Self::Aggregate,
            other => Self::Other(other),
        }
    }

    /// The message type id of a chunk header.
    pub fn id(self) -> u8 {
        match self {
            Self::SetChunkSize => 1,
            Self::Abort => 2,
            Self::Acknowledgement => 3,
            Self::UserControl => 4,
            Self::WindowAcknowledgementSize => 5,
            Self::SetPeerBandwidth => 6,
            Self::Audio => 8,
            Self::Video => 9,
            Self::DataAmf3 => 15,
            Self::CommandAmf3 => 17,
            Self::DataAmf0 => 18,
            Self::CommandAmf0 => 20,
            Self::Aggregate => 22,
            Self::Other(id) => id,
        }
    }
}

/// Why the bytes are not RTMP chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A compressed chunk header without an earlier one to complete it.
    #[error("chunk stream {0} begins with a compressed header")]
    NoPreviousHeader(u32),
    /// A new message in a chunk stream before the last one ended.
    #[error("a message in chunk stream {0} was cut short by another")]
    Unfinished(u32),
    /// The peer announced or sent more than may be held.
    #[error("message of {length} bytes; at most {limit} are taken now")]
    TooLarge {
        /// Bytes announced, with what is held already.
        length: usize,
        /// The limit in force.
        limit: usize,
    },
    /// More chunk streams than any client uses.
    #[error("more than {0} chunk streams")]
    TooManyChunkStreams(usize),
    /// A protocol control message with an impossible body.
    #[error("bad protocol control message of type {0}")]
    Control(u8),
}
