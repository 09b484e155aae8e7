//! The life of a service: register, search, change, reindex, restart, end.

use std::fs;
use std::io::{BufReader, Write};
use std::time::Duration;

use serde_json::{Value, json};
use wherein_serve::{ServeError, Tokens};

use crate::support::{Answer, Place, Server, options, poll, start_error, text};

#[test]
fn a_repository_is_registered_searched_changed_and_searched_again() {
    let place = Place::new();
    let server = Server::start(place.options());
    assert_eq!(server.get("/v1/repos").expect(200), json!({ "repos": [] }));
    let answer = server.json(
        "PUT",
        "/v1/repos/shop",
        &json!({ "path": place.repository() }),
    );
    let repo = answer.expect(201);
    assert_eq!(answer.header("location"), Some("/v1/repos/shop"));
    assert_eq!(repo["name"], "shop");
    let job = server.finish(&repo["job"]);
    assert_eq!(job["repo"], "shop");
    assert_eq!(job["report"]["files"], 6, "{job}");
    assert_eq!(job["report"]["complete"], true);
    assert_eq!(
        (&job["files"], &job["phase"]),
        (&job["files_total"], &json!("done"))
    );

    let answer = server
        .search(&json!({ "query": "where is the password checked", "k": 3 }))
        .expect(200);
    let hit = &answer["hits"][0];
    assert_eq!(hit["path"], "src/auth/login.rs", "{answer}");
    assert_eq!(
        (&hit["repo"], &hit["rank"], &hit["language"]),
        (&json!("shop"), &json!(1), &json!("rust"))
    );
    assert!(text(&hit["text"]).contains("password_hash"));
    assert!(hit.get("explain").is_none());
    assert!(answer["hits"].as_array().expect("hits").len() <= 3);
    let index = &answer["index"];
    let root = place.repository().canonicalize().expect("exists");
    assert_eq!(index["repo"], json!(root));
    assert_eq!(
        (&index["fresh"], &index["pending_files"]),
        (&json!(true), &json!(0)),
        "{index}"
    );

    place.write(
        "src/auth/login.rs",
        "/// Admits visitors by fingerprint.\npub fn fingerprint_gate() -> bool {\n    true\n}\n",
    );
    let stale = server
        .search(&json!({ "query": "where is the password checked" }))
        .expect(200);
    for hit in stale["hits"].as_array().expect("hits") {
        assert_ne!(
            hit["path"], "src/auth/login.rs",
            "it is not as it was indexed"
        );
    }
    assert_eq!(stale["index"]["fresh"], false);
    let job = server.index("shop", &json!({ "paths": ["src/auth/login.rs"] }));
    assert_eq!(job["report"]["files_indexed"], 1);
    let answer = server
        .search(&json!({ "query": "fingerprint_gate", "explain": true }))
        .expect(200);
    assert_eq!(answer["hits"][0]["path"], "src/auth/login.rs");
    assert!(answer["hits"][0]["explain"]["contributions"].is_array());
    assert!(answer["index"]["generation"].as_u64() > index["generation"].as_u64());

    let repo = server.get("/v1/repos/shop").expect(200);
    assert_eq!(
        (&repo["state"], &repo["index"]["files"], &repo["job"]),
        (&json!("indexed"), &json!(6), &Value::Null)
    );
    assert_eq!(server.get("/v1/repos").expect(200)["repos"], json!([repo]));
    let again = server.json(
        "PUT",
        "/v1/repos/shop",
        &json!({ "path": place.repository() }),
    );
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(
        server.send("DELETE", "/v1/repos/shop", &[], b"").status,
        204
    );
    server
        .get("/v1/repos/shop")
        .problem(404, "unknown-repository");
    server
        .search(&json!({ "query": "login" }))
        .problem(409, "not-indexed");
}

#[test]
fn several_repositories_give_one_answer() {
    let place = Place::new();
    let other = Place::new();
    other.write(
        "only/here.rs",
        "/// Folds paper into cranes.\npub fn fold_crane() {}\n",
    );
    let server = place.serve();
    server.register("other", &other.repository());
    let body = json!({ "query": "fold_crane", "repos": ["other", "shop", "other"] });
    let answer = server.search(&body).expect(200);
    assert_eq!(answer["hits"][0]["repo"], "other");
    assert_eq!(
        (&answer["index"]["repo"], &answer["index"]["head"]),
        (&json!(""), &Value::Null)
    );
    let all = server.search(&json!({ "query": "fold_crane" })).expect(200);
    assert_eq!(all["hits"], answer["hits"]);
    let ranks: Vec<_> = all["hits"]
        .as_array()
        .expect("hits")
        .iter()
        .map(|hit| hit["rank"].as_u64())
        .collect();
    assert!(
        ranks
            .iter()
            .enumerate()
            .all(|(index, rank)| *rank == Some(index as u64 + 1))
    );
    let one = server
        .search(&json!({ "query": "fold_crane", "repos": ["shop"] }))
        .expect(200);
    assert!(
        one["hits"]
            .as_array()
            .expect("hits")
            .iter()
            .all(|hit| hit["repo"] == "shop")
    );
}

