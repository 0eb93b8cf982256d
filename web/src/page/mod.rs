//! The pages. Which module shows which stands in `viewer`, `account` and `studio`; an address that leads nowhere every module shows.

pub mod admin;
mod browse;
mod elsewhere;
mod embed;
mod events;
mod home;
mod later;
mod missing;
mod organiser;
pub mod people;
mod studio;
mod vod;
mod watch;

pub use browse::{Categories, CategoryPage, Schedule, Search, SearchQuery};
pub use elsewhere::Elsewhere;
pub use embed::Embed;
pub use events::{EventPage, EventQuery, EventSessionPage, Events};
pub use home::Home;
pub use missing::NoSuchPage;
pub use organiser::{OrganisedEvent, Organiser, RunOfShow};
pub use studio::{GoLive, Studio, StudioBroadcast, StudioInsight, StudioStream};
pub use vod::{ClipPage, RecordingPage};
pub use watch::Watch;
