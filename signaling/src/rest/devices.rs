//! Where the user is logged in.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use utoipa_axum::{router::OpenApiRouter, routes};
use weir_db::{Device, DeviceId};
use weir_protocol::{DeviceInfo, Page};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, PageQuery, Path, Query, page, scope},
    auth::{self, session},
};

/// The operations of this module.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, end_others))
        .routes(routes!(end))
}

/// Where the user is logged in, the newest login first
#[utoipa::path(
    get, path = "/api/v1/me/devices", tag = "account",
    params(PageQuery),
    responses((status = OK, body = Page<DeviceInfo>), Refusals),
)]
async fn list(
    State(app): State<App>,
    Actor { user, device, .. }: Actor<scope::Account>,
    Query(query): Query<PageQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let limit = query.limit()?;
    let after = query
        .after::<i64>()?
        .and_then(|id| id.to_string().parse().ok());
    let rows = app
        .services
        .db
        .devices_of_user(user.id, after, limit + 1)
        .await?;
    let rows = page(
        rows,
        limit,
        |row| row.id.get(),
        |row: Device| DeviceInfo {
            id: row.id.to_string(),
            name: row.name,
            network: row.address,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            expires_at: row.expires_at,
            current: device == Some(row.id),
        },
    );
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(rows)))
}

/// Log a device out
///
/// What goes on under its session (rooms, event streams) ends too.
#[utoipa::path(
    delete, path = "/api/v1/me/devices/{id}", tag = "account",
    params(("id" = String, Path, description = "From the list", max_length = 20)),
    responses((status = NO_CONTENT), Refusals),
)]
async fn end(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Account>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    const UNKNOWN: ApiError = ApiError::NotFound("device");
    let device: DeviceId = id.parse().map_err(|_| UNKNOWN)?;
    match session::end(&app, &user, device).await? {
        true => {
            tracing::info!(name = %user.name, %device, "device logged out");
            Ok(StatusCode::NO_CONTENT)
        }
        false => Err(UNKNOWN),
    }
}

/// Log all other devices out
#[utoipa::path(
    delete, path = "/api/v1/me/devices", tag = "account",
    responses((status = NO_CONTENT), Refusals),
)]
async fn end_others(
    State(app): State<App>,
    Actor { user, device, .. }: Actor<scope::Account>,
) -> Result<StatusCode, ApiError> {
    auth::end_devices(&app, user.id, device).await?;
    tracing::info!(name = %user.name, "all other devices logged out");
    Ok(StatusCode::NO_CONTENT)
}
