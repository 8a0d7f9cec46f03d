//! What this process uses, as Linux tells it; zeros elsewhere.

use std::{fs, time::Duration};

/// What a process uses.
#[derive(Debug, Default)]
pub(crate) struct Used {
    pub memory_bytes: u64,
    pub cpu: Duration,
    pub files: usize,
    pub threads: u64,
}

/// Ticks of a second in which Linux tells times to programs, on every machine.
const TICKS_PER_SECOND: u64 = 100;

/// Looks, in some ten microseconds.
pub(crate) fn look() -> Used {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    Used {
        memory_bytes: field(&status, "VmRSS:") << 10,
        cpu: cpu(&stat),
        // The folder that is being read is one of them.
        files: fs::read_dir("/proc/self/fd").map_or(0, |it| it.count().saturating_sub(1)),
        threads: field(&status, "Threads:"),
    }
}

fn field(status: &str, name: &str) -> u64 {
    let found = status.lines().find_map(|line| line.strip_prefix(name));
    found.and_then(|it| it.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The time in the program and in the kernel: the 14th and 15th field. The second one is the name in
/// parentheses, which may hold anything.
fn cpu(stat: &str) -> Duration {
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 =
        rest.split_whitespace().skip(11).take(2).filter_map(|it| it.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{cpu, field};

    #[test]
    fn what_linux_tells_is_read() {
        assert_eq!(field("Name:\tx\nVmRSS:\t  1234 kB\nThreads:\t5\n", "VmRSS:"), 1_234);
        assert_eq!(field("nothing", "VmRSS:"), 0);
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 0 0 0 150 25 0 0 20 0 9 0 1 2 3";
        assert_eq!(cpu(stat), Duration::from_millis(1_750));
        assert_eq!(cpu(""), Duration::ZERO);
    }
}
