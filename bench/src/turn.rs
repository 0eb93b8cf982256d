//! What relaying costs: the embedded TURN server beside coturn, with the same clients and the same media.
//!
//! A sender gives each client's frames to the relay: to ours in the process, as the media plane does, to
//! coturn by UDP from a socket, as it has to be. Both are counted with and without that sender.

mod client;

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde::Serialize;
use weir_turn::{Media, Turn, server::ServerConfig};

use crate::{
    cpu::{self, ProcessCpu},
    report::{self, Machine, median},
    server::free_port,
    sockets::{BatchSocket, Buffers},
};
use client::Client;

/// The secret of both servers.
const SECRET: &str = "benchmark";

/// Octets of a datagram of media: SRTP as the media plane sends it.
const DATAGRAM: usize = 1_150;

/// Pictures a second.
const FRAMES: u64 = 30;

/// Time for coturn to start.
const START: Duration = Duration::from_secs(10);

/// What is measured.
#[derive(Debug, Clone)]
pub struct TurnPlan {
    /// Clients that receive at once.
    pub clients: usize,
    /// Kilobits a second that each receives.
    pub kbps: u64,
    /// Measured time of a run.
    pub duration: Duration,
    /// How often everything is measured; medians are reported.
    pub repeats: usize,
    /// coturn's program; none: ours alone.
    pub coturn: Option<PathBuf>,
}

/// One run.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct TurnRun {
    /// Megabits a second that arrived, without what relaying adds.
    pub mbps: f64,
    /// Share of what was sent that arrived.
    pub arrived: f64,
    /// Microseconds of the relay's CPU time for each megabit.
    pub relay_us: f64,
    /// The same with the sender's.
    pub all_us: f64,
}

/// Ours and coturn's.
#[derive(Debug, Clone, Serialize)]
pub struct TurnReport {
    /// Where.
    pub machine: Machine,
    /// Clients and kilobits a second of each.
    pub load: (usize, u64),
    /// Runs of the embedded server.
    pub embedded: Vec<TurnRun>,
    /// Runs of coturn.
    pub coturn: Vec<TurnRun>,
}

/// Measures both, run after run. `progress` gets a line for each.
///
/// # Errors
/// When a server does not start or refuses the clients.
pub fn turn(plan: &TurnPlan, progress: &dyn Fn(&str)) -> anyhow::Result<TurnReport> {
    let (mut embedded, mut coturn) = (Vec::new(), Vec::new());
    for repeat in 1..=plan.repeats {
        progress(&format!("embedded, run {repeat}"));
        embedded.push(of_embedded(plan)?);
        if let Some(program) = &plan.coturn {
            progress(&format!("coturn, run {repeat}"));
            coturn.push(of_coturn(plan, program)?);
        }
    }
    Ok(TurnReport {
        machine: Machine::here(),
        load: (plan.clients, plan.kbps),
        embedded,
        coturn,
    })
}

/// Nobody: media goes one way here.
struct Deaf;

impl Media for Deaf {
    fn deliver(&mut self, _: SocketAddr, _: SocketAddr, _: Instant, _: &[u8]) {}
    fn closed(&mut self, _: SocketAddr) {}
    fn tick(&mut self) {}
}

fn of_embedded(plan: &TurnPlan) -> anyhow::Result<TurnRun> {
    let media: SocketAddr = (Ipv4Addr::LOCALHOST, free_port()?).into();
    let mut config = ServerConfig::new(SECRET.into(), [7; 32]);
    config.bandwidth = u64::MAX / 16;
    config.max_per_address = u32::MAX;
    let turn = Turn::start((Ipv4Addr::LOCALHOST, 0).into(), config, vec![media], Deaf)?;
    let relay = || Ok(thread_time(std::process::id(), "turn")?);
    let run = run(plan, turn.address(), media, relay, |client, frame| {
        turn.send(client.relayed, media, frame, DATAGRAM)
    });
    turn.stop();
    run
}

fn of_coturn(plan: &TurnPlan, program: &PathBuf) -> anyhow::Result<TurnRun> {
    let socket = BatchSocket::bind()?;
    let coturn = Coturn::start(program)?;
    let pid = coturn.child.id();
    let relay = || {
        let cpu = ProcessCpu::read(pid)?;
        Ok(cpu.since(&ProcessCpu::default()).values().sum())
    };
    run(
        plan,
        coturn.address,
        socket.address(),
        relay,
        |client, frame| {
            socket
                .send(frame, DATAGRAM, client.relayed)
                .unwrap_or(false)
        },
    )
}

struct Coturn {
    child: Child,
    address: SocketAddr,
}

