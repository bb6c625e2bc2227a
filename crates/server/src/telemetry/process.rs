//! What this process uses, where the system tells.

/// Zero where it does not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    pub(super) resident_bytes: u64,
    pub(super) open_fds: u64,
    pub(super) threads: u64,
}

/// From `/proc`, which only Linux has.
pub(super) fn usage() -> Usage {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return Usage::default() };
    let number = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()).and_then(|digits| digits.parse().ok()).unwrap_or(0)
    };
    Usage {
        resident_bytes: number("VmRSS:").saturating_mul(1024),
        open_fds: std::fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64),
        threads: number("Threads:"),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn a_process_uses_something() {
        let usage = super::usage();
        assert!(usage.resident_bytes > 100_000 && usage.open_fds > 2 && usage.threads > 0, "{usage:?}");
    }
}
