//! Every case runs on SQLite and on a real PostgreSQL.

#![allow(clippy::unwrap_used)]

mod fixture;
mod postgres;

mod broadcasts;
mod concurrency;
mod events;
mod sqlite_file;
mod streams;
mod users;
