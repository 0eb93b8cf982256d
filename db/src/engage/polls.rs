//! Polls and their votes.

use std::collections::HashMap;

use sqlx::{Row, any::AnyRow};
use weir_protocol::room::{NewPoll, Poll, PollId, PollOption};

use super::{places, rules::gone};
use crate::{Db, Result, RoomId, UnixMillis, UserId, error::storable, id};

const SELECT: &str =
    "SELECT id, room_id, question, options, multiple, opened_at, ends_at, closed_at FROM polls";

impl Db {
    /// Opens a poll, known to its opener's client by `client_ref`. `NotFound` when the room is gone,
    /// `Conflict` when they have opened one with this name.
    pub async fn open_poll(
        &self,
        room: RoomId,
        by: UserId,
        new: &NewPoll,
        client_ref: Option<&str>,
    ) -> Result<Poll> {
        storable("ref", client_ref.unwrap_or_default())?;
        storable("question", &new.question)?;
        for option in &new.options {
            storable("option", option)?;
        }
        let now = id::now();
        let poll = Poll {
            id: PollId::new(id::fresh()),
            question: new.question.clone(),
            options: new
                .options
                .iter()
                .map(|text| PollOption {
                    text: text.clone(),
                    votes: 0,
                })
                .collect(),
            multiple: new.multiple,
            voters: 0,
            opened_at: now,
            ends_at: new.seconds.map(|seconds| now + i64::from(seconds) * 1000),
            closed_at: None,
            chosen: None,
            removed: false,
        };
        sqlx::query(
            "INSERT INTO polls (id, room_id, question, options, multiple, opened_by, opened_at, ends_at,
                client_ref)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(poll.id.get())
        .bind(room.0)
        .bind(&*poll.question)
        .bind(serde_json::to_string(&new.options).expect("texts are plain data"))
        .bind(i64::from(poll.multiple))
        .bind(by.0)
        .bind(poll.opened_at)
        .bind(poll.ends_at)
        .bind(client_ref)
        .execute(self.writes())
        .await
        .map_err(gone)?;
        Ok(poll)
    }

    /// The poll that a user has opened under this name of their client's.
    pub async fn poll_by_ref(
        &self,
        room: RoomId,
        by: UserId,
        client_ref: &str,
    ) -> Result<Option<Poll>> {
        storable("ref", client_ref)?;
        let sql = format!("{SELECT} WHERE room_id = $1 AND opened_by = $2 AND client_ref = $3");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(room.0)
            .bind(by.0)
            .bind(client_ref)
            .fetch_all(self.reads())
            .await?;
        Ok(self.with_results(&rows).await?.pop())
    }

