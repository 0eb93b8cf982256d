//! What streams are about: everybody reads the list, admins keep it.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use weir_db::{Category, NewCategory};
use weir_protocol::{CategoryInfo, Page, StreamSlug};

use super::texts;
use crate::{
    ApiError, App, Refusals,
    api::{Actor, IfMatch, Json, PageQuery, Path, Query, page, scope, version_tag},
    rights,
};

/// Longest name in characters.
const NAME_MAX: usize = 100;

const UNKNOWN: ApiError = ApiError::NotFound("category");

/// List categories
///
/// By slug.
#[utoipa::path(
    get, path = "/api/v1/categories", tag = "streams", security((), ("bearer" = [])),
    params(PageQuery),
    responses((status = OK, body = Page<CategoryInfo>), Refusals),
)]
pub(crate) async fn list(
    State(app): State<App>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<CategoryInfo>>, ApiError> {
    let limit = query.limit()?;
    let after: Option<String> = query.after()?;
    let db = &app.services.db;
    let rows = db.list_categories(after.as_deref(), limit + 1).await?;
    let rows: Vec<CategoryInfo> = rows.iter().map(info).collect::<Result<_, _>>()?;
    Ok(Json(page(
        rows,
        limit,
        |row| row.slug.to_string(),
        |row| row,
    )))
}

/// A category
#[utoipa::path(
    get, path = "/api/v1/categories/{slug}", tag = "streams", security((), ("bearer" = [])),
    params(("slug" = StreamSlug, Path)),
    responses((status = OK, body = CategoryInfo, headers(("ETag" = String))), Refusals),
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path(slug): Path<String>,
) -> Result<impl IntoResponse, ApiError> {
    let row = app.services.db.category_by_slug(&slug).await?;
    let row = row.ok_or(UNKNOWN)?;
    let tag = version_tag(row.version);
    Ok(([(header::ETAG, tag)], Json(info(&row)?)))
}

/// Make a category
#[utoipa::path(
    post, path = "/api/v1/admin/categories", tag = "admin",
    request_body = CategoryInfo,
    responses((status = CREATED, body = CategoryInfo, headers(("Location" = String))), Refusals),
)]
pub(crate) async fn create(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Admin>,
    Json(new): Json<CategoryInfo>,
) -> Result<Response, ApiError> {
    rights::may_administer(&user)?;
    let row = app.services.db.create_category(checked(new)?).await?;
    tracing::info!(slug = row.slug, name = %user.name, "category made");
    let location = format!("/api/v1/categories/{}", row.slug);
    let location = HeaderValue::try_from(location).expect("a slug is plain ASCII");
    let headers = [
        (header::LOCATION, location),
        (header::ETAG, version_tag(row.version)),
    ];
    Ok((StatusCode::CREATED, headers, Json(info(&row)?)).into_response())
}

/// Change a category
#[utoipa::path(
    put, path = "/api/v1/admin/categories/{slug}", tag = "admin",
    params(
        ("slug" = StreamSlug, Path),
        ("If-Match" = Option<String>, Header, description = "Entity tag of what is changed"),
    ),
    request_body = CategoryInfo,
    responses((status = OK, body = CategoryInfo, headers(("ETag" = String))), Refusals),
)]
pub(crate) async fn replace(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Admin>,
    Path(slug): Path<String>,
    condition: IfMatch,
    Json(new): Json<CategoryInfo>,
) -> Result<impl IntoResponse, ApiError> {
    rights::may_administer(&user)?;
    let new = checked(new)?;
    let db = &app.services.db;
    let row = db.category_by_slug(&slug).await?.ok_or(UNKNOWN)?;
    condition.check(row.version)?;
    if !db.edit_category(row.id, row.version, &new).await? {
        return Err(ApiError::Changed);
    }
    db.index_streams().await?;
    app.streams.lists.forget();
    tracing::info!(slug, name = %user.name, "category changed");
    let row = Category {
        id: row.id,
        slug: new.slug,
        name: new.name,
        image: new.image,
        version: row.version + 1,
    };
    let tag = version_tag(row.version);
    Ok(([(header::ETAG, tag)], Json(info(&row)?)))
}

/// Remove a category
///
/// Its streams are without one then.
#[utoipa::path(
    delete, path = "/api/v1/admin/categories/{slug}", tag = "admin",
    params(
        ("slug" = StreamSlug, Path),
        ("If-Match" = Option<String>, Header, description = "Entity tag of what is removed"),
    ),
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn delete(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Admin>,
    Path(slug): Path<String>,
    condition: IfMatch,
) -> Result<StatusCode, ApiError> {
    rights::may_administer(&user)?;
    let db = &app.services.db;
    let row = db.category_by_slug(&slug).await?.ok_or(UNKNOWN)?;
    condition.check(row.version)?;
    db.delete_category(row.id).await?;
    db.index_streams().await?;
    app.streams.lists.forget();
    tracing::info!(slug, name = %user.name, "category removed");
    Ok(StatusCode::NO_CONTENT)
}

fn checked(new: CategoryInfo) -> Result<NewCategory, ApiError> {
    Ok(NewCategory {
        slug: new.slug.into(),
        name: texts::line("category's name", &new.name, NAME_MAX)?,
        image: new.image,
    })
}

fn info(row: &Category) -> Result<CategoryInfo, ApiError> {
    Ok(CategoryInfo {
        // Only slugs are written there.
        slug: row.slug.parse().map_err(|_| ApiError::Internal)?,
        name: row.name.clone(),
        image: row.image.clone(),
    })
}
