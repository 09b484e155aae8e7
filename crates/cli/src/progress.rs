//! The progress bar: on a terminal only, and only for runs that take a while.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use wherein_index::{Phase, Progress};

use crate::display;

/// Runs shorter than this draw nothing.
const PATIENCE: Duration = Duration::from_millis(300);
const TICK: Duration = Duration::from_millis(80);

/// Runs `work` while a bar shows how far it is.
pub(crate) fn shown<T>(progress: &Arc<Progress>, work: impl FnOnce() -> T) -> T {
    if !std::io::stderr().is_terminal() {
        return work();
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| draw(progress, &done));
        // Ends the bar also when the work panics.
        let _end = OnDrop(&done);
        work()
    })
}

struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn draw(progress: &Progress, done: &AtomicBool) {
    let started = Instant::now();
    let mut bar: Option<ProgressBar> = None;
    while !done.load(Ordering::Relaxed) {
        std::thread::sleep(TICK);
        if started.elapsed() < PATIENCE {
            continue;
        }
        let bar = bar.get_or_insert_with(new_bar);
        bar.set_length(progress.bytes_total.load(Ordering::Relaxed));
        bar.set_position(progress.bytes.load(Ordering::Relaxed));
        bar.set_prefix(progress.phase().name());
        bar.set_message(message(progress, started));
        bar.tick();
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

fn new_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    let template = "{prefix:>10} {wide_bar} {percent:>3}%  {msg}  ETA {eta}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

fn message(progress: &Progress, started: Instant) -> String {
    let seconds = started.elapsed().as_secs_f64().max(0.001);
    let files = progress.files.load(Ordering::Relaxed);
    let chunks = progress.chunks.load(Ordering::Relaxed);
    let rate = |number: u64| display::count((number as f64 / seconds) as u64);
    match progress.phase() {
        Phase::Indexing => format!(
            "{}/{} files  {} files/s  {} chunks/s",
            display::count(files),
            display::count(progress.files_total.load(Ordering::Relaxed)),
            rate(files),
            rate(chunks),
        ),
        _ => String::new(),
    }
}
