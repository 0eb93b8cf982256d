//! Every case runs on SQLite and on a real PostgreSQL.

#![allow(clippy::unwrap_used)]

mod credentials;
mod fixture;
mod postgres;

mod administration;
mod broadcasts;
mod chat;
mod concurrency;
mod engage;
mod events;
mod findings;
mod insight;
mod people;
mod plans;
mod portable;
mod recordings;
mod restreams;
mod sqlite_file;
mod stream_access;
mod streams;
mod upgrade;
mod users;
mod webhooks;
