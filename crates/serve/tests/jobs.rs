//! Index jobs: listed, cancelled, gone on with after a restart, and what they passed over.

use std::fs;

use serde_json::{Value, json};
use wherein_index::{Location, Repository, Settings};

use crate::support::{Place, Server, poll, text};

fn large(place: &Place) {
    for number in 0..600 {
        let body: String = (0..60)
            .map(|line| {
                format!(
                    "/// Says how part {line} of {number} is done.\n\
                     pub fn part_{number}_{line}(count: usize) -> usize {{\n    count * {line}\n}}\n"
                )
            })
            .collect();
        place.write(&format!("many/part_{number}.rs"), &body);
    }
}

fn state(server: &Server, id: &str) -> Value {
    server.get(&format!("/v1/jobs/{id}")).expect(200)
}

#[test]
fn a_job_that_runs_is_cancelled_and_what_it_did_is_kept() {
    let place = Place::new();
    large(&place);
    let mut options = place.options();
    // Something is committed before the end.
    options.settings.index.checkpoint_bytes = 1 << 20;
    let server = Server::start(options);
    let path = json!({ "path": place.repository() });
    let repo = server.json("PUT", "/v1/repos/shop", &path).expect(201);
    let id = text(&repo["job"]["id"]);
    poll(|| {
        let job = state(&server, &id);
        assert!(
            job["state"] == "queued" || job["state"] == "running",
            "{job}"
        );
        job["files"].as_u64() > Some(100)
    });
    let answer = server.json("POST", &format!("/v1/jobs/{id}/cancel"), &json!({}));
    let job = answer.expect(202);
    assert!(
        job["state"] == "running" || job["state"] == "cancelled",
        "{job}"
    );
    poll(|| state(&server, &id)["state"] == "cancelled");
    // Once more is no error, and changes nothing.
    let again = server.json("POST", &format!("/v1/jobs/{id}/cancel"), &json!({}));
    assert_eq!(again.expect(202)["state"], "cancelled");
    // The next one does not begin from nothing.
    let job = server.index("shop", &json!({}));
    let report = &job["report"];
    let anew = report["files_indexed"].as_u64().expect("a number");
    let all = report["files"].as_u64().expect("a number");
    assert!(anew < all, "{report}");
    let list = server.get("/v1/jobs").expect(200);
    let ids: Vec<String> = list["jobs"]
        .as_array()
        .expect("jobs")
        .iter()
        .map(|job| text(&job["id"]))
        .collect();
    assert_eq!(ids, [text(&job["id"]), id], "the newest first");
    server
        .json("POST", "/v1/jobs/none/cancel", &json!({}))
        .problem(404, "unknown-job");
}

#[test]
fn a_report_says_what_was_passed_over_and_why() {
    let place = Place::new();
    place.write(".env", "SECRET=1\n");
    place.write("config/id_rsa", "key\n");
    place.write("image.bin", "\0\0\0\0");
    let server = place.serve();
    let job = server.index("shop", &json!({ "full": true }));
    let skips = job["report"]["skips"].as_array().expect("skips");
    let of = |reason: &str| skips.iter().find(|skip| skip["reason"] == reason);
    let secret = of("secret").unwrap_or_else(|| panic!("{job}"));
    assert_eq!(secret["paths"], 2);
    assert_eq!(secret["examples"], json!([".env", "config/id_rsa"]));
    assert!(of("binary").is_some(), "{job}");
    let sum: u64 = skips.iter().filter_map(|skip| skip["paths"].as_u64()).sum();
    assert_eq!(job["report"]["skipped"], sum);
}

#[test]
fn jobs_that_were_not_done_are_gone_on_with_after_a_restart() {
    let place = Place::new();
    large(&place);
    let server = Server::start(place.options());
    let path = json!({ "path": place.repository() });
    let repo = server.json("PUT", "/v1/repos/shop", &path).expect(201);
    let id = text(&repo["job"]["id"]);
    poll(|| state(&server, &id)["state"] == "running");
    let (_, ended) = server.end();
    ended.expect("ends well");
    let server = Server::start(place.options());
    // The id that somebody waits for is still good.
    let job = server.finish(&json!({ "id": id }));
    assert_eq!(job["report"]["complete"], true);
    assert_eq!(job["created_at"], repo["job"]["created_at"]);
    let (_, ended) = server.end();
    ended.expect("ends well");
    // What is done is not done again.
    let server = Server::start(place.options());
    server
        .get(&format!("/v1/jobs/{id}"))
        .problem(404, "unknown-job");
}

#[test]
fn a_job_waits_for_another_process_without_a_place_of_its_own() {
    let place = Place::new();
    let other = place.home().parent().expect("a parent").join("other");
    let third = place.home().parent().expect("a parent").join("third");
    for folder in [&other, &third] {
        fs::create_dir_all(folder).expect("creates");
        fs::write(folder.join("a.py"), "def a():\n    return 1\n").expect("writes");
    }
    let server = place.serve();
    server.register("other", &other);
    // Another process writes both: their jobs wait, though only two may run at once.
    let settings = Settings::load(None).expect("settings");
    let locks: Vec<fs::File> = [place.repository(), other.clone()]
        .iter()
        .map(|root| {
            let location = Location::exactly(&place.home(), root).expect("a place");
            let repository = Repository::open(location, settings.clone(), None).expect("opens");
            let lock = repository.location().index.join("lock");
            let lock = fs::File::options().write(true).open(lock).expect("a lock");
            lock.lock().expect("is ours");
            lock
        })
        .collect();
    // There is something to do.
    place.write("src/new.rs", "pub fn newly_made() {}\n");
    fs::write(other.join("b.py"), "def b():\n    return 2\n").expect("writes");
    let ask = |name: &str| {
        let path = format!("/v1/repos/{name}/index");
        text(&server.json("POST", &path, &json!({})).expect(202)["id"])
    };
    let waiting = [ask("shop"), ask("other")];
    poll(|| {
        waiting.iter().all(|id| {
            let job = state(&server, id);
            job["state"] == "queued" && job["waits_for"].is_string()
        })
    });
    server.register("third", &third);
    drop(locks);
    for id in waiting {
        let job = server.finish(&json!({ "id": id }));
        assert_eq!(job["waits_for"], Value::Null);
    }
}
