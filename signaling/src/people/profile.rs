//! What the public sees of a user, and how the user changes it.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use url::Url;
use weir_db::{Profile, ProfileChange, User};
use weir_protocol::{EditProfile, Page, PastBroadcast, ProfileLink, StreamSummary, UserProfile};

use super::{check, images::image_url};
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Guest, IfMatch, Json, PageQuery, Path, Query, page, scope, version_tag},
};

/// Longest name for people, in characters.
pub(super) const DISPLAY_NAME_MAX: usize = 64;
/// Longest text about oneself, in characters.
const BIO_MAX: usize = 2000;
/// Links on a profile.
const LINKS_MAX: usize = 8;
/// Longest name of a link, in characters.
const LABEL_MAX: usize = 40;
/// Longest address of a link, in characters.
const URL_MAX: usize = 500;

/// A user's profile
///
/// With what is live now. Somebody whom the user has blocked does not see that.
#[utoipa::path(
    get, path = "/api/v1/users/{name}", tag = "users", security((), ("bearer" = []), ("cookie" = [])),
    params(("name" = String, Path, max_length = 64)),
    responses((status = OK, body = UserProfile), Refusals),
)]
pub(super) async fn show(
    State(app): State<App>,
    Guest { user: viewer, .. }: Guest<scope::Profile>,
    Path(name): Path<String>,
) -> Result<Json<UserProfile>, ApiError> {
    let profile = found(&app, &name).await?;
    Ok(Json(app.profile_for(profile, viewer.as_ref()).await?))
}

/// A user's past broadcasts
///
/// Of public streams, newest first.
#[utoipa::path(
    get, path = "/api/v1/users/{name}/broadcasts", tag = "users",
    security((), ("bearer" = []), ("cookie" = [])),
    params(("name" = String, Path, max_length = 64), PageQuery),
    responses((status = OK, body = Page<PastBroadcast>), Refusals),
)]
pub(super) async fn broadcasts(
    State(app): State<App>,
    Guest { user: viewer, .. }: Guest<scope::Profile>,
    Path(name): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<PastBroadcast>>, ApiError> {
    let (limit, after) = (query.limit()?, query.after()?);
    let profile = found(&app, &name).await?;
    let db = &app.services.db;
    if let Some(viewer) = viewer
        && db.is_blocked(profile.id, viewer.id).await?
    {
        return Ok(Json(Page {
            items: Vec::new(),
            next: None,
        }));
    }
    let rows = db.past_broadcasts_of(profile.id, after, limit + 1).await?;
    let key = |row: &weir_db::PastBroadcast| (row.started_at, row.id.get());
    Ok(Json(page(rows, limit, key, |row| PastBroadcast {
        id: row.id.to_string(),
        slug: row.slug,
        title: row.title,
        started_at: row.started_at,
        ended_at: Some(row.ended_at),
        peak_viewers: u32::try_from(row.peak_viewers).unwrap_or(u32::MAX),
    })))
}

/// Your profile
///
/// As others see it, with the entity tag for an edit.
#[utoipa::path(
    get, path = "/api/v1/me/profile", tag = "account",
    responses((status = OK, body = UserProfile), Refusals),
)]
pub(super) async fn mine(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Profile>,
) -> Result<Response, ApiError> {
    app.own_profile(&user).await
}

