//! The TLS port, with clients of each kind of protocol.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::{Request, Response};
use http_body_util::BodyExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, pem::PemObject as _},
    },
};
use tokio_util::sync::CancellationToken;
use weir_edge::{
    Client, Edge, EdgeConfig, Hooks, Limits, RequestBody, Secure, TrustedProxies,
    certificates::{Certificates, self_signed},
};

/// STUN's header of an Allocate request, as TURN begins over TCP.
const ALLOCATE: [u8; 20] = [
    0, 3, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
];

/// A hook got this many bytes, all in order.
#[derive(Debug, PartialEq, Eq)]
enum Taken {
    Turn(Vec<u8>),
    Ice(Vec<u8>),
}

struct Site {
    address: SocketAddr,
    taken: mpsc::Receiver<Taken>,
    root: CertificateDer<'static>,
    draining: CancellationToken,
    _folder: tempfile::TempDir,
}

fn site(limits: Limits) -> Site {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::new();
    let names = ["localhost".to_owned()];
    self_signed(folder.path(), &names, &certificates).unwrap();
    let pem = std::fs::read(folder.path().join("self-signed.pem")).unwrap();
    let (send, taken) = mpsc::channel(8);
    let to_ice = send.clone();
    let draining = CancellationToken::new();
    let edge = Edge::new(EdgeConfig {
        handler: weir_edge::handler(|request: Request<RequestBody>| async move {
            let client = *request.extensions().get::<Client>().unwrap();
            let mut said = format!("{} {} {}", client.https, client.exposed, request.uri());
            if request.uri().path() == "/read"
                && let Err(error) = request.into_body().collect().await
            {
                said = error.to_string();
            }
            Response::new(said)
        }),
        proxies: TrustedProxies::default(),
        limits,
        secure: Some(Secure {
            port: 443,
            redirect: true,
            hsts: None,
            certificates,
        }),
        hooks: Hooks {
            turn: Some(Arc::new(move |mut stream, _| {
                let send = send.clone();
                tokio::spawn(async move {
                    let mut read = vec![0; ALLOCATE.len()];
                    stream.read_exact(&mut read).await.unwrap();
                    // Both directions work.
                    stream.write_all(b"turn").await.unwrap();
                    stream.flush().await.unwrap();
                    send.send(Taken::Turn(read)).await.unwrap();
                });
            })),
            ice_tcp: Some(Arc::new(move |stream, _, read| {
                let send = to_ice.clone();
                tokio::spawn(async move {
                    let mut stream = TcpStream::from_std(stream).unwrap();
                    let mut all = read.to_vec();
                    while all.len() < ALLOCATE.len() + 2 {
                        assert!(stream.read_buf(&mut all).await.unwrap() > 0);
                    }
                    send.send(Taken::Ice(all)).await.unwrap();
                });
            })),
        },
        draining: draining.clone(),
    })
    .unwrap();
    let listener = weir_edge::listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { edge.serve_tls(listener).await });
    Site {
        address,
        taken,
        root: CertificateDer::from_pem_slice(&pem).unwrap(),
        draining,
        _folder: folder,
    }
}

impl Site {
    async fn plain(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // In two parts: what decides may not come at once.
        let (first, rest) = bytes.split_at(3);
        stream.write_all(first).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        stream.write_all(rest).await.unwrap();
        stream
    }

    async fn tls(&self, alpn: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        let stream = TcpStream::connect(self.address).await.unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let name = "localhost".try_into().unwrap();
        connector.connect(name, stream).await
    }

    async fn taken(&mut self) -> Taken {
        let taken = tokio::time::timeout(Duration::from_secs(10), self.taken.recv());
        taken.await.unwrap().unwrap()
    }
}

async fn until_closed(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut text));
    // A reset is an end as well.
    let _ = read.await.expect("the server closes");
    String::from_utf8_lossy(&text).into_owned()
}

