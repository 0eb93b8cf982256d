//! Reading messages.

use sqlx::{Row, any::AnyRow};
use weir_protocol::room::{Author, ChatMessage, Mention, MessageId, ReplyTo};

use super::{ChatReader, ChatRow, number};
use crate::{Db, Result, RoomId, UserId};

/// Characters of an answered message that are shown with the answer.
const EXCERPT: usize = 100;

/// What stands in the place of the name of somebody whose account is deleted.
const NOBODY: &str = "deleted user";

/// Followed by conditions.
const SELECT: &str = "SELECT m.id, m.seq, m.changed_seq, m.author_id, m.author_key, m.guest_name,
        m.moderator, m.text, m.mentions, m.emotes, m.hidden, m.sent_at, m.edited_at, m.deleted_at, m.pinned_at,
        u.name AS user_name, u.display_name AS user_display,
        r.id AS reply_id, r.text AS reply_text, r.guest_name AS reply_guest,
        ru.name AS reply_name, ru.display_name AS reply_display
     FROM chat_messages m
     LEFT JOIN users u ON u.id = m.author_id
     LEFT JOIN chat_messages r ON r.id = m.reply_to AND r.room_id = m.room_id
     LEFT JOIN users ru ON ru.id = r.author_id
     WHERE m.room_id = $1";

/// Where what is hidden stays so.
const VISIBLE: &str = "AND (m.hidden = 0 OR $2 = 1 OR m.author_key = $3)";

impl Db {
    /// Messages before a place (`None`: the newest), the newest first.
    pub async fn chat_before(
        &self,
        room: RoomId,
        before: Option<u64>,
        reader: ChatReader<'_>,
        limit: u32,
    ) -> Result<Vec<ChatRow>> {
        let sql = format!("{SELECT} {VISIBLE} AND m.seq < $4 ORDER BY m.seq DESC LIMIT $5");
        let (all, key) = eyes(reader);
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(room.0)
            .bind(all)
            .bind(key)
            .bind(before.map_or(i64::MAX, number))
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await?;
        self.with_reactions(&rows).await
    }

    /// What changed after one sequence number and not after another, as it is now, in order of the
    /// changes.
    pub async fn chat_changes(
        &self,
        room: RoomId,
        after: u64,
        until: u64,
        reader: ChatReader<'_>,
        limit: u32,
    ) -> Result<Vec<ChatRow>> {
        let sql = format!(
            "{SELECT} {VISIBLE} AND m.changed_seq > $4 AND m.changed_seq <= $5
             ORDER BY m.changed_seq, m.seq LIMIT $6"
        );
        let (all, key) = eyes(reader);
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(room.0)
            .bind(all)
            .bind(key)
            .bind(number(after))
            .bind(number(until))
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await?;
        self.with_reactions(&rows).await
    }

    /// One message; `None` when the room has none with this id.
    pub async fn chat_message(&self, room: RoomId, id: MessageId) -> Result<Option<ChatRow>> {
        let sql = format!("{SELECT} AND m.id = $2");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(room.0)
            .bind(id.get())
            .fetch_optional(self.reads())
            .await?;
        let rows: Vec<AnyRow> = row.into_iter().collect();
        Ok(self.with_reactions(&rows).await?.pop())
    }

