//! Searches go on, right and unchanged, while the index is built anew.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::{Place, poll, text};

#[test]
fn searches_answer_the_same_while_a_full_reindex_runs() {
    let place = Place::new();
    for number in 0..150 {
        let body: String = (0..12)
            .map(|line| format!("/// Part {line} of machine {number}.\npub fn machine_{number}_{line}() -> usize {{\n    {line}\n}}\n"))
            .collect();
        place.write(&format!("machines/m{number}.rs"), &body);
    }
    let server = place.serve();
    let queries = [
        "where is the password checked",
        "machine_77_3",
        "RetryWithBackoff",
        "tax of an invoice",
    ];
    let ask = |query: &str| {
        let answer = server
            .search(&json!({ "query": query, "k": 8 }))
            .expect(200);
        json!({ "hits": answer["hits"], "mode": answer["mode"], "query": answer["query"] })
    };
    let quiet: Vec<Value> = queries.iter().map(|query| ask(query)).collect();
    let is_over = AtomicBool::new(false);
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (ask, quiet, is_over, answered) = (&ask, &quiet, &is_over, &answered);
            scope.spawn(move || {
                let mut turn = thread;
                while !is_over.load(Ordering::Relaxed) {
                    let which = turn % queries.len();
                    assert_eq!(ask(queries[which]), quiet[which]);
                    answered.fetch_add(1, Ordering::Relaxed);
                    turn += 1;
                }
            });
        }
        for _ in 0..2 {
            let job = server
                .json("POST", "/v1/repos/shop/index", &json!({ "full": true }))
                .expect(202);
            let before = answered.load(Ordering::Relaxed);
            let job = server.finish(&job);
            assert!(job["report"]["files_indexed"].as_u64() > Some(100), "{job}");
            poll(|| answered.load(Ordering::Relaxed) > before + 16);
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn requests_for_the_same_repository_share_a_job() {
    let place = Place::new();
    let server = place.serve();
    let jobs: Vec<Value> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    server
                        .json("POST", "/v1/repos/shop/index", &json!({ "full": true }))
                        .expect(202)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("answers"))
            .collect()
    });
    let mut ids: Vec<String> = jobs.iter().map(|job| text(&job["id"])).collect();
    for job in &jobs {
        server.finish(job);
    }
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() < 8, "{ids:?}");
    assert_eq!(server.paths("addToCart")[0], "web/cart.ts");
}
