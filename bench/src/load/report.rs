//! What a server did for its viewers, for people and as JSON.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::LoadPlan;
use crate::report::{Machine, Percentiles, number};

/// One measurement of a server. CPU is in microseconds a second, memory in bytes.
#[derive(Debug, Clone, Serialize)]
pub struct LoadReport {
    /// Where the viewers ran.
    pub machine: Machine,
    /// Viewers that tried.
    pub viewers: usize,
    /// Offers a second.
    pub ramp: f64,
    /// Measured time.
    pub seconds: f64,
    /// Viewers that received to the end.
    pub receiving: usize,
    /// Of those, viewers that got less than nine tenths of what was published.
    pub stalled: usize,
    /// Viewers that were connected and never got everything that was agreed.
    pub silent: usize,
    /// Viewers whose session ended or never came up.
    pub failed: usize,
    /// Viewers whose offer was refused.
    pub refused: usize,
    /// Why, each reason once.
    pub failures: Vec<String>,
    /// From the offer to the first media packet, in milliseconds; over viewers.
    pub join_ms: Option<Percentiles>,
    /// Share of packets that never came, over viewers.
    pub loss: Option<Percentiles>,
    /// Packets that never came, of all viewers.
    pub lost: u64,
    /// Packets asked for again, each time counted.
    pub nacked: u64,
    /// Packets that came by retransmission stream.
    pub recovered: u64,
    /// Packets that were not authentic.
    pub rejected: u64,
    /// Media packets that all viewers received.
    pub received_per_second: f64,
    /// Bytes of datagrams with RTP that all viewers received.
    pub bytes_per_second: f64,
    /// SRTP profiles, and how many viewers have each.
    pub profiles: BTreeMap<String, usize>,
    /// Viewers with whom feedback for congestion control was agreed.
    pub transport_cc: usize,
    /// What was published for one viewer, when it was published here.
    pub source_packets_per_second: Option<f64>,
    /// Frames of the source that were late.
    pub late_frames: u64,
    /// Delay of its latest frame.
    pub max_source_delay_ms: f64,
    /// CPU of the server, where its process or group was named.
    pub server_us_per_second: Option<f64>,
    /// CPU of the server before the viewers joined.
    pub idle_us_per_second: Option<f64>,
    /// CPU by name of thread.
    pub threads: Option<BTreeMap<String, f64>>,
    /// CPU of the server's child processes.
    pub children_us_per_second: f64,
    /// Memory before the viewers joined, and at the end.
    pub memory: Option<[u64; 2]>,
    /// Datagrams in a system call, where the server's metrics say it.
    pub packets_per_send: Option<f64>,
    /// CPU of the viewers' threads.
    pub generator_us_per_second: f64,
    /// Longest time that a thread of viewers did nothing.
    pub max_generator_pause_ms: f64,
}

impl LoadReport {
    pub(super) fn empty(plan: &LoadPlan, machine: Machine) -> Self {
        Self {
            machine,
            viewers: plan.viewers,
            ramp: plan.ramp,
            seconds: 0.0,
            receiving: 0,
            stalled: 0,
            silent: 0,
            failed: 0,
            refused: 0,
            failures: Vec::new(),
            join_ms: None,
            loss: None,
            lost: 0,
            nacked: 0,
            recovered: 0,
            rejected: 0,
            received_per_second: 0.0,
            bytes_per_second: 0.0,
            profiles: BTreeMap::new(),
            transport_cc: 0,
            source_packets_per_second: None,
            late_frames: 0,
            max_source_delay_ms: 0.0,
            server_us_per_second: None,
            idle_us_per_second: None,
            threads: None,
            children_us_per_second: 0.0,
            memory: None,
            packets_per_send: None,
            generator_us_per_second: 0.0,
            max_generator_pause_ms: 0.0,
        }
    }

    /// What makes the figures doubtful.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if self.late_frames > 0 {
            doubts.push(format!(
                "{} source frames were late, worst {:.0} ms",
                self.late_frames, self.max_source_delay_ms
            ));
        }
        for (count, what) in [
            (self.refused, "viewers were refused"),
            (self.failed, "viewers lost their session"),
            (self.silent, "viewers did not get everything"),
            (self.stalled, "viewers stalled"),
        ] {
            if count > 0 {
                doubts.push(format!("{count} {what}"));
            }
        }
        if self.rejected > 0 {
            doubts.push(format!("{} packets were not authentic", self.rejected));
        }
        doubts
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.receiving.max(1) as f64;
        writeln!(
            f,
            "{} of {} viewers received for {:.0} s; they joined at {} a second",
            self.receiving, self.viewers, self.seconds, self.ramp
        )?;
        writeln!(f, "{}\n", self.machine.line())?;
        let of = |p: Option<Percentiles>, scale: f64, digits| {
            let at = |value: fn(Percentiles) -> f64| number(p.map(|p| value(p) * scale), digits);
            format!(
                "p50 {}, p95 {}, p99 {}, max {}",
                at(|p| p.p50),
                at(|p| p.p95),
                at(|p| p.p99),
                at(|p| p.max)
            )
        };
        writeln!(f, "offer to first media   {} ms", of(self.join_ms, 1.0, 0))?;
        writeln!(f, "loss by viewer         {} %", of(self.loss, 100.0, 2))?;
        writeln!(
            f,
            "a viewer received      {:.1} packets and {:.0} kbit a second; {} were lost, {} asked for, {} resent",
            self.received_per_second / n,
            self.bytes_per_second * 8.0 / 1e3 / n,
            self.lost,
            self.nacked,
            self.recovered
        )?;
        for (profile, count) in &self.profiles {
            writeln!(f, "{count} viewers with {profile}")?;
        }
        writeln!(f, "{} viewers send congestion feedback", self.transport_cc)?;
        if let Some(server) = self.server_us_per_second {
            let idle = self.idle_us_per_second.unwrap_or(0.0);
            writeln!(
                f,
                "\nserver CPU             {:.0} µs a second for a viewer; {:.0} above the {idle:.0} without viewers",
                server / n,
                (server - idle) / n
            )?;
            let mut threads: Vec<_> = self.threads.iter().flatten().collect();
            threads.sort_by(|a, b| b.1.total_cmp(a.1));
            for (name, us) in threads.iter().take(5) {
                writeln!(f, "  {name:<18} {us:>9.0}")?;
            }
            if self.children_us_per_second > 0.0 {
                let children = self.children_us_per_second;
                writeln!(
                    f,
                    "  its children       {children:>9.0} (not counted above)"
                )?;
            }
        }
        if let Some([before, after]) = self.memory {
            writeln!(
                f,
                "memory                 {:.1} MB, then {:.1} MB: {:.0} KB a viewer",
                before as f64 / 1e6,
                after as f64 / 1e6,
                (after as f64 - before as f64) / 1e3 / n
            )?;
        }
        if let Some(packets) = self.packets_per_send {
            writeln!(f, "packets in a send      {packets:.1}")?;
        }
        writeln!(
            f,
            "viewers' own CPU       {:.0} µs a second each; longest pause {:.0} ms",
            self.generator_us_per_second / n,
            self.max_generator_pause_ms
        )?;
        for failure in self.failures.iter().take(5) {
            writeln!(f, "failed: {failure}")?;
        }
        for doubt in self.doubts() {
            writeln!(f, "DOUBTFUL: {doubt}")?;
        }
        Ok(())
    }
}
