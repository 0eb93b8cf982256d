//! Watching through the program's own TURN server with another people's TURN client, and no direct path.

mod abuse;

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use reqwest::{StatusCode, header};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf},
    net::{TcpStream, UdpSocket},
    task::JoinSet,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, pem::PemObject as _},
    },
};
use weir_bench::server::{Server, free_port};
use weir_rtp::stun::Message;
use weir_turn::server::framing::Deframer;

use crate::{
    media::Video,
    program::{command, error, serve, until, weir},
    webrtc_client::{Publisher, Relay, Viewer},
};

/// Under which name a server with TLS is called.
const NAME: &str = "live.example";

/// The TURN servers in an answer's `Link` headers, by their transport; that over TLS by `tls`.
async fn told(whep: &str, video: &Video) -> HashMap<String, Relay> {
    let response = Viewer::offer(whep, video).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let session = response.headers()[header::LOCATION].to_str().unwrap();
    let session = session.rsplit('/').next().unwrap().to_owned();
    let links = response.headers().get_all(header::LINK).iter();
    let mut found = HashMap::new();
    for link in links.map(|link| link.to_str().unwrap()) {
        let plain = link.strip_prefix("<turn:");
        let Some(url) = plain.or_else(|| link.strip_prefix("<turns:")) else {
            continue;
        };
        let url = url.split('>').next().unwrap();
        let part = |name: &str| {
            let (_, rest) = link.split_once(&format!("{name}=\"")).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        let (address, transport) = url.split_once("?transport=").unwrap();
        let transport = if plain.is_some() { transport } else { "tls" };
        let address = address.replace(NAME, "127.0.0.1");
        let relay = Relay {
            url: format!("turn:{url}"),
            address: address.parse().unwrap(),
            username: part("username"),
            credential: part("credential"),
        };
        assert!(!relay.username.contains(&session), "{}", relay.username);
        found.insert(transport.to_owned(), relay);
    }
    found
}

/// A figure of `/metrics`: the sum of all series of it that have this in them.
async fn figure(server: &Server, name: &str, with: &str) -> f64 {
    let url = format!("{}/metrics", server.url());
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    let lines = text
        .lines()
        .filter(|line| line.starts_with(name) && line.contains(with));
    lines
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum()
}

async fn watch_through(server: &Server, whep: &str, video: &Video, relay: &Relay) {
    let before = figure(server, "weir_turn_bytes", "to_clients").await;
    let mut viewer = Viewer::start_relayed(whep, video, relay).await;
    let packets: usize = video.frames.iter().map(Vec::len).sum();
    let received = viewer.video(packets).await;
    // This client hands what came by a relay to its session after it looked for new tracks, in each turn of
    // its loop: what one turn read together with a track's first packet finds no track yet, and is dropped
    // (a packet, or a few hundred that the kernel gave at once). So its first packet may stand in the middle
    // of a picture; from there on nothing may be missing. That nothing is missing before it, the bridge sees.
    video.assert_continuous(&received);
    assert_eq!(figure(server, "weir_turn_dropped", "").await, 0.0);
    viewer.audio(50).await;
    let bytes: usize = received.iter().map(|packet| packet.payload.len()).sum();
    until("all of it was relayed", || async {
        let relayed = figure(server, "weir_turn_bytes", "to_clients").await - before;
        relayed > bytes as f64
    })
    .await;
    assert!(figure(server, "weir_turn_bytes", "from_clients").await > 0.0);
    assert!(figure(server, "weir_turn_allocations", "").await >= 1.0);
    assert_eq!(viewer.resource.delete().await, StatusCode::OK);
    viewer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_whose_only_path_is_turn_sees_the_stream() {
    let server = serve().await;
    let access = server.create_stream("relayed").unwrap();
    let video = Arc::new(Video::h264());
    let publisher = Publisher::start(&access.whip_url, &access.key, video.clone()).await;
    until("the stream is live", || async {
        Viewer::offer(&access.whep_url, &video).await.status() == StatusCode::CREATED
    })
    .await;
    let told = told(&access.whep_url, &video).await;

    watch_through(&server, &access.whep_url, &video, &told["udp"]).await;

    // The same client, whose datagrams go over TCP: the messages are the same.
    let bridge = Bridge::start(told["tcp"].address, None).await;
    let over_tcp = Relay {
        url: format!("turn:{}?transport=udp", bridge.address),
        ..told["tcp"].clone()
    };
    watch_through(&server, &access.whep_url, &video, &over_tcp).await;
    bridge.assert_complete(&video);
    assert!(figure(&server, "weir_turn_connections", "").await >= 1.0);

    // A password that is not right gets nothing.
    let refused = figure(&server, "weir_turn_refused", "\"401\"").await;
    let wrong = Relay {
        credential: "wrong".to_owned(),
        ..told["udp"].clone()
    };
    assert!(!Viewer::gathers_relayed(&video, &wrong).await);
    until("the refusal is counted", || async {
        figure(&server, "weir_turn_refused", "\"401\"").await > refused
    })
    .await;
    drop(bridge);
    publisher.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_costs_turn_alone_unless_it_was_asked_for() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let output = command(dir.path())
        .args([
            "serve",
            "--http=127.0.0.1:0",
            "--rtmp=127.0.0.1:0",
            "--media-udp=127.0.0.1:0",
        ])
        .env("WEIR_TURN_LISTEN", &address)
        .output()
        .unwrap();
    let error = error(&output);
    assert!(
        error.contains("turn.listen") && error.contains(&address),
        "{error}"
    );

    let off = Server::start_with(weir(), &[("WEIR_TURN_ENABLED", "false")])
        .await
        .unwrap();
    let access = off.create_stream("off").unwrap();
    let video = Arc::new(Video::h264());
    let publisher = Publisher::start(&access.whip_url, &access.key, video.clone()).await;
    until("the stream is live", || async {
        Viewer::offer(&access.whep_url, &video).await.status() == StatusCode::CREATED
    })
    .await;
    assert!(told(&access.whep_url, &video).await.is_empty());
    publisher.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn turn_goes_through_the_port_of_https_too() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(path("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(path("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let https = free_port().unwrap();
    let public = format!("https://{NAME}:{https}");
    let server = Server::start_with(
        weir(),
        &[
            ("WEIR_TLS_LISTEN", &format!("127.0.0.1:{https}")),
            ("WEIR_TLS_CERTIFICATE", &path("cert.pem")),
            ("WEIR_TLS_KEY", &path("key.pem")),
            ("WEIR_TLS_REDIRECT", "false"),
            ("WEIR_HTTP_PUBLIC_URL", &public),
        ],
    )
    .await
    .unwrap();
    let access = server.create_stream("relayed").unwrap();
    let [whip, whep] =
        [&access.whip_url, &access.whep_url].map(|url| url.replace(&public, &server.url()));
    let video = Arc::new(Video::h264());
    let publisher = Publisher::start(&whip, &access.key, video.clone()).await;
    until("the stream is live", || async {
        Viewer::offer(&whep, &video).await.status() == StatusCode::CREATED
    })
    .await;
    let told = told(&whep, &video).await;
    let over_tls = &told["tls"];
    assert_eq!(over_tls.address.port(), https);

    // The same client as above, with TLS to the name between.
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(made.cert.pem().as_bytes()).unwrap();
    roots.add(root).unwrap();
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let bridge = Bridge::start(over_tls.address, Some(Arc::new(tls).into())).await;
    let bridged = Relay {
        url: format!("turn:{}?transport=udp", bridge.address),
        ..over_tls.clone()
    };
    watch_through(&server, &whep, &video, &bridged).await;
    drop(bridge);
    publisher.close().await;
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A UDP port whose datagrams go to a TURN server over TCP or TLS, a connection for each who sends.
struct Bridge {
    address: SocketAddr,
    /// What was relayed to clients, as it came.
    relayed: Arc<Mutex<Vec<Rtp>>>,
    _tasks: JoinSet<()>,
}

/// What the header of an RTP packet tells without its keys.
struct Rtp {
    ssrc: [u8; 4],
    number: u16,
    marker: bool,
    payload_type: u8,
}

impl Rtp {
    /// Of the data in a message of TURN.
    fn within(message: &[u8]) -> Option<Self> {
        const DATA_INDICATION: u16 = 0x0017;
        const DATA: u16 = 0x0013;
        let data = match message {
            [0x40..=0x4f, _, l0, l1, data @ ..] => {
                data.get(..usize::from(u16::from_be_bytes([*l0, *l1])))?
            }
            _ => {
                let message = Message::parse(message)?;
                let relayed = message.kind() == DATA_INDICATION;
                relayed.then(|| message.attribute(DATA)).flatten()?
            }
        };
        let [0x80..=0xbf, second, n0, n1, _, _, _, _, s0, s1, s2, s3, ..] = data else {
            return None;
        };
        // RTCP (RFC 5761 section 4).
        if (192..=223).contains(second) {
            return None;
        }
        Some(Self {
            ssrc: [*s0, *s1, *s2, *s3],
            number: u16::from_be_bytes([*n0, *n1]),
            marker: second >> 7 == 1,
            payload_type: second & 0x7f,
        })
    }
}

impl Bridge {
    async fn start(server: SocketAddr, tls: Option<TlsConnector>) -> Self {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let address = socket.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        let relayed = Arc::new(Mutex::default());
        let seen = relayed.clone();
        tasks.spawn(async move {
            let mut writers = HashMap::new();
            let mut readers = JoinSet::new();
            let mut buffer = vec![0; 65_536];
            loop {
                let (len, from) = socket.recv_from(&mut buffer).await.unwrap();
                let writer = match writers.entry(from) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => {
                        let stream = TcpStream::connect(server).await.unwrap();
                        let stream: Box<dyn Stream> = match &tls {
                            None => Box::new(stream),
                            Some(tls) => {
                                let name = NAME.try_into().unwrap();
                                Box::new(tls.connect(name, stream).await.unwrap())
                            }
                        };
                        let (reader, writer) = tokio::io::split(stream);
                        readers.spawn(back(reader, socket.clone(), from, seen.clone()));
                        new.insert(writer)
                    }
                };
                // ChannelData is padded in a stream.
                let padded = len.next_multiple_of(4);
                buffer[len..padded].fill(0);
                writer.write_all(&buffer[..padded]).await.unwrap();
                writer.flush().await.unwrap();
            }
        });
        Self {
            address,
            relayed,
            _tasks: tasks,
        }
    }

    /// Every packet of video was relayed, from the first one of a keyframe on.
    fn assert_complete(&self, video: &Video) {
        let relayed = self.relayed.lock().unwrap();
        let of_video = |rtp: &&Rtp| rtp.payload_type == video.payload_type;
        let first = relayed.iter().find(of_video).expect("video");
        let track: Vec<&Rtp> = relayed
            .iter()
            .filter(|rtp| rtp.ssrc == first.ssrc)
            .collect();
        let picture = track.iter().position(|rtp| rtp.marker).unwrap() + 1;
        assert_eq!(
            picture,
            video.frames[0].len(),
            "the first picture is a keyframe"
        );
        let after: HashSet<u16> = track
            .iter()
            .map(|rtp| rtp.number.wrapping_sub(first.number))
            .collect();
        let last = *after.iter().max().unwrap();
        let watched: usize = video.frames.iter().map(Vec::len).sum();
        assert!(usize::from(last) + 1 >= watched, "{last} of {watched}");
        assert_eq!(after.len(), usize::from(last) + 1, "packets are missing");
    }
}

async fn back(
    mut reader: ReadHalf<Box<dyn Stream>>,
    socket: Arc<UdpSocket>,
    to: SocketAddr,
    seen: Arc<Mutex<Vec<Rtp>>>,
) {
    let mut deframer = Deframer::default();
    let mut buffer = vec![0; 16_384];
    while let Ok(len @ 1..) = reader.read(&mut buffer).await {
        deframer.push(&buffer[..len]);
        while let Some(message) = deframer.message().unwrap() {
            seen.lock().unwrap().extend(Rtp::within(message));
            socket.send_to(message, to).await.unwrap();
        }
    }
}
