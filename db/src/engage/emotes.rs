//! Emotes of rooms and of the whole site.

use sqlx::{Any, Row, Transaction};
use weir_protocol::room::Emote;

use super::{rules::gone, touch};
use crate::{Db, DbError, Result, RoomId, UserId, error::storable, id};

impl Db {
    /// Emotes of a room, or of the whole site with `None`, by code.
    pub async fn emotes(&self, room: Option<RoomId>) -> Result<Vec<Emote>> {
        let rows = sqlx::query("SELECT code, image FROM emotes WHERE scope = $1")
            .bind(scope(room))
            .fetch_all(self.reads())
            .await?;
        let mut emotes = rows
            .iter()
            .map(|row| {
                Ok(Emote {
                    code: row.try_get("code")?,
                    image: row.try_get("image")?,
                })
            })
            .collect::<sqlx::Result<Vec<_>>>()?;
        // Here and not in SQL: PostgreSQL's order depends on the locale.
        emotes.sort();
        Ok(emotes)
    }

    /// Adds an emote to a room, or to the whole site with `None`. `Conflict` when there is one with this
    /// code, or as many as may be.
    pub async fn add_emote(
        &self,
        room: Option<RoomId>,
        emote: &Emote,
        by: UserId,
        most: usize,
    ) -> Result<()> {
        storable("code", &emote.code)?;
        storable("image", &emote.image)?;
        let mut tx = self.begin_write().await?;
        // First, so that two who add at once count one after the other.
        changed(&mut tx, room).await?;
        let row = sqlx::query("SELECT count(*) AS count FROM emotes WHERE scope = $1")
            .bind(scope(room))
            .fetch_one(&mut *tx)
            .await?;
        if row.try_get::<i64, _>("count")?.unsigned_abs() >= most as u64 {
            return Err(DbError::Invalid {
                what: "emote",
                why: "is one more than there may be; remove another first",
            });
        }
        sqlx::query(
            "INSERT INTO emotes (id, scope, room_id, code, image, added_by, added_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(id::fresh())
        .bind(scope(room))
        .bind(room.map(|room| room.0))
        .bind(&*emote.code)
        .bind(&*emote.image)
        .bind(by.0)
        .bind(id::now())
        .execute(&mut *tx)
        .await
        .map_err(|error| match gone(error) {
            DbError::Conflict { .. } => DbError::Conflict { what: "code" },
            other => other,
        })?;
        tx.commit().await?;
        Ok(())
    }

    /// Removes an emote. Whether there was one.
    pub async fn remove_emote(&self, room: Option<RoomId>, code: &str) -> Result<bool> {
        storable("code", code)?;
        let mut tx = self.begin_write().await?;
        let removed = sqlx::query("DELETE FROM emotes WHERE scope = $1 AND code = $2")
            .bind(scope(room))
            .bind(code)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        changed(&mut tx, room).await?;
        tx.commit().await?;
        Ok(removed > 0)
    }
}

fn scope(room: Option<RoomId>) -> i64 {
    room.map_or(0, |room| room.0)
}

async fn changed(tx: &mut Transaction<'static, Any>, room: Option<RoomId>) -> Result<()> {
    match room {
        Some(room) => touch(tx, room).await,
        None => {
            sqlx::query("UPDATE site_policy SET version = version + 1 WHERE id = 1")
                .execute(&mut **tx)
                .await?;
            Ok(())
        }
    }
}
