//! What one more viewer costs the server.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use reqwest::Client;

use crate::{
    cpu::{self, ProcessCpu},
    http::Metrics,
    publisher::{LATE, Publisher, PublisherReport},
    raw::{self, Sending},
    report::{Floor, Report, Run},
    server::Server,
    source::Source,
    viewers::{ThreadReport, Viewers},
};

/// How often a run is made again because the source was late.
const ATTEMPTS: usize = 5;

/// Time for the server to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// What is measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Numbers of viewers. Zero viewers, what a stream costs by itself, is always measured too.
    pub viewers: Vec<usize>,
    /// Measured time of a run.
    pub duration: Duration,
    /// Time between the last viewer's start and the measurement.
    pub settle: Duration,
    /// Measured time of a run of the floor.
    pub raw_duration: Duration,
    /// How often everything is measured; medians are reported.
    pub repeats: usize,
    /// Threads of the load generator.
    pub generator_threads: usize,
    /// Take a run whose source was late, with a warning in the report. For checks that the
    /// benchmark works, on machines that do something else; its figures are worth nothing.
    pub allow_late: bool,
}

impl Plan {
    /// The measurement: 1, 50 and 200 viewers, three times 20 s.
    pub fn full() -> Self {
        Self {
            viewers: vec![1, 50, 200],
            duration: Duration::from_secs(20),
            settle: Duration::from_secs(3),
            raw_duration: Duration::from_secs(6),
            repeats: 3,
            generator_threads: 2,
            allow_late: false,
        }
    }

    /// Seconds instead of minutes: whether everything works.
    pub fn smoke() -> Self {
        Self {
            viewers: vec![3],
            duration: Duration::from_secs(2),
            settle: Duration::from_millis(200),
            raw_duration: Duration::from_secs(1),
            repeats: 1,
            generator_threads: 1,
            allow_late: true,
        }
    }
}

/// Measures the program at `weir`. `progress` gets a line for each step.
///
/// # Errors
/// When a part of it fails, a viewer loses its session, or the source stays late.
pub async fn fanout(weir: &Path, plan: &Plan, progress: &dyn Fn(&str)) -> anyhow::Result<Report> {
    let source = Arc::new(Source::new());
    let client = Client::new();
    progress("starting the server and the publisher");
    let mut server = Server::start(weir).await?;
    let access = server.create_stream("bench")?;
    let publisher =
        Publisher::start(&client, &access.whip_url, &access.key, source.clone()).await?;
    let mut bench = Bench {
        plan,
        client,
        whep: access.whep_url,
        pid: server.pid(),
        url: server.url(),
        publisher,
        progress,
    };
    let mut runs = Vec::new();
    let mut floors = Vec::new();
    for repeat in 1..=plan.repeats {
        for &viewers in [0].iter().chain(&plan.viewers) {
            progress(&format!(
                "{repeat}/{}: {viewers} viewers, {:?}",
                plan.repeats, plan.duration
            ));
            runs.push(bench.run(viewers).await?);
            if viewers > 0 {
                floors.extend(measure_floor(&source, viewers, plan)?);
            }
        }
    }
    bench.publisher.stop().await?;
    let status = server.terminate(STOP_TIMEOUT).await?;
    if !status.success() {
        bail!("the server ended with {status}");
    }
    Ok(Report::new(plan, &source, runs, floors))
}

/// Measures the floor alone.
///
/// # Errors
/// Those of sockets and threads.
pub fn floor(plan: &Plan, progress: &dyn Fn(&str)) -> anyhow::Result<Report> {
    let source = Source::new();
    let mut floors = Vec::new();
    for repeat in 1..=plan.repeats {
        for &viewers in &plan.viewers {
            progress(&format!("{repeat}/{}: {viewers} sockets", plan.repeats));
            floors.extend(measure_floor(&source, viewers, plan)?);
        }
    }
    Ok(Report::new(plan, &source, Vec::new(), floors))
}

fn measure_floor(source: &Source, viewers: usize, plan: &Plan) -> anyhow::Result<[Floor; 2]> {
    let measure = |sending| {
        let cost = raw::run(source, viewers, plan.raw_duration, sending)?;
        Ok::<_, anyhow::Error>(Floor::new(viewers, sending, cost))
    };
    Ok([measure(Sending::Gso)?, measure(Sending::Single)?])
}

struct Bench<'a> {
    plan: &'a Plan,
    client: Client,
    whep: String,
    pid: u32,
    url: String,
    publisher: Publisher,
    progress: &'a dyn Fn(&str),
}

/// Everything that is counted, at one moment.
struct Snapshot {
    at: Instant,
    server: ProcessCpu,
    workers: BTreeMap<u32, ProcessCpu>,
    metrics: Metrics,
    publisher: PublisherReport,
    generator: Vec<ThreadReport>,
}

