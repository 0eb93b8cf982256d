//! Tokens for the user's programs.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::IntoResponse,
};
use utoipa_axum::{router::OpenApiRouter, routes};
use weir_db::{ApiToken, ApiTokenId, Role};
use weir_protocol::{ApiTokenInfo, CreateApiToken, CreatedApiToken, Page, Scope};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, PageQuery, Path, Query, page, scope},
    auth::{Credential, pat},
    live,
};

/// Longest name in characters.
const NAME_MAX: usize = 100;

/// The operations of this module.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(revoke))
}

/// The user's API tokens, the newest first
#[utoipa::path(
    get, path = "/api/v1/me/tokens", tag = "account",
    params(PageQuery),
    responses((status = OK, body = Page<ApiTokenInfo>), Refusals),
)]
async fn list(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Account>,
    Query(query): Query<PageQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let limit = query.limit()?;
    let after = query
        .after::<i64>()?
        .and_then(|id| id.to_string().parse().ok());
    let rows = app
        .services
        .db
        .api_tokens_of_user(user.id, after, limit + 1)
        .await?;
    let rows = page(rows, limit, |row| row.id.get(), info);
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(rows)))
}

/// Make an API token
///
/// For programs that act for the user, with these scopes and never more than the user may. Shown this
/// once.
#[utoipa::path(
    post, path = "/api/v1/me/tokens", tag = "account",
    request_body = CreateApiToken,
    responses((status = CREATED, body = CreatedApiToken), Refusals),
)]
async fn create(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Account>,
    Json(request): Json<CreateApiToken>,
) -> Result<impl IntoResponse, ApiError> {
    let name = request.name.trim();
    check_name(name)?;
    let mut scopes = request.scopes;
    scopes.sort();
    scopes.dedup();
    if scopes.is_empty() {
        return Err(ApiError::BadRequest(
            "a token has one scope at least".into(),
        ));
    }
    if scopes.contains(&Scope::Account) {
        return Err(ApiError::BadRequest(
            "no API token has the scope account: passwords, devices and tokens need a login".into(),
        ));
    }
    if scopes.contains(&Scope::Admin) && user.role != Role::Admin {
        return Err(ApiError::Forbidden(
            "only admins have the scope admin to give",
        ));
    }
    if request.expires_at.is_some_and(|end| end <= live::now()) {
        return Err(ApiError::BadRequest(
            "expires_at is over; it is in milliseconds since 1970".into(),
        ));
    }
    let db = &app.services.db;
    let (token, row) =
        pat::create_api_token(db, user.id, name, &scopes, request.expires_at).await?;
    tracing::info!(name = %user.name, token = row.prefix, "API token made");
    let location =
        HeaderValue::try_from(format!("/api/v1/me/tokens/{}", row.id)).expect("an id is digits");
    let created = CreatedApiToken {
        token,
        info: info(row),
    };
    let fields = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((StatusCode::CREATED, fields, Json(created)))
}

/// Revoke an API token
///
/// It is worth nothing from now on, and what goes on under it ends.
#[utoipa::path(
    delete, path = "/api/v1/me/tokens/{id}", tag = "account",
    params(("id" = String, Path, description = "From the list", max_length = 20)),
    responses((status = NO_CONTENT), Refusals),
)]
async fn revoke(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Account>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    const UNKNOWN: ApiError = ApiError::NotFound("API token");
    let token: ApiTokenId = id.parse().map_err(|_| UNKNOWN)?;
    if !app.services.db.end_api_token(user.id, token).await? {
        return Err(UNKNOWN);
    }
    app.ends.end(Credential::ApiToken(token));
    tracing::info!(name = %user.name, %token, "API token revoked");
    Ok(StatusCode::NO_CONTENT)
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let length = name.chars().count();
    match (1..=NAME_MAX).contains(&length) && !name.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(ApiError::BadRequest(format!(
            "a name has 1 to {NAME_MAX} characters, none of them control characters"
        ))),
    }
}

fn info(row: ApiToken) -> ApiTokenInfo {
    ApiTokenInfo {
        id: row.id.to_string(),
        name: row.name,
        prefix: row.prefix,
        scopes: pat::scopes(&row.scopes),
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
    }
}
