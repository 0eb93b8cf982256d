//! What the machine gives this process.

use std::{io::Write as _, path::Path, process::Stdio, time::Duration};

use tokio::{
    net::TcpStream,
    process::Command,
    time::{Instant, timeout},
};
use url::Url;
use weir_archive::free_bytes;
use weir_sfu::SocketBuffers;

use crate::{
    config::Config,
    doctor::facts::{Buffers, Database, Disk, OpenFiles},
};

/// Port of PostgreSQL.
const POSTGRES: u16 = 5432;

/// For a database elsewhere.
const DATABASE: Duration = Duration::from_secs(3);

/// For a look at GStreamer's plugins: the first one of a machine loads them all.
const GSTREAMER: Duration = Duration::from_secs(30);

/// The smaller one of both ways.
pub fn buffers() -> Option<Buffers> {
    let probed = SocketBuffers::probe().ok()?;
    Some(Buffers {
        bytes: probed.receive.min(probed.send),
        wanted: probed.wanted,
    })
}

/// The most that the server may have open, which it takes at its start, and what its settings let others
/// connect.
pub fn open_files(config: &Config) -> Option<OpenFiles> {
    use rustix::process::{Resource, getrlimit};
    // Without a limit there is nothing to say.
    let limit = getrlimit(Resource::Nofile).maximum?;
    Some(OpenFiles {
        limit,
        wanted: config.http.max_connections as u64,
    })
}

/// Whether the kernel is told the time by somebody. None where it does not say.
pub fn clock_synchronised() -> Option<bool> {
    // SAFETY: all fields are numbers or a reserved area, for which zero is a value.
    let mut state: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: `state` is ours, and `modes` of 0 reads without setting anything.
    let answer = unsafe { libc::adjtimex(&raw mut state) };
    (answer >= 0).then_some(state.status & libc::STA_UNSYNC == 0)
}

/// Where the data is, or will be.
pub fn disk(config: &Config) -> Disk {
    let dir = &config.data.dir;
    let there = dir.ancestors().find(|it| it.is_dir());
    let there = there.unwrap_or(Path::new("."));
    let free = writable(there)
        .and_then(|()| free_bytes(there))
        .map_err(|error| error.to_string());
    Disk {
        folder: dir.display().to_string(),
        free,
    }
}

fn writable(dir: &Path) -> std::io::Result<()> {
    let path = dir.join(format!(
        ".doctor-{}-{:x}",
        std::process::id(),
        rand::random::<u64>()
    ));
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .and_then(|mut file| file.write_all(b"room"));
    let _ = std::fs::remove_file(&path);
    written
}

/// Whether a PostgreSQL server can be reached. Nothing is said to it: a log-in would bring its tables up to
/// date. SQLite is a file, of which the disk says enough.
pub async fn reach_database(config: &Config) -> Option<Database> {
    let url = Url::parse(config.data.database_url.expose()?).ok()?;
    // A socket in the file system has no host.
    let host = url
        .host_str()
        .filter(|_| url.scheme().starts_with("postgres"))?;
    let port = url.port().unwrap_or(POSTGRES);
    let asked = Instant::now();
    let host = host.trim_matches(['[', ']']);
    let connected = timeout(DATABASE, TcpStream::connect((host, port))).await;
    Some(Database {
        kind: "PostgreSQL",
        milliseconds: match connected {
            Ok(Ok(_)) => Ok(asked.elapsed().as_secs_f64() * 1_000.0),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer from {host}:{port}")),
        },
    })
}

/// Elements that GStreamer lacks. A child process looks: a plugin that crashes takes nothing with it.
pub async fn gstreamer() -> Result<Vec<String>, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let child = Command::new(program)
        .args(["bridge-worker", "--missing-elements"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match timeout(GSTREAMER, child).await {
        Ok(output) => output.map_err(|error| error.to_string())?,
        Err(_) => return Err("it takes too long".to_owned()),
    };
    if !output.status.success() {
        return Err(output.status.to_string());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}
