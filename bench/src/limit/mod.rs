//! The limit: one thread that seals the same packets for each viewer and sends them, and does
//! nothing else. No ICE, no RTCP, no retransmission, no bookkeeping.

mod report;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use crate::{
    cpu,
    sockets::{BatchSocket, Buffers},
    source::{AUDIO_TICKS, AUDIO_TIME, FRAME_TICKS, FRAME_TIME, Source},
    srtp::{HEADER, Header, Sealer, TAG},
};

pub use report::{LimitReport, LimitRow, LimitRun};

/// What is measured.
#[derive(Debug, Clone)]
pub struct LimitPlan {
    /// Numbers of receiving sockets.
    pub viewers: Vec<usize>,
    /// Measured time of a run.
    pub duration: Duration,
    /// How often everything is measured; medians are reported.
    pub repeats: usize,
}

impl LimitPlan {
    /// The measurement.
    pub fn full() -> Self {
        Self {
            viewers: vec![50, 500, 1_000],
            duration: Duration::from_secs(6),
            repeats: 3,
        }
    }

    /// Seconds instead of minutes: whether it works.
    pub fn smoke() -> Self {
        Self {
            viewers: vec![3],
            duration: Duration::from_secs(1),
            repeats: 1,
        }
    }
}

/// Measures the limit. `progress` gets a line for each step.
///
/// # Errors
/// Those of sockets and threads.
pub fn limit(plan: &LimitPlan, progress: &dyn Fn(&str)) -> anyhow::Result<LimitReport> {
    let source = Source::new();
    let mut runs = Vec::new();
    for repeat in 1..=plan.repeats {
        for &viewers in &plan.viewers {
            progress(&format!("{repeat}/{}: {viewers} sockets", plan.repeats));
            for sending in [Sending::Gso, Sending::Single] {
                runs.push(measure(&source, viewers, plan.duration, sending)?);
            }
        }
    }
    Ok(LimitReport::new(plan, &source, runs))
}

pub(crate) fn measure(
    source: &Source,
    viewers: usize,
    duration: Duration,
    sending: Sending,
) -> anyhow::Result<LimitRun> {
    let cost = run(source, viewers, duration, sending)?;
    Ok(LimitRun::new(viewers, sending, cost))
}

/// Payload types and sources; any will do.
const VIDEO: (u8, u32) = (96, 0x5745_4952);
const AUDIO: (u8, u32) = (111, 0x5745_4953);

/// How often the receivers are emptied. They are polled, as viewers are.
const TICK: Duration = Duration::from_millis(10);

/// Most bytes in one GSO send: an IPv4 datagram's length has 16 bits.
const MAX_SEND: usize = 65_000;

/// How packets are given to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    /// A frame's packets in one GSO send.
    Gso,
    /// One `sendto` for each packet.
    Single,
}

/// What it cost.
#[derive(Debug, Clone, Copy)]
struct RawCost {
    /// CPU time of the sending thread.
    pub cpu: Duration,
    /// Packets sealed and sent.
    pub packets: u64,
    /// System calls that sent them.
    pub sends: u64,
    /// Datagrams that arrived at the receivers.
    pub arrived: u64,
    /// Time of the media that was sent.
    pub media: Duration,
}

struct Client {
    sealer: Sealer,
    address: SocketAddr,
    video: u32,
    audio: u32,
}

/// Sends `duration` of the source to `clients` sockets, in real time, so that caches are as cold
/// as they are in a server.
fn run(
    source: &Source,
    clients: usize,
    duration: Duration,
    sending: Sending,
) -> anyhow::Result<RawCost> {
    let sockets = (0..clients)
        .map(|_| BatchSocket::bind())
        .collect::<Result<Vec<_>, _>>()?;
    let targets: Vec<SocketAddr> = sockets.iter().map(BatchSocket::address).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let arrived = Arc::new(AtomicU64::new(0));
    let receiver = thread::Builder::new()
        .name("raw-receiver".to_owned())
        .spawn({
            let (stop, arrived) = (stop.clone(), arrived.clone());
            move || receive(&sockets, &stop, &arrived)
        })?;
    let sent = thread::scope(|scope| {
        thread::Builder::new()
            .name("raw-sender".to_owned())
            .spawn_scoped(scope, || send(source, &targets, duration, sending))?
            .join()
            .ok()
            .context("the sender panicked")?
    });
    // What was sent on loopback waits in the receivers' buffers already; two rounds take it.
    thread::sleep(2 * TICK);
    stop.store(true, Ordering::Relaxed);
    match receiver.join() {
        Ok(received) => received?,
        Err(_) => bail!("the receiver panicked"),
    }
    let mut cost = sent?;
    cost.arrived = arrived.load(Ordering::Relaxed);
    Ok(cost)
}

