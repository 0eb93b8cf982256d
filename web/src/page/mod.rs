//! The pages.

mod home;
mod missing;
mod start;
mod watch;

pub use home::Home;
pub use missing::NoSuchPage;
pub use watch::Watch;
