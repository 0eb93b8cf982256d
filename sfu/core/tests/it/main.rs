//! The media plane in virtual time: real str0m clients on both sides, no sockets, no clock.

#![allow(clippy::unwrap_used)]

mod data;
mod flexfec;
mod flow;
mod hostile;
mod ice;
mod simulcast_in;
mod sources;
mod world;
