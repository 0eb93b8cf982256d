//! A server to test against.

use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
    net::Ipv4Addr,
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use weir_db::{Db, NewStream, NewUser, Role, Stream};
use weir_protocol::{
    CheckCode, CheckState, ConnectivityCheck, ErrorCode, Problem, RestreamStatus, StreamSlug,
};
use weir_sfu::{Sfu, SfuConfig};
use weir_signaling::{
    Archive, ArchiveConfig, Assets, Doctor, ExtraMetrics, HttpConfig, Live, RestreamOut,
    RestreamTarget, Sample, Secrets, Services, TOKEN_KEY_BYTES, hls, keys, live, passwords,
};
use weir_turn::{IceServerConfig, IceServers};

use crate::peer::{Offer, Peer};

/// Longest wait for something that must happen. Only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Server {
    pub base: String,
    pub db: Db,
    pub live: Live,
    pub hls: hls::Origin,
    pub archive: Archive,
    pub draining: CancellationToken,
    /// WHIP broadcasts as the root package would be told of them.
    pub whip: mpsc::Receiver<live::WhipBroadcast>,
    pub http: reqwest::Client,
    pub sfu: Sfu,
    _folder: TempDir,
}

/// A stream and its key.
pub struct Published {
    pub row: Stream,
    pub key: String,
}

struct Told(mpsc::Sender<live::WhipBroadcast>);

impl live::OnWhip for Told {
    fn started(&self, broadcast: live::WhipBroadcast) {
        self.0
            .try_send(broadcast)
            .expect("tests start few broadcasts");
    }
}

/// Takes what is to be sent elsewhere, and sends nothing: the root package's tests send.
struct Elsewhere(watch::Sender<u64>);

impl RestreamOut for Elsewhere {
    fn set(&self, _: &StreamSlug, _: Vec<RestreamTarget>) {}

    fn statuses(&self, _: &StreamSlug) -> HashMap<i64, RestreamStatus> {
        HashMap::new()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }

    fn test(&self, _: RestreamTarget) -> BoxFuture<'static, Result<(), String>> {
        Box::pin(std::future::ready(Err("nothing is sent here".to_owned())))
    }
}

/// Finds one thing: the root package's tests look at a real server.
struct Examined;

impl Doctor for Examined {
    fn examine(&self) -> BoxFuture<'_, (i64, Vec<ConnectivityCheck>)> {
        let check = ConnectivityCheck {
            code: CheckCode::TurnOff,
            state: CheckState::Warning,
            values: BTreeMap::new(),
            meaning: "There is no TURN server.".into(),
            advice: None,
        };
        Box::pin(std::future::ready((1, vec![check])))
    }
}

struct Workers;

