//! The `weir` command line and the wiring.
fn main() {}
