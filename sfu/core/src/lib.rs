//! The media plane as pure state machines over str0m in RTP mode: ingest, route, egress.
//!
//! Time and datagrams go in, datagrams and events come out. Nothing here opens a socket, reads a
//! clock or knows of tokio, HTTP, SQL or files, so that tests run in virtual time.

mod id;

pub use id::{SessionId, StreamId};
