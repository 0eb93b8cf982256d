//! `weir-bench`: what the server's work costs, measured on the real program.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use weir_bench::{Plan, Report, fanout, floor};

/// Load generator and benchmarks of Weir.
#[derive(Debug, Parser)]
#[command(name = "weir-bench", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Server CPU for one more WHEP viewer, beside the floor.
    Fanout {
        /// The program to measure.
        #[arg(long, value_name = "PATH", default_value = "target/release/weir")]
        weir: PathBuf,
        #[command(flatten)]
        options: Options,
    },
    /// The floor alone: seal and send the same packets from one thread.
    Raw {
        #[command(flatten)]
        options: Options,
    },
}

#[derive(Debug, Args)]
struct Options {
    /// Numbers of viewers [default: 1,50,200].
    #[arg(long, value_delimiter = ',')]
    viewers: Vec<usize>,
    /// Measured seconds of a run [default: 20].
    #[arg(long)]
    seconds: Option<u64>,
    /// Measured seconds of a run of the floor [default: 6].
    #[arg(long)]
    raw_seconds: Option<u64>,
    /// How often everything is measured [default: 3].
    #[arg(long)]
    repeats: Option<usize>,
    /// Threads of the load generator [default: 2].
    #[arg(long)]
    generator_threads: Option<usize>,
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

impl Options {
    fn plan(&self) -> Plan {
        let mut plan = if self.smoke {
            Plan::smoke()
        } else {
            Plan::full()
        };
        if !self.viewers.is_empty() {
            plan.viewers = self.viewers.iter().copied().filter(|n| *n > 0).collect();
        }
        if let Some(seconds) = self.seconds {
            plan.duration = Duration::from_secs(seconds.max(1));
        }
        if let Some(seconds) = self.raw_seconds {
            plan.raw_duration = Duration::from_secs(seconds.max(1));
        }
        plan.repeats = self.repeats.unwrap_or(plan.repeats).max(1);
        plan.generator_threads = self.generator_threads.unwrap_or(plan.generator_threads);
        plan.allow_late |= self.allow_late;
        plan
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
    match &cli.command {
        Command::Fanout { weir, options } => {
            let weir = fs::canonicalize(weir)
                .with_context(|| format!("no program at {}; see --weir", weir.display()))?;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let report = runtime.block_on(fanout(&weir, &options.plan(), &progress))?;
            show(&report, options.json.as_deref())
        }
        Command::Raw { options } => {
            let report = floor(&options.plan(), &progress)?;
            show(&report, options.json.as_deref())
        }
    }
}

fn show(report: &Report, json: Option<&Path>) -> anyhow::Result<()> {
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
