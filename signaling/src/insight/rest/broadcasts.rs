//! A stream's broadcasts, and one of them over time.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;
use weir_db::{BroadcastReport, DAY_MS, Stream, User};
use weir_protocol::{BroadcastInsight, BroadcastSummary, Page, Step, StreamSlug};

use super::{
    TABLE_PAGE, own_stream,
    range::{Range, RangeQuery, grain},
    streams,
};
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, PageQuery, Path, Query, page, scope},
    insight::{csv, report},
    live::now,
};

/// Parameters of the list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before; none for the first page.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// A stream's broadcasts
///
/// With what each came to, newest first. For the stream's owner and for admins.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/broadcasts", tag = "insight",
    params(("slug" = StreamSlug, Path), ListQuery),
    responses((status = OK, body = Page<BroadcastSummary>), Refusals),
)]
pub(crate) async fn list(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Insight>,
    Path(slug): Path<String>,
    Query(ListQuery { limit, cursor }): Query<ListQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let query = PageQuery::new(limit, cursor);
    let (limit, after) = (query.limit()?, query.after()?);
    let stream = own_stream(&app, &user, &slug).await?;
    let rows = app
        .services
        .db
        .list_broadcast_reports(stream.id, (0, i64::MAX), after, limit + 1)
        .await?;
    let page = page(rows, limit, key, |row| {
        report::broadcast(&row, stream.slug.as_str(), now())
    });
    let page = Page {
        items: page.items.into_iter().collect::<Result<Vec<_>, _>>()?,
        next: page.next,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(page)))
}

/// A stream's broadcasts as a table
///
/// Those that began within some time, as CSV (RFC 4180), newest first.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/broadcasts.csv", tag = "insight",
    params(("slug" = StreamSlug, Path), RangeQuery),
    responses((status = OK, body = String, content_type = "text/csv"), Refusals),
)]
pub(crate) async fn table(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Insight>,
    Path(slug): Path<String>,
    Query(query): Query<RangeQuery>,
) -> Result<Response, ApiError> {
    let range = query.range()?;
    let stream = own_stream(&app, &user, &slug).await?;
    let name = format!("{}-broadcasts", stream.slug);
    let mut columns = vec!["id", "protocol", "started_at", "ended_at"];
    columns.extend(report::TOTALS);
    let pages = futures_util::stream::try_unfold(Some(None), move |after| {
        let (app, stream) = (app.clone(), stream.clone());
        async move {
            let Some(after) = after else { return Ok(None) };
            let rows = app
                .services
                .db
                .list_broadcast_reports(stream.id, range.pair(), after, TABLE_PAGE)
                .await?;
            let more = rows.last().filter(|_| rows.len() == TABLE_PAGE as usize);
            let next = more.map(|row| Some(key(row)));
            let cells = rows.iter().map(|row| {
                let summary = report::broadcast(row, stream.slug.as_str(), now())?;
                let mut cells = vec![
                    summary.id,
                    summary.protocol.as_str().to_owned(),
                    summary.started_at.to_string(),
                    report::cell(summary.ended_at),
                ];
                cells.extend(report::totals_cells(&summary.totals));
                Ok(cells)
            });
            Ok(Some((cells.collect::<Result<Vec<_>, ApiError>>()?, next)))
        }
    });
    csv::table(&name, &columns, pages).await
}

/// A broadcast's figures over time
///
/// For its stream's owner and for admins. What happened in the last minute may be missing.
#[utoipa::path(
    get, path = "/api/v1/broadcasts/{id}/insight", tag = "insight",
    params(("id" = String, Path)),
    responses((status = OK, body = BroadcastInsight), Refusals),
)]
pub(crate) async fn insight(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Insight>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, ApiError> {
    let (found, stream) = own_broadcast(&app, &user, &id).await?;
    let (range, step) = steps(&found);
    let answer = BroadcastInsight {
        broadcast: report::broadcast(&found, stream.slug.as_str(), now())?,
        step,
        points: streams::points(&app, &stream, range, step).await?,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}

/// A broadcast's figures over time as a table
///
/// The same as CSV (RFC 4180), a row per step.
#[utoipa::path(
    get, path = "/api/v1/broadcasts/{id}/insight.csv", tag = "insight",
    params(("id" = String, Path)),
    responses((status = OK, body = String, content_type = "text/csv"), Refusals),
)]
pub(crate) async fn insight_table(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Insight>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let (found, stream) = own_broadcast(&app, &user, &id).await?;
    let (range, step) = steps(&found);
    let name = format!("{}-{}", stream.slug, found.broadcast.id);
    let points = streams::points(&app, &stream, range, step).await?;
    streams::points_table(&name, points).await
}

fn key(row: &BroadcastReport) -> (i64, i64) {
    (row.broadcast.started_at, row.broadcast.id.get())
}

async fn own_broadcast(
    app: &App,
    user: &User,
    id: &str,
) -> Result<(BroadcastReport, Stream), ApiError> {
    let unknown = ApiError::NotFound("broadcast");
    let id = id.parse().map_err(|_| unknown.clone())?;
    let (found, slug) = app.services.db.broadcast_report(id).await?.ok_or(unknown)?;
    let stream = own_stream(app, user, &slug).await?;
    Ok((found, stream))
}

/// The steps that a broadcast touches.
fn steps(found: &BroadcastReport) -> (Range, Step) {
    let from = found.broadcast.started_at;
    let to = found.broadcast.ended_at.unwrap_or_else(now).max(from + 1);
    let step = if to - from <= 7 * DAY_MS {
        Step::Minute
    } else {
        Step::Hour
    };
    let from = from - from.rem_euclid(grain(step).millis());
    (Range { from, to }, step)
}
