//! The RTMP listener against our client, real FFmpeg, and hostile bytes.

mod client;
mod ffmpeg;
pub mod harness;
mod hostile;
mod limits;
mod mutation;
mod wire;
