//! What a worker may take of the machine. It confines itself before it reads a byte of media.

use std::{fs, io::Write};

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, set_dumpable_behavior,
    set_parent_process_death_signal, setpriority_process, setrlimit,
};

use crate::config::{LIMITS_VARIABLE, WorkerLimits};

/// When memory gets short the kernel ends workers first: one of them costs a stream a second, the
/// server costs all of them.
const OOM_SCORE: &str = "500";

/// Applies all limits. Must run before there are other threads. What the system does not allow is left
/// out and said in the log.
pub(super) fn confine() {
    let limits: WorkerLimits = std::env::var(LIMITS_VARIABLE)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    close_inherited();
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    note("no core dumps", setrlimit(Resource::Core, none));
    // A core dump by a program of the system ignores that limit.
    note(
        "no core dumps",
        set_dumpable_behavior(DumpableBehavior::NotDumpable),
    );
    note("no new privileges", rustix::thread::set_no_new_privs(true));
    // The end of the link says the same, to a worker that still reads it.
    note(
        "end with the server",
        set_parent_process_death_signal(Some(Signal::KILL)),
    );
    if limits.memory_mib > 0 {
        // Of what it writes to: reserved address space, of which codecs and threads take much, does
        // not count.
        let bytes = Some(limits.memory_mib.saturating_mul(1 << 20));
        let limit = Rlimit {
            current: bytes,
            maximum: bytes,
        };
        note("memory", setrlimit(Resource::Data, limit));
    }
    if limits.nice > 0 {
        note("nice", setpriority_process(None, limits.nice.into()));
    }
    note(
        "OOM score",
        fs::write("/proc/self/oom_score_adj", OOM_SCORE),
    );
}

/// Closes what whoever started the server left open; our own files are closed at exec anyway.
fn close_inherited() {
    let Ok(folder) = fs::read_dir("/proc/self/fd") else {
        return;
    };
    let open = folder.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    for file in open.filter(|file| *file > 2).collect::<Vec<_>>() {
        // The folder itself was among them, and is closed by now.
        if fs::read_link(format!("/proc/self/fd/{file}")).is_err() {
            continue;
        }
        // SAFETY: this runs first of all in the process, before anything of ours owns a file beside
        // the three standard ones.
        unsafe { rustix::io::close(file) };
    }
}

fn note<T, E: std::fmt::Display>(what: &str, result: Result<T, E>) {
    if let Err(error) = result {
        // If standard error is gone there is nobody left to tell.
        let _ = writeln!(
            std::io::stderr(),
            "bridge worker: a limit cannot be set ({what}): {error}"
        );
    }
}
