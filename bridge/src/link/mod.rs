//! The link between the main process and a worker: messages over one byte stream.
//!
//! Each message is a 32-bit big-endian length, one byte of type and a body; the length counts type
//! and body. RTP packets travel whole, as in RFC 4571, behind their place on the timeline. Encoding
//! and decoding ([`message`]) are pure: the main process drives them from tokio, the worker from
//! blocking threads, and nothing in them cares whether the stream is a socket pair or TCP.
//!
//! The first message each way is a hello with [`VERSION`]; ends of different versions part at once.

mod frame;
pub mod message;

pub use frame::{Frames, MAX_MESSAGE};

/// Version of the link's messages. Both ends come from one program, so it only guards mistakes.
pub const VERSION: u16 = 5;

/// Why a link cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// A length beyond [`MAX_MESSAGE`], or of nothing.
    #[error("a message of {0} bytes cannot be")]
    Length(usize),
    /// A type this version does not know.
    #[error("unknown message type {0}")]
    Type(u8),
    /// A body that ends too soon or holds what cannot be.
    #[error("malformed body of message type {0}")]
    Body(u8),
    /// The other end is of another version.
    #[error("the other end speaks version {0}, this one {VERSION}")]
    Version(u16),
}
