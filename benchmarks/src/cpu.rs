//! CPU time of processes and cores, from `/proc` (proc(5)).

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// One clock tick of `/proc/*/stat`: `USER_HZ` is 100 on every Linux this runs on, whatever the kernel's own HZ.
const TICK: Duration = Duration::from_millis(10);

/// CPU time that a process has used so far, all its threads together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProcessTime {
    /// Time on a core, to the nanosecond, of the threads that live. A thread that ends takes its time with it, which
    /// no peer does under steady load.
    pub(crate) run: Duration,
    /// Share of it in user space, and in the kernel, in ticks.
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

impl ProcessTime {
    /// Reads the time of a process.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let tasks = format!("/proc/{pid}/task");
        let mut run = Duration::ZERO;
        for task in fs::read_dir(&tasks).with_context(|| format!("read {tasks}"))? {
            // A thread may end between the listing and the reading.
            if let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) {
                run += on_core(&text).with_context(|| format!("read schedstat of {pid}"))?;
            }
        }
        let path = format!("/proc/{pid}/stat");
        let text = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
        let [user, system, ..] = stat_times(&text).with_context(|| format!("parse {path}"))?;
        Ok(Self { run, user, system })
    }

    /// Returns the time used since an earlier reading.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            run: self.run.saturating_sub(earlier.run),
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }
}

/// Returns the CPU time of children that this process has waited for.
pub(crate) fn ended_children() -> Result<Duration> {
    let text = fs::read_to_string("/proc/self/stat").context("read /proc/self/stat")?;
    let [.., user, system] = stat_times(&text).context("parse /proc/self/stat")?;
    Ok(user + system)
}

/// What the two cores of a run did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CoreTime {
    /// Time in which something ran, of any process or interrupt.
    pub(crate) busy: Duration,
    /// Time that the hypervisor gave to others.
    pub(crate) steal: Duration,
}

impl CoreTime {
    /// Reads the time of one core.
    pub(crate) fn of(core: usize) -> Result<Self> {
        let text = fs::read_to_string("/proc/stat").context("read /proc/stat")?;
        core_time(&text, core).with_context(|| format!("no core {core} in /proc/stat"))
    }

    /// Returns the time passed since an earlier reading.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { busy: self.busy.saturating_sub(earlier.busy), steal: self.steal.saturating_sub(earlier.steal) }
    }
}

/// Returns the resident memory of a process in KiB.
pub(crate) fn resident_kib(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim_end().parse()?)
}

/// First field of schedstat: nanoseconds on a core.
fn on_core(schedstat: &str) -> Option<Duration> {
    Some(Duration::from_nanos(schedstat.split_whitespace().next()?.parse().ok()?))
}

/// Fields 14 to 17 of stat: utime, stime, cutime, cstime. The name in field 2 may hold spaces and brackets.
fn stat_times(stat: &str) -> Option<[Duration; 4]> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11).map(|field| field.parse::<u32>().ok().map(|n| TICK * n));
    Some([fields.next()??, fields.next()??, fields.next()??, fields.next()??])
}

/// Columns of a core's line: user nice system idle iowait irq softirq steal.
fn core_time(stat: &str, core: usize) -> Option<CoreTime> {
    let name = format!("cpu{core}");
    let line = stat.lines().find(|line| line.split_whitespace().next() == Some(&name))?;
    let columns: Vec<u32> = line.split_whitespace().skip(1).map_while(|n| n.parse().ok()).collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, steal, ..] = columns[..] else { return None };
    Some(CoreTime { busy: TICK * (user + nice + system + irq + softirq), steal: TICK * steal })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_measured_with_all_its_threads() {
        let before = ProcessTime::of(std::process::id()).unwrap();
        let worker = std::thread::spawn(|| (0..20_000_000_u64).fold(0, |sum, n| std::hint::black_box(sum ^ n)));
        while !worker.is_finished() {
            std::thread::yield_now();
        }
        let busy = ProcessTime::of(std::process::id()).unwrap().since(before).run;
        worker.join().unwrap();
        assert!(busy > Duration::from_millis(1), "{busy:?}");
    }

    #[test]
    fn a_name_with_brackets_hides_no_field() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194304 1 2 3 4 250 50 30 20 20 0 1 0 100 1 2";
        let ms = Duration::from_millis;
        assert_eq!(stat_times(stat), Some([ms(2500), ms(500), ms(300), ms(200)]));
        assert_eq!(stat_times("7 (a) S 1"), None);
    }

    #[test]
    fn a_core_is_found_by_its_whole_name() {
        let stat = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu1 1 2 3 4 5 6 7 8 0 0\ncpu10 9 9 9 9 9 9 9 9 0 0\nintr 1";
        let expected = CoreTime { busy: TICK * (1 + 2 + 3 + 6 + 7), steal: TICK * 8 };
        assert_eq!(core_time(stat, 1), Some(expected));
        assert_eq!(core_time(stat, 2), None);
    }

    #[test]
    fn schedstat_begins_with_the_time_on_a_core() {
        assert_eq!(on_core("123456789 42 7\n"), Some(Duration::from_nanos(123_456_789)));
        assert_eq!(on_core(""), None);
    }
}
