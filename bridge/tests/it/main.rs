//! Integration tests of the bridge, one binary.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod demo;
mod rtmp;
mod worker;
