//! Webhooks: endpoints outside that are told what happens, by the rules of Standard Webhooks.
//!
//! A happening becomes an event in the outbox before whoever made it happen goes on ([`events`]); the
//! [`worker`] delivers what waits there, each stream's events in order ([`client`], [`retry`],
//! [`sign`]). Deliveries never go to addresses of the server's own network ([`guard`]).

mod client;
mod events;
mod guard;
mod log;
mod rest;
mod retry;
mod sign;
mod worker;

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use utoipa_axum::{router::OpenApiRouter, routes};
use weir_db::{Db, NewWebhookEvent, UnixMillis, WebhookId};

use crate::{
    App, Services,
    happenings::{Consumer, Happening},
    live,
};
use client::Sender;
use guard::Rules;
use sign::Secret;
use worker::Worker;

/// How often an event is offered to the database before it is given up.
const WRITE_ATTEMPTS: u32 = 5;

/// Wait after the first of those; it doubles.
const WRITE_RETRY: Duration = Duration::from_millis(200);

/// Settings of webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookConfig {
    /// Whether deliveries may go to private addresses. Whoever may make webhooks can then reach hosts of
    /// the server's own network.
    pub allow_private: bool,
    /// Whether deliveries may go without TLS.
    pub allow_http: bool,
    /// Waits between the tries of a delivery, before chance is added.
    pub retry: Vec<Duration>,
    /// How long nothing may be delivered to an endpoint before it is switched off.
    pub disable_after: Duration,
    /// How long events and the log of their deliveries are kept.
    pub retention: Duration,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            allow_private: false,
            allow_http: false,
            retry: retry::DEFAULT.to_vec(),
            disable_after: 5 * DAY,
            retention: 30 * DAY,
        }
    }
}

/// What handlers and the worker share.
struct Shared {
    config: WebhookConfig,
    sender: Sender,
    /// The server's own key, from which secrets are computed.
    key: Vec<u8>,
}

impl Shared {
    fn secret(&self, webhook: WebhookId, salt: &str) -> Secret {
        Secret::derive(&self.key, webhook, salt)
    }

    /// The secrets that sign now, the newest first.
    fn secrets(
        &self,
        webhook: WebhookId,
        salt: &str,
        old_salt: Option<&(String, UnixMillis)>,
    ) -> Vec<Secret> {
        let old = old_salt.filter(|(_, until)| *until > live::now());
        let salts = [salt].into_iter().chain(old.map(|(salt, _)| salt.as_str()));
        salts.map(|salt| self.secret(webhook, salt)).collect()
    }
}

/// The part as a field of the application.
#[derive(Clone)]
pub(crate) struct Webhooks {
    shared: Arc<Shared>,
    bell: Arc<Notify>,
}

impl Webhooks {
    /// Listens to what happens, and delivers what waits, also from before a restart.
    pub(crate) fn start(services: &Services) -> Self {
        let config = services.config.webhooks.clone();
        let rules = Rules {
            private: config.allow_private,
            http: config.allow_http,
        };
        let shared = Arc::new(Shared {
            config,
            sender: Sender::new(rules).expect("a client without files and proxies can be made"),
            key: services.secrets.token_key.to_vec(),
        });
        let bell = Arc::new(Notify::new());
        let live = &services.live;
        live.bus().register(Arc::new(Outbox {
            db: services.db.clone(),
            bell: bell.clone(),
        }));
        let worker = Worker {
            db: services.db.clone(),
            bus: live.bus().clone(),
            shared: shared.clone(),
            bell: bell.clone(),
            stop: services.draining.clone(),
        };
        live.background().spawn(worker.run());
        Self { shared, bell }
    }

    fn ring(&self) {
        self.bell.notify_one();
    }
}

/// Writes down what happens.
struct Outbox {
    db: Db,
    bell: Arc<Notify>,
}

impl Consumer for Outbox {
    fn consume<'a>(&'a self, happening: &'a Happening) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Some(event) = events::event(happening) {
                self.write(&event).await;
            }
        })
    }
}

impl Outbox {
    async fn write(&self, event: &NewWebhookEvent) {
        let mut wait = WRITE_RETRY;
        for attempt in 1..=WRITE_ATTEMPTS {
            match self.db.add_webhook_event(event).await {
                Ok(0) => return,
                Ok(_) => return self.bell.notify_one(),
                Err(error) if attempt == WRITE_ATTEMPTS => {
                    tracing::error!(%error, kind = event.kind, "an event for webhooks is lost: it cannot be written");
                }
                Err(error) => {
                    tracing::warn!(%error, "an event for webhooks cannot be written yet");
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
            }
        }
    }
}

/// The operations of this part.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(rest::list, rest::create))
        .routes(routes!(rest::show, rest::edit, rest::delete))
        .routes(routes!(rest::rotate))
        .routes(routes!(log::ping))
        .routes(routes!(log::deliveries))
        .routes(routes!(log::delivery))
        .routes(routes!(log::replay_one))
        .routes(routes!(log::replay))
}
