//! Sends the mail that waits in the database, and makes the links in it.
//!
//! A mail is a row until the mail server has taken it, so a crash or a server that is away loses none. The
//! links prove something, so they are made at the last moment, and only their hashes are kept.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::AsyncSmtpTransportBuilder,
};
use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use url::Url;
use weir_db::{
    Db, DbError, MAIL_CONFIRM_ADDRESS, MAIL_EVENT, MAIL_INVITATION, MAIL_PASSWORD_RESET, Mail,
    MailPurpose, User,
};

use super::config::MailConfig;
use crate::keys;

/// How often the queue is looked at when nobody says that there is something: mail of other nodes, and mail
/// that could not be sent before.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Mails taken from the queue in one go. The rest waits in the database.
const TAKEN_AT_ONCE: u32 = 20;

/// Connections to the mail server at one time.
const SENT_AT_ONCE: usize = 4;

/// How long a mail that was taken is left alone by others, in milliseconds; sending takes less.
const HOLD: i64 = 5 * 60 * 1000;

/// How long the mail server may take for one mail.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Attempts before a mail is given up: with the waits between them, about a day.
const ATTEMPTS: i64 = 12;

/// Wait after the first failure, in milliseconds; twice as long after each other one.
const FIRST_WAIT: i64 = 30 * 1000;

/// Longest wait between attempts, in milliseconds.
const LONGEST_WAIT: i64 = 4 * 60 * 60 * 1000;

/// How long the link for a forgotten password is good, in milliseconds.
pub(super) const RESET_LIFETIME: i64 = 60 * 60 * 1000;

/// How long an invitation and a link that confirms an address are good, in milliseconds.
const INVITATION_LIFETIME: i64 = 7 * 24 * 60 * 60 * 1000;

type Smtp = AsyncSmtpTransport<Tokio1Executor>;

/// Sends mail. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Mailer(Arc<Inner>);

struct Inner {
    smtp: Option<Smtp>,
    from: Option<Mailbox>,
    base: Url,
    waits: Notify,
}

/// What a mail says.
struct Letter {
    subject: String,
    body: String,
}

/// How to reach the mail server, and the sender. Nothing is connected yet.
fn read(config: &MailConfig) -> Result<(Option<AsyncSmtpTransportBuilder>, Mailbox), String> {
    let from: Mailbox = config
        .from
        .parse()
        .map_err(|_| "mail.from must be like Weir <weir@example.org>".to_owned())?;
    let Some(url) = &config.smtp_url else {
        return Ok((None, from));
    };
    let smtp = Smtp::from_url(url).map_err(|_| {
        "mail.smtp_url must be like smtps://user:password@smtp.example.org or smtp://localhost:25"
            .to_owned()
    })?;
    Ok((Some(smtp.timeout(Some(SEND_TIMEOUT))), from))
}

/// Whether mail could be sent so.
pub(super) fn check(config: &MailConfig) -> Result<(), String> {
    read(config).map(|_| ())
}

impl Mailer {
    pub(super) fn new(config: &MailConfig) -> Self {
        let (smtp, from) = match read(config) {
            // Its connections are kept by a task of the runtime.
            Ok((smtp, from)) => (smtp.map(AsyncSmtpTransportBuilder::build), Some(from)),
            Err(error) => {
                // The program checks its settings before; this is for whoever embeds the router.
                tracing::error!(error, "mail cannot be sent");
                (None, None)
            }
        };
        Self(Arc::new(Inner {
            smtp,
            from,
            base: config.base_url.clone(),
            waits: Notify::new(),
        }))
    }

    /// Whether mail leaves the server.
    pub(crate) fn sends(&self) -> bool {
        self.0.smtp.is_some()
    }

    /// Says that there is mail.
    pub(crate) fn wake(&self) {
        self.0.waits.notify_one();
    }