fn receive(sockets: &[BatchSocket], stop: &AtomicBool, arrived: &AtomicU64) -> anyhow::Result<()> {
    let mut buffers = Buffers::default();
    loop {
        let last = stop.load(Ordering::Relaxed);
        let round = Instant::now();
        let mut count = 0;
        for socket in sockets {
            socket.receive(&mut buffers, |_, _| {
                count += 1;
                Ok(())
            })?;
        }
        arrived.fetch_add(count, Ordering::Relaxed);
        if last {
            return Ok(());
        }
        thread::sleep((round + TICK).saturating_duration_since(Instant::now()));
    }
}

fn send(
    source: &Source,
    targets: &[SocketAddr],
    duration: Duration,
    sending: Sending,
) -> anyhow::Result<RawCost> {
    let socket = BatchSocket::bind()?;
    let mut clients = targets
        .iter()
        .enumerate()
        .map(|(number, address)| {
            let mut key = [0x57; 16];
            key[..8].copy_from_slice(&(number as u64).to_be_bytes());
            Ok(Client {
                sealer: Sealer::new(key, [0x45; 12])?,
                address: *address,
                video: 1000,
                audio: 1000,
            })
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut out = Out {
        socket,
        sending,
        buffer: Vec::with_capacity(MAX_SEND),
        segment: 0,
        packets: 0,
        sends: 0,
    };
    let audio = std::slice::from_ref(source.audio());
    let from = cpu::of_this_thread();
    let start = Instant::now();
    let (mut frame, mut audio_packet) = (0_u32, 0_u32);
    loop {
        let video_due = FRAME_TIME * frame;
        let audio_due = AUDIO_TIME * audio_packet;
        let due = video_due.min(audio_due);
        if due >= duration {
            break;
        }
        thread::sleep((start + due).saturating_duration_since(Instant::now()));
        if video_due <= audio_due {
            let payloads = &source.frames()[frame as usize % source.frames().len()];
            let time = frame.wrapping_mul(FRAME_TICKS);
            for client in &mut clients {
                let to = (client.address, &client.sealer);
                out.frame(to, VIDEO, time, &mut client.video, payloads, true)?;
            }
            frame += 1;
        } else {
            let time = audio_packet.wrapping_mul(AUDIO_TICKS);
            for client in &mut clients {
                let to = (client.address, &client.sealer);
                out.frame(to, AUDIO, time, &mut client.audio, audio, false)?;
            }
            audio_packet += 1;
        }
    }
    Ok(RawCost {
        cpu: cpu::of_this_thread() - from,
        packets: out.packets,
        sends: out.sends,
        arrived: 0,
        media: duration,
    })
}

/// The way to the kernel.
struct Out {
    socket: BatchSocket,
    sending: Sending,
    /// Sealed packets that wait: all of `segment` bytes but the last one.
    buffer: Vec<u8>,
    segment: usize,
    packets: u64,
    sends: u64,
}

impl Out {
    fn frame(
        &mut self,
        (address, sealer): (SocketAddr, &Sealer),
        (payload_type, ssrc): (u8, u32),
        timestamp: u32,
        index: &mut u32,
        payloads: &[Arc<[u8]>],
        video: bool,
    ) -> anyhow::Result<()> {
        for (number, payload) in payloads.iter().enumerate() {
            let size = HEADER + payload.len() + TAG;
            let waiting = self.buffer.len() / self.segment.max(1);
            let fits = self.sending == Sending::Gso
                && size <= self.segment
                && self.buffer.len().is_multiple_of(self.segment)
                && self.buffer.len() + size <= MAX_SEND
                && waiting < self.socket.max_segments();
            if !fits {
                self.flush(address)?;
                self.segment = size;
            }
            let header = Header {
                marker: video && number + 1 == payloads.len(),
                payload_type,
                index: *index,
                timestamp,
                ssrc,
            };
            sealer.seal(header, payload, &mut self.buffer)?;
            *index += 1;
            self.packets += 1;
        }
        self.flush(address)
    }

    fn flush(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let sent = match self.sending {
            Sending::Gso => self.socket.send(&self.buffer, self.segment, address)?,
            Sending::Single => self.socket.send_plain(&self.buffer, address)?,
        };
        if !sent {
            bail!("the send buffer is full: the figures would be too low");
        }
        self.sends += 1;
        self.buffer.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn both_ways_deliver_every_packet() {
        let source = Source::new();
        let half = Duration::from_millis(500);
        let gso = run(&source, 3, half, Sending::Gso).unwrap();
        let single = run(&source, 3, half, Sending::Single).unwrap();
        assert_eq!(gso.packets, single.packets);
        assert_eq!(gso.arrived, gso.packets);
        assert_eq!(single.arrived, single.packets);
        assert_eq!(single.sends, single.packets);
        assert!(gso.sends * 4 < gso.packets, "{gso:?}");
    }
}
