//! Many clients in one room of the real program.

use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};
use weir_protocol::room::{ClientMessage, Join, SendMessage, ServerMessage};

use super::client::Client;
use crate::{
    Machine, Percentiles,
    clock::unix_nanos,
    cpu::{self, ProcessCpu},
    report::{number, table},
    server::Server,
};

/// Who says the messages, each its share.
const SENDERS: usize = 10;

/// Connections that are opened at the same time.
const OPENING: usize = 64;

/// After the last message, how long it may take to arrive.
const DRAIN: Duration = Duration::from_secs(5);

/// What idle clients are looked at after.
const SETTLE: Duration = Duration::from_secs(3);

/// Stands before the time in a message.
const MARK: &str = "\"text\":\"at ";

/// What is measured.
#[derive(Debug, Clone)]
pub struct RoomsPlan {
    /// The program.
    pub weir: PathBuf,
    /// Numbers of clients, each measured with a server of its own.
    pub clients: Vec<usize>,
    /// Chat messages a second, of all senders together.
    pub rate: f64,
    /// For how long.
    pub duration: Duration,
}

/// A number of clients.
#[derive(Debug, Clone, Serialize)]
pub struct RoomsRow {
    /// How many listened.
    pub clients: usize,
    /// Messages that were acknowledged, a second.
    pub sent_per_second: f64,
    /// Messages that clients received, a second.
    pub delivered_per_second: f64,
    /// Messages that a client should have received and did not.
    pub missing: u64,
    /// From sending to receiving, in milliseconds.
    pub delivery_ms: Option<Percentiles>,
    /// From sending to the acknowledgement, in milliseconds.
    pub ack_ms: Option<Percentiles>,
    /// What an idle client costs in the server's memory, in KB.
    pub idle_kb: f64,
    /// What the server's memory has grown a client at the end, in KB.
    pub busy_kb: f64,
    /// Cores that the server used.
    pub server_cores: f64,
}

/// All of it.
#[derive(Debug, Clone, Serialize)]
pub struct RoomsReport {
    /// Where.
    pub machine: Machine,
    /// Messages a second.
    pub rate: f64,
    /// One for each number.
    pub rows: Vec<RoomsRow>,
}

/// Measures.
///
/// # Errors
/// When the program or a client fails.
pub async fn rooms(plan: &RoomsPlan, progress: &dyn Fn(&str)) -> anyhow::Result<RoomsReport> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, wanted).context("cannot raise the limit of open files")?;
    let mut rows = Vec::new();
    for clients in &plan.clients {
        progress(&format!("{clients} clients in a room"));
        rows.push(row(plan, *clients).await?);
    }
    Ok(RoomsReport {
        machine: Machine::here(),
        rate: plan.rate,
        rows,
    })
}

async fn row(plan: &RoomsPlan, clients: usize) -> anyhow::Result<RoomsRow> {
    let settings = [
        ("WEIR_HTTP_MAX_CONNECTIONS_PER_ADDRESS", "20000"),
        ("WEIR_ROOMS_JOINS_PER_MINUTE", "1000000"),
        ("WEIR_ROOMS_MAX_MEMBERS", "100000"),
        ("WEIR_ROOMS_MESSAGES_PER_MINUTE", "600000"),
        ("WEIR_ROOMS_MESSAGES_BURST", "10000"),
    ];
    let server = Server::start_with(&plan.weir, &settings).await?;
    server.create_stream("load")?;
    let token = user(&server).await?;
    // The senders first, so that the server has done everything once before memory is measured.
    let mut senders = Vec::new();
    for n in 0..SENDERS {
        let mut sender = join(&server.url(), Some(&token)).await?;
        exchange(&mut sender, &format!("warm up {n}"), "warm up").await?;
        senders.push(sender);
    }
    tokio::time::sleep(SETTLE).await;
    let memory = || cpu::resident(server.pid()).context("the server's memory cannot be read");
    let before = memory()?;
    let listeners = open(&server.url(), clients).await?;
    tokio::time::sleep(SETTLE).await;
    let idle = memory()?;

    let received = Arc::new(Received::default());
    let mut tasks = JoinSet::new();
    for listener in listeners {
        tasks.spawn(listen(listener, received.clone()));
    }
    let cpu_before = ProcessCpu::read(server.pid())?;
    let begin = Instant::now();
    let mut saying = JoinSet::new();
    for (n, sender) in senders.into_iter().enumerate() {
        let gap = Duration::from_secs_f64(SENDERS as f64 / plan.rate);
        let first = begin + gap.mul_f64(n as f64 / SENDERS as f64);
        saying.spawn(say(sender, n, first, gap, begin + plan.duration));
    }
    let mut acks = Vec::new();
    while let Some(said) = saying.join_next().await {
        acks.extend(said??);
    }
    let took = begin.elapsed().as_secs_f64();
    let cpu = ProcessCpu::read(server.pid())?.since(&cpu_before);
    let cpu_used: Duration = cpu.into_values().sum();
    let wanted = (acks.len() * clients) as u64;
    let until = Instant::now() + DRAIN;
    while received.count.load(Ordering::Relaxed) < wanted && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let busy = memory()?;
    tasks.abort_all();
    while tasks.join_next().await.is_some() {}
    let got = received.count.load(Ordering::Relaxed);
    let delays = received
        .delays
        .lock()
        .map_err(|_| anyhow::anyhow!("a client panicked"))?;
    let per_client = |bytes: u64| bytes.saturating_sub(before) as f64 / 1024.0 / clients as f64;
    Ok(RoomsRow {
        clients,
        sent_per_second: acks.len() as f64 / took,
        delivered_per_second: got as f64 / took,
        missing: wanted.saturating_sub(got),
        delivery_ms: Percentiles::of(delays.iter().map(|micros| f64::from(*micros) / 1e3)),
        ack_ms: Percentiles::of(acks.iter().map(|micros| f64::from(*micros) / 1e3)),
        idle_kb: per_client(idle),
        busy_kb: per_client(busy),
        server_cores: cpu_used.as_secs_f64() / took,
    })
}

