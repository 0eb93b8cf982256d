//! Invitations to an event.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use weir_db::{EventInvitation as Row, NewEventInvitation};
use weir_protocol::{
    CreateEventInvitation, EventInvitation, EventInvitationAccess, EventSlug, Page,
};

use super::{check as checks, id_of, letters};
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, PageQuery, Path, Query, page as pages, scope},
    keys,
    people::check,
};

/// Most people who can register by one link.
const USES_MAX: u32 = 100_000;

/// Create an invitation to an event
///
/// Its token and link are shown this once. For one person, by address: the link is sent there. Who is
/// invited needs no approval. For the event's organisers.
#[utoipa::path(
    post, path = "/api/v1/events/{slug}/invitations", tag = "events",
    params(("slug" = EventSlug, Path)),
    request_body = CreateEventInvitation,
    responses((status = CREATED, body = EventInvitationAccess), Refusals),
)]
pub(super) async fn create(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    Path(slug): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    Json(new): Json<CreateEventInvitation>,
) -> Result<Response, ApiError> {
    let event = app.organised(&slug, &user).await?;
    let email = new.email.as_deref().map(check::address).transpose()?;
    let max_uses = new.max_uses.unwrap_or(1);
    if !(1..=USES_MAX).contains(&max_uses) {
        return Err(ApiError::BadRequest(format!(
            "max_uses is a number from 1 to {USES_MAX}"
        )));
    }
    if email.is_some() && max_uses != 1 {
        return Err(ApiError::Unprocessable(
            "an invitation for one person is used once; leave max_uses out".into(),
        ));
    }
    let expires_at = new.expires_at;
    expires_at
        .map(|at| checks::moment("expires_at", at))
        .transpose()?;
    let config = &app.services.config;
    let base = config.addresses.base(&uri, &headers);
    let base =
        base.ok_or_else(|| ApiError::BadRequest("the request has no usable Host field".into()))?;
    let (token, hash) = keys::generate();
    let made = app.services.db.create_event_invitation(NewEventInvitation {
        event: event.id,
        token: hash,
        email,
        max_uses,
        expires_at,
    });
    let made = made.await?;
    let token = token.reveal().to_owned();
    let base = base.as_str().trim_end_matches('/');
    let url = format!("{base}/events/{}?invitation={token}", event.fields.slug);
    if let Some(address) = &made.email {
        letters::invitation(&app, &event, address, &url).await;
    }
    let access = EventInvitationAccess {
        invitation: described(made),
        token,
        url,
    };
    let headers = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, headers, Json(access)).into_response())
}

/// List an event's invitations
///
/// For its organisers.
#[utoipa::path(
    get, path = "/api/v1/events/{slug}/invitations", tag = "events",
    params(("slug" = EventSlug, Path), PageQuery),
    responses((status = OK, body = Page<EventInvitation>), Refusals),
)]
pub(super) async fn list(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    Path(slug): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    let event = app.organised(&slug, &user).await?;
    let (limit, after) = (query.limit()?, query.after::<String>()?);
    let after = after.map(|id| id_of(&id, "page")).transpose()?;
    let db = &app.services.db;
    let rows = db.event_invitations(event.id, after, limit + 1).await?;
    let page = pages(rows, limit, |row: &Row| row.id.to_string(), described);
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(page)).into_response())
}

/// Take an invitation back
///
/// Who has registered by it stays. For the event's organisers.
#[utoipa::path(
    delete, path = "/api/v1/events/{slug}/invitations/{id}", tag = "events",
    params(("slug" = EventSlug, Path), ("id" = String, Path, pattern = "^[0-9]{1,19}$")),
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn delete(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Events>,
    Path((slug, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let event = app.organised(&slug, &user).await?;
    let id = id_of(&id, "invitation")?;
    app.services
        .db
        .delete_event_invitation(event.id, id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn described(invitation: Row) -> EventInvitation {
    EventInvitation {
        id: invitation.id.to_string(),
        email: invitation.email,
        max_uses: invitation.max_uses,
        used: invitation.used,
        expires_at: invitation.expires_at,
        created_at: invitation.created_at,
    }
}
