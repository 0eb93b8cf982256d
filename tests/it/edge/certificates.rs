//! Certificates in files and self-signed ones; what browsers are told of HTTPS.

use std::{os::unix::fs::PermissionsExt as _, sync::Arc};

use reqwest::{StatusCode, Version, header};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, pem::PemObject as _},
    },
};

use super::{NAME, Pair, Site, client};
use crate::program::until;

async fn is_shown(site: &Site, pair: &Pair) -> bool {
    let asked = client(&pair.certificate, site).get(site.url(NAME, "/healthz"));
    asked.send().await.is_ok()
}

/// Whether a handshake on a port ends well with a client that trusts this certificate only.
async fn shakes_hands(port: u16, pair: &Pair) -> bool {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
    roots.add(root).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let name = NAME.try_into().unwrap();
    connector.connect(name, stream).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_in_files_is_renewed_while_connections_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let first = Pair::new(&[NAME]);
    first.write(dir.path());
    let path = |name: &str| dir.path().join(name).display().to_string();
    let site = Site::start(&[
        ("WEIR_TLS_CERTIFICATE", &path("cert.pem")),
        ("WEIR_TLS_KEY", &path("key.pem")),
        ("WEIR_RTMPS_LISTEN", "127.0.0.1:0"),
    ])
    .await;
    let log = site.server.log();
    let (_, rest) = log.split_once("rtmps=127.0.0.1:").unwrap();
    let rtmps: u16 = rest.split_whitespace().next().unwrap().parse().unwrap();

    let old = client(&first.certificate, &site);
    let page = old.get(site.url(NAME, "/")).send().await.unwrap();
    assert_eq!(page.version(), Version::HTTP_2, "by ALPN");
    let hsts = &page.headers()[header::STRICT_TRANSPORT_SECURITY];
    assert_eq!(hsts, "max-age=15552000");
    assert!(shakes_hands(rtmps, &first).await, "RTMPS shows the same");
    // Something that lasts, over the old certificate.
    site.server.create_stream("demo2").unwrap();
    let events = site.url(NAME, "/api/v1/streams/demo2/events");
    let mut events = old.get(events).send().await.unwrap();
    assert_eq!(events.status(), StatusCode::OK);

    let second = Pair::new(&[NAME]);
    std::fs::write(path("cert.pem"), &second.certificate).unwrap();
    until("the half renewed pair is refused", || async {
        site.server.log().contains("the certificate stays as it is")
    })
    .await;
    assert!(is_shown(&site, &first).await, "the old one goes on");
    std::fs::write(path("key.pem"), &second.key).unwrap();
    until("the new certificate", || is_shown(&site, &second)).await;
    assert!(!is_shown(&site, &first).await);
    assert!(shakes_hands(rtmps, &second).await, "RTMPS too");
    assert!(!shakes_hands(rtmps, &first).await);
    // The old connection is none the worse.
    let again = old.get(site.url(NAME, "/healthz")).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::OK);

    // A signal makes it look at once, and does not end the program.
    let third = Pair::new(&[NAME]);
    third.write(dir.path());
    let pid = i32::try_from(site.server.pid()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::HUP).unwrap();
    until("the third", || is_shown(&site, &third)).await;
    site.server.create_stream("demo3").unwrap();
    tokio::select! {
        chunk = events.chunk() => drop(chunk.unwrap().expect("the event stream goes on")),
        () = tokio::time::sleep(std::time::Duration::from_secs(1)) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_self_signed_certificate_is_kept_and_binds_nobody() {
    let mut site = Site::start(&[("WEIR_TLS_SELF_SIGNED", "true")]).await;
    let file = site.server.data_dir().join("tls/self-signed.pem");
    let made = std::fs::read_to_string(&file).unwrap();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let root = &made[made.find("-----BEGIN CERTIFICATE").unwrap()..];
    let root = &root[..root.find("-----BEGIN PRIVATE").unwrap()];
    for host in ["localhost", "127.0.0.1"] {
        let asked = client(root, &site).get(site.url(host, "/")).send().await;
        let page = asked.unwrap();
        assert_eq!(page.status(), StatusCode::OK);
        let hsts = page.headers().get(header::STRICT_TRANSPORT_SECURITY);
        assert_eq!(hsts, None, "a warning could not be passed any more");
    }

    // The plain port sends there, other than for who looks whether the server is well.
    let plain = |path: &str| {
        let url = format!("{}{path}", site.server.url());
        let none = reqwest::redirect::Policy::none();
        let client = reqwest::Client::builder().redirect(none).build().unwrap();
        async move { client.get(url).send().await.unwrap() }
    };
    let moved = plain("/@demo?x=1").await;
    assert_eq!(moved.status(), StatusCode::PERMANENT_REDIRECT);
    let location = site.url("127.0.0.1", "/@demo?x=1");
    assert_eq!(moved.headers()[header::LOCATION], location);
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(plain(path).await.status(), StatusCode::OK, "{path}");
    }
    // Whoever speaks plain HTTP to the port of TLS is told so.
    let mut stream = TcpStream::connect(site.address()).await.unwrap();
    let request = format!("GET /x HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 308"), "{answer}");
    assert!(answer.contains(&site.url(NAME, "/x")), "{answer}");

    site.server.kill_and_restart().await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), made);
}
