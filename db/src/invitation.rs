//! Invitations: links that let a number of people into a stream.

use sqlx::{AssertSqlSafe, Row, any::AnyRow};
use weir_protocol::StreamSlug;

use crate::{
    Db, DbError, InvitationId, KeyHash, NewViewerToken, Result, StreamId, UnixMillis, UserId,
    ViewerToken, ViewerTokenId, error::storable, id, viewer_token,
};

/// An invitation's row. The hash of its code stays in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Row id.
    pub id: InvitationId,
    /// What it is for.
    pub stream: StreamId,
    /// For whoever gave it.
    pub label: String,
    /// How many people may come in by it.
    pub max_uses: u32,
    /// How many came.
    pub uses: u32,
    /// How long they may stay, in milliseconds.
    pub pass_lifetime: i64,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it ends.
    pub expires_at: UnixMillis,
}

/// An invitation to make.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// What it is for.
    pub stream: StreamId,
    /// Hash of its code.
    pub code: KeyHash,
    /// For whoever gives it.
    pub label: String,
    /// How many people may come in by it.
    pub max_uses: u32,
    /// How long they may stay, in milliseconds.
    pub pass_lifetime: i64,
    /// Who gives it.
    pub created_by: Option<UserId>,
    /// When it ends.
    pub expires_at: UnixMillis,
}

/// What an invitation is for, for who has its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// It.
    pub invitation: Invitation,
    /// The stream's name in addresses.
    pub slug: StreamSlug,
    /// The stream's title.
    pub title: String,
    /// Name of the stream's owner.
    pub owner: Option<String>,
}

const SELECT: &str =
    "SELECT i.id, i.stream_id, i.label, i.max_uses, i.uses, i.pass_lifetime, i.created_at,
        i.expires_at
     FROM invitations i";