impl ExtraMetrics for Workers {
    fn read(&self) -> Vec<Sample> {
        vec![Sample::counter(
            "weir_worker_restarts",
            "Media workers started again",
            3,
        )]
    }
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(Assets::default(), HttpConfig::default()).await
    }

    pub async fn start_with(assets: Assets, config: HttpConfig) -> Self {
        Self::start_waiting(Duration::from_secs(15), assets, config).await
    }

    /// A server that waits so long for publishers whose connection broke.
    pub async fn start_with_grace(grace: Duration) -> Self {
        Self::start_waiting(grace, Assets::default(), HttpConfig::default()).await
    }

    async fn start_waiting(grace: Duration, assets: Assets, mut config: HttpConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&Db::sqlite_url(&folder.path().join("weir.db")))
            .await
            .unwrap();
        let (sfu, events) = Sfu::start(SfuConfig {
            media_udp: (Ipv4Addr::LOCALHOST, 0).into(),
            advertise: Vec::new(),
            shards: 1,
            publisher_timeout: Duration::from_secs(5),
            grace,
            ..SfuConfig::default()
        })
        .unwrap();
        let origin = hls::Origin::default();
        let archive = Archive::open(folder.path(), ArchiveConfig::default()).unwrap();
        let live = Live::new(db.clone(), origin.clone(), grace);
        let (told, whip) = mpsc::channel(16);
        let draining = CancellationToken::new();
        tokio::spawn(live::follow_sfu(
            events,
            live.clone(),
            sfu.clone(),
            Told(told),
        ));
        let (watcher, stop) = (live.clone(), draining.clone());
        tokio::spawn(live::watch_database(watcher, sfu.clone(), db.clone(), stop));
        let (runner, stop) = (live.clone(), draining.clone());
        tokio::spawn(async move { runner.run(stop).await });

        config.ice_servers = IceServers::new(vec![
            IceServerConfig {
                urls: vec!["stun:stun.example".into()],
                secret: None,
            },
            IceServerConfig {
                urls: vec!["turn:turn.example".into()],
                secret: Some("s".into()),
            },
        ])
        .unwrap();
        let base = serve(Services {
            db: db.clone(),
            sfu: sfu.clone(),
            hls: origin.clone(),
            archive: archive.clone(),
            live: live.clone(),
            secrets: secrets(),
            config,
            assets,
            restream: Arc::new(Elsewhere(watch::Sender::default())),
            gauges: Arc::new(Workers),
            doctor: Arc::new(Examined),
            draining: draining.clone(),
        })
        .await;
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            base,
            db,
            live,
            hls: origin,
            archive,
            draining,
            whip,
            http,
            sfu,
            _folder: folder,
        }
    }

    /// Another node on the same database; gives its address.
    pub async fn beside(&self, config: HttpConfig) -> String {
        serve(Services {
            db: self.db.clone(),
            sfu: self.sfu.clone(),
            hls: self.hls.clone(),
            archive: self.archive.clone(),
            live: self.live.clone(),
            secrets: secrets(),
            config,
            assets: Assets::default(),
            restream: Arc::new(Elsewhere(watch::Sender::default())),
            gauges: Arc::new(Workers),
            doctor: Arc::new(Examined),
            draining: self.draining.clone(),
        })
        .await
    }

    pub async fn stream(&self, slug: &str) -> Published {
        let (key, key_hash) = keys::generate();
        let slug = slug.parse().unwrap();
        let new = NewStream {
            slug,
            title: "A title".into(),
            key_hash,
            owner: None,
        };
        let row = self.db.create_stream(new).await.unwrap();
        Published {
            row,
            key: key.reveal().to_owned(),
        }
    }

    pub async fn user(&self, name: &str, password: &str, role: Role) {
        let password_hash = passwords::hash(password.into()).await.unwrap();
        self.db
            .create_user(NewUser {
                name: name.into(),
                password_hash,
                role,
            })
            .await
            .unwrap();
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// Posts an offer.
    pub async fn post_sdp(&self, path: &str, key: Option<&str>, offer: &str) -> Response {
        let mut request = self
            .request(Method::POST, path)
            .header(header::CONTENT_TYPE, "application/sdp")
            .body(offer.to_owned());
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        request.send().await.unwrap()
    }

    /// Publishes by WHIP and waits until the stream is live. Gives the session's address too.
    pub async fn publish(&mut self, stream: &Published) -> (Peer, String, live::WhipBroadcast) {
        let offer = Offer::publisher().await;
        let (answer, location) =
            created(self.post_sdp("/whip", Some(&stream.key), offer.sdp()).await).await;
        let peer = offer.accept(&answer);
        let broadcast = soon("the broadcast", self.whip.recv()).await.unwrap();
        assert_eq!(broadcast.stream.slug, stream.row.slug);
        (peer, location, broadcast)
    }

    /// Watches by WHEP and waits for the transport. Gives the session's address too.
    pub async fn view(&self, slug: &str) -> (Peer, String) {
        let offer = Offer::viewer().await;
        let response = self
            .post_sdp(&format!("/whep/{slug}"), None, offer.sdp())
            .await;
        let (answer, location) = created(response).await;
        let mut peer = offer.accept(&answer);
        soon("the viewer's transport", peer.connected()).await;
        (peer, location)
    }
}

fn secrets() -> Secrets {
    Secrets {
        token_key: [7; TOKEN_KEY_BYTES],
    }
}

async fn serve(services: Services) -> String {
    let router = weir_signaling::router(Arc::new(services));
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    base
}

/// Awaits what must happen.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not come"),
    }
}

/// Answer and address of a created session.
pub async fn created(response: Response) -> (String, String) {
    let status = response.status();
    let location = response
        .headers()
        .get(header::LOCATION)
        .map(|value| value.to_str().unwrap().to_owned());
    let body = response.text().await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{body}");
    (body, location.expect("a Location"))
}

/// Checks a problem document against its status, and gives its detail.
pub async fn problem(response: Response, status: u16, code: ErrorCode) -> String {
    let got = response.status().as_u16();
    let content_type = response.headers().get(header::CONTENT_TYPE).cloned();
    let body = response.text().await.unwrap();
    assert_eq!(got, status, "{body}");
    assert_eq!(content_type.unwrap(), "application/problem+json");
    let problem: Problem = serde_json::from_str(&body).unwrap();
    assert_eq!((problem.status, problem.code), (status, code), "{body}");
    problem.detail.expect("a detail")
}