/// A user who writes, and its token.
async fn user(server: &Server) -> anyhow::Result<String> {
    const PASSWORD: &str = "load of words";
    let mut command = server.command(&["user", "create", "--name=load", "--password-stdin"]);
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()?;
    let mut input = child.stdin.take().context("a pipe was asked for")?;
    std::io::Write::write_all(&mut input, PASSWORD.as_bytes())?;
    drop(input);
    if !child.wait()?.success() {
        bail!("the user was not made");
    }
    let answer: serde_json::Value = reqwest::Client::new()
        .post(format!("{}/api/v1/login", server.url()))
        .json(&serde_json::json!({"name": "load", "password": PASSWORD}))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    let token = answer["token"].as_str().or(answer["access_token"].as_str());
    Ok(token.context("logging in gives no token")?.to_owned())
}

async fn join(base: &str, token: Option<&str>) -> anyhow::Result<Client> {
    let mut client = Client::connect(base, token).await?;
    let join = Join {
        room: "stream:load".parse()?,
        token: None,
        since: None,
        nickname: None,
        guest_secret: None,
        protocol: None,
    };
    client.say(Some("join"), ClientMessage::Join(join)).await?;
    loop {
        match client.hear().await? {
            ServerMessage::Ready(_) => return Ok(client),
            ServerMessage::Error(error) => bail!("not let in: {}", error.detail),
            _ => {}
        }
    }
}

async fn open(base: &str, clients: usize) -> anyhow::Result<Vec<Client>> {
    let turns = Arc::new(Semaphore::new(OPENING));
    let mut opening = JoinSet::new();
    for _ in 0..clients {
        let (turns, base) = (turns.clone(), base.to_owned());
        opening.spawn(async move {
            let _turn = turns.acquire_owned().await?;
            join(&base, None).await
        });
    }
    let mut open = Vec::with_capacity(clients);
    while let Some(client) = opening.join_next().await {
        open.push(client??);
    }
    Ok(open)
}

/// Says a text and waits for its acknowledgement.
async fn exchange(sender: &mut Client, name: &str, text: &str) -> anyhow::Result<()> {
    let message = SendMessage {
        text: text.to_owned(),
        reply_to: None,
    };
    sender.say(Some(name), ClientMessage::Send(message)).await?;
    loop {
        match sender.hear().await? {
            ServerMessage::Ack(ack) if ack.r#ref.as_deref() == Some(name) => return Ok(()),
            ServerMessage::Error(error) => bail!("not taken: {}", error.detail),
            _ => {}
        }
    }
}

/// Says its share; gives how long acknowledgements took, in microseconds.
async fn say(
    mut sender: Client,
    n: usize,
    first: Instant,
    gap: Duration,
    end: Instant,
) -> anyhow::Result<Vec<u32>> {
    let mut acks = Vec::new();
    let mut at = first;
    while at < end {
        tokio::time::sleep_until(at).await;
        let begin = Instant::now();
        let name = format!("{n} {}", acks.len());
        exchange(
            &mut sender,
            &name,
            &format!("at {} of {name}", unix_nanos()),
        )
        .await?;
        acks.push(u32::try_from(begin.elapsed().as_micros()).unwrap_or(u32::MAX));
        at += gap;
    }
    Ok(acks)
}

#[derive(Default)]
struct Received {
    count: AtomicU64,
    delays: std::sync::Mutex<Vec<u32>>,
}

async fn listen(mut listener: Client, received: Arc<Received>) {
    let mut delays = Vec::new();
    while let Ok(text) = listener.hear_text().await {
        let now = unix_nanos();
        // Not parsed, since these clients share the machine with the server.
        for (at, _) in text.match_indices(MARK) {
            let digits = &text[at + MARK.len()..];
            let end = digits.find(' ').unwrap_or(0);
            let Ok(sent) = digits[..end].parse::<u64>() else {
                continue;
            };
            delays.push(u32::try_from(now.saturating_sub(sent) / 1000).unwrap_or(u32::MAX));
        }
        received
            .count
            .fetch_add(delays.len() as u64, Ordering::Relaxed);
        if let Ok(mut all) = received.delays.lock() {
            all.append(&mut delays);
        }
    }
}

impl fmt::Display for RoomsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.machine.line())?;
        writeln!(
            f,
            "{} chat messages a second into one room over WebSocket; server and clients on this machine",
            self.rate
        )?;
        let head = [
            "clients",
            "delivered/s",
            "missing",
            "p50 ms",
            "p95 ms",
            "p99 ms",
            "max ms",
            "ack p99 ms",
            "idle KB",
            "busy KB",
            "cores",
        ];
        let rows: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| {
                let delivery =
                    |of: fn(&Percentiles) -> f64| number(row.delivery_ms.as_ref().map(of), 1);
                vec![
                    row.clients.to_string(),
                    number(Some(row.delivered_per_second), 0),
                    row.missing.to_string(),
                    delivery(|p| p.p50),
                    delivery(|p| p.p95),
                    delivery(|p| p.p99),
                    delivery(|p| p.max),
                    number(row.ack_ms.as_ref().map(|p| p.p99), 1),
                    number(Some(row.idle_kb), 1),
                    number(Some(row.busy_kb), 1),
                    number(Some(row.server_cores), 2),
                ]
            })
            .collect();
        table(f, &head, &rows)
    }
}
