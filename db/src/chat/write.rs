//! Keeping messages and changing them.

use std::collections::HashMap;

use sqlx::{Any, Row, Transaction};
use weir_protocol::room::{Emote, MessageId};

use super::{Appended, ChatChange, ChatRow, NewChatMessage, RoomRow, RoomSubject, number};
use crate::{Db, DbError, Result, RoomId, UnixMillis, error::storable, id};

/// Columns of a new message.
const COLUMNS: usize = 16;

impl Db {
    /// The room of something, made when it is not there yet. `NotFound` for a stream that is gone.
    pub async fn open_room(&self, subject: RoomSubject) -> Result<RoomRow> {
        if let Some(room) = self.room_of(subject).await? {
            return Ok(room);
        }
        sqlx::query(
            "INSERT INTO rooms (id, kind, subject_id, stream_id, seq, created_at)
             VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT DO NOTHING",
        )
        .bind(RoomId::fresh().0)
        .bind(subject.kind())
        .bind(subject.id())
        .bind(subject.stream().map(|stream| stream.0))
        .bind(id::now())
        .execute(self.writes())
        .await?;
        let room = self.room_of(subject).await?;
        room.ok_or(DbError::NotFound { what: "room" })
    }

    /// The room of something; `None` when nobody has entered it yet.
    pub async fn room_of(&self, subject: RoomSubject) -> Result<Option<RoomRow>> {
        let row = sqlx::query("SELECT id, seq FROM rooms WHERE kind = $1 AND subject_id = $2")
            .bind(subject.kind())
            .bind(subject.id())
            .fetch_optional(self.reads())
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(RoomRow {
            id: RoomId(row.try_get("id")?),
            seq: row.try_get::<i64, _>("seq")?.unsigned_abs(),
        }))
    }

    /// Removes the room of something with all that was said in it. Nothing happens when there is none.
    pub async fn delete_room(&self, subject: RoomSubject) -> Result<()> {
        sqlx::query("DELETE FROM rooms WHERE kind = $1 AND subject_id = $2")
            .bind(subject.kind())
            .bind(subject.id())
            .execute(self.writes())
            .await?;
        Ok(())
    }

    /// Keeps messages, and how far their rooms have counted (`heads`), all of it or nothing: one
    /// transaction however many messages and rooms. A message whose author has sent one with the same
    /// `client_ref` in that room before is not kept again. `NotFound` when one of the rooms is gone.
    pub async fn append_chat(
        &self,
        messages: &[NewChatMessage],
        heads: &[(RoomId, u64)],
    ) -> Result<Vec<Appended>> {
        for message in messages {
            storable("text", &message.text)?;
            storable("ref", &message.client_ref)?;
            storable("name", message.guest_name.as_deref().unwrap_or_default())?;
        }
        let mut tx = self.begin_write().await?;
        let mut results = vec![Appended::New; messages.len()];
        if !messages.is_empty() {
            let kept = insert(&mut tx, messages).await?;
            if kept < messages.len() as u64 {
                let before = by_ref(&mut tx, messages).await?;
                for (message, result) in messages.iter().zip(&mut results) {
                    let key = (
                        message.room.0,
                        message.author_key.as_str(),
                        message.client_ref.as_str(),
                    );
                    match before.get(&key) {
                        Some((id, _)) if *id == message.id => {}
                        Some((id, seq)) => *result = Appended::Before { id: *id, seq: *seq },
                        // Its own id or place clashed: the numbers were not new.
                        None => return Err(DbError::Conflict { what: "id" }),
                    }
                }
            }
        }
        set_heads(&mut tx, heads).await?;
        tx.commit().await?;
        Ok(results)
    }

    /// Changes a message that is not deleted, under a new sequence number of its room. Gives it as it
    /// is then; `None` when there is no such message.
    pub async fn change_chat(
        &self,
        room: RoomId,
        id: MessageId,
        change: &ChatChange,
        seq: u64,
    ) -> Result<Option<ChatRow>> {
        let mut tx = self.begin_write().await?;
        let changed = match change {
            ChatChange::Edit {
                text,
                mentions,
                emotes,
                at,
            } => {
                storable("text", text)?;
                sqlx::query(
                    "UPDATE chat_messages SET changed_seq = $3, text = $4, mentions = $5, edited_at = $6,
                        emotes = $7
                     WHERE room_id = $1 AND id = $2 AND deleted_at IS NULL",
                )
                .bind(room.0)
                .bind(id.get())
                .bind(number(seq))
                .bind(text.as_str())
                .bind(names(mentions))
                .bind(*at)
                .bind(pictures(emotes))
            }
            ChatChange::Delete { at } => sqlx::query(
                "UPDATE chat_messages
                 SET changed_seq = $3, text = '', mentions = '[]', emotes = '[]', pinned_at = NULL, deleted_at = $4
                 WHERE room_id = $1 AND id = $2 AND deleted_at IS NULL",
            )
            .bind(room.0)
            .bind(id.get())
            .bind(number(seq))
            .bind(*at),
            ChatChange::Pin { at } => sqlx::query(
                "UPDATE chat_messages SET changed_seq = $3, pinned_at = $4
                 WHERE room_id = $1 AND id = $2 AND deleted_at IS NULL",
            )
            .bind(room.0)
            .bind(id.get())
            .bind(number(seq))
            .bind(*at),
            ChatChange::Unpin => sqlx::query(
                "UPDATE chat_messages SET changed_seq = $3, pinned_at = NULL
                 WHERE room_id = $1 AND id = $2 AND deleted_at IS NULL",
            )
            .bind(room.0)
            .bind(id.get())
            .bind(number(seq)),
        };
        let changed = changed.execute(&mut *tx).await?.rows_affected();
        if changed == 0 {
            return Ok(None);
        }
        set_heads(&mut tx, &[(room, seq)]).await?;
        tx.commit().await?;
        self.chat_message(room, id).await
    }

    /// Deletes all messages of an author in a room, under a new sequence number. Says how many.
    pub async fn purge_chat(
        &self,
        room: RoomId,
        author_key: &str,
        seq: u64,
        at: UnixMillis,
    ) -> Result<u64> {
        let mut tx = self.begin_write().await?;
        let deleted = sqlx::query(
            "UPDATE chat_messages
             SET changed_seq = $3, text = '', mentions = '[]', emotes = '[]', pinned_at = NULL, deleted_at = $4
             WHERE room_id = $1 AND author_key = $2 AND deleted_at IS NULL",
        )
        .bind(room.0)
        .bind(author_key)
        .bind(number(seq))
        .bind(at)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        set_heads(&mut tx, &[(room, seq)]).await?;
        tx.commit().await?;
        Ok(deleted)
    }
}

