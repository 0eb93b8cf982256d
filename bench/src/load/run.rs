//! One measurement of a server.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::bail;
use reqwest::Client;

use super::{Addresses, LoadPlan, LoadReport, Usage};
use crate::{
    cpu::{self, ProcessCpu},
    endpoint::Endpoint,
    http::Metrics,
    publisher::Publisher,
    report::{Machine, Percentiles, ms},
    source::SourceReport,
    viewers::{Joining, ThreadReport, ViewerReport, Viewers},
};

pub(super) struct Run<'a> {
    pub(super) plan: &'a LoadPlan,
    pub(super) client: &'a Client,
    pub(super) viewers: Endpoint,
    pub(super) local: IpAddr,
    pub(super) target: &'a Addresses,
    pub(super) publisher: Option<&'a mut Publisher>,
}

/// Everything that is counted, at one moment.
struct Snapshot {
    at: Instant,
    usage: Option<Usage>,
    children: BTreeMap<u32, ProcessCpu>,
    metrics: Option<Metrics>,
    source: Option<SourceReport>,
}

impl Run<'_> {
    pub(super) async fn measure(&mut self, progress: &dyn Fn(&str)) -> anyhow::Result<LoadReport> {
        let plan = self.plan;
        // What the publisher's start cost is over by then.
        tokio::time::sleep(plan.warm_up / 2).await;
        let quiet = self.snapshot().await?;
        tokio::time::sleep(plan.warm_up / 2).await;
        let empty = self.snapshot().await?;
        progress(&format!(
            "{} viewers join, {} a second",
            plan.viewers, plan.ramp
        ));
        let joining = Joining {
            viewers: plan.viewers,
            ramp: plan.ramp,
            threads: plan.viewer_threads,
            local: self.local,
            feedback: plan.feedback,
            all: false,
        };
        let joined = Viewers::join(&self.viewers, joining).await?;
        if joined.refused.len() == plan.viewers {
            let first = joined.refused.first().map_or("", String::as_str);
            bail!(
                "the server accepted none of {} viewers: {first}",
                plan.viewers
            );
        }
        tokio::time::sleep(plan.settle).await;
        progress(&format!("measuring for {:?}", plan.duration));
        let before = self.snapshot().await?;
        let earlier = joined.report()?;
        tokio::time::sleep(plan.duration).await;
        let after = self.snapshot().await?;
        let later = joined.report()?;
        let refused = joined.refused.clone();
        // A server that has dropped a session already has said so in the report.
        if let Err(error) = joined.leave().await {
            progress(&format!("leaving: {error:#}"));
        }
        let mut report = LoadReport::empty(plan, Machine::here());
        report.seconds = (after.at - before.at).as_secs_f64();
        report.add_server(&quiet, &empty, &before, &after);
        report.add_viewers(refused, &earlier, &later, after.source.as_ref());
        Ok(report)
    }

    async fn snapshot(&mut self) -> anyhow::Result<Snapshot> {
        let metrics = match &self.target.metrics {
            Some(base) => Some(Metrics::read(self.client, base).await?),
            None => None,
        };
        let source = match &mut self.publisher {
            Some(publisher) => Some(publisher.report()?),
            None => None,
        };
        let measured = self.target.measured.as_ref();
        let children = match measured {
            Some(super::Measured::Process(pid)) => cpu::children(*pid),
            Some(super::Measured::Group(_)) | None => Vec::new(),
        };
        let children = children.into_iter();
        let children = children.filter_map(|pid| Some((pid, ProcessCpu::read(pid).ok()?)));
        Ok(Snapshot {
            at: Instant::now(),
            usage: measured.map(super::Measured::read).transpose()?,
            children: children.collect(),
            metrics,
            source,
        })
    }
}

/// CPU by thread in microseconds a second; a group has one figure.
fn cpu_of(before: &Snapshot, after: &Snapshot) -> Option<BTreeMap<String, f64>> {
    let seconds = (after.at - before.at).as_secs_f64();
    let per_second = |time: Duration| time.as_secs_f64() * 1e6 / seconds;
    match (before.usage.as_ref()?, after.usage.as_ref()?) {
        (Usage::Process { threads: from, .. }, Usage::Process { threads: to, .. }) => {
            let threads = to.since(from).into_iter();
            Some(threads.map(|(name, t)| (name, per_second(t))).collect())
        }
        (Usage::Group { time: from, .. }, Usage::Group { time: to, .. }) => {
            Some(BTreeMap::from([(
                "all".to_owned(),
                per_second(to.saturating_sub(*from)),
            )]))
        }
        (Usage::Process { .. }, Usage::Group { .. })
        | (Usage::Group { .. }, Usage::Process { .. }) => None,
    }
}

