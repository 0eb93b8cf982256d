//! What the packet path may not do: allocate.

// In a test a panic is the message.
#![allow(clippy::unwrap_used, missing_docs)]

mod allocations;
