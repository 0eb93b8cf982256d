//! Restreaming: a broadcast's CMAF, taken apart again and published to RTMP servers elsewhere.
//!
//! The source is what HLS gets: H.264 and AAC, made or checked by our own worker, with keyframes where
//! segments begin. So nothing is encoded for a target that is not encoded for HLS; a target that wants
//! a smaller rendition raises the demand for that rung. A target's connection outlives the worker and the
//! publisher: it ends when the caller takes the target away, which it does at the end of the broadcast.

mod cmaf;
mod connect;
mod feed;
mod queue;
mod status;
mod target;
mod timeline;

use std::{
    collections::HashMap,
    fmt, io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;
use weir_protocol::{RestreamState, RestreamStatus};

use crate::output::StreamSink;

pub use connect::{ConnectError, Resolve};

use connect::Connector;
use feed::{Feed, FeedSink};

/// A place to send a stream to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Tells the targets of a stream apart.
    pub id: i64,
    /// For logs.
    pub name: String,
    /// Where.
    pub address: Address,
    /// Under which key.
    pub key: Key,
    /// Which rendition.
    pub limit: Limit,
}

/// An RTMP server's address, already taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Whether it is RTMPS.
    pub secure: bool,
    /// Name or address of the host.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The application: what stands behind the host.
    pub app: String,
    /// All of it as the server is told (`tcUrl`).
    pub url: String,
}

/// A stream key. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// A key.
    pub fn new(key: String) -> Self {
        Self(key)
    }

    fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(hidden)")
    }
}

/// The best rendition within these is sent; the smallest of all if none is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limit {
    /// Lines of the picture at most.
    pub max_height: Option<u32>,
    /// Bits a second of the video at most.
    pub max_bitrate: Option<u32>,
}

/// How connections are made.
pub struct RestreamConfig {
    /// Says which addresses may be connected to.
    pub resolver: Arc<dyn Resolve>,
    /// A PEM file with certificates that are trusted beside the public ones.
    pub roots: Option<PathBuf>,
}

/// Figures over all targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RestreamStats {
    /// Targets that get media now.
    pub live: u64,
    /// Targets that are being connected to or tried again.
    pub retrying: u64,
    /// Targets that were given up.
    pub failed: u64,
}

/// Sends streams to targets. Clones are the same one.
#[derive(Clone)]
pub struct Restreamer {
    inner: Arc<Inner>,
}

struct Inner {
    connector: Connector,
    feeds: Mutex<HashMap<String, Arc<Feed>>>,
    changes: watch::Sender<u64>,
}

impl Restreamer {
    /// Nothing is sent yet. An error says what is wrong with the certificates.
    pub fn new(config: RestreamConfig) -> io::Result<Self> {
        let connector = Connector::new(config.resolver, config.roots.as_deref())?;
        let inner = Inner {
            connector,
            feeds: Mutex::default(),
            changes: watch::Sender::new(0),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// From now on the stream is sent to these, and to no others. Those that stay as they are go on
    /// undisturbed. Must be called within a tokio runtime.
    pub fn set_targets(&self, slug: &str, targets: Vec<Target>) {
        let mut feeds = self.feeds();
        if targets.is_empty() && !feeds.contains_key(slug) {
            return;
        }
        let feed = feeds
            .entry(slug.to_owned())
            .or_insert_with(|| self.feed(slug));
        feed.set_targets(targets);
        let changed = feed.is_unused();
        if changed {
            feeds.remove(slug);
        }
        drop(feeds);
        self.inner.changes.send_modify(|count| *count += 1);
    }

    /// Where a broadcast's media goes. A newer one of the same stream takes its place.
    pub fn sink(&self, slug: &str) -> Box<dyn StreamSink> {
        let mut feeds = self.feeds();
        // Those whose demand was looked at longer than they lived.
        feeds.retain(|_, feed| !feed.is_unused());
        let feed = feeds
            .entry(slug.to_owned())
            .or_insert_with(|| self.feed(slug));
        let sink = FeedSink::new(feed.clone());
        drop(feeds);
        Box::new(Closing {
            restreamer: self.clone(),
            slug: slug.to_owned(),
            sink: Some(sink),
        })
    }

    /// Which rungs the stream's targets need as CMAF, now and later: a bit for each.
    pub fn demand(&self, slug: &str) -> watch::Receiver<u8> {
        let mut feeds = self.feeds();
        let feed = feeds
            .entry(slug.to_owned())
            .or_insert_with(|| self.feed(slug));
        feed.demand()
    }

    /// How the stream's targets do.
    pub fn statuses(&self, slug: &str) -> HashMap<i64, RestreamStatus> {
        let feed = self.feeds().get(slug).cloned();
        feed.map(|feed| feed.statuses()).unwrap_or_default()
    }

    /// Counts changes of any target's state.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }

    /// Publishes nothing for a moment.
    ///
    /// # Errors
    /// Why the target would not work.
    pub async fn test(&self, target: &Target) -> Result<(), ConnectError> {
        let client = self.inner.connector.publish(target).await?;
        // It agreed; how it takes the goodbye does not matter.
        let _ = client.close().await;
        Ok(())
    }

    /// Figures for `/metrics`.
    pub fn stats(&self) -> RestreamStats {
        let feeds: Vec<_> = self.feeds().values().cloned().collect();
        let mut stats = RestreamStats::default();
        for state in feeds.iter().flat_map(|feed| feed.states()) {
            match state {
                RestreamState::Live => stats.live += 1,
                RestreamState::Connecting | RestreamState::Retrying => stats.retrying += 1,
                RestreamState::Failed => stats.failed += 1,
                RestreamState::Idle => {}
            }
        }
        stats
    }

    fn feed(&self, slug: &str) -> Arc<Feed> {
        Arc::new(Feed::new(
            slug.to_owned(),
            self.inner.connector.clone(),
            self.inner.changes.clone(),
        ))
    }

    fn feeds(&self) -> MutexGuard<'_, HashMap<String, Arc<Feed>>> {
        self.inner
            .feeds
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A sink that forgets its stream at the end, where no target waits for it to come back.
struct Closing {
    restreamer: Restreamer,
    slug: String,
    /// Always there until the drop.
    sink: Option<FeedSink>,
}

impl StreamSink for Closing {
    fn hls(&mut self, output: &weir_media::HlsOutput) {
        if let Some(sink) = &mut self.sink {
            sink.hls(output);
        }
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.sink = None;
        let mut feeds = self.restreamer.feeds();
        if feeds.get(&self.slug).is_some_and(|feed| feed.is_unused()) {
            feeds.remove(&self.slug);
        }
    }
}
