//! Answers that go on for long end with the credential that they were asked for with.

use std::convert::Infallible;

use axum::{extract::FromRequestParts, http::request::Parts};

use super::{Watch, any_user};
use crate::App;

/// Watches the request's credential, if it is a user's. Whether it may be used at all is asked by
/// another argument of the handler.
pub(crate) struct Lasting(Option<Watch>);

impl Lasting {
    /// Comes when the credential has ended; never without one.
    pub(crate) async fn ended(self) {
        match &self.0 {
            Some(watch) => watch.ended().cancelled().await,
            None => std::future::pending().await,
        }
    }
}

impl FromRequestParts<App> for Lasting {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let caller = any_user(app, parts).await.ok().flatten();
        Ok(Self(caller.map(|caller| app.watch(caller.credential))))
    }
}
