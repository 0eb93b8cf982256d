//! What the server was told when it started.

use axum::extract::State;
use weir_protocol::ServerSetting;

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, scope},
    rights,
};

/// Settings of the server
///
/// As it was started with, secrets masked. They are changed in `weir.toml`, in the environment or by flags, and
/// read at the start.
#[utoipa::path(
    get, path = "/api/v1/admin/settings", tag = "admin",
    responses((status = OK, body = Vec<ServerSetting>), Refusals),
)]
pub(super) async fn list(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Admin>,
) -> Result<Json<Vec<ServerSetting>>, ApiError> {
    rights::may_administer(&user)?;
    Ok(Json(app.services.config.settings.clone()))
}
