//! One session while it goes on: what the server samples and what its player says.

use weir_db::{BroadcastId, UnixMillis, ViewerSessionId};
use weir_protocol::QoeReport;

/// Layers of a session that are told apart; time on others counts as `other`.
const LAYERS_MAX: usize = 8;

/// Newest delays that go into a session's median.
const DELAYS_MAX: usize = 64;

/// Between two samples at most; what is longer was no sampling.
const SAMPLE_MAX_MS: i64 = 30_000;

/// Reports at once, and milliseconds for each further one.
const REPORTS: (i64, i64) = (6, 5_000);

/// A session's row in the making.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) id: ViewerSessionId,
    pub(super) broadcast: Option<BroadcastId>,
    pub(super) started_at: UnixMillis,
    pub(super) stalls: i64,
    pub(super) stall_ms: i64,
    pub(super) join_ms: Option<i64>,
    layers: Vec<(String, i64)>,
    sampled_at: UnixMillis,
    /// The newest layer, which time counts for.
    layer: Option<usize>,
    delays: Vec<u32>,
    next_delay: usize,
    loss: f64,
    losses: u32,
}

impl Open {
    pub(super) fn new(
        broadcast: Option<BroadcastId>,
        join_ms: Option<i64>,
        now: UnixMillis,
    ) -> Self {
        Self {
            id: ViewerSessionId::begin(),
            broadcast,
            started_at: now,
            stalls: 0,
            stall_ms: 0,
            join_ms,
            layers: Vec::new(),
            sampled_at: now,
            layer: None,
            delays: Vec::new(),
            next_delay: 0,
            loss: 0.0,
            losses: 0,
        }
    }

    /// The viewer gets this layer now. The time since the last sample counts for the layer before.
    pub(super) fn sample(&mut self, layer: String, loss: f32, now: UnixMillis) {
        let known = |name: &str, layers: &[(String, i64)]| {
            layers.iter().position(|(known, _)| known == name)
        };
        let index = match known(&layer, &self.layers) {
            Some(index) => index,
            None if self.layers.len() < LAYERS_MAX => {
                self.layers.push((layer, 0));
                self.layers.len() - 1
            }
            None => {
                let last = self.layers.len() - 1;
                "other".clone_into(&mut self.layers[last].0);
                last
            }
        };
        // The first sample comes a moment after the start.
        self.layer.get_or_insert(index);
        self.settle(now);
        self.layer = Some(index);
        self.loss += f64::from(loss);
        self.losses += 1;
    }

    /// Time until now counts for the newest layer.
    pub(super) fn settle(&mut self, now: UnixMillis) {
        let passed = (now - self.sampled_at).clamp(0, SAMPLE_MAX_MS);
        self.sampled_at = now;
        if let Some((_, time)) = self.layer.and_then(|layer| self.layers.get_mut(layer)) {
            *time += passed;
        }
    }

    pub(super) fn report(&mut self, news: &News, report: &QoeReport, now: UnixMillis) {
        self.stalls += news.stalls;
        // A session that began while the player was stalled does not have all of it.
        self.stall_ms = (self.stall_ms + news.stall_ms).min((now - self.started_at).max(0));
        if let Some(join) = report.join_ms {
            self.join_ms = Some(i64::from(join));
        }
        let Some(delay) = report.delay_ms else { return };
        if self.delays.len() < DELAYS_MAX {
            self.delays.push(delay);
        } else {
            self.delays[self.next_delay % DELAYS_MAX] = delay;
        }
        self.next_delay += 1;
    }

    pub(super) fn last_delay(&self) -> Option<u32> {
        let last = self.next_delay.checked_sub(1)?;
        self.delays.get(last % DELAYS_MAX).copied()
    }

    pub(super) fn median_delay(&self) -> Option<i64> {
        let mut delays = self.delays.clone();
        delays.sort_unstable();
        delays.get(delays.len() / 2).map(|delay| i64::from(*delay))
    }

    pub(super) fn mean_loss(&self) -> Option<f64> {
        (self.losses > 0).then(|| self.loss / f64::from(self.losses))
    }

    /// JSON: milliseconds by layer.
    pub(super) fn layers(&self) -> String {
        let layers = self.layers.iter().filter(|(_, time)| *time > 0);
        let layers: serde_json::Map<String, serde_json::Value> = layers
            .map(|(name, time)| (name.clone(), (*time).into()))
            .collect();
        serde_json::Value::Object(layers).to_string()
    }
}

/// What a player has said, so that only what is new counts.
#[derive(Debug)]
pub(super) struct Reported {
    since: UnixMillis,
    stalls: i64,
    stall_ms: i64,
    /// Reports that it may still send, in milliseconds of waiting for each.
    budget: i64,
    refilled_at: UnixMillis,
}

/// What is new in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct News {
    pub(super) stalls: i64,
    pub(super) stall_ms: i64,
}

impl Reported {
    pub(super) fn new(now: UnixMillis) -> Self {
        let (burst, each) = REPORTS;
        Self {
            since: now,
            stalls: 0,
            stall_ms: 0,
            budget: burst * each,
            refilled_at: now,
        }
    }

    /// What is new; `None` when the player says too much.
    pub(super) fn take_in(&mut self, report: &QoeReport, now: UnixMillis) -> Option<News> {
        let (burst, each) = REPORTS;
        self.budget = (self.budget + (now - self.refilled_at).max(0)).min(burst * each);
        self.refilled_at = now;
        if self.budget < each {
            return None;
        }
        self.budget -= each;
        // Nobody stands still for longer than time has passed.
        let most = (now - self.since).max(0);
        let stall_ms = i64::from(report.stall_ms).min(most);
        let stalls = i64::from(report.stalls);
        let news = News {
            stalls: (stalls - self.stalls).max(0),
            stall_ms: (stall_ms - self.stall_ms).max(0),
        };
        self.stalls = self.stalls.max(stalls);
        self.stall_ms = self.stall_ms.max(stall_ms);
        Some(news)
    }
}
