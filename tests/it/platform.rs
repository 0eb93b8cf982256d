//! Each row of the feature list that is about people, streams, rooms, events and figures: what a
//! stranger with an HTTP client sees of the real program, on SQLite and on PostgreSQL. Tests are
//! named by the row's id.

mod auth;
mod database;
mod engagement;
mod events;
mod findings;
mod foundation;
mod insight;
mod operations;
mod people;
mod rooms;
pub mod server;
mod streams;
mod webhooks;
