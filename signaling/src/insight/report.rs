//! From rows to what the API says.

use weir_db::{
    Activity, ActivitySum, BroadcastReport, CreatorStream, Figures, Grain, StreamMinute,
    UnixMillis, ViewerSession,
};
use weir_protocol::{
    ActivityItem, ActivityTotals, BroadcastSummary, InsightPoint, InsightTotals, LayerTime,
    StreamTotals, ViewerSessionReport,
};

use super::score::{Engagement, engagement, number};
use crate::ApiError;

/// Counts in rows are never negative.
pub(super) fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// To three digits: more is noise, and makes tables hard to read.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

fn ratio(part: u64, of: u64) -> f64 {
    if of == 0 {
        return 0.0;
    }
    rounded(number(part) / number(of))
}

pub(super) fn point(row: &StreamMinute, grain: Grain) -> InsightPoint {
    let figures = &row.figures;
    let step = count(grain.millis());
    let (webrtc, hls) = (count(figures.webrtc_ms), count(figures.hls_ms));
    InsightPoint {
        at: row.at,
        viewers: ratio(webrtc + hls, step),
        webrtc: ratio(webrtc, step),
        hls: ratio(hls, step),
        peak: count(figures.peak),
        live_ms: count(figures.live_ms),
        watch_ms: webrtc + hls,
        joins: count(figures.joins),
        failed_joins: count(figures.failed_joins),
        stalls: count(figures.stalls),
        stall_ms: count(figures.stall_ms),
        delay_ms: (figures.delays > 0).then(|| count(figures.delay_ms)),
        loss: (figures.losses > 0).then_some(figures.loss),
        messages: count(figures.messages),
        reactions: count(figures.reactions),
    }
}

/// Rows together. Delays and losses count as often as they were reported.
pub(super) fn sum<'a>(rows: impl IntoIterator<Item = &'a Figures>) -> Figures {
    rows.into_iter().fold(Figures::default(), |sum, row| {
        let delays = sum.delays + row.delays;
        let losses = sum.losses + row.losses;
        let delay = sum.delay_ms * sum.delays + row.delay_ms * row.delays;
        let weighed = |loss: f64, samples: i64| loss * number(count(samples));
        let loss = weighed(sum.loss, sum.losses) + weighed(row.loss, row.losses);
        Figures {
            live_ms: sum.live_ms + row.live_ms,
            webrtc_ms: sum.webrtc_ms + row.webrtc_ms,
            hls_ms: sum.hls_ms + row.hls_ms,
            peak: sum.peak.max(row.peak),
            joins: sum.joins + row.joins,
            failed_joins: sum.failed_joins + row.failed_joins,
            stalls: sum.stalls + row.stalls,
            stall_ms: sum.stall_ms + row.stall_ms,
            delay_ms: delay / delays.max(1),
            delays,
            loss: loss / number(count(losses.max(1))),
            losses,
            messages: sum.messages + row.messages,
            reactions: sum.reactions + row.reactions,
        }
    })
}

pub(super) fn totals(figures: &Figures, viewers: i64, chatters: i64) -> InsightTotals {
    let (webrtc_ms, hls_ms) = (count(figures.webrtc_ms), count(figures.hls_ms));
    let totals = InsightTotals {
        live_ms: count(figures.live_ms),
        watch_ms: webrtc_ms + hls_ms,
        webrtc_ms,
        hls_ms,
        average_viewers: ratio(webrtc_ms + hls_ms, count(figures.live_ms)),
        peak_viewers: count(figures.peak),
        unique_viewers: count(viewers),
        joins: count(figures.joins),
        stalls: count(figures.stalls),
        stall_ms: count(figures.stall_ms),
        delay_ms: (figures.delays > 0).then(|| count(figures.delay_ms)),
        loss: (figures.losses > 0).then_some(figures.loss),
        messages: count(figures.messages),
        chatters: count(chatters),
        reactions: count(figures.reactions),
        engagement: None,
    };
    scored(totals)
}