impl Db {
    /// Makes an invitation. `NotFound` when the stream is gone.
    pub async fn create_invitation(&self, new: NewInvitation) -> Result<Invitation> {
        storable("label", &new.label)?;
        let invitation = Invitation {
            id: InvitationId::fresh(),
            stream: new.stream,
            label: new.label,
            max_uses: new.max_uses,
            uses: 0,
            pass_lifetime: new.pass_lifetime,
            created_at: id::now(),
            expires_at: new.expires_at,
        };
        sqlx::query(
            "INSERT INTO invitations (id, stream_id, code_hash, label, max_uses, pass_lifetime, created_by,
                created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(invitation.id.0)
        .bind(invitation.stream.0)
        .bind(new.code.to_hex())
        .bind(&*invitation.label)
        .bind(i64::from(invitation.max_uses))
        .bind(invitation.pass_lifetime)
        .bind(new.created_by.map(|id| id.0))
        .bind(invitation.created_at)
        .bind(invitation.expires_at)
        .execute(self.writes())
        .await?;
        Ok(invitation)
    }

    /// A stream's invitations that were not taken back, the newest first, those before `before`.
    pub async fn list_invitations(
        &self,
        stream: StreamId,
        before: Option<InvitationId>,
        limit: u32,
    ) -> Result<Vec<Invitation>> {
        let rows = sqlx::query(AssertSqlSafe(format!(
            "{SELECT} WHERE i.stream_id = $1 AND i.id < $2 AND i.revoked_at IS NULL
             ORDER BY i.id DESC LIMIT $3"
        )))
        .bind(stream.0)
        .bind(before.map_or(i64::MAX, |id| id.0))
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// Takes a stream's invitation back, with the viewer tokens that it gave; gives those. `NotFound`.
    pub async fn revoke_invitation(
        &self,
        stream: StreamId,
        id: InvitationId,
    ) -> Result<Vec<ViewerTokenId>> {
        let now = id::now();
        let mut tx = self.begin_write().await?;
        let changed = sqlx::query(
            "UPDATE invitations SET revoked_at = $3
             WHERE id = $1 AND stream_id = $2 AND revoked_at IS NULL",
        )
        .bind(id.0)
        .bind(stream.0)
        .bind(now)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if changed == 0 {
            return Err(DbError::NotFound { what: "invitation" });
        }
        let rows = sqlx::query(
            "UPDATE viewer_tokens SET revoked_at = $2
             WHERE invitation_id = $1 AND revoked_at IS NULL RETURNING id",
        )
        .bind(id.0)
        .bind(now)
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let ids = rows.iter().map(|row| Ok(ViewerTokenId(row.try_get("id")?)));
        Ok(ids.collect::<sqlx::Result<_>>()?)
    }

    /// What the code is for. `None` when it is unknown, has ended, was taken back or is used up.
    pub async fn invited(&self, code: KeyHash) -> Result<Option<Invited>> {
        let row = sqlx::query(
            "SELECT i.id, i.stream_id, i.label, i.max_uses, i.uses, i.pass_lifetime, i.created_at,
                i.expires_at, s.slug, s.title, u.name AS owner_name
             FROM invitations i
             JOIN streams s ON s.id = i.stream_id
             LEFT JOIN users u ON u.id = s.owner_id
             WHERE i.code_hash = $1 AND i.revoked_at IS NULL AND i.expires_at > $2 AND i.uses < i.max_uses",
        )
        .bind(code.to_hex())
        .bind(id::now())
        .fetch_optional(self.reads())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let slug: String = row.try_get("slug")?;
        Ok(Some(Invited {
            invitation: from_row(&row)?,
            slug: slug
                .parse()
                .map_err(|error: weir_protocol::SlugError| sqlx::Error::Decode(error.into()))?,
            title: row.try_get("title")?,
            owner: row.try_get("owner_name")?,
        }))
    }

    /// Comes in by an invitation: counts a use, and gives a token for `max_sessions` sessions. A user who
    /// came in by it before is given the same token for as long again, and counts once. `NotFound` as
    /// [`Db::invited`] gives `None`.
    pub async fn accept_invitation(
        &self,
        code: KeyHash,
        user: Option<UserId>,
        nickname: Option<String>,
        max_sessions: u32,
    ) -> Result<ViewerToken> {
        let now = id::now();
        let gone = DbError::NotFound { what: "invitation" };
        let mut tx = self.begin_write().await?;
        // The row is locked by its own change, so nobody takes the last use twice.
        let row = sqlx::query(
            "UPDATE invitations SET uses = uses + 1
             WHERE code_hash = $1 AND revoked_at IS NULL AND expires_at > $2 AND uses < max_uses
             RETURNING id, stream_id, pass_lifetime",
        )
        .bind(code.to_hex())
        .bind(now)
        .fetch_optional(&mut *tx)
        .await?;
        let row = match (row, user) {
            (Some(row), None) => row,
            (row, Some(user)) => {
                let known = sqlx::query(
                    "UPDATE viewer_tokens SET expires_at = $3 + (
                        SELECT pass_lifetime FROM invitations WHERE id = invitation_id)
                     WHERE user_id = $2 AND invitation_id = (
                        SELECT id FROM invitations
                        WHERE code_hash = $1 AND revoked_at IS NULL AND expires_at > $3)
                     RETURNING id, stream_id, invitation_id, user_id, nickname, max_sessions, created_at,
                        expires_at, revoked_at",
                )
                .bind(code.to_hex())
                .bind(user.0)
                .bind(now)
                .fetch_optional(&mut *tx)
                .await?;
                if let Some(known) = known {
                    let known = viewer_token::from_row(&known)?;
                    // Who was sent away does not come back by the same link.
                    if known.revoked_at.is_some() {
                        return Err(gone);
                    }
                    if row.is_some() {
                        sqlx::query("UPDATE invitations SET uses = uses - 1 WHERE code_hash = $1")
                            .bind(code.to_hex())
                            .execute(&mut *tx)
                            .await?;
                    }
                    tx.commit().await?;
                    return Ok(known);
                }
                row.ok_or(gone)?
            }
            (None, None) => return Err(gone),
        };
        let lifetime: i64 = row.try_get("pass_lifetime")?;
        let new = NewViewerToken {
            stream: StreamId(row.try_get("stream_id")?),
            invitation: Some(InvitationId(row.try_get("id")?)),
            user,
            nickname,
            max_sessions,
            created_by: None,
            expires_at: now.saturating_add(lifetime),
        };
        let token = viewer_token::insert(&mut tx, new).await?;
        tx.commit().await?;
        Ok(token)
    }
}

fn from_row(row: &AnyRow) -> sqlx::Result<Invitation> {
    let count = |column: &str| -> sqlx::Result<u32> {
        Ok(u32::try_from(row.try_get::<i64, _>(column)?).unwrap_or(u32::MAX))
    };
    Ok(Invitation {
        id: InvitationId(row.try_get("id")?),
        stream: StreamId(row.try_get("stream_id")?),
        label: row.try_get("label")?,
        max_uses: count("max_uses")?,
        uses: count("uses")?,
        pass_lifetime: row.try_get("pass_lifetime")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
    })
}