fn memory_of(snapshot: &Snapshot) -> Option<u64> {
    match snapshot.usage.as_ref()? {
        Usage::Process { resident, .. } => Some(*resident),
        Usage::Group { memory, .. } => Some(*memory),
    }
}

impl LoadReport {
    fn add_server(
        &mut self,
        quiet: &Snapshot,
        empty: &Snapshot,
        before: &Snapshot,
        after: &Snapshot,
    ) {
        let sum = |threads: &BTreeMap<String, f64>| threads.values().sum::<f64>();
        self.idle_us_per_second = cpu_of(quiet, empty).as_ref().map(sum);
        self.threads = cpu_of(before, after);
        self.server_us_per_second = self.threads.as_ref().map(sum);
        self.memory = memory_of(empty).zip(memory_of(after)).map(|(a, b)| [a, b]);
        let children = after.children.iter().map(|(pid, cpu)| {
            let earlier = before.children.get(pid).cloned().unwrap_or_default();
            cpu.since(&earlier).into_values().sum::<Duration>()
        });
        let children: Duration = children.sum();
        self.children_us_per_second = children.as_secs_f64() * 1e6 / self.seconds;
        if let (Some(from), Some(to)) = (&before.metrics, &after.metrics) {
            let growth = |name| to.growth(from, name).ok();
            let packets = growth("weir_packets_total{direction=\"out\"}");
            let sends = growth("weir_sends_total");
            self.packets_per_send = packets.zip(sends).map(|(p, s)| p / s.max(1.0));
        }
        if let Some(source) = &after.source {
            self.source_packets_per_second = Some(source.for_a_viewer as f64 / self.seconds);
            self.late_frames = source.late_frames;
            self.max_source_delay_ms = source.max_delay as f64 / 1e6;
        }
    }

    fn add_viewers(
        &mut self,
        refused: Vec<String>,
        earlier: &[ThreadReport],
        later: &[ThreadReport],
        source: Option<&SourceReport>,
    ) {
        self.refused = refused.len();
        self.failures = refused;
        let mut joins = Vec::new();
        let mut losses = Vec::new();
        let mut received = 0;
        for (before, after) in earlier.iter().zip(later) {
            let time = after.cpu.saturating_sub(before.cpu);
            self.generator_us_per_second += time.as_secs_f64() * 1e6 / self.seconds;
            self.max_generator_pause_ms = self.max_generator_pause_ms.max(ms(after.max_pause));
            for (from, to) in before.viewers.iter().zip(&after.viewers) {
                joins.extend(to.join.map(ms));
                if let Some(profile) = &to.profile {
                    *self.profiles.entry(profile.clone()).or_default() += 1;
                }
                self.transport_cc += usize::from(to.counts.transport_cc);
                if let Some(failure) = &to.failure {
                    self.failed += 1;
                    self.failures.push(failure.clone());
                    continue;
                }
                if !to.receives {
                    self.silent += 1;
                    continue;
                }
                self.receiving += 1;
                let (got, lost) = self.add_viewer(from, to);
                received += got;
                // A stream that stalls has no gaps: what must come is known from the source.
                let expected = source.map_or(0, |source| source.for_a_viewer);
                if (got as f64) < 0.9 * expected as f64 {
                    self.stalled += 1;
                }
                losses.push(lost as f64 / ((got + lost) as f64).max(1.0));
            }
        }
        self.failures.sort();
        self.failures.dedup();
        self.join_ms = Percentiles::of(joins.into_iter());
        self.loss = Percentiles::of(losses.into_iter());
        self.received_per_second = received as f64 / self.seconds;
    }

    fn add_viewer(&mut self, from: &ViewerReport, to: &ViewerReport) -> (u64, u64) {
        let (from, to) = (&from.counts, &to.counts);
        let received =
            |counts: &crate::viewer::ViewerCounts| counts.video.received + counts.audio.received;
        let lost = to.video.lost_since(&from.video) + to.audio.lost_since(&from.audio);
        self.lost += lost;
        self.nacked += to.nacked - from.nacked;
        self.recovered += to.recovered - from.recovered;
        self.rejected += to.rejected;
        self.bytes_per_second += (to.bytes - from.bytes) as f64 / self.seconds;
        (received(to) - received(from), lost)
    }
}
