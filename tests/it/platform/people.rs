//! Profiles, follows, blocks, notifications, creators, passwords by mail, other sites' log-ins, import.

mod accounts;
mod creators;
mod import;
mod mailbox;
mod openid;
mod profiles;
mod provider;
mod relations;

use super::server::Platform;

/// The same kind of platform, with these settings.
async fn with(platform: Platform, settings: &[(&str, &str)]) -> Platform {
    let kind = platform.kind;
    drop(platform);
    Platform::start_with(kind, settings).await
}
