//! `weir demo-source`: the test picture of `serve --demo`, in a process of its own like all media
//! work. Where it publishes, and with which key, comes over standard input: a key does not belong
//! into the arguments, which everybody on the machine can read.

use std::process::Stdio;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tokio::{io::AsyncWriteExt, process::Command};
use tokio_util::sync::CancellationToken;
use weir_bridge::demo::{self, DemoTarget};

/// What the parent writes on standard input, one JSON object.
#[derive(Serialize, Deserialize)]
struct Order {
    url: String,
    key: String,
}

/// The child's side.
pub fn demo_source() -> anyhow::Result<()> {
    let order: Order =
        serde_json::from_reader(std::io::stdin().lock()).context("no order on standard input")?;
    super::block_on(async {
        let cancel = CancellationToken::new();
        demo::run(DemoTarget::new(order.url, order.key), cancel).await?;
        Ok(())
    })
}

/// The parent's side: starts the child, which ends when `stop` is cancelled or the server dies.
pub async fn start_demo(url: String, key: String, stop: CancellationToken) -> anyhow::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("demo-source")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    let mut child = command.spawn().context("cannot start the demo source")?;
    let order = serde_json::to_vec(&Order { url, key })?;
    let mut stdin = child.stdin.take().context("the demo source has no input")?;
    stdin.write_all(&order).await?;
    drop(stdin);
    tokio::spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            ended = child.wait() => tracing::warn!(?ended, "the demo source ended"),
        }
    });
    Ok(())
}