    /// Polls of a room, the newest first, before a certain one.
    pub async fn polls_page(
        &self,
        room: RoomId,
        before: Option<PollId>,
        limit: u32,
    ) -> Result<Vec<Poll>> {
        let sql = format!("{SELECT} WHERE room_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(room.0)
            .bind(before.map_or(i64::MAX, PollId::get))
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await?;
        self.with_results(&rows).await
    }

    /// Open polls of a room, the newest first.
    pub async fn open_polls(&self, room: RoomId) -> Result<Vec<Poll>> {
        let sql = format!(
            "{SELECT} WHERE room_id = $1 AND closed_at IS NULL AND (ends_at IS NULL OR ends_at > $2)
             ORDER BY id DESC"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(room.0)
            .bind(id::now())
            .fetch_all(self.reads())
            .await?;
        self.with_results(&rows).await
    }

    /// These polls of a room; those that are gone are missing.
    pub async fn polls(&self, room: RoomId, polls: &[PollId]) -> Result<Vec<Poll>> {
        if polls.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "{SELECT} WHERE room_id = $1 AND id IN ({})",
            places(2, polls.len())
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(room.0);
        for poll in polls {
            query = query.bind(poll.get());
        }
        let rows = query.fetch_all(self.reads()).await?;
        self.with_results(&rows).await
    }

    /// What a member has chosen in a poll.
    pub async fn chosen(&self, poll: PollId, voter_key: &str) -> Result<Vec<u8>> {
        let rows = sqlx::query(
            "SELECT choice FROM poll_votes WHERE poll_id = $1 AND voter_key = $2 ORDER BY choice",
        )
        .bind(poll.get())
        .bind(voter_key)
        .fetch_all(self.reads())
        .await?;
        let read =
            |row: &AnyRow| Ok(u8::try_from(row.try_get::<i64, _>("choice")?).unwrap_or(u8::MAX));
        Ok(rows.iter().map(read).collect::<sqlx::Result<_>>()?)
    }

    /// Puts these choices in the place of what the member chose before; none takes the vote back. Whether
    /// the poll is open: else nothing is changed. The caller has checked that there are such options.
    pub async fn vote(
        &self,
        room: RoomId,
        poll: PollId,
        voter_key: &str,
        choices: &[u8],
    ) -> Result<bool> {
        let mut tx = self.begin_write().await?;
        // Written, not read: a poll that is closed meanwhile waits for this, or this for it.
        let open = sqlx::query(
            "UPDATE polls SET multiple = multiple
             WHERE id = $1 AND room_id = $2 AND closed_at IS NULL AND (ends_at IS NULL OR ends_at > $3)",
        )
        .bind(poll.get())
        .bind(room.0)
        .bind(id::now())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if open == 0 {
            return Ok(false);
        }
        sqlx::query("DELETE FROM poll_votes WHERE poll_id = $1 AND voter_key = $2")
            .bind(poll.get())
            .bind(voter_key)
            .execute(&mut *tx)
            .await?;
        if !choices.is_empty() {
            let rows: Vec<String> = (0..choices.len())
                .map(|n| format!("($1, $2, ${})", n + 3))
                .collect();
            let sql = format!(
                "INSERT INTO poll_votes (poll_id, voter_key, choice) VALUES {} ON CONFLICT DO NOTHING",
                rows.join(",")
            );
            let mut query = sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(poll.get())
                .bind(voter_key);
            for choice in choices {
                query = query.bind(i64::from(*choice));
            }
            query.execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Closes a poll now. Whether it was open.
    pub async fn close_poll(&self, room: RoomId, poll: PollId) -> Result<bool> {
        let changed = sqlx::query(
            "UPDATE polls SET closed_at = $3 WHERE id = $1 AND room_id = $2 AND closed_at IS NULL",
        )
        .bind(poll.get())
        .bind(room.0)
        .bind(id::now())
        .execute(self.writes())
        .await?
        .rows_affected();
        Ok(changed > 0)
    }

    /// Closes polls whose time is over, at their own times. Gives them with their rooms.
    pub async fn close_ended_polls(&self, now: UnixMillis) -> Result<Vec<(RoomId, PollId)>> {
        let rows = sqlx::query(
            "UPDATE polls SET closed_at = ends_at WHERE closed_at IS NULL AND ends_at <= $1
             RETURNING room_id, id",
        )
        .bind(now)
        .fetch_all(self.writes())
        .await?;
        let read = |row: &AnyRow| {
            Ok((
                RoomId(row.try_get("room_id")?),
                PollId::new(row.try_get("id")?),
            ))
        };
        Ok(rows.iter().map(read).collect::<sqlx::Result<_>>()?)
    }

    /// Whether a poll closes by itself soon: until then nobody needs to look.
    pub async fn next_poll_end(&self) -> Result<Option<UnixMillis>> {
        let row = sqlx::query(
            "SELECT min(ends_at) AS next FROM polls WHERE closed_at IS NULL AND ends_at IS NOT NULL",
        )
        .fetch_one(self.reads())
        .await?;
        Ok(row.try_get("next")?)
    }

    /// Removes a poll with its votes. Whether there was one.
    pub async fn delete_poll(&self, room: RoomId, poll: PollId) -> Result<bool> {
        let deleted = sqlx::query("DELETE FROM polls WHERE id = $1 AND room_id = $2")
            .bind(poll.get())
            .bind(room.0)
            .execute(self.writes())
            .await?
            .rows_affected();
        Ok(deleted > 0)
    }

    /// Two queries, however many polls.
    async fn with_results(&self, rows: &[AnyRow]) -> Result<Vec<Poll>> {
        let mut polls = rows
            .iter()
            .map(from_row)
            .collect::<sqlx::Result<Vec<_>>>()?;
        if polls.is_empty() {
            return Ok(polls);
        }
        let ids = places(1, polls.len());
        let count = format!(
            "SELECT poll_id, choice, count(*) AS votes FROM poll_votes WHERE poll_id IN ({ids})
             GROUP BY poll_id, choice"
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(count));
        for poll in &polls {
            query = query.bind(poll.id.get());
        }
        let mut votes: HashMap<(i64, i64), u64> = HashMap::new();
        for row in query.fetch_all(self.reads()).await? {
            let key = (row.try_get("poll_id")?, row.try_get("choice")?);
            votes.insert(key, row.try_get::<i64, _>("votes")?.unsigned_abs());
        }
        let count = format!(
            "SELECT poll_id, count(DISTINCT voter_key) AS voters FROM poll_votes
             WHERE poll_id IN ({ids}) GROUP BY poll_id"
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(count));
        for poll in &polls {
            query = query.bind(poll.id.get());
        }
        let mut voters: HashMap<i64, u64> = HashMap::new();
        for row in query.fetch_all(self.reads()).await? {
            voters.insert(
                row.try_get("poll_id")?,
                row.try_get::<i64, _>("voters")?.unsigned_abs(),
            );
        }
        for poll in &mut polls {
            let id = poll.id.get();
            poll.voters = voters.get(&id).copied().unwrap_or_default();
            for (place, option) in (0i64..).zip(&mut poll.options) {
                option.votes = votes.get(&(id, place)).copied().unwrap_or_default();
            }
        }
        Ok(polls)
    }
}

/// Without its results.
fn from_row(row: &AnyRow) -> sqlx::Result<Poll> {
    let options: String = row.try_get("options")?;
    let options: Vec<String> =
        serde_json::from_str(&options).map_err(|error| sqlx::Error::ColumnDecode {
            index: "options".into(),
            source: error.into(),
        })?;
    let ends_at: Option<i64> = row.try_get("ends_at")?;
    let closed_at: Option<i64> = row.try_get("closed_at")?;
    Ok(Poll {
        id: PollId::new(row.try_get("id")?),
        question: row.try_get("question")?,
        options: options
            .into_iter()
            .map(|text| PollOption { text, votes: 0 })
            .collect(),
        multiple: row.try_get::<i64, _>("multiple")? != 0,
        voters: 0,
        opened_at: row.try_get("opened_at")?,
        ends_at,
        // Its time is over before anybody has written so.
        closed_at: closed_at.or(ends_at.filter(|end| *end <= id::now())),
        chosen: None,
        removed: false,
    })
}

impl Db {
    /// How many options a poll has and whether several may be chosen; `None` when there is none.
    pub async fn poll_shape(&self, room: RoomId, poll: PollId) -> Result<Option<(usize, bool)>> {
        let row = sqlx::query("SELECT options, multiple FROM polls WHERE id = $1 AND room_id = $2")
            .bind(poll.get())
            .bind(room.0)
            .fetch_optional(self.reads())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let options: String = row.try_get("options")?;
        let options: Vec<String> = serde_json::from_str(&options).unwrap_or_default();
        Ok(Some((
            options.len(),
            row.try_get::<i64, _>("multiple")? != 0,
        )))
    }
}