    /// Sends what waits, until `stop`.
    pub(super) async fn run(self, db: Db, stop: CancellationToken) {
        loop {
            match db.take_mails(TAKEN_AT_ONCE, HOLD).await {
                Ok(mails) if !mails.is_empty() => {
                    let deliver = |mail| {
                        let (mailer, db) = (self.clone(), db.clone());
                        async move { mailer.deliver(&db, &mail).await }
                    };
                    stream::iter(mails)
                        .map(deliver)
                        .buffer_unordered(SENT_AT_ONCE)
                        .collect::<()>()
                        .await;
                    if stop.is_cancelled() {
                        return;
                    }
                    continue;
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "mail that waits could not be read"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.0.waits.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn deliver(&self, db: &Db, mail: &Mail) {
        let done = match self.try_deliver(db, mail).await {
            Ok(()) => db.finish_mail(mail).await,
            Err(failure) if failure.hopeless || mail.attempts >= ATTEMPTS => {
                tracing::warn!(kind = mail.kind, why = failure.why, "a mail is given up");
                db.finish_mail(mail).await
            }
            Err(failure) => {
                tracing::warn!(
                    kind = mail.kind,
                    why = failure.why,
                    "a mail waits for another try"
                );
                db.postpone_mail(mail, wait_after(mail.attempts)).await
            }
        };
        if let Err(error) = done {
            tracing::warn!(%error, "a mail may be sent twice");
        }
    }

    async fn try_deliver(&self, db: &Db, mail: &Mail) -> Result<(), Failure> {
        let Some(user) = db.user_by_id(mail.user).await? else {
            return Ok(());
        };
        let letter = self.write(db, mail, &user).await?;
        let (Some(smtp), Some(from)) = (&self.0.smtp, &self.0.from) else {
            // The log is the operator's outbox. Told by the name: addresses stay out of it.
            tracing::info!(
                user = user.name,
                subject = letter.subject,
                text = letter.body,
                "no mail server is set (mail.smtp_url); hand this on yourself"
            );
            return Ok(());
        };
        let to = mail.address.parse().map_err(|_| Failure {
            why: "the address cannot be used".into(),
            hopeless: true,
        })?;
        let message = Message::builder()
            .from(from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.body)
            .map_err(|error| Failure {
                why: error.to_string(),
                hopeless: true,
            })?;
        smtp.send(message).await.map_err(|error| Failure {
            // The server's words may hold the address.
            why: match error.status() {
                Some(code) => format!("the mail server refused it with {code}"),
                None => "the mail server cannot be reached".to_owned(),
            },
            hopeless: error.is_permanent(),
        })?;
        Ok(())
    }

    async fn write(&self, db: &Db, mail: &Mail, user: &User) -> Result<Letter, Failure> {
        let name = &user.name;
        Ok(match mail.kind.as_str() {
            MAIL_PASSWORD_RESET => {
                let link = self
                    .link(
                        db,
                        mail,
                        MailPurpose::Password,
                        RESET_LIFETIME,
                        "reset-password",
                    )
                    .await?;
                Letter {
                    subject: "Set a new password".into(),
                    body: format!(
                        "Somebody asked for a new password for the account {name}. To set it, open this \
                         page within an hour:\n\n{link}\n\nIf it was not you, do nothing: the password \
                         stays as it is.\n"
                    ),
                }
            }
            MAIL_INVITATION => {
                let link = self
                    .link(
                        db,
                        mail,
                        MailPurpose::Password,
                        INVITATION_LIFETIME,
                        "reset-password",
                    )
                    .await?;
                Letter {
                    subject: "An account was made for you".into(),
                    body: format!(
                        "The account {name} was made for you at {}. To set its password, open this page \
                         within a week:\n\n{link}\n",
                        self.0.base
                    ),
                }
            }
            MAIL_CONFIRM_ADDRESS => {
                let link = self
                    .link(
                        db,
                        mail,
                        MailPurpose::Address,
                        INVITATION_LIFETIME,
                        "confirm-email",
                    )
                    .await?;
                Letter {
                    subject: "Confirm your e-mail address".into(),
                    body: format!(
                        "To confirm that this address belongs to the account {name}, open this page \
                         within a week:\n\n{link}\n\nIf you know nothing of it, do nothing.\n"
                    ),
                }
            }
            MAIL_EVENT => {
                let payload: Value = serde_json::from_str(&mail.payload).unwrap_or_default();
                let text = |member: &str| payload[member].as_str().unwrap_or_default().to_owned();
                Letter {
                    subject: text("subject"),
                    body: text("text"),
                }
            }
            _ => self.news(mail),
        })
    }

    /// Mail about a notification.
    fn news(&self, mail: &Mail) -> Letter {
        let payload: Value = serde_json::from_str(&mail.payload).unwrap_or_default();
        let text = |member: &str| payload[member].as_str().unwrap_or_default().to_owned();
        let who = text("display_name");
        let page = format!("{}@{}", self.0.base, text("slug"));
        Letter {
            subject: format!("{who} is live: {}", text("title")),
            body: format!(
                "{who} is live with “{}”:\n\n{page}\n\nYou follow {who}. Which mails you get is set in \
                 your account's notification settings.\n",
                text("title")
            ),
        }
    }

    async fn link(
        &self,
        db: &Db,
        mail: &Mail,
        purpose: MailPurpose,
        lifetime: i64,
        page: &str,
    ) -> Result<Url, Failure> {
        let (token, hash) = keys::generate();
        let ends = super::now() + lifetime;
        db.make_mail_token(mail.user, purpose, &mail.address, hash, ends)
            .await?;
        let mut link = self.0.base.join(page).map_err(|_| Failure {
            why: "no address of a page can be made".into(),
            hopeless: true,
        })?;
        link.query_pairs_mut().append_pair("token", token.reveal());
        Ok(link)
    }
}

struct Failure {
    why: String,
    /// Another try would end the same way.
    hopeless: bool,
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Self {
            why: error.to_string(),
            hopeless: false,
        }
    }
}

fn wait_after(attempts: i64) -> i64 {
    let doublings = u32::try_from(attempts.clamp(1, 20) - 1).unwrap_or(0);
    FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_hours() {
        assert_eq!(wait_after(1), FIRST_WAIT);
        assert_eq!(wait_after(3), 4 * FIRST_WAIT);
        assert_eq!(wait_after(20), LONGEST_WAIT);
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        let mut config = MailConfig::default();
        assert!(config.check().is_ok());
        config.smtp_url = Some("http://example.org".into());
        assert!(config.check().is_err());
        config.smtp_url = Some("smtp://user:secret@localhost:25".into());
        assert!(config.check().is_ok());
        assert!(!format!("{config:?}").contains("secret"));
        config.from = "nobody".into();
        assert!(config.check().is_err());
    }
}
