//! Questions of an audience.

use sqlx::{Any, Row, Transaction, any::AnyRow};
use weir_protocol::room::{Author, Question, QuestionId, QuestionOrder, QuestionState};

use super::{places, rules::gone};
use crate::{Db, DbError, Result, RoomId, UserId, error::storable, id};

/// `$1` is the room, `$2` who asks.
const SELECT: &str =
    "SELECT q.id, q.author_key, q.guest_name, q.text, q.state, q.pinned, q.votes, q.asked_at,
        q.answered_at, q.version, u.name AS user_name, u.display_name AS user_display,
        CASE WHEN v.voter_key IS NULL THEN 0 ELSE 1 END AS voted
     FROM questions q
     LEFT JOIN users u ON u.id = q.author_id
     LEFT JOIN question_votes v ON v.question_id = q.id AND v.voter_key = $2
     WHERE q.room_id = $1";

/// A question to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewQuestionRow {
    /// Where.
    pub room: RoomId,
    /// The author, when that is a user.
    pub author: Option<UserId>,
    /// `user:<id>` or `guest:<code>`.
    pub author_key: String,
    /// The author's name, when that is a guest.
    pub guest_name: Option<String>,
    /// The client's own name for it; a fresh one when there is none.
    pub client_ref: Option<String>,
    /// What is asked.
    pub text: String,
    /// Open, or waiting.
    pub state: QuestionState,
}

/// What became of a question to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It is kept.
    New(QuestionId),
    /// Its author had sent it before: that one counts.
    Before(QuestionId),
}

/// Who looks: what is not public is for moderators and its author.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuestionReader<'a> {
    /// Sees everything.
    pub moderator: bool,
    /// `user:<id>` or `guest:<code>`; `None` for nobody in particular.
    pub key: Option<&'a str>,
}

/// Which questions, in which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuestionFilter {
    /// Only those of this state.
    pub state: Option<QuestionState>,
    /// In which order.
    pub order: QuestionOrder,
    /// Those that come after this one.
    pub after: Option<QuestionAfter>,
}

/// The place of a question in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuestionAfter {
    /// It is pinned.
    pub pinned: bool,
    /// Its votes.
    pub votes: u64,
    /// Its id.
    pub id: QuestionId,
}

