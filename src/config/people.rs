//! Mail and OpenID providers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use weir_signaling::{MailConfig, OidcConfig};

use super::{Config, Secret};

/// `[mail]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// Where mail is handed in, like `smtps://user:password@smtp.example.org`. A secret, since it may hold a
    /// password. Empty: mail stands in the log.
    pub smtp_url: Secret,
    /// Who it is from.
    pub from: String,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            smtp_url: Secret::default(),
            from: "Weir <weir@localhost>".to_owned(),
        }
    }
}

/// `[oidc.<name>]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OidcProvider {
    /// The provider's address, below which `.well-known/openid-configuration` lies.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: Secret,
    /// File with it.
    pub client_secret_file: PathBuf,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The provider's name for people; its name here when empty.
    pub name: String,
    /// Whether somebody whose address the provider has verified logs in to the account here that has
    /// verified the same address.
    pub link_by_email: bool,
}

impl Default for OidcProvider {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: Secret::default(),
            client_secret_file: PathBuf::new(),
            scopes: vec!["email".to_owned(), "profile".to_owned()],
            name: String::new(),
            link_by_email: false,
        }
    }
}

impl OidcProvider {
    /// In the form that the HTTP side takes.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub fn read(&self, id: &str) -> Result<OidcConfig, String> {
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.is_empty() || !id.chars().all(word) {
            return Err("a provider is named by a\u{2013}z, 0\u{2013}9 and '-'".to_owned());
        }
        if self.client_id.is_empty() {
            return Err("client_id is missing".to_owned());
        }
        let no_file = self.client_secret_file.as_os_str().is_empty();
        let client_secret = match (self.client_secret.expose(), no_file) {
            (Some(_), false) => {
                return Err("set client_secret or client_secret_file, not both".to_owned());
            }
            (Some(secret), true) => secret.to_owned(),
            (None, true) => return Err("client_secret or client_secret_file is missing".to_owned()),
            (None, false) => {
                let path = &self.client_secret_file;
                let text = std::fs::read_to_string(path)
                    .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
                text.trim().to_owned()
            }
        };
        let config = OidcConfig {
            id: id.to_owned(),
            name: match self.name.is_empty() {
                true => id.to_owned(),
                false => self.name.clone(),
            },
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret,
            scopes: self.scopes.clone(),
            link_by_email: self.link_by_email,
        };
        config.check()?;
        Ok(config)
    }
}

impl Config {
    /// Mail in the form that the HTTP side takes.
    pub fn mail(&self) -> MailConfig {
        MailConfig {
            smtp_url: self.mail.smtp_url.expose().map(str::to_owned),
            from: self.mail.from.clone(),
            base_url: self.base_url(),
        }
    }

    /// The providers in the form that the HTTP side takes. They were checked when they were loaded.
    pub fn oidc(&self) -> Vec<OidcConfig> {
        let providers = self.oidc.iter();
        providers
            .filter_map(|(id, provider)| provider.read(id).ok())
            .collect()
    }
}
