//! Where offers go: a server's address, or the media plane in a process of our own.

use reqwest::Client;

use crate::{
    host::Host,
    http::{self, Resource},
};

/// Takes offers of viewers or of publishers.
#[derive(Clone)]
pub(crate) enum Endpoint {
    /// A WHIP or WHEP address.
    Http {
        client: Client,
        url: String,
        token: Option<String>,
    },
    /// The media plane without the server around it.
    Host { host: Host, publisher: bool },
}

/// A session that can be ended.
pub(crate) enum Joined {
    Http(Client, Resource),
    Host(Host, u64),
}

impl Endpoint {
    pub(crate) fn http(client: &Client, url: &str, token: Option<&str>) -> Self {
        Self::Http {
            client: client.clone(),
            url: url.to_owned(),
            token: token.map(str::to_owned),
        }
    }

    /// Gives the answer to an offer.
    pub(crate) async fn offer(&self, sdp: &str) -> anyhow::Result<(String, Joined)> {
        match self {
            Self::Http { client, url, token } => {
                let (answer, resource) = http::offer(client, url, token.as_deref(), sdp).await?;
                Ok((answer, Joined::Http(client.clone(), resource)))
            }
            Self::Host { host, publisher } => {
                let session = host.offer(*publisher, sdp).await?;
                Ok((session.answer, Joined::Host(host.clone(), session.id)))
            }
        }
    }
}

impl Joined {
    /// Ends the session.
    pub(crate) async fn end(&self) -> anyhow::Result<()> {
        match self {
            Self::Http(client, resource) => http::delete(client, resource).await,
            Self::Host(host, id) => host.end(*id).await,
        }
    }
}
