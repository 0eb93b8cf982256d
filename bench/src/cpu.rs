//! CPU time of threads and processes.

use std::{collections::BTreeMap, fs, io, path::Path, time::Duration};

use rustix::time::{ClockId, clock_gettime};

/// CPU time of the calling thread.
pub fn of_this_thread() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // The clock counts up from zero.
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// CPU time of each thread of a process.
#[derive(Debug, Clone, Default)]
pub struct ProcessCpu {
    threads: BTreeMap<u32, Thread>,
}

#[derive(Debug, Clone)]
struct Thread {
    name: String,
    ran: Duration,
    /// Time that it could have run but another thread did.
    waited: Duration,
    /// Clock ticks in user mode and in the kernel.
    ticks: [u64; 2],
}

impl ProcessCpu {
    /// Reads `/proc/PID/task/*/schedstat`, which counts nanoseconds where `stat` counts ticks of
    /// 10 ms.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn read(pid: u32) -> io::Result<Self> {
        let mut threads = BTreeMap::new();
        for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
            let path = entry?.path();
            // A thread may end while its files are read.
            let (Ok(name), Ok(schedstat)) = (
                fs::read_to_string(path.join("comm")),
                fs::read_to_string(path.join("schedstat")),
            ) else {
                continue;
            };
            let number = path
                .file_name()
                .and_then(|name| name.to_str()?.parse().ok());
            let mut times = schedstat.split_whitespace().map(str::parse);
            if let (Some(number), Some(Ok(ran)), Some(Ok(waited))) =
                (number, times.next(), times.next())
            {
                let thread = Thread {
                    name: name.trim().to_owned(),
                    ran: Duration::from_nanos(ran),
                    waited: Duration::from_nanos(waited),
                    ticks: ticks(&path).unwrap_or_default(),
                };
                threads.insert(number, thread);
            }
        }
        Ok(Self { threads })
    }

    /// CPU time since `earlier`, by the threads' names without numbers. Threads that ended in
    /// between are missing.
    pub fn since(&self, earlier: &Self) -> BTreeMap<String, Duration> {
        self.sum_since(earlier, |thread| thread.ran)
    }

    /// Time that threads could have run and did not, since another thread had the core; by name as
    /// above.
    pub fn waited_since(&self, earlier: &Self) -> BTreeMap<String, Duration> {
        self.sum_since(earlier, |thread| thread.waited)
    }

    /// Share of the time of threads of a name that the kernel worked for them, as far as ticks of
    /// 10 ms tell; none when they did nothing.
    pub fn kernel_share(&self, earlier: &Self, name: &str) -> Option<f64> {
        let [mut user, mut kernel] = [0, 0];
        for (number, thread) in &self.threads {
            if group(&thread.name) == name {
                let before = earlier.threads.get(number).map(|thread| thread.ticks);
                let [user_before, kernel_before] = before.unwrap_or_default();
                user += thread.ticks[0].saturating_sub(user_before);
                kernel += thread.ticks[1].saturating_sub(kernel_before);
            }
        }
        let all = user + kernel;
        (all > 0).then(|| kernel as f64 / all as f64)
    }

    fn sum_since(
        &self,
        earlier: &Self,
        time: impl Fn(&Thread) -> Duration,
    ) -> BTreeMap<String, Duration> {
        let mut groups: BTreeMap<String, Duration> = BTreeMap::new();
        for (number, thread) in &self.threads {
            let before = earlier.threads.get(number).map(&time).unwrap_or_default();
            let grown = time(thread).saturating_sub(before);
            *groups.entry(group(&thread.name)).or_default() += grown;
        }
        groups
    }
}

/// `utime` and `stime` of a thread's `stat`, the 14th and the 15th field.
fn ticks(task: &Path) -> Option<[u64; 2]> {
    let stat = fs::read_to_string(task.join("stat")).ok()?;
    // The second field is a name in brackets, which may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user = fields.next()?.parse().ok()?;
    Some([user, fields.next()?.parse().ok()?])
}

/// Resident memory of a process in bytes.
///
/// # Errors
/// When there is no such process.
pub fn resident(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    // A process that is ending has none.
    Ok(kilobytes.unwrap_or(0) * 1024)
}

/// CPU time and memory of a control group, of either version of the interface.
///
/// # Errors
/// When the folder is not one.
pub fn cgroup(path: &Path) -> io::Result<(Duration, u64)> {
    let number = |file: &str| {
        let text = fs::read_to_string(path.join(file))?;
        let number = text.trim().parse::<u64>();
        number.map_err(|_| io::Error::other(format!("{file} is not a number")))
    };
    let stat = fs::read_to_string(path.join("cpu.stat")).unwrap_or_default();
    let usage = stat
        .lines()
        .find_map(|line| line.strip_prefix("usage_usec "));
    match usage.and_then(|usage| usage.parse().ok()) {
        Some(usage) => Ok((Duration::from_micros(usage), number("memory.current")?)),
        // Version 1 has a folder for each controller; the memory is only known where one serves both.
        None => {
            let memory = number("memory.usage_in_bytes").unwrap_or(0);
            Ok((Duration::from_nanos(number("cpuacct.usage")?), memory))
        }
    }
}

/// Child processes of a process.
pub fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|text| {
            text.split_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .collect::<Vec<_>>()
        })
        .collect()
}

fn group(name: &str) -> String {
    name.trim_end_matches(|c: char| c.is_ascii_digit())
        .trim_end_matches(['-', '_', ' '])
        .to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::hint::black_box;

    use super::*;

    #[test]
    fn work_shows_in_the_thread_that_did_it() {
        let (started, done) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
        std::thread::scope(|scope| {
            std::thread::Builder::new()
                .name("busy-7".to_owned())
                .spawn_scoped(scope, || {
                    started.wait();
                    let from = of_this_thread();
                    while of_this_thread() - from < Duration::from_millis(50) {
                        black_box(0);
                    }
                    done.wait();
                    done.wait();
                })
                .unwrap();
            let before = ProcessCpu::read(std::process::id()).unwrap();
            started.wait();
            done.wait();
            let after = ProcessCpu::read(std::process::id()).unwrap();
            done.wait();
            let busy = after.since(&before)["busy"];
            // A running thread's figure may be a tick of 10 ms behind.
            assert!(busy >= Duration::from_millis(30), "{busy:?}");
            // It asks the kernel for the time, but mostly it does not.
            let kernel = after.kernel_share(&before, "busy");
            assert!(kernel.is_none_or(|share| share <= 1.0), "{kernel:?}");
            assert_eq!(after.kernel_share(&before, "nobody"), None);
        });
    }

    #[test]
    fn children_are_found() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        assert!(children(std::process::id()).contains(&child.id()));
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
