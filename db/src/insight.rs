//! Who watched, and what became of it.
//!
//! The server tracks viewers in memory and writes them down a few times a minute: sessions as they
//! stand, and a row per stream and minute. Everything longer is summed up out of these here, each by
//! one statement for all streams.

mod activity;
mod minutes;
mod retention;
mod sessions;
mod totals;

use std::fmt::Write as _;

pub use activity::{Activity, ActivitySum, Participation};
pub use minutes::{Figures, Grain, StreamMinute};
pub use sessions::{ViewProtocol, ViewerSession};
pub use totals::{BroadcastReport, BroadcastTotals, CreatorStream};

/// Milliseconds of a minute.
pub const MINUTE_MS: i64 = 60_000;

/// Milliseconds of an hour.
pub const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Milliseconds of a day.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// `($1, $2), ($3, $4)` for so many rows and columns.
pub(crate) fn placeholders(rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 6);
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            let comma = if column == 0 { "" } else { ", " };
            let number = row * columns + column + 1;
            write!(text, "{comma}${number}").expect("writing to a text");
        }
        text.push(')');
    }
    text
}

/// `1, 2, 3`: ids are numbers of ours, so they may stand in the statement itself.
fn listed(ids: impl IntoIterator<Item = i64>) -> String {
    let ids: Vec<String> = ids.into_iter().map(|id| id.to_string()).collect();
    ids.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_have_a_place_for_each_value() {
        assert_eq!(placeholders(2, 2), "($1, $2), ($3, $4)");
        assert_eq!(listed([3, 1]), "3, 1");
    }
}
