//! The operations: what is wrong with a stream, and what it looks like.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;
use weir_protocol::{Page, StreamSlug, Visibility, finding::Finding};

use super::book;
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, PageQuery, Path, Query, page, scope},
    rest::events::ViewerTokenQuery,
    watching::Viewer,
};

/// How long a picture may be shown, in seconds: the next one comes soon.
const MAX_AGE: u32 = 3;

/// Parameters of the list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only those of the broadcast that is on the air, which are all on the first page.
    #[serde(default)]
    live: bool,
    /// Only those of this broadcast.
    #[param(max_length = 20)]
    broadcast: Option<String>,
    /// Items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before; none for the first page.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// What is wrong with a stream
///
/// What the server noticed about what the publisher sends: what viewers see of it, whether it is mended, and
/// what to set in OBS. Newest first, over all broadcasts. For the stream's owner, its moderators and admins.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/findings", tag = "streams",
    params(("slug" = StreamSlug, Path), ListQuery),
    responses((status = OK, body = Page<Finding>), Refusals),
)]
pub(crate) async fn list(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsRead>,
    Path(slug): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let paging = PageQuery::new(query.limit, query.cursor);
    let (limit, before) = (paging.limit()?, paging.after::<i64>()?);
    let stream = app.moderated(&slug, &user).await?;
    let mut now: Vec<Finding> = app
        .services
        .live
        .findings()
        .books()
        .get(&stream.id)
        .map(|book| book.findings().collect())
        .unwrap_or_default();
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    if query.live {
        // What holds first, then what is worse, then what came last.
        now.sort_by_key(|it| std::cmp::Reverse((it.active, it.severity, it.first_at)));
        return Ok((
            no_store,
            Json(Page {
                items: now,
                next: None,
            }),
        ));
    }
    let db = &app.services.db;
    let rows = match &query.broadcast {
        Some(id) => {
            let id = id.parse().map_err(|_| ApiError::NotFound("broadcast"))?;
            db.findings_of_broadcast(stream.id, id, before, limit + 1)
                .await?
        }
        None => db.list_findings(stream.id, before, limit + 1).await?,
    };
    let found = page(rows, limit, |row| row.id.get(), book::of_row);
    let items = found.items.into_iter().flatten().map(|item| {
        // What is in memory is newer than what is written down.
        let newer = now.iter().find(|it| it.id == item.id);
        newer.cloned().unwrap_or(item)
    });
    let page = Page {
        items: items.collect(),
        next: found.next,
    };
    Ok((no_store, Json(page)))
}

/// What a live stream looks like
///
/// A picture of at most 640 pixels a side, made anew every few seconds. Not there while the stream is offline.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/thumbnail.jpg", tag = "streams", security((), ("bearer" = [])),
    params(("slug" = StreamSlug, Path), ViewerTokenQuery),
    responses(
        (status = OK, body = Vec<u8>, content_type = "image/jpeg"),
        (status = NOT_MODIFIED),
        Refusals,
    ),
)]
pub(crate) async fn thumbnail(
    State(app): State<App>,
    Path(slug): Path<String>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let stream = app.watchable(&slug, &viewer).await?;
    let tile = app.services.live.findings().inner.tiles.get(stream.id);
    let tile = tile.ok_or(ApiError::NotFound("picture of this stream"))?;
    let shared = match stream.details.visibility {
        Visibility::Public | Visibility::Unlisted => "public",
        Visibility::Private => "private",
    };
    let cache = format!("{shared}, max-age={MAX_AGE}");
    let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        let mut tags = value.to_str().unwrap_or_default().split(',');
        tags.any(|one| one.trim().trim_start_matches("W/") == tile.etag)
    });
    let fields = [
        (header::CACHE_CONTROL, HeaderValue::try_from(cache)),
        (header::ETAG, HeaderValue::try_from(&tile.etag)),
    ];
    let fields = fields.map(|(name, value)| (name, value.expect("plain text")));
    Ok(match known {
        true => (StatusCode::NOT_MODIFIED, fields).into_response(),
        false => {
            let kind = [(header::CONTENT_TYPE, "image/jpeg")];
            (fields, kind, tile.jpeg).into_response()
        }
    })
}
