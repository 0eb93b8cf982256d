//! `weir db …`: the database as a whole.

use anyhow::Context;
use serde_json::json;
use weir_db::Moved;

use super::{block_on, print};
use crate::{
    cli::{DbCommand, Settings},
    config::Config,
    data_dir,
};

/// Runs one of the commands.
pub fn db(command: &DbCommand) -> anyhow::Result<()> {
    block_on(async {
        match command {
            DbCommand::Migrate { json, settings } => {
                let applied = weir_db::migrate(&target(settings)?)
                    .await
                    .context("cannot bring the database up to date")?;
                if *json {
                    let applied: Vec<_> = applied
                        .iter()
                        .map(|one| json!({"version": one.version, "description": one.description}))
                        .collect();
                    return print(&json!({"applied": applied}).to_string());
                }
                if applied.is_empty() {
                    return print("The database is up to date.");
                }
                let mut text = String::new();
                for one in &applied {
                    text += &format!("applied {}  {}\n", one.version, one.description);
                }
                print(&text)
            }
            DbCommand::Backup {
                file,
                json,
                settings,
            } => {
                let url = settings.load()?.database_url();
                let moved = weir_db::backup(&url, file)
                    .await
                    .context("no backup was made")?;
                show(&moved, *json, &format!("Backup {}", file.display()))
            }
            DbCommand::Restore {
                file,
                force,
                json,
                settings,
            } => {
                let moved = weir_db::restore(&target(settings)?, file, *force)
                    .await
                    .context("nothing was restored")?;
                show(&moved, *json, &format!("Restored {}", file.display()))
            }
            DbCommand::Copy {
                to,
                force,
                json,
                settings,
            } => {
                let url = settings.load()?.database_url();
                if url == *to {
                    anyhow::bail!("--to is the database that is copied from");
                }
                let moved = weir_db::copy(&url, to, *force)
                    .await
                    .context("nothing was copied")?;
                show(&moved, *json, "Copied and compared")
            }
        }
    })
}

/// The configured database, to write to: its folder may have to be made.
fn target(settings: &Settings) -> anyhow::Result<String> {
    let config: Config = settings.load()?;
    data_dir::prepare(&config.data.dir)?;
    Ok(config.database_url())
}

fn show(moved: &Moved, json: bool, what: &str) -> anyhow::Result<()> {
    if json {
        let tables: serde_json::Map<_, _> = moved
            .tables
            .iter()
            .map(|(table, rows)| (table.clone(), (*rows).into()))
            .collect();
        let text = json!({"taken_at": moved.taken_at, "rows": moved.rows(), "tables": tables});
        return print(&text.to_string());
    }
    let width = moved.tables.iter().map(|(table, _)| table.len()).max();
    let width = width.unwrap_or(0);
    let mut text = format!("{what}: {} rows.\n", moved.rows());
    for (table, rows) in moved.tables.iter().filter(|(_, rows)| *rows > 0) {
        text += &format!("  {table:width$}  {rows}\n");
    }
    print(&text)
}