impl Coturn {
    fn start(program: &PathBuf) -> anyhow::Result<Self> {
        let port = free_port()?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let arguments = [
            "-n",
            "--listening-ip=127.0.0.1",
            "--relay-ip=127.0.0.1",
            "--use-auth-secret",
            "--static-auth-secret=benchmark",
            "--realm=weir",
            "--allow-loopback-peers",
            "--no-tls",
            "--no-dtls",
            "--no-cli",
            "--relay-threads=1",
            "--pidfile=/dev/null",
            "--log-file=/dev/null",
            "--no-stdout-log",
        ];
        let child = Command::new(program)
            .args(arguments)
            .arg(format!("--listening-port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut coturn = Self { child, address };
        let until = Instant::now() + START;
        // It listens on TCP as well, which can be tried.
        while std::net::TcpStream::connect(address).is_err() {
            if Instant::now() > until || coturn.child.try_wait()?.is_some() {
                bail!("coturn does not listen");
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(coturn)
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU time of the threads of a name.
fn thread_time(pid: u32, name: &str) -> std::io::Result<Duration> {
    let cpu = ProcessCpu::read(pid)?;
    let threads = cpu.since(&ProcessCpu::default());
    Ok(threads.get(name).copied().unwrap_or_default())
}

/// Sends frames to all clients by way of a relay, and counts what arrives.
fn run(
    plan: &TurnPlan,
    server: SocketAddr,
    peer: SocketAddr,
    relay: impl Fn() -> anyhow::Result<Duration>,
    send: impl Fn(&Client, &[u8]) -> bool + Sync,
) -> anyhow::Result<TurnRun> {
    let clients: Vec<Client> = (0..plan.clients)
        .map(|number| Client::new(server, SECRET, number, peer))
        .collect::<Result<_, _>>()?;
    let octets = Arc::new(AtomicU64::new(0));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let receiver = scope.spawn(|| receive(&clients, &octets, &stop));
        let before = (relay()?, octets.load(Ordering::Relaxed));
        let started = Instant::now();
        let (sent, sender) = send_frames(plan, &clients, &send);
        let time = started.elapsed();
        // What is on its way arrives.
        thread::sleep(Duration::from_millis(200));
        let relayed = relay()?.saturating_sub(before.0);
        let arrived = octets.load(Ordering::Relaxed) - before.1;
        stop.store(true, Ordering::Relaxed);
        receiver
            .join()
            .map_err(|_| anyhow::anyhow!("the receiver panicked"))??;
        let megabits = arrived as f64 * 8.0 / 1e6;
        if megabits == 0.0 {
            bail!("nothing arrived");
        }
        let us = |time: Duration| time.as_secs_f64() * 1e6 / megabits;
        Ok(TurnRun {
            mbps: megabits / time.as_secs_f64(),
            arrived: arrived as f64 / sent as f64,
            relay_us: us(relayed),
            all_us: us(relayed + sender),
        })
    })
}

/// Octets sent, and the CPU time of that.
fn send_frames(
    plan: &TurnPlan,
    clients: &[Client],
    send: &impl Fn(&Client, &[u8]) -> bool,
) -> (u64, Duration) {
    let frame = vec![0x90; (plan.kbps * 1_000 / 8 / FRAMES) as usize];
    let before = cpu::of_this_thread();
    let frames = plan.duration.as_secs() * FRAMES;
    let start = Instant::now();
    let mut sent = 0;
    for number in 0..frames {
        for client in clients {
            send(client, &frame);
            sent += frame.len() as u64;
        }
        let next = Duration::from_secs(1) * (number as u32 + 1) / FRAMES as u32;
        thread::sleep((start + next).saturating_duration_since(Instant::now()));
    }
    (sent, cpu::of_this_thread() - before)
}

fn receive(clients: &[Client], octets: &AtomicU64, stop: &AtomicBool) -> anyhow::Result<()> {
    let mut buffers = Buffers::default();
    while !stop.load(Ordering::Relaxed) {
        for client in clients {
            let mut came = 0;
            client.socket.receive(&mut buffers, |_, bytes| {
                // ChannelData, less its header and padding.
                if let [0x40, 0, l0, l1, ..] = bytes {
                    came += u64::from(u16::from_be_bytes([*l0, *l1]));
                }
                Ok(())
            })?;
            octets.fetch_add(came, Ordering::Relaxed);
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

impl fmt::Display for TurnReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.machine.line())?;
        let (clients, kbps) = self.load;
        writeln!(f, "{clients} clients, {kbps} kbit/s each\n")?;
        let row = |name: &str, runs: &[TurnRun]| {
            let of = |figure: fn(&TurnRun) -> f64, digits| {
                report::number(median(runs.iter().map(figure)), digits)
            };
            vec![
                name.to_owned(),
                of(|run| run.mbps, 1),
                of(|run| run.arrived * 100.0, 2),
                of(|run| run.relay_us, 1),
                of(|run| run.all_us, 1),
            ]
        };
        let rows = [row("embedded", &self.embedded), row("coturn", &self.coturn)];
        let head = [
            "relay",
            "Mbit/s",
            "arrived %",
            "relay us/Mbit",
            "with sender us/Mbit",
        ];
        report::table(f, &head, &rows)
    }
}
