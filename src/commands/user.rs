//! `weir user …`

use std::io::BufRead as _;

use anyhow::Context;
use serde_json::json;
use weir_db::{Db, DbError, NewUser, Role};
use weir_signaling::passwords;

use super::{block_on, print};
use crate::{cli::UserCommand, data_dir::open_database};

/// Characters of a generated password, without those that look alike.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Characters in a generated password: 5 bits each, 100 bits in all.
const GENERATED_LEN: usize = 20;

/// Runs one of the commands.
pub fn user(command: &UserCommand) -> anyhow::Result<()> {
    let UserCommand::Create {
        name,
        role,
        password_stdin,
        json,
        settings,
    } = command;
    block_on(async {
        let config = settings.load()?;
        let given = if *password_stdin {
            let mut line = String::new();
            std::io::stdin()
                .lock()
                .read_line(&mut line)
                .context("cannot read the password")?;
            Some(line.trim_end_matches(['\r', '\n']).to_owned())
        } else {
            None
        };
        let generated = given.is_none();
        let password = given.unwrap_or_else(generate_password);
        passwords::set_cost(config.accounts.password_cost());
        let db = open_database(&config).await?;
        create(&db, name, (*role).into(), password.clone()).await?;
        match (json, generated) {
            (true, true) => print(&json!({"name": name, "password": password}).to_string()),
            (true, false) => print(&json!({"name": name}).to_string()),
            (false, true) => print(&format!(
                "User {name}. The password is shown only now: {password}"
            )),
            (false, false) => print(&format!("User {name} created.")),
        }
    })
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