fn scored(totals: InsightTotals) -> InsightTotals {
    let engagement = engagement(Engagement {
        watch_ms: totals.watch_ms,
        live_ms: totals.live_ms,
        viewers: totals.unique_viewers,
        messages: totals.messages,
        reactions: totals.reactions,
        chatters: totals.chatters,
        stall_ms: totals.stall_ms,
    });
    InsightTotals {
        engagement,
        ..totals
    }
}

pub(super) fn broadcast(
    report: &BroadcastReport,
    slug: &str,
    now: UnixMillis,
) -> Result<BroadcastSummary, ApiError> {
    let BroadcastReport {
        broadcast, totals, ..
    } = report;
    let live_ms = count(broadcast.ended_at.unwrap_or(now) - broadcast.started_at);
    let (webrtc_ms, hls_ms) = (count(totals.webrtc_ms), count(totals.hls_ms));
    let totals = InsightTotals {
        live_ms,
        watch_ms: webrtc_ms + hls_ms,
        webrtc_ms,
        hls_ms,
        average_viewers: ratio(webrtc_ms + hls_ms, live_ms),
        peak_viewers: broadcast.peak_viewers.into(),
        unique_viewers: count(totals.viewers),
        joins: count(totals.sessions),
        stalls: count(totals.stalls),
        stall_ms: count(totals.stall_ms),
        delay_ms: totals.delay_ms.map(count),
        loss: totals.loss,
        messages: count(totals.messages),
        chatters: count(totals.chatters),
        reactions: count(totals.reactions),
        engagement: None,
    };
    Ok(BroadcastSummary {
        id: broadcast.id.to_string(),
        slug: slug.parse().map_err(|_| ApiError::Internal)?,
        protocol: broadcast.protocol,
        started_at: broadcast.started_at,
        ended_at: broadcast.ended_at,
        totals: scored(totals),
    })
}

pub(super) fn creator_stream(stream: &CreatorStream) -> Result<StreamTotals, ApiError> {
    Ok(StreamTotals {
        slug: stream.slug.parse().map_err(|_| ApiError::Internal)?,
        title: stream.title.clone(),
        totals: totals(&stream.figures, stream.viewers, stream.chatters),
    })
}

pub(super) fn session(row: ViewerSession, user: Option<String>) -> ViewerSessionReport {
    let layers: std::collections::BTreeMap<String, u64> =
        serde_json::from_str(&row.layers).unwrap_or_default();
    let mut layers: Vec<LayerTime> = layers
        .into_iter()
        .map(|(layer, ms)| LayerTime { layer, ms })
        .collect();
    layers.sort_by_key(|layer| std::cmp::Reverse(layer.ms));
    ViewerSessionReport {
        id: row.id.to_string(),
        broadcast_id: row.broadcast_id.map(|id| id.to_string()),
        user,
        protocol: row.protocol.as_str().to_owned(),
        agent: row.agent,
        started_at: row.started_at,
        ended_at: row.ended_at,
        watch_ms: count(row.ended_at.unwrap_or(row.seen_at) - row.started_at),
        layers,
        stalls: count(row.stalls),
        stall_ms: count(row.stall_ms),
        delay_ms: row.delay_ms.map(count),
        loss: row.loss,
        join_ms: row.join_ms.map(count),
    }
}

pub(super) fn activity(row: &Activity, now: UnixMillis) -> Result<ActivityItem, ApiError> {
    let lasted = row.broadcast_ended_at.unwrap_or(now) - row.broadcast_started_at;
    let watch_ms = count(row.watch_ms);
    Ok(ActivityItem {
        slug: row.slug.parse().map_err(|_| ApiError::Internal)?,
        title: row.title.clone(),
        broadcast_id: row.broadcast_id.to_string(),
        broadcast_started_at: row.broadcast_started_at,
        first_at: row.first_at,
        last_at: row.last_at,
        sessions: count(row.sessions),
        watch_ms,
        share: ratio(watch_ms, count(lasted)).min(1.0),
        messages: count(row.messages),
        reactions: count(row.reactions),
    })
}

