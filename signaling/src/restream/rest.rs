//! Restreams in the API.

use std::time::Instant;

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use weir_db::{DbError, RestreamFields, RestreamId, Stream, User};
use weir_protocol::{
    CreateRestream, EditRestream, Page, Restream, RestreamState, RestreamTest, StreamSlug,
};

use super::{address, context};
use crate::{
    ApiError, App, Refusals,
    api::{Actor, IfMatch, Json, PageQuery, Path, Query, page, scope, version_tag},
    guard, streams,
};

/// Restreams of a stream.
const AT_MOST: u32 = 10;

/// Longest name in characters.
const NAME_MAX: usize = 80;

/// Longest key in bytes.
const KEY_MAX: usize = 512;

/// List a stream's restreams
///
/// The servers elsewhere that it is sent to while it is live, and how that goes.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/restreams", tag = "restreams",
    params(("slug" = StreamSlug, Path), PageQuery),
    responses((status = OK, body = Page<Restream>), Refusals),
)]
pub(crate) async fn list(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsRead>,
    Path(slug): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Restream>>, ApiError> {
    let stream = app.changeable(&slug, &user).await?;
    let limit = query.limit()?;
    let after: Option<String> = query.after()?;
    let after = after.map(|id| id.parse()).transpose();
    let after = after.map_err(|_| bad("the cursor is not one of this list"))?;
    let rows = app
        .services
        .db
        .list_restreams(stream.id, after, limit + 1)
        .await?;
    let mut statuses = app.services.restream.statuses(&stream.slug);
    let to_json = |row: weir_db::Restream| {
        let status = statuses.remove(&row.id.get()).unwrap_or_default();
        json(row, status)
    };
    Ok(Json(page(rows, limit, |row| row.id.to_string(), to_json)))
}

/// Send a stream to another server
///
/// From now on, whenever the stream is live, it is published to that server by RTMP or RTMPS: H.264 and
/// AAC, the best rendition within the limits. When the connection fails it is tried again, at longer and
/// longer intervals. The key is kept encrypted and never shown.
#[utoipa::path(
    post, path = "/api/v1/streams/{slug}/restreams", tag = "restreams",
    params(("slug" = StreamSlug, Path)),
    request_body = CreateRestream,
    responses((status = CREATED, body = Restream, headers(("Location" = String), ("ETag" = String))), Refusals),
)]
pub(crate) async fn create(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path(slug): Path<String>,
    Json(new): Json<CreateRestream>,
) -> Result<Response, ApiError> {
    let stream = app.changeable(&slug, &user).await?;
    let name = streams::line("name", &new.name, NAME_MAX)?;
    check_key(&new.key)?;
    let url = app.check_address(&new.url).await?.url;
    check_limits(new.max_height, new.max_bitrate)?;
    let id = RestreamId::draw();
    let fields = RestreamFields {
        name,
        url,
        sealed_key: app.sealer.seal(&context(id), new.key.as_bytes()),
        enabled: new.enabled,
        max_height: new.max_height,
        max_bitrate: new.max_bitrate,
    };
    let made = app
        .services
        .db
        .create_restream(id, stream.id, fields, AT_MOST)
        .await;
    let row = made.map_err(|error| match error {
        DbError::Invalid {
            what: "number of restreams",
            ..
        } => ApiError::Conflict(error.to_string()),
        other => other.into(),
    })?;
    tracing::info!(slug = %stream.slug, restream = %row.id, name = %user.name, "restream made");
    app.restreams.ring();
    let location = format!("/api/v1/streams/{}/restreams/{}", stream.slug, row.id);
    let location = HeaderValue::try_from(location).expect("a slug and digits");
    let fields = [
        (header::LOCATION, location),
        (header::ETAG, version_tag(row.version)),
    ];
    let body = Json(app.restream_json(&stream, row));
    Ok((StatusCode::CREATED, fields, body).into_response())
}

