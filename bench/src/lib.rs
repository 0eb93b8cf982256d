//! Load generator and benchmarks.
//!
//! The real program is started and measured from outside: this crate knows nothing of the server's
//! inside.

mod cpu;
mod fanout;
mod http;
mod peer;
mod publisher;
mod raw;
mod report;
pub mod server;
mod sockets;
pub mod source;
mod srtp;
mod viewers;

pub use fanout::{Plan, fanout, floor};
pub use report::{Report, Row};