pub(super) fn activity_totals(sum: &ActivitySum) -> ActivityTotals {
    let (watch_ms, messages) = (count(sum.watch_ms), count(sum.messages));
    ActivityTotals {
        broadcasts: count(sum.broadcasts),
        sessions: count(sum.sessions),
        watch_ms,
        messages,
        reactions: count(sum.reactions),
        engagement: engagement(Engagement {
            watch_ms,
            live_ms: count(sum.live_ms),
            viewers: 1,
            messages,
            reactions: count(sum.reactions),
            chatters: u64::from(messages > 0),
            // Whose stalls they were is known per session only, and sessions do not stay.
            stall_ms: 0,
        }),
    }
}

/// Columns of totals in tables, after those that say of what.
pub(super) const TOTALS: [&str; 16] = [
    "live_ms",
    "watch_ms",
    "webrtc_ms",
    "hls_ms",
    "average_viewers",
    "peak_viewers",
    "unique_viewers",
    "joins",
    "stalls",
    "stall_ms",
    "delay_ms",
    "loss",
    "messages",
    "chatters",
    "reactions",
    "engagement",
];

/// The cells of [`TOTALS`].
pub(super) fn totals_cells(totals: &InsightTotals) -> [String; 16] {
    [
        totals.live_ms.to_string(),
        totals.watch_ms.to_string(),
        totals.webrtc_ms.to_string(),
        totals.hls_ms.to_string(),
        totals.average_viewers.to_string(),
        totals.peak_viewers.to_string(),
        totals.unique_viewers.to_string(),
        totals.joins.to_string(),
        totals.stalls.to_string(),
        totals.stall_ms.to_string(),
        cell(totals.delay_ms),
        cell(totals.loss),
        totals.messages.to_string(),
        totals.chatters.to_string(),
        totals.reactions.to_string(),
        cell(totals.engagement),
    ]
}

/// Columns of points in tables.
pub(super) const POINTS: [&str; 15] = [
    "at",
    "viewers",
    "webrtc",
    "hls",
    "peak",
    "live_ms",
    "watch_ms",
    "joins",
    "failed_joins",
    "stalls",
    "stall_ms",
    "delay_ms",
    "loss",
    "messages",
    "reactions",
];

/// The cells of [`POINTS`].
pub(super) fn point_cells(point: &InsightPoint) -> Vec<String> {
    vec![
        point.at.to_string(),
        point.viewers.to_string(),
        point.webrtc.to_string(),
        point.hls.to_string(),
        point.peak.to_string(),
        point.live_ms.to_string(),
        point.watch_ms.to_string(),
        point.joins.to_string(),
        point.failed_joins.to_string(),
        point.stalls.to_string(),
        point.stall_ms.to_string(),
        cell(point.delay_ms),
        cell(point.loss),
        point.messages.to_string(),
        point.reactions.to_string(),
    ]
}

/// What is not known is an empty cell.
pub(super) fn cell(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_weigh_by_reports() {
        let row = |delay_ms, delays, loss, losses| Figures {
            live_ms: 60_000,
            webrtc_ms: 120_000,
            hls_ms: 60_000,
            peak: delays,
            delay_ms,
            delays,
            loss,
            losses,
            ..Figures::default()
        };
        let rows = [
            row(100, 3, 0.0, 10),
            row(500, 1, 0.4, 10),
            row(0, 0, 0.0, 0),
        ];
        let all = sum(&rows);
        assert_eq!((all.delay_ms, all.delays, all.peak), (200, 4, 3));
        assert!((all.loss - 0.2).abs() < 1e-9);
        let totals = totals(&all, 5, 0);
        assert!((totals.average_viewers - 3.0).abs() < 1e-9);
        assert_eq!(totals.watch_ms, 540_000);
        assert!(totals.engagement.is_some());
        assert_eq!(sum([]), Figures::default());
    }

    #[test]
    fn tables_have_a_cell_for_each_column() {
        let row = StreamMinute {
            stream_id: "1".parse().expect("a number"),
            at: 0,
            figures: Figures::default(),
        };
        let point = point(&row, Grain::Minute);
        assert_eq!(point_cells(&point).len(), POINTS.len());
        assert_eq!((point.delay_ms, point.loss), (None, None));
    }
}
