//! One worker that does a ladder.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use weir_bridge::{
    config::{Ladder, WorkerConfig},
    link::{
        Frames,
        message::{FromWorker, ToWorker},
    },
};
use weir_media::{Demand, Kind, MediaTime, RtpLayer};
use weir_protocol::finding::FindingCode;

use super::{SUBCOMMAND, flv, usage};

/// What a worker did.
#[derive(Debug)]
pub(super) struct Run {
    /// CPU time of the whole process.
    pub cpu: Duration,
    /// From its first picture to its last.
    pub lasted: Duration,
    pub layers: Vec<RtpLayer>,
    /// Of each layer's pictures: from the push of the last unit that it needs to its last packet.
    pub delays: Vec<Vec<f64>>,
    /// Bytes of each layer.
    pub bytes: Vec<u64>,
    /// It said that it could not keep up.
    pub overloaded: bool,
}

/// Body of the hidden subcommand.
///
/// # Errors
/// When standard input is no link, or GStreamer does not start.
pub fn host() -> anyhow::Result<()> {
    weir_bridge::worker::run()
}

type Sent = Arc<Mutex<BTreeMap<MediaTime, Instant>>>;

/// Runs a worker over a file, with this demand from the beginning on.
pub(super) fn run(program: &Path, file: &Path, demand: Demand, pace: f64) -> anyhow::Result<Run> {
    let units = flv::read(file)?;
    let (mut link, theirs) = UnixStream::pair()?;
    let child = Command::new(program)
        .arg(SUBCOMMAND)
        .env("RUST_LOG", "warn")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .spawn()
        .context("cannot start a worker")?;
    let sent = Sent::default();
    let reader = {
        let (link, sent) = (link.try_clone()?, sent.clone());
        std::thread::spawn(move || read(link, &sent))
    };
    let config = WorkerConfig {
        ladder: Ladder::default(),
        thumbnails: None,
    };
    for message in [
        ToWorker::Hello,
        ToWorker::Config(config),
        ToWorker::Demand(demand),
    ] {
        put(&mut link, &message)?;
    }
    let mut start = None;
    for message in units {
        if let ToWorker::Unit { unit, .. } = &message {
            let start = *start.get_or_insert_with(Instant::now);
            let due = start + Duration::from_nanos(unit.dts).div_f64(pace);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
            sent.insert(unit.pts, Instant::now());
        }
        put(&mut link, &message)?;
    }
    let lasted = start.map_or(Duration::ZERO, |start| start.elapsed());
    put(&mut link, &ToWorker::End)?;
    let cpu = usage::wait(child).context("the worker failed")?;
    let Ok(output) = reader.join() else {
        bail!("the worker's output could not be read")
    };
    let mut run = output?;
    run.cpu = cpu;
    run.lasted = lasted;
    Ok(run)
}

fn put(link: &mut UnixStream, message: &ToWorker) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes)?;
    link.write_all(&bytes).context("the worker takes no more")
}

fn read(mut link: UnixStream, sent: &Mutex<BTreeMap<MediaTime, Instant>>) -> anyhow::Result<Run> {
    let mut frames = Frames::default();
    let mut buffer = vec![0; 256 << 10];
    let mut arrived: BTreeMap<(usize, MediaTime), Instant> = BTreeMap::new();
    let mut bytes: BTreeMap<usize, u64> = BTreeMap::new();
    let (mut layers, mut overloaded) = (Vec::new(), false);
    loop {
        match link.read(&mut buffer)? {
            0 => break,
            count => frames.space().extend_from_slice(&buffer[..count]),
        }
        while let Some((kind, body)) = frames.next_frame()? {
            match FromWorker::decode(kind, body)? {
                FromWorker::RtpStart { layers: these, .. } => layers = these,
                FromWorker::Rtp(packet) if packet.kind == Kind::Video => {
                    let layer = usize::from(packet.layer);
                    arrived.insert((layer, packet.time), Instant::now());
                    *bytes.entry(layer).or_default() += packet.packet.len() as u64;
                }
                // What else is found is about the source, which is as it is meant to be.
                FromWorker::Finding(report) => overloaded |= report.code == FindingCode::Overload,
                _ => {}
            }
        }
    }
    let sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
    // A picture that is shown before others that were sent before it waits for nobody; one that others
    // refer to came before them. So what it needs is all with an earlier time.
    let mut needed = BTreeMap::new();
    let mut latest: Option<Instant> = None;
    for (time, at) in sent.iter() {
        let at = latest.map_or(*at, |latest| latest.max(*at));
        latest = Some(at);
        needed.insert(*time, at);
    }
    let mut delays = vec![Vec::new(); layers.len()];
    for ((layer, time), at) in arrived {
        if let (Some(delays), Some(sent)) = (delays.get_mut(layer), needed.get(&time)) {
            delays.push(at.saturating_duration_since(*sent).as_secs_f64() * 1e3);
        }
    }
    Ok(Run {
        cpu: Duration::ZERO,
        lasted: Duration::ZERO,
        bytes: (0..layers.len())
            .map(|layer| bytes.get(&layer).copied().unwrap_or(0))
            .collect(),
        layers,
        delays,
        overloaded,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use weir_protocol::finding::{FindingReport, Severity};

    use super::*;

    #[test]
    fn a_worker_is_overloaded_that_says_so_and_not_by_what_it_finds_in_the_source() {
        let overloaded_by = |code| {
            let (mut worker, link) = UnixStream::pair().unwrap();
            let report = FindingReport {
                code,
                severity: Severity::Warning,
                active: true,
                values: BTreeMap::new(),
                words: BTreeMap::new(),
                repaired: false,
            };
            let mut bytes = Vec::new();
            FromWorker::Finding(report).encode(&mut bytes).unwrap();
            worker.write_all(&bytes).unwrap();
            drop(worker);
            read(link, &Mutex::default()).unwrap().overloaded
        };
        assert!(overloaded_by(FindingCode::Overload));
        assert!(!overloaded_by(FindingCode::AudioMissing));
    }
}
