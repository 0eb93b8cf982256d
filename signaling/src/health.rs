//! Whether the server runs, and whether it should get traffic.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};

use crate::{ApiError, App};

/// `GET /healthz`: the process answers.
pub(crate) async fn healthz() -> impl IntoResponse {
    plain("ok\n")
}

/// `GET /readyz`: the database answers, the media plane runs, and the server is not stopping. 503 otherwise.
pub(crate) async fn readyz(State(app): State<App>) -> Result<impl IntoResponse, ApiError> {
    app.check_open()?;
    app.services.db.ping().await?;
    if app.services.live.media_stopped().is_cancelled() {
        return Err(ApiError::Unavailable("the media plane has stopped".into()));
    }
    Ok(plain("ready\n"))
}

fn plain(text: &'static str) -> impl IntoResponse {
    (StatusCode::OK, [(header::CACHE_CONTROL, "no-store")], text)
}
