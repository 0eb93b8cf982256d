//! Endpoints that are told what happens. What they are told stands in [`outbox`], what came of it in
//! [`log`].

mod log;
mod outbox;

use std::fmt;

use sqlx::{Row, any::AnyRow};
use weir_protocol::StreamSlug;

use crate::{Db, DbError, Result, StreamId, UnixMillis, UserId, WebhookId, error::storable, id};

pub use log::{Attempt, Delivery, DeliveryDetail, DeliveryState, Replay};
pub use outbox::{Due, NewWebhookEvent, Outcome};

/// An endpoint to create.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Whose; `None` for the site's own, which hears of everything.
    pub owner: Option<UserId>,
    /// Hears of this stream only.
    pub stream: Option<StreamId>,
    /// Where to deliver.
    pub url: String,
    /// For people.
    pub description: String,
    /// Types of events; empty for all.
    pub types: Vec<String>,
    /// What its secret is computed from.
    pub salt: String,
    /// How many this owner may have.
    pub at_most: u32,
}

/// What to change of an endpoint; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct WebhookEdit {
    /// Where to deliver.
    pub url: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Types of events; empty for all.
    pub types: Option<Vec<String>>,
    /// Whether anything is delivered. Switching it on again goes on with what waits.
    pub enabled: Option<bool>,
}

/// An endpoint's row.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Row id.
    pub id: WebhookId,
    /// Whose; `None` for the site's own.
    pub owner: Option<UserId>,
    /// Hears of this stream only.
    pub stream: Option<StreamId>,
    /// That stream's name.
    pub stream_slug: Option<StreamSlug>,
    /// Where to deliver.
    pub url: String,
    /// For people.
    pub description: String,
    /// Types of events; empty for all.
    pub types: Vec<String>,
    /// What its secret is computed from.
    pub salt: String,
    /// The same for the secret before, and until when that signs too.
    pub old_salt: Option<(String, UnixMillis)>,
    /// Whether anything is delivered.
    pub enabled: bool,
    /// Why the server itself switched it off.
    pub disabled_why: Option<String>,
    /// Since when nothing was delivered any more.
    pub failing_since: Option<UnixMillis>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it was changed last.
    pub updated_at: UnixMillis,
    /// Grows with each edit.
    pub version: i64,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither address nor salts: an address may hold a token.
        f.debug_struct("Webhook")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

const COLUMNS: &str =
    "id, owner_id, stream_id, url, description, types, salt, old_salt, old_salt_until,
    enabled, disabled_why, failing_since, created_at, updated_at, version,
    (SELECT slug FROM streams WHERE streams.id = webhooks.stream_id) AS stream_slug";

impl Db {
    /// Makes an endpoint. `Invalid` when its owner has as many as may be; `NotFound` when its stream or
    /// its owner is gone.
    pub async fn create_webhook(&self, new: NewWebhook) -> Result<Webhook> {
        storable("address", &new.url)?;
        storable("description", &new.description)?;
        let now = id::now();
        let query = format!(
            "INSERT INTO webhooks (id, owner_id, stream_id, url, description, types, salt, enabled,
                 created_at, updated_at)
             SELECT $1, $2, $3, $4, $5, $6, $7, 1, $8, $8
             WHERE (SELECT count(*) FROM webhooks
                 WHERE owner_id = $2 OR (owner_id IS NULL AND $9 = 1)) < $10
             RETURNING {COLUMNS}"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(WebhookId::fresh().0)
            .bind(new.owner.map(|owner| owner.0))
            .bind(new.stream.map(|stream| stream.0))
            .bind(new.url)
            .bind(new.description)
            .bind(to_text(&new.types))
            .bind(new.salt)
            .bind(now)
            .bind(i64::from(new.owner.is_none()))
            .bind(i64::from(new.at_most))
            .fetch_optional(self.writes())
            .await?;
        row.as_ref()
            .map(from_row)
            .transpose()?
            .ok_or(DbError::Invalid {
                what: "number of webhooks",
                why: "is at its limit; delete one first",
            })
    }

