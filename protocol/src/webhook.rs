//! Webhooks: endpoints, and the log of what was delivered to them. What is delivered stands in
//! [`event`].

mod event;

use serde::{Deserialize, Serialize};

use crate::StreamSlug;

pub use event::{
    WebhookBroadcast, WebhookData, WebhookEvent, WebhookEventType, WebhookFinding, WebhookMember,
    WebhookRecording, WebhookStream, WebhookUser,
};

/// `POST /api/v1/webhooks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateWebhook {
    /// Where events are posted: an `https` address of a public host.
    #[cfg_attr(feature = "openapi", schema(max_length = 2048, format = "uri"))]
    pub url: String,
    /// Types of events that are wanted; empty for all.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_items = 64))]
    pub types: Vec<WebhookEventType>,
    /// Only events of this stream of yours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamSlug>,
    /// For people.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub description: String,
    /// An endpoint of the site, which hears of everything. Only admins make such.
    #[serde(default)]
    pub site: bool,
}

/// `PATCH /api/v1/webhooks/{id}`. What is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EditWebhook {
    /// Where events are posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 2048, format = "uri"))]
    pub url: Option<String>,
    /// Types of events that are wanted; empty for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_items = 64))]
    pub types: Option<Vec<WebhookEventType>>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub description: Option<String>,
    /// Whether anything is delivered. Switched on again, the endpoint gets what waited; what happened
    /// meanwhile is in its log as `skipped` and can be replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// An endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Webhook {
    /// Its name in addresses.
    pub id: String,
    /// Where events are posted.
    pub url: String,
    /// Types of events that are wanted; empty for all.
    pub types: Vec<WebhookEventType>,
    /// Only events of this stream.
    pub stream: Option<StreamSlug>,
    /// For people.
    pub description: String,
    /// Whether it is the site's, and hears of everything.
    pub site: bool,
    /// Whether anything is delivered.
    pub enabled: bool,
    /// Why the server itself switched it off.
    pub disabled_why: Option<String>,
    /// Since when nothing was delivered any more.
    pub failing_since: Option<i64>,
    /// Until when the secret before signs too.
    pub old_secret_until: Option<i64>,
    /// When it was made.
    pub created_at: i64,
    /// When it was changed last.
    pub updated_at: i64,
}

/// An endpoint that was just made, with its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedWebhook {
    /// The endpoint.
    #[serde(flatten)]
    pub webhook: Webhook,
    /// `whsec_…`, with which deliveries are signed as Standard Webhooks says. Shown only now.
    pub secret: String,
}

/// `POST /api/v1/webhooks/{id}/secret`: a new secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookSecret {
    /// `whsec_…`. Shown only now.
    pub secret: String,
    /// Until when deliveries are signed with the secret before as well.
    pub old_secret_until: i64,
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum WebhookDeliveryState {
    /// It will be tried, or tried again.
    Waiting,
    /// It arrived: the endpoint answered with a status of 200 to 299.
    Delivered,
    /// It was given up.
    Failed,
    /// The endpoint was switched off when it happened.
    Skipped,
}

/// An event on its way to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookDelivery {
    /// The event, as in the header field `webhook-id`.
    pub id: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    pub created_at: i64,
    /// How it stands.
    pub state: WebhookDeliveryState,
    /// Tries so far.
    pub attempts: u32,
    /// When it may be tried next; absent while an earlier event of its stream is tried.
    pub next_at: Option<i64>,
    /// When it was tried last.
    pub attempted_at: Option<i64>,
    /// HTTP status of the last try.
    pub status: Option<u16>,
    /// What went wrong with the last try.
    pub error: Option<String>,
    /// How long the last try took.
    pub duration_ms: Option<i64>,
}

/// A try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookAttempt {
    /// When it began.
    pub at: i64,
    /// How long it took.
    pub duration_ms: i64,
    /// The answer's HTTP status.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
    /// The first 1,024 bytes of the answer's body.
    pub response: Option<String>,
}

/// A delivery with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookDeliveryDetail {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: WebhookDelivery,
    /// The body that is sent, exactly as it is signed: a `WebhookEvent`.
    pub body: String,
    /// Tries, oldest first.
    pub tries: Vec<WebhookAttempt>,
}

/// `POST /api/v1/webhooks/{id}/replays`: send again what happened since a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReplayWebhook {
    /// Milliseconds since the Unix epoch.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub since: i64,
    /// What arrived too, not only what failed or was skipped.
    #[serde(default)]
    pub all: bool,
}

/// What is sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookReplay {
    /// Number of deliveries.
    pub deliveries: u64,
}
