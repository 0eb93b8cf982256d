//! The site as admins run it: all streams, this server's load and settings, who did what.

pub(crate) mod audit;
mod connectivity;
mod load;
mod settings;
mod streams;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

pub use connectivity::Doctor;

/// The operations of these modules.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(audit::list))
        .routes(routes!(connectivity::connectivity))
        .routes(routes!(load::load))
        .routes(routes!(settings::list))
        .routes(routes!(streams::list))
        .routes(routes!(streams::end))
}
