//! Connections to targets: TCP, with TLS on top for RTMPS.

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use super::Target;
use crate::rtmp::{Client, ClientError};

/// From the look-up of the name to the server's word on `publish`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Each address of a host gets this long.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(5);

/// Finds the addresses of a host that may be connected to. The caller of the bridge knows which those
/// are; an error is shown to people.
pub trait Resolve: Send + Sync + 'static {
    /// Looks up. What comes back is connected to and not looked up again: a second answer of the DNS
    /// might be another one.
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;
}

/// A byte stream, plain or encrypted.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// A client over either.
pub type AnyClient = Client<Box<dyn Wire>>;

/// Why nothing could be published.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is one that nothing may be sent to: trying again does not help.
    #[error("{0}")]
    Forbidden(String),
    /// The server does not take the stream under this key.
    #[error(
        "the server refuses the stream: {description} ({code}); check the key, and that nobody else publishes there"
    )]
    Refused {
        /// For example `NetStream.Publish.BadName`.
        code: String,
        /// The server's words.
        description: String,
    },
    /// Anything else: it may work later.
    #[error("{0}")]
    Failed(String),
}

impl From<ClientError> for ConnectError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused { code, description } => Self::Refused { code, description },
            other => Self::Failed(other.to_string()),
        }
    }
}

/// Makes connections.
#[derive(Clone)]
pub struct Connector {
    resolver: Arc<dyn Resolve>,
    tls: Arc<ClientConfig>,
}

impl Connector {
    /// `roots` is a PEM file with certificates that are trusted beside the public ones.
    pub fn new(resolver: Arc<dyn Resolve>, roots: Option<&Path>) -> io::Result<Self> {
        let mut store = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        if let Some(path) = roots {
            let bad = |error: &dyn std::fmt::Display| {
                io::Error::other(format!("{}: {error}", path.display()))
            };
            let found = CertificateDer::pem_file_iter(path).map_err(|error| bad(&error))?;
            for certificate in found {
                let certificate = certificate.map_err(|error| bad(&error))?;
                store.add(certificate).map_err(|error| bad(&error))?;
            }
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Self {
            resolver,
            tls: Arc::new(config),
        })
    }

    /// Connects and publishes. Returns when the server has agreed.
    pub async fn publish(&self, target: &Target) -> Result<AnyClient, ConnectError> {
        let publish = async {
            let tcp = self.open(target).await?;
            let wire: Box<dyn Wire> = match target.address.secure {
                false => Box::new(tcp),
                true => Box::new(self.encrypt(tcp, &target.address.host).await?),
            };
            let address = &target.address;
            let client = Client::over(wire, &address.url, &address.app, target.key.reveal());
            Ok(client.await?)
        };
        let too_late = || ConnectError::Failed("the server does not answer".to_owned());
        timeout(CONNECT_TIMEOUT, publish)
            .await
            .map_err(|_| too_late())?
    }

    async fn open(&self, target: &Target) -> Result<TcpStream, ConnectError> {
        let (host, port) = (&target.address.host, target.address.port);
        let found = self.resolver.resolve(host, port).await;
        let found = found.map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => ConnectError::Forbidden(error.to_string()),
            _ => ConnectError::Failed(format!("{host} cannot be looked up: {error}")),
        })?;
        let mut why = "it has no address".to_owned();
        for address in found {
            match timeout(ADDRESS_TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // A failure costs a few milliseconds, not the connection.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => why = error.to_string(),
                Err(_) => why = "no answer".to_owned(),
            }
        }
        Err(ConnectError::Failed(format!(
            "cannot connect to {host}:{port}: {why}"
        )))
    }

    async fn encrypt(&self, tcp: TcpStream, host: &str) -> Result<impl Wire + use<>, ConnectError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned())
            .map_err(|_| ConnectError::Failed(format!("{host} is no name of a TLS server")))?;
        let connector = TlsConnector::from(self.tls.clone());
        connector
            .connect(name, tcp)
            .await
            .map_err(|error| ConnectError::Failed(format!("TLS with {host} fails: {error}")))
    }
}
