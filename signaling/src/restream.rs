//! Restreaming: live streams are also sent to RTMP servers elsewhere.
//!
//! What is to be sent where stands in the database ([`rest`] changes it); [`keep`] tells whoever sends,
//! at every change and whenever a stream goes on or off the air. Keys are kept encrypted. Where may be
//! sent to is decided by [`address`] and, when the name is looked up, by [`crate::guard`].

mod address;
mod keep;
mod rest;

use std::{collections::HashMap, sync::Arc};

use futures_util::future::BoxFuture;
use tokio::sync::{Notify, watch};
use utoipa_axum::{router::OpenApiRouter, routes};
use weir_db::RestreamId;
use weir_protocol::{RestreamStatus, StreamSlug};

use crate::App;

pub(crate) use keep::keep;

/// Settings of restreaming.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RestreamConfig {
    /// Whether streams may be sent to private addresses. Whoever may stream can then reach hosts of the
    /// server's own network.
    pub allow_private: bool,
}

/// A place to send a stream to, as whoever sends takes it.
#[derive(Clone)]
pub struct RestreamTarget {
    /// Of its row.
    pub id: RestreamId,
    /// For logs.
    pub name: String,
    /// Whether it is RTMPS.
    pub secure: bool,
    /// Name or address of the host.
    pub host: String,
    /// Port.
    pub port: u16,
    /// What stands behind the host.
    pub app: String,
    /// The whole address.
    pub url: String,
    /// The stream key; never logged.
    pub key: String,
    /// Lines of the picture at most.
    pub max_height: Option<u32>,
    /// Bits a second of the video at most.
    pub max_bitrate: Option<u32>,
}

/// Sends streams. The root package implements it with the bridge.
pub trait RestreamOut: Send + Sync + 'static {
    /// From now on the stream is sent to these and no others; those that stay as they are go on
    /// undisturbed.
    fn set(&self, slug: &StreamSlug, targets: Vec<RestreamTarget>);

    /// How a stream's targets do, by their ids' numbers.
    fn statuses(&self, slug: &StreamSlug) -> HashMap<i64, RestreamStatus>;

    /// Counts changes of any target's state.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Tries to publish, and ends at once. An error says why it would not work.
    fn test(&self, target: RestreamTarget) -> BoxFuture<'static, Result<(), String>>;
}

/// The part as a field of the application.
#[derive(Clone, Default)]
pub(crate) struct Restreams {
    /// Rung when a row changes.
    bell: Arc<Notify>,
}

impl Restreams {
    fn ring(&self) {
        self.bell.notify_one();
    }
}

/// The operations of this part.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(rest::list, rest::create))
        .routes(routes!(rest::show, rest::edit, rest::delete))
        .routes(routes!(rest::test))
}

/// What a row's key is encrypted under, so that keys of rows cannot be swapped.
fn context(id: RestreamId) -> String {
    format!("restream key {id}")
}
