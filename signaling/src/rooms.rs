//! Rooms: chat, presence and what happens to the stream, told to everybody in them.
//!
//! The protocol is [`weir_protocol::room`], the same over WebSocket and data channel. What a client
//! asks for goes `transport_*` → `member` → `requests` → (`policy`) → `writer` → database; what
//! happened goes `writer` → `room` → batches → every member. The writer numbers what is kept, so the
//! order in the database, in memory and on the wire is one.
//!
//! Other parts of the server reach members by [`Rooms::publish`] (kept, numbered) and
//! [`Rooms::tell`] (of the moment), for everyone, for moderators or for one person.

mod error;
mod feed;
mod history;
mod hub;
mod identity;
mod limits;
mod member;
mod memory;
mod people;
mod policy;
mod requests;
mod resolve;
mod room;
mod schema;
mod text;
mod transport_data;
mod transport_ws;
mod typing;
mod writer;

use axum::{Router, routing::any};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use error::RoomError;
pub(crate) use hub::Rooms;
pub(crate) use identity::{Identity, Person};
pub use limits::RoomsConfig;
pub(crate) use requests::delete_message;
pub(crate) use resolve::Target;
pub(crate) use room::{Audience, Room};
pub(crate) use text::line;

use crate::App;

/// The operations of rooms.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(history::list))
        .routes(routes!(schema::protocol))
}

/// Serves the data channels of WebRTC sessions, unless somebody else does.
pub(crate) fn serve_data_channels(app: &App) {
    if let Some(events) = app.services.sfu.data_events() {
        app.rooms.spawn(transport_data::serve(app.clone(), events));
    }
}

/// The WebSocket, which no OpenAPI document can describe; `docs/ROOMS.md` does.
pub(crate) fn socket() -> Router<App> {
    Router::new().route("/ws", any(transport_ws::upgrade))
}
