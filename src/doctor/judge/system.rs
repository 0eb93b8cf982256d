//! What the machine gives the server.

use weir_protocol::{CheckCode as Code, CheckState as State, ConnectivityCheck};

use super::list;
use crate::doctor::{
    check,
    facts::{Buffers, Database, Disk, Facts, OpenFiles},
};

/// Less room than this is little, in bytes: half an hour of a recording of 2.5 Mbit/s.
const LITTLE: u64 = 1 << 30;

/// With less, nothing can be stored soon.
const NONE: u64 = 64 << 20;

pub fn judge(facts: &Facts) -> Vec<ConnectivityCheck> {
    let mut checks = Vec::new();
    checks.extend(facts.buffers.map(buffers));
    checks.extend(facts.open_files.map(open_files));
    checks.extend(facts.clock_synchronised.map(|right| match right {
        true => check(Code::ClockSynchronised, State::Ok, []),
        false => check(Code::ClockLoose, State::Warning, []),
    }));
    checks.extend(facts.disk.as_ref().map(disk));
    checks.extend(facts.database.as_ref().map(database));
    checks.extend(facts.gstreamer.as_ref().map(|found| match found {
        Ok(lacks) if lacks.is_empty() => check(Code::GstreamerComplete, State::Ok, []),
        Ok(lacks) => {
            let values = [("elements", list(lacks))];
            check(Code::GstreamerIncomplete, State::Problem, values)
        }
        Err(reason) => {
            let values = [("reason", reason.clone())];
            check(Code::GstreamerBroken, State::Problem, values)
        }
    }));
    checks
}

fn buffers(Buffers { bytes, wanted }: Buffers) -> ConnectivityCheck {
    let given = ("bytes", bytes.to_string());
    match bytes < wanted {
        false => check(Code::UdpBuffersFit, State::Ok, [given]),
        true => {
            let values = [given, ("wanted", wanted.to_string())];
            check(Code::UdpBuffersSmall, State::Warning, values)
        }
    }
}

fn open_files(OpenFiles { limit, wanted }: OpenFiles) -> ConnectivityCheck {
    let given = ("limit", limit.to_string());
    match limit < wanted {
        false => check(Code::OpenFilesFit, State::Ok, [given]),
        true => {
            let values = [given, ("wanted", wanted.to_string())];
            check(Code::OpenFilesFew, State::Warning, values)
        }
    }
}

fn disk(Disk { folder, free }: &Disk) -> ConnectivityCheck {
    let folder = ("folder", folder.clone());
    let bytes = match free {
        Ok(bytes) => *bytes,
        Err(reason) => {
            let values = [folder, ("reason", reason.clone())];
            return check(Code::DiskUnusable, State::Problem, values);
        }
    };
    // To a tenth, which is exact far beyond any disk.
    #[allow(clippy::cast_precision_loss)]
    let free = ("free", format!("{:.1}", bytes as f64 / 1e9));
    let (code, state) = match bytes {
        ..NONE => (Code::DiskFull, State::Problem),
        NONE..LITTLE => (Code::DiskFull, State::Warning),
        _ => (Code::DiskRoom, State::Ok),
    };
    check(code, state, [folder, free])
}

fn database(Database { kind, milliseconds }: &Database) -> ConnectivityCheck {
    let kind = ("kind", (*kind).to_owned());
    match milliseconds {
        Ok(ms) => {
            let values = [kind, ("milliseconds", format!("{ms:.1}"))];
            check(Code::DatabaseAnswers, State::Ok, values)
        }
        Err(reason) => {
            let values = [kind, ("reason", reason.clone())];
            check(Code::DatabaseSilent, State::Problem, values)
        }
    }
}
