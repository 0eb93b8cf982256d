//! RTMP in and out, and the media worker process with its GStreamer pipelines.
//!
//! The RTMP listener ([`rtmp`]) runs in the main process. Media work runs in a child process per
//! live stream ([`worker`]), watched by a [`supervisor`], so that a crash in a codec costs one
//! stream a second and not the server. The two talk over one local stream socket ([`link`]).
//!
//! What leaves the bridge leaves through the traits in [`output`]; the root package wires those to
//! the SFU and to the HLS origin. Nothing here knows of SQL or axum.

pub mod config;
#[cfg(feature = "worker")]
pub mod demo;
#[cfg(feature = "worker")]
pub(crate) mod doctor;
pub mod link;
pub mod output;
pub mod restream;
pub mod rtmp;
pub mod source;
pub mod supervisor;
#[cfg(feature = "worker")]
pub mod worker;
