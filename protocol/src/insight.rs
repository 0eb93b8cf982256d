//! Who watched, and how it went: figures for streamers, organisers and admins. Times are milliseconds
//! since the Unix epoch.

use serde::{Deserialize, Serialize};

use crate::{IngestProtocol, StreamSlug};

/// `POST /api/v1/streams/{slug}/qoe`: what a player saw. Sent every 30 s and at the end. Counters are
/// since the playback began, so a report that is lost is made good by the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct QoeReport {
    /// The last part of the WHEP session's address. Absent over HLS: then the playback is the one of
    /// this address and user agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{32}$"))]
    pub session: Option<String>,
    /// Milliseconds from asking for the stream to its first picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(maximum = 600_000))]
    pub join_ms: Option<u32>,
    /// How often the picture stood still.
    #[cfg_attr(feature = "openapi", schema(maximum = 1_000_000))]
    pub stalls: u32,
    /// For how many milliseconds altogether.
    #[cfg_attr(feature = "openapi", schema(maximum = 86_400_000))]
    pub stall_ms: u32,
    /// Distance to the publisher now, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(maximum = 600_000))]
    pub delay_ms: Option<u32>,
}

/// How finely a time series is cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Kept for about a year; at most a week at once.
    Minute,
    /// Kept for ever; at most a year at once.
    #[default]
    Hour,
    /// UTC days; at most ten years at once.
    Day,
}

/// Figures of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InsightPoint {
    /// Start of the step.
    pub at: i64,
    /// Viewers on average over the whole step.
    pub viewers: f64,
    /// Those of them over WebRTC.
    pub webrtc: f64,
    /// Those over HLS.
    pub hls: f64,
    /// Most viewers at one moment.
    pub peak: u64,
    /// How long the stream was on the air.
    pub live_ms: u64,
    /// Time watched, of all viewers together.
    pub watch_ms: u64,
    /// Sessions that began.
    pub joins: u64,
    /// WebRTC sessions that were answered and never connected.
    pub failed_joins: u64,
    /// How often pictures stood still.
    pub stalls: u64,
    /// For how long.
    pub stall_ms: u64,
    /// Median of the reported distances to the publisher; over more than a minute the mean of the
    /// minutes' medians. Absent when nobody reported one.
    pub delay_ms: Option<u64>,
    /// Mean share of packets lost on the way to WebRTC viewers, 0 to 1; absent when there were none.
    pub loss: Option<f64>,
    /// Chat messages.
    pub messages: u64,
    /// Reactions.
    pub reactions: u64,
}

/// What some time, a broadcast or an event came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InsightTotals {
    /// Time on the air.
    pub live_ms: u64,
    /// Time watched, of all viewers together.
    pub watch_ms: u64,
    /// That over WebRTC.
    pub webrtc_ms: u64,
    /// That over HLS.
    pub hls_ms: u64,
    /// Viewers on average while on the air.
    pub average_viewers: f64,
    /// Most viewers at one moment.
    pub peak_viewers: u64,
    /// Different viewers. Those who are not logged in cannot be told again on another day, so over
    /// several days it is the sum of each day's.
    pub unique_viewers: u64,
    /// Sessions that began.
    pub joins: u64,
    /// How often pictures stood still.
    pub stalls: u64,
    /// For how long.
    pub stall_ms: u64,
    /// Mean of the medians of the reported distances to the publisher.
    pub delay_ms: Option<u64>,
    /// Mean share of packets lost on the way to WebRTC viewers, 0 to 1.
    pub loss: Option<f64>,
    /// Chat messages.
    pub messages: u64,
    /// Different users who wrote them.
    pub chatters: u64,
    /// Reactions.
    pub reactions: u64,
    /// How much people took part, 0 to 100; absent when nobody watched.
    pub engagement: Option<f64>,
}

/// `GET /api/v1/streams/{slug}/insight`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamInsight {
    /// Which stream.
    pub slug: StreamSlug,
    /// Start of the first step.
    pub from: i64,
    /// End of the time asked for, itself not in it.
    pub to: i64,
    /// How finely it is cut.
    pub step: Step,
    /// Everything in it added up.
    pub totals: InsightTotals,
    /// In order. Steps in which nothing happened are left out.
    pub points: Vec<InsightPoint>,
}

