//! `weir-bench`: what fan-out costs.

use std::{
    fmt::Display,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use clap::{ArgGroup, Args, Parser, Subcommand};
use serde::Serialize;
use weir_bench::{
    ApiPlan, BRIDGE_WORKER, FanoutPlan, LadderPlan, LimitPlan, LoadPlan, MEDIA_HOST, Measured,
    SoakPlan, Target, TurnPlan,
    alloc::Counting,
    api, bridge_worker, fanout, ladder, limit, load, media_host,
    rooms::{RoomsPlan, rooms},
    soak, turn,
};

/// Counts what the media plane allocates when it runs in this program.
#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Load generator and benchmarks of Weir.
#[derive(Debug, Parser)]
#[command(name = "weir-bench", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What a viewer costs the media plane, as a multiple of the limit.
    ///
    /// Starts the media plane in a process of its own, feeds a stream in real time, joins WHEP
    /// viewers that send live feedback, and measures the CPU time of its threads; then the limit
    /// with as many sockets. Prints the ratio, delays, memory and allocations.
    Fanout(FanoutArgs),
    /// WHEP viewers against any server: loss, joining times, and what they cost it.
    Load(LoadArgs),
    /// The limit: seal and send the same packets from one thread, nothing else.
    Limit(LimitArgs),
    /// Many clients in one room of `weir serve`: how long chat takes to arrive, and what a client costs.
    Rooms(RoomsArgs),
    /// The REST API over a full database: reads and writes at a fixed rate.
    Api(ApiArgs),
    /// Publishers and viewers that come and go: what of them stays behind.
    Soak(SoakArgs),
    /// What relaying by TURN costs: the embedded server beside coturn with the same media.
    Turn(TurnArgs),
    /// What the bridge's ladder costs: a worker beside an equal FFmpeg command over the same file.
    Ladder(LadderArgs),
    /// A worker of `ladder`.
    #[command(name = BRIDGE_WORKER, hide = true)]
    BridgeWorker,
    /// The media plane of `fanout`, spoken to through pipes.
    #[command(name = MEDIA_HOST, hide = true)]
    MediaHost {
        #[arg(long, default_value_t = 1)]
        shards: usize,
    },
}