async fn insert(tx: &mut Transaction<'static, Any>, messages: &[NewChatMessage]) -> Result<u64> {
    let places: Vec<String> = (0..messages.len())
        .map(|row| {
            let first = row * COLUMNS + 1;
            let places: Vec<String> = (first..first + COLUMNS).map(|n| format!("${n}")).collect();
            format!("({})", places.join(","))
        })
        .collect();
    let sql = format!(
        "INSERT INTO chat_messages (id, room_id, seq, changed_seq, author_id, author_key, guest_name,
            moderator, client_ref, text, reply_to, mentions, hidden, sent_at, pinned_at, emotes)
         VALUES {} ON CONFLICT DO NOTHING",
        places.join(",")
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
    for message in messages {
        query = query
            .bind(message.id.get())
            .bind(message.room.0)
            .bind(number(message.seq))
            .bind(number(message.seq))
            .bind(message.author.map(|author| author.0))
            .bind(message.author_key.as_str())
            .bind(message.guest_name.as_deref())
            .bind(i64::from(message.moderator))
            .bind(message.client_ref.as_str())
            .bind(message.text.as_str())
            .bind(message.reply_to.map(MessageId::get))
            .bind(names(&message.mentions))
            .bind(i64::from(message.hidden))
            .bind(message.sent_at)
            .bind(None::<i64>)
            .bind(pictures(&message.emotes));
    }
    Ok(query.execute(&mut **tx).await?.rows_affected())
}

type ByRef<'a> = HashMap<(i64, &'a str, &'a str), (MessageId, u64)>;

/// What is kept under the names that these messages have.
async fn by_ref<'a>(
    tx: &mut Transaction<'static, Any>,
    messages: &'a [NewChatMessage],
) -> Result<ByRef<'a>> {
    let conditions: Vec<String> = (0..messages.len())
        .map(|row| {
            let n = row * 3;
            format!(
                "(room_id = ${} AND author_key = ${} AND client_ref = ${})",
                n + 1,
                n + 2,
                n + 3
            )
        })
        .collect();
    let sql = format!(
        "SELECT id, seq, room_id, author_key, client_ref FROM chat_messages WHERE {}",
        conditions.join(" OR ")
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
    for message in messages {
        query = query
            .bind(message.room.0)
            .bind(message.author_key.as_str())
            .bind(message.client_ref.as_str());
    }
    let mut found: HashMap<(i64, String, String), (MessageId, u64)> = HashMap::new();
    for row in query.fetch_all(&mut **tx).await? {
        let key = (
            row.try_get("room_id")?,
            row.try_get("author_key")?,
            row.try_get("client_ref")?,
        );
        let id = MessageId::new(row.try_get("id")?);
        found.insert(key, (id, row.try_get::<i64, _>("seq")?.unsigned_abs()));
    }
    let pick = |message: &'a NewChatMessage| {
        let owned = (
            message.room.0,
            message.author_key.clone(),
            message.client_ref.clone(),
        );
        let kept = *found.get(&owned)?;
        let key = (
            message.room.0,
            message.author_key.as_str(),
            message.client_ref.as_str(),
        );
        Some((key, kept))
    };
    Ok(messages.iter().filter_map(pick).collect())
}

/// One statement, however many rooms.
async fn set_heads(tx: &mut Transaction<'static, Any>, heads: &[(RoomId, u64)]) -> Result<()> {
    if heads.is_empty() {
        return Ok(());
    }
    let cases: Vec<String> = (0..heads.len())
        .map(|n| format!("WHEN ${} THEN ${}", 2 * n + 1, 2 * n + 2))
        .collect();
    let ids: Vec<String> = (0..heads.len())
        .map(|n| format!("${}", 2 * n + 1))
        .collect();
    let sql = format!(
        "UPDATE rooms SET seq = CASE id {} ELSE seq END WHERE id IN ({})",
        cases.join(" "),
        ids.join(",")
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
    for (room, seq) in heads {
        query = query.bind(room.0).bind(number(*seq));
    }
    let changed = query.execute(&mut **tx).await?.rows_affected();
    if changed < heads.len() as u64 {
        return Err(DbError::NotFound { what: "room" });
    }
    Ok(())
}

fn names(names: &[String]) -> String {
    serde_json::to_string(names).expect("names are plain data")
}

fn pictures(emotes: &[Emote]) -> String {
    serde_json::to_string(emotes).expect("emotes are plain data")
}
