//! One order: proves each name, and comes back with a certificate.

use std::sync::Arc;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeHandle, ChallengeType, Error, Identifier, NewOrder,
    Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use tokio_rustls::rustls::{pki_types::PrivatePkcs8KeyDer, sign::CertifiedKey};

use super::{AcmeConfig, ChallengeChoice, authority::causes};
use crate::certificates::{CertificateError, Certificates, provider};

/// How long an authority may take to look at all names, and then to sign: half a minute is much.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(std::time::Duration::from_secs(90));

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum OrderError {
    #[error("{}", causes(.0))]
    Authority(#[from] Error),
    #[error("the authority offers no challenge that can be answered for {0}")]
    NoChallenge(String),
    #[error("the authority could not find this server under its name: {0}")]
    Unproven(String),
    #[error("{0}")]
    Certificate(#[from] CertificateError),
}

impl OrderError {
    /// RFC 8555 section 6.7.
    pub(super) fn account_is_gone(&self) -> bool {
        let Self::Authority(Error::Api(problem)) = self else {
            return false;
        };
        problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:accountDoesNotExist")
    }
}

/// Key and chain in PEM. After `failures` another kind of challenge may have its turn.
pub(super) async fn certificate(
    account: &Account,
    config: &AcmeConfig,
    failures: u32,
    certificates: &Certificates,
) -> Result<String, OrderError> {
    let names: Vec<_> = config.names.iter().cloned().map(Identifier::Dns).collect();
    let mut order = account.new_order(&NewOrder::new(&names)).await?;
    if order.state().status == OrderStatus::Pending {
        prove(&mut order, kinds(config.challenge, failures), certificates).await?;
        let ready = order.poll_ready(&PATIENCE).await;
        if !matches!(ready, Ok(OrderStatus::Ready)) {
            return Err(match why(&mut order).await {
                Some(reason) => OrderError::Unproven(reason),
                None => ready.map_or_else(OrderError::Authority, |status| {
                    OrderError::Unproven(format!("the order is {status:?}"))
                }),
            });
        }
    }
    let key = order.finalize().await?;
    let chain = order.poll_certificate(&PATIENCE).await?;
    Ok(key + "\n" + &chain)
}

/// Which challenges are answered, the ones to prefer first.
fn kinds(choice: ChallengeChoice, failures: u32) -> &'static [ChallengeType] {
    use ChallengeType::{Http01, TlsAlpn01};
    match choice {
        ChallengeChoice::TlsAlpn => &[TlsAlpn01],
        ChallengeChoice::Http => &[Http01],
        ChallengeChoice::Either if failures.is_multiple_of(2) => &[TlsAlpn01, Http01],
        ChallengeChoice::Either => &[Http01, TlsAlpn01],
    }
}

/// Puts up what the authority is to find, and asks it to look.
async fn prove(
    order: &mut Order,
    kinds: &[ChallengeType],
    certificates: &Certificates,
) -> Result<(), OrderError> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let name = authorization.identifier().to_string();
        let offered = kinds.iter().find(|kind| {
            let mut challenges = authorization.challenges.iter();
            challenges.any(|challenge| challenge.r#type == **kind)
        });
        let challenge = offered.and_then(|kind| authorization.challenge(kind.clone()));
        let Some(mut challenge) = challenge else {
            return Err(OrderError::NoChallenge(name));
        };
        expect(&challenge, &name, certificates)?;
        challenge.set_ready().await?;
    }
    Ok(())
}

fn expect(
    challenge: &ChallengeHandle<'_>,
    name: &str,
    certificates: &Certificates,
) -> Result<(), CertificateError> {
    let authorization = challenge.key_authorization();
    if challenge.r#type == ChallengeType::Http01 {
        let answer = authorization.as_str().to_owned();
        certificates.expect_http(challenge.token.clone(), answer);
        return Ok(());
    }
    // RFC 8737 section 3: self-signed, for that one name, with the digest in an extension.
    let mut params = CertificateParams::new([name.to_owned()])?;
    let extension = CustomExtension::new_acme_identifier(authorization.digest().as_ref());
    params.custom_extensions = vec![extension];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?.der().clone();
    let secret = PrivatePkcs8KeyDer::from(key.serialize_der());
    let signing = provider().key_provider.load_private_key(secret.into())?;
    // Not checked against each other as others are: the extension is critical, and unknown there.
    let certified = CertifiedKey::new(vec![certificate], signing);
    certificates.expect_tls(name.to_ascii_lowercase(), Arc::new(certified));
    Ok(())
}

/// What the authority says went wrong with which name.
async fn why(order: &mut Order) -> Option<String> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.ok()?;
        let name = authorization.identifier().to_string();
        let state = authorization.refresh().await.ok()?;
        let failed = state.challenges.iter().find_map(|it| it.error.as_ref());
        if let Some(problem) = failed {
            return Some(format!("{name}: {problem}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_one_challenge_fails_the_other_is_tried() {
        let first = |failures| kinds(ChallengeChoice::Either, failures)[0].clone();
        assert_eq!(first(0), ChallengeType::TlsAlpn01);
        assert_eq!(first(1), ChallengeType::Http01);
        assert_eq!(first(2), ChallengeType::TlsAlpn01);
        assert_eq!(kinds(ChallengeChoice::Http, 0), [ChallengeType::Http01]);
    }
}
