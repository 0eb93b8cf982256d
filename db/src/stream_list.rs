//! Public streams in lists and by search: ranges of two index tables, never a scan of the streams.

use sqlx::{AssertSqlSafe, Row};

use crate::{
    Db, Mark, Result, Stream, StreamId, UnixMillis, error::storable, stream, stream_index::hex,
};

/// A stream that a search has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// It.
    pub stream: Stream,
    /// How well it fits: the sum of its words' weights, those that were asked for in full twice.
    pub score: i64,
}

/// When a public stream was live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecentBroadcast {
    /// Which.
    pub stream: StreamId,
    /// When it began.
    pub started_at: UnixMillis,
    /// Most viewers at one time.
    pub peak_viewers: i64,
}

impl Db {
    /// Public streams that have all these marks, the newest first, those before `before`.
    pub async fn list_page(
        &self,
        marks: &[Mark],
        before: Option<StreamId>,
        limit: u32,
    ) -> Result<Vec<Stream>> {
        let texts = mark_texts(marks)?;
        let joins = joins(texts.len(), "m1.stream_id", 2);
        let query = format!(
            "{} WHERE s.id IN (
                SELECT m1.stream_id FROM stream_marks m1 {joins}
                WHERE m1.mark = $1 AND m1.stream_id < ${} ORDER BY m1.stream_id DESC LIMIT ${})
             ORDER BY s.id DESC",
            stream::SELECT,
            texts.len() + 1,
            texts.len() + 2,
        );
        let mut query = sqlx::query(AssertSqlSafe(query));
        for text in texts {
            query = query.bind(text);
        }
        let rows = query
            .bind(before.map_or(i64::MAX, |id| id.0))
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await?;
        Ok(stream::from_rows(&rows)?)
    }

    /// Public streams that have all these marks and, for each of these words, one that begins with it:
    /// the best first, those after `after` (score and id). Words come from [`words`](crate::words).
    pub async fn search_page(
        &self,
        words: &[String],
        marks: &[Mark],
        after: Option<(i64, StreamId)>,
        limit: u32,
    ) -> Result<Vec<Found>> {
        if words.is_empty() {
            return Ok(Vec::new());
        }
        // A single letter begins half of all words: it is looked for as a word.
        let ranges: Vec<String> = words
            .iter()
            .enumerate()
            .map(|(n, word)| {
                let at = n + 1;
                let range = if word.chars().nth(1).is_some() {
                    format!("word >= ${at} AND word < ${at} || 'g'")
                } else {
                    format!("word = ${at}")
                };
                format!(
                    "SELECT stream_id, MAX(CASE WHEN word = ${at} THEN 2 * weight ELSE weight END) AS weight
                     FROM stream_words WHERE {range} GROUP BY stream_id"
                )
            })
            .collect();
        let mut texts: Vec<String> = words.iter().map(|word| hex(word)).collect();
        let mut filters = String::new();
        for mark in mark_texts(marks)?.into_iter().filter(|text| text != "all") {
            texts.push(mark);
            filters += &format!(
                " AND EXISTS (SELECT 1 FROM stream_marks m
                    WHERE m.mark = ${} AND m.stream_id = fitting.stream_id)",
                texts.len()
            );
        }
        let n = texts.len();
        let query = format!(
            "SELECT stream_id, score FROM (
                SELECT stream_id, CAST(SUM(weight) AS BIGINT) AS score FROM ({}) AS each
                GROUP BY stream_id HAVING COUNT(*) = {}) AS fitting
             WHERE (score < ${score} OR (score = ${score} AND stream_id < ${id})){filters}
             ORDER BY score DESC, stream_id DESC LIMIT ${limit}",
            ranges.join(" UNION ALL "),
            words.len(),
            score = n + 1,
            id = n + 2,
            limit = n + 3,
        );
        let mut query = sqlx::query(AssertSqlSafe(query));
        for text in texts {
            query = query.bind(text);
        }
        let (score, id) = after.map_or((i64::MAX, i64::MAX), |(score, id)| (score, id.0));
        let rows = query
            .bind(score)
            .bind(id)
            .bind(i64::from(limit))
            .fetch_all(self.reads())
            .await?;
        let ranked = rows
            .iter()
            .map(|row| Ok((StreamId(row.try_get("stream_id")?), row.try_get("score")?)))
            .collect::<sqlx::Result<Vec<(StreamId, i64)>>>()?;
        let ids: Vec<StreamId> = ranked.iter().map(|(id, _)| *id).collect();
        let mut streams = self.streams_by_ids(&ids).await?;
        let found = ranked.into_iter().filter_map(|(id, score)| {
            let at = streams.iter().position(|stream| stream.id == id)?;
            let stream = streams.swap_remove(at);
            Some(Found { stream, score })
        });
        Ok(found.collect())
    }

    /// The newest broadcasts of public streams, at most `limit`.
    pub async fn recent_broadcasts(&self, limit: u32) -> Result<Vec<RecentBroadcast>> {
        let rows = sqlx::query(
            "SELECT b.stream_id, b.started_at, b.peak_viewers FROM broadcasts b
             JOIN stream_marks m ON m.mark = 'all' AND m.stream_id = b.stream_id
             ORDER BY b.started_at DESC LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        let rows = rows.iter().map(|row| {
            Ok(RecentBroadcast {
                stream: StreamId(row.try_get("stream_id")?),
                started_at: row.try_get("started_at")?,
                peak_viewers: row.try_get("peak_viewers")?,
            })
        });
        Ok(rows.collect::<sqlx::Result<_>>()?)
    }
}

/// Every list has a mark; without filters it is that of all.
fn mark_texts(marks: &[Mark]) -> Result<Vec<String>> {
    let mut texts: Vec<String> = marks.iter().map(Mark::text).collect();
    if texts.is_empty() {
        texts.push(Mark::All.text());
    }
    texts.iter().try_for_each(|text| storable("filter", text))?;
    Ok(texts)
}

/// The tables of the marks after the first.
fn joins(marks: usize, id: &str, first: usize) -> String {
    (first..=marks)
        .map(|n| format!(" JOIN stream_marks m{n} ON m{n}.mark = ${n} AND m{n}.stream_id = {id}"))
        .collect()
}
