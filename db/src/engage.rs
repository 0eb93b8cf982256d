//! How rooms are run, and what their audiences do besides writing.
//!
//! Whatever decides who may say what (rules, moderators, bans, emotes) counts the room's
//! `policy_version` up in the same transaction, so that every process that remembers it learns in one
//! look that it is old.

mod audit;
mod bans;
mod emotes;
mod moderators;
mod polls;
mod questions;
mod reactions;
mod rules;

pub use audit::{AuditFilter, NewAuditEntry};
pub use bans::{BanRow, NewBanRow};
pub use questions::{Asked, NewQuestionRow, QuestionAfter, QuestionFilter, QuestionReader};
use sqlx::{Any, Transaction};

use crate::{Result, RoomId};

/// What of a room is remembered elsewhere is old from now on.
async fn touch(tx: &mut Transaction<'static, Any>, room: RoomId) -> Result<()> {
    sqlx::query("UPDATE rooms SET policy_version = policy_version + 1 WHERE id = $1")
        .bind(room.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// `$first,$first+1,…` for an `IN` list.
fn places(first: usize, count: usize) -> String {
    let places: Vec<String> = (first..first + count).map(|n| format!("${n}")).collect();
    places.join(",")
}
