//! `GET /api/v1/streams`: what is live, what else there is, and the search over both.
//!
//! Live streams come from memory, the most watched first; the others from index tables, the newest first.
//! With words to search for, each part is ordered by how well it fits, then by viewers or age. While one
//! goes from page to page a stream may begin, end or gain viewers, and so be seen twice or not at all; one
//! that stays as it is comes once.

use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::header,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use weir_db::{Mark, StreamId};
use weir_protocol::{Page, StreamSlug, StreamSummary, normal_tag};

use super::texts;
use crate::{
    ApiError, App, Refusals,
    api::{Json, PageQuery, Path, Query, cursor, version_tag},
    live::{Listed, LiveList},
    rest::events::ViewerTokenQuery,
    watching::Viewer,
};

/// Longest name of a user, or of a category in addresses, in characters.
const NAME_MAX: usize = 64;

/// Longest search in characters, and words of it that count.
const SEARCH_MAX: usize = 200;
const WORDS_MAX: usize = 8;

/// Rows asked for beyond a page, since those of live streams are left out.
const SPARE: usize = 200;

/// Parameters of the list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only streams that are live.
    #[serde(default)]
    #[param(default = false)]
    live: bool,
    /// Words to search for in title, tags, category and owner's name; each is the beginning of one there.
    #[param(max_length = 200)]
    q: Option<String>,
    /// Slug of a category.
    #[param(max_length = 64)]
    category: Option<String>,
    /// A tag.
    #[param(max_length = 64)]
    tag: Option<String>,
    /// Name of an owner.
    #[param(max_length = 64)]
    owner: Option<String>,
    /// Language tag (BCP 47).
    #[param(max_length = 16)]
    language: Option<String>,
    /// Items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before; none for the first page.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// What to look for.
struct Wanted {
    marks: Vec<Mark>,
    words: Vec<String>,
    live_only: bool,
    /// Something is asked for that nothing has.
    nothing: bool,
}

/// Where a list goes on, as a cursor; ids as texts, since they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum At {
    /// Among the live ones: behind this score, number of viewers, and id.
    Live(i64, u32, String),
    /// Among the others: behind this score and id.
    Rest(i64, String),
}

/// List streams
///
/// Public ones: live ones first, the most watched in front, then the others, the newest in front; with `q`
/// the best hits in front of each part. Descriptions are left out.
#[utoipa::path(
    get, path = "/api/v1/streams", tag = "streams", security((), ("bearer" = [])),
    params(ListQuery),
    responses((status = OK, body = Page<StreamSummary>), Refusals),
)]
pub(crate) async fn list(
    State(app): State<App>,
    RawQuery(question): RawQuery,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    let question = question.unwrap_or_default();
    let lists = &app.streams.lists;
    let state = (lists.edits(), app.services.live.list_events());
    let body = match lists.get(&question, state) {
        Some(body) => body,
        None => {
            let page = page(&app, query).await?;
            let body = Bytes::from(serde_json::to_vec(&page).expect("a page is plain data"));
            lists.put(question, state, body.clone());
            body
        }
    };
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

async fn page(app: &App, query: ListQuery) -> Result<Page<StreamSummary>, ApiError> {
    let paging = PageQuery::new(query.limit, query.cursor.clone());
    let limit = usize::try_from(paging.limit()?).unwrap_or(usize::MAX);
    let at: Option<At> = paging.after()?;
    let wanted = wanted(app, &query).await?;
    let mut page = Page {
        items: Vec::new(),
        next: None,
    };
    if wanted.nothing {
        return Ok(page);
    }
    let live = app.services.live.listed();
    let hits = live_hits(&live, &wanted);
    let mut last = at.clone();
    if !matches!(at, Some(At::Rest(..))) {
        let behind: Vec<_> = hits
            .iter()
            .filter(|hit| is_behind(hit, at.as_ref()))
            .collect();
        for (score, it) in behind.iter().take(limit) {
            page.items.push(it.summary.clone());
            last = Some(live_place(*score, it));
        }
        if behind.len() > limit {
            page.next = last.as_ref().map(cursor);
            return Ok(page);
        }
    }
    if wanted.live_only {
        return Ok(page);
    }

    let room = limit - page.items.len();
    let asked = room + 1 + hits.len().min(SPARE);
    let rows = rest(app, &wanted, at.as_ref(), asked).await?;
    let is_full = rows.len() >= asked;
    let end = rows.last().map(|(score, row)| rest_place(*score, row.id));
    let mut rows: Vec<_> = rows
        .into_iter()
        .filter(|(_, row)| !live.contains(row.id))
        .collect();
    let more = rows.len() > room;
    rows.truncate(room);
    let before = last;
    let last = match rows.last() {
        Some((score, row)) if more => Some(rest_place(*score, row.id)),
        // No room was left for the first of them.
        None if more => before,
        Some(_) | None => end.filter(|_| is_full),
    };
    page.next = last.as_ref().map(cursor);
    page.items.extend(rows.iter().map(|(_, row)| StreamSummary {
        description: String::new(),
        ..app.services.live.summary(row)
    }));
    Ok(page)
}

async fn wanted(app: &App, query: &ListQuery) -> Result<Wanted, ApiError> {
    let mut wanted = Wanted {
        marks: Vec::new(),
        words: Vec::new(),
        live_only: query.live,
        nothing: false,
    };
    let db = &app.services.db;
    if let Some(text) = &query.q {
        check_length("a search", text, SEARCH_MAX)?;
        wanted.words = weir_db::words(text);
        wanted.words.sort();
        wanted.words.dedup();
        wanted.words.truncate(WORDS_MAX);
        wanted.nothing |= wanted.words.is_empty();
    }
    if let Some(slug) = &query.category {
        check_length("category", slug, NAME_MAX)?;
        match db.category_by_slug(slug).await? {
            Some(category) => wanted.marks.push(Mark::Category(category.id)),
            None => wanted.nothing = true,
        }
    }
    if let Some(tag) = &query.tag {
        let tag = normal_tag(tag).map_err(|error| ApiError::BadRequest(error.to_string()))?;
        wanted.marks.push(Mark::Tag(tag));
    }
    if let Some(name) = &query.owner {
        check_length("owner", name, NAME_MAX)?;
        match db.user_by_name(name).await? {
            Some(user) => wanted.marks.push(Mark::Owner(user.id)),
            None => wanted.nothing = true,
        }
    }
    if let Some(tag) = &query.language {
        wanted.marks.push(Mark::Language(texts::language(tag)?));
    }
    Ok(wanted)
}

/// Refuses what is longer than anything it could name: the database is not asked for that.
fn check_length(what: &str, text: &str, longest: usize) -> Result<(), ApiError> {
    if text.chars().count() <= longest {
        return Ok(());
    }
    Err(ApiError::BadRequest(format!(
        "{what} has at most {longest} characters"
    )))
}

/// Live streams that fit, the best first.
fn live_hits<'a>(live: &'a LiveList, wanted: &Wanted) -> Vec<(i64, &'a Listed)> {
    let mut hits: Vec<(i64, &Listed)> = live
        .streams
        .iter()
        .filter(|it| wanted.marks.iter().all(|mark| mark.fits(&it.row)))
        .filter_map(|it| Some((score(it, &wanted.words)?, &**it)))
        .collect();
    // Stable: what scores alike stays in the order of viewers.
    hits.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    hits
}

