//! One measurement of the media plane.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde::Serialize;

use super::FanoutPlan;
use crate::{
    cpu::{self, ProcessCpu},
    endpoint::Endpoint,
    host::{Host, HostSnapshot},
    publisher::{Publisher, Publishing},
    report::Percentiles,
    source::SourceReport,
    viewers::{Joining, ThreadReport, Viewers},
};

/// Thread names of the media plane.
const SHARD: &str = "sfu";

/// Frames at either end of a measurement that some viewers may not have yet, or had before.
const EDGE: usize = 5;

/// One measurement of the media plane. CPU is in microseconds a second, memory in bytes.
#[derive(Debug, Clone, Serialize)]
pub struct FanoutRun {
    /// How many.
    pub viewers: usize,
    /// Measured time.
    pub seconds: f64,
    /// CPU of the media plane's threads: everything that they do, audio, RTCP and timers too.
    pub server_us_per_second: f64,
    /// CPU of all threads of the process by name, the source among them.
    pub threads: BTreeMap<String, f64>,
    /// Share of that time that the kernel worked.
    pub kernel_share: f64,
    /// Share of the time that a thread of the media plane could have run and did not, since another
    /// program had the core. Delays are wrong then.
    pub server_waited: f64,
    /// CPU of the media plane's threads with no viewers, before they joined.
    pub idle_us_per_second: f64,
    /// Heap before the viewers joined, and at the end.
    pub heap: [u64; 2],
    /// Resident memory at the same moments.
    pub resident: [u64; 2],
    /// Heap allocations on the media plane's threads for each packet to each viewer.
    pub allocations_per_packet: f64,
    /// Datagrams to all viewers, as the server counts them.
    pub packets_out_per_second: f64,
    /// Datagrams in a system call.
    pub packets_per_send: f64,
    /// Bytes to all viewers.
    pub bytes_out_per_second: f64,
    /// Packets sent again.
    pub retransmissions: u64,
    /// Packets dropped in the server's queues.
    pub overflow_drops: u64,
    /// Packets that viewers did not get since the server thought that their paths do not carry them.
    pub viewer_drops: u64,
    /// Keyframes that the server asked for.
    pub keyframe_requests: u64,
    /// From the source's last packet of a frame until the last viewer's last packet of it was sent,
    /// in milliseconds; over frames.
    pub delay_ms: Option<Percentiles>,
    /// Frames of which not every viewer had the last packet.
    pub incomplete_frames: u64,
    /// From the offer to the first media packet, in milliseconds; over viewers.
    pub join_ms: Option<Percentiles>,
    /// Media packets that all viewers received.
    pub received_per_second: f64,
    /// Packets missing at viewers.
    pub lost: u64,
    /// Packets that viewers asked for again.
    pub nacked: u64,
    /// Frames at viewers that were not one frame after the one before.
    pub time_jumps: u64,
    /// Packets that were decrypted and found authentic.
    pub opened: u64,
    /// Packets that were not.
    pub rejected: u64,
    /// RTCP datagrams that one viewer sent in a second.
    pub rtcp_per_viewer_second: f64,
    /// Whether every viewer's packets were sealed with AES-GCM.
    pub aead: bool,
    /// SRTP profiles, and how many viewers have each.
    pub profiles: BTreeMap<String, usize>,
    /// Whether feedback for congestion control was agreed with all.
    pub transport_cc: bool,
    /// CPU of the viewers' threads.
    pub generator_us_per_second: f64,
    /// Longest time that a thread of viewers did nothing.
    pub max_generator_pause_ms: f64,
    /// What one viewer should receive.
    pub source_packets_per_second: f64,
    /// Frames of the source that were late.
    pub late_frames: u64,
    /// Delay of its latest frame.
    pub max_source_delay_ms: f64,
}

/// The stream's source.
enum Feeding {
    /// In the media plane's process.
    There,
    /// A WebRTC client in this one.
    Here(Publisher),
}

/// Everything that is counted, at one moment.
struct Snapshot {
    at: Instant,
    cpu: ProcessCpu,
    host: HostSnapshot,
    source: SourceReport,
}

