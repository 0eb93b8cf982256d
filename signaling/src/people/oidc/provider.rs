//! One provider: what it says of itself, the way there, and what it says of who comes back.

use std::{
    collections::BTreeMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    TokenResponse as _,
    core::{
        CoreAuthenticationFlow, CoreClient, CoreIdTokenClaims, CoreProviderMetadata,
        CoreUserInfoClaims,
    },
};
use tokio::sync::Mutex;
use url::Url;

use super::http;
use crate::ApiError;

/// How long what a provider says of itself, its keys among it, is believed.
const BELIEVED: Duration = Duration::from_secs(60 * 60);

/// After a failure with keys, new ones are looked for at most this often.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// An OpenID provider.
#[derive(Clone)]
pub struct OidcConfig {
    /// Name in addresses: a–z, 0–9 and '-'.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// The provider's address.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: String,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Whether an address that the provider and we have verified leads to the account that has it.
    pub link_by_email: bool,
}

impl fmt::Debug for OidcConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcConfig")
            .field("id", &self.id)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl OidcConfig {
    /// Whether the provider could be asked so.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        let url = Url::parse(&self.issuer).ok();
        let fits = |url: &Url| {
            // Keys that come in clear are anybody's; a provider on this machine is for trying things.
            let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
            url.scheme() == "https" || (url.scheme() == "http" && here)
        };
        match url.as_ref().is_some_and(fits) {
            true => Ok(()),
            false => Err("issuer must be like https://id.example.org".to_owned()),
        }
    }
}

/// All providers. Clones are the same ones.
#[derive(Clone)]
pub(crate) struct Providers(Arc<BTreeMap<String, Provider>>);

impl Providers {
    pub(crate) fn new(configs: &[OidcConfig]) -> Self {
        let http = http::client();
        let provider = |config: &OidcConfig| {
            let provider = Provider {
                config: config.clone(),
                http: http.clone(),
                said: Mutex::default(),
            };
            (config.id.clone(), provider)
        };
        Self(Arc::new(configs.iter().map(provider).collect()))
    }

    pub(super) fn configs(&self) -> impl Iterator<Item = &OidcConfig> {
        self.0.values().map(|provider| &provider.config)
    }

    pub(super) fn get(&self, id: &str) -> Result<&Provider, ApiError> {
        self.0.get(id).ok_or(ApiError::NotFound("provider"))
    }
}

/// One provider.
pub(super) struct Provider {
    config: OidcConfig,
    http: reqwest::Client,
    /// What it said of itself, and when.
    said: Mutex<Option<(Instant, CoreProviderMetadata)>>,
}

/// The way to the provider, and what must be known of it on the way back.
pub(super) struct Departure {
    pub(super) url: Url,
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
}

/// Who came back, by the provider's word.
pub(super) struct Person {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) email: Option<String>,
    pub(super) email_verified: bool,
    pub(super) user_name: Option<String>,
    pub(super) display_name: Option<String>,
}

impl Provider {
    pub(super) fn id(&self) -> &str {
        &self.config.id
    }

    pub(super) fn config(&self) -> &OidcConfig {
        &self.config
    }

