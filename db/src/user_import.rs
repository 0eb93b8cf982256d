//! Many users at once: a few statements of many rows, in one transaction.

use std::collections::{HashMap, HashSet};

use sqlx::{Any, Row, Transaction, any::AnyRow};

use crate::{
    Db, DbError, MAIL_INVITATION, MailId, Result, Role, UserId, error::storable, id, user,
};

/// Rows in one statement.
const ROWS_AT_ONCE: usize = 500;

/// A user to make or to bring up to date. What is `None` is left as it is.
#[derive(Clone)]
pub struct ImportRow {
    /// By this the user is known.
    pub name: String,
    /// Address; kept in lower case.
    pub email: Option<String>,
    /// Rights; new users are attendees when it is not said.
    pub role: Option<Role>,
    /// Name for people.
    pub display_name: Option<String>,
    /// Argon2 hash in PHC format.
    pub password_hash: Option<String>,
}

/// What becomes, or would become, of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportOutcome {
    /// A new user.
    Created,
    /// A user that was there has changed.
    Updated,
    /// The user was as the row says.
    Skipped,
    /// Left out.
    Refused(String),
}

struct Existing {
    id: i64,
    role: String,
    email: Option<String>,
    display_name: Option<String>,
}

impl Db {
    /// Makes and changes users, all that are not refused or none; an outcome for each row, in order. New users
    /// without a password are sent an invitation. With `dry_run` nothing is written.
    ///
    /// Existing admins are not changed here, so the last one stays. `Conflict` when somebody registers with
    /// one of these names at the same moment: nothing was written then.
    pub async fn import_users(
        &self,
        rows: &[ImportRow],
        dry_run: bool,
    ) -> Result<Vec<ImportOutcome>> {
        let rows: Vec<ImportRow> = rows.iter().map(normal).collect::<Result<_>>()?;
        let mut tx = self.begin_write().await?;
        let by_name = existing(&mut tx, "name", rows.iter().map(|row| &row.name)).await?;
        let emails = rows.iter().filter_map(|row| row.email.as_ref());
        let by_email = existing(&mut tx, "email", emails).await?;

        let mut outcomes = Vec::with_capacity(rows.len());
        let (mut created, mut updated) = (Vec::new(), Vec::new());
        let (mut names, mut addresses) = (HashSet::new(), HashSet::new());
        for row in &rows {
            let known = by_name.get(&row.name);
            let outcome = judge(row, known, &by_email, &mut names, &mut addresses);
            match (&outcome, known) {
                (ImportOutcome::Created, _) => created.push((UserId::fresh(), row)),
                (ImportOutcome::Updated, Some(known)) => updated.push((known.id, row)),
                _ => {}
            }
            outcomes.push(outcome);
        }
        if dry_run {
            return Ok(outcomes);
        }
        for rows in created.chunks(ROWS_AT_ONCE) {
            create(&mut tx, rows).await?;
        }
        for rows in updated.chunks(ROWS_AT_ONCE) {
            update(&mut tx, rows).await?;
        }
        let invited: Vec<_> = created
            .iter()
            .filter(|(_, row)| row.password_hash.is_none())
            .filter_map(|(user, row)| Some((*user, row.email.as_deref()?)))
            .collect();
        for rows in invited.chunks(ROWS_AT_ONCE) {
            invite(&mut tx, rows).await?;
        }
        tx.commit().await?;
        Ok(outcomes)
    }
}

fn normal(row: &ImportRow) -> Result<ImportRow> {
    for (what, text) in [
        ("e-mail address", &row.email),
        ("display name", &row.display_name),
        ("password hash", &row.password_hash),
    ] {
        storable(what, text.as_deref().unwrap_or_default())?;
    }
    Ok(ImportRow {
        name: user::normal(&row.name)?,
        email: row.email.as_ref().map(|email| email.to_lowercase()),
        ..row.clone()
    })
}

fn judge<'a>(
    row: &'a ImportRow,
    known: Option<&Existing>,
    by_email: &HashMap<String, Existing>,
    names: &mut HashSet<&'a str>,
    addresses: &mut HashSet<&'a str>,
) -> ImportOutcome {
    let refused = |why: &str| ImportOutcome::Refused(why.to_owned());
    if !names.insert(&row.name) {
        return refused("the name stands in an earlier row");
    }
    if let Some(email) = &row.email {
        if !addresses.insert(email) {
            return refused("the e-mail address stands in an earlier row");
        }
        let theirs = by_email.get(email).map(|user| user.id);
        if theirs.is_some() && theirs != known.map(|user| user.id) {
            return refused("the e-mail address belongs to another user");
        }
    }
    let Some(known) = known else {
        if row.password_hash.is_none() && row.email.is_none() {
            return refused("a new user needs a password, or an e-mail address for an invitation");
        }
        return ImportOutcome::Created;
    };
    let differs = |new: &Option<String>, old: &Option<String>| new.is_some() && new != old;
    let changes = row.password_hash.is_some()
        || row.role.is_some_and(|role| role.as_str() != known.role)
        || differs(&row.email, &known.email)
        || differs(&row.display_name, &known.display_name);
    if !changes {
        return ImportOutcome::Skipped;
    }
    if known.role == Role::Admin.as_str() {
        return refused("the user is an admin; admins are changed one by one");
    }
    ImportOutcome::Updated
}

