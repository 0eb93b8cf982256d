//! How this server can be reached.

use axum::{extract::State, http::header, response::IntoResponse};
use futures_util::future::BoxFuture;
use weir_protocol::{Connectivity, ConnectivityCheck};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, scope},
    rights,
};

/// Finds out how this server can be reached. Implemented by the root package, which knows all its parts.
pub trait Doctor: Send + Sync {
    /// The checks, and when they were made. Asked often, it makes them anew only when they are some
    /// seconds old.
    fn examine(&self) -> BoxFuture<'_, (i64, Vec<ConnectivityCheck>)>;
}

/// How this server can be reached
///
/// Tests from outside in, as far as a machine can test itself: ports, addresses, NAT, TURN with an allocation,
/// certificate, limits of the system, and what viewers used in the last hour. The same as `weir doctor`. Takes a
/// few seconds.
#[utoipa::path(
    get, path = "/api/v1/admin/connectivity", tag = "admin",
    responses((status = OK, body = Connectivity), Refusals),
)]
pub(super) async fn connectivity(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Admin>,
) -> Result<impl IntoResponse, ApiError> {
    rights::may_administer(&user)?;
    let (checked_at, checks) = app.services.doctor.examine().await;
    let connectivity = Connectivity {
        checked_at,
        checks,
        transports: app.services.live.audience().transports(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(connectivity)))
}
