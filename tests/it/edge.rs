//! HTTPS, certificates and limits of connections, by the settings of the real program.

mod acme;
mod certificates;
mod connections;
mod proxies;

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use reqwest::redirect::Policy;
use weir_bench::server::{Server, free_port};

use crate::program::weir;

/// Under which name servers of these tests are called.
const NAME: &str = "live.example";

/// A certificate with its key, in PEM.
struct Pair {
    certificate: String,
    key: String,
}

impl Pair {
    fn new(names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        Self {
            certificate: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        }
    }

    fn write(&self, folder: &Path) {
        fs::write(folder.join("cert.pem"), &self.certificate).unwrap();
        fs::write(folder.join("key.pem"), &self.key).unwrap();
    }
}

/// A server with TLS on a free port.
struct Site {
    server: Server,
    https: u16,
}

impl Site {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let https = free_port().unwrap();
        let listen = format!("127.0.0.1:{https}");
        let mut all = vec![("WEIR_TLS_LISTEN", listen.as_str()), ("NO_COLOR", "1")];
        all.extend(settings);
        let server = Server::start_with(weir(), &all).await.unwrap();
        Self { server, https }
    }

    fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.https)
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.https))
    }
}

/// A client that trusts one certificate, and finds [`NAME`] and its neighbours on this machine.
fn client(root: &str, site: &Site) -> reqwest::Client {
    let root = reqwest::Certificate::from_pem(root.as_bytes()).unwrap();
    reqwest::Client::builder()
        .tls_certs_only([root])
        .resolve(NAME, site.address())
        .resolve(&format!("www.{NAME}"), site.address())
        .redirect(Policy::none())
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap()
}