    /// An endpoint; `None` when there is none.
    pub async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>> {
        let query = format!("SELECT {COLUMNS} FROM webhooks WHERE id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(id.0)
            .fetch_optional(self.reads())
            .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// The endpoints of a user, or with `None` the site's own: oldest first, after `after`, at most
    /// `limit`.
    pub async fn list_webhooks(
        &self,
        owner: Option<UserId>,
        after: Option<WebhookId>,
        limit: u32,
    ) -> Result<Vec<Webhook>> {
        let whose = match owner {
            Some(_) => "owner_id = $1",
            None => "owner_id IS NULL AND $1 = 0",
        };
        let query = format!(
            "SELECT {COLUMNS} FROM webhooks WHERE {whose} AND id > $2 ORDER BY id LIMIT $3"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(owner.map_or(0, |owner| owner.0))
            .bind(after.map_or(0, |after| after.0))
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// Changes an endpoint that still has this version; gives it as it is now. `NotFound` when it is
    /// gone or was changed meanwhile.
    pub async fn edit_webhook(
        &self,
        id: WebhookId,
        version: i64,
        edit: WebhookEdit,
    ) -> Result<Webhook> {
        storable("address", edit.url.as_deref().unwrap_or_default())?;
        storable(
            "description",
            edit.description.as_deref().unwrap_or_default(),
        )?;
        let query = format!(
            "UPDATE webhooks SET url = COALESCE($3, url), description = COALESCE($4, description),
                 types = COALESCE($5, types), enabled = COALESCE($6, enabled),
                 disabled_why = CASE WHEN $6 IS NULL THEN disabled_why ELSE NULL END,
                 failing_since = CASE WHEN $6 = 1 THEN NULL ELSE failing_since END,
                 updated_at = $7, version = version + 1
             WHERE id = $1 AND version = $2 RETURNING {COLUMNS}"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(id.0)
            .bind(version)
            .bind(edit.url)
            .bind(edit.description)
            .bind(edit.types.map(|types| to_text(&types)))
            .bind(edit.enabled.map(i64::from))
            .bind(id::now())
            .fetch_optional(self.writes())
            .await?;
        row.as_ref()
            .map(from_row)
            .transpose()?
            .ok_or(DbError::NotFound { what: "webhook" })
    }

    /// Gives an endpoint a new secret; the one it has signs too until `old_until`. `NotFound` when it
    /// is gone.
    pub async fn rotate_webhook(
        &self,
        id: WebhookId,
        salt: &str,
        old_until: UnixMillis,
    ) -> Result<()> {
        let changed = sqlx::query(
            "UPDATE webhooks SET old_salt = salt, old_salt_until = $3, salt = $2, updated_at = $4,
                 version = version + 1
             WHERE id = $1",
        )
        .bind(id.0)
        .bind(salt.to_owned())
        .bind(old_until)
        .bind(id::now())
        .execute(self.writes())
        .await?
        .rows_affected();
        found(changed)
    }

    /// Removes an endpoint and its log. `NotFound` when it is gone.
    pub async fn delete_webhook(&self, id: WebhookId) -> Result<()> {
        let changed = sqlx::query("DELETE FROM webhooks WHERE id = $1")
            .bind(id.0)
            .execute(self.writes())
            .await?
            .rows_affected();
        found(changed)
    }

    /// Switches an endpoint off, with the reason. Gives it when it was on.
    pub async fn disable_webhook(&self, id: WebhookId, why: &str) -> Result<Option<Webhook>> {
        let query = format!(
            "UPDATE webhooks SET enabled = 0, disabled_why = $2, updated_at = $3, version = version + 1
             WHERE id = $1 AND enabled = 1 RETURNING {COLUMNS}"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(id.0)
            .bind(why.to_owned())
            .bind(id::now())
            .fetch_optional(self.writes())
            .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }
}

fn found(changed: u64) -> Result<()> {
    if changed == 0 {
        Err(DbError::NotFound { what: "webhook" })
    } else {
        Ok(())
    }
}

/// Blanks on both sides of each, so that one is found by `LIKE '% type %'`.
fn to_text(types: &[String]) -> String {
    if types.is_empty() {
        return " * ".to_owned();
    }
    format!(" {} ", types.join(" "))
}

fn from_text(text: &str) -> Vec<String> {
    let types = text.split_whitespace().filter(|one| *one != "*");
    types.map(str::to_owned).collect()
}

fn from_row(row: &AnyRow) -> sqlx::Result<Webhook> {
    let old_salt: Option<String> = row.try_get("old_salt")?;
    let types: String = row.try_get("types")?;
    let slug: Option<String> = row.try_get("stream_slug")?;
    Ok(Webhook {
        id: WebhookId(row.try_get("id")?),
        owner: row.try_get::<Option<i64>, _>("owner_id")?.map(UserId),
        stream: row.try_get::<Option<i64>, _>("stream_id")?.map(StreamId),
        stream_slug: slug.map(|slug| slug.parse()).transpose().map_err(
            |error: weir_protocol::SlugError| sqlx::Error::ColumnDecode {
                index: "stream_slug".into(),
                source: error.into(),
            },
        )?,
        url: row.try_get("url")?,
        description: row.try_get("description")?,
        types: from_text(&types),
        salt: row.try_get("salt")?,
        old_salt: old_salt.zip(row.try_get("old_salt_until")?),
        enabled: row.try_get::<i64, _>("enabled")? != 0,
        disabled_why: row.try_get("disabled_why")?,
        failing_since: row.try_get("failing_since")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        version: row.try_get("version")?,
    })
}
