//! Each time that a stream was live.

use sqlx::{Row, any::AnyRow};
use weir_protocol::IngestProtocol;

use crate::{BroadcastId, Db, DbError, Result, StreamId, UnixMillis, id};

/// A broadcast's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broadcast {
    /// Row id.
    pub id: BroadcastId,
    /// The stream that was live.
    pub stream_id: StreamId,
    /// How its publisher reached the server.
    pub protocol: IngestProtocol,
    /// When media began.
    pub started_at: UnixMillis,
    /// When it ended; `None` while it is live.
    pub ended_at: Option<UnixMillis>,
    /// Most viewers at one time, over WebRTC and HLS together.
    pub peak_viewers: u32,
}

impl Db {
    /// Records that a stream goes live now. `NotFound` when the stream was deleted meanwhile.
    pub async fn begin_broadcast(
        &self,
        stream_id: StreamId,
        protocol: IngestProtocol,
    ) -> Result<Broadcast> {
        self.begin_broadcast_as(BroadcastId::begin(), stream_id, protocol)
            .await
    }

    /// The same for one that has its id already.
    pub async fn begin_broadcast_as(
        &self,
        id: BroadcastId,
        stream_id: StreamId,
        protocol: IngestProtocol,
    ) -> Result<Broadcast> {
        let broadcast = Broadcast {
            id,
            stream_id,
            protocol,
            started_at: id::now(),
            ended_at: None,
            peak_viewers: 0,
        };
        sqlx::query(
            "INSERT INTO broadcasts (id, stream_id, protocol, started_at, peak_viewers)
             VALUES ($1, $2, $3, $4, 0)",
        )
        .bind(broadcast.id.0)
        .bind(broadcast.stream_id.0)
        .bind(broadcast.protocol.as_str())
        .bind(broadcast.started_at)
        .execute(self.writes())
        .await?;
        Ok(broadcast)
    }

    /// Records the end, now, and raises the peak to `peak_viewers`. A second call keeps the first end.
    /// `NotFound` when the broadcast is gone, which happens when its stream was deleted while live.
    pub async fn end_broadcast(&self, id: BroadcastId, peak_viewers: u32) -> Result<()> {
        let changed = sqlx::query(
            "UPDATE broadcasts SET ended_at = COALESCE(ended_at, $2),
                 peak_viewers = CASE WHEN peak_viewers < $3 THEN $3 ELSE peak_viewers END
             WHERE id = $1",
        )
        .bind(id.0)
        .bind(id::now())
        .bind(i64::from(peak_viewers))
        .execute(self.writes())
        .await?
        .rows_affected();
        found(changed)
    }

    /// Raises the peak to `viewers` if it is lower. `NotFound` as with [`Db::end_broadcast`].
    pub async fn raise_peak(&self, id: BroadcastId, viewers: u32) -> Result<()> {
        let changed = sqlx::query(
            "UPDATE broadcasts
             SET peak_viewers = CASE WHEN peak_viewers < $2 THEN $2 ELSE peak_viewers END
             WHERE id = $1",
        )
        .bind(id.0)
        .bind(i64::from(viewers))
        .execute(self.writes())
        .await?
        .rows_affected();
        found(changed)
    }

    /// Ends, now, what a crash left open; gives their number. For the start of the only server on this
    /// database, before anything goes live.
    pub async fn end_open_broadcasts(&self) -> Result<u64> {
        let ended = sqlx::query("UPDATE broadcasts SET ended_at = $1 WHERE ended_at IS NULL")
            .bind(id::now())
            .execute(self.writes())
            .await?
            .rows_affected();
        Ok(ended)
    }

    /// The newest broadcasts of a stream, newest first, at most `limit`.
    pub async fn list_broadcasts(&self, stream_id: StreamId, limit: u32) -> Result<Vec<Broadcast>> {
        let rows = sqlx::query(
            "SELECT id, stream_id, protocol, started_at, ended_at, peak_viewers
             FROM broadcasts WHERE stream_id = $1 ORDER BY started_at DESC, id DESC LIMIT $2",
        )
        .bind(stream_id.0)
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }
}

fn found(changed: u64) -> Result<()> {
    if changed == 0 {
        Err(DbError::NotFound { what: "broadcast" })
    } else {
        Ok(())
    }
}

pub(crate) fn from_row(row: &AnyRow) -> sqlx::Result<Broadcast> {
    let protocol: String = row.try_get("protocol")?;
    let peak: i64 = row.try_get("peak_viewers")?;
    Ok(Broadcast {
        id: BroadcastId(row.try_get("id")?),
        stream_id: StreamId(row.try_get("stream_id")?),
        protocol: [IngestProtocol::Rtmp, IngestProtocol::Whip]
            .into_iter()
            .find(|known| known.as_str() == protocol)
            .ok_or_else(|| sqlx::Error::ColumnDecode {
                index: "protocol".into(),
                source: format!("unknown protocol {protocol:?}").into(),
            })?,
        started_at: row.try_get("started_at")?,
        ended_at: row.try_get("ended_at")?,
        peak_viewers: u32::try_from(peak).unwrap_or(u32::MAX),
    })
}
