//! The list of repositories changes while the service runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::json;
use wherein_index::Settings;
use wherein_serve::Reload;

use crate::support::{Place, Server, poll, text};

fn names(server: &Server) -> Vec<String> {
    let list = server.get("/v1/repos").expect(200);
    let repos = list["repos"].as_array().expect("repos");
    repos.iter().map(|repo| text(&repo["name"])).collect()
}

#[test]
fn the_settings_and_the_registry_are_taken_up_as_they_change() {
    let place = Place::new();
    let beside = place.home().parent().expect("a parent").to_owned();
    let other = beside.join("other");
    fs::create_dir_all(&other).expect("creates");
    fs::write(other.join("a.py"), "def other_thing():\n    return 1\n").expect("writes");
    let file = beside.join("settings.toml");
    fs::write(&file, "1").expect("writes");
    let said: Arc<Mutex<BTreeMap<String, PathBuf>>> = Arc::default();
    said.lock()
        .expect("lock")
        .insert("shop".to_owned(), place.repository());
    let mut options = place.options();
    options.settings.serve.repositories = said.lock().expect("lock").clone();
    let read = Arc::clone(&said);
    options.reload = Some(Reload {
        files: vec![file.clone()],
        read: Arc::new(move || {
            let mut settings = Settings::load(None)?;
            settings.serve.repositories = read.lock().expect("lock").clone();
            Ok(settings)
        }),
    });
    let server = Server::start(options);
    assert_eq!(names(&server), ["shop"]);
    // What the settings say is not changed over HTTP.
    server
        .json("DELETE", "/v1/repos/shop", &json!({}))
        .problem(409, "set-repository");
    server
        .json("PUT", "/v1/repos/shop", &json!({ "path": other }))
        .problem(409, "set-repository");
    server
        .json(
            "PUT",
            "/v1/repos/shop",
            &json!({ "path": place.repository() }),
        )
        .expect(200);

    said.lock()
        .expect("lock")
        .insert("other".to_owned(), other.clone());
    fs::write(&file, "12").expect("writes");
    poll(|| names(&server) == ["other", "shop"]);
    poll(|| server.search(&json!({ "query": "other_thing" })).status == 200);
    said.lock().expect("lock").remove("shop");
    fs::write(&file, "123").expect("writes");
    poll(|| names(&server) == ["other"]);
    server
        .search(&json!({ "query": "login", "repos": ["shop"] }))
        .problem(404, "unknown-repository");

    // Another process writes the registry.
    let registry = place.home().join("serve/repos.json");
    let shop = place.repository();
    let text = json!({ "version": 1, "repositories": { "again": { "path": shop } } });
    fs::create_dir_all(registry.parent().expect("a parent")).expect("creates");
    fs::write(&registry, text.to_string()).expect("writes");
    poll(|| names(&server) == ["again", "other"]);
    // A damaged one changes nothing.
    fs::write(&registry, "{").expect("writes");
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(names(&server), ["again", "other"]);
    fs::write(&registry, "{\"version\":1,\"repositories\":{}}").expect("writes");
    poll(|| names(&server) == ["other"]);
}
