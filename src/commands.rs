//! The commands. Each file is one.

mod db;
mod demo_source;
mod doctor;
mod first_run;
mod serve;
mod stream;
mod token;
mod user;
mod worker;

use std::{future::Future, io::Write as _};

use anyhow::Context;

use crate::cli::Settings;

pub use db::db;
pub use demo_source::{demo_source, start_demo};
pub use doctor::{doctor, missing_elements};
pub use serve::serve;
pub use stream::stream;
pub use token::{token, token_keys};
pub use user::user;
pub use worker::{remote_worker, worker_token};

/// `weir config`
pub fn print_config(settings: &Settings) -> anyhow::Result<()> {
    let config = settings.load()?;
    print(&toml::to_string_pretty(&config).context("the configuration cannot be printed")?)
}

/// Runs a short command to its end.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(work)
}

/// Writes to standard output; a closed pipe is an error like any other, not a panic.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(())
}

/// The last words of a command that failed.
pub fn say_error(error: &anyhow::Error) {
    // Some errors say their cause themselves: nobody needs to read it twice.
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.contains(&cause) {
            let separator = if text.is_empty() { "" } else { ": " };
            text += separator;
            text += &cause;
        }
    }
    // Nothing can be done when even standard error is closed.
    let _ = writeln!(std::io::stderr(), "weir: {text}");
}
