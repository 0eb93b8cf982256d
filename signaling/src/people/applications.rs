//! Who asks to stream, and who decides.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use weir_db::{ApplicationState, CreatorApplication, DbError};
use weir_protocol::{
    ApplyAsCreator, CreatorApplicationItem, DecideApplication, NotificationKind, Page,
};

use super::{check, notify};
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, PageQuery, Path, Query, page, scope},
    rights,
    site::audit::{self, Object},
};

/// Longest application in characters.
const TEXT_MAX: usize = 2000;
/// Longest reason in characters.
const REASON_MAX: usize = 1000;

/// Ask to stream
///
/// An admin decides, or the answer is yes at once where the site wants it so (`accounts.creator_approval`).
/// After a rejection one may ask again.
#[utoipa::path(
    post, path = "/api/v1/me/creator-application", tag = "account",
    request_body = ApplyAsCreator,
    responses((status = CREATED, body = CreatorApplicationItem), Refusals),
)]
pub(super) async fn apply(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Profile>,
    Json(ApplyAsCreator { text }): Json<ApplyAsCreator>,
) -> Result<(StatusCode, Json<CreatorApplicationItem>), ApiError> {
    let text = check::text("an application", &text, TEXT_MAX)?;
    if text.is_empty() {
        return Err(ApiError::BadRequest(
            "say in `text` what you want to stream".into(),
        ));
    }
    if rights::may_stream(&user).is_ok() {
        return Err(ApiError::Conflict("you may stream already".into()));
    }
    let granted = !app.services.config.accounts.creator_approval;
    let db = &app.services.db;
    match db.apply_as_creator(user.id, &text, granted).await {
        Err(DbError::Conflict { .. }) => {
            return Err(ApiError::Conflict(
                "your application waits for an admin already".into(),
            ));
        }
        other => other?,
    }
    tracing::info!(name = %user.name, granted, "somebody asks to stream");
    let application = db.creator_application(user.id).await?;
    let application = application.ok_or(ApiError::NotFound("application"))?;
    Ok((StatusCode::CREATED, Json(item(application))))
}

/// Your application as a creator, null where you never asked
#[utoipa::path(
    get, path = "/api/v1/me/creator-application", tag = "account",
    responses((status = OK, body = Option<CreatorApplicationItem>), Refusals),
)]
pub(super) async fn mine(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Profile>,
) -> Result<Json<Option<CreatorApplicationItem>>, ApiError> {
    let application = app.services.db.creator_application(user.id).await?;
    Ok(Json(application.map(item)))
}

/// Which applications.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ApplicationQuery {
    /// In this state; those that wait when it is not said.
    #[param(inline)]
    state: Option<ApplicationStateFilter>,
    /// Items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// What became of an application.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ApplicationStateFilter {
    /// Nobody has decided.
    Pending,
    /// The user may stream.
    Approved,
    /// Not now.
    Rejected,
}

/// Who asks to stream
///
/// Oldest first.
#[utoipa::path(
    get, path = "/api/v1/admin/creator-applications", tag = "administration",
    params(ApplicationQuery),
    responses((status = OK, body = Page<CreatorApplicationItem>), Refusals),
)]
pub(super) async fn list(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Admin>,
    Query(query): Query<ApplicationQuery>,
) -> Result<Json<Page<CreatorApplicationItem>>, ApiError> {
    rights::may_administer(&user)?;
    let pages = PageQuery::new(query.limit, query.cursor);
    let (limit, after) = (pages.limit()?, pages.after()?);
    let state = match query.state {
        None | Some(ApplicationStateFilter::Pending) => ApplicationState::Pending,
        Some(ApplicationStateFilter::Approved) => ApplicationState::Approved,
        Some(ApplicationStateFilter::Rejected) => ApplicationState::Rejected,
    };
    let db = &app.services.db;
    let rows = db.creator_applications(state, after, limit + 1).await?;
    let key = |row: &CreatorApplication| (row.created_at, row.user.get());
    Ok(Json(page(rows, limit, key, item)))
}

/// Decide about an application
///
/// The user is told. Whoever is approved becomes a speaker.
#[utoipa::path(
    post, path = "/api/v1/admin/creator-applications/{name}/decision", tag = "administration",
    params(("name" = String, Path, max_length = 64)),
    request_body = DecideApplication,
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn decide(
    State(app): State<App>,
    Actor { user: admin, .. }: Actor<scope::Admin>,
    Path(name): Path<String>,
    Json(DecideApplication { approved, reason }): Json<DecideApplication>,
) -> Result<StatusCode, ApiError> {
    rights::may_administer(&admin)?;
    let reason = reason
        .map(|reason| check::text("a reason", &reason, REASON_MAX))
        .transpose()?;
    let user = app.other(&name).await?;
    app.services
        .db
        .decide_application(user.id, approved, reason.as_deref(), admin.id)
        .await?;
    tracing::info!(name = %user.name, by = %admin.name, approved, "an application was decided");
    let action = match approved {
        true => "approve_application",
        false => "refuse_application",
    };
    let object = Object::user(&user.name).because(reason.clone());
    audit::log(&app, &admin, action, object).await?;
    let payload = json!({ "approved": approved, "reason": reason });
    notify::soft(&app, &[user.id], NotificationKind::Approval, None, &payload).await;
    Ok(StatusCode::NO_CONTENT)
}

fn item(application: CreatorApplication) -> CreatorApplicationItem {
    CreatorApplicationItem {
        name: application.name,
        text: application.text,
        state: application.state.as_str().to_owned(),
        reason: application.reason,
        created_at: application.created_at,
        decided_at: application.decided_at,
    }
}