/// Change your profile
#[utoipa::path(
    patch, path = "/api/v1/me", tag = "account",
    params(("If-Match" = Option<String>, Header, description = "Entity tag of the profile that was read")),
    request_body = EditProfile,
    responses((status = OK, body = UserProfile), Refusals),
)]
pub(super) async fn edit(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Profile>,
    condition: IfMatch,
    Json(edit): Json<EditProfile>,
) -> Result<Response, ApiError> {
    condition.check(user.version)?;
    let optional = |text: Option<Option<String>>, read: fn(&str) -> Result<String, ApiError>| {
        let read = |text: String| read(&text);
        text.map(|text| text.map(read).transpose()).transpose()
    };
    let image = |id: Option<Option<String>>| {
        let read = |id: String| check::image(&id);
        id.map(|id| id.map(read).transpose()).transpose()
    };
    let links = edit.links.map(links).transpose()?;
    let change = ProfileChange {
        display_name: optional(edit.display_name, |text| {
            check::line("a display name", text, DISPLAY_NAME_MAX)
        })?,
        bio: edit
            .bio
            .map(|bio| check::text("a bio", &bio, BIO_MAX))
            .transpose()?,
        avatar: image(edit.avatar)?,
        banner: image(edit.banner)?,
        links,
    };
    let db = &app.services.db;
    db.change_profile(user.id, user.version, &change)
        .await?
        .ok_or(ApiError::Changed)?;
    app.own_profile(&user).await
}

impl App {
    async fn own_profile(&self, user: &User) -> Result<Response, ApiError> {
        let profile = found(self, &user.name).await?;
        let tag = version_tag(profile.version);
        let profile = self.profile_for(profile, Some(user)).await?;
        Ok(([(header::ETAG, tag)], Json(profile)).into_response())
    }

    async fn profile_for(
        &self,
        profile: Profile,
        viewer: Option<&User>,
    ) -> Result<UserProfile, ApiError> {
        let db = &self.services.db;
        let (mut blocked, mut follows, mut blocks) = (false, None, None);
        if let Some(viewer) = viewer {
            blocked = db.is_blocked(profile.id, viewer.id).await?;
            follows = Some(db.follows(viewer.id, profile.id).await?);
            blocks = Some(db.is_blocked(viewer.id, profile.id).await?);
        }
        let live = match blocked {
            true => Vec::new(),
            false => self.live_streams(&profile).await?,
        };
        Ok(UserProfile {
            display_name: profile.display_name.unwrap_or_else(|| profile.name.clone()),
            name: profile.name,
            role: profile.role.as_str().to_owned(),
            bio: profile.bio,
            avatar_url: profile.avatar.map(|id| image_url(id.as_str())),
            banner_url: profile.banner.map(|id| image_url(id.as_str())),
            links: serde_json::from_str(&profile.links).unwrap_or_default(),
            created_at: profile.created_at,
            followers: profile.followers,
            following: profile.following,
            live,
            followed_by_you: follows,
            blocked_by_you: blocks,
        })
    }

    async fn live_streams(&self, profile: &Profile) -> Result<Vec<StreamSummary>, ApiError> {
        let streams = self.services.db.public_streams_of(profile.id).await?;
        let live = &self.services.live;
        let summaries = streams.iter().map(|stream| live.summary(stream));
        let mut list: Vec<StreamSummary> = summaries.filter(|stream| stream.live).collect();
        list.sort_by_key(|stream| std::cmp::Reverse(stream.viewers.total()));
        Ok(list)
    }
}

/// The user of a name in an address.
async fn found(app: &App, name: &str) -> Result<Profile, ApiError> {
    let profile = app.services.db.profile(name).await?;
    profile.ok_or(ApiError::NotFound("user"))
}

/// Addresses of web pages only: one that runs a script would run it for whoever follows it.
fn links(links: Vec<ProfileLink>) -> Result<String, ApiError> {
    if links.len() > LINKS_MAX {
        return Err(ApiError::BadRequest(format!(
            "a profile has at most {LINKS_MAX} links"
        )));
    }
    let checked = links
        .into_iter()
        .map(|link| {
            let url = Url::parse(&link.url).ok().filter(|url| {
                matches!(url.scheme(), "https" | "http") && url.as_str().len() <= URL_MAX
            });
            let url = url.ok_or_else(|| {
                ApiError::BadRequest(format!(
                    "a link is like https://example.org, of at most {URL_MAX} characters"
                ))
            })?;
            Ok(ProfileLink {
                label: check::line("a link's label", &link.label, LABEL_MAX)?,
                url: url.into(),
            })
        })
        .collect::<Result<Vec<_>, ApiError>>()?;
    serde_json::to_string(&checked).map_err(|_| ApiError::Internal)
}
