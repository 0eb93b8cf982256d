//! The RTMP listener against our client, real FFmpeg, and hostile bytes.

mod client;
mod drain;
pub mod enhanced;
mod ffmpeg;
pub mod harness;
mod hostile;
mod limits;
mod memory;
mod mutation;
mod tls;
mod wire;
