//! Ctrl-C: the first asks the run to stop and keep what is done, the second
//! ends the program at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use wherein_index::Progress;

static RUNNING: Mutex<Option<Arc<Progress>>> = Mutex::new(None);
static AT_ONCE: AtomicBool = AtomicBool::new(false);
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static INSTALLED: OnceLock<bool> = OnceLock::new();

/// Lets Ctrl-C and SIGTERM stop this run.
pub(crate) fn stops(progress: &Arc<Progress>) {
    *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(progress));
    INSTALLED.get_or_init(|| {
        // Without a handler Ctrl-C still ends the program, and the index is
        // as it was at the last commit.
        ctrlc::set_handler(on_signal).is_ok()
    });
}

#[expect(clippy::exit, reason = "the user insists")]
fn on_signal() {
    if INTERRUPTED.swap(true, Ordering::Relaxed) || AT_ONCE.load(Ordering::Relaxed) {
        std::process::exit(130);
    }
    if let Some(progress) = &*RUNNING.lock().unwrap_or_else(PoisonError::into_inner) {
        progress.stop();
    }
}

/// From now on nothing is left that could stop half way: the first signal ends
/// the program.
pub(crate) fn ends_at_once() {
    AT_ONCE.store(true, Ordering::Relaxed);
}

/// Whether Ctrl-C was pressed.
pub(crate) fn happened() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}
