//! What a stream's viewers watch together.

use sqlx::Row;
use weir_protocol::Party;

use crate::{Db, Result, StreamId, error::storable};

impl Db {
    /// A stream's watch party; `None` when there is none.
    pub async fn party(&self, stream: StreamId) -> Result<Option<Party>> {
        let row = sqlx::query(
            "SELECT media, duration_ms, position_ms, playing, rate, at, version FROM parties
             WHERE stream_id = $1",
        )
        .bind(stream.0)
        .fetch_optional(self.reads())
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Party {
            media: row.try_get("media")?,
            duration_ms: row.try_get("duration_ms")?,
            position_ms: row.try_get("position_ms")?,
            playing: row.try_get::<i64, _>("playing")? != 0,
            rate: row.try_get("rate")?,
            at: row.try_get("at")?,
            version: row.try_get("version")?,
        }))
    }

    /// Writes a party's state down if it follows the one that is there (the version before, or none);
    /// gives whether it did. `NotFound` when the stream is gone.
    pub async fn steer_party(&self, stream: StreamId, party: &Party) -> Result<bool> {
        storable("media", &party.media)?;
        let changed = sqlx::query(
            "INSERT INTO parties (stream_id, media, duration_ms, position_ms, playing, rate, at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (stream_id) DO UPDATE SET media = $2, duration_ms = $3, position_ms = $4,
                playing = $5, rate = $6, at = $7, version = $8
             WHERE parties.version = $8 - 1",
        )
        .bind(stream.0)
        .bind(&*party.media)
        .bind(party.duration_ms)
        .bind(party.position_ms)
        .bind(i64::from(party.playing))
        .bind(party.rate)
        .bind(party.at)
        .bind(party.version)
        .execute(self.writes())
        .await?
        .rows_affected();
        Ok(changed > 0)
    }

    /// Ends a party; gives whether there was one.
    pub async fn end_party(&self, stream: StreamId) -> Result<bool> {
        let changed = sqlx::query("DELETE FROM parties WHERE stream_id = $1")
            .bind(stream.0)
            .execute(self.writes())
            .await?
            .rows_affected();
        Ok(changed > 0)
    }
}
