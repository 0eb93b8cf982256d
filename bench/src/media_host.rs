//! The media plane in this process, driven through standard input and output by [`crate::host`].

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use weir_sfu::{SessionId, Sfu, SfuConfig, StreamId};

use crate::{
    alloc,
    host::{Ask, HostSession, HostSnapshot, Reply, Request, Response},
    ingest::Feed,
};

/// The one stream.
const STREAM: StreamId = StreamId(1);

/// How long the fed stream may take until it is live.
const LIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Between two looks at whether it is.
const POLL: Duration = Duration::from_millis(5);

/// Everything but what is chosen here is as the server has it by default.
fn config(shards: usize) -> SfuConfig {
    SfuConfig {
        media_udp: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
        shards,
        ..SfuConfig::default()
    }
}

/// Runs until standard input ends.
///
/// # Errors
/// When the media plane cannot start.
pub fn run(shards: usize) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(shards))
}

async fn serve(shards: usize) -> anyhow::Result<()> {
    let (sfu, mut events) = Sfu::start(config(shards)).context("the media plane does not start")?;
    // Nobody needs them, but they must not pile up.
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    let host = Arc::new(MediaHost {
        sfu,
        sessions: Mutex::default(),
        feed: Mutex::default(),
    });
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let Request { id, ask } = serde_json::from_str(&line)?;
        let host = host.clone();
        let stop = matches!(ask, Ask::Stop);
        let task = tokio::spawn(async move {
            let result = host.answer(ask).await.map_err(|e| format!("{e:#}"));
            print(&Response { id, result });
        });
        if stop {
            task.await?;
            return Ok(());
        }
    }
    Ok(())
}

fn print(response: &Response) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    // Without a parent there is nobody to tell; standard input ends too then.
    if let Ok(mut line) = serde_json::to_vec(response) {
        line.push(b'\n');
        let _ = out.write_all(&line).and_then(|()| out.flush());
    }
}

struct MediaHost {
    sfu: Sfu,
    sessions: Mutex<HashMap<u64, SessionId>>,
    feed: Mutex<Option<Feed>>,
}

impl MediaHost {
    async fn answer(&self, ask: Ask) -> anyhow::Result<Reply> {
        match ask {
            Ask::Offer { publisher, sdp } => {
                let session = if publisher {
                    self.sfu.publish(STREAM, sdp).await?
                } else {
                    self.sfu.view(STREAM, sdp).await?
                };
                let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
                let id = sessions.len() as u64;
                sessions.insert(id, session.id);
                let answer = session.answer;
                Ok(Reply::Session(HostSession { id, answer }))
            }
            Ask::End { session } => {
                let found = {
                    let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
                    sessions.get(&session).copied()
                };
                if !self
                    .sfu
                    .end_session(found.context("no such session")?)
                    .await
                {
                    bail!("the session has ended already");
                }
                Ok(Reply::Done)
            }
            Ask::Feed { layers } => {
                let feed = Feed::start(&self.sfu, STREAM, layers)?;
                *self.feed.lock().unwrap_or_else(PoisonError::into_inner) = Some(feed);
                let live = async {
                    while !self.sfu.is_live(STREAM) {
                        tokio::time::sleep(POLL).await;
                    }
                };
                let live = tokio::time::timeout(LIVE_TIMEOUT, live).await;
                live.context("the stream is not live")?;
                Ok(Reply::Done)
            }
            Ask::Snapshot => Ok(Reply::Snapshot(Box::new(self.snapshot()))),
            Ask::Stop => {
                self.feed
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take();
                self.sfu.shutdown().await;
                Ok(Reply::Done)
            }
        }
    }

    fn snapshot(&self) -> HostSnapshot {
        let stats = self.sfu.stats();
        let feed = self.feed.lock().unwrap_or_else(PoisonError::into_inner);
        HostSnapshot {
            heap: alloc::live_bytes(),
            shard_allocations: alloc::shard_allocations(),
            viewers: stats.viewers,
            packets_out: stats.packets_out,
            bytes_out: stats.bytes_out,
            sends: stats.sends,
            retransmissions: stats.retransmissions,
            overflow_drops: stats.overflow_drops,
            viewer_drops: stats.viewer_drops,
            keyframe_requests: stats.keyframe_requests,
            source: feed.as_ref().map(Feed::report).unwrap_or_default(),
        }
    }
}
