//! API tokens of programs: random, kept as a hash, found by it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use weir_db::{ApiToken, Db, DbError, KeyHash, NewApiToken, UserId};
use weir_protocol::Scope;

use super::{Caller, Credential};
use crate::{ApiError, App};

/// How each begins, so that scanners of leaked secrets can find it.
pub(crate) const PREFIX: &str = "weir_pat_";

/// Random bytes in one.
const SECRET_BYTES: usize = 32;

/// Characters of it that stay readable in lists.
const SHOWN: usize = PREFIX.len() + 4;

/// Tokens that a user may have.
const MOST: u32 = 100;

/// Makes a token and gives it in clear, which only its maker ever sees, with its row.
///
/// # Errors
/// When the user has too many, and when the database fails.
pub async fn create_api_token(
    db: &Db,
    user: UserId,
    name: &str,
    scopes: &[Scope],
    expires_at: Option<i64>,
) -> Result<(String, ApiToken), DbError> {
    let text = format!(
        "{PREFIX}{}",
        URL_SAFE_NO_PAD.encode(rand::random::<[u8; SECRET_BYTES]>())
    );
    let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    let new = NewApiToken {
        user,
        name: name.to_owned(),
        prefix: text[..SHOWN].to_owned(),
        hash: KeyHash::of(&text),
        scopes: words.join(" "),
        expires_at,
    };
    let row = db.create_api_token(new, MOST).await?;
    Ok((text, row))
}

/// What the words in a row say. A word of a newer version lends nothing.
pub(crate) fn scopes(words: &str) -> Vec<Scope> {
    words
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}

pub(super) async fn user(app: &App, token: &str) -> Result<Caller, ApiError> {
    let found = app
        .services
        .db
        .user_of_api_token(KeyHash::of(token))
        .await?;
    let (user, row) = found.ok_or(ApiError::BadCredentials(
        "the API token has ended or was revoked; make another one",
    ))?;
    let credential = Credential::ApiToken(row.id);
    app.seen
        .note(&app.services.db, credential, row.last_used_at);
    Ok(Caller {
        user,
        credential,
        scopes: Some(scopes(&row.scopes)),
    })
}
