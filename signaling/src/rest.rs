//! REST below `/api/v1`.

pub(crate) mod account;
pub(crate) mod events;
pub(crate) mod manage;
pub(crate) mod streams;
pub(crate) mod viewers;

use axum::Json;
use weir_protocol::ServerTime;

use crate::live;

/// `GET /api/v1/time`: the server's clock.
pub(crate) async fn time() -> Json<ServerTime> {
    Json(ServerTime {
        now_ms: live::now(),
    })
}
