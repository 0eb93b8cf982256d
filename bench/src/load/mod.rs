//! Viewers against any WHEP server, and what they cost it.

mod report;
mod run;

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use reqwest::Client;

pub use report::LoadReport;

use crate::{
    cpu,
    endpoint::Endpoint,
    publisher::{Publisher, Publishing},
    server::Server,
    viewers::FEEDBACK,
};

/// Time for the server to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// The process or group whose CPU and memory are read.
#[derive(Debug, Clone)]
pub enum Measured {
    /// A process, all its threads, without its children.
    Process(u32),
    /// A control group by its folder.
    Group(PathBuf),
}

/// What is watched.
#[derive(Debug, Clone)]
pub enum Target {
    /// `weir serve` at this path, started for the occasion: the whole program.
    Serve(PathBuf),
    /// A server that runs already.
    Running {
        /// WHIP address to publish at; without one, something is published already.
        whip: Option<String>,
        /// WHEP address to watch at.
        whep: String,
        /// Bearer token of the publisher.
        whip_token: Option<String>,
        /// Bearer token of the viewers.
        whep_token: Option<String>,
        /// Whose cost is measured.
        measured: Option<Measured>,
    },
}

/// What is done, and how.
#[derive(Debug, Clone)]
pub struct LoadPlan {
    /// What is watched.
    pub target: Target,
    /// How many viewers.
    pub viewers: usize,
    /// Viewers that join in a second.
    pub ramp: f64,
    /// Measured time.
    pub duration: Duration,
    /// Time without viewers, to know what the server costs by itself.
    pub warm_up: Duration,
    /// Time between the last viewer's start and the measurement.
    pub settle: Duration,
    /// Threads of the viewers.
    pub viewer_threads: usize,
    /// Between two feedbacks of a viewer for congestion control; zero: none.
    pub feedback: Duration,
    /// Simulcast layers that are published, 1 to 3.
    pub layers: usize,
}

impl LoadPlan {
    /// 200 viewers for 20 s.
    pub fn full(target: Target) -> Self {
        Self {
            target,
            viewers: 200,
            ramp: 50.0,
            duration: Duration::from_secs(20),
            warm_up: Duration::from_secs(5),
            settle: Duration::from_secs(3),
            viewer_threads: 1,
            feedback: FEEDBACK,
            layers: 1,
        }
    }

    /// Seconds: whether everything works.
    pub fn smoke(target: Target) -> Self {
        Self {
            viewers: 3,
            duration: Duration::from_secs(2),
            warm_up: Duration::from_millis(500),
            settle: Duration::from_millis(300),
            ..Self::full(target)
        }
    }
}

/// Publishes, where asked to, joins the viewers and measures. `progress` gets a line for each step.
///
/// # Errors
/// When the server cannot be reached, refuses the publisher, or accepts no viewer at all.
pub async fn load(plan: &LoadPlan, progress: &dyn Fn(&str)) -> anyhow::Result<LoadReport> {
    match &plan.target {
        Target::Serve(weir) => {
            progress("starting the server");
            let mut server = Server::start(weir).await?;
            let access = server.create_stream("bench")?;
            let target = Addresses {
                whip: Some((access.whip_url, Some(access.key))),
                whep: (access.whep_url, None),
                measured: Some(Measured::Process(server.pid())),
                metrics: Some(server.url()),
            };
            let report = against(plan, &target, progress).await?;
            let status = server.terminate(STOP_TIMEOUT).await?;
            anyhow::ensure!(status.success(), "the server ended with {status}");
            Ok(report)
        }
        Target::Running {
            whip,
            whep,
            whip_token,
            whep_token,
            measured,
        } => {
            let target = Addresses {
                whip: whip.clone().map(|url| (url, whip_token.clone())),
                whep: (whep.clone(), whep_token.clone()),
                measured: measured.clone(),
                metrics: None,
            };
            against(plan, &target, progress).await
        }
    }
}

/// Where to publish and to watch, with tokens.
struct Addresses {
    whip: Option<(String, Option<String>)>,
    whep: (String, Option<String>),
    measured: Option<Measured>,
    /// Base address of a Weir server.
    metrics: Option<String>,
}

async fn against(
    plan: &LoadPlan,
    target: &Addresses,
    progress: &dyn Fn(&str),
) -> anyhow::Result<LoadReport> {
    let client = Client::new();
    let (whep, token) = &target.whep;
    let local = crate::http::local_address(whep).await?;
    let mut publisher = None;
    if let Some((whip, token)) = &target.whip {
        progress("publishing");
        let endpoint = Endpoint::http(&client, whip, token.as_deref());
        let publishing = Publishing {
            layers: plan.layers,
            stamp: false,
            local: crate::http::local_address(whip).await?,
        };
        publisher = Some(Publisher::start(&endpoint, publishing).await?);
    }
    let mut run = run::Run {
        plan,
        client: &client,
        viewers: Endpoint::http(&client, whep, token.as_deref()),
        local,
        target,
        publisher: publisher.as_mut(),
    };
    let report = run.measure(progress).await?;
    if let Some(publisher) = publisher {
        publisher.stop().await?;
    }
    Ok(report)
}

impl Measured {
    fn read(&self) -> anyhow::Result<Usage> {
        match self {
            Self::Process(pid) => {
                let threads = cpu::ProcessCpu::read(*pid)
                    .with_context(|| format!("there is no process {pid}"))?;
                let resident = cpu::resident(*pid)?;
                Ok(Usage::Process { threads, resident })
            }
            Self::Group(path) => {
                let (time, memory) = cpu::cgroup(path).with_context(|| {
                    format!("{} is not the folder of a control group", path.display())
                })?;
                Ok(Usage::Group { time, memory })
            }
        }
    }
}

/// CPU and memory at one moment.
enum Usage {
    Process {
        threads: cpu::ProcessCpu,
        resident: u64,
    },
    Group {
        time: Duration,
        memory: u64,
    },
}
