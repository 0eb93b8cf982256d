//! Who is asking, with a credential that may be used for this.

use std::marker::PhantomData;

use axum::{extract::FromRequestParts, http::request::Parts};
use weir_db::User;

use super::scope::Needs;
use crate::{ApiError, App, auth};

/// A user whose credential has the scope `S`. As a handler's argument it refuses everybody else.
pub(crate) struct Actor<S> {
    /// Who.
    pub(crate) user: User,
    /// Where the user is logged in.
    pub(crate) device: Option<weir_db::DeviceId>,
    scope: PhantomData<S>,
}

/// A user whose credential has the scope `S`, or nobody. Wrong credentials are refused.
pub(crate) struct Guest<S> {
    /// Who; `None` without credentials.
    pub(crate) user: Option<User>,
    scope: PhantomData<S>,
}

impl<S: Needs> FromRequestParts<App> for Actor<S> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let guest = Guest::<S>::from_request_parts(parts, app).await?;
        let user = guest.user.ok_or(ApiError::NoCredentials("log in first"))?;
        Ok(Self {
            user,
            device: None,
            scope: PhantomData,
        })
    }
}

impl<S: Needs> FromRequestParts<App> for Guest<S> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let user = auth::user(app, parts, S::SCOPE).await?;
        Ok(Self {
            user,
            scope: PhantomData,
        })
    }
}
