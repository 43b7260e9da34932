//! What the system says of this process, under the names that Prometheus clients agree on. Linux only: elsewhere
//! it is left out.

use std::fs;

use super::Page;

/// Tells what `/proc/self` has.
pub(super) fn tell(page: &mut Page) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = |key: &str| Some(number(field(&status, key)?.strip_suffix(" kB")?)? * 1024.0);
    let mut gauge = |name, help, value: Option<f64>| {
        if let Some(value) = value {
            page.gauge(name, help, &[], value);
        }
    };
    gauge("process_resident_memory_bytes", "Memory of the process that is in RAM.", kib("VmRSS:"));
    gauge("process_virtual_memory_bytes", "Address space of the process.", kib("VmSize:"));
    gauge("process_threads", "Threads of the process.", field(&status, "Threads:").and_then(number));
    gauge("process_open_fds", "File descriptors that are open.", descriptors());
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let most = field(&limits, "Max open files").and_then(|rest| number(rest.split_whitespace().next()?));
    gauge("process_max_fds", "File descriptors that may be open.", most);
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let boot = fs::read_to_string("/proc/stat").unwrap_or_default();
    let boot = field(&boot, "btime").and_then(number);
    let started = ticks(&stat, START_TIME).zip(boot).map(|(ticks, boot)| boot + ticks);
    gauge("process_start_time_seconds", "When the process began, in seconds since 1970.", started);
    if let Some(cpu) = ticks(&stat, USER_TIME).zip(ticks(&stat, SYSTEM_TIME)) {
        page.counter("process_cpu_seconds_total", "CPU time that the process has used.", &[], cpu.0 + cpu.1);
    }
}

fn descriptors() -> Option<f64> {
    // One of them is that of the folder itself.
    let count = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    u32::try_from(count).ok().map(f64::from)
}

/// What stands behind a word at the beginning of a line.
fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim)
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

/// A time of `/proc/self/stat`, in seconds; fields are counted from 0 behind the name, which may hold blanks.
fn ticks(stat: &str, index: usize) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(index).and_then(number).map(|ticks| ticks / TICKS_PER_SECOND)
}

const USER_TIME: usize = 11;
const SYSTEM_TIME: usize = 12;
const START_TIME: usize = 19;

/// `USER_HZ`, which Linux has fixed for all programs.
const TICKS_PER_SECOND: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_behind_a_name_with_blanks_and_brackets() {
        let stat = "12 (a b) c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 3 0 12300 1 2";
        assert_eq!((ticks(stat, USER_TIME), ticks(stat, SYSTEM_TIME)), (Some(1.5), Some(0.5)));
        assert_eq!(ticks(stat, START_TIME), Some(123.0));
        assert_eq!(ticks("nothing", START_TIME), None);
    }

    #[test]
    fn this_process_is_told_of() {
        let mut page = Page::default();
        tell(&mut page);
        let text = page.text();
        for name in ["process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total"] {
            assert!(text.contains(&format!("\n{name} ")), "{name}: {text}");
        }
    }
}
