//! What this process uses, as the system tells it.

/// Memory and processor time; zero where the system does not tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) resident_bytes: u64,
    pub(crate) private_bytes: u64,
    pub(crate) cpu_seconds: f64,
}

impl Usage {
    #[cfg(target_os = "linux")]
    pub(crate) fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let kilobytes = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            let number = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
            number.unwrap_or(0) * 1024
        };
        // After the name, which may hold anything: the 12th and 13th are ticks of .01 s.
        let after_name = stat.rsplit_once(") ").map_or("", |parts| parts.1);
        let ticks = after_name.split(' ').skip(11).take(2);
        let ticks: u64 = ticks.filter_map(|number| number.parse::<u64>().ok()).sum();
        Self {
            resident_bytes: kilobytes("VmRSS:"),
            private_bytes: kilobytes("RssAnon:"),
            cpu_seconds: ticks as f64 / 100.0,
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn now() -> Self {
        Self::default()
    }
}

/// Lets this thread, and those that it starts, go behind all others from now on. Where
/// threads have no order of their own, nothing is done.
pub(crate) fn go_behind() {
    #[cfg(target_os = "linux")]
    if rustix::process::getpriority_process(None).is_ok_and(|order| order < BEHIND)
        && let Err(error) = rustix::process::setpriority_process(None, BEHIND)
    {
        tracing::debug!(%error, "index jobs have the order of searches");
    }
}

/// How far behind: beside a search such a thread gets a thirtieth of a core.
#[cfg(target_os = "linux")]
const BEHIND: i32 = 15;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_uses_something() {
        let start = std::time::Instant::now();
        while start.elapsed() < std::time::Duration::from_millis(60) {
            std::hint::black_box(start);
        }
        let usage = Usage::now();
        assert!(usage.resident_bytes >= usage.private_bytes && usage.private_bytes > 100_000);
        assert!(usage.cpu_seconds >= 0.03 && usage.cpu_seconds < 1000.0);
    }

    #[test]
    fn one_thread_goes_behind_and_those_that_it_starts() {
        let order = || rustix::process::getpriority_process(None).expect("a number");
        let before = order();
        let (own, started) = std::thread::spawn(move || {
            go_behind();
            (order(), std::thread::spawn(order).join().expect("ends"))
        })
        .join()
        .expect("ends");
        let behind = before.max(BEHIND);
        assert_eq!((own, started), (behind, behind));
        assert_eq!(order(), before);
    }
}
