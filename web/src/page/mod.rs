//! The pages.

mod embed;
mod findings;
mod home;
mod missing;
mod start;
mod watch;

pub use embed::Embed;
pub use home::Home;
pub use missing::NoSuchPage;
pub use watch::Watch;
