//! The PostgreSQL server of this test program: started by the first test that needs it, reached over a
//! Unix socket, one database per test.

use std::{
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{Connection, Executor, PgConnection};

struct Server {
    folder: PathBuf,
    /// Its standard input is open as long as this program runs; at the end the script stops the server.
    _script: Child,
}

/// A new empty database; gives its URL.
pub async fn new_database() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let server = SERVER.get_or_init(start);
    let name = format!("case_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut connection = PgConnection::connect(&url(&server.folder, "postgres"))
        .await
        .unwrap();
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    connection.execute(create).await.unwrap();
    connection.close().await.unwrap();
    url(&server.folder, &name)
}

fn url(folder: &Path, database: &str) -> String {
    format!(
        "postgres://weir@localhost/{database}?host={}",
        folder.display()
    )
}

fn start() -> Server {
    let binaries = binaries();
    let search = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("sh");
    command
        .args(["-c", include_str!("postgres.sh")])
        .current_dir("/")
        .env("PATH", format!("{}:{search}", binaries.display()))
        .env_remove("PGHOST")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Its own process group: an interrupt from the terminal ends the tests, and the script then
        // sees its input end and stops the server in order.
        .process_group(0);
    // PostgreSQL refuses to run as root.
    if id(&["-u"]) == 0 {
        command
            .uid(id(&["-u", "postgres"]))
            .gid(id(&["-g", "postgres"]));
    }
    let mut script = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(script.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let folder = line.trim_end().strip_prefix("READY ");
    let folder = folder
        .expect("PostgreSQL started; its own words stand above")
        .into();
    Server {
        folder,
        _script: script,
    }
}

/// The folder with `initdb` and `postgres`, which Debian keeps out of `PATH`.
fn binaries() -> PathBuf {
    let on_path = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists());
    let debian = || {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let mut folders: Vec<_> = versions.flatten().map(|v| v.path().join("bin")).collect();
        folders.retain(|folder| folder.join("postgres").exists());
        folders.sort();
        folders.pop()
    };
    on_path.or_else(debian).expect(
        "these tests need PostgreSQL's server: run script/bootstrap, or install the package `postgresql`",
    )
}

fn id(arguments: &[&str]) -> u32 {
    let output = Command::new("id").args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim()
        .parse()
        .expect("a user id; PostgreSQL's package makes the user `postgres`")
}
