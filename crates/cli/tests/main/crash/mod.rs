//! The indexer is killed at each of its file operations, or each is made to fail:
//! what is there afterwards answers, is whole, and the next run makes of it what a
//! clean build makes.
//!
//! `make test` takes a sample; `make test-crash` (`WHEREIN_TEST_CRASH=all`) every
//! operation and more than a thousand kills. `WHEREIN_TEST_SCENES=full;graph` names
//! the scenes to run.

mod faults;
mod scene;

use std::time::{Duration, Instant};

use faults::{How, Plan, Ran};
use scene::{SCENES, Scene, Stage};

/// Whether every operation is taken, or a sample.
fn is_thorough() -> bool {
    std::env::var_os("WHEREIN_TEST_CRASH").is_some_and(|value| value == "all")
}

/// Which of `all` operations are taken: all, or so many, evenly.
fn chosen(all: u64, sample: u64) -> Vec<u64> {
    let count = if is_thorough() { all } else { sample.min(all) };
    (0..count).map(|at| 1 + at * all / count.max(1)).collect()
}

/// Whether a scene is among those that are named, or none is named.
fn is_wanted(scene: &Scene) -> bool {
    let named = std::env::var("WHEREIN_TEST_SCENES").unwrap_or_default();
    named.is_empty() || named.split(';').any(|name| name == scene.name)
}

/// Runs the scenes on two threads, as many as make sense on a small machine.
fn each_scene(work: impl Fn(&Scene, &Stage) + Sync) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(scene) =
                    SCENES.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    if is_wanted(scene) {
                        work(scene, &Stage::of(scene));
                    }
                }
            });
        }
    });
}

#[test]
fn killed_anywhere_nothing_is_lost() {
    each_scene(|scene, stage| {
        let mut kills = 0;
        for how in [How::Kill, How::Torn] {
            let all = stage.operations(how);
            assert!(all > 20, "{}: {all} operations", scene.name);
            let sample = if how == How::Kill { 18 } else { 4 };
            for at in chosen(all, sample) {
                stage.set();
                let plan = Plan { how, at };
                let ran = stage.run(plan);
                kills += u32::from(ran.is_killed());
                stage.verify(&format!("{} {plan:?} at {}", scene.name, ran.operation()));
            }
        }
        eprintln!("{}: {kills} kills", scene.name);
        assert!(kills >= 15, "{}: {kills} kills", scene.name);
    });
}

#[test]
fn killed_at_any_time_nothing_is_lost() {
    let count: u32 = if is_thorough() { 60 } else { 3 };
    each_scene(|scene, stage| {
        stage.set();
        let began = Instant::now();
        stage.run(Plan::none());
        let whole = began.elapsed();
        for number in 0..count {
            // Spread over the run, never twice the same: the golden ratio's rest.
            let share = (f64::from(number) * 0.618_033_988_75 + 0.2).fract();
            stage.set();
            let after = Duration::from_secs_f64(whole.as_secs_f64() * share);
            stage.run_for(after);
            stage.verify(&format!("{} killed after {after:?}", scene.name));
        }
    });
}

#[test]
fn an_operation_that_fails_is_an_error_and_nothing_is_lost() {
    each_scene(|scene, stage| {
        let mut failures = 0;
        for how in [How::Io, How::NoSpace, How::Short] {
            let all = stage.operations(how);
            for at in chosen(all, 6) {
                stage.set();
                let plan = Plan { how, at };
                let ran = stage.run(plan);
                let what = format!("{} {plan:?} at {}", scene.name, ran.operation());
                failures += u32::from(ran.code == Some(2));
                assert!(ended_well(&ran), "{what}: {ran:?}");
                stage.verify(&what);
            }
        }
        eprintln!("{}: {failures} runs failed", scene.name);
        assert!(failures > 0, "{}: no fault was noticed", scene.name);
    });
}

/// Done, or an error in one line that a person can read.
fn ended_well(ran: &Ran) -> bool {
    match ran.code {
        Some(0) => true,
        Some(2) => {
            let last = ran.err.lines().last().unwrap_or_default();
            last.starts_with("wherein: ") && !ran.err.contains("panicked at")
        }
        _ => false,
    }
}
