//! The real program, started in a folder of its own.

use std::{
    ffi::OsStr,
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use weir_protocol::StreamAccess;

/// How long the server may take until it is ready.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How long its log may lag behind its first answers.
const TOLD_TIMEOUT: Duration = Duration::from_secs(2);

/// How often a free port may turn out to be taken by somebody else.
const PORT_ATTEMPTS: usize = 5;

/// Between two looks at something that another process does.
const POLL: Duration = Duration::from_millis(20);

/// A running `weir serve` with its own ports and data. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    weir: PathBuf,
    dir: TempDir,
    http: u16,
    environment: Vec<(String, String)>,
    child: Child,
}

impl Server {
    /// Starts the program at `weir` on free ports of the loopback interface and waits until it is
    /// ready.
    ///
    /// # Errors
    /// When it cannot be started or is not ready in time; with the end of its log.
    pub async fn start(weir: &Path) -> anyhow::Result<Self> {
        Self::start_with(weir, &[]).await
    }

    /// The same with settings, as variables of the environment.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_with(weir: &Path, environment: &[(&str, &str)]) -> anyhow::Result<Self> {
        let environment: Vec<(String, String)> = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        for _ in 0..PORT_ATTEMPTS {
            let dir = tempfile::tempdir().context("cannot make a temporary folder")?;
            let http = free_port()?;
            let child = serve(weir, dir.path(), http, &environment)?;
            let mut server = Self {
                weir: weir.to_owned(),
                dir,
                http,
                environment: environment.clone(),
                child,
            };
            match server.wait_ready().await {
                Ok(()) => return Ok(server),
                // Between finding the port and taking it somebody else may take it.
                Err(_) if server.log().contains("cannot listen on") => {}
                Err(error) => return Err(error.context(server.log_end())),
            }
        }
        bail!("no free port was found for the server")
    }

    /// The same on this port for HTTP, which must be free: for who has to know it beforehand.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_on(
        weir: &Path,
        http: u16,
        environment: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let environment: Vec<(String, String)> = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let dir = tempfile::tempdir().context("cannot make a temporary folder")?;
        let child = serve(weir, dir.path(), http, &environment)?;
        let mut server = Self {
            weir: weir.to_owned(),
            dir,
            http,
            environment,
            child,
        };
        let ready = server.wait_ready().await;
        ready.map_err(|error| error.context(server.log_end()))?;
        Ok(server)
    }

    /// The base of the web addresses, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.http)
    }

    /// The port of the web addresses.
    pub fn http_port(&self) -> u16 {
        self.http
    }

    /// Where it listens for RTMP, by its log: it took a free port.
    pub fn rtmp_address(&self) -> Option<String> {
        let log = self.log();
        let ready = log.lines().find(|line| line.contains("ready http="))?;
        let address = ready.split_once(" rtmp=")?.1.split_whitespace().next()?;
        Some(address.to_owned())
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// What the server wrote on standard output and standard error until now.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// A command beside the server, with the same settings.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = plain_command(&self.weir, self.dir.path());
        command
            .args(arguments)
            .args(settings(self.dir.path(), self.http))
            .envs(self.environment.iter().cloned());
        command
    }

    /// Makes a stream by the command line.
    ///
    /// # Errors
    /// When the command fails, with what it said.
    pub fn create_stream(&self, slug: &str) -> anyhow::Result<StreamAccess> {
        let output = self
            .command(&["stream", "create", "--slug", slug, "--json"])
            .output()?;
        serde_json::from_slice(succeeded(&output)?).context("weir stream create --json")
    }

    /// Another setting, as a variable of the environment: for the next start, and for commands.
    pub fn set_environment(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Kills the process at once, as a crash would, and starts it anew with the same data and port.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn kill_and_restart(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.restart().await
    }

    /// Starts a process that has ended anew, with the same data and port.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.child = serve(&self.weir, self.dir.path(), self.http, &self.environment)?;
        self.wait_ready()
            .await
            .map_err(|error| error.context(self.log_end()))
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    /// When the process does not end in time.
    pub async fn terminate(&mut self, timeout: Duration) -> anyhow::Result<ExitStatus> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("a process has a number")?, Signal::TERM)?;
        let deadline = Instant::now() + timeout;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(POLL).await;
        }
        bail!(
            "the server did not stop within {timeout:?}\n{}",
            self.log_end()
        )
    }

    async fn wait_ready(&mut self) -> anyhow::Result<()> {
        let url = format!("{}/readyz", self.url());
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended at once: {status}");
            }
            if let Ok(response) = reqwest::get(&url).await
                && response.status().is_success()
            {
                self.wait_told().await;
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
        bail!("the server is not ready after {START_TIMEOUT:?}")
    }

    /// Requests are answered a moment before the log says which ports were free. Where a test turned that
    /// off, it is not missed.
    async fn wait_told(&self) {
        let deadline = Instant::now() + TOLD_TIMEOUT;
        let told = |log: &str| log.contains("ready http=") || log.contains(r#""message":"ready""#);
        while !told(&self.log()) && Instant::now() < deadline {
            tokio::time::sleep(POLL).await;
        }
    }

    fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let from = lines.len().saturating_sub(30);
        format!("end of the server's log:\n{}", lines[from..].join("\n"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program in a folder, without settings from outside.
pub fn plain_command(weir: &Path, dir: &Path) -> Command {
    let mut command = Command::new(weir);
    command.current_dir(dir).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WEIR_") {
            command.env_remove(name);
        }
    }
    command
}

/// Standard output of a command that succeeded.
///
/// # Errors
/// When it failed, with what it said.
pub fn succeeded(output: &Output) -> anyhow::Result<&[u8]> {
    if output.status.success() {
        return Ok(&output.stdout);
    }
    bail!(
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A TCP port of the loopback interface that nobody uses now.
///
/// # Errors
/// When there is none.
pub fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

fn settings(dir: &Path, http: u16) -> Vec<String> {
    vec![
        "--http".to_owned(),
        format!("127.0.0.1:{http}"),
        "--rtmp=127.0.0.1:0".to_owned(),
        "--media-udp=127.0.0.1:0".to_owned(),
        "--data-dir".to_owned(),
        dir.join("data").display().to_string(),
    ]
}

fn serve(
    weir: &Path,
    dir: &Path,
    http: u16,
    environment: &[(String, String)],
) -> anyhow::Result<Child> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(dir.join("log"))?;
    plain_command(weir, dir)
        .arg("serve")
        .args(settings(dir, http))
        .envs(environment.iter().cloned())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot start {}", weir.display()))
}
