//! The process itself, under the names that dashboards for any program know.

use std::{fs, time::SystemTime};

use super::Sample;

/// Clock ticks a second in `/proc`: 100 on every Linux that Rust's standard library supports.
const TICKS_PER_SECOND: f64 = 100.0;

/// Figures of `/proc/self`; those that cannot be read are left out.
pub(crate) fn samples(started: SystemTime) -> Vec<Sample> {
    let mut samples = Vec::new();
    if let Ok(since) = started.duration_since(SystemTime::UNIX_EPOCH) {
        samples.push(Sample::gauge(
            "process_start_time_seconds",
            "When the process started, since the Unix epoch",
            since.as_secs_f64(),
        ));
    }
    if let Some(seconds) = fs::read_to_string("/proc/self/stat")
        .ok()
        .and_then(|stat| cpu_seconds(&stat))
    {
        samples.push(Sample::seconds(
            "process_cpu_seconds",
            "Processor time used, without media workers",
            seconds,
        ));
    }
    if let Some(bytes) = fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| resident_bytes(&status))
    {
        samples.push(Sample::gauge(
            "process_resident_memory_bytes",
            "Memory in use, without media workers",
            bytes,
        ));
    }
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        // A few thousand at most.
        #[allow(clippy::cast_precision_loss)]
        let open = files.count() as f64;
        samples.push(Sample::gauge(
            "process_open_fds",
            "Open file descriptors",
            open,
        ));
    }
    samples
}

/// proc_pid_stat(5): the fields behind the name, which may contain blanks.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let user: f64 = fields.nth(11)?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

/// proc_pid_status(5), in KiB.
fn resident_bytes(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 9 0 1 2 3";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(resident_bytes("Name:\tx\nVmRSS:\t   2 kB\n"), Some(2_048.0));
        let names: Vec<&str> = samples(SystemTime::now()).iter().map(|s| s.name).collect();
        assert_eq!(names.len(), 4, "{names:?}");
    }
}