#[test]
fn hits_can_be_kept_to_what_changed_since_a_revision() {
    let place = Place::new();
    place.git(&["init", "--quiet"]);
    place.git(&["add", "."]);
    place.git(&["commit", "--quiet", "--message=x"]);
    place.write("src/new.py", "def customer_session():\n    return None\n");
    let server = place.serve();
    let search = |revision: &str| {
        let filters = json!({ "changed_since": revision });
        server.search(&json!({ "query": "customer session", "filters": filters }))
    };
    let answer = search("HEAD").expect(200);
    let hits = answer["hits"].as_array().expect("hits");
    assert!(
        hits.iter().all(|hit| hit["path"] == "src/new.py") && !hits.is_empty(),
        "{answer}"
    );
    let problem = search("v9").problem(409, "unknown-revision");
    assert!(text(&problem["detail"]).contains("v9"), "{problem}");
}

#[test]
fn filters_keep_hits_to_what_they_name() {
    let place = Place::new();
    let server = place.serve();
    for (filters, language) in [
        (json!({ "languages": ["py"] }), "python"),
        (json!({ "paths": ["src/http/**"] }), "go"),
        (
            json!({ "paths": ["!src/**", "!*.md", "!*.sql"] }),
            "typescript",
        ),
        (json!({ "kinds": ["section"] }), "markdown"),
    ] {
        let body = json!({ "query": "customer request session of the shop", "filters": filters });
        let answer = server.search(&body).expect(200);
        let hits = answer["hits"].as_array().expect("hits");
        assert!(!hits.is_empty(), "{filters}");
        assert!(
            hits.iter().all(|hit| hit["language"] == language),
            "{filters}: {hits:?}"
        );
    }
}

#[test]
fn a_search_starts_a_look_when_the_last_one_is_old() {
    let place = Place::new();
    let mut options = place.options();
    options.settings.serve.refresh_seconds = 0;
    let server = Server::start(options);
    server.register("shop", &place.repository());
    place.write(
        "src/new.rs",
        "/// Tunes a violin.\npub fn tune_violin() {}\n",
    );
    poll(|| {
        server
            .paths("tune_violin")
            .first()
            .is_some_and(|path| path == "src/new.rs")
    });
}

#[test]
fn a_job_is_followed_as_it_goes() {
    let place = Place::new();
    let server = place.serve();
    let job = server
        .json("POST", "/v1/repos/shop/index", &json!({ "full": true }))
        .expect(202);
    assert_eq!(job["full"], true);
    let answer = server.get(&format!("/v1/jobs/{}/events", text(&job["id"])));
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/event-stream"))
    );
    let events: Vec<&str> = answer
        .body
        .split("\n\n")
        .filter(|event| event.starts_with("event"))
        .collect();
    let (name, data) = events
        .last()
        .expect("an event")
        .split_once('\n')
        .expect("data");
    assert_eq!(name, "event: done");
    let data: Value = serde_json::from_str(data.trim_start_matches("data: ")).expect("json");
    assert_eq!(data["report"]["files_indexed"], 6, "{data}");
}

#[test]
fn a_restart_finds_the_registry_and_the_index() {
    let place = Place::new();
    let (_, result) = place.serve().end();
    result.expect("ends well");
    let server = Server::start(place.options());
    assert_eq!(server.paths("RetryWithBackoff")[0], "src/http/retry.go");
    let repo = server.get("/v1/repos/shop").expect(200);
    assert_eq!(repo["state"], "indexed");
}

#[test]
fn repositories_of_the_options_are_registered_and_indexed() {
    let place = Place::new();
    let mut options = place.options();
    options
        .repositories
        .push(("given".to_owned(), place.repository()));
    let server = Server::start(options);
    poll(|| server.get("/v1/repos/given").expect(200)["state"] == "indexed");
    assert_eq!(server.paths("addToCart")[0], "web/cart.ts");

    let mut options = place.options();
    options
        .repositories
        .push(("given".to_owned(), place.home().join("none")));
    let error = start_error(options).to_string();
    assert!(error.contains("given") && error.contains("none"), "{error}");
}

#[test]
fn a_repository_whose_folder_is_gone_does_not_stop_the_others() {
    let place = Place::new();
    let gone = Place::new();
    let server = place.serve();
    server.register("gone", &gone.repository());
    server.end().1.expect("ends well");
    fs::remove_dir_all(gone.repository()).expect("removes");
    let server = Server::start(place.options());
    let answer = server.search(&json!({ "query": "addToCart" })).expect(200);
    assert_eq!(answer["hits"][0]["path"], "web/cart.ts");
    assert_eq!(answer["index"]["fresh"], false);
    let repo = server.get("/v1/repos/gone").expect(200);
    assert_eq!(repo["state"], "unavailable");
    assert!(!text(&repo["error"]).is_empty());
    server
        .search(&json!({ "query": "addToCart", "repos": ["gone"] }))
        .problem(503, "unavailable");
}