/// A restream
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/restreams/{id}", tag = "restreams",
    params(("slug" = StreamSlug, Path), ("id" = String, Path, max_length = 20)),
    responses((status = OK, body = Restream, headers(("ETag" = String))), Refusals),
)]
pub(crate) async fn show(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsRead>,
    Path((slug, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let (stream, row) = app.restream(&slug, &id, &user).await?;
    let tag = version_tag(row.version);
    let body = Json(app.restream_json(&stream, row));
    Ok(([(header::ETAG, tag)], body).into_response())
}

/// Change a restream
///
/// Takes effect at once, also while the stream is live. Where the address becomes another host's, the
/// key must be given again: it is sent to nobody but whom it was given for.
#[utoipa::path(
    patch, path = "/api/v1/streams/{slug}/restreams/{id}", tag = "restreams",
    params(
        ("slug" = StreamSlug, Path), ("id" = String, Path, max_length = 20),
        ("If-Match" = Option<String>, Header, description = "Entity tag of what is edited"),
    ),
    request_body = EditRestream,
    responses((status = OK, body = Restream, headers(("ETag" = String))), Refusals),
)]
pub(crate) async fn edit(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path((slug, id)): Path<(String, String)>,
    condition: IfMatch,
    Json(edit): Json<EditRestream>,
) -> Result<Response, ApiError> {
    let (stream, row) = app.restream(&slug, &id, &user).await?;
    condition.check(row.version)?;
    let name = match &edit.name {
        Some(name) => streams::line("name", name, NAME_MAX)?,
        None => row.name,
    };
    let url = match &edit.url {
        Some(url) => {
            let new = app.check_address(url).await?;
            // Whoever may change a stream's fields could otherwise have its keys sent to themselves.
            let same_host = address::parse(&row.url, true)
                .is_ok_and(|old| old.host == new.host && old.port == new.port);
            if !same_host && edit.key.is_none() {
                return Err(bad(
                    "another host needs the key again: set url and key together",
                ));
            }
            new.url
        }
        None => row.url,
    };
    let sealed_key = match &edit.key {
        Some(key) => {
            check_key(key)?;
            app.sealer.seal(&context(row.id), key.as_bytes())
        }
        None => row.sealed_key,
    };
    let max_height = edit.max_height.unwrap_or(row.max_height);
    let max_bitrate = edit.max_bitrate.unwrap_or(row.max_bitrate);
    check_limits(max_height, max_bitrate)?;
    let fields = RestreamFields {
        name,
        url,
        sealed_key,
        enabled: edit.enabled.unwrap_or(row.enabled),
        max_height,
        max_bitrate,
    };
    let edited = app
        .services
        .db
        .edit_restream(row.id, row.version, fields)
        .await?
        .ok_or(ApiError::Changed)?;
    tracing::info!(slug = %stream.slug, restream = %edited.id, name = %user.name, "restream changed");
    app.restreams.ring();
    let tag = version_tag(edited.version);
    let body = Json(app.restream_json(&stream, edited));
    Ok(([(header::ETAG, tag)], body).into_response())
}

/// Delete a restream
///
/// While the stream is live, the other server is told that it ends.
#[utoipa::path(
    delete, path = "/api/v1/streams/{slug}/restreams/{id}", tag = "restreams",
    params(
        ("slug" = StreamSlug, Path), ("id" = String, Path, max_length = 20),
        ("If-Match" = Option<String>, Header, description = "Entity tag of what is deleted"),
    ),
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn delete(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path((slug, id)): Path<(String, String)>,
    condition: IfMatch,
) -> Result<StatusCode, ApiError> {
    let (stream, row) = app.restream(&slug, &id, &user).await?;
    condition.check(row.version)?;
    app.services.db.delete_restream(stream.id, row.id).await?;
    tracing::info!(slug = %stream.slug, restream = %row.id, name = %user.name, "restream deleted");
    app.restreams.ring();
    Ok(StatusCode::NO_CONTENT)
}

