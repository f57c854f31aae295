//! How much memory the machine has left, as Linux tells it: an allocation succeeds long before there are pages for it.
use std::fs;

/// Bytes that are available without swapping, or the limit of the control group where that is less; `None` on other systems.
pub(super) fn room() -> Option<u64> {
    let available = available(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    // A group without a limit has no such file, or a word in place of a number.
    let limit = limits.iter().filter_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok()).min();
    Some(available.min(limit.unwrap_or(u64::MAX)))
}

/// `MemAvailable:   16384 kB` in bytes.
fn available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_kernel_is_read() {
        assert_eq!(available("MemTotal:  100 kB\nMemAvailable:      16384 kB\n"), Some(16384 * 1024));
        assert_eq!(available("MemTotal:  100 kB\n"), None);
    }
}