#[test]
fn a_damaged_index_is_built_anew() {
    let place = Place::new();
    place.serve().end().1.expect("ends well");
    let mut folders = vec![place.home().join("index")];
    let mut damaged = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("reads").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.metadata().is_ok_and(|metadata| metadata.len() > 0) {
                fs::write(&path, b"damaged").expect("writes");
                damaged += 1;
            }
        }
    }
    assert!(damaged > 2, "{damaged}");
    let server = Server::start(place.options());
    let answer = server.search(&json!({ "query": "addToCart" }));
    let problem = answer.problem(503, "unavailable");
    let job = server.get(&format!("/v1/jobs/{}", text(&problem["job"])));
    server.finish(&job.expect(200));
    assert_eq!(server.paths("addToCart")[0], "web/cart.ts");
}

#[test]
fn what_is_wrong_at_the_start_is_said() {
    let place = Place::new();
    let server = Server::start(place.options());
    let mut second = place.options();
    second.listen = server.address;
    let error = start_error(second);
    assert!(matches!(error, ServeError::AddressInUse { .. }), "{error}");
    let expected = format!(
        "address {} is in use; stop the other server or pass --listen 127.0.0.1:0",
        server.address
    );
    assert_eq!(error.to_string(), expected);
    drop(server);

    let mut open = place.options();
    open.listen = "0.0.0.0:0".parse().expect("address");
    let error = start_error(open);
    assert!(matches!(error, ServeError::TokenRequired { .. }), "{error}");

    let registry = place.home().join("serve");
    fs::create_dir_all(&registry).expect("creates");
    for damage in ["", "{\"version\":1,\"repositories\":", "\u{0}\u{1}", "[]"] {
        fs::write(registry.join("repos.json"), damage).expect("writes");
        let error = start_error(place.options());
        assert!(matches!(error, ServeError::Registry { .. }), "{error}");
        assert!(error.to_string().contains("repos.json"), "{error}");
    }
}

#[test]
fn a_token_is_required_on_every_route_but_healthz() {
    let place = Place::new();
    let mut options = options(&place.home());
    options.listen = "0.0.0.0:0".parse().expect("address");
    options.tokens = Tokens::parse("correct-horse-battery").expect("tokens");
    let mut server = Server::start(options);
    server.address.set_ip("127.0.0.1".parse().expect("address"));
    assert_eq!(server.get("/healthz").expect(200)["status"], "ok");
    // The page asks for the token by itself.
    assert_eq!(server.get("/").status, 200);
    for path in [
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/v1/repos",
        "/nothing",
    ] {
        let answer = server.get(path);
        answer.problem(401, "unauthorized");
        assert!(
            answer
                .header("www-authenticate")
                .is_some_and(|value| value.starts_with("Bearer"))
        );
        let wrong = [("Authorization", "Bearer correct-horse-batterx")];
        server
            .send("GET", path, &wrong, b"")
            .problem(401, "unauthorized");
    }
    let right = [("Authorization", "Bearer correct-horse-battery")];
    server.send("GET", "/readyz", &right, b"").expect(200);
}

#[test]
fn an_end_waits_for_what_runs_and_leaves_a_usable_index() {
    let place = Place::new();
    for number in 0..400 {
        let body: String = (0..40)
            .map(|line| format!("/// Says how it is done.\npub fn part_{number}_{line}(count: usize) -> usize {{\n    count * {line}\n}}\n"))
            .collect();
        place.write(&format!("many/part_{number}.rs"), &body);
    }
    let server = Server::start(place.options());
    let answer = server
        .json(
            "PUT",
            "/v1/repos/shop",
            &json!({ "path": place.repository() }),
        )
        .expect(201);
    let path = format!("/v1/jobs/{}", text(&answer["job"]["id"]));
    poll(|| text(&server.get(&path).expect(200)["state"]) != "queued");
    // A request under way: its body is not complete when the end comes.
    let mut stream = server.connect();
    let body = r#"{"query": "part_7_7"}"#;
    let head = format!(
        "POST /v1/search HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        server.address,
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("writes");
    let mut reader = BufReader::new(stream);
    // Said once the service reads the body.
    assert_eq!(Answer::read_next(&mut reader).status, 100);
    let late = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        let stream = reader.get_mut();
        stream.write_all(body.as_bytes()).expect("writes");
        Answer::read_next(&mut reader)
    });
    let (time, result) = server.end();
    result.expect("ends well");
    assert!(time < Duration::from_millis(5500), "{time:?}");
    let late = late.join().expect("is answered");
    assert!(matches!(late.status, 200 | 503 | 409), "{late:?}");

    let server = Server::start(place.options());
    server.index("shop", &json!({}));
    assert_eq!(server.paths("part_399_39")[0], "many/part_399.rs");
}
