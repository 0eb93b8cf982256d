//! People beyond logging in: profiles, pictures, follows, blocks, notifications, mail, passwords, log-ins
//! by other sites, and what admins do with accounts.

mod account_end;
mod administration;
mod applications;
pub(crate) mod check;
mod config;
mod follows;
mod housekeeping;
mod images;
mod import;
mod mail;
mod notifications;
mod notify;
mod oidc;
mod password;
mod profile;

use std::sync::Arc;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{App, Services, live};

pub use config::{AccountsConfig, MailConfig};
pub(crate) use images::image_url;
pub(crate) use import::IMPORT;
pub use import::{ImportError, import_users};
pub(crate) use mail::Mailer;
pub(crate) use notify::{notify, soft as notify_softly};
pub use oidc::OidcConfig;

/// What these parts keep while the server runs.
#[derive(Clone)]
pub(crate) struct People {
    pub(crate) mailer: Mailer,
    oidc: oidc::Providers,
}

impl People {
    /// Begins to send mail, to listen, and to clean up, until the server drains.
    pub(crate) fn start(services: &Arc<Services>) -> Self {
        let mailer = Mailer::new(&services.config.mail);
        let people = Self {
            mailer: mailer.clone(),
            oidc: oidc::Providers::new(&services.config.oidc),
        };
        let (db, stop) = (services.db.clone(), services.draining.clone());
        tokio::spawn(mailer.clone().run(db, stop));
        tokio::spawn(housekeeping::run(
            services.db.clone(),
            services.draining.clone(),
        ));
        services
            .live
            .bus()
            .register(Arc::new(notify::Listener::new(services.db.clone(), mailer)));
        people
    }
}

/// The operations of these modules.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(profile::show))
        .routes(routes!(profile::broadcasts))
        .routes(routes!(profile::mine))
        .routes(routes!(profile::edit, account_end::delete))
        .routes(routes!(account_end::export))
        .routes(routes!(follows::followers))
        .routes(routes!(follows::following))
        .routes(routes!(follows::follow, follows::unfollow))
        .routes(routes!(follows::blocked))
        .routes(routes!(follows::block, follows::unblock))
        .routes(routes!(notifications::list))
        .routes(routes!(notifications::unread))
        .routes(routes!(notifications::read))
        .routes(routes!(notifications::read_one))
        .routes(routes!(notifications::settings))
        .routes(routes!(notifications::set))
        .routes(routes!(password::change))
        .routes(routes!(password::forgotten))
        .routes(routes!(password::reset))
        .routes(routes!(password::change_email))
        .routes(routes!(password::confirm_email))
        .routes(routes!(oidc::providers))
        .routes(routes!(oidc::login))
        .routes(routes!(oidc::callback))
        .routes(routes!(oidc::linked))
        .routes(routes!(oidc::unlink))
        .routes(routes!(applications::apply, applications::mine))
        .routes(routes!(applications::list))
        .routes(routes!(applications::decide))
        .routes(routes!(administration::list))
        .routes(routes!(
            administration::show,
            administration::edit,
            administration::delete
        ))
        .routes(routes!(administration::log_out))
        .routes(routes!(administration::remove_second_factor))
        .merge(images::routes())
        .merge(import::routes())
}

/// Milliseconds since the Unix epoch.
fn now() -> i64 {
    live::now()
}
