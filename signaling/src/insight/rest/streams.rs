//! A stream over time.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use weir_db::{DAY_MS, Stream};
use weir_protocol::{InsightPoint, Step, StreamInsight, StreamSlug};

use super::{
    own_stream,
    range::{Range, SeriesQuery, grain},
};
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, Path, Query, scope},
    insight::{csv, report},
};

/// A stream's figures over time
///
/// Viewers, watch time, quality and chat, by minutes, hours or days. For its owner and for admins.
/// What happened in the last minute may be missing.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/insight", tag = "insight",
    params(("slug" = StreamSlug, Path), SeriesQuery),
    responses((status = OK, body = StreamInsight), Refusals),
)]
pub(crate) async fn insight(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Insight>,
    Path(slug): Path<String>,
    Query(query): Query<SeriesQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let (range, step) = query.range()?;
    let stream = own_stream(&app, &user, &slug).await?;
    let db = &app.services.db;
    let rows = db
        .stream_series(stream.id, range.from, range.to, grain(step))
        .await?;
    let first_day = range.from - range.from.rem_euclid(DAY_MS);
    let viewers = db.stream_viewers(stream.id, first_day, range.to).await?;
    let chatters = db.stream_chatters(stream.id, range.pair()).await?;
    let sum = report::sum(rows.iter().map(|row| &row.figures));
    let answer = StreamInsight {
        slug: stream.slug,
        from: range.from,
        to: range.to,
        step,
        totals: report::totals(&sum, viewers, chatters),
        points: rows
            .iter()
            .map(|row| report::point(row, grain(step)))
            .collect(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}

/// A stream's figures over time as a table
///
/// The same as CSV (RFC 4180), a row per step.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/insight.csv", tag = "insight",
    params(("slug" = StreamSlug, Path), SeriesQuery),
    responses((status = OK, body = String, content_type = "text/csv"), Refusals),
)]
pub(crate) async fn table(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Insight>,
    Path(slug): Path<String>,
    Query(query): Query<SeriesQuery>,
) -> Result<Response, ApiError> {
    let (range, step) = query.range()?;
    let stream = own_stream(&app, &user, &slug).await?;
    let name = format!("{}-insight", stream.slug);
    let points = points(&app, &stream, range, step).await?;
    points_table(&name, points).await
}

pub(super) async fn points(
    app: &App,
    stream: &Stream,
    range: Range,
    step: Step,
) -> Result<Vec<InsightPoint>, ApiError> {
    let db = &app.services.db;
    let rows = db
        .stream_series(stream.id, range.from, range.to, grain(step))
        .await?;
    let points = rows.iter().map(|row| report::point(row, grain(step)));
    Ok(points.collect())
}

pub(super) async fn points_table(
    name: &str,
    points: Vec<InsightPoint>,
) -> Result<Response, ApiError> {
    let rows = points.iter().map(report::point_cells).collect();
    let page = futures_util::stream::iter([Ok(rows)]);
    csv::table(name, &report::POINTS, page).await
}
