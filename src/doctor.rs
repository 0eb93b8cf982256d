//! Whether this server can be reached, and what to open or to set where it cannot.
//!
//! ```text
//! gather (sockets, files, children) ─▶ Facts ─▶ judge (pure) ─▶ words ─▶ ConnectivityCheck
//! ```
//!
//! A running server gathers about itself ([`Running`]); where none runs, `weir doctor` gathers what a
//! machine can know without ([`gather::without_server`]).

mod facts;
mod gather;
mod judge;
mod running;
mod words;

pub use gather::without_server;
pub use judge::judge;
pub use running::{Found, Running};
pub use words::check;

use weir_protocol::{CheckState, ConnectivityCheck};

/// Whether nothing of it is a problem.
pub fn is_well(checks: &[ConnectivityCheck]) -> bool {
    checks.iter().all(|it| it.state != CheckState::Problem)
}
