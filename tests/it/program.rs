//! The program under test.

use std::{
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use weir_bench::server::{Server, plain_command, succeeded};

/// Longest wait for anything that another process does. Generous: a test machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The binary that cargo built for these tests.
pub fn weir() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_weir"))
}

/// A running server with its own ports and folder.
pub async fn serve() -> Server {
    Server::start(weir()).await.unwrap()
}

/// The program in a folder, not beside a server.
pub fn command(dir: &Path) -> Command {
    plain_command(weir(), dir)
}

/// Standard output of a command that must succeed.
pub fn stdout(output: &Output) -> String {
    String::from_utf8(succeeded(output).unwrap().to_vec()).unwrap()
}

/// Standard error of a command that must fail in an orderly way.
pub fn error(output: &Output) -> String {
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Waits until a condition holds that another process brings about.
pub async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !condition().await {
        assert!(tokio::time::Instant::now() < deadline, "waited for: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
