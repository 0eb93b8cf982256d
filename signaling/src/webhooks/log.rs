//! What came of deliveries: look at them, send them again, send a test.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;
use weir_db::{Outcome, Replay, WebhookEventId};
use weir_protocol::{
    Page, ReplayWebhook, WebhookAttempt, WebhookData, WebhookDelivery, WebhookDeliveryDetail,
    WebhookDeliveryState, WebhookEventType, WebhookReplay,
};

use super::events;
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, PageQuery, Path, Query, page, scope},
};

/// Parameters of the log.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogQuery {
    /// Only deliveries that stand so.
    #[param(inline)]
    state: Option<WebhookDeliveryState>,
    /// Items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before; none for the first page.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// The log of a webhook
///
/// Newest first. Events are kept for 30 days, or as the server's operator says.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = String, Path, max_length = 20), LogQuery),
    responses((status = OK, body = Page<WebhookDelivery>), Refusals),
)]
pub(crate) async fn deliveries(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Webhooks>,
    Path(id): Path<String>,
    Query(query): Query<LogQuery>,
) -> Result<Json<Page<WebhookDelivery>>, ApiError> {
    let row = app.webhook(&user, &id).await?;
    let pages = PageQuery::new(query.limit, query.cursor);
    let (limit, before) = (pages.limit()?, pages.after::<String>()?);
    let before = before.map(|id| id.parse()).transpose();
    let before: Option<WebhookEventId> = before
        .map_err(|_| ApiError::BadRequest("the cursor is not one of this list".to_owned()))?;
    let state = query.state.map(from_json);
    let rows = app
        .services
        .db
        .list_deliveries(row.id, state, before, limit + 1)
        .await?;
    Ok(Json(page(
        rows,
        limit,
        |row| row.event.to_string(),
        to_json,
    )))
}

/// A delivery with its tries
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}/deliveries/{event}", tag = "webhooks",
    params(("id" = String, Path, max_length = 20), ("event" = String, Path, max_length = 20)),
    responses((status = OK, body = WebhookDeliveryDetail), Refusals),
)]
pub(crate) async fn delivery(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Webhooks>,
    Path((id, event)): Path<(String, String)>,
) -> Result<Json<WebhookDeliveryDetail>, ApiError> {
    let row = app.webhook(&user, &id).await?;
    detail(&app, row.id, event_id(&event)?).await
}

/// Send one event again
///
/// However it stands. It goes in front of later events of its stream that still wait.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/deliveries/{event}/replays", tag = "webhooks",
    params(("id" = String, Path, max_length = 20), ("event" = String, Path, max_length = 20)),
    responses((status = ACCEPTED, body = WebhookReplay), Refusals),
)]
pub(crate) async fn replay_one(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Webhooks>,
    Path((id, event)): Path<(String, String)>,
) -> Result<(StatusCode, Json<WebhookReplay>), ApiError> {
    let row = app.webhook(&user, &id).await?;
    let what = Replay::One(event_id(&event)?);
    let deliveries = app.services.db.replay(row.id, what).await?;
    app.webhooks.ring();
    Ok((StatusCode::ACCEPTED, Json(WebhookReplay { deliveries })))
}

/// Send again what was missed
///
/// What failed, or was skipped while the webhook was switched off, since a time; with `all` what arrived
/// too. In the order in which it happened.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/replays", tag = "webhooks",
    params(("id" = String, Path, max_length = 20)),
    request_body = ReplayWebhook,
    responses((status = ACCEPTED, body = WebhookReplay), Refusals),
)]
pub(crate) async fn replay(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Webhooks>,
    Path(id): Path<String>,
    Json(wanted): Json<ReplayWebhook>,
) -> Result<(StatusCode, Json<WebhookReplay>), ApiError> {
    let row = app.webhook(&user, &id).await?;
    if wanted.since < 0 {
        return Err(ApiError::BadRequest(
            "since is a time in milliseconds since 1970, not less than 0".to_owned(),
        ));
    }
    let what = match wanted.all {
        true => Replay::AllSince(wanted.since),
        false => Replay::MissedSince(wanted.since),
    };
    let deliveries = app.services.db.replay(row.id, what).await?;
    app.webhooks.ring();
    Ok((StatusCode::ACCEPTED, Json(WebhookReplay { deliveries })))
}

/// Send a test
///
/// One `webhook.test` event, at once, tried once, also to a webhook that is switched off. The answer says
/// what came of it.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/tests", tag = "webhooks",
    params(("id" = String, Path, max_length = 20)),
    responses((status = OK, body = WebhookDeliveryDetail), Refusals),
)]
pub(crate) async fn ping(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Webhooks>,
    Path(id): Path<String>,
) -> Result<Json<WebhookDeliveryDetail>, ApiError> {
    let row = app.webhook(&user, &id).await?;
    let (db, shared) = (&app.services.db, &app.webhooks.shared);
    let body = events::body(WebhookData::Test {
        webhook_id: row.id.to_string(),
    });
    let kind = WebhookEventType::Test.as_str();
    let event = db.add_test_event(row.id, kind, &body).await?;
    let secrets = shared.secrets(row.id, &row.salt, row.old_salt.as_ref());
    let answer = shared
        .sender
        .post(&row.url, &event.to_string(), body, &secrets)
        .await;
    let outcome = match answer.delivered() {
        true => Outcome::Delivered,
        false => Outcome::Failed,
    };
    // Its lane is its own: no other event waits for it.
    db.finish_attempt(row.id, event, event.get(), &answer.attempt, outcome)
        .await?;
    detail(&app, row.id, event).await
}

async fn detail(
    app: &App,
    webhook: weir_db::WebhookId,
    event: WebhookEventId,
) -> Result<Json<WebhookDeliveryDetail>, ApiError> {
    let found = app.services.db.delivery(webhook, event).await?;
    let found = found.ok_or(ApiError::NotFound("delivery"))?;
    let attempt = |attempt: weir_db::Attempt| WebhookAttempt {
        at: attempt.at,
        duration_ms: attempt.duration_ms,
        status: attempt.status,
        error: attempt.error,
        response: attempt.response,
    };
    Ok(Json(WebhookDeliveryDetail {
        delivery: to_json(found.delivery),
        body: found.payload,
        tries: found.attempts.into_iter().map(attempt).collect(),
    }))
}

fn event_id(text: &str) -> Result<WebhookEventId, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound("delivery"))
}

fn to_json(row: weir_db::Delivery) -> WebhookDelivery {
    use weir_db::DeliveryState as State;
    WebhookDelivery {
        id: row.event.to_string(),
        kind: row.kind,
        created_at: row.created_at,
        state: match row.state {
            State::Waiting => WebhookDeliveryState::Waiting,
            State::Delivered => WebhookDeliveryState::Delivered,
            State::Failed => WebhookDeliveryState::Failed,
            State::Skipped => WebhookDeliveryState::Skipped,
        },
        attempts: row.attempts,
        next_at: row.next_at,
        attempted_at: row.attempted_at,
        status: row.status,
        error: row.error,
        duration_ms: row.duration_ms,
    }
}

fn from_json(state: WebhookDeliveryState) -> weir_db::DeliveryState {
    use weir_db::DeliveryState as State;
    match state {
        WebhookDeliveryState::Waiting => State::Waiting,
        WebhookDeliveryState::Delivered => State::Delivered,
        WebhookDeliveryState::Failed => State::Failed,
        WebhookDeliveryState::Skipped => State::Skipped,
    }
}
