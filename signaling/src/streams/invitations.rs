//! Invitations: links by which a number of people come into a stream, with a nickname or an account.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use weir_db::{Invitation, InvitationId, KeyHash, NewInvitation};
use weir_protocol::{
    AcceptInvitation, CreateInvitation, InvitationInfo, InvitationMade, InvitedTo, Page,
    StreamSlug, ViewerAccess,
};

use super::{
    texts,
    viewer_tokens::{after, nickname, within},
};
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Guest, Json, PageQuery, Path, Query, page, scope},
    keys, live,
};

/// WebRTC sessions at one time of somebody who came in by an invitation: the old and the new one while a
/// page is loaded again, and a second device.
const SESSIONS: u32 = 2;

/// Longest label in characters.
const LABEL_MAX: usize = 100;

/// List a stream's invitations
///
/// The newest first, also those that are used up or have ended; without their codes.
#[utoipa::path(
    get, path = "/api/v1/streams/{slug}/invitations", tag = "streams",
    params(("slug" = StreamSlug, Path), PageQuery),
    responses((status = OK, body = Page<InvitationInfo>), Refusals),
)]
pub(crate) async fn list(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsRead>,
    Path(slug): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<InvitationInfo>>, ApiError> {
    let stream = app.moderated(&slug, &user).await?;
    let limit = query.limit()?;
    let rows = app
        .services
        .db
        .list_invitations(stream.id, after(&query)?, limit + 1)
        .await?;
    Ok(Json(page(rows, limit, |row| row.id.to_string(), info)))
}

/// Invite to a stream
///
/// The code and the link with it are shown this once.
#[utoipa::path(
    post, path = "/api/v1/streams/{slug}/invitations", tag = "streams",
    params(("slug" = StreamSlug, Path)),
    request_body = CreateInvitation,
    responses((status = CREATED, body = InvitationMade, headers(("Location" = String))), Refusals),
)]
pub(crate) async fn create(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path(slug): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    Json(new): Json<CreateInvitation>,
) -> Result<Response, ApiError> {
    let stream = app.moderated(&slug, &user).await?;
    let lifetime = within("lifetime_seconds", new.lifetime_seconds, 60, 31_536_000)?;
    let stay = within("stay_seconds", new.stay_seconds, 60, 86_400)?;
    let max_uses = within("max_uses", new.max_uses, 1, 100_000)?;
    let label = match new.label.trim() {
        "" => String::new(),
        label => texts::line("label", label, LABEL_MAX)?,
    };
    let base = app.base(&uri, &headers)?;
    let (code, hash) = keys::generate();
    let row = app
        .services
        .db
        .create_invitation(NewInvitation {
            stream: stream.id,
            code: hash,
            label,
            max_uses,
            pass_lifetime: i64::from(stay) * 1000,
            created_by: Some(user.id),
            expires_at: live::now() + i64::from(lifetime) * 1000,
        })
        .await?;
    tracing::info!(slug = %stream.slug, name = %user.name, "invitation made");
    let code = code.reveal().to_owned();
    let location = format!("/api/v1/streams/{}/invitations/{}", stream.slug, row.id);
    let made = InvitationMade {
        invitation: info(row),
        url: format!("{}/invite/{code}", base.as_str().trim_end_matches('/')),
        code,
    };
    let mut response = (StatusCode::CREATED, Json(made)).into_response();
    let fields = response.headers_mut();
    let location = HeaderValue::try_from(location).expect("a slug and digits");
    fields.insert(header::LOCATION, location);
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Take an invitation back
///
/// Who came in by it is sent away.
#[utoipa::path(
    delete, path = "/api/v1/streams/{slug}/invitations/{id}", tag = "streams",
    params(("slug" = StreamSlug, Path), ("id" = String, Path, description = "Of the invitation")),
    responses((status = NO_CONTENT), Refusals),
)]
pub(crate) async fn revoke(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::StreamsWrite>,
    Path((slug, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let stream = app.moderated(&slug, &user).await?;
    let id: InvitationId = id.parse().map_err(|_| UNKNOWN)?;
    let tokens = app.services.db.revoke_invitation(stream.id, id).await?;
    app.end_passes(&tokens).await;
    tracing::info!(slug = %stream.slug, name = %user.name, "invitation taken back");
    Ok(StatusCode::NO_CONTENT)
}

/// What an invitation is for
#[utoipa::path(
    get, path = "/api/v1/invitations/{code}", tag = "streams", security(()),
    params(("code" = String, Path, description = "Of the link")),
    responses((status = OK, body = InvitedTo), Refusals),
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path(code): Path<String>,
) -> Result<impl IntoResponse, ApiError> {
    let invited = app.services.db.invited(KeyHash::of(&code)).await?;
    let invited = invited.ok_or(UNKNOWN)?;
    let invited = InvitedTo {
        slug: invited.slug,
        title: invited.title,
        owner: invited.owner,
        expires_at: invited.invitation.expires_at,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(invited)))
}

/// Come in by an invitation
///
/// With an account, which then may come again as long as the invitation lasts and counts once; or with a
/// nickname, which counts each time. Gives a viewer token.
#[utoipa::path(
    post, path = "/api/v1/invitations/{code}", tag = "streams", security((), ("bearer" = [])),
    params(("code" = String, Path, description = "Of the link")),
    request_body = AcceptInvitation,
    responses((status = OK, body = ViewerAccess), Refusals),
)]
pub(crate) async fn accept(
    State(app): State<App>,
    Guest { user, .. }: Guest<scope::StreamsRead>,
    Path(code): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    Json(accept): Json<AcceptInvitation>,
) -> Result<impl IntoResponse, ApiError> {
    let db = &app.services.db;
    let code = KeyHash::of(&code);
    let name = match (&user, &accept.nickname) {
        (Some(user), _) => user.display_name.as_ref().unwrap_or(&user.name).clone(),
        (None, Some(name)) => nickname(name)?,
        (None, None) => {
            return Err(ApiError::BadRequest(
                "say what you want to be called (`nickname`), or log in".to_owned(),
            ));
        }
    };
    // Whom the owner has blocked is not let in by a link that went around.
    if let Some(user) = &user
        && let Some(invited) = db.invited(code).await?
        && let Some(stream) = db.stream_by_slug(&invited.slug).await?
        && let Some(owner) = stream.owner
        && db.is_blocked(owner, user.id).await?
    {
        return Err(UNKNOWN);
    }
    let holder = user.map(|user| user.id);
    let row = db
        .accept_invitation(code, holder, Some(name), SESSIONS)
        .await?;
    let stream = db
        .streams_by_ids(&[row.stream])
        .await?
        .pop()
        .ok_or(UNKNOWN)?;
    tracing::info!(slug = %stream.slug, "somebody came in by an invitation");
    let access = app.viewer_access(&stream, row, &uri, &headers).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(access)))
}

const UNKNOWN: ApiError = ApiError::NotFound("invitation");

fn info(row: Invitation) -> InvitationInfo {
    InvitationInfo {
        id: row.id.to_string(),
        label: row.label,
        max_uses: row.max_uses,
        uses: row.uses,
        created_at: row.created_at,
        expires_at: row.expires_at,
    }
}
