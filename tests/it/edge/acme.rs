//! ACME, against Pebble: Let's Encrypt's own server for tests.

use std::{
    fs,
    net::UdpSocket,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::json;
use tokio::net::TcpStream;
use weir_bench::server::{Server, free_port};

use super::{NAME, Pair, Site, client};
use crate::program::{until, weir};

/// Answers every question for an IPv4 address with this machine's own, until the test ends.
fn name_server() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((len, from)) = socket.recv_from(&mut query) {
            // RFC 1035 section 4: header of 12 bytes, labels up to a zero, type, class.
            let name = 12 + query[12..len].iter().position(|byte| *byte == 0).unwrap() + 1;
            let question = &query[12..name + 4];
            let is_a = query[name..name + 2] == [0, 1];
            let mut answer = query[..2].to_vec();
            answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_a), 0, 0, 0, 0]);
            answer.extend(question);
            if is_a {
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
            }
            let _ = socket.send_to(&answer, from);
        }
    });
    port
}

/// Pebble, for servers with these ports.
struct Pebble {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
    management: u16,
}

impl Drop for Pebble {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Pebble {
    /// None where it is not installed, and tests may do without.
    fn start(http: u16, https: u16, life_seconds: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        Pair::new(&["localhost", "127.0.0.1"]).write(folder.path());
        let (port, management) = (free_port().unwrap(), free_port().unwrap());
        let config = json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": folder.path().join("cert.pem"),
            "privateKey": folder.path().join("key.pem"),
            "httpPort": http,
            "tlsPort": https,
            "certificateValidityPeriod": life_seconds,
        }});
        let path = folder.path().join("pebble.json");
        fs::write(&path, config.to_string()).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let spawned = Command::new("pebble")
            .arg("-config")
            .arg(&path)
            .args(["-dnsserver", &format!("127.0.0.1:{}", name_server())])
            // Its usual pauses are up to 15 s for each name.
            .env("PEBBLE_VA_NOSLEEP", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        match spawned {
            Ok(child) => Some(Self {
                child,
                folder,
                port,
                management,
            }),
            Err(error) if std::env::var_os("CI").is_none() => {
                println!("skipped: no pebble (script/bootstrap --test installs it): {error}");
                None
            }
            Err(error) => panic!("pebble is installed by script/bootstrap --test: {error}"),
        }
    }

    fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.port)
    }

    fn own_certificate(&self) -> String {
        self.folder.path().join("cert.pem").display().to_string()
    }

    /// The root of the certificates that it gives out.
    async fn root(&self) -> String {
        let own = fs::read(self.own_certificate()).unwrap();
        let own = reqwest::Certificate::from_pem(&own).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([own]).build();
        let url = format!("https://localhost:{}/roots/0", self.management);
        let root = client.unwrap().get(url).send().await.unwrap();
        root.text().await.unwrap()
    }
}

fn kept(server: &Server) -> Option<String> {
    let folder = fs::read_dir(server.data_dir().join("tls/acme")).ok()?;
    let folder = folder.filter_map(Result::ok).next()?.path();
    fs::read_to_string(folder.join("certificate.pem")).ok()
}

fn are_private(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        match path.is_dir() {
            true => are_private(&path),
            false => assert_eq!(mode, 0o600, "{}", path.display()),
        }
    }
}

/// A server that gets its certificate by one kind of challenge, and renews it.
async fn gets_and_renews(challenge: &str) {
    let (http, https) = (free_port().unwrap(), free_port().unwrap());
    // Renewed after 40 to 45 s.
    let Some(pebble) = Pebble::start(http, https, 60) else {
        return;
    };
    // It makes its own keys first. Who asks before that is told so, and waits a minute.
    until("the authority", || async {
        TcpStream::connect(("127.0.0.1", pebble.port)).await.is_ok()
    })
    .await;
    let www = format!("www.{NAME}");
    let names = format!("{NAME}, {www}");
    let secure = format!("127.0.0.1:{https}");
    let mut server = Server::start_on(
        weir(),
        http,
        &[
            ("WEIR_TLS_LISTEN", secure.as_str()),
            ("WEIR_TLS_ACME_NAMES", &names),
            ("WEIR_TLS_ACME_CONTACT", "admin@live.example"),
            ("WEIR_TLS_ACME_DIRECTORY", &pebble.directory()),
            ("WEIR_TLS_ACME_ROOTS", &pebble.own_certificate()),
            ("WEIR_TLS_ACME_CHALLENGE", challenge),
        ],
    )
    .await
    .unwrap();
    until("a certificate", || async { kept(&server).is_some() }).await;
    let first = kept(&server).unwrap();
    are_private(&server.data_dir().join("tls"));

    let site = Site { server, https };
    let client = || async { client(&pebble.root().await, &site) };
    for name in [NAME, www.as_str()] {
        let asked = client().await.get(site.url(name, "/healthz")).send().await;
        asked.unwrap_or_else(|error| panic!("{name}: {error:?}\n{}", site.server.log()));
    }
    let renewed = async {
        while kept(&site.server).is_none_or(|now| now == first) {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let renewed = tokio::time::timeout(Duration::from_secs(90), renewed).await;
    renewed.unwrap_or_else(|_| panic!("no renewal\n{}", site.server.log()));
    let asked = client().await.get(site.url(NAME, "/healthz")).send().await;
    asked.unwrap();

    // After a start without the authority, what was kept is shown.
    let root = pebble.root().await;
    drop(pebble);
    let Site {
        server: running, ..
    } = site;
    server = running;
    server.kill_and_restart().await.unwrap();
    let site = Site { server, https };
    let asked = super::client(&root, &site).get(site.url(NAME, "/healthz"));
    asked.send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_come_by_tls_alpn() {
    gets_and_renews("tls-alpn-01").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_come_by_http() {
    gets_and_renews("http-01").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_authority_the_server_runs_and_says_why() {
    let nobody = free_port().unwrap();
    let site = Site::start(&[
        ("WEIR_TLS_ACME_NAMES", NAME),
        (
            "WEIR_TLS_ACME_DIRECTORY",
            &format!("https://127.0.0.1:{nobody}/dir"),
        ),
    ])
    .await;
    until("a warning", || async {
        site.server.log().contains("no certificate by ACME")
    })
    .await;
    // Nobody is sent where nothing is.
    let page = reqwest::get(site.server.url()).await.unwrap();
    assert_eq!(page.url().scheme(), "http");
    assert!(page.status().is_success());
}
