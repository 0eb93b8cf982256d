//! The `weir` command line and the wiring of the parts; nothing else lives here.

mod assets;
mod cli;
mod commands;
mod config;
mod data_dir;
mod doctor;
mod wiring;
mod worker_identity;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

/// The system's gives each thread an arena that keeps what it once needed: over an hour of streams that come and go
/// the server would grow to twice its size.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        // Its findings are no failure of its own.
        Command::Doctor(args) => match commands::doctor(&args) {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error),
        },
        // The worker owns its threads: it must start before any runtime exists.
        Command::BridgeWorker(args) => match &args.connect {
            None if args.missing_elements => commands::missing_elements(),
            None => weir_bridge::worker::run(),
            Some(server) => commands::remote_worker(server, &args),
        },
        Command::WorkerToken(args) => commands::worker_token(&args),
        Command::DemoSource => commands::demo_source(),
        Command::Config(args) => commands::print_config(&args),
        Command::Serve(args) => commands::serve(&args),
        Command::Stream(command) => commands::stream(&command),
        Command::Token(command) => commands::token(&command),
        Command::TokenKeys(command) => commands::token_keys(&command),
        Command::User(command) => commands::user(&command),
        Command::Db(command) => commands::db(&command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            commands::say_error(&error);
            ExitCode::FAILURE
        }
    }
}
