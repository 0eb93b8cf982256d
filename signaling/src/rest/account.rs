//! The logged-in user.

use axum::{http::header, response::IntoResponse};
use weir_protocol::Me;

use crate::{
    Refusals,
    api::{Actor, Json, scope},
};

/// Who the credential belongs to
#[utoipa::path(
    get, path = "/api/v1/me", tag = "account",
    responses((status = OK, body = Me), Refusals),
)]
pub(crate) async fn me(Actor { user, .. }: Actor<scope::Profile>) -> impl IntoResponse {
    let me = Me {
        role: user.role.as_str().to_owned(),
        name: user.name,
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(me))
}
