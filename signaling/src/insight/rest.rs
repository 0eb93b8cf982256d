//! The operations: what players report, and what streamers, users and admins read.

mod activity;
mod broadcasts;
mod creator;
mod qoe;
mod range;
mod sessions;
mod streams;

use axum::{extract::FromRequestParts, http::request::Parts};
use utoipa_axum::{router::OpenApiRouter, routes};
use weir_db::{Stream, User};
use weir_protocol::Scope;

use crate::{ApiError, App, auth};

/// Rows of a table that are read at once.
const TABLE_PAGE: u32 = 1_000;

/// The operations of these modules.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(qoe::report))
        .routes(routes!(streams::insight))
        .routes(routes!(streams::table))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::table))
        .routes(routes!(broadcasts::list))
        .routes(routes!(broadcasts::table))
        .routes(routes!(broadcasts::insight))
        .routes(routes!(broadcasts::insight_table))
        .routes(routes!(creator::insight))
        .routes(routes!(creator::table))
        .routes(routes!(activity::own))
        .routes(routes!(activity::own_table))
        .routes(routes!(activity::of_user))
        .routes(routes!(activity::table_of_user))
}

/// The stream of a name, for whoever may see its figures.
async fn own_stream(app: &App, user: &User, slug: &str) -> Result<Stream, ApiError> {
    app.changeable(slug, user).await
}

/// Who asks, where that is good to know and nothing depends on it: wrong credentials are nobody's.
struct Somebody(Option<User>);

impl FromRequestParts<App> for Somebody {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let caller = auth::user(app, parts, Scope::StreamsRead).await;
        Ok(Self(caller.ok().flatten().map(|caller| caller.user)))
    }
}
