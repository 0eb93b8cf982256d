//! Tests of the whole: the layering of the workspace, and the real program with other people's
//! clients.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod cli;
mod clients;
mod deploy;
mod doctor;
mod edge;
mod fanout;
mod layers;
mod media;
mod on_demand;
mod platform;
#[path = "../../db/tests/it/postgres.rs"]
mod postgres;
mod program;
mod recording;
mod restream;
mod rtmps;
mod sources;
mod turn;
mod webrtc_client;
mod whip_whep;