/// A media plane of its own for each measurement, so that nothing is left of the one before.
pub(super) async fn run(plan: &FanoutPlan, viewers: usize) -> anyhow::Result<FanoutRun> {
    let host = Host::start(&plan.program, plan.shards)?;
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let endpoint = |publisher| Endpoint::Host {
        host: host.clone(),
        publisher,
    };
    let mut feeding = if plan.whip {
        let publishing = Publishing {
            layers: plan.layers,
            stamp: true,
            local,
        };
        Feeding::Here(Publisher::start(&endpoint(true), publishing).await?)
    } else {
        host.feed(plan.layers).await?;
        Feeding::There
    };
    tokio::time::sleep(plan.warm_up / 2).await;
    let quiet = snapshot(&host, &mut feeding).await?;
    tokio::time::sleep(plan.warm_up / 2).await;
    let empty = snapshot(&host, &mut feeding).await?;
    let empty_resident = cpu::resident(host.pid())?;
    let joining = Joining {
        viewers,
        ramp: plan.ramp,
        threads: plan.viewer_threads,
        local,
        feedback: plan.feedback,
        all: true,
    };
    let joined = Viewers::join(&endpoint(false), joining).await?;
    tokio::time::sleep(plan.settle).await;
    let before = snapshot(&host, &mut feeding).await?;
    let earlier = joined.report()?;
    tokio::time::sleep(plan.duration).await;
    let after = snapshot(&host, &mut feeding).await?;
    let later = joined.report()?;
    let resident = cpu::resident(host.pid())?;
    // Not one by one: the media plane ends with the run.
    drop(joined);
    if let Feeding::Here(publisher) = feeding {
        publisher.stop().await?;
    }
    host.stop().await?;
    let seconds = (after.at - before.at).as_secs_f64();
    let threads = per_second(&before, &after);
    let shards = |threads: &BTreeMap<String, f64>| threads.get(SHARD).copied().unwrap_or(0.0);
    let waited = after.cpu.waited_since(&before.cpu);
    let waited = waited.get(SHARD).map_or(0.0, Duration::as_secs_f64);
    let kernel = after.cpu.kernel_share(&before.cpu, SHARD);
    let (from, to) = (&before.host, &after.host);
    let packets_out = (to.packets_out - from.packets_out) as f64;
    let allocations = (to.shard_allocations - from.shard_allocations) as f64;
    let mut run = FanoutRun {
        viewers,
        seconds,
        server_us_per_second: shards(&threads),
        threads,
        kernel_share: kernel.unwrap_or(f64::NAN),
        server_waited: waited / seconds / plan.shards as f64,
        idle_us_per_second: shards(&per_second(&quiet, &empty)),
        heap: [empty.host.heap, after.host.heap],
        resident: [empty_resident, resident],
        allocations_per_packet: allocations,
        packets_out_per_second: packets_out / seconds,
        packets_per_send: packets_out / ((to.sends - from.sends) as f64).max(1.0),
        bytes_out_per_second: (to.bytes_out - from.bytes_out) as f64 / seconds,
        retransmissions: to.retransmissions - from.retransmissions,
        overflow_drops: to.overflow_drops - from.overflow_drops,
        viewer_drops: to.viewer_drops - from.viewer_drops,
        keyframe_requests: to.keyframe_requests - from.keyframe_requests,
        delay_ms: None,
        incomplete_frames: 0,
        join_ms: None,
        received_per_second: 0.0,
        lost: 0,
        nacked: 0,
        time_jumps: 0,
        opened: 0,
        rejected: 0,
        rtcp_per_viewer_second: 0.0,
        aead: true,
        profiles: BTreeMap::new(),
        transport_cc: true,
        generator_us_per_second: 0.0,
        max_generator_pause_ms: 0.0,
        source_packets_per_second: after.source.for_a_viewer as f64 / seconds,
        late_frames: after.source.late_frames,
        max_source_delay_ms: after.source.max_delay as f64 / 1e6,
    };
    run.add_delays(&after.source, &later);
    // With layers, the server may have its reasons to give a viewer less.
    let least = if plan.layers > 1 { 0.2 } else { 0.9 };
    let least = least * after.source.for_a_viewer as f64;
    run.add_viewers(least, &earlier, &later)?;
    let received = run.received_per_second * seconds;
    run.allocations_per_packet = allocations / received.max(1.0);
    Ok(run)
}

