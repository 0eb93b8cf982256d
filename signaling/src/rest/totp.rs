//! The second factor: one-time passwords by time (RFC 6238), and recovery codes.

use std::time::Instant;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use totp_rs::{Builder, Secret, Totp};
use utoipa_axum::{router::OpenApiRouter, routes};
use weir_db::{KeyHash, User};
use weir_protocol::{PasswordAgain, RecoveryCodes, TotpBegun, TotpCode, TotpState};

use crate::{
    ApiError, App, Refusals,
    api::{Actor, Json, scope},
    auth::client::ClientAddress,
    tokens::seconds_now,
};

/// What authenticator programs show beside the account.
const ISSUER: &str = "Weir";

/// Recovery codes at a time.
const RECOVERY_CODES: usize = 10;

/// Characters of a recovery code, 5 bits each.
const RECOVERY_LEN: usize = 16;

/// Those of recovery codes, without any that look alike.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The operations of this module.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(show, begin))
        .routes(routes!(confirm))
        .routes(routes!(renew_codes))
        .routes(routes!(remove))
}

/// Whether the user has a second factor
#[utoipa::path(
    get, path = "/api/v1/me/totp", tag = "account",
    responses((status = OK, body = TotpState), Refusals),
)]
async fn show(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Account>,
) -> Result<impl IntoResponse, ApiError> {
    let row = app.services.db.totp(user.id).await?;
    let row = row.filter(|row| row.confirmed);
    let state = TotpState {
        enabled: row.is_some(),
        recovery_codes_left: row.map_or(0, |row| row.recovery_codes),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(state)))
}

/// Begin with a second factor
///
/// Gives a secret for an authenticator program. Logging in asks for codes only once it is confirmed
/// with one.
#[utoipa::path(
    post, path = "/api/v1/me/totp", tag = "account",
    request_body = PasswordAgain,
    responses((status = OK, body = TotpBegun), Refusals),
)]
async fn begin(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Account>,
    ClientAddress(address): ClientAddress,
    Json(PasswordAgain { password }): Json<PasswordAgain>,
) -> Result<impl IntoResponse, ApiError> {
    app.check_password(address, &user, password).await?;
    let secret: [u8; 20] = rand::random();
    let totp = totp(&secret, &user.name)?;
    let uri = totp.to_url().map_err(|error| {
        tracing::error!(%error, "no address for a second factor");
        ApiError::Internal
    })?;
    let sealed = app.sealer.seal(&context(&user), &secret);
    if !app.services.db.begin_totp(user.id, &sealed).await? {
        return Err(ApiError::Conflict(
            "there is a second factor already; remove it first".into(),
        ));
    }
    let begun = TotpBegun {
        secret: totp.secret().to_base32(),
        uri,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(begun)))
}

/// Confirm the second factor
///
/// With a code of now, which shows that the secret was taken over. From now on logging in asks for
/// codes. The recovery codes are shown this once.
#[utoipa::path(
    post, path = "/api/v1/me/totp/confirm", tag = "account",
    request_body = TotpCode,
    responses((status = OK, body = RecoveryCodes), Refusals),
)]
async fn confirm(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Account>,
    Json(TotpCode { code }): Json<TotpCode>,
) -> Result<impl IntoResponse, ApiError> {
    let limit = &app.login_limit;
    limit
        .second_factor(user.id, Instant::now())
        .map_err(ApiError::TooManyRequests)?;
    let none = || ApiError::Conflict("nothing waits to be confirmed; begin first".into());
    let row = app.services.db.totp(user.id).await?;
    let row = row.filter(|row| !row.confirmed).ok_or_else(none)?;
    let step = step_of(&app, &user, &row.sealed, &code)?.ok_or(ApiError::Forbidden(
        "the code is wrong; look whether the clock of the device is right",
    ))?;
    limit.second_factor_succeeded(user.id);
    let (codes, hashes) = recovery_codes();
    let db = &app.services.db;
    if !db.confirm_totp(user.id, &row.sealed, step, &hashes).await? {
        return Err(none());
    }
    tracing::info!(name = %user.name, "second factor set up");
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(codes)))
}

/// Replace the recovery codes
///
/// The old ones are worth nothing from now on; the new ones are shown this once.
#[utoipa::path(
    post, path = "/api/v1/me/totp/recovery-codes", tag = "account",
    request_body = PasswordAgain,
    responses((status = OK, body = RecoveryCodes), Refusals),
)]
async fn renew_codes(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Account>,
    ClientAddress(address): ClientAddress,
    Json(PasswordAgain { password }): Json<PasswordAgain>,
) -> Result<impl IntoResponse, ApiError> {
    app.check_password(address, &user, password).await?;
    let row = app.services.db.totp(user.id).await?;
    if !row.is_some_and(|row| row.confirmed) {
        return Err(ApiError::Conflict("there is no second factor".into()));
    }
    let (codes, hashes) = recovery_codes();
    app.services
        .db
        .replace_recovery_codes(user.id, &hashes)
        .await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(codes)))
}

