//! Bringing a database up to date on purpose; [`Db::open`] does the same on the way.

use std::collections::BTreeSet;

use crate::{Db, MIGRATIONS, MoveError, portable};

/// A migration that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its number, which begins with its date.
    pub version: i64,
    /// What it is about.
    pub description: String,
}

/// Applies all migrations that are missing, and says which those were. A SQLite file is made when there
/// is none.
pub async fn migrate(url: &str) -> Result<Vec<Applied>, MoveError> {
    let before: BTreeSet<i64> = portable::applied(url).await?.into_iter().collect();
    Db::open(url).await?.close().await;
    let missing = MIGRATIONS
        .iter()
        .filter(|migration| !before.contains(&migration.version));
    let applied = missing.map(|migration| Applied {
        version: migration.version,
        description: migration.description.to_string(),
    });
    Ok(applied.collect())
}
