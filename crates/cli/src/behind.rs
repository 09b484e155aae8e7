//! A process in the background: apart from the terminal, behind all others.

/// How far behind: as `nice` does by default.
const NICENESS: i32 = 10;

/// Leaves the session of the terminal, so that its Ctrl-C and its end do not reach
/// this process, and lets others go first. What is not granted is gone without.
pub(crate) fn step_back() {
    let _ = rustix::process::setsid();
    let _ = rustix::process::nice(NICENESS);
}
