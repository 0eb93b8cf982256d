//! Accounts as admins see and change them.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use weir_db::{Role, UserChange, UserFilter, UserRecord, UserState};
use weir_protocol::{EditUser, NotificationKind, Page, UserAccount, UserRole};

use super::notify;
use crate::{
    ApiError, App, Refusals,
    api::{Actor, IfMatch, Json, PageQuery, Path, Query, page, scope, version_tag},
    rights,
    site::audit::{self, Object},
};

/// Longest search in characters: an e-mail address has no more.
const SEARCH_MAX: usize = 254;

/// Which users.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct UserQuery {
    /// How the name or the e-mail address begins.
    #[param(max_length = 254)]
    q: Option<String>,
    /// Who has this role.
    role: Option<UserRole>,
    /// Who is in this state.
    #[param(inline)]
    state: Option<StateFilter>,
    /// Items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// Accounts by what was decided of them.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = UserStateFilter)]
pub(super) enum StateFilter {
    /// May log in.
    Active,
    /// Locked.
    Disabled,
    /// Speakers that may not stream.
    Unapproved,
}

/// Users
///
/// By name.
#[utoipa::path(
    get, path = "/api/v1/admin/users", tag = "administration",
    params(UserQuery),
    responses((status = OK, body = Page<UserAccount>), Refusals),
)]
pub(super) async fn list(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Admin>,
    Query(query): Query<UserQuery>,
) -> Result<Json<Page<UserAccount>>, ApiError> {
    rights::may_administer(&user)?;
    let pages = PageQuery::new(query.limit, query.cursor);
    let (limit, after) = (pages.limit()?, pages.after::<String>()?);
    if query
        .q
        .as_ref()
        .is_some_and(|it| it.chars().count() > SEARCH_MAX)
    {
        return Err(ApiError::BadRequest(format!(
            "q has at most {SEARCH_MAX} characters"
        )));
    }
    let filter = UserFilter {
        search: query.q.as_deref(),
        role: query.role.map(role),
        state: query.state.map(|state| match state {
            StateFilter::Active => UserState::Active,
            StateFilter::Disabled => UserState::Disabled,
            StateFilter::Unapproved => UserState::Unapproved,
        }),
    };
    let db = &app.services.db;
    let rows = db.list_users(&filter, after.as_deref(), limit + 1).await?;
    let key = |row: &UserRecord| row.user.name.clone();
    Ok(Json(page(rows, limit, key, account)))
}

/// A user's account
#[utoipa::path(
    get, path = "/api/v1/admin/users/{name}", tag = "administration",
    params(("name" = String, Path, max_length = 64)),
    responses((status = OK, body = UserAccount), Refusals),
)]
pub(super) async fn show(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Admin>,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    rights::may_administer(&user)?;
    Ok(tagged(app.record(&name).await?))
}

/// Change a user's account
///
/// Role, approval as a creator, and whether it is locked, which ends its sessions. There is always an
/// admin: the last one can neither be demoted nor locked.
#[utoipa::path(
    patch, path = "/api/v1/admin/users/{name}", tag = "administration",
    params(
        ("name" = String, Path, max_length = 64),
        ("If-Match" = Option<String>, Header, description = "Entity tag of the account that was read"),
    ),
    request_body = EditUser,
    responses((status = OK, body = UserAccount), Refusals),
)]
pub(super) async fn edit(
    State(app): State<App>,
    Actor { user: admin, .. }: Actor<scope::Admin>,
    Path(name): Path<String>,
    condition: IfMatch,
    Json(edit): Json<EditUser>,
) -> Result<Response, ApiError> {
    rights::may_administer(&admin)?;
    let record = app.record(&name).await?;
    condition.check(record.user.version)?;
    let change = UserChange {
        role: edit.role.map(role),
        approved: edit.approved,
        disabled: edit.disabled,
    };
    let (id, version) = (record.user.id, record.user.version);
    let db = &app.services.db;
    let changed = db.change_user(id, Some(version), &change).await?;
    let changed = changed.ok_or(ApiError::Changed)?;
    if change.disabled == Some(true) {
        app.log_out(id, None).await?;
    }
    tracing::info!(name = %changed.user.name, by = %admin.name, "account changed");
    for action in actions(&edit) {
        audit::log(&app, &admin, action, Object::user(&changed.user.name)).await?;
    }
    let payload = json!({
        "role": changed.user.role.as_str(),
        "approved": changed.user.approved,
    });
    notify::soft(&app, &[id], NotificationKind::Account, None, &payload).await;
    Ok(tagged(changed))
}

