//! Single viewer sessions of a stream.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;
use weir_db::{BroadcastId, ViewerSession, ViewerSessionId};
use weir_protocol::{Page, StreamSlug, ViewerSessionReport};

use super::{TABLE_PAGE, own_stream};
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, PageQuery, Path, Query, page, scope},
    insight::{csv, report},
};

/// Parameters of the list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only those of this broadcast.
    #[param(max_length = 20, pattern = "^[0-9]{1,19}$")]
    broadcast: Option<String>,
    /// Items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before; none for the first page.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// Parameters of the table.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TableQuery {
    /// Only those of this broadcast.
    #[param(max_length = 20, pattern = "^[0-9]{1,19}$")]
    broadcast: Option<String>,
}

/// A stream's viewer sessions
///
/// How well each viewer was served, those still there too, newest first; kept for some weeks. For the
/// stream's owner and for admins.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/sessions", tag = "insight",
    params(("slug" = StreamSlug, Path), ListQuery),
    responses((status = OK, body = Page<ViewerSessionReport>), Refusals),
)]
pub(crate) async fn list(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Insight>,
    Path(slug): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let broadcast = broadcast(query.broadcast.as_deref())?;
    let query = PageQuery::new(query.limit, query.cursor);
    let (limit, after) = (query.limit()?, query.after::<i64>()?);
    let after = after.map(|id| session_id(&id.to_string())).transpose()?;
    let stream = own_stream(&app, &user, &slug).await?;
    let rows = app
        .services
        .db
        .list_viewer_sessions(stream.id, broadcast, after, limit + 1)
        .await?;
    let page = page(
        rows,
        limit,
        |(row, _)| row.id.get(),
        |(row, user)| report::session(row, user),
    );
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(page)))
}

/// A stream's viewer sessions as a table
///
/// All that are kept, or those of a broadcast, as CSV (RFC 4180), newest first.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/sessions.csv", tag = "insight",
    params(("slug" = StreamSlug, Path), TableQuery),
    responses((status = OK, body = String, content_type = "text/csv"), Refusals),
)]
pub(crate) async fn table(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Insight>,
    Path(slug): Path<String>,
    Query(query): Query<TableQuery>,
) -> Result<Response, ApiError> {
    const COLUMNS: [&str; 14] = [
        "id",
        "broadcast_id",
        "user",
        "protocol",
        "agent",
        "started_at",
        "ended_at",
        "watch_ms",
        "layers",
        "stalls",
        "stall_ms",
        "delay_ms",
        "loss",
        "join_ms",
    ];
    let broadcast = broadcast(query.broadcast.as_deref())?;
    let stream = own_stream(&app, &user, &slug).await?;
    let name = format!("{}-sessions", stream.slug);
    let pages = futures_util::stream::try_unfold(Some(None), move |before| {
        let app = app.clone();
        async move {
            let Some(before) = before else {
                return Ok(None);
            };
            let rows = app
                .services
                .db
                .list_viewer_sessions(stream.id, broadcast, before, TABLE_PAGE)
                .await?;
            let more = rows.last().filter(|_| rows.len() == TABLE_PAGE as usize);
            let next = more.map(|(row, _)| Some(row.id));
            let rows = rows.into_iter().map(|(row, user)| cells(row, user));
            Ok::<_, ApiError>(Some((rows.collect(), next)))
        }
    });
    csv::table(&name, &COLUMNS, pages).await
}

fn cells(row: ViewerSession, user: Option<String>) -> Vec<String> {
    let session = report::session(row, user);
    let layers: Vec<String> = session
        .layers
        .iter()
        .map(|layer| format!("{}:{}", layer.layer, layer.ms))
        .collect();
    vec![
        session.id,
        report::cell(session.broadcast_id),
        report::cell(session.user),
        session.protocol,
        session.agent,
        session.started_at.to_string(),
        report::cell(session.ended_at),
        session.watch_ms.to_string(),
        layers.join(" "),
        session.stalls.to_string(),
        session.stall_ms.to_string(),
        report::cell(session.delay_ms),
        report::cell(session.loss),
        report::cell(session.join_ms),
    ]
}

fn broadcast(text: Option<&str>) -> Result<Option<BroadcastId>, ApiError> {
    let digits = |text: &str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse().ok()).flatten()
    };
    match text.map(digits) {
        None => Ok(None),
        Some(Some(id)) => Ok(Some(id)),
        Some(None) => Err(ApiError::BadRequest(
            "broadcast is the id of one, in digits".into(),
        )),
    }
}

fn session_id(text: &str) -> Result<ViewerSessionId, ApiError> {
    text.parse()
        .map_err(|_| ApiError::BadRequest("the cursor is not one of this list".into()))
}