const REQUEST: &[u8] = b"GET /x HTTP/1.1\r\nHost: live.example\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn each_protocol_goes_its_way() {
    let mut site = site(Limits::default());
    // TURN within TLS, by name and by its first bytes; and without TLS.
    for alpn in [&[&b"stun.turn"[..]][..], &[]] {
        let mut stream = site.tls(alpn).await.unwrap();
        stream.write_all(&ALLOCATE).await.unwrap();
        assert_eq!(site.taken().await, Taken::Turn(ALLOCATE.to_vec()));
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"turn");
    }
    let _turn = site.plain(&ALLOCATE).await;
    assert_eq!(site.taken().await, Taken::Turn(ALLOCATE.to_vec()));
    // ICE over TCP.
    let mut framed = vec![0, ALLOCATE.len() as u8];
    framed.extend(ALLOCATE);
    framed[3] = 1;
    let _ice = site.plain(&framed).await;
    assert_eq!(site.taken().await, Taken::Ice(framed));
    // HTTP within TLS, by name and by its first bytes.
    for alpn in [&[&b"http/1.1"[..]][..], &[]] {
        let mut stream = site.tls(alpn).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        assert!(
            text.ends_with("true false https://live.example/x"),
            "{text}"
        );
    }
    // HTTP without TLS is told where to go.
    let text = until_closed(&mut site.plain(REQUEST).await).await;
    assert!(text.starts_with("HTTP/1.1 308"), "{text}");
    assert!(text.contains("location: https://live.example/x"), "{text}");
    // Whatever else comes.
    assert_eq!(until_closed(&mut site.plain(&[0x80; 16]).await).await, "");
    // Nobody's challenge is under way: no certificate is shown.
    assert!(site.tls(&[b"acme-tls/1"]).await.is_err());
    // Nothing that is spoken here.
    assert!(site.tls(&[b"imap"]).await.is_err());
}

#[tokio::test]
async fn who_says_nothing_is_shown_out() {
    let limits = Limits {
        handshake: Duration::from_millis(300),
        header: Duration::from_millis(300),
        ..Limits::default()
    };
    let site = site(limits);
    let mut silent = TcpStream::connect(site.address).await.unwrap();
    assert_eq!(until_closed(&mut silent).await, "");
    let mut half = site.plain(&[22, 3, 1, 2]).await;
    until_closed(&mut half).await;
    let mut quiet = site.tls(&[]).await.unwrap();
    let mut buffer = [0; 8];
    let read = tokio::time::timeout(Duration::from_secs(10), quiet.read(&mut buffer));
    assert!(matches!(read.await.unwrap(), Ok(0) | Err(_)));
    let mut asks_nothing = site.tls(&[b"http/1.1"]).await.unwrap();
    let read = tokio::time::timeout(Duration::from_secs(10), asks_nothing.read(&mut buffer));
    assert!(matches!(read.await.unwrap(), Ok(0) | Err(_)));
}

/// Bytes that come one by one gain no time.
#[tokio::test]
async fn who_drips_is_shown_out() {
    let limits = Limits {
        handshake: Duration::from_millis(500),
        header: Duration::from_millis(500),
        body: Duration::from_millis(500),
        ..Limits::default()
    };
    let site = site(limits);
    // What tells the protocol, a ClientHello of 512 bytes, and STUN that never becomes a message.
    let hello = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
    for begin in [&[0, 3, 0, 8, 0x21][..], &hello] {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        let began = tokio::time::Instant::now();
        let drips = begin.iter().copied().chain(std::iter::repeat(7));
        for byte in drips {
            let written = stream.write_all(&[byte]).await;
            tokio::time::sleep(Duration::from_millis(120)).await;
            let mut read = [0; 64];
            if written.is_err() || matches!(stream.try_read(&mut read), Ok(0)) {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "{begin:?}");
        }
    }
    // A body within TLS: its length is announced, and little of it comes.
    let mut stream = site.tls(&[b"http/1.1"]).await.unwrap();
    let head = b"POST /read HTTP/1.1\r\nHost: live.example\r\nContent-Length: 1000000\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let dripping = tokio::spawn(async move {
        while writer.write_all(b"x").await.is_ok() && writer.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let mut text = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), reader.read_to_end(&mut text));
    let _ = read.await.expect("the server closes");
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("too slowly"), "{text}");
    dripping.abort();
}

#[tokio::test]
async fn one_address_shakes_hands_so_often() {
    let limits = Limits {
        handshakes_per_address: 2,
        ..Limits::default()
    };
    let site = site(limits);
    // Ten seconds' worth may come at once; the others wait their turn, and are served.
    let began = tokio::time::Instant::now();
    for _ in 0..22 {
        drop(site.tls(&[b"http/1.1"]).await.unwrap());
    }
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_server_that_stops_waits_for_nobody_who_is_silent() {
    let site = site(Limits::default());
    let mut streams = [
        TcpStream::connect(site.address).await.unwrap(),
        site.plain(&[22, 3, 1, 2]).await,
    ];
    tokio::time::sleep(Duration::from_millis(100)).await;
    site.draining.cancel();
    for stream in &mut streams {
        until_closed(stream).await;
    }
    assert!(TcpStream::connect(site.address).await.is_err());
}
