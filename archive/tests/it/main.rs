//! The archive with real files.

#![allow(clippy::unwrap_used, missing_docs)]

mod boxes;
mod disk;
mod store;
