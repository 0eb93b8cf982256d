//! Taking one's data along, and leaving.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::IntoResponse,
};
use weir_db::User;
use weir_protocol::DeleteAccount;

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, scope},
    auth::client::ClientAddress,
    happenings::Happening,
    live::media_id,
};

/// Everything about your account
///
/// A JSON object with a list for each kind of things that the server knows of you.
#[utoipa::path(
    get, path = "/api/v1/me/export", tag = "account",
    responses((status = OK, body = Object), Refusals),
)]
pub(super) async fn export(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Account>,
) -> Result<impl IntoResponse, ApiError> {
    let export = app.services.db.export_user(user.id).await?;
    let fixed = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"weir-account.json\""),
        ),
    ];
    Ok((fixed, Json(export)))
}

/// Delete your account
///
/// At once and for good, with your streams. What you wrote in others' rooms stays without your name. The
/// last admin cannot leave.
#[utoipa::path(
    delete, path = "/api/v1/me", tag = "account",
    request_body = DeleteAccount,
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn delete(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    Actor { user, .. }: Actor<scope::Account>,
    Json(DeleteAccount { password }): Json<DeleteAccount>,
) -> Result<StatusCode, ApiError> {
    app.check_password(address, &user, password).await?;
    tracing::info!(name = %user.name, "account deleted by its user");
    app.erase(user).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl App {
    /// Removes a user, and ends what goes on under its name.
    pub(super) async fn erase(&self, user: User) -> Result<(), ApiError> {
        let services = &self.services;
        let streams = services.db.erase_user(user.id).await?;
        for stream in streams {
            services.live.forget(&services.sfu, media_id(&stream)).await;
            let bus = services.live.bus();
            bus.emit(Happening::StreamDeleted { stream }).await;
        }
        let bus = services.live.bus();
        bus.emit(Happening::UserDeleted { user }).await;
        Ok(())
    }
}