/// Users whose `column` is one of these values, by that column.
async fn existing(
    tx: &mut Transaction<'static, Any>,
    column: &'static str,
    values: impl Iterator<Item = &String>,
) -> Result<HashMap<String, Existing>> {
    let values: Vec<&String> = values.collect();
    let mut found = HashMap::new();
    for values in values.chunks(ROWS_AT_ONCE) {
        let sql = format!(
            "SELECT id, {column} AS value, role, email, display_name FROM users WHERE {column} IN {}",
            places(1, values.len())
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for value in values {
            query = query.bind((*value).clone());
        }
        for row in query.fetch_all(&mut **tx).await? {
            found.insert(row.try_get("value")?, existing_from_row(&row)?);
        }
    }
    Ok(found)
}

fn existing_from_row(row: &AnyRow) -> sqlx::Result<Existing> {
    Ok(Existing {
        id: row.try_get("id")?,
        role: row.try_get("role")?,
        email: row.try_get("email")?,
        display_name: row.try_get("display_name")?,
    })
}

async fn create(tx: &mut Transaction<'static, Any>, rows: &[(UserId, &ImportRow)]) -> Result<()> {
    let now = id::now();
    let sql = format!(
        "INSERT INTO users (id, name, password_hash, role, email, display_name, created_at) VALUES {}",
        places(rows.len(), 7)
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
    for (user, row) in rows {
        let password = row.password_hash.as_deref().unwrap_or(user::NO_PASSWORD);
        query = query
            .bind(user.0)
            .bind(row.name.clone())
            .bind(password.to_owned())
            .bind(row.role.unwrap_or(Role::Attendee).as_str())
            .bind(row.email.clone())
            .bind(row.display_name.clone())
            .bind(now);
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

async fn update(tx: &mut Transaction<'static, Any>, rows: &[(i64, &ImportRow)]) -> Result<()> {
    // Both databases call the columns of VALUES so.
    let sql = format!(
        "UPDATE users SET
            role = COALESCE(v.column2, users.role),
            email_verified_at = CASE WHEN v.column3 IS NULL OR v.column3 = users.email
                THEN users.email_verified_at ELSE NULL END,
            email = COALESCE(v.column3, users.email),
            display_name = COALESCE(v.column4, users.display_name),
            password_hash = COALESCE(v.column5, users.password_hash),
            version = users.version + 1
         FROM (VALUES {}) AS v WHERE users.id = v.column1",
        places(rows.len(), 5)
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
    for (user, row) in rows {
        query = query
            .bind(*user)
            .bind(row.role.map(Role::as_str))
            .bind(row.email.clone())
            .bind(row.display_name.clone())
            .bind(row.password_hash.clone());
    }
    query.execute(&mut **tx).await?;
    // A new password ends what was logged in with the old one.
    let changed: Vec<String> = rows
        .iter()
        .filter(|(_, row)| row.password_hash.is_some())
        .map(|(user, _)| user.to_string())
        .collect();
    if !changed.is_empty() {
        let sql = format!(
            "DELETE FROM devices WHERE user_id IN ({})",
            changed.join(", ")
        );
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

async fn invite(tx: &mut Transaction<'static, Any>, rows: &[(UserId, &str)]) -> Result<()> {
    let (mail, now) = (MailId::fresh(), id::now());
    let sql = format!(
        "INSERT INTO mails (user_id, id, kind, address, payload, attempts, due_at) VALUES {}",
        places(rows.len(), 7)
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
    for (user, address) in rows {
        query = query
            .bind(user.0)
            .bind(mail.0)
            .bind(MAIL_INVITATION)
            .bind((*address).to_owned())
            .bind("{}")
            .bind(0_i64)
            .bind(now);
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

/// `rows` groups of `columns` placeholders: `($1, $2), ($3, $4)`.
fn places(rows: usize, columns: usize) -> String {
    let group = |row: usize| {
        let start = 1 + row * columns;
        let places: Vec<String> = (start..start + columns).map(|n| format!("${n}")).collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(group).collect::<Vec<_>>().join(", ")
}

impl From<&DbError> for ImportOutcome {
    fn from(error: &DbError) -> Self {
        Self::Refused(error.to_string())
    }
}