    /// Pinned messages, the newest pin first.
    pub async fn pinned_chat(&self, room: RoomId, limit: u32) -> Result<Vec<ChatRow>> {
        let sql = format!(
            "{SELECT} AND m.pinned_at IS NOT NULL ORDER BY m.pinned_at DESC, m.seq DESC LIMIT $2"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(room.0)
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await?;
        self.with_reactions(&rows).await
    }

    /// Two queries, however many messages.
    async fn with_reactions(&self, rows: &[AnyRow]) -> Result<Vec<ChatRow>> {
        let mut rows = rows
            .iter()
            .map(from_row)
            .collect::<sqlx::Result<Vec<_>>>()?;
        let ids: Vec<MessageId> = rows.iter().map(|row| row.message.id).collect();
        for (row, found) in rows.iter_mut().zip(self.message_reactions(&ids).await?) {
            row.message.reactions = found.reactions;
        }
        Ok(rows)
    }

    /// Those of these names, in lower case, that users have.
    pub async fn existing_names(&self, names: &[String]) -> Result<Vec<String>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<String> = (1..=names.len()).map(|n| format!("${n}")).collect();
        let sql = format!(
            "SELECT name FROM users WHERE name IN ({})",
            places.join(",")
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for name in names {
            crate::error::storable("name", name)?;
            query = query.bind(name.as_str());
        }
        let rows = query.fetch_all(self.reads()).await?;
        Ok(rows
            .iter()
            .map(|row| row.try_get("name"))
            .collect::<sqlx::Result<_>>()?)
    }
}

fn eyes(reader: ChatReader<'_>) -> (i64, String) {
    match reader {
        ChatReader::Moderator => (1, String::new()),
        // No key is empty.
        ChatReader::Plain(key) => (0, key.unwrap_or_default().to_owned()),
    }
}

fn from_row(row: &AnyRow) -> sqlx::Result<ChatRow> {
    let text = |column: &str| row.try_get::<Option<String>, _>(column);
    let author = row.try_get::<Option<i64>, _>("author_id")?.map(UserId);
    let author_key: String = row.try_get("author_key")?;
    let guest = text("guest_name")?;
    let user = text("user_name")?;
    let id = match (&guest, &user) {
        (Some(_), _) => Some(author_key.clone()),
        (None, Some(name)) => Some(format!("user:{name}")),
        (None, None) => None,
    };
    let is_guest = guest.is_some();
    let name = shown(guest, text("user_display")?, user);
    let mentions: Vec<String> = decoded(row, "mentions")?;
    let reply_to = match row.try_get::<Option<i64>, _>("reply_id")? {
        None => None,
        Some(id) => Some(ReplyTo {
            id: MessageId::new(id),
            author: shown(
                text("reply_guest")?,
                text("reply_display")?,
                text("reply_name")?,
            ),
            excerpt: excerpt(&text("reply_text")?.unwrap_or_default()),
        }),
    };
    let message = ChatMessage {
        id: MessageId::new(row.try_get("id")?),
        seq: row.try_get::<i64, _>("seq")?.unsigned_abs(),
        author: Author {
            id,
            name,
            guest: is_guest,
            moderator: row.try_get::<i64, _>("moderator")? != 0,
        },
        text: row.try_get("text")?,
        sent_at: row.try_get("sent_at")?,
        edited_at: row.try_get("edited_at")?,
        deleted: row.try_get::<Option<i64>, _>("deleted_at")?.is_some(),
        pinned_at: row.try_get("pinned_at")?,
        reply_to,
        mentions: mentions.into_iter().map(|name| Mention { name }).collect(),
        emotes: decoded(row, "emotes")?,
        reactions: Vec::new(),
        hidden: row.try_get::<i64, _>("hidden")? != 0,
    };
    Ok(ChatRow {
        message,
        changed_seq: row.try_get::<i64, _>("changed_seq")?.unsigned_abs(),
        author,
        author_key,
    })
}

fn decoded<T: serde::de::DeserializeOwned>(row: &AnyRow, column: &str) -> sqlx::Result<T> {
    let text: String = row.try_get(column)?;
    serde_json::from_str(&text).map_err(|error| sqlx::Error::ColumnDecode {
        index: column.into(),
        source: error.into(),
    })
}

fn shown(guest: Option<String>, display: Option<String>, name: Option<String>) -> String {
    guest
        .or(display)
        .or(name)
        .unwrap_or_else(|| NOBODY.to_owned())
}

/// The beginning of a text.
pub fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT).collect()
}