/// A broadcast and what it came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BroadcastSummary {
    /// Its name in addresses.
    pub id: String,
    /// Of which stream.
    pub slug: StreamSlug,
    /// How the publisher reached the server at first.
    pub protocol: IngestProtocol,
    /// When it began.
    pub started_at: i64,
    /// When it ended; absent while it is live.
    pub ended_at: Option<i64>,
    /// What it came to, at most a minute ago.
    pub totals: InsightTotals,
}

/// `GET /api/v1/broadcasts/{id}/insight`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BroadcastInsight {
    /// Which.
    pub broadcast: BroadcastSummary,
    /// How finely it is cut: by minutes up to a week, then by hours.
    pub step: Step,
    /// In order, from the step in which it began.
    pub points: Vec<InsightPoint>,
}

/// `GET /api/v1/me/insight`: a creator's streams over some time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatorInsight {
    /// Start of the first hour.
    pub from: i64,
    /// End, itself not in it.
    pub to: i64,
    /// All streams together. Peaks are not added: the highest of one stream counts.
    pub totals: InsightTotals,
    /// Streams with any activity, by name.
    pub streams: Vec<StreamTotals>,
}

/// One of a creator's streams.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamTotals {
    /// Name in addresses.
    pub slug: StreamSlug,
    /// Title for people.
    pub title: String,
    /// What it came to.
    pub totals: InsightTotals,
}

/// One viewer session, for the stream's owner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ViewerSessionReport {
    /// Its row. It is not the session's address, which would be the right to end it.
    pub id: String,
    /// During which broadcast.
    pub broadcast_id: Option<String>,
    /// Who, when logged in.
    pub user: Option<String>,
    /// `webrtc` or `hls`.
    pub protocol: String,
    /// Family of the player.
    pub agent: String,
    /// When it began.
    pub started_at: i64,
    /// When it ended; absent while it goes on.
    pub ended_at: Option<i64>,
    /// How long it lasted, as far as is known.
    pub watch_ms: u64,
    /// For how long it got which layer, the longest first.
    pub layers: Vec<LayerTime>,
    /// How often the picture stood still, as the player says.
    pub stalls: u64,
    /// For how long.
    pub stall_ms: u64,
    /// Median of the distances to the publisher that the player reported.
    pub delay_ms: Option<u64>,
    /// Mean share of packets lost, 0 to 1.
    pub loss: Option<f64>,
    /// From asking for the stream to its first picture; where the player does not say, until its
    /// transport was up.
    pub join_ms: Option<u64>,
}

/// For how long a viewer got a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LayerTime {
    /// Its lines, such as `720p`, its name where they are not known, `none` without video.
    pub layer: String,
    /// Milliseconds.
    pub ms: u64,
}

/// What a user did over some time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ActivityReport {
    /// Who.
    pub user: String,
    /// Everything in the time asked for.
    pub totals: ActivityTotals,
    /// Broadcasts, the one that the user came to last first.
    pub items: Vec<ActivityItem>,
    /// Goes into `cursor` to get the next part; absent with the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub next: Option<String>,
}

/// Everything that a user did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ActivityTotals {
    /// Broadcasts that the user was part of.
    pub broadcasts: u64,
    /// Viewer sessions.
    pub sessions: u64,
    /// Time watched.
    pub watch_ms: u64,
    /// Chat messages.
    pub messages: u64,
    /// Reactions.
    pub reactions: u64,
    /// How much the user took part, 0 to 100; absent without any watch time.
    pub engagement: Option<f64>,
}

/// A user's part in one broadcast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ActivityItem {
    /// Of which stream.
    pub slug: StreamSlug,
    /// The stream's title.
    pub title: String,
    /// Which broadcast.
    pub broadcast_id: String,
    /// When the broadcast began.
    pub broadcast_started_at: i64,
    /// When the user came first.
    pub first_at: i64,
    /// When the user was there last.
    pub last_at: i64,
    /// Viewer sessions.
    pub sessions: u64,
    /// Time watched.
    pub watch_ms: u64,
    /// Share of the broadcast that was watched, 0 to 1; 1 also for who watched it twice at once.
    pub share: f64,
    /// Chat messages.
    pub messages: u64,
    /// Reactions.
    pub reactions: u64,
}