impl Bench<'_> {
    /// One measurement, again when the source was late.
    async fn run(&mut self, viewers: usize) -> anyhow::Result<Run> {
        for _ in 0..ATTEMPTS {
            let run = self.attempt(viewers).await?;
            if run.late_frames == 0 || self.plan.allow_late {
                return Ok(run);
            }
            (self.progress)(&format!(
                "thrown away: {} frames of the source were later than {LATE:?} (worst {:.0} ms)",
                run.late_frames, run.max_source_delay_ms
            ));
        }
        bail!("the source was late in {ATTEMPTS} runs: the machine is too busy to measure on")
    }

    async fn attempt(&mut self, viewers: usize) -> anyhow::Result<Run> {
        let plan = self.plan;
        let joined = Viewers::join(
            &self.client,
            &self.whep,
            viewers,
            plan.generator_threads.min(viewers),
        )
        .await?;
        tokio::time::sleep(plan.settle).await;
        let before = self.snapshot(&joined).await?;
        tokio::time::sleep(plan.duration).await;
        let after = self.snapshot(&joined).await?;
        joined.leave().await?;
        self.evaluate(viewers, &before, &after)
    }

    async fn snapshot(&mut self, viewers: &Viewers) -> anyhow::Result<Snapshot> {
        // The cost of this request is a part of what is measured, with or without viewers.
        let metrics = Metrics::read(&self.client, &self.url).await?;
        let generator = viewers.report()?;
        let publisher = self.publisher.report()?;
        let children = cpu::children(self.pid).into_iter();
        let workers = children.filter_map(|pid| Some((pid, ProcessCpu::read(pid).ok()?)));
        Ok(Snapshot {
            at: Instant::now(),
            server: ProcessCpu::read(self.pid).context("the server is gone")?,
            workers: workers.collect(),
            metrics,
            publisher,
            generator,
        })
    }

    fn evaluate(&self, viewers: usize, before: &Snapshot, after: &Snapshot) -> anyhow::Result<Run> {
        let seconds = (after.at - before.at).as_secs_f64();
        let per_second = |time: Duration| time.as_secs_f64() * 1e6 / seconds;
        let threads: BTreeMap<String, f64> = after
            .server
            .since(&before.server)
            .into_iter()
            .map(|(name, time)| (name, per_second(time)))
            .collect();
        let workers = after.workers.iter().map(|(pid, cpu)| {
            let earlier = before.workers.get(pid).cloned().unwrap_or_default();
            cpu.since(&earlier).into_values().sum::<Duration>()
        });
        let workers_us = per_second(workers.sum());
        let growth = |name| after.metrics.growth(&before.metrics, name);
        let packets_out = growth("weir_packets_total{direction=\"out\"}")?;
        let sends = growth("weir_sends_total")?;
        let mut run = Run {
            viewers,
            seconds,
            server_us_per_second: threads.values().sum(),
            threads,
            workers_us_per_second: workers_us,
            packets_out_per_second: packets_out / seconds,
            packets_per_send: packets_out / sends.max(1.0),
            bytes_out_per_second: growth("weir_bytes_total{direction=\"out\"}")? / seconds,
            retransmissions: growth("weir_retransmissions_total")? as u64,
            overflow_drops: growth("weir_overflow_drops_total")? as u64,
            received_per_second: 0.0,
            lost: 0,
            time_jumps: 0,
            aead: viewers > 0,
            generator_us_per_second: 0.0,
            max_generator_pause_ms: 0.0,
            source_packets_per_second: after.publisher.packets as f64 / seconds,
            late_frames: after.publisher.late_frames,
            max_source_delay_ms: after.publisher.max_delay.as_secs_f64() * 1e3,
            keyframe_requests: after.publisher.keyframe_requests,
        };
        let mut received = 0;
        for (earlier, later) in before.generator.iter().zip(&after.generator) {
            run.generator_us_per_second += per_second(later.cpu - earlier.cpu);
            let pause = later.max_pause.as_secs_f64() * 1e3;
            run.max_generator_pause_ms = run.max_generator_pause_ms.max(pause);
            for (from, to) in earlier.viewers.iter().zip(&later.viewers) {
                let video = to.video.received - from.video.received;
                let audio = to.audio.received - from.audio.received;
                // A stream that stalls has no gaps: what must come is known from the source.
                if ((video + audio) as f64) < 0.9 * after.publisher.packets as f64 {
                    bail!(
                        "a viewer received {video} video and {audio} audio packets of {}",
                        after.publisher.packets
                    );
                }
                received += video + audio;
                run.lost += to.video.lost_since(&from.video) + to.audio.lost_since(&from.audio);
                run.time_jumps += to.time_jumps - from.time_jumps;
                run.aead &= to.aead;
            }
        }
        run.received_per_second = received as f64 / seconds;
        Ok(run)
    }
}
