//! `weir token …` and `weir token-keys …`

use anyhow::{Context, bail};
use serde_json::json;
use weir_db::{Db, Role, User};
use weir_protocol::Scope;
use weir_signaling::{create_api_token, rotate_token_keys};

use super::{block_on, print};
use crate::{
    cli::{TokenCommand, TokenKeysCommand},
    data_dir::{self, open_database},
};

/// Tokens that are listed at most; a user cannot have more.
const ALL: u32 = 1000;

/// Runs one of the commands of API tokens.
pub fn token(command: &TokenCommand) -> anyhow::Result<()> {
    block_on(async {
        match command {
            TokenCommand::Create {
                user,
                scopes,
                name,
                days,
                json,
                settings,
            } => {
                let db = open_database(&settings.load()?).await?;
                let user = find(&db, user).await?;
                check_scopes(&user, scopes)?;
                let expires_at = days.map(|days| {
                    let day = 24 * 60 * 60 * 1000;
                    now_ms().saturating_add(i64::from(days) * day)
                });
                let (text, row) = create_api_token(&db, user.id, name, scopes, expires_at).await?;
                match json {
                    true => print(
                        &json!({"id": row.id.to_string(), "token": text, "scopes": scopes})
                            .to_string(),
                    ),
                    false => print(&format!("The token is shown only now: {text}")),
                }
            }
            TokenCommand::List {
                user,
                json,
                settings,
            } => {
                let db = open_database(&settings.load()?).await?;
                let user = find(&db, user).await?;
                let rows = db.api_tokens_of_user(user.id, None, ALL).await?;
                if *json {
                    let rows: Vec<_> = rows
                        .iter()
                        .map(|row| {
                            json!({
                                "id": row.id.to_string(), "name": row.name, "prefix": row.prefix,
                                "scopes": row.scopes.split(' ').collect::<Vec<_>>(),
                                "created_at": row.created_at, "expires_at": row.expires_at,
                                "last_used_at": row.last_used_at,
                            })
                        })
                        .collect();
                    return print(&serde_json::Value::from(rows).to_string());
                }
                let lines: Vec<String> = rows
                    .iter()
                    .map(|row| format!("{}  {}…  {}  {}", row.id, row.prefix, row.name, row.scopes))
                    .collect();
                print(&lines.join("\n"))
            }
            TokenCommand::Revoke { user, id, settings } => {
                let db = open_database(&settings.load()?).await?;
                let user = find(&db, user).await?;
                let id = id
                    .parse()
                    .context("an id is a number: see weir token list")?;
                if !db.end_api_token(user.id, id).await? {
                    bail!("{} has no such token: see weir token list", user.name);
                }
                print("The token was revoked.")
            }
        }
    })
}

/// Runs one of the commands of signing keys.
pub fn token_keys(command: &TokenKeysCommand) -> anyhow::Result<()> {
    let TokenKeysCommand::Rotate { drop_old, settings } = command;
    block_on(async {
        let config = settings.load()?;
        let db = open_database(&config).await?;
        let secrets = data_dir::secrets(&config.data.dir)?;
        let kid = rotate_token_keys(&db, &secrets, *drop_old).await?;
        let old = match drop_old {
            true => "All access tokens have ended; devices refresh theirs.",
            false => "Access tokens of older keys are good until they end.",
        };
        print(&format!(
            "From now on the key {kid} signs access tokens. {old}"
        ))
    })
}

async fn find(db: &Db, name: &str) -> anyhow::Result<User> {
    let user = db.user_by_login(name).await?;
    user.with_context(|| format!("there is no user {name}"))
}

fn check_scopes(user: &User, scopes: &[Scope]) -> anyhow::Result<()> {
    if scopes.contains(&Scope::Account) {
        bail!("no API token has the scope account: passwords, devices and tokens need a login");
    }
    if scopes.contains(&Scope::Admin) && user.role != Role::Admin {
        bail!(
            "{} is no admin, so no token of theirs has the scope admin",
            user.name
        );
    }
    Ok(())
}

fn now_ms() -> i64 {
    let since_epoch = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