impl Db {
    /// Keeps a question. `NotFound` when the room is gone.
    pub async fn ask(&self, new: &NewQuestionRow) -> Result<Asked> {
        storable("question", &new.text)?;
        storable("name", new.guest_name.as_deref().unwrap_or_default())?;
        let id = id::fresh();
        let client_ref = new.client_ref.clone().unwrap_or_else(|| format!("id {id}"));
        storable("ref", &client_ref)?;
        let kept = sqlx::query(
            "INSERT INTO questions (id, room_id, author_id, author_key, guest_name, client_ref, text,
                state, pinned, votes, asked_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, $9, 1) ON CONFLICT DO NOTHING",
        )
        .bind(id)
        .bind(new.room.0)
        .bind(new.author.map(|author| author.0))
        .bind(&*new.author_key)
        .bind(new.guest_name.as_deref())
        .bind(&*client_ref)
        .bind(&*new.text)
        .bind(new.state.as_str())
        .bind(id::now())
        .execute(self.writes())
        .await
        .map_err(gone)?
        .rows_affected();
        if kept > 0 {
            return Ok(Asked::New(QuestionId::new(id)));
        }
        let before = self
            .question_by_ref(new.room, &new.author_key, &client_ref)
            .await?;
        before
            .map(Asked::Before)
            .ok_or(DbError::Conflict { what: "id" })
    }

    /// The question that an author has asked under this name of their client's.
    pub async fn question_by_ref(
        &self,
        room: RoomId,
        author_key: &str,
        client_ref: &str,
    ) -> Result<Option<QuestionId>> {
        storable("ref", client_ref)?;
        let row = sqlx::query(
            "SELECT id FROM questions WHERE room_id = $1 AND author_key = $2 AND client_ref = $3",
        )
        .bind(room.0)
        .bind(author_key)
        .bind(client_ref)
        .fetch_optional(self.reads())
        .await?;
        let id = row.map(|row| row.try_get("id")).transpose()?;
        Ok(id.map(QuestionId::new))
    }

    /// One question, whoever may see it; `None` when there is none. The author's key beside it.
    pub async fn question(
        &self,
        room: RoomId,
        question: QuestionId,
        reader_key: Option<&str>,
    ) -> Result<Option<(Question, String)>> {
        let sql = format!("{SELECT} AND q.id = $3");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(room.0)
            .bind(reader_key.unwrap_or_default())
            .bind(question.get())
            .fetch_optional(self.reads())
            .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// These questions of a room, each with its author's key; those that are gone are missing.
    pub async fn questions(
        &self,
        room: RoomId,
        questions: &[QuestionId],
    ) -> Result<Vec<(Question, String)>> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("{SELECT} AND q.id IN ({})", places(3, questions.len()));
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(room.0)
            // No key is empty.
            .bind("");
        for question in questions {
            query = query.bind(question.get());
        }
        let rows = query.fetch_all(self.reads()).await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }

    /// A page of questions that the reader may see. Pinned ones first when ordered by votes.
    pub async fn questions_page(
        &self,
        room: RoomId,
        reader: QuestionReader<'_>,
        filter: QuestionFilter,
        limit: u32,
    ) -> Result<Vec<Question>> {
        let order = match filter.order {
            // Spelled out: row values compare in one direction only in some versions of SQLite's planner,
            // and the same text must do on both databases.
            QuestionOrder::Votes => {
                "AND (q.pinned < $6 OR (q.pinned = $6 AND (q.votes < $7 OR (q.votes = $7 AND q.id < $8))))
                 ORDER BY q.pinned DESC, q.votes DESC, q.id DESC LIMIT $9"
            }
            QuestionOrder::Newest => {
                "AND $6 = $6 AND $7 = $7 AND q.id < $8 ORDER BY q.id DESC LIMIT $9"
            }
        };
        let sql = format!(
            "{SELECT}
             AND ($3 = 1 OR q.state IN ('open', 'pinned', 'answered') OR q.author_key = $4)
             AND ($5 = '' OR q.state = $5) {order}"
        );
        let start = filter.after;
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(room.0)
            .bind(reader.key.unwrap_or_default())
            .bind(i64::from(reader.moderator))
            .bind(reader.key.unwrap_or_default())
            .bind(filter.state.map_or("", QuestionState::as_str))
            .bind(start.map_or(2, |after| i64::from(after.pinned)))
            .bind(start.map_or(i64::MAX, |after| {
                i64::try_from(after.votes).unwrap_or(i64::MAX)
            }))
            .bind(start.map_or(i64::MAX, |after| after.id.get()))
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await?;
        Ok(rows
            .iter()
            .map(|row| from_row(row).map(|(question, _)| question))
            .collect::<sqlx::Result<_>>()?)
    }

    /// Wants to know it too, or takes that back: counted once. Whether that changed anything; `None`
    /// for a question that is not there or not open to votes.
    pub async fn upvote(
        &self,
        room: RoomId,
        question: QuestionId,
        voter_key: &str,
        vote: bool,
    ) -> Result<Option<bool>> {
        let mut tx = self.begin_write().await?;
        let held = sqlx::query(
            "UPDATE questions SET votes = votes
             WHERE id = $1 AND room_id = $2 AND state IN ('open', 'pinned', 'answered')",
        )
        .bind(question.get())
        .bind(room.0)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if held == 0 {
            return Ok(None);
        }
        let changed = if vote {
            sqlx::query(
                "INSERT INTO question_votes (question_id, voter_key) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            )
        } else {
            sqlx::query("DELETE FROM question_votes WHERE question_id = $1 AND voter_key = $2")
        }
        .bind(question.get())
        .bind(voter_key)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if changed > 0 {
            count(&mut tx, question, if vote { 1 } else { -1 }).await?;
        }
        tx.commit().await?;
        Ok(Some(changed > 0))
    }

    /// Says what became of a question, if it still has this version; `None` takes any. Whether it did.
    pub async fn set_question_state(
        &self,
        room: RoomId,
        question: QuestionId,
        state: QuestionState,
        version: Option<i64>,
    ) -> Result<bool> {
        let answered = (state == QuestionState::Answered).then(id::now);
        let changed = sqlx::query(
            "UPDATE questions SET state = $3, pinned = $4, answered_at = $5, version = version + 1
             WHERE id = $1 AND room_id = $2 AND ($6 = 0 OR version = $6)",
        )
        .bind(question.get())
        .bind(room.0)
        .bind(state.as_str())
        .bind(i64::from(state == QuestionState::Pinned))
        .bind(answered)
        .bind(version.unwrap_or_default())
        .execute(self.writes())
        .await?
        .rows_affected();
        Ok(changed > 0)
    }

    /// Removes a question. Whether there was one.
    pub async fn delete_question(&self, room: RoomId, question: QuestionId) -> Result<bool> {
        let deleted = sqlx::query("DELETE FROM questions WHERE id = $1 AND room_id = $2")
            .bind(question.get())
            .bind(room.0)
            .execute(self.writes())
            .await?
            .rows_affected();
        Ok(deleted > 0)
    }
}

async fn count(tx: &mut Transaction<'static, Any>, question: QuestionId, by: i64) -> Result<()> {
    sqlx::query("UPDATE questions SET votes = votes + $2 WHERE id = $1")
        .bind(question.get())
        .bind(by)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

fn from_row(row: &AnyRow) -> sqlx::Result<(Question, String)> {
    let state: String = row.try_get("state")?;
    let state = match state.as_str() {
        "waiting" => QuestionState::Waiting,
        "open" => QuestionState::Open,
        "pinned" => QuestionState::Pinned,
        "answered" => QuestionState::Answered,
        "dismissed" => QuestionState::Dismissed,
        other => {
            return Err(sqlx::Error::ColumnDecode {
                index: "state".into(),
                source: format!("unknown state {other:?}").into(),
            });
        }
    };
    let author_key: String = row.try_get("author_key")?;
    let guest: Option<String> = row.try_get("guest_name")?;
    let user: Option<String> = row.try_get("user_name")?;
    let display: Option<String> = row.try_get("user_display")?;
    let author = Author {
        id: match (&guest, &user) {
            (Some(_), _) => Some(author_key.clone()),
            (None, user) => user.as_ref().map(|name| format!("user:{name}")),
        },
        guest: guest.is_some(),
        name: guest
            .or(display)
            .or(user)
            .unwrap_or_else(|| "deleted user".into()),
        moderator: false,
    };
    let question = Question {
        id: QuestionId::new(row.try_get("id")?),
        text: row.try_get("text")?,
        author,
        state,
        votes: row.try_get::<i64, _>("votes")?.unsigned_abs(),
        asked_at: row.try_get("asked_at")?,
        answered_at: row.try_get("answered_at")?,
        voted: row.try_get::<i64, _>("voted")? != 0,
        removed: false,
        version: row.try_get("version")?,
    };
    Ok((question, author_key))
}
