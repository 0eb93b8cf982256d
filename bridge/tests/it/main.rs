//! Integration tests of the bridge, one binary.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod demo;
mod doctor;
mod isolation;
mod remote;
mod restream;
mod rtmp;
mod worker;
