//! What cannot be brought about from outside: panics, requests without end, a
//! full queue of jobs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::routing::get;
use serde_json::Value;
use tower::ServiceExt;
use wherein_index::{IndexError, Settings};

use crate::job::{Job, JobState, Wish};
use crate::jobs::{Jobs, MAX_QUEUED, Refused};
use crate::metrics::Metrics;
use crate::served::{First, Opener, Served};
use crate::unfinished::Unfinished;
use crate::{AppState, ServeOptions};

fn state(home: &Path, timeout_seconds: u64) -> AppState {
    let mut settings = Settings::load(None).expect("settings");
    settings.serve.timeout_seconds = timeout_seconds;
    let listen = "127.0.0.1:0".parse().expect("address");
    let options = ServeOptions {
        listen,
        tokens: crate::Tokens::default(),
        settings,
        home: home.to_owned(),
        repositories: Vec::new(),
        reload: None,
    };
    AppState::open(&options, listen).expect("state")
}

async fn panics() -> StatusCode {
    panic!("on purpose")
}

async fn ask(router: &Router, path: &str) -> (StatusCode, Value) {
    let request = Request::get(path)
        .header("host", "localhost")
        .body(Body::empty())
        .expect("request");
    let response = router.clone().oneshot(request).await.expect("infallible");
    let status = response.status();
    let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("body");
    (status, serde_json::from_slice(&bytes).expect("json"))
}

#[tokio::test]
async fn a_panic_and_a_request_without_end_are_answered() {
    let home = tempfile::tempdir().expect("folder");
    let routes = Router::new()
        .route("/panic", get(panics))
        .route("/bare", get(|| async { StatusCode::IM_A_TEAPOT }))
        .route("/slow", get(std::future::pending::<StatusCode>));
    let service = super::layered(routes, state(home.path(), 0));
    for (path, status, kind) in [
        ("/panic", 500, "urn:wherein:problem:internal"),
        ("/slow", 503, "urn:wherein:problem:timeout"),
        ("/bare", 418, "urn:wherein:problem:http"),
        ("/none", 404, "urn:wherein:problem:unknown-route"),
    ] {
        let (given, problem) = ask(&service, path).await;
        assert_eq!(given.as_u16(), status, "{path}");
        assert_eq!(problem["type"], kind, "{path}");
        assert_eq!(problem["status"], status, "{path}");
        assert!(
            problem["instance"]
                .as_str()
                .is_some_and(|text| text.starts_with("urn:wherein:request:")),
            "{path}"
        );
    }
}

#[test]
fn every_route_that_is_registered_is_described() {
    // The router does not tell its routes otherwise.
    fn shown<S>(router: &Router<S>) -> Vec<String> {
        let shown = format!("{router:?}");
        let texts = shown.split('"').filter(|text| text.starts_with('/'));
        texts.map(str::to_owned).collect()
    }
    let (router, document) = crate::routes::openapi::all_routes().split_for_parts();
    let mut registered = shown(&router);
    for of_every_router in shown(&Router::<AppState>::new()) {
        let place = registered.iter().position(|path| *path == of_every_router);
        registered.remove(place.expect("it is there"));
    }
    registered.sort_unstable();
    registered.dedup();
    let mut described: Vec<&String> = document.paths.paths.keys().collect();
    described.sort_unstable();
    assert!(described.len() >= 9, "{described:?}");
    assert!(registered.iter().eq(described), "{registered:?}");
}

/// Repositories whose opening waits for a word, and then fails.
struct Halted {
    served: Vec<Arc<Served>>,
    opened: Arc<AtomicUsize>,
    go_on: Sender<()>,
}

fn halted(count: usize) -> Halted {
    let (go_on, words): (Sender<()>, Receiver<()>) = channel();
    let words = Mutex::new(words);
    let count_opened = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count_opened);
    let opener: Arc<Opener> = Arc::new(move |_: &Path, _| {
        counter.fetch_add(1, Ordering::SeqCst);
        let _ = words.lock().expect("lock").recv();
        Err(IndexError::NoHome)
    });
    let served = (0..count)
        .map(|number| {
            Arc::new(Served::new(
                format!("r{number}"),
                PathBuf::from("/none"),
                false,
                Arc::clone(&opener),
                None,
                First::Follow,
            ))
        })
        .collect();
    Halted {
        served,
        opened: count_opened,
        go_on,
    }
}

fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::yield_now();
    }
}

fn is_failed(job: &Job) -> bool {
    job.state() == JobState::Failed
}

#[test]
fn a_wish_while_a_job_runs_makes_it_run_once_more() {
    let halted = halted(1);
    let jobs = Jobs::new(None, Arc::new(Metrics::new()), false);
    let served = &halted.served[0];
    let job = jobs.ask(served, Wish::Refresh).expect("job");
    eventually("it runs", || halted.opened.load(Ordering::SeqCst) == 1);
    for wish in [
        Wish::Refresh,
        Wish::Asked { full: false },
        Wish::Asked { full: true },
    ] {
        let joined = jobs.ask(served, wish).expect("job");
        assert!(Arc::ptr_eq(&joined, &job));
    }
    halted.go_on.send(()).expect("word");
    eventually("it runs again", || {
        halted.opened.load(Ordering::SeqCst) == 2
    });
    assert_eq!(job.state(), JobState::Running);
    halted.go_on.send(()).expect("word");
    eventually("it ends", || jobs.active(served).is_none());
    assert!(is_failed(&job));
    assert_eq!(halted.opened.load(Ordering::SeqCst), 2);
    assert!(jobs.find(&job.id).is_some(), "its id was given away");
}

#[test]
fn a_look_that_nobody_asked_for_is_forgotten() {
    let halted = halted(1);
    let jobs = Jobs::new(None, Arc::new(Metrics::new()), false);
    let job = jobs.ask(&halted.served[0], Wish::Refresh).expect("job");
    halted.go_on.send(()).expect("word");
    eventually("it ends", || jobs.active(&halted.served[0]).is_none());
    assert!(is_failed(&job));
    assert!(jobs.find(&job.id).is_none());
}

#[tokio::test]
async fn the_queue_is_bounded_and_an_end_cancels_it() {
    let halted = halted(MAX_QUEUED + 3);
    let jobs = Jobs::new(None, Arc::new(Metrics::new()), false);
    let wish = Wish::Asked { full: false };
    let mut taken = Vec::new();
    for served in &halted.served[..2] {
        taken.push(jobs.ask(served, wish).expect("job"));
    }
    eventually("two run", || {
        taken.iter().all(|job| job.state() == JobState::Running)
    });
    for served in &halted.served[2..MAX_QUEUED + 2] {
        taken.push(jobs.ask(served, wish).expect("job"));
    }
    let last = &halted.served[MAX_QUEUED + 2];
    assert_eq!(jobs.ask(last, wish).err(), Some(Refused::Full));
    assert!(
        jobs.ask(&halted.served[5], wish).is_ok(),
        "one that waits is joined"
    );
    jobs.cancel(&halted.served[2]);
    assert_eq!(taken[2].state(), JobState::Cancelled);
    assert!(jobs.ask(last, wish).is_ok(), "there is a place again");
    jobs.close();
    assert_eq!(jobs.ask(last, wish).err(), Some(Refused::Closed));
    for _ in 0..2 {
        halted.go_on.send(()).expect("word");
    }
    jobs.idle().await;
    for job in &taken {
        assert_eq!(job.state(), JobState::Cancelled, "{}", job.id);
        assert!(jobs.find(&job.id).is_some());
    }
    assert_eq!(halted.opened.load(Ordering::SeqCst), 2);
}

#[test]
fn of_jobs_that_are_left_it_is_known_which_had_begun() {
    let home = tempfile::tempdir().expect("folder");
    let halted = halted(3);
    let unfinished = Unfinished::open(home.path());
    let jobs = Jobs::new(unfinished, Arc::new(Metrics::new()), false);
    let wish = Wish::Asked { full: false };
    for served in &halted.served {
        jobs.ask(served, wish).expect("job");
    }
    let attempts = || -> Vec<u32> {
        let left = jobs.left();
        left.iter().map(|entry| entry.attempts).collect()
    };
    // Two run at once, and the third has not begun.
    eventually("two run", || attempts() == [1, 1, 0]);
    for _ in 0..3 {
        halted.go_on.send(()).expect("word");
    }
    eventually("all end", || jobs.left().is_empty());
}
