//! Invitations: links that let people register, for a limited number of them and a limited time.

use sqlx::{Any, Row, Transaction, any::AnyRow};

use super::{count, event_is_gone};
use crate::{
    Db, DbError, EventId, EventInvitationId, KeyHash, Result, UnixMillis, error::storable, id,
};

/// An invitation to make.
#[derive(Clone)]
pub struct NewEventInvitation {
    /// To which event.
    pub event: EventId,
    /// Hash of the link's token.
    pub token: KeyHash,
    /// For one person alone, in lower case.
    pub email: Option<String>,
    /// How many may register by it.
    pub max_uses: u32,
    /// When it ends.
    pub expires_at: Option<UnixMillis>,
}

/// An invitation's row.
#[derive(Clone, PartialEq, Eq)]
pub struct EventInvitation {
    /// Row id.
    pub id: EventInvitationId,
    /// For one person alone.
    pub email: Option<String>,
    /// How many may register by it.
    pub max_uses: u32,
    /// How many have.
    pub used: u32,
    /// When it ends.
    pub expires_at: Option<UnixMillis>,
    /// When it was made.
    pub created_at: UnixMillis,
}

impl Db {
    /// Makes an invitation.
    pub async fn create_event_invitation(
        &self,
        new: NewEventInvitation,
    ) -> Result<EventInvitation> {
        storable("e-mail address", new.email.as_deref().unwrap_or_default())?;
        let invitation = EventInvitation {
            id: EventInvitationId::fresh(),
            email: new.email,
            max_uses: new.max_uses,
            used: 0,
            expires_at: new.expires_at,
            created_at: id::now(),
        };
        sqlx::query(
            "INSERT INTO event_invitations (id, event_id, token_hash, email, max_uses, used,
                 expires_at, created_at) VALUES ($1, $2, $3, $4, $5, 0, $6, $7)",
        )
        .bind(invitation.id.0)
        .bind(new.event.0)
        .bind(new.token.to_hex())
        .bind(invitation.email.as_deref())
        .bind(i64::from(invitation.max_uses))
        .bind(invitation.expires_at)
        .bind(invitation.created_at)
        .execute(self.writes())
        .await
        .map_err(event_is_gone)?;
        Ok(invitation)
    }

    /// An event's invitations, oldest first, after that one.
    pub async fn event_invitations(
        &self,
        event: EventId,
        after: Option<EventInvitationId>,
        limit: u32,
    ) -> Result<Vec<EventInvitation>> {
        let rows = sqlx::query(
            "SELECT id, email, max_uses, used, expires_at, created_at FROM event_invitations
             WHERE event_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        )
        .bind(event.0)
        .bind(after.map_or(-1, |after| after.0))
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// Takes an invitation back; who has registered by it stays. `NotFound`.
    pub async fn delete_event_invitation(
        &self,
        event: EventId,
        invitation: EventInvitationId,
    ) -> Result<()> {
        let deleted = sqlx::query("DELETE FROM event_invitations WHERE id = $1 AND event_id = $2")
            .bind(invitation.0)
            .bind(event.0)
            .execute(self.writes())
            .await?
            .rows_affected();
        if deleted == 0 {
            return Err(DbError::NotFound { what: "invitation" });
        }
        Ok(())
    }

    /// Whether a token of an invitation still lets somebody in.
    pub async fn event_invitation_holds(&self, event: EventId, token: KeyHash) -> Result<bool> {
        let row = sqlx::query(
            "SELECT count(*) FROM event_invitations
             WHERE token_hash = $1 AND event_id = $2 AND used < max_uses
                 AND (expires_at IS NULL OR expires_at > $3)",
        )
        .bind(token.to_hex())
        .bind(event.0)
        .bind(id::now())
        .fetch_one(self.reads())
        .await?;
        Ok(row.try_get::<i64, _>(0)? > 0)
    }
}

/// Uses an invitation up by one. Whether it let them in. A personal one takes a guest with that
/// address, or whoever has an account and the link.
pub(super) async fn used(
    tx: &mut Transaction<'static, Any>,
    event: EventId,
    token: KeyHash,
    email: Option<&str>,
    now: UnixMillis,
) -> Result<bool> {
    let used = sqlx::query(
        "UPDATE event_invitations SET used = used + 1
         WHERE token_hash = $1 AND event_id = $2 AND used < max_uses
             AND (expires_at IS NULL OR expires_at > $3)
             AND (email IS NULL OR $4 = '' OR email = $4)",
    )
    .bind(token.to_hex())
    .bind(event.0)
    .bind(now)
    .bind(email.unwrap_or_default())
    .execute(&mut **tx)
    .await?
    .rows_affected();
    Ok(used > 0)
}

fn from_row(row: &AnyRow) -> sqlx::Result<EventInvitation> {
    Ok(EventInvitation {
        id: EventInvitationId(row.try_get("id")?),
        email: row.try_get("email")?,
        max_uses: count(row.try_get("max_uses")?),
        used: count(row.try_get("used")?),
        expires_at: row.try_get("expires_at")?,
        created_at: row.try_get("created_at")?,
    })
}