/// Test a restream
///
/// Connects, asks to publish, and goes away again without sending media.
#[utoipa::path(
    post, path = "/api/v1/streams/{slug}/restreams/{id}/tests", tag = "restreams",
    params(("slug" = StreamSlug, Path), ("id" = String, Path, max_length = 20)),
    responses((status = OK, body = RestreamTest), Refusals),
)]
pub(crate) async fn test(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path((slug, id)): Path<(String, String)>,
) -> Result<Json<RestreamTest>, ApiError> {
    let (stream, row) = app.restream(&slug, &id, &user).await?;
    let statuses = app.services.restream.statuses(&stream.slug);
    let busy = [RestreamState::Live, RestreamState::Connecting];
    if statuses
        .get(&row.id.get())
        .is_some_and(|status| busy.contains(&status.state))
    {
        return Err(ApiError::Conflict(
            "the stream is being sent there now: its status says how that goes".to_owned(),
        ));
    }
    let target = app.target(&row).ok_or_else(|| {
        ApiError::Conflict(
            "the restream cannot be used as it is: set its url and key again".to_owned(),
        )
    })?;
    let began = Instant::now();
    let result = app.services.restream.test(target).await;
    Ok(Json(RestreamTest {
        ok: result.is_ok(),
        reason: result.err(),
        took_ms: u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX),
    }))
}

impl App {
    /// A stream's restream, for whoever may change the stream.
    async fn restream(
        &self,
        slug: &str,
        id: &str,
        user: &User,
    ) -> Result<(Stream, weir_db::Restream), ApiError> {
        let stream = self.changeable(slug, user).await?;
        let unknown = ApiError::NotFound("restream");
        let id: RestreamId = id.parse().map_err(|_| unknown.clone())?;
        let row = self.services.db.restream(stream.id, id).await?;
        Ok((stream, row.ok_or(unknown)?))
    }

    /// Reads an address and looks its host up.
    async fn check_address(&self, url: &str) -> Result<address::Address, ApiError> {
        let private = self.services.config.restream.allow_private;
        let address = address::parse(url, private).map_err(bad)?;
        match guard::resolve(&address.host, address.port, private).await {
            Ok(_) => Ok(address),
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                Err(bad(error.to_string()))
            }
            Err(_) => Err(bad(format!(
                "the host {} of the url has no address",
                address.host
            ))),
        }
    }

    fn restream_json(&self, stream: &Stream, row: weir_db::Restream) -> Restream {
        let mut statuses = self.services.restream.statuses(&stream.slug);
        let status = statuses.remove(&row.id.get()).unwrap_or_default();
        json(row, status)
    }
}

fn json(row: weir_db::Restream, status: weir_protocol::RestreamStatus) -> Restream {
    Restream {
        id: row.id.to_string(),
        name: row.name,
        url: row.url,
        enabled: row.enabled,
        max_height: row.max_height,
        max_bitrate: row.max_bitrate,
        status,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn check_key(key: &str) -> Result<(), ApiError> {
    if key.is_empty() || key.len() > KEY_MAX || key.chars().any(|c| c.is_control() || c == ' ') {
        return Err(bad(format!(
            "a key has 1 to {KEY_MAX} bytes, without blanks and control characters"
        )));
    }
    Ok(())
}

fn check_limits(height: Option<u32>, bitrate: Option<u32>) -> Result<(), ApiError> {
    if height.is_some_and(|height| !(16..=16_384).contains(&height)) {
        return Err(bad("max_height is 16 to 16384"));
    }
    if bitrate.is_some_and(|bitrate| !(16_000..=1_000_000_000).contains(&bitrate)) {
        return Err(bad("max_bitrate is 16000 to 1000000000 bits a second"));
    }
    Ok(())
}

fn bad(why: impl Into<String>) -> ApiError {
    ApiError::BadRequest(why.into())
}
