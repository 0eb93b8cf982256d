//! The endpoints themselves: make, list, change, delete, new secret.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;
use weir_db::{DbError, NewWebhook, User, WebhookEdit, WebhookId};
use weir_protocol::{
    CreateWebhook, CreatedWebhook, EditWebhook, Page, Webhook, WebhookEventType, WebhookSecret,
};

use super::sign::fresh_salt;
use crate::{
    ApiError, App, Refusals,
    api::{Actor, IfMatch, Json, PageQuery, Path, Query, page, scope, version_tag},
    live, rights,
    site::audit::{self, Object},
};

/// Endpoints of a user, and of the site.
const AT_MOST: u32 = 20;

/// Longest description in characters.
const DESCRIPTION_MAX: usize = 200;

/// Types in a filter at most.
const TYPES_MAX: usize = 64;

/// How long the secret before goes on signing after a rotation.
const OLD_SECRET_MS: i64 = 24 * 60 * 60 * 1000;

/// Parameters of the list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// The site's endpoints instead of your own. Only for admins.
    #[serde(default)]
    site: bool,
    /// Items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before; none for the first page.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// List your webhooks
#[utoipa::path(
    get, path = "/api/v1/webhooks", tag = "webhooks",
    params(ListQuery),
    responses((status = OK, body = Page<Webhook>), Refusals),
)]
pub(crate) async fn list(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Webhooks>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Webhook>>, ApiError> {
    if query.site {
        rights::may_administer(&user)?;
    }
    let owner = (!query.site).then_some(user.id);
    let pages = PageQuery::new(query.limit, query.cursor);
    let (limit, after) = (pages.limit()?, pages.after::<String>()?);
    let after = after.map(|id| id.parse()).transpose();
    let after: Option<WebhookId> = after.map_err(|_| bad("the cursor is not one of this list"))?;
    let rows = app
        .services
        .db
        .list_webhooks(owner, after, limit + 1)
        .await?;
    Ok(Json(page(rows, limit, |row| row.id.to_string(), to_json)))
}

/// Make a webhook
///
/// What happens is posted to its address as a `WebhookEvent`, signed by the rules of Standard Webhooks:
/// header fields `webhook-id`, `webhook-timestamp` and `webhook-signature`. Deliveries come at least
/// once, those of a stream in order. An answer with a status of 200 to 299 within 10 s says that it
/// arrived; otherwise it is tried again, 10 times in about a day. 410 switches the webhook off.
///
/// Its secret is shown this once.
#[utoipa::path(
    post, path = "/api/v1/webhooks", tag = "webhooks",
    request_body = CreateWebhook,
    responses((status = CREATED, body = CreatedWebhook), Refusals),
)]
pub(crate) async fn create(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Webhooks>,
    Json(wanted): Json<CreateWebhook>,
) -> Result<Response, ApiError> {
    match wanted.site {
        true => rights::may_administer(&user)?,
        false => rights::may_stream(&user)?,
    }
    check_description(&wanted.description)?;
    let types = types(&wanted.types)?;
    app.webhooks
        .shared
        .sender
        .check(&wanted.url)
        .await
        .map_err(bad)?;
    let stream = match &wanted.stream {
        None => None,
        Some(slug) => {
            let unknown = ApiError::NotFound("stream of yours");
            let stream = app.services.db.stream_by_slug(slug).await?;
            let stream = stream.ok_or_else(|| unknown.clone())?;
            // Whether somebody else's private stream exists is nobody's business.
            let may = wanted.site || stream.owner == Some(user.id);
            Some(may.then_some(stream.id).ok_or(unknown)?)
        }
    };
    let new = NewWebhook {
        owner: (!wanted.site).then_some(user.id),
        stream,
        url: wanted.url,
        description: wanted.description,
        types,
        salt: fresh_salt(),
        at_most: AT_MOST,
    };
    let row = app
        .services
        .db
        .create_webhook(new)
        .await
        .map_err(|error| match error {
            DbError::Invalid {
                what: "number of webhooks",
                ..
            } => ApiError::Conflict(error.to_string()),
            other => other.into(),
        })?;
    tracing::info!(webhook = %row.id, name = %user.name, "webhook made");
    if row.owner.is_none() {
        audit::log(&app, &user, "add_webhook", Object::id(row.id)).await?;
    }
    let secret = app.webhooks.shared.secret(row.id, &row.salt).reveal();
    let location =
        HeaderValue::try_from(format!("/api/v1/webhooks/{}", row.id)).expect("an id is digits");
    let tag = version_tag(row.version);
    let created = CreatedWebhook {
        webhook: to_json(row),
        secret,
    };
    let fields = [
        (header::LOCATION, location),
        (header::ETAG, tag),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((StatusCode::CREATED, fields, Json(created)).into_response())
}

/// A webhook
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, max_length = 20)),
    responses((status = OK, body = Webhook, headers(("etag" = String))), Refusals),
)]
pub(crate) async fn show(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Webhooks>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let row = app.webhook(&user, &id).await?;
    Ok(tagged(row))
}

