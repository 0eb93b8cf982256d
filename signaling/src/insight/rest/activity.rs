//! What users did: for themselves, and for admins.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;
use weir_db::User;
use weir_protocol::ActivityReport;

use super::{
    TABLE_PAGE,
    range::{Range, RangeQuery},
};
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, PageQuery, Path, Query, page, scope},
    insight::{csv, report},
    live::now,
    rights,
};

/// Parameters of the report.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ActivityQuery {
    /// Start, in milliseconds since the Unix epoch; 30 days before the end when left out.
    #[param(minimum = 0, maximum = 253_402_300_799_999_i64)]
    from: Option<i64>,
    /// End, itself not in it; now when left out.
    #[param(minimum = 0, maximum = 253_402_300_799_999_i64)]
    to: Option<i64>,
    /// Items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before; none for the first page.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// What you watched and wrote
#[utoipa::path(
    get, path = "/api/v1/me/activity", tag = "insight",
    params(ActivityQuery),
    responses((status = OK, body = ActivityReport), Refusals),
)]
pub(crate) async fn own(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Profile>,
    Query(query): Query<ActivityQuery>,
) -> Result<impl IntoResponse, ApiError> {
    answer(&app, user, query).await
}

/// What you watched and wrote, as a table
///
/// As CSV (RFC 4180), a row per broadcast.
#[utoipa::path(
    get, path = "/api/v1/me/activity.csv", tag = "insight",
    params(RangeQuery),
    responses((status = OK, body = String, content_type = "text/csv"), Refusals),
)]
pub(crate) async fn own_table(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Profile>,
    Query(query): Query<RangeQuery>,
) -> Result<Response, ApiError> {
    table(app, user, query.range()?).await
}

/// What a user watched and wrote
///
/// For admins.
#[utoipa::path(
    get, path = "/api/v1/admin/users/{name}/activity", tag = "insight",
    params(("name" = String, Path), ActivityQuery),
    responses((status = OK, body = ActivityReport), Refusals),
)]
pub(crate) async fn of_user(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Admin>,
    Path(name): Path<String>,
    Query(query): Query<ActivityQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let user = named(&app, &user, &name).await?;
    answer(&app, user, query).await
}

/// What a user watched and wrote, as a table
///
/// As CSV (RFC 4180), a row per broadcast. For admins.
#[utoipa::path(
    get, path = "/api/v1/admin/users/{name}/activity.csv", tag = "insight",
    params(("name" = String, Path), RangeQuery),
    responses((status = OK, body = String, content_type = "text/csv"), Refusals),
)]
pub(crate) async fn table_of_user(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Admin>,
    Path(name): Path<String>,
    Query(query): Query<RangeQuery>,
) -> Result<Response, ApiError> {
    let user = named(&app, &user, &name).await?;
    table(app, user, query.range()?).await
}

async fn named(app: &App, admin: &User, name: &str) -> Result<User, ApiError> {
    rights::may_administer(admin)?;
    let user = app.services.db.user_by_name(name).await?;
    user.ok_or(ApiError::NotFound("user"))
}

async fn answer(
    app: &App,
    user: User,
    query: ActivityQuery,
) -> Result<impl IntoResponse + use<>, ApiError> {
    let range = RangeQuery::new(query.from, query.to).range()?;
    let query = PageQuery::new(query.limit, query.cursor);
    let (limit, after) = (query.limit()?, query.after()?);
    let db = &app.services.db;
    let rows = db
        .list_activity(user.id, range.pair(), after, limit + 1)
        .await?;
    let sum = db.sum_activity(user.id, range.pair(), now()).await?;
    let page = page(
        rows,
        limit,
        |row| (row.first_at, row.broadcast_id.get()),
        |row| report::activity(&row, now()),
    );
    let answer = ActivityReport {
        user: user.name,
        totals: report::activity_totals(&sum),
        items: page.items.into_iter().collect::<Result<_, _>>()?,
        next: page.next,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}

async fn table(app: App, user: User, range: Range) -> Result<Response, ApiError> {
    const COLUMNS: [&str; 11] = [
        "slug",
        "title",
        "broadcast_id",
        "broadcast_started_at",
        "first_at",
        "last_at",
        "sessions",
        "watch_ms",
        "share",
        "messages",
        "reactions",
    ];
    let pages = futures_util::stream::try_unfold(Some(None), move |after| {
        let (app, user) = (app.clone(), user.id);
        async move {
            let Some(after) = after else { return Ok(None) };
            let rows = app
                .services
                .db
                .list_activity(user, range.pair(), after, TABLE_PAGE)
                .await?;
            let more = rows.last().filter(|_| rows.len() == TABLE_PAGE as usize);
            let next = more.map(|row| Some((row.first_at, row.broadcast_id.get())));
            let cells = rows.iter().map(|row| {
                let item = report::activity(row, now())?;
                Ok(vec![
                    item.slug.to_string(),
                    item.title,
                    item.broadcast_id,
                    item.broadcast_started_at.to_string(),
                    item.first_at.to_string(),
                    item.last_at.to_string(),
                    item.sessions.to_string(),
                    item.watch_ms.to_string(),
                    item.share.to_string(),
                    item.messages.to_string(),
                    item.reactions.to_string(),
                ])
            });
            Ok(Some((cells.collect::<Result<Vec<_>, ApiError>>()?, next)))
        }
    });
    csv::table("activity", &COLUMNS, pages).await
}
