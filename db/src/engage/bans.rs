//! Bans, shadow bans and timeouts.

use sqlx::{Row, any::AnyRow};
use weir_protocol::room::{Ban, BanId, BanKind};

use super::{rules::gone, touch};
use crate::{Db, Result, RoomId, UnixMillis, UserId, error::storable, id};

/// Followed by conditions on `b`. A user's name may have changed since.
const SELECT: &str =
    "SELECT b.id, b.kind, b.member_key, b.user_id, b.name, b.address_hash, b.reason,
        b.created_at, b.ends_at, u.name AS user_name, a.name AS by_name
     FROM room_bans b
     LEFT JOIN users u ON u.id = b.user_id
     LEFT JOIN users a ON a.id = b.by_id
     WHERE b.room_id = $1 AND (b.ends_at IS NULL OR b.ends_at > $2)";

/// Somebody to keep quiet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBanRow {
    /// Where.
    pub room: RoomId,
    /// How.
    pub kind: BanKind,
    /// `user:<id>` or `guest:<code>`.
    pub member_key: String,
    /// When it is a user.
    pub user: Option<UserId>,
    /// The name that they have.
    pub name: String,
    /// Keyed hash of their address.
    pub address_hash: Option<String>,
    /// Why.
    pub reason: String,
    /// Who does it.
    pub by: UserId,
    /// When it ends by itself.
    pub ends_at: Option<UnixMillis>,
}

/// A ban that holds, with what only the server knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BanRow {
    /// As clients see it.
    pub ban: Ban,
    /// `user:<id>` or `guest:<code>`.
    pub member_key: String,
    /// Keyed hash of the address.
    pub address_hash: Option<String>,
}

impl Db {
    /// Keeps somebody quiet. One of each kind holds for a member: a newer one takes its place.
    /// `NotFound` when the room is gone.
    pub async fn add_ban(&self, new: &NewBanRow) -> Result<BanId> {
        storable("name", &new.name)?;
        storable("reason", &new.reason)?;
        let id = id::fresh();
        let mut tx = self.begin_write().await?;
        sqlx::query("DELETE FROM room_bans WHERE room_id = $1 AND member_key = $2 AND kind = $3")
            .bind(new.room.0)
            .bind(&*new.member_key)
            .bind(new.kind.as_str())
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "INSERT INTO room_bans (id, room_id, kind, member_key, user_id, name, address_hash, reason,
                by_id, created_at, ends_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(id)
        .bind(new.room.0)
        .bind(new.kind.as_str())
        .bind(&*new.member_key)
        .bind(new.user.map(|user| user.0))
        .bind(&*new.name)
        .bind(new.address_hash.as_deref())
        .bind(&*new.reason)
        .bind(new.by.0)
        .bind(id::now())
        .bind(new.ends_at)
        .execute(&mut *tx)
        .await
        .map_err(gone)?;
        touch(&mut tx, new.room).await?;
        tx.commit().await?;
        Ok(BanId::new(id))
    }

    /// Lifts what keeps a member quiet: this kind of it, or all. Gives what was lifted.
    pub async fn lift_bans(
        &self,
        room: RoomId,
        member_key: &str,
        kind: Option<BanKind>,
    ) -> Result<u64> {
        let mut tx = self.begin_write().await?;
        let lifted = sqlx::query(
            "DELETE FROM room_bans WHERE room_id = $1 AND member_key = $2 AND ($3 = '' OR kind = $3)",
        )
        .bind(room.0)
        .bind(member_key)
        .bind(kind.map_or("", BanKind::as_str))
        .execute(&mut *tx)
        .await?
        .rows_affected();
        touch(&mut tx, room).await?;
        tx.commit().await?;
        Ok(lifted)
    }

    /// What holds in a room now.
    pub async fn all_bans(&self, room: RoomId) -> Result<Vec<BanRow>> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(SELECT))
            .bind(room.0)
            .bind(id::now())
            .fetch_all(self.reads())
            .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// What holds in a room now, the newest first, before a certain one.
    pub async fn bans_page(
        &self,
        room: RoomId,
        before: Option<BanId>,
        limit: u32,
    ) -> Result<Vec<BanRow>> {
        let sql = format!("{SELECT} AND b.id < $3 ORDER BY b.id DESC LIMIT $4");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(room.0)
            .bind(id::now())
            .bind(before.map_or(i64::MAX, BanId::get))
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// One that holds; `None` when there is none with this id.
    pub async fn ban(&self, room: RoomId, ban: BanId) -> Result<Option<BanRow>> {
        let sql = format!("{SELECT} AND b.id = $3");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(room.0)
            .bind(id::now())
            .bind(ban.get())
            .fetch_optional(self.reads())
            .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }
}

fn from_row(row: &AnyRow) -> sqlx::Result<BanRow> {
    let kind: String = row.try_get("kind")?;
    let kind = match kind.as_str() {
        "ban" => BanKind::Ban,
        "shadow" => BanKind::Shadow,
        "timeout" => BanKind::Timeout,
        other => {
            return Err(sqlx::Error::ColumnDecode {
                index: "kind".into(),
                source: format!("unknown kind {other:?}").into(),
            });
        }
    };
    let member_key: String = row.try_get("member_key")?;
    let user: Option<String> = row.try_get("user_name")?;
    let address_hash: Option<String> = row.try_get("address_hash")?;
    Ok(BanRow {
        ban: Ban {
            id: BanId::new(row.try_get("id")?),
            kind,
            member: user.map_or_else(|| member_key.clone(), |name| format!("user:{name}")),
            name: row.try_get("name")?,
            address: address_hash.is_some(),
            reason: row.try_get("reason")?,
            by: row.try_get("by_name")?,
            created_at: row.try_get("created_at")?,
            ends_at: row.try_get("ends_at")?,
        },
        member_key,
        address_hash,
    })
}
