//! The media plane in virtual time: real str0m clients on both sides, no sockets, no clock.

#![allow(clippy::unwrap_used)]

mod data;
mod flow;
mod hostile;
mod ice;
mod ladder;
mod simulcast_in;
mod sources;
mod upstream;
mod world;