/// Change a webhook
#[utoipa::path(
    patch, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, max_length = 20), ("if-match" = Option<String>, Header)),
    request_body = EditWebhook,
    responses((status = OK, body = Webhook, headers(("etag" = String))), Refusals),
)]
pub(crate) async fn edit(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Webhooks>,
    Path(id): Path<String>,
    if_match: IfMatch,
    Json(wanted): Json<EditWebhook>,
) -> Result<Response, ApiError> {
    let row = app.webhook(&user, &id).await?;
    if_match.check(row.version)?;
    check_description(wanted.description.as_deref().unwrap_or_default())?;
    if let Some(url) = &wanted.url {
        app.webhooks.shared.sender.check(url).await.map_err(bad)?;
    }
    let edit = WebhookEdit {
        url: wanted.url,
        description: wanted.description,
        types: wanted.types.as_deref().map(types).transpose()?,
        enabled: wanted.enabled,
    };
    let edited = app
        .services
        .db
        .edit_webhook(row.id, row.version, edit)
        .await;
    let edited = edited.map_err(|error| match error {
        // It was there a moment ago.
        DbError::NotFound { .. } => ApiError::Changed,
        other => other.into(),
    })?;
    app.webhooks.ring();
    Ok(tagged(edited))
}

/// Delete a webhook
///
/// With its log; what waits is not delivered any more.
#[utoipa::path(
    delete, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, max_length = 20), ("if-match" = Option<String>, Header)),
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn delete(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Webhooks>,
    Path(id): Path<String>,
    if_match: IfMatch,
) -> Result<StatusCode, ApiError> {
    let row = app.webhook(&user, &id).await?;
    if_match.check(row.version)?;
    app.services.db.delete_webhook(row.id).await?;
    tracing::info!(webhook = %row.id, name = %user.name, "webhook deleted");
    if row.owner.is_none() {
        audit::log(&app, &user, "remove_webhook", Object::id(row.id)).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Give a webhook a new secret
///
/// It is shown this once. For 24 hours deliveries are signed with the secret before as well, so that the
/// endpoint can change over without losing any.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/secret", tag = "webhooks",
    params(("id" = String, Path, max_length = 20)),
    responses((status = OK, body = WebhookSecret), Refusals),
)]
pub(crate) async fn rotate(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Webhooks>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let row = app.webhook(&user, &id).await?;
    let salt = fresh_salt();
    let old_secret_until = live::now() + OLD_SECRET_MS;
    app.services
        .db
        .rotate_webhook(row.id, &salt, old_secret_until)
        .await?;
    tracing::info!(webhook = %row.id, name = %user.name, "webhook secret rotated");
    let secret = WebhookSecret {
        secret: app.webhooks.shared.secret(row.id, &salt).reveal(),
        old_secret_until,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(secret)).into_response())
}

impl App {
    /// A webhook that the user may see and change: their own, and for admins the site's.
    pub(super) async fn webhook(
        &self,
        user: &User,
        id: &str,
    ) -> Result<weir_db::Webhook, ApiError> {
        let unknown = ApiError::NotFound("webhook");
        let id = id.parse().map_err(|_| unknown.clone())?;
        let row = self
            .services
            .db
            .webhook(id)
            .await?
            .ok_or_else(|| unknown.clone())?;
        let may = match row.owner {
            Some(owner) => owner == user.id,
            None => rights::may_administer(user).is_ok(),
        };
        may.then_some(row).ok_or(unknown)
    }
}

fn tagged(row: weir_db::Webhook) -> Response {
    let tag = version_tag(row.version);
    ([(header::ETAG, tag)], Json(to_json(row))).into_response()
}

fn to_json(row: weir_db::Webhook) -> Webhook {
    let known = |word: &String| {
        let all = WebhookEventType::ALL.iter();
        all.copied().find(|kind| kind.as_str() == word)
    };
    Webhook {
        id: row.id.to_string(),
        url: row.url,
        types: row.types.iter().filter_map(known).collect(),
        stream: row.stream_slug,
        description: row.description,
        site: row.owner.is_none(),
        enabled: row.enabled,
        disabled_why: row.disabled_why,
        failing_since: row.failing_since,
        old_secret_until: row
            .old_salt
            .map(|(_, until)| until)
            .filter(|until| *until > live::now()),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn types(wanted: &[WebhookEventType]) -> Result<Vec<String>, ApiError> {
    if wanted.len() > TYPES_MAX {
        return Err(bad(format!("types has at most {TYPES_MAX} items")));
    }
    let mut wanted = wanted.to_vec();
    wanted.sort();
    wanted.dedup();
    Ok(wanted.iter().map(|kind| kind.as_str().to_owned()).collect())
}

fn check_description(text: &str) -> Result<(), ApiError> {
    if text.chars().count() > DESCRIPTION_MAX || text.chars().any(char::is_control) {
        return Err(bad(format!(
            "a description has at most {DESCRIPTION_MAX} characters, in one line"
        )));
    }
    Ok(())
}

fn bad(why: impl Into<String>) -> ApiError {
    ApiError::BadRequest(why.into())
}
