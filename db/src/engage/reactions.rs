//! Reactions on messages.

use std::collections::HashMap;

use sqlx::Row;
use weir_protocol::room::{MessageId, MessageReactions, ReactionCount};

use super::places;
use crate::{Db, DbError, Result, RoomId, error::storable};

impl Db {
    /// Puts a reaction on a message, or takes it off: once per member and emoji. Whether that changed
    /// anything. `NotFound` for a message that the room does not have or that was deleted; `Conflict` when
    /// the message has as many different reactions as it may.
    pub async fn react_to_message(
        &self,
        room: RoomId,
        message: MessageId,
        member_key: &str,
        emoji: &str,
        on: bool,
        kinds_max: usize,
    ) -> Result<bool> {
        storable("reaction", emoji)?;
        let mut tx = self.begin_write().await?;
        let held = sqlx::query(
            "SELECT (SELECT count(DISTINCT emoji) FROM message_reactions
                     WHERE message_id = $1 AND emoji <> $3) AS kinds
             FROM chat_messages WHERE id = $1 AND room_id = $2 AND deleted_at IS NULL",
        )
        .bind(message.get())
        .bind(room.0)
        .bind(emoji)
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(DbError::NotFound { what: "message" })?;
        let kinds = held.try_get::<i64, _>("kinds")?.unsigned_abs();
        if on && kinds >= kinds_max as u64 {
            return Err(DbError::Conflict { what: "reaction" });
        }
        let changed = if on {
            sqlx::query(
                "INSERT INTO message_reactions (message_id, emoji, member_key) VALUES ($1, $2, $3)
                 ON CONFLICT DO NOTHING",
            )
        } else {
            sqlx::query(
                "DELETE FROM message_reactions
                 WHERE message_id = $1 AND emoji = $2 AND member_key = $3",
            )
        }
        .bind(message.get())
        .bind(emoji)
        .bind(member_key)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        tx.commit().await?;
        Ok(changed > 0)
    }

    /// Reactions on these messages, in the same order, those without any included.
    pub async fn message_reactions(&self, messages: &[MessageId]) -> Result<Vec<MessageReactions>> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT message_id, emoji, count(*) AS count FROM message_reactions
             WHERE message_id IN ({}) GROUP BY message_id, emoji ORDER BY count(*) DESC, emoji",
            places(1, messages.len())
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for message in messages {
            query = query.bind(message.get());
        }
        let mut found: HashMap<i64, Vec<ReactionCount>> = HashMap::new();
        for row in query.fetch_all(self.reads()).await? {
            found
                .entry(row.try_get("message_id")?)
                .or_default()
                .push(ReactionCount {
                    emoji: row.try_get("emoji")?,
                    count: row.try_get::<i64, _>("count")?.unsigned_abs(),
                });
        }
        Ok(messages
            .iter()
            .map(|id| MessageReactions {
                id: *id,
                reactions: found.remove(&id.get()).unwrap_or_default(),
            })
            .collect())
    }
}
