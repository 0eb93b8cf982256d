//! `weir user …`

use std::io::{BufRead as _, Read as _};

use anyhow::Context;
use serde_json::json;
use weir_db::{Db, DbError, NewUser, Role, User, UserChange, UserFilter};
use weir_protocol::ImportReport;
use weir_signaling::{import_users, passwords};

use super::{block_on, print};
use crate::{
    cli::{Settings, UserCommand},
    data_dir::open_database,
};

/// Characters of a generated password, without those that look alike.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Users in one query of a list.
const LISTED_AT_ONCE: u32 = 500;

/// Characters in a generated password: 5 bits each, 100 bits in all.
const GENERATED_LEN: usize = 20;

/// Runs one of the commands.
pub fn user(command: &UserCommand) -> anyhow::Result<()> {
    block_on(async {
        match command {
            UserCommand::Create {
                name,
                role,
                password_stdin,
                json,
                settings,
            } => {
                let (password, generated) = password(*password_stdin)?;
                let db = open(settings).await?;
                create(&db, name, (*role).into(), password.clone()).await?;
                say_password(name, &password, generated, *json, "created")
            }
            UserCommand::List {
                search,
                role,
                json,
                settings,
            } => {
                let db = open(settings).await?;
                list(&db, search.as_deref(), role.map(Role::from), *json).await
            }
            UserCommand::SetRole {
                name,
                role,
                settings,
            } => {
                let change = UserChange {
                    role: Some((*role).into()),
                    ..UserChange::default()
                };
                let db = open(settings).await?;
                let changed = change_user(&db, name, &change).await?;
                print(&format!(
                    "User {} has the role {} now.",
                    changed.name,
                    changed.role.as_str()
                ))
            }
            UserCommand::SetPassword {
                name,
                password_stdin,
                json,
                settings,
            } => {
                let (password, generated) = password(*password_stdin)?;
                let db = open(settings).await?;
                let user = known(&db, name).await?;
                let hash = passwords::hash(password.clone()).await?;
                db.set_password(user.id, &hash).await?;
                db.end_devices(user.id, None).await?;
                say_password(
                    &user.name,
                    &password,
                    generated,
                    *json,
                    "has a new password",
                )
            }
            UserCommand::Disable {
                name,
                undo,
                settings,
            } => {
                let change = UserChange {
                    disabled: Some(!undo),
                    ..UserChange::default()
                };
                let db = open(settings).await?;
                let changed = change_user(&db, name, &change).await?;
                if !undo {
                    db.end_devices(changed.id, None).await?;
                }
                let what = if *undo { "unlocked" } else { "locked" };
                print(&format!("User {} is {what} now.", changed.name))
            }
            UserCommand::Import {
                file,
                dry_run,
                json,
                settings,
            } => {
                let bytes = match file.as_os_str() == "-" {
                    true => {
                        let mut bytes = Vec::new();
                        std::io::stdin().lock().read_to_end(&mut bytes)?;
                        bytes
                    }
                    false => std::fs::read(file)
                        .with_context(|| format!("cannot read {}", file.display()))?,
                };
                let db = open(settings).await?;
                let report = import_users(&db, &bytes, *dry_run, None).await?;
                say_report(&report, *json)
            }
        }
    })
}

/// The database of these settings.
async fn open(settings: &Settings) -> anyhow::Result<Db> {
    let config = settings.load()?;
    passwords::set_cost(config.accounts.password_cost());
    open_database(&config).await
}

/// The password from standard input, or a generated one; tells which.
fn password(from_stdin: bool) -> anyhow::Result<(String, bool)> {
    if !from_stdin {
        return Ok((generate_password(), true));
    }
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .context("cannot read the password")?;
    Ok((line.trim_end_matches(['\r', '\n']).to_owned(), false))
}

fn say_password(
    name: &str,
    password: &str,
    generated: bool,
    json: bool,
    what: &str,
) -> anyhow::Result<()> {
    match (json, generated) {
        (true, true) => print(&json!({"name": name, "password": password}).to_string()),
        (true, false) => print(&json!({"name": name}).to_string()),
        (false, true) => print(&format!(
            "User {name}. The password is shown only now: {password}"
        )),
        (false, false) => print(&format!("User {name} {what}.")),
    }
}

async fn known(db: &Db, name: &str) -> anyhow::Result<User> {
    let user = db.user_by_name(name).await?;
    user.with_context(|| format!("there is no user {name}"))
}

async fn change_user(db: &Db, name: &str, change: &UserChange) -> anyhow::Result<User> {
    let user = known(db, name).await?;
    let changed = db.change_user(user.id, None, change).await?;
    Ok(changed.map_or(user, |record| record.user))
}

async fn list(db: &Db, search: Option<&str>, role: Option<Role>, json: bool) -> anyhow::Result<()> {
    let filter = UserFilter {
        search,
        role,
        state: None,
    };
    let mut after: Option<String> = None;
    let mut rows = Vec::new();
    loop {
        let page = db
            .list_users(&filter, after.as_deref(), LISTED_AT_ONCE)
            .await?;
        let Some(last) = page.last() else { break };
        after = Some(last.user.name.clone());
        if json {
            rows.extend(page.into_iter().map(|record| {
                json!({
                    "name": record.user.name,
                    "role": record.user.role.as_str(),
                    "email": record.user.email,
                    "approved": record.user.approved,
                    "disabled": record.user.disabled_at.is_some(),
                })
            }));
            continue;
        }
        let lines = page.iter().map(|record| {
            let locked = if record.user.disabled_at.is_some() {
                "  locked"
            } else {
                ""
            };
            format!(
                "{:<10} {}{locked}\n",
                record.user.role.as_str(),
                record.user.name
            )
        });
        print(&lines.collect::<String>())?;
    }
    match json {
        true => print(&serde_json::Value::Array(rows).to_string()),
        false => Ok(()),
    }
}

fn say_report(report: &ImportReport, json: bool) -> anyhow::Result<()> {
    if json {
        return print(&serde_json::to_string(report)?);
    }
    let refused = report.rows.iter().filter_map(|row| {
        let error = row.error.as_ref()?;
        Some(format!("line {}: {}: {error}\n", row.line, row.name))
    });
    let would = if report.dry_run { "would be " } else { "" };
    let errors: String = refused.collect();
    print(&format!(
        "{errors}{} users {would}created, {} {would}updated, {} are so already, {} rows left out.",
        report.created, report.updated, report.skipped, report.errors
    ))
}

/// Creates a user with this password.
pub async fn create(db: &Db, name: &str, role: Role, password: String) -> anyhow::Result<()> {
    let password_hash = passwords::hash(password).await?;
    let new = NewUser {
        name: name.to_owned(),
        password_hash,
        role,
    };
    db.create_user(new).await.map_err(|error| match error {
        DbError::Conflict { .. } => anyhow::anyhow!("a user {name} exists already"),
        other => anyhow::Error::new(other).context(format!("user {name}")),
    })?;
    Ok(())
}

/// A random password that is easy to type.
pub fn generate_password() -> String {
    let bytes: [u8; GENERATED_LEN] = rand::random();
    bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_passwords_differ_and_have_no_lookalikes() {
        let (first, second) = (generate_password(), generate_password());
        assert_ne!(first, second);
        assert_eq!(first.len(), GENERATED_LEN);
        assert!(!first.contains(['l', 'o', '0', '1']));
    }
}
