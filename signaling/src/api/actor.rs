//! Who is asking, with a credential that may be used for this.

use std::marker::PhantomData;

use axum::{extract::FromRequestParts, http::request::Parts};
use weir_db::{DeviceId, User};

use super::scope::Needs;
use crate::{
    ApiError, App,
    auth::{self, Caller},
};

/// A user whose credential has the scope `S`. As a handler's argument it refuses everybody else.
pub(crate) struct Actor<S> {
    /// Who.
    pub(crate) user: User,
    /// Where the user is logged in; `None` for an API token.
    pub(crate) device: Option<DeviceId>,
    scope: PhantomData<S>,
}

/// A user whose credential has the scope `S`, or nobody. Wrong credentials are refused.
pub(crate) struct Guest<S> {
    /// Who; `None` without credentials.
    pub(crate) user: Option<User>,
    scope: PhantomData<S>,
}

impl<S> From<Caller> for Actor<S> {
    fn from(caller: Caller) -> Self {
        Self {
            device: caller.device(),
            user: caller.user,
            scope: PhantomData,
        }
    }
}

impl<S: Needs> FromRequestParts<App> for Actor<S> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let caller = auth::user(app, parts, S::SCOPE).await?;
        caller
            .map(Self::from)
            .ok_or(ApiError::NoCredentials("log in first"))
    }
}

impl<S: Needs> FromRequestParts<App> for Guest<S> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let caller = auth::user(app, parts, S::SCOPE).await?;
        Ok(Self {
            user: caller.map(|it| it.user),
            scope: PhantomData,
        })
    }
}
