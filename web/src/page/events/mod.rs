//! Events for whoever comes: the list, an event's page, and its sessions.

mod attend;
mod calendar;
mod coming;
mod list;
mod live;
mod page;
mod place;
mod query;
mod questions;
mod register;
mod session;
mod speak;
mod ticket;

pub use coming::{ComingEvents, coming};
pub use list::Events;
pub use page::EventPage;
pub use query::EventQuery;
pub use session::EventSessionPage;