/// As `Db::search_page` counts. `None` when a word is missing.
fn score(listed: &Listed, words: &[String]) -> Option<i64> {
    words.iter().try_fold(0, |sum, word| {
        let of_this = listed.words.iter().filter_map(|(known, weight)| {
            if known == word {
                Some(2 * weight)
            } else {
                (word.chars().nth(1).is_some() && known.starts_with(word.as_str()))
                    .then_some(*weight)
            }
        });
        Some(sum + of_this.max()?)
    })
}

/// Where a live stream stands.
fn live_place(score: i64, listed: &Listed) -> At {
    At::Live(
        score,
        listed.summary.viewers.total(),
        listed.row.id.to_string(),
    )
}

/// Where another stream stands.
fn rest_place(score: i64, id: StreamId) -> At {
    At::Rest(score, id.to_string())
}

fn is_behind((score, listed): &(i64, &Listed), at: Option<&At>) -> bool {
    match at {
        Some(At::Live(of, viewers, id)) => {
            let id: i64 = id.parse().unwrap_or(i64::MAX);
            let here = (*score, listed.summary.viewers.total(), listed.row.id.get());
            here < (*of, *viewers, id)
        }
        Some(At::Rest(..)) => false,
        None => true,
    }
}

async fn rest(
    app: &App,
    wanted: &Wanted,
    at: Option<&At>,
    asked: usize,
) -> Result<Vec<(i64, weir_db::Stream)>, ApiError> {
    let db = &app.services.db;
    let asked = u32::try_from(asked).unwrap_or(u32::MAX);
    let after = match at {
        Some(At::Rest(score, id)) => {
            let id = id
                .parse::<StreamId>()
                .map_err(|_| ApiError::BadRequest("the cursor is not one of this list".into()))?;
            Some((*score, id))
        }
        Some(At::Live(..)) | None => None,
    };
    if wanted.words.is_empty() {
        let rows = db
            .list_page(&wanted.marks, after.map(|(_, id)| id), asked)
            .await?;
        return Ok(rows.into_iter().map(|row| (0, row)).collect());
    }
    let found = db
        .search_page(&wanted.words, &wanted.marks, after, asked)
        .await?;
    Ok(found.into_iter().map(|it| (it.score, it.stream)).collect())
}

/// A stream
///
/// Its entity tag is for editing it; live state is not part of that.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}", tag = "streams", security((), ("bearer" = [])),
    params(("slug" = StreamSlug, Path), ViewerTokenQuery),
    responses((status = OK, body = StreamSummary, headers(("ETag" = String))), Refusals),
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path(slug): Path<String>,
    viewer: Viewer,
) -> Result<impl IntoResponse, ApiError> {
    let stream = app.watchable(&slug, &viewer).await?;
    // What this server knows of it may be older than the row, if another node changed it.
    app.services.live.update(&stream);
    let summary = app.services.live.summary(&stream);
    Ok(([(header::ETAG, version_tag(stream.version))], Json(summary)))
}
