//! Viewer tokens: the right to watch one stream for a while, given out by those who keep order in it.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use weir_db::{NewViewerToken, Stream, ViewerToken, ViewerTokenId};
use weir_protocol::{CreateViewerToken, Page, StreamSlug, ViewerAccess, ViewerTokenInfo};

use super::texts;
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, PageQuery, Path, Query, page, scope},
    live,
};

/// Longest name of a guest in characters.
pub(super) const NICKNAME_MAX: usize = 40;

/// List a stream's viewer tokens
///
/// Those that are still good, the newest first.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/viewer-tokens", tag = "streams",
    params(("slug" = StreamSlug, Path), PageQuery),
    responses((status = OK, body = Page<ViewerTokenInfo>), Refusals),
)]
pub(crate) async fn list(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsRead>,
    Path(slug): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ViewerTokenInfo>>, ApiError> {
    let stream = app.moderated(&slug, &user).await?;
    let limit = query.limit()?;
    let rows = app
        .services
        .db
        .list_viewer_tokens(stream.id, after(&query)?, limit + 1)
        .await?;
    let info = |row: ViewerToken| {
        let sessions = app.services.live.viewers().under(row.id).len();
        ViewerTokenInfo {
            id: row.id.to_string(),
            nickname: row.nickname,
            invitation: row.invitation.map(|id| id.to_string()),
            max_sessions: row.max_sessions,
            sessions: u32::try_from(sessions).unwrap_or(u32::MAX),
            created_at: row.created_at,
            expires_at: row.expires_at,
        }
    };
    Ok(Json(page(rows, limit, |row| row.id.to_string(), info)))
}

/// Give a viewer token
///
/// It lets whoever has it watch this stream: over WebRTC, HLS and in its room. It is shown this once.
#[utoipa::path(
    post, path = "/api/v1/streams/{slug}/viewer-tokens", tag = "streams",
    params(("slug" = StreamSlug, Path)),
    request_body = CreateViewerToken,
    responses((status = CREATED, body = ViewerAccess, headers(("Location" = String))), Refusals),
)]
pub(crate) async fn create(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path(slug): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    Json(new): Json<CreateViewerToken>,
) -> Result<Response, ApiError> {
    let stream = app.moderated(&slug, &user).await?;
    let lifetime = within("lifetime_seconds", new.lifetime_seconds, 10, 86_400)?;
    let max_sessions = within("max_sessions", new.max_sessions, 1, 1_000)?;
    let mut nickname = new.nickname.as_deref().map(nickname).transpose()?;
    let holder = match &new.user {
        Some(name) => {
            let found = app.services.db.user_by_name(name).await?;
            Some(found.ok_or(ApiError::NotFound("user"))?)
        }
        None => None,
    };
    if let Some(holder) = &holder {
        nickname.get_or_insert_with(|| {
            let name = holder.display_name.as_ref().unwrap_or(&holder.name);
            name.chars().take(NICKNAME_MAX).collect()
        });
    }
    let row = app
        .services
        .db
        .create_viewer_token(NewViewerToken {
            stream: stream.id,
            invitation: None,
            user: holder.map(|it| it.id),
            nickname,
            max_sessions,
            created_by: Some(user.id),
            expires_at: live::now() + i64::from(lifetime) * 1000,
        })
        .await?;
    tracing::info!(slug = %stream.slug, name = %user.name, "viewer token given");
    let access = app.viewer_access(&stream, row, &uri, &headers).await?;
    let location = format!(
        "/api/v1/streams/{}/viewer-tokens/{}",
        stream.slug, access.id
    );
    let location = HeaderValue::try_from(location).expect("a slug and digits");
    let mut response = (StatusCode::CREATED, Json(access)).into_response();
    let fields = response.headers_mut();
    fields.insert(header::LOCATION, location);
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Take a viewer token back
///
/// Whatever goes on under it ends at once.
#[utoipa::path(
    delete, path = "/api/v1/streams/{slug}/viewer-tokens/{id}", tag = "streams",
    params(("slug" = StreamSlug, Path), ("id" = String, Path, description = "Of the token")),
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn revoke(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path((slug, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let stream = app.moderated(&slug, &user).await?;
    let unknown = ApiError::NotFound("viewer token");
    let id: ViewerTokenId = id.parse().map_err(|_| unknown)?;
    app.services.db.revoke_viewer_token(stream.id, id).await?;
    app.end_passes(&[id]).await;
    tracing::info!(slug = %stream.slug, name = %user.name, "viewer token taken back");
    Ok(StatusCode::NO_CONTENT)
}

impl App {
    /// A row's token and the addresses that it opens.
    pub(super) async fn viewer_access(
        &self,
        stream: &Stream,
        row: ViewerToken,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<ViewerAccess, ApiError> {
        let base = self.base(uri, headers)?;
        let base = base.as_str().trim_end_matches('/');
        let token = self.sign_pass(&row).await?;
        let slug = &stream.slug;
        Ok(ViewerAccess {
            id: row.id.to_string(),
            whep_url: format!("{base}/whep/{slug}"),
            hls_url: format!("{base}/hls/t/{token}/{slug}/master.m3u8"),
            watch_url: format!("{base}/@{slug}#viewer_token={token}"),
            token,
            slug: slug.clone(),
            expires_at: row.expires_at,
            nickname: row.nickname,
        })
    }
}

/// What a guest is called.
pub(super) fn nickname(text: &str) -> Result<String, ApiError> {
    texts::line("nickname", text, NICKNAME_MAX)
}

/// A number within its bounds.
pub(super) fn within(what: &str, value: u32, least: u32, most: u32) -> Result<u32, ApiError> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(ApiError::BadRequest(format!(
        "{what} is a number from {least} to {most}"
    )))
}

/// The id that a cursor carries.
pub(super) fn after<I: std::str::FromStr>(query: &PageQuery) -> Result<Option<I>, ApiError> {
    let after: Option<String> = query.after()?;
    let id = after.map(|id| id.parse());
    id.transpose()
        .map_err(|_| ApiError::BadRequest("the cursor is not one of this list".to_owned()))
}