#[derive(Debug, Args)]
struct FanoutArgs {
    /// Numbers of viewers [default: 50,500,1000].
    #[arg(long, value_delimiter = ',')]
    viewers: Vec<usize>,
    /// Measured seconds of a run [default: 15].
    #[arg(long)]
    seconds: Option<u64>,
    /// Measured seconds of a run of the limit [default: 6].
    #[arg(long)]
    limit_seconds: Option<u64>,
    /// How often everything is measured; medians are printed [default: 3].
    #[arg(long)]
    repeats: Option<usize>,
    /// Threads of the media plane [default: 1].
    #[arg(long)]
    shards: Option<usize>,
    /// Viewers that join in a second, as `100/s` [default: 100/s].
    #[arg(long, value_parser = rate)]
    ramp: Option<f64>,
    /// Threads of the viewers [default: 1].
    #[arg(long)]
    viewer_threads: Option<usize>,
    /// Milliseconds between two feedbacks of a viewer for congestion control; 0: none
    /// [default: 50, as Chromium].
    #[arg(long, value_name = "MS")]
    feedback: Option<u64>,
    /// Publish with a WebRTC client instead of feeding as the bridge does.
    #[arg(long)]
    whip: bool,
    /// Layers of the picture, 1 to 3: the bridge's ladder, or simulcast with --whip.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=3))]
    layers: u8,
    /// Take runs whose source was late; they are marked as doubtful.
    #[arg(long)]
    allow_late: bool,
    /// Only check that the benchmark works: 3 viewers, 2 s.
    #[arg(long)]
    smoke: bool,
    /// Write everything that was measured into this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("server").required(true).args(["serve", "whep"]))]
struct LoadArgs {
    /// Start `weir serve` on free ports and measure the whole program.
    #[arg(long, conflicts_with = "whip")]
    serve: bool,
    /// The program for --serve.
    #[arg(long, value_name = "PATH", default_value = "target/release/weir")]
    weir: PathBuf,
    /// WHEP address to watch at.
    #[arg(long, value_name = "URL")]
    whep: Option<String>,
    /// WHIP address to publish at; without it, something is published there already.
    #[arg(long, value_name = "URL", requires = "whep")]
    whip: Option<String>,
    /// Bearer token of the publisher, and of the viewers where --whep-token is not given.
    #[arg(long)]
    token: Option<String>,
    /// Bearer token of the viewers.
    #[arg(long)]
    whep_token: Option<String>,
    /// Measure CPU and memory of this process.
    #[arg(long, value_name = "PID", conflicts_with_all = ["cgroup", "serve"])]
    server_pid: Option<u32>,
    /// Measure CPU and memory of this control group: its folder under /sys/fs/cgroup.
    #[arg(long, value_name = "PATH", conflicts_with = "serve")]
    cgroup: Option<PathBuf>,
    /// How many viewers [default: 200].
    #[arg(long)]
    viewers: Option<usize>,
    /// Viewers that join in a second, as `50/s` [default: 50/s].
    #[arg(long, value_parser = rate)]
    ramp: Option<f64>,
    /// Measured seconds, after all have joined [default: 20].
    #[arg(long)]
    seconds: Option<u64>,
    /// Threads of the viewers [default: 1].
    #[arg(long)]
    viewer_threads: Option<usize>,
    /// Milliseconds between two feedbacks of a viewer for congestion control; 0: none
    /// [default: 50, as Chromium].
    #[arg(long, value_name = "MS")]
    feedback: Option<u64>,
    /// Simulcast layers to publish, 1 to 3.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=3))]
    layers: u8,
    /// Only check that it works: 3 viewers, 2 s.
    #[arg(long)]
    smoke: bool,
    /// Write everything that was measured into this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct LimitArgs {
    /// Numbers of viewers, which are only sockets here [default: 50,500,1000].
    #[arg(long, value_delimiter = ',')]
    viewers: Vec<usize>,
    /// Measured seconds of a run [default: 6].
    #[arg(long)]
    seconds: Option<u64>,
    /// How often everything is measured; medians are printed [default: 3].
    #[arg(long)]
    repeats: Option<usize>,
    /// Only check that it works: 3 sockets, 1 s.
    #[arg(long)]
    smoke: bool,
    /// Write everything that was measured into this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct TurnArgs {
    /// Clients that receive at once.
    #[arg(long, default_value_t = 50)]
    clients: usize,
    /// Kilobits a second that each receives.
    #[arg(long, default_value_t = 2_500)]
    kbps: u64,
    /// Measured seconds of a run.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// How often everything is measured; medians are printed.
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// coturn's program (Debian's package `coturn`).
    #[arg(long, value_name = "PATH", default_value = "turnserver")]
    coturn: PathBuf,
    /// Without coturn.
    #[arg(long)]
    alone: bool,
    /// Only whether it works: two clients for a second.
    #[arg(long)]
    smoke: bool,
    /// Write everything that was measured into this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct RoomsArgs {
    /// The program.
    #[arg(long, value_name = "PATH", default_value = "target/release/weir")]
    weir: PathBuf,
    /// Numbers of clients [default: 1000,2000,5000].
    #[arg(long, value_delimiter = ',')]
    clients: Vec<usize>,
    /// Chat messages a second [default: 50/s].
    #[arg(long, value_parser = rate, default_value = "50/s")]
    rate: f64,
    /// Measured seconds.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Write everything that was measured into this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct SoakArgs {
    /// The program.
    #[arg(long, value_name = "PATH", default_value = "target/release/weir")]
    weir: PathBuf,
    /// How many streams.
    #[arg(long, default_value_t = 4)]
    streams: usize,
    /// How long.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Write everything that was measured into this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ApiArgs {
    /// The program.
    #[arg(long, value_name = "PATH", default_value = "target/release/weir")]
    weir: PathBuf,
    /// An empty PostgreSQL database [default: SQLite].
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// A setting of the server, as a variable of its environment; may be given several times.
    #[arg(long = "set", value_name = "WEIR_…=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// Accounts [default: 100000].
    #[arg(long)]
    users: Option<u32>,
    /// Streams [default: 10000].
    #[arg(long)]
    streams: Option<u32>,
    /// Reads in a second, as `1000/s` [default: 1000/s].
    #[arg(long, value_parser = rate)]
    reads: Option<f64>,
    /// Writes in a second, as `500/s` [default: 500/s].
    #[arg(long, value_parser = rate)]
    writes: Option<f64>,
    /// Measured seconds of each kind of request [default: 20].
    #[arg(long)]
    seconds: Option<u64>,
    /// Only check that it works: few rows, few requests, 2 s.
    #[arg(long)]
    smoke: bool,
    /// Write everything that was measured into this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct LadderArgs {
    /// Lines of the sources [default: 720,1080].
    #[arg(long, value_delimiter = ',')]
    heights: Vec<u32>,
    /// Seconds of each source [default: 20].
    #[arg(long)]
    seconds: Option<u32>,
    /// How fast the source is sent beside real time, where the machine cannot encode all of it in time.
    #[arg(long, default_value_t = 1.0, value_parser = pace)]
    pace: f64,
    /// Only check that it works: 480p, 3 s.
    #[arg(long)]
    smoke: bool,
    /// Write everything that was measured into this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl LadderArgs {
    fn plan(&self) -> anyhow::Result<LadderPlan> {
        let (heights, seconds) = if self.smoke {
            (vec![480], 3)
        } else {
            (vec![720, 1080], 20)
        };
        Ok(LadderPlan {
            program: std::env::current_exe()?,
            heights: if self.heights.is_empty() {
                heights
            } else {
                self.heights.clone()
            },
            seconds: self.seconds.unwrap_or(seconds).max(1),
            pace: self.pace,
        })
    }
}

/// A part of real time.
fn pace(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(pace) if pace > 0.0 && pace <= 1.0 => Ok(pace),
        _ => Err("give a part of real time, as 0.5".to_owned()),
    }
}

