//! Viewer tokens: the right to see one stream for a while, without an account.

use sqlx::{Any, Row, Transaction, any::AnyRow};

use crate::{
    Db, DbError, InvitationId, Result, StreamId, UnixMillis, UserId, ViewerTokenId,
    error::storable, id,
};

/// A viewer token's row. The token itself is signed, and stored nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewerToken {
    /// Row id.
    pub id: ViewerTokenId,
    /// What may be seen.
    pub stream: StreamId,
    /// The invitation that it came from.
    pub invitation: Option<InvitationId>,
    /// Whose it is; `None` for guests.
    pub user: Option<UserId>,
    /// What the guest is called.
    pub nickname: Option<String>,
    /// WebRTC sessions at one time.
    pub max_sessions: u32,
    /// When it was given.
    pub created_at: UnixMillis,
    /// When it ends.
    pub expires_at: UnixMillis,
    /// Since when it is worth nothing.
    pub revoked_at: Option<UnixMillis>,
}

/// A viewer token to give.
#[derive(Debug, Clone)]
pub struct NewViewerToken {
    /// What may be seen.
    pub stream: StreamId,
    /// The invitation that it comes from.
    pub invitation: Option<InvitationId>,
    /// Whose it is; `None` for guests.
    pub user: Option<UserId>,
    /// What the guest is called.
    pub nickname: Option<String>,
    /// WebRTC sessions at one time.
    pub max_sessions: u32,
    /// Who gives it.
    pub created_by: Option<UserId>,
    /// When it ends.
    pub expires_at: UnixMillis,
}

const COLUMNS: &str =
    "id, stream_id, invitation_id, user_id, nickname, max_sessions, created_at, expires_at,
    revoked_at";

impl Db {
    /// Gives a token. `NotFound` when the stream or the user is gone.
    pub async fn create_viewer_token(&self, new: NewViewerToken) -> Result<ViewerToken> {
        let mut tx = self.begin_write().await?;
        let token = insert(&mut tx, new).await?;
        tx.commit().await?;
        Ok(token)
    }

    /// The token with this id, whether it is still good or not.
    pub async fn viewer_token(&self, id: ViewerTokenId) -> Result<Option<ViewerToken>> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM viewer_tokens WHERE id = $1"
        )))
        .bind(id.0)
        .fetch_optional(self.reads())
        .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// A stream's tokens that are still good, the newest first, those before `before`.
    pub async fn list_viewer_tokens(
        &self,
        stream: StreamId,
        before: Option<ViewerTokenId>,
        limit: u32,
    ) -> Result<Vec<ViewerToken>> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM viewer_tokens
             WHERE stream_id = $1 AND id < $2 AND revoked_at IS NULL AND expires_at > $3
             ORDER BY id DESC LIMIT $4"
        )))
        .bind(stream.0)
        .bind(before.map_or(i64::MAX, |id| id.0))
        .bind(id::now())
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// Takes a stream's token back, also one that has ended: sessions may go on under it. `NotFound`.
    pub async fn revoke_viewer_token(&self, stream: StreamId, id: ViewerTokenId) -> Result<()> {
        let changed = sqlx::query(
            "UPDATE viewer_tokens SET revoked_at = $3
             WHERE id = $1 AND stream_id = $2 AND revoked_at IS NULL",
        )
        .bind(id.0)
        .bind(stream.0)
        .bind(id::now())
        .execute(self.writes())
        .await?
        .rows_affected();
        if changed == 0 {
            return Err(DbError::NotFound {
                what: "viewer token",
            });
        }
        Ok(())
    }

    /// Tokens that were taken back at that time or later, on whatever node.
    pub async fn viewer_tokens_revoked_since(
        &self,
        since: UnixMillis,
    ) -> Result<Vec<ViewerTokenId>> {
        let rows = sqlx::query(
            "SELECT id FROM viewer_tokens WHERE revoked_at IS NOT NULL AND revoked_at >= $1",
        )
        .bind(since)
        .fetch_all(self.reads())
        .await?;
        let ids = rows.iter().map(|row| Ok(ViewerTokenId(row.try_get("id")?)));
        Ok(ids.collect::<sqlx::Result<_>>()?)
    }

    /// Whether the user was let into the stream: has a token of it that is still good.
    pub async fn is_let_in(&self, stream: StreamId, user: UserId) -> Result<bool> {
        let row = sqlx::query(
            "SELECT 1 FROM viewer_tokens
             WHERE user_id = $1 AND stream_id = $2 AND revoked_at IS NULL AND expires_at > $3 LIMIT 1",
        )
        .bind(user.0)
        .bind(stream.0)
        .bind(id::now())
        .fetch_optional(self.reads())
        .await?;
        Ok(row.is_some())
    }

    /// Forgets tokens that ended before that time; gives how many.
    pub async fn forget_viewer_tokens(&self, ended_before: UnixMillis) -> Result<u64> {
        let gone = sqlx::query("DELETE FROM viewer_tokens WHERE expires_at < $1")
            .bind(ended_before)
            .execute(self.writes())
            .await?
            .rows_affected();
        Ok(gone)
    }
}

pub(crate) async fn insert(
    tx: &mut Transaction<'static, Any>,
    new: NewViewerToken,
) -> Result<ViewerToken> {
    storable("nickname", new.nickname.as_deref().unwrap_or_default())?;
    let token = ViewerToken {
        id: ViewerTokenId::fresh(),
        stream: new.stream,
        invitation: new.invitation,
        user: new.user,
        nickname: new.nickname,
        max_sessions: new.max_sessions,
        created_at: id::now(),
        expires_at: new.expires_at,
        revoked_at: None,
    };
    sqlx::query(
        "INSERT INTO viewer_tokens (id, stream_id, invitation_id, user_id, nickname, max_sessions, created_by,
            created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(token.id.0)
    .bind(token.stream.0)
    .bind(token.invitation.map(|id| id.0))
    .bind(token.user.map(|id| id.0))
    .bind(token.nickname.as_deref())
    .bind(i64::from(token.max_sessions))
    .bind(new.created_by.map(|id| id.0))
    .bind(token.created_at)
    .bind(token.expires_at)
    .execute(&mut **tx)
    .await?;
    Ok(token)
}

pub(crate) fn from_row(row: &AnyRow) -> sqlx::Result<ViewerToken> {
    let sessions: i64 = row.try_get("max_sessions")?;
    Ok(ViewerToken {
        id: ViewerTokenId(row.try_get("id")?),
        stream: StreamId(row.try_get("stream_id")?),
        invitation: row
            .try_get::<Option<i64>, _>("invitation_id")?
            .map(InvitationId),
        user: row.try_get::<Option<i64>, _>("user_id")?.map(UserId),
        nickname: row.try_get("nickname")?,
        max_sessions: u32::try_from(sessions).unwrap_or(u32::MAX),
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        revoked_at: row.try_get("revoked_at")?,
    })
}
