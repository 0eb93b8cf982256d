//! Lists of streams, and the pages that one finds them by: search, categories, the schedule.

mod card;
mod categories;
mod category;
mod listing;
mod live_feed;
mod numbers;
mod people;
mod planned;
mod questions;
mod results;
mod rows;
mod schedule;
mod search;
mod search_filters;
mod search_query;

pub use card::{CardArt, CardTitle, GhostCards, StreamCards};
pub use categories::{Categories, CategoryTiles};
pub use category::CategoryPage;
pub use live_feed::{Streams, use_streams};
pub use people::{Face, Faces};
pub use planned::Plans;
pub use questions::{categories, cursor_parameter, encoded, following, planned, recommended};
pub use rows::StreamRows;
pub use schedule::Schedule;
pub use search::Search;
pub use search_query::SearchQuery;
