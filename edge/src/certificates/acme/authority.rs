//! The way to an authority, and our account there.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use instant_acme::{Account, AccountCredentials, BodyWrapper, NewAccount};
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tracing::{info, warn};

use super::{AcmeConfig, store};
use crate::certificates::provider;

/// What instant-acme keeps of an account: its address and key.
const ACCOUNT_FILE: &str = "account.json";

/// The account that is kept in `folder`, or a new one.
pub(super) async fn account(config: &AcmeConfig, folder: &Path) -> Result<Account, String> {
    let path = folder.join(ACCOUNT_FILE);
    let kept = store::read(&path).map_err(|error| error.to_string())?;
    let credentials = kept.and_then(|bytes| {
        let read = serde_json::from_slice::<AccountCredentials>(&bytes);
        read.inspect_err(|error| warn!(%error, "the kept account is damaged; another is made"))
            .ok()
    });
    let builder = Account::builder_with_http(Box::new(client(config.roots.as_deref())?));
    if let Some(credentials) = credentials {
        let account = builder.from_credentials(credentials).await;
        return account.map_err(|error| unreachable(config, &error));
    }
    let contact = config.contact.as_ref().map(|mail| format!("mailto:{mail}"));
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    let new = NewAccount {
        contact: &contact,
        // Whoever sets `tls.acme_names` does; the documentation says so.
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let made = builder.create(&new, config.directory.clone(), None).await;
    let (account, credentials) = made.map_err(|error| unreachable(config, &error))?;
    let bytes = serde_json::to_vec(&credentials).map_err(|error| error.to_string())?;
    store::replace(&path, &bytes).map_err(|error| error.to_string())?;
    info!(directory = config.directory, "made an account by ACME");
    Ok(account)
}

/// The authority does not know the account any more: the next order makes another.
pub(super) fn forget(folder: &Path) {
    if let Err(error) = std::fs::remove_file(folder.join(ACCOUNT_FILE)) {
        warn!(%error, "the account that the authority does not know stays");
    }
}

fn unreachable(config: &AcmeConfig, error: &instant_acme::Error) -> String {
    format!("{}: {}", config.directory, causes(error))
}

/// An error with what it comes from: the outermost says little of networks.
pub(super) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

type HttpsClient = Client<
    hyper_rustls::HttpsConnector<hyper_util::client::legacy::connect::HttpConnector>,
    BodyWrapper<Bytes>,
>;

fn client(roots: Option<&Path>) -> Result<HttpsClient, String> {
    let mut trusted = RootCertStore::empty();
    trusted.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(path) = roots {
        let bad = |error: &dyn std::fmt::Display| {
            format!("{} holds no certificates: {error}", path.display())
        };
        let more = CertificateDer::pem_file_iter(path).map_err(|error| bad(&error))?;
        for certificate in more {
            let certificate = certificate.map_err(|error| bad(&error))?;
            trusted.add(certificate).map_err(|error| bad(&error))?;
        }
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(Arc::new(trusted))
        .with_no_client_auth();
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_only()
        .enable_http1()
        .enable_http2()
        .build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}
