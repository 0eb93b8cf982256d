//! Passwords that are changed or forgotten, and addresses that are confirmed.

use std::time::{Duration, Instant};

use axum::{extract::State, http::StatusCode};
use weir_db::{DeviceId, MAIL_CONFIRM_ADDRESS, User, UserId};
use weir_protocol::{ChangeEmail, ChangePassword, ConfirmEmail, ForgottenPassword, ResetPassword};

use super::{check, mail::RESET_LIFETIME};
use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, scope},
    auth::client::ClientAddress,
    keys, passwords,
};

/// What asking for a forgotten password takes at least, whether or not there is such an account: many times
/// what the database takes.
const FORGOTTEN_TAKES: Duration = Duration::from_millis(200);

/// A user is sent one mail about a forgotten password in so many milliseconds.
const ONE_RESET_PER: i64 = 60 * 1000;

/// Change your password
///
/// All other devices are logged out.
#[utoipa::path(
    post, path = "/api/v1/me/password", tag = "account",
    request_body = ChangePassword,
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn change(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    actor: Actor<scope::Account>,
    Json(ChangePassword { current, new }): Json<ChangePassword>,
) -> Result<StatusCode, ApiError> {
    app.check_password(address, &actor.user, current).await?;
    let hash = passwords::hash(new)
        .await
        .map_err(|error| ApiError::BadRequest(error.to_string()))?;
    let user = &actor.user;
    app.services.db.set_password(user.id, &hash).await?;
    app.log_out(user.id, actor.device).await?;
    tracing::info!(name = %user.name, "password changed");
    Ok(StatusCode::NO_CONTENT)
}

/// Ask for a mail to set a forgotten password
///
/// The answer is the same, and takes as long, whether or not an account has this address.
#[utoipa::path(
    post, path = "/api/v1/password-reset", tag = "account", security(()),
    request_body = ForgottenPassword,
    responses((status = ACCEPTED, description = "If an account has this address, a mail is on its way"), Refusals),
)]
pub(super) async fn forgotten(
    State(app): State<App>,
    Json(ForgottenPassword { email }): Json<ForgottenPassword>,
) -> Result<StatusCode, ApiError> {
    let email = check::address(&email)?;
    // One that was sent lately has a token that ends later than this.
    let not_since = super::now() + RESET_LIFETIME - ONE_RESET_PER;
    let (queued, ()) = tokio::join!(
        app.services.db.queue_password_reset(&email, not_since),
        tokio::time::sleep(FORGOTTEN_TAKES),
    );
    if queued? {
        app.people.mailer.wake();
    }
    Ok(StatusCode::ACCEPTED)
}

/// Set a password by the link in a mail
///
/// The link is good once. All devices are logged out.
#[utoipa::path(
    post, path = "/api/v1/password-reset/confirm", tag = "account", security(()),
    request_body = ResetPassword,
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn reset(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    Json(ResetPassword { token, password }): Json<ResetPassword>,
) -> Result<StatusCode, ApiError> {
    app.login_limit
        .attempt(address, Instant::now())
        .map_err(ApiError::TooManyRequests)?;
    // Before the token, which is not used up by a password that cannot be set.
    let hash = passwords::hash(password)
        .await
        .map_err(|error| ApiError::BadRequest(error.to_string()))?;
    let db = &app.services.db;
    let user = db.reset_password(keys::hash(&token), &hash).await?;
    let user = user.ok_or_else(used_up)?;
    app.login_limit.succeeded(address);
    app.log_out(user, None).await?;
    tracing::info!("a password was set by mail");
    Ok(StatusCode::NO_CONTENT)
}

/// Change your e-mail address
///
/// A mail goes to the new one; it counts once the link in it was followed.
#[utoipa::path(
    post, path = "/api/v1/me/email", tag = "account",
    request_body = ChangeEmail,
    responses((status = ACCEPTED, description = "A mail is on its way"), Refusals),
)]
pub(super) async fn change_email(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    Actor { user, .. }: Actor<scope::Account>,
    Json(ChangeEmail { email, password }): Json<ChangeEmail>,
) -> Result<StatusCode, ApiError> {
    let email = check::address(&email)?;
    app.check_password(address, &user, password).await?;
    // Whether somebody else has it is told to the address's owner alone, when the link is followed.
    app.services
        .db
        .queue_mail(user.id, MAIL_CONFIRM_ADDRESS, &email, "{}")
        .await?;
    app.people.mailer.wake();
    Ok(StatusCode::ACCEPTED)
}

/// Confirm an e-mail address
///
/// By the link in a mail, which is good once.
#[utoipa::path(
    post, path = "/api/v1/email-confirmation", tag = "account", security(()),
    request_body = ConfirmEmail,
    responses((status = NO_CONTENT), Refusals),
)]
pub(super) async fn confirm_email(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    Json(ConfirmEmail { token }): Json<ConfirmEmail>,
) -> Result<StatusCode, ApiError> {
    app.login_limit
        .attempt(address, Instant::now())
        .map_err(ApiError::TooManyRequests)?;
    let user = app.services.db.confirm_address(keys::hash(&token)).await?;
    user.ok_or_else(used_up)?;
    app.login_limit.succeeded(address);
    Ok(StatusCode::NO_CONTENT)
}

fn used_up() -> ApiError {
    ApiError::BadRequest("the link was used or has ended; ask for another mail".into())
}

impl App {
    /// Refuses a wrong password of somebody who is logged in, with a limit as for logging in.
    pub(crate) async fn check_password(
        &self,
        address: std::net::IpAddr,
        user: &User,
        password: String,
    ) -> Result<(), ApiError> {
        self.login_limit
            .attempt(address, Instant::now())
            .map_err(ApiError::TooManyRequests)?;
        let fits = passwords::verify(password, Some(user.password_hash.clone())).await;
        if !fits {
            return Err(ApiError::Forbidden(
                "that is not the account's password; an account without one gets it by password-reset",
            ));
        }
        self.login_limit.succeeded(address);
        Ok(())
    }

    /// Logs the user's devices out, but this one.
    pub(crate) async fn log_out(
        &self,
        user: UserId,
        but: Option<DeviceId>,
    ) -> Result<(), ApiError> {
        crate::auth::end_devices(self, user, but).await
    }
}
