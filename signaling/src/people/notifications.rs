//! A user's notifications and how it wants to be told.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;
use weir_db::{Notification, NotificationId, NotificationSetting};
use weir_protocol::{
    NotificationItem, NotificationKind, NotificationSettingItem, NotificationWish, Page,
    ReadNotifications, UnreadCount,
};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, PageQuery, Path, Query, page, scope},
};

/// Which notifications.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct NotificationQuery {
    /// Unread ones only.
    #[serde(default)]
    unread: bool,
    /// Items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// Your notifications
///
/// Newest first.
#[utoipa::path(
    get, path = "/api/v1/me/notifications", tag = "notifications",
    params(NotificationQuery),
    responses((status = OK, body = Page<NotificationItem>), Refusals),
)]
pub(super) async fn list(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Profile>,
    Query(query): Query<NotificationQuery>,
) -> Result<Json<Page<NotificationItem>>, ApiError> {
    let pages = PageQuery::new(query.limit, query.cursor);
    let (limit, after) = (pages.limit()?, pages.after::<i64>()?);
    let db = &app.services.db;
    let rows = db
        .notifications(user.id, query.unread, after, limit + 1)
        .await?;
    let key = |row: &Notification| row.id.get();
    Ok(Json(page(rows, limit, key, |row| NotificationItem {
        id: row.id.to_string(),
        kind: row.kind,
        payload: serde_json::from_str(&row.payload).unwrap_or_default(),
        created_at: row.created_at,
        read_at: row.read_at,
    })))
}

/// How many notifications are unread
#[utoipa::path(
    get, path = "/api/v1/me/notifications/unread", tag = "notifications",
    responses((status = OK, body = UnreadCount), Refusals),
)]
pub(super) async fn unread(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Profile>,
) -> Result<Json<UnreadCount>, ApiError> {
    let unread = app.services.db.count_unread(user.id).await?;
    Ok(Json(UnreadCount { unread }))
}

/// Mark notifications as read
///
/// Up to one of them, or all.
#[utoipa::path(
    post, path = "/api/v1/me/notifications/read", tag = "notifications",
    request_body = ReadNotifications,
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn read(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Profile>,
    Json(ReadNotifications { up_to }): Json<ReadNotifications>,
) -> Result<StatusCode, ApiError> {
    let up_to = match up_to {
        None => None,
        Some(text) => Some(text.parse::<NotificationId>().map_err(|_| {
            ApiError::BadRequest("up_to is the id of a notification, in digits".into())
        })?),
    };
    app.services.db.read_notifications(user.id, up_to).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Mark a notification as read
#[utoipa::path(
    put, path = "/api/v1/me/notifications/{id}/read", tag = "notifications",
    params(("id" = String, Path, pattern = "^[0-9]{1,19}$")),
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn read_one(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Profile>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = id.parse().map_err(|_| ApiError::NotFound("notification"))?;
    app.services.db.read_notification(user.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How you want to be told
///
/// Of each kind.
#[utoipa::path(
    get, path = "/api/v1/me/notification-settings", tag = "notifications",
    responses((status = OK, body = Vec<NotificationSettingItem>), Refusals),
)]
pub(super) async fn settings(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Profile>,
) -> Result<Json<Vec<NotificationSettingItem>>, ApiError> {
    let set = app.services.db.notification_settings(user.id).await?;
    let item = |kind: NotificationKind| {
        let own = set.iter().find(|setting| setting.kind == kind.as_str());
        NotificationSettingItem {
            kind,
            in_app: own.is_none_or(|setting| setting.in_app),
            by_mail: own.is_some_and(|setting| setting.by_mail),
        }
    };
    Ok(Json(NotificationKind::ALL.map(item).to_vec()))
}

/// Set how you want to be told of a kind
#[utoipa::path(
    put, path = "/api/v1/me/notification-settings/{kind}", tag = "notifications",
    params(("kind" = NotificationKind, Path)),
    request_body = NotificationWish,
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn set(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Profile>,
    Path(kind): Path<String>,
    Json(wish): Json<NotificationWish>,
) -> Result<StatusCode, ApiError> {
    let kind = NotificationKind::of(&kind).ok_or(ApiError::NotFound("kind of notifications"))?;
    if wish.by_mail && kind != NotificationKind::StreamLive {
        return Err(ApiError::BadRequest(
            "only stream_live is told by mail; send by_mail: false".into(),
        ));
    }
    let setting = NotificationSetting {
        kind: kind.as_str().to_owned(),
        in_app: wish.in_app,
        by_mail: wish.by_mail,
    };
    let db = &app.services.db;
    db.set_notification_setting(user.id, &setting).await?;
    Ok(StatusCode::NO_CONTENT)
}
