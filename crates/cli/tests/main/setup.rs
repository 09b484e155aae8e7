//! `wherein setup`: through the program, in a scratch home.

use std::fs;

use serde_json::Value;

use crate::program::Scratch;

fn list(scratch: &Scratch, name: &str) -> Value {
    let all = scratch.json(&["setup", "--list"]);
    let agents = all["agents"].as_array().expect("agents");
    assert_eq!(agents.len(), 12);
    let found = agents.iter().find(|agent| agent["name"] == name);
    found.expect("the agent").clone()
}

#[test]
fn one_command_sets_an_agent_up_and_one_takes_it_back() {
    let scratch = Scratch::new();
    let home = scratch.home().parent().expect("a parent").to_owned();
    let settings = home.join(".claude.json");
    let before = "{\n  \"numStartups\": 3 // mine\n}\n";
    fs::write(&settings, before).expect("writes");
    let shown = scratch.run(&["setup", "claude-code", "--dry-run"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(shown.out.contains("+    \"wherein\": {"), "{}", shown.out);
    assert_eq!(fs::read_to_string(&settings).expect("reads"), before);
    assert_eq!(list(&scratch, "claude-code")["user"], false);

    let done = scratch.json(&["setup", "claude"]);
    assert_eq!(
        done["changed"].as_array().expect("a list").len(),
        3,
        "{done}"
    );
    let text = fs::read_to_string(&settings).expect("reads");
    // For the user by its path, with the data folder that it was told of.
    let own = std::path::Path::new(env!("CARGO_BIN_EXE_wherein"));
    let own = own.canonicalize().expect("exists");
    assert!(text.contains(&*own.to_string_lossy()), "{text}");
    assert!(text.contains(&*scratch.home().to_string_lossy()), "{text}");
    assert_eq!(list(&scratch, "claude-code")["user"], true);
    let again = scratch.json(&["setup", "claude"]);
    assert_eq!(
        again["changed"].as_array().expect("a list").len(),
        0,
        "{again}"
    );

    let back = scratch.run(&["setup", "--undo", "claude"]);
    assert_eq!(back.code, 0, "{back:?}");
    assert_eq!(fs::read_to_string(&settings).expect("reads"), before);
    assert!(!home.join(".claude").exists());
    assert_eq!(scratch.run(&["setup", "--undo", "claude"]).code, 2);
}

#[test]
fn a_project_names_the_program_and_not_its_place() {
    let scratch = Scratch::with(&[("src/a.rs", "fn a() {}\n")]);
    scratch.git(&["init", "-q"]);
    // From a folder within: the project is the whole checkout.
    let run = scratch
        .command(&["setup", "cursor", "--project", "--no-instructions"])
        .current_dir(scratch.repository().join("src"))
        .output()
        .expect("starts");
    assert_eq!(run.status.code(), Some(0), "{run:?}");
    let text = fs::read_to_string(scratch.repository().join(".cursor/mcp.json")).expect("reads");
    let entry: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(entry["mcpServers"]["wherein"]["command"], "wherein");
    assert!(entry["mcpServers"]["wherein"]["env"].is_null(), "{text}");
    assert!(!scratch.repository().join("AGENTS.md").exists());
    let back = scratch.json(&["setup", "--undo", "cursor", "--project"]);
    assert_eq!(back["files"][0]["result"], "removed", "{back}");
    assert!(!scratch.repository().join(".cursor").exists());
}

#[test]
fn what_cannot_be_done_is_said() {
    let scratch = Scratch::new();
    let home = scratch.home().parent().expect("a parent").to_owned();
    fs::create_dir_all(home.join(".codex")).expect("creates");
    fs::write(home.join(".codex/config.toml"), "model = \n").expect("writes");
    for (arguments, said) in [
        (&["setup", "emacs"][..], "there is no agent \"emacs\""),
        (&["setup"], "required"),
        (&["setup", "windsurf", "--project"], "pass --user"),
        (&["setup", "codex"], "config.toml:1:"),
        (&["setup", "--undo", "zed"], "nothing to undo"),
    ] {
        let run = scratch.run(arguments);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.err.contains(said), "{arguments:?}: {}", run.err);
    }
    let text = fs::read_to_string(home.join(".codex/config.toml")).expect("reads");
    assert_eq!(text, "model = \n");
}