/// Delete a user's account
///
/// With its streams. What the user wrote elsewhere stays without a name. The last admin cannot be deleted.
#[utoipa::path(
    delete, path = "/api/v1/admin/users/{name}", tag = "administration",
    params(("name" = String, Path, max_length = 64)),
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn delete(
    State(app): State<App>,
    Actor { user: admin, .. }: Actor<scope::Admin>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    rights::may_administer(&admin)?;
    let record = app.record(&name).await?;
    tracing::info!(name = %record.user.name, by = %admin.name, "account deleted");
    let object = Object::user(&record.user.name);
    app.erase(record.user).await?;
    audit::log(&app, &admin, "delete_user", object).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Log a user out everywhere
///
/// Ends all sessions, also those of programs on devices. API tokens go on.
#[utoipa::path(
    delete, path = "/api/v1/admin/users/{name}/devices", tag = "administration",
    params(("name" = String, Path, max_length = 64)),
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn log_out(
    State(app): State<App>,
    Actor { user: admin, .. }: Actor<scope::Admin>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    rights::may_administer(&admin)?;
    let user = app.record(&name).await?.user;
    app.log_out(user.id, None).await?;
    tracing::info!(name = %user.name, by = %admin.name, "logged out everywhere");
    audit::log(&app, &admin, "log_out", Object::user(&user.name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a user's second factor
///
/// With its recovery codes, for who has lost both: logging in asks for the password only.
#[utoipa::path(
    delete, path = "/api/v1/admin/users/{name}/totp", tag = "administration",
    params(("name" = String, Path, max_length = 64)),
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn remove_second_factor(
    State(app): State<App>,
    Actor { user: admin, .. }: Actor<scope::Admin>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    rights::may_administer(&admin)?;
    let user = app.record(&name).await?.user;
    if !app.services.db.remove_totp(user.id).await? {
        return Err(ApiError::Conflict("there is no second factor".into()));
    }
    tracing::info!(name = %user.name, by = %admin.name, "second factor removed by an admin");
    let object = Object::user(&user.name);
    audit::log(&app, &admin, "remove_second_factor", object).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What an edit does, as the audit log says it.
fn actions(edit: &EditUser) -> impl Iterator<Item = &'static str> {
    let role = edit.role.map(|role| match role {
        UserRole::Admin => "make_admin",
        UserRole::Moderator => "make_moderator",
        UserRole::Speaker => "make_speaker",
        UserRole::Attendee => "make_attendee",
    });
    let either = |is: Option<bool>, yes, no| is.map(|is| if is { yes } else { no });
    let approved = either(edit.approved, "approve", "unapprove");
    let disabled = either(edit.disabled, "lock", "unlock");
    [role, approved, disabled].into_iter().flatten()
}

impl App {
    async fn record(&self, name: &str) -> Result<UserRecord, ApiError> {
        let record = self.services.db.user_record(name).await?;
        record.ok_or(ApiError::NotFound("user"))
    }
}

pub(super) fn role(role: UserRole) -> Role {
    match role {
        UserRole::Admin => Role::Admin,
        UserRole::Moderator => Role::Moderator,
        UserRole::Speaker => Role::Speaker,
        UserRole::Attendee => Role::Attendee,
    }
}

fn tagged(record: UserRecord) -> Response {
    let tag = version_tag(record.user.version);
    ([(header::ETAG, tag)], Json(account(record))).into_response()
}

fn account(record: UserRecord) -> UserAccount {
    let UserRecord {
        user,
        email_verified_at,
    } = record;
    UserAccount {
        name: user.name,
        display_name: user.display_name,
        email: user.email,
        email_verified: email_verified_at.is_some(),
        role: user.role.as_str().to_owned(),
        approved: user.approved,
        disabled_at: user.disabled_at,
        created_at: user.created_at,
        version: user.version,
    }
}
