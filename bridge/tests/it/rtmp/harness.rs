//! A listener whose gate knows one key and whose ingest records.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use weir_bridge::output::{Admission, Gate, PublishRequest, Refusal, Requests, StreamOutput};
use weir_bridge::rtmp::session::Context;
use weir_bridge::rtmp::sink::{Ingest, SourceSink};
use weir_bridge::rtmp::{self, Drain, Tls};
use weir_bridge::source::{AccessUnit, SourceFormat};
use weir_media::{HlsOutput, RtpLayer, RtpPacket, RtpTracks, Thumbnail};
use weir_protocol::{Caption, finding::FindingReport};

pub const KEY: &str = "right-key";
/// Longer than anything awaited here should take, on any machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What the ingest saw, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    Opened(String),
    Format(SourceFormat),
    Unit(AccessUnit),
    /// One that holds.
    Finding(FindingReport),
    Ended,
}

/// The recording end.
pub struct Recording(mpsc::UnboundedReceiver<Event>);

impl Recording {
    pub async fn next(&mut self) -> Event {
        tokio::time::timeout(PATIENCE, self.0.recv())
            .await
            .expect("an event in time")
            .expect("the recorder lives")
    }

    /// Reads on until `wanted` accepts an event; returns what came, with that event.
    pub async fn until(&mut self, mut wanted: impl FnMut(&Event) -> bool) -> Vec<Event> {
        let mut seen = Vec::new();
        loop {
            seen.push(self.next().await);
            if wanted(&seen[seen.len() - 1]) {
                return seen;
            }
        }
    }

    pub async fn until_ended(&mut self) -> Vec<Event> {
        self.until(|event| *event == Event::Ended).await
    }

    /// What has been recorded and not read.
    pub fn rest(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}

pub fn units(events: &[Event]) -> Vec<&AccessUnit> {
    events
        .iter()
        .filter_map(|event| {
            if let Event::Unit(unit) = event {
                Some(unit)
            } else {
                None
            }
        })
        .collect()
}

pub fn formats(events: &[Event]) -> Vec<&SourceFormat> {
    events
        .iter()
        .filter_map(|event| {
            if let Event::Format(format) = event {
                Some(format)
            } else {
                None
            }
        })
        .collect()
}

struct OneKey {
    /// Handed out as every admission's `cancel`.
    takeover: CancellationToken,
    /// Handed out as every admission's `goodbye`.
    goodbye: CancellationToken,
}

#[async_trait::async_trait]
impl Gate for OneKey {
    async fn admit(&self, request: PublishRequest) -> Result<Admission, Refusal> {
        if request.app != "live" {
            return Err(Refusal::BadApp(request.app));
        }
        if request.key != KEY {
            return Err(Refusal::BadKey);
        }
        let (_, requests) = Requests::channel();
        Ok(Admission {
            slug: "demo".to_owned(),
            output: Box::new(NoOutput),
            cancel: self.takeover.clone(),
            goodbye: self.goodbye.clone(),
            requests,
        })
    }
}

/// The recording ingest takes the place of the bridge, so nothing comes out of it.
struct NoOutput;

impl StreamOutput for NoOutput {
    fn rtp_start(&mut self, _: RtpTracks, _: &[RtpLayer]) {}
    fn rtp(&mut self, _: RtpPacket, _: bool) {}
    fn hls(&mut self, _: HlsOutput) {}
    fn thumbnail(&mut self, _: Thumbnail) {}
    fn finding(&mut self, _: FindingReport) {}
    fn caption(&mut self, _: Caption) {}
    fn worker_restarted(&mut self, _: &str) {}
}

struct Recorder(mpsc::UnboundedSender<Event>);

impl Ingest for Recorder {
    fn open(&self, slug: &str, _: Box<dyn StreamOutput>, _: Requests) -> Box<dyn SourceSink> {
        let _ = self.0.send(Event::Opened(slug.to_owned()));
        Box::new(RecordingSink(self.0.clone()))
    }
}

struct RecordingSink(mpsc::UnboundedSender<Event>);

impl SourceSink for RecordingSink {
    fn format(&mut self, format: SourceFormat) {
        let _ = self.0.send(Event::Format(format));
    }

    fn access_unit(&mut self, unit: AccessUnit) {
        let _ = self.0.send(Event::Unit(unit));
    }

    fn finding(&mut self, report: FindingReport) {
        if report.active {
            let _ = self.0.send(Event::Finding(report));
        }
    }
}

impl Drop for RecordingSink {
    fn drop(&mut self) {
        let _ = self.0.send(Event::Ended);
    }
}

/// What the gate and the session tell each other.
pub struct Tokens {
    pub takeover: CancellationToken,
    pub goodbye: CancellationToken,
}

/// What a session needs, for tests without a socket.
pub fn context() -> (Context, Recording, Tokens) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let takeover = CancellationToken::new();
    let goodbye = CancellationToken::new();
    let context = Context {
        gate: Arc::new(OneKey {
            takeover: takeover.clone(),
            goodbye: goodbye.clone(),
        }),
        ingest: Arc::new(Recorder(sender)),
        drain: Drain::default(),
        cancel: CancellationToken::new(),
    };
    (context, Recording(receiver), Tokens { takeover, goodbye })
}

/// A listener on a port of its own.
pub struct Server {
    pub address: SocketAddr,
    pub takeover: CancellationToken,
    pub drain: Drain,
    cancel: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    pub async fn start() -> (Self, Recording) {
        Self::start_on(([127, 0, 0, 1], 0).into(), None).await
    }

    /// A listener where one was before.
    pub async fn start_at(address: SocketAddr) -> (Self, Recording) {
        Self::start_on(address, None).await
    }

    pub async fn start_with(tls: Option<Tls>) -> (Self, Recording) {
        Self::start_on(([127, 0, 0, 1], 0).into(), tls).await
    }

    async fn start_on(address: SocketAddr, tls: Option<Tls>) -> (Self, Recording) {
        let (context, recording, Tokens { takeover, .. }) = context();
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cancel, drain) = (context.cancel.clone(), context.drain.clone());
        let server = rtmp::Server::new(context);
        let serve = async move { server.serve(listener, tls).await };
        (
            Self {
                address,
                takeover,
                drain,
                cancel,
                task: tokio::spawn(serve),
            },
            recording,
        )
    }

    pub fn url(&self) -> String {
        format!("rtmp://{}/live", self.address)
    }

    /// Stops it, and with it all sessions.
    pub async fn stop(self) {
        self.cancel.cancel();
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("the listener stops")
            .unwrap();
    }
}
