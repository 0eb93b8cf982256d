//! Raids: a stream's viewers sent to another one.

use sqlx::Row;

use crate::{Db, Result, StreamId, UnixMillis, id};

/// A raid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raid {
    /// From where.
    pub from: StreamId,
    /// To where.
    pub to: StreamId,
    /// How many watched when they were sent.
    pub viewers: u32,
    /// When.
    pub raided_at: UnixMillis,
}

impl Db {
    /// Writes a raid down. `NotFound` when one of the streams is gone.
    pub async fn record_raid(&self, from: StreamId, to: StreamId, viewers: u32) -> Result<Raid> {
        let raid = Raid {
            from,
            to,
            viewers,
            raided_at: id::now(),
        };
        sqlx::query(
            "INSERT INTO raids (id, from_stream, to_stream, viewers, raided_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(id::fresh())
        .bind(from.0)
        .bind(to.0)
        .bind(i64::from(viewers))
        .bind(raid.raided_at)
        .execute(self.writes())
        .await?;
        Ok(raid)
    }

    /// When the stream sent its viewers away last.
    pub async fn last_raid(&self, from: StreamId) -> Result<Option<UnixMillis>> {
        let row = sqlx::query(
            "SELECT raided_at FROM raids WHERE from_stream = $1 ORDER BY raided_at DESC LIMIT 1",
        )
        .bind(from.0)
        .fetch_optional(self.reads())
        .await?;
        Ok(row.map(|row| row.try_get("raided_at")).transpose()?)
    }

    /// Raids that came to a stream, the newest first.
    pub async fn raids_to(&self, to: StreamId, limit: u32) -> Result<Vec<Raid>> {
        let rows = sqlx::query(
            "SELECT from_stream, to_stream, viewers, raided_at FROM raids
             WHERE to_stream = $1 ORDER BY raided_at DESC LIMIT $2",
        )
        .bind(to.0)
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        let raids = rows.iter().map(|row| {
            Ok(Raid {
                from: StreamId(row.try_get("from_stream")?),
                to: StreamId(row.try_get("to_stream")?),
                viewers: u32::try_from(row.try_get::<i64, _>("viewers")?).unwrap_or(u32::MAX),
                raided_at: row.try_get("raided_at")?,
            })
        });
        Ok(raids.collect::<sqlx::Result<_>>()?)
    }
}