async fn snapshot(host: &Host, feeding: &mut Feeding) -> anyhow::Result<Snapshot> {
    let figures = host.snapshot().await?;
    let cpu = ProcessCpu::read(host.pid()).context("the media plane is gone")?;
    let at = Instant::now();
    let source = match feeding {
        Feeding::There => figures.source.clone(),
        Feeding::Here(publisher) => publisher.report()?,
    };
    Ok(Snapshot {
        at,
        cpu,
        host: figures,
        source,
    })
}

fn per_second(before: &Snapshot, after: &Snapshot) -> BTreeMap<String, f64> {
    let seconds = (after.at - before.at).as_secs_f64();
    let threads = after.cpu.since(&before.cpu).into_iter();
    threads
        .map(|(name, time)| (name, time.as_secs_f64() * 1e6 / seconds))
        .collect()
}

impl FanoutRun {
    fn add_delays(&mut self, source: &SourceReport, later: &[ThreadReport]) {
        let mut arrived: BTreeMap<u32, (u64, usize)> = BTreeMap::new();
        for (frame, (at, viewers)) in later.iter().flat_map(|thread| &thread.frames) {
            let (last, count) = arrived.entry(*frame).or_default();
            *last = (*last).max(*at);
            *count += viewers;
        }
        let mut delays = Vec::new();
        let inner = source.frames.len().saturating_sub(EDGE);
        for (frame, sent) in source.frames.iter().take(inner).skip(EDGE) {
            match arrived.get(frame) {
                Some((at, viewers)) if *viewers >= self.viewers => {
                    delays.push(at.saturating_sub(*sent) as f64 / 1e6);
                }
                Some(_) | None => self.incomplete_frames += 1,
            }
        }
        self.delay_ms = Percentiles::of(delays.into_iter());
    }

    fn add_viewers(
        &mut self,
        least: f64,
        earlier: &[ThreadReport],
        later: &[ThreadReport],
    ) -> anyhow::Result<()> {
        let (mut received, mut rtcp) = (0, 0);
        let mut joins = Vec::new();
        for (before, after) in earlier.iter().zip(later) {
            let time = after.cpu.saturating_sub(before.cpu);
            self.generator_us_per_second += time.as_secs_f64() * 1e6 / self.seconds;
            let pause = after.max_pause.as_secs_f64() * 1e3;
            self.max_generator_pause_ms = self.max_generator_pause_ms.max(pause);
            for (from, to) in before.viewers.iter().zip(&after.viewers) {
                if let Some(failure) = &to.failure {
                    bail!("a viewer failed: {failure}");
                }
                joins.extend(to.join.map(|join: Duration| join.as_secs_f64() * 1e3));
                let profile = to.profile.clone().unwrap_or_default();
                *self.profiles.entry(profile).or_default() += 1;
                let (from, to) = (&from.counts, &to.counts);
                let video = to.video.received - from.video.received;
                let audio = to.audio.received - from.audio.received;
                // A stream that stalls has no gaps: what must come is known from the source.
                if ((video + audio) as f64) < least {
                    bail!(
                        "a viewer received {video} video and {audio} audio packets, less than {least:.0}"
                    );
                }
                received += video + audio;
                rtcp += to.rtcp_sent - from.rtcp_sent;
                self.lost += to.video.lost_since(&from.video) + to.audio.lost_since(&from.audio);
                self.nacked += to.nacked - from.nacked;
                self.time_jumps += to.time_jumps - from.time_jumps;
                self.opened += to.opened;
                self.rejected += to.rejected;
                self.aead &= to.aead;
                self.transport_cc &= to.transport_cc;
            }
        }
        self.join_ms = Percentiles::of(joins.into_iter());
        self.received_per_second = received as f64 / self.seconds;
        self.rtcp_per_viewer_second = rtcp as f64 / self.seconds / self.viewers.max(1) as f64;
        Ok(())
    }
}
