//! Moderators of rooms.

use sqlx::Row;
use weir_protocol::room::RoomModerator;

use super::touch;
use crate::{Db, Result, RoomId, UserId, id};

impl Db {
    /// Who moderates a room, beside its owner and the site's moderators.
    pub async fn room_moderator_ids(&self, room: RoomId) -> Result<Vec<UserId>> {
        let rows = sqlx::query("SELECT user_id FROM room_moderators WHERE room_id = $1")
            .bind(room.0)
            .fetch_all(self.reads())
            .await?;
        Ok(rows
            .iter()
            .map(|row| row.try_get("user_id").map(UserId))
            .collect::<sqlx::Result<_>>()?)
    }

    /// The same with names, the first added first. There are few: see the limit of who adds them.
    pub async fn room_moderators(&self, room: RoomId) -> Result<Vec<RoomModerator>> {
        let rows = sqlx::query(
            "SELECT u.name, u.display_name, m.added_at
             FROM room_moderators m JOIN users u ON u.id = m.user_id
             WHERE m.room_id = $1 ORDER BY m.added_at, u.id",
        )
        .bind(room.0)
        .fetch_all(self.reads())
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            let name: String = row.try_get("name")?;
            Ok(RoomModerator {
                display_name: row
                    .try_get::<Option<String>, _>("display_name")?
                    .unwrap_or_else(|| name.clone()),
                name,
                added_at: row.try_get("added_at")?,
            })
        };
        Ok(rows.iter().map(read).collect::<sqlx::Result<_>>()?)
    }

    /// Makes a user a moderator of a room. Whether that is new.
    pub async fn add_room_moderator(&self, room: RoomId, user: UserId) -> Result<bool> {
        let mut tx = self.begin_write().await?;
        let added = sqlx::query(
            "INSERT INTO room_moderators (room_id, user_id, added_at) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING",
        )
        .bind(room.0)
        .bind(user.0)
        .bind(id::now())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        touch(&mut tx, room).await?;
        tx.commit().await?;
        Ok(added > 0)
    }

    /// Takes that back. Whether there was something to take back.
    pub async fn remove_room_moderator(&self, room: RoomId, user: UserId) -> Result<bool> {
        let mut tx = self.begin_write().await?;
        let removed =
            sqlx::query("DELETE FROM room_moderators WHERE room_id = $1 AND user_id = $2")
                .bind(room.0)
                .bind(user.0)
                .execute(&mut *tx)
                .await?
                .rows_affected();
        touch(&mut tx, room).await?;
        tx.commit().await?;
        Ok(removed > 0)
    }
}
