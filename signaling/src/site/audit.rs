//! Who did what: in rooms, and to the whole site.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use weir_db::{AuditFilter, NewAuditEntry, Stream, User};
use weir_protocol::{
    Page,
    room::{AuditEntry, AuditId},
};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, PageQuery, Query, page, scope},
    rights,
};

/// Longest word in a filter, in characters.
const WORD_MAX: usize = 64;

/// Which entries.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Name of who did it.
    #[param(max_length = 64)]
    by: Option<String>,
    /// What was done, as in an entry's `action`.
    #[param(max_length = 64)]
    action: Option<String>,
    /// Items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before; none for the first page.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

/// Who did what on the site
///
/// The newest first: what admins did to accounts, streams and the site, and what was done in all rooms, those
/// that are gone included.
#[utoipa::path(
    get, path = "/api/v1/admin/audit", tag = "admin",
    params(AuditQuery),
    responses((status = OK, body = Page<AuditEntry>), Refusals),
)]
pub(crate) async fn list(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Admin>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Page<AuditEntry>>, ApiError> {
    rights::may_administer(&user)?;
    for word in [&query.by, &query.action].into_iter().flatten() {
        if word.chars().count() > WORD_MAX {
            return Err(ApiError::BadRequest(format!(
                "a name and an action have at most {WORD_MAX} characters"
            )));
        }
    }
    let pages = PageQuery::new(query.limit, query.cursor);
    let (limit, before) = (pages.limit()?, pages.after::<i64>()?);
    let by = query.by.map(|name| name.to_lowercase());
    let filter = AuditFilter {
        by: by.as_deref(),
        action: query.action.as_deref(),
    };
    let db = &app.services.db;
    let rows = db
        .site_audit(&filter, before.map(AuditId::new), limit + 1)
        .await?;
    Ok(Json(page(rows, limit, |row| row.id.get(), |row| row)))
}

/// Whom or what something was done to.
pub(crate) struct Object {
    id: Option<String>,
    name: Option<String>,
    reason: Option<String>,
}

impl Object {
    /// Nothing in particular.
    pub(crate) fn none() -> Self {
        Self {
            id: None,
            name: None,
            reason: None,
        }
    }

    /// A thing by its id.
    pub(crate) fn id(id: impl ToString) -> Self {
        Self {
            id: Some(id.to_string()),
            ..Self::none()
        }
    }

    /// A user.
    pub(crate) fn user(name: &str) -> Self {
        Self {
            name: Some(name.to_owned()),
            ..Self::id(format_args!("user:{name}"))
        }
    }

    /// A stream.
    pub(crate) fn stream(stream: &Stream) -> Self {
        Self {
            name: Some(stream.title.clone()),
            ..Self::id(format_args!("stream:{}", stream.slug))
        }
    }

    pub(crate) fn because(mut self, reason: Option<String>) -> Self {
        self.reason = reason;
        self
    }
}

/// Writes down what was done to the site. It stands even when this fails; who did it is told then.
pub(crate) async fn log(
    app: &App,
    by: &User,
    action: &'static str,
    object: Object,
) -> Result<(), ApiError> {
    let entry = NewAuditEntry {
        room: None,
        room_name: "site".into(),
        by: by.id,
        by_name: by.name.clone(),
        action,
        target: object.id,
        target_name: object.name,
        reason: object.reason,
    };
    Ok(app.services.db.log_action(&entry).await?)
}

/// The same for a stream, where somebody else than its owner did it.
pub(crate) async fn log_stream(
    app: &App,
    by: &User,
    action: &'static str,
    stream: &Stream,
) -> Result<(), ApiError> {
    if stream.owner == Some(by.id) {
        return Ok(());
    }
    log(app, by, action, Object::stream(stream)).await
}