    /// Makes the way there.
    pub(super) async fn depart(&self, base: &Url) -> Result<Departure, ApiError> {
        let metadata = self.metadata(BELIEVED).await?;
        let client = CoreClient::from_provider_metadata(
            metadata,
            ClientId::new(self.config.client_id.clone()),
            Some(ClientSecret::new(self.config.client_secret.clone())),
        )
        .set_redirect_uri(self.redirect(base)?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(self.config.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(challenge)
            .url();
        Ok(Departure {
            url,
            state: state.secret().clone(),
            nonce: nonce.secret().clone(),
            verifier: verifier.secret().clone(),
        })
    }

    /// Exchanges the code for who it is.
    pub(super) async fn arrive(
        &self,
        base: &Url,
        code: String,
        verifier: String,
        nonce: String,
    ) -> Result<Person, ApiError> {
        let metadata = self.metadata(BELIEVED).await?;
        let client = |metadata| {
            let id = ClientId::new(self.config.client_id.clone());
            let secret = ClientSecret::new(self.config.client_secret.clone());
            CoreClient::from_provider_metadata(metadata, id, Some(secret))
        };
        let asking = client(metadata).set_redirect_uri(self.redirect(base)?);
        let send = |request| http::send(self.http.clone(), request);
        let tokens = asking
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| self.refused("has no token endpoint", &error))?
            .set_pkce_verifier(PkceCodeVerifier::new(verifier))
            .request_async(&send)
            .await
            .map_err(|error| self.refused("does not take the code", &error))?;
        let id_token = tokens
            .id_token()
            .ok_or(ApiError::Forbidden("the provider did not say who you are"))?;
        let nonce = Nonce::new(nonce);
        let known = id_token.claims(&asking.id_token_verifier(), &nonce).is_ok();
        let verifying = match known {
            true => asking,
            // Its keys may have changed since we looked.
            false => {
                let metadata = self.metadata(LOOK_AGAIN).await?;
                client(metadata).set_redirect_uri(self.redirect(base)?)
            }
        };
        let claims = id_token
            .claims(&verifying.id_token_verifier(), &nonce)
            .map_err(|error| self.refused("says what cannot be verified", &error))?;
        if let Some(expected) = claims.access_token_hash() {
            let verifier = verifying.id_token_verifier();
            let algorithm = id_token
                .signing_alg()
                .map_err(|error| self.refused("signs in a way that is unknown", &error))?;
            let key = id_token
                .signing_key(&verifier)
                .map_err(|error| self.refused("signs with an unknown key", &error))?;
            let actual = AccessTokenHash::from_token(tokens.access_token(), algorithm, key)
                .map_err(|error| self.refused("signs in a way that is unknown", &error))?;
            if actual != *expected {
                return Err(ApiError::Forbidden(
                    "the provider's tokens do not belong together",
                ));
            }
        }
        let mut person = person(claims);
        // OpenID Connect Core, section 5.4: with an access token, these may stand here alone.
        if person.email.is_none()
            && let Ok(request) = verifying.user_info(
                tokens.access_token().clone(),
                Some(claims.subject().clone()),
            )
        {
            let more: CoreUserInfoClaims = request
                .request_async(&send)
                .await
                .map_err(|error| self.refused("does not say more", &error))?;
            person.email = more.email().map(|email| email.to_string());
            person.email_verified = more.email_verified().unwrap_or(false);
            let user_name = more.preferred_username().map(|name| name.to_string());
            person.user_name = person.user_name.or(user_name);
            let name = more.name().and_then(|name| name.get(None));
            person.display_name = person.display_name.or(name.map(|name| name.to_string()));
        }
        Ok(person)
    }

    fn redirect(&self, base: &Url) -> Result<RedirectUrl, ApiError> {
        let url = base.join(&format!("api/v1/oidc/{}/callback", self.config.id));
        Ok(RedirectUrl::from_url(url.map_err(|_| ApiError::Internal)?))
    }

    /// What the provider says of itself, not older than `believed`.
    async fn metadata(&self, believed: Duration) -> Result<CoreProviderMetadata, ApiError> {
        let mut said = self.said.lock().await;
        if let Some((when, metadata)) = &*said
            && when.elapsed() < believed
        {
            return Ok(metadata.clone());
        }
        let issuer = IssuerUrl::new(self.config.issuer.clone()).map_err(|_| ApiError::Internal)?;
        let send = |request| http::send(self.http.clone(), request);
        let metadata = CoreProviderMetadata::discover_async(issuer, &send)
            .await
            .map_err(|error| {
                tracing::warn!(provider = self.config.id, %error, "a provider does not describe itself");
                ApiError::Unavailable("the provider does not answer; try again in a moment".into())
            })?;
        *said = Some((Instant::now(), metadata.clone()));
        Ok(metadata)
    }

    fn refused(&self, what: &str, error: &dyn std::error::Error) -> ApiError {
        // Errors of the library hold neither codes nor tokens.
        tracing::warn!(provider = self.config.id, %error, "the provider {what}");
        ApiError::Forbidden("the provider did not log you in; begin again")
    }
}

fn person(claims: &CoreIdTokenClaims) -> Person {
    Person {
        issuer: claims.issuer().to_string(),
        subject: claims.subject().to_string(),
        email: claims.email().map(|email| email.to_string()),
        email_verified: claims.email_verified().unwrap_or(false),
        user_name: claims.preferred_username().map(|name| name.to_string()),
        display_name: claims
            .name()
            .and_then(|name| name.get(None))
            .map(|name| name.to_string()),
    }
}
