//! Telling users of what happens.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use weir_db::{Db, DbError, MAIL_CONFIRM_ADDRESS, News, Stream, User, UserId, Webhook};
use weir_protocol::{NotificationKind, Visibility};

use super::Mailer;
use crate::{
    App,
    happenings::{Consumer, Happening},
};

/// A publisher that comes and goes is told of once in so many milliseconds.
const LIVE_ONCE_WITHIN: i64 = 10 * 60 * 1000;

/// Who follows and unfollows is told of once a day.
const FOLLOWER_ONCE_WITHIN: i64 = 24 * 60 * 60 * 1000;

/// Tells these users, by the ways that they want. `actor` is who made it happen: users who have blocked
/// them are not told.
pub(crate) async fn notify(
    db: &Db,
    users: &[UserId],
    kind: NotificationKind,
    actor: Option<&User>,
    payload: &Value,
) -> Result<(), DbError> {
    let news = News {
        kind: kind.as_str(),
        payload: &payload.to_string(),
        actor: actor.map(|actor| actor.id),
        by_mail: false,
        once_within: match kind {
            NotificationKind::Follower => FOLLOWER_ONCE_WITHIN,
            _ => 0,
        },
    };
    db.notify(users, &news).await?;
    Ok(())
}

/// The same where the matter itself is done and must not fail for it.
pub(crate) async fn soft(
    app: &App,
    users: &[UserId],
    kind: NotificationKind,
    actor: Option<&User>,
    payload: &Value,
) {
    if let Err(error) = notify(&app.services.db, users, kind, actor, payload).await {
        tracing::warn!(%error, kind = kind.as_str(), "a notification was not written");
    }
}

/// Hears of everything, and tells those whom it concerns.
pub(super) struct Listener {
    db: Db,
    mailer: Mailer,
}

impl Listener {
    pub(super) fn new(db: Db, mailer: Mailer) -> Self {
        Self { db, mailer }
    }

    async fn hear(&self, happening: &Happening) -> Result<(), DbError> {
        match happening {
            Happening::StreamStarted { stream, .. } => self.live(stream).await,
            Happening::UserRegistered { user } => self.registered(user).await,
            Happening::WebhookDisabled { webhook } => self.webhook_disabled(webhook).await,
            _ => Ok(()),
        }
    }

    async fn live(&self, stream: &Stream) -> Result<(), DbError> {
        // Others are found by their links alone.
        if stream.details.visibility != Visibility::Public {
            return Ok(());
        }
        let Some(owner) = stream.owner else {
            return Ok(());
        };
        let Some(owner) = self.db.user_by_id(owner).await? else {
            return Ok(());
        };
        let payload = json!({
            "user": owner.name,
            "display_name": owner.display_name.as_ref().unwrap_or(&owner.name),
            "slug": stream.slug,
            "title": stream.title,
        });
        let news = News {
            kind: NotificationKind::StreamLive.as_str(),
            payload: &payload.to_string(),
            actor: Some(owner.id),
            by_mail: self.mailer.sends(),
            once_within: LIVE_ONCE_WITHIN,
        };
        let told = self.db.notify_followers(owner.id, &news).await?;
        tracing::debug!(slug = %stream.slug, told, "followers were told");
        self.mailer.wake();
        Ok(())
    }

    /// The site's own webhooks have nobody to tell; the log has it.
    async fn webhook_disabled(&self, webhook: &Webhook) -> Result<(), DbError> {
        let Some(owner) = webhook.owner else {
            return Ok(());
        };
        let payload = json!({
            "webhook": webhook.id.to_string(),
            "why": webhook.disabled_why,
        });
        notify(
            &self.db,
            &[owner],
            NotificationKind::Account,
            None,
            &payload,
        )
        .await
    }

    async fn registered(&self, user: &User) -> Result<(), DbError> {
        let Some(address) = &user.email else {
            return Ok(());
        };
        self.db
            .queue_mail(user.id, MAIL_CONFIRM_ADDRESS, address, "{}")
            .await?;
        self.mailer.wake();
        Ok(())
    }
}

impl Consumer for Listener {
    fn consume<'a>(&'a self, happening: &'a Happening) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Err(error) = self.hear(happening).await {
                tracing::warn!(%error, "notifications were not written");
            }
        })
    }
}