/// Remove the second factor
///
/// With its recovery codes; logging in asks for the password only.
#[utoipa::path(
    post, path = "/api/v1/me/totp/removal", tag = "account",
    request_body = PasswordAgain,
    responses((status = NO_CONTENT), Refusals),
)]
async fn remove(
    State(app): State<App>,
    Actor { user, .. }: Actor<scope::Account>,
    ClientAddress(address): ClientAddress,
    Json(PasswordAgain { password }): Json<PasswordAgain>,
) -> Result<StatusCode, ApiError> {
    app.check_password(address, &user, password).await?;
    if !app.services.db.remove_totp(user.id).await? {
        return Err(ApiError::Conflict("there is no second factor".into()));
    }
    tracing::info!(name = %user.name, "second factor removed");
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a code of the user's second factor, once: the six digits of now, or a recovery code.
///
/// # Errors
/// 401 for a wrong code and for one that was used, 429 after too many.
pub(super) async fn take_code(app: &App, user: &User, code: &str) -> Result<(), ApiError> {
    const WRONG: ApiError = ApiError::BadCredentials("the code is wrong, or was used before");
    app.login_limit
        .second_factor(user.id, Instant::now())
        .map_err(ApiError::TooManyRequests)?;
    let db = &app.services.db;
    let row = db.totp(user.id).await?;
    // Removed since the challenge was given: then the password was enough.
    if let Some(row) = row.filter(|row| row.confirmed) {
        let taken = match step_of(app, user, &row.sealed, code)? {
            Some(step) => db.take_totp_step(user.id, step).await?,
            None => {
                let taken = db.take_recovery_code(user.id, hash_of(code)).await?;
                if taken {
                    tracing::info!(name = %user.name, "recovery code used");
                }
                taken
            }
        };
        if !taken {
            tracing::info!(name = %user.name, "second factor refused");
            return Err(WRONG);
        }
    }
    app.login_limit.second_factor_succeeded(user.id);
    Ok(())
}

/// The time step of a code, if it is one of now.
fn step_of(app: &App, user: &User, sealed: &str, code: &str) -> Result<Option<i64>, ApiError> {
    let Some(secret) = app.sealer.open(&context(user), sealed) else {
        // Recovery codes still work.
        tracing::error!(
            name = %user.name,
            "the second factor was sealed with another token.key: bring that file back"
        );
        return Ok(None);
    };
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Ok(None);
    }
    let step = totp(&secret, &user.name)?.check(&digits, seconds_now());
    Ok(step.and_then(|step| i64::try_from(step).ok()))
}

/// SHA-1, 6 digits, 30 seconds, one step of tolerance: what all authenticator programs can.
fn totp(secret: &[u8], name: &str) -> Result<Totp, ApiError> {
    Builder::new()
        .with_secret(Secret::new(secret.into()))
        // A colon would end the issuer in the address.
        .with_account_name(name.replace(':', "_"))
        .with_issuer(Some(ISSUER))
        .build()
        .map_err(|error| {
            tracing::error!(%error, "a second factor cannot be used");
            ApiError::Internal
        })
}

fn context(user: &User) -> String {
    format!("totp {}", user.id)
}

fn recovery_codes() -> (RecoveryCodes, Vec<KeyHash>) {
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery_code()).collect();
    let hashes = codes.iter().map(|code| hash_of(code)).collect();
    let codes = RecoveryCodes {
        recovery_codes: codes,
    };
    (codes, hashes)
}

fn recovery_code() -> String {
    let bytes: [u8; RECOVERY_LEN] = rand::random();
    let mut code = String::new();
    for (place, byte) in bytes.into_iter().enumerate() {
        if place > 0 && place % 4 == 0 {
            code.push('-');
        }
        code.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    code
}

/// As people type it: in any case, with or without the dashes. 80 random bits need no slow hash.
fn hash_of(code: &str) -> KeyHash {
    let plain: String = code
        .chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .map(|c| c.to_ascii_lowercase())
        .collect();
    KeyHash::of(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_codes_differ_and_are_typed_in_any_way() {
        let (codes, hashes) = recovery_codes();
        let codes = codes.recovery_codes;
        assert_eq!(
            (codes.len(), hashes.len()),
            (RECOVERY_CODES, RECOVERY_CODES)
        );
        assert_ne!(codes[0], codes[1]);
        assert_eq!(codes[0].len(), RECOVERY_LEN + 3);
        let typed = codes[0].to_uppercase().replace('-', " ");
        assert!(hash_of(&typed) == hashes[0]);
        assert!(hash_of(&typed) != hashes[1]);
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238 appendix B, the last six digits of its SHA-1 column.
        let totp = totp(b"12345678901234567890", "a:b").expect("a secret of 160 bits");
        assert_eq!(totp.check("287082", 59), Some(1));
        assert_eq!(totp.check("081804", 1_111_111_109), Some(37_037_036));
        assert_eq!(totp.check("081804", 1_111_111_109 + 90), None);
    }
}
