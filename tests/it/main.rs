//! Tests of the whole: the layering of the workspace, and the real program with other people's
//! clients.

#![allow(clippy::unwrap_used, missing_docs)]

mod cli;
mod deploy;
mod fanout;
mod layers;
mod media;
mod platform;
#[path = "../../db/tests/it/postgres.rs"]
mod postgres;
mod program;
mod webrtc_client;
mod whip_whep;
