//! Ends the server when the process that started it is gone: a client that crashed sends no `exit`.
use std::time::Duration;

/// How often the process is looked for.
const EVERY: Duration = Duration::from_secs(2);

/// Watches a process from a thread of its own and ends this one with it. On systems other than Unix the server ends with its input alone.
pub fn watch(process: u32) {
    let watcher = std::thread::Builder::new().name("watchdog".into());
    // Without the thread the server still ends with its input.
    let _ = watcher.spawn(move || {
        while is_alive(process) {
            std::thread::sleep(EVERY);
        }
        std::process::exit(1);
    });
}

#[cfg(unix)]
fn is_alive(process: u32) -> bool {
    use rustix::process::{Pid, test_kill_process};
    let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) else { return true };
    // A process of another user may not be signalled, but is there.
    !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
fn is_alive(_process: u32) -> bool {
    true
}