/// `WEIR_A_B=value`.
fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("give it as WEIR_A_B=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// `50/s` or `50`.
fn rate(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    match number.parse() {
        Ok(rate) if rate > 0.0 => Ok(rate),
        _ => Err("give a number a second, as 50/s".to_owned()),
    }
}

/// Those that are meant; none is no measurement.
fn counts(given: &[usize], or: Vec<usize>) -> Vec<usize> {
    let given: Vec<usize> = given.iter().copied().filter(|n| *n > 0).collect();
    if given.is_empty() { or } else { given }
}

fn seconds(given: Option<u64>, or: Duration) -> Duration {
    given.map_or(or, |seconds| Duration::from_secs(seconds.max(1)))
}

impl FanoutArgs {
    fn plan(&self) -> anyhow::Result<FanoutPlan> {
        let program = std::env::current_exe()?;
        let base = if self.smoke {
            FanoutPlan::smoke(program)
        } else {
            FanoutPlan::full(program)
        };
        Ok(FanoutPlan {
            viewers: counts(&self.viewers, base.viewers.clone()),
            duration: seconds(self.seconds, base.duration),
            limit_duration: seconds(self.limit_seconds, base.limit_duration),
            repeats: self.repeats.unwrap_or(base.repeats).max(1),
            shards: self.shards.unwrap_or(base.shards).max(1),
            ramp: self.ramp.unwrap_or(base.ramp),
            viewer_threads: self.viewer_threads.unwrap_or(base.viewer_threads),
            feedback: self.feedback.map_or(base.feedback, Duration::from_millis),
            whip: self.whip,
            layers: usize::from(self.layers),
            allow_late: base.allow_late || self.allow_late,
            ..base
        })
    }
}

impl LoadArgs {
    fn plan(&self) -> anyhow::Result<LoadPlan> {
        let target = match &self.whep {
            None => {
                let weir = fs::canonicalize(&self.weir).with_context(|| {
                    format!("no program at {}; see --weir", self.weir.display())
                })?;
                Target::Serve(weir)
            }
            Some(whep) => Target::Running {
                whip: self.whip.clone(),
                whep: whep.clone(),
                whip_token: self.token.clone(),
                whep_token: self.whep_token.clone().or(self.token.clone()),
                measured: match (self.server_pid, &self.cgroup) {
                    (Some(pid), _) => Some(Measured::Process(pid)),
                    (None, Some(path)) => Some(Measured::Group(path.clone())),
                    (None, None) => None,
                },
            },
        };
        let base = if self.smoke {
            LoadPlan::smoke(target)
        } else {
            LoadPlan::full(target)
        };
        Ok(LoadPlan {
            viewers: self.viewers.unwrap_or(base.viewers).max(1),
            ramp: self.ramp.unwrap_or(base.ramp),
            duration: seconds(self.seconds, base.duration),
            viewer_threads: self.viewer_threads.unwrap_or(base.viewer_threads),
            feedback: self.feedback.map_or(base.feedback, Duration::from_millis),
            layers: usize::from(self.layers),
            ..base
        })
    }
}

impl RoomsArgs {
    fn plan(&self) -> anyhow::Result<RoomsPlan> {
        let weir = fs::canonicalize(&self.weir)
            .with_context(|| format!("no program at {}; see --weir", self.weir.display()))?;
        Ok(RoomsPlan {
            weir,
            clients: counts(&self.clients, vec![1000, 2000, 5000]),
            rate: self.rate,
            duration: Duration::from_secs(self.seconds.max(1)),
        })
    }
}

impl ApiArgs {
    fn plan(&self) -> anyhow::Result<ApiPlan> {
        let weir = fs::canonicalize(&self.weir)
            .with_context(|| format!("no program at {}; see --weir", self.weir.display()))?;
        let base = if self.smoke {
            ApiPlan::smoke(weir)
        } else {
            ApiPlan::full(weir)
        };
        Ok(ApiPlan {
            settings: self.settings.clone(),
            database_url: self.database_url.clone(),
            users: self.users.unwrap_or(base.users).max(1),
            streams: self.streams.unwrap_or(base.streams).max(1),
            reads: self.reads.unwrap_or(base.reads),
            writes: self.writes.unwrap_or(base.writes),
            duration: seconds(self.seconds, base.duration),
            ..base
        })
    }
}

impl TurnArgs {
    fn plan(&self) -> TurnPlan {
        let coturn = (!self.alone).then_some(self.coturn.clone());
        let plan = TurnPlan {
            clients: self.clients.max(1),
            kbps: self.kbps.max(1),
            duration: Duration::from_secs(self.seconds.max(1)),
            repeats: self.repeats.max(1),
            coturn,
        };
        match self.smoke {
            true => TurnPlan {
                clients: 2,
                duration: Duration::from_secs(1),
                repeats: 1,
                ..plan
            },
            false => plan,
        }
    }
}

impl LimitArgs {
    fn plan(&self) -> LimitPlan {
        let base = if self.smoke {
            LimitPlan::smoke()
        } else {
            LimitPlan::full()
        };
        LimitPlan {
            viewers: counts(&self.viewers, base.viewers),
            duration: seconds(self.seconds, base.duration),
            repeats: self.repeats.unwrap_or(base.repeats).max(1),
        }
    }
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<()> {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
    };
    match &cli.command {
        Command::Fanout(args) => {
            let report = runtime()?.block_on(fanout(&args.plan()?, &progress))?;
            show(&report, args.json.as_deref())
        }
        Command::Load(args) => {
            let report = runtime()?.block_on(load(&args.plan()?, &progress))?;
            show(&report, args.json.as_deref())
        }
        Command::Limit(args) => {
            let report = limit(&args.plan(), &progress)?;
            show(&report, args.json.as_deref())
        }
        Command::Rooms(args) => {
            let report = runtime()?.block_on(rooms(&args.plan()?, &progress))?;
            show(&report, args.json.as_deref())
        }
        Command::Api(args) => {
            let report = runtime()?.block_on(api(&args.plan()?, &progress))?;
            show(&report, args.json.as_deref())
        }
        Command::Soak(args) => {
            let weir = fs::canonicalize(&args.weir)
                .with_context(|| format!("no program at {}; see --weir", args.weir.display()))?;
            let plan = SoakPlan {
                weir,
                streams: args.streams.max(1),
                duration: Duration::from_secs(args.minutes * 60),
            };
            let report = runtime()?.block_on(soak(&plan, &progress))?;
            show(&report, args.json.as_deref())
        }
        Command::Turn(args) => {
            let report = turn(&args.plan(), &progress)?;
            show(&report, args.json.as_deref())
        }
        Command::Ladder(args) => {
            let report = ladder(&args.plan()?, &progress)?;
            show(&report, args.json.as_deref())
        }
        Command::BridgeWorker => bridge_worker(),
        Command::MediaHost { shards } => media_host(*shards),
    }
}

fn show<R: Display + Serialize>(report: &R, json: Option<&Path>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    write!(out, "{report}")?;
    out.flush()?;
    if let Some(path) = json {
        fs::write(path, serde_json::to_vec_pretty(report)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Where it is: on standard error, since the result goes to standard output.
fn progress(text: &str) {
    // Nothing can be done when even standard error is closed.
    let _ = writeln!(std::io::stderr(), "weir-bench: {text}");
}
