//! Who organises an event beside its owner.

use axum::{extract::State, http::StatusCode};
use weir_db::User;
use weir_protocol::EventSlug;

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Path, scope},
    rights,
};

/// Make a user a co-organiser
///
/// Who may change everything of the event, except who organises it. For the event's owner.
#[utoipa::path(
    put, path = "/api/v1/events/{slug}/organisers/{name}", tag = "events",
    params(("slug" = EventSlug, Path), ("name" = String, Path, max_length = 64)),
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn add(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    Path((slug, name)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let event = app.organised(&slug, &user).await?;
    rights::owns_event(&user, &event)?;
    let other = other(&app, &name).await?;
    if event.owner != Some(other.id) {
        app.services.db.add_organiser(event.id, other.id).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Make a co-organiser none
///
/// For the event's owner, and for co-organisers who no longer want to be.
#[utoipa::path(
    delete, path = "/api/v1/events/{slug}/organisers/{name}", tag = "events",
    params(("slug" = EventSlug, Path), ("name" = String, Path, max_length = 64)),
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn remove(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    Path((slug, name)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let event = app.organised(&slug, &user).await?;
    let other = match user.name == name.to_lowercase() {
        true => user,
        false => {
            rights::owns_event(&user, &event)?;
            other(&app, &name).await?
        }
    };
    app.services.db.remove_organiser(event.id, other.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn other(app: &App, name: &str) -> Result<User, ApiError> {
    let other = app.services.db.user_by_name(name).await?;
    other.ok_or(ApiError::NotFound("user"))
}
