//! Every case runs on SQLite and on a real PostgreSQL.

#![allow(clippy::unwrap_used)]

mod fixture;
mod postgres;

mod administration;
mod broadcasts;
mod concurrency;
mod people;
mod sqlite_file;
mod streams;
mod users;
