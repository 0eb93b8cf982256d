//! The media plane in virtual time: real str0m clients on both sides, no sockets, no clock.

#![allow(clippy::unwrap_used)]
// Tables, for `--nocapture`.
#![allow(clippy::print_stdout)]

mod bridge_layers;
mod data;
mod flexfec;
mod flow;
mod hostile;
mod ice;
mod joined;
mod keyed;
mod keys;
mod ladder;
mod layers;
mod loss;
mod offers;
mod on_demand;
mod path;
mod receiver;
mod sim;
mod simulcast_in;
mod sources;
mod start;
mod svc;
mod upstream;
mod world;
