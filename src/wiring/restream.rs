//! Restreaming: what the HTTP side wants sent, sent by the bridge.

use std::{collections::HashMap, io, net::SocketAddr};

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use weir_bridge::restream::{Address, Key, Limit, Resolve, Restreamer, Target};
use weir_protocol::{RestreamStatus, StreamSlug};
use weir_signaling::{RestreamOut, RestreamTarget};

/// The bridge's restreams as the HTTP side knows them.
pub struct Restreams(pub Restreamer);

impl RestreamOut for Restreams {
    fn set(&self, slug: &StreamSlug, targets: Vec<RestreamTarget>) {
        let targets = targets.into_iter().map(target).collect();
        self.0.set_targets(slug.as_str(), targets);
    }

    fn statuses(&self, slug: &StreamSlug) -> HashMap<i64, RestreamStatus> {
        self.0.statuses(slug.as_str())
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes()
    }

    fn test(&self, wanted: RestreamTarget) -> BoxFuture<'static, Result<(), String>> {
        let restreamer = self.0.clone();
        let wanted = target(wanted);
        Box::pin(async move {
            let tested = restreamer.test(&wanted).await;
            tested.map_err(|error| error.to_string())
        })
    }
}

fn target(wanted: RestreamTarget) -> Target {
    Target {
        id: wanted.id.get(),
        name: wanted.name,
        address: Address {
            secure: wanted.secure,
            host: wanted.host,
            port: wanted.port,
            app: wanted.app,
            url: wanted.url,
        },
        key: Key::new(wanted.key),
        limit: Limit {
            max_height: wanted.max_height,
            max_bitrate: wanted.max_bitrate,
        },
    }
}

/// Looks hosts up, and gives only what may be connected to.
pub struct Judged {
    /// Whether that is also the server's own network.
    pub allow_private: bool,
}

impl Resolve for Judged {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(weir_signaling::resolve(host, port, self.allow_private))
    }
}
