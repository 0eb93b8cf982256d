//! All streams of a creator.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use weir_db::{HOUR_MS, User};
use weir_protocol::{CreatorInsight, StreamTotals};

use super::range::{Range, RangeQuery};
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, Query, scope},
    insight::{csv, report},
};

/// What your streams came to
///
/// Together and each, in whole hours.
#[utoipa::path(
    get, path = "/api/v1/me/insight", tag = "insight",
    params(RangeQuery),
    responses((status = OK, body = CreatorInsight), Refusals),
)]
pub(crate) async fn insight(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Insight>,
    Query(query): Query<RangeQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let range = hours(query)?;
    let rows = app
        .services
        .db
        .creator_report(user.id, range.pair())
        .await?;
    let figures = report::sum(rows.iter().map(|row| &row.figures));
    let viewers = rows.iter().map(|row| row.viewers).sum();
    let chatters = rows.iter().map(|row| row.chatters).sum();
    let streams = rows.iter().map(report::creator_stream);
    let answer = CreatorInsight {
        from: range.from,
        to: range.to,
        totals: report::totals(&figures, viewers, chatters),
        streams: streams.collect::<Result<_, _>>()?,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}

/// What your streams came to, as a table
///
/// As CSV (RFC 4180), a row per stream.
#[utoipa::path(
    get, path = "/api/v1/me/insight.csv", tag = "insight",
    params(RangeQuery),
    responses((status = OK, body = String, content_type = "text/csv"), Refusals),
)]
pub(crate) async fn table(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Insight>,
    Query(query): Query<RangeQuery>,
) -> Result<Response, ApiError> {
    let mut columns = vec!["slug", "title"];
    columns.extend(report::TOTALS);
    let streams = streams(&app, &user, hours(query)?).await?;
    let rows = streams.into_iter().map(|stream| {
        let mut cells = vec![stream.slug.to_string(), stream.title];
        cells.extend(report::totals_cells(&stream.totals));
        cells
    });
    let page = futures_util::stream::iter([Ok(rows.collect())]);
    csv::table("insight", &columns, page).await
}

async fn streams(app: &App, user: &User, range: Range) -> Result<Vec<StreamTotals>, ApiError> {
    let rows = app
        .services
        .db
        .creator_report(user.id, range.pair())
        .await?;
    rows.iter().map(report::creator_stream).collect()
}

fn hours(query: RangeQuery) -> Result<Range, ApiError> {
    let mut range = query.range()?;
    range.from -= range.from.rem_euclid(HOUR_MS);
    Ok(range)
}
