//! REST below `/api/v1`.

pub(crate) mod account;
mod api_tokens;
mod devices;
pub(crate) mod events;
pub(crate) mod manage;
pub(crate) mod session;
mod totp;
pub(crate) mod viewers;

use utoipa_axum::{router::OpenApiRouter, routes};
use weir_protocol::ServerTime;

use crate::{App, Refusals, api::Json, live};

/// The operations of these modules.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(time))
        .routes(routes!(account::me))
        .routes(routes!(manage::create))
        .routes(routes!(manage::delete))
        .routes(routes!(manage::rotate_key))
        .routes(routes!(viewers::viewers))
        .routes(routes!(events::events))
        .merge(session::routes())
        .merge(devices::routes())
        .merge(api_tokens::routes())
        .merge(totp::routes())
}

/// The server's clock
#[utoipa::path(
    get, path = "/api/v1/time", tag = "server", security(()),
    responses((status = OK, body = ServerTime), Refusals),
)]
pub(crate) async fn time() -> Json<ServerTime> {
    Json(ServerTime {
        now_ms: live::now(),
    })
}
