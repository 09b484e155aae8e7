//! Setting up every agent, in every scope, in files as people keep them, and back.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use wherein_setup::{
    Agent, Options, Places, Scope, Server, SetupError, Undone, all, find, plan, state, undo,
};

const BOTH: [Scope; 2] = [Scope::User, Scope::Project];

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("home")).expect("creates");
        fs::create_dir_all(folder.path().join("project")).expect("creates");
        Self { folder }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn places(&self) -> Places {
        Places {
            home: self.path("home"),
            config: self.path("home/.config"),
            claude: None,
            codex: None,
            project: self.path("project"),
        }
    }

    fn server(&self) -> Server {
        Server {
            command: "/opt/wherein/bin/wherein".to_owned(),
            arguments: vec!["mcp".to_owned()],
            environment: Vec::new(),
            data: self.data(),
        }
    }

    /// Sets an agent up and gives the files that changed.
    fn set_up(&self, agent: &'static Agent, scope: Scope) -> Result<Vec<PathBuf>, SetupError> {
        let options = Options {
            scope,
            instructions: true,
        };
        let plan = plan(agent, &self.places(), &self.server(), &options)?;
        plan.apply(&self.data())?;
        Ok(plan.changes.into_iter().map(|change| change.path).collect())
    }

    fn undo(&self, agent: &'static Agent, scope: Scope) -> Result<Vec<Undone>, SetupError> {
        undo(agent, &self.places(), &self.server(), scope, &self.data())
    }

    /// Every file below, with its text.
    fn files(&self) -> Vec<(PathBuf, String)> {
        let mut found = Vec::new();
        let mut open = vec![self.path("home"), self.path("project")];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder).expect("lists") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let text = fs::read_to_string(&path).expect("reads");
                    found.push((path, text));
                }
            }
        }
        found.sort();
        found
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("creates");
        fs::write(&path, text).expect("writes");
        path
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("reads")
}

/// The one file with the server.
fn servers(files: &[PathBuf]) -> &PathBuf {
    &files[0]
}

fn scopes(place: &Place) -> impl Iterator<Item = (&'static Agent, Scope)> + '_ {
    let both = all()
        .iter()
        .flat_map(|agent| BOTH.map(|scope| (agent, scope)));
    both.filter(|(agent, scope)| {
        let options = Options {
            scope: *scope,
            instructions: false,
        };
        plan(agent, &place.places(), &place.server(), &options).is_ok()
    })
}

#[test]
fn everything_that_is_made_is_gone_after_undo() {
    let place = Place::new();
    assert!(scopes(&place).count() >= 20);
    for (agent, scope) in scopes(&place) {
        let made = place.set_up(agent, scope).expect("sets up");
        assert!(!made.is_empty());
        let text = read(servers(&made));
        assert!(text.contains("wherein") && text.ends_with('\n'), "{text}");
        let known = state(agent, &place.places(), &place.server());
        assert!(known.of_user || known.of_project, "{agent:?}");
        // Again: nothing to do.
        assert_eq!(
            place.set_up(agent, scope).expect("sets up"),
            [] as [PathBuf; 0]
        );
        place.undo(agent, scope).expect("undoes");
        assert_eq!(place.files(), [], "{} {scope:?}", agent.name);
        let home: Vec<_> = fs::read_dir(place.path("home")).expect("lists").collect();
        assert!(home.is_empty(), "{}: {home:?}", agent.name);
        let again = place.undo(agent, scope).expect_err("nothing is left");
        assert!(matches!(again, SetupError::NothingToUndo { .. }));
    }
}

/// Settings as people keep them: comments, odd spaces, no line break at the end.
const JSONC: [&str; 6] = [
    "{}",
    "\u{feff}{\"theme\": \"dark\"}\n",
    "{\n  // mine\n  \"theme\": \"dark\", /* why not */\n  \"KEY\": {\n    \"other\": {\"command\": \"x\"}, // keep\n  },\n}\n",
    "{\"KEY\":{\"other\":{\"command\":\"x\",\"args\":[]}},\"z\":1}",
    "{\r\n\t\"a\": [1, 2,\r\n\t\t3],\r\n\t\"b\": null\r\n}\r\n",
    "\n\n{\n\n    \"KEY\" : { }\n\n}\n\n// end\n",
];

const TOML: [&str; 6] = [
    "",
    "# mine\r\nmodel = 1\r\n\r\n[mcp_servers.other]\r\ncommand = \"x\" # keep\r\n",
    "\u{feff}model = 1\n",
    "# mine\nmodel = \"o5\"   # the best\n\n[mcp_servers.other]\ncommand = \"x\"\n\n[sandbox_workspace_write]\nnetwork_access = false\nwritable_roots = [\"/tmp/a\"] # keep\n",
    "mcp_servers = { other = { command = \"x\" } }\n[profiles.a]\nmodel = 'b'",
    "[sandbox_workspace_write]\nwritable_roots = [\n  \"/tmp/a\",\n]\n",
];

#[test]
fn what_is_there_stays_and_comes_back_byte_for_byte() {
    for (agent, scope) in scopes(&Place::new()).collect::<Vec<_>>() {
        let first = Place::new();
        let made = first.set_up(agent, scope).expect("sets up");
        let file = servers(&made)
            .strip_prefix(first.folder.path())
            .expect("below");
        let file = file.to_str().expect("UTF-8").to_owned();
        let key = match agent.name {
            "vscode" => "servers",
            "opencode" => "mcp",
            "zed" => "context_servers",
            _ => "mcpServers",
        };
        let is_toml = agent.name == "codex";
        let texts: &[&str] = if is_toml { &TOML } else { &JSONC };
        for text in texts {
            let text = text.replace("KEY", key);
            let place = Place::new();
            let path = place.write(&file, &text);
            place.set_up(agent, scope).expect("sets up");
            let with = read(&path);
            for comment in [
                "// mine",
                "/* why not */",
                "// keep",
                "// end",
                "# mine",
                "# keep",
            ] {
                assert_eq!(with.contains(comment), text.contains(comment), "{with}");
            }
            assert_eq!(
                with.matches("/opt/wherein/bin/wherein").count(),
                1,
                "{with}"
            );
            assert_eq!(with.contains("\"x\""), text.contains("\"x\""), "{with}");
            assert_eq!(
                place.set_up(agent, scope).expect("sets up"),
                [] as [PathBuf; 0]
            );
            let undone = place.undo(agent, scope).expect("undoes");
            assert!(
                undone.contains(&Undone::Restored(path.clone())),
                "{undone:?}"
            );
            assert_eq!(read(&path), text, "{} {scope:?}", agent.name);
        }
    }
}

#[test]
fn entries_are_what_each_agent_takes() {
    let place = Place::new();
    let mut server = place.server();
    server.environment = vec![("WHEREIN_HOME".to_owned(), "/data".to_owned())];
    let entry = |name: &str, pointer: &str| -> Value {
        let options = Options {
            scope: Scope::User,
            instructions: false,
        };
        let agent = find(name).expect("known");
        let plan = plan(agent, &place.places(), &server, &options).expect("plans");
        let value: Value = serde_json::from_str(&plan.changes[0].after).expect("JSON");
        value.pointer(pointer).expect("an entry").clone()
    };
    let (command, arguments) = ("/opt/wherein/bin/wherein", json!(["mcp"]));
    let env = json!({"WHEREIN_HOME": "/data"});
    let plain = json!({"command": command, "args": arguments, "env": env});
    let with_type = json!({"type": "stdio", "command": command, "args": arguments, "env": env});
    for (name, pointer, expected) in [
        ("claude", "/mcpServers/wherein", with_type.clone()),
        ("vscode", "/servers/wherein", with_type.clone()),
        ("gemini", "/mcpServers/wherein", plain),
        (
            "copilot",
            "/mcpServers/wherein",
            json!({"type": "local", "command": command, "args": arguments, "env": env, "tools": ["*"]}),
        ),
        (
            "opencode",
            "/mcp/wherein",
            json!({"type": "local", "command": [command, "mcp"], "environment": env, "enabled": true}),
        ),
        (
            "zed",
            "/context_servers/wherein",
            json!({"source": "custom", "command": command, "args": arguments, "env": env}),
        ),
        ("cline", "/mcpServers/wherein/transport", with_type),
    ] {
        assert_eq!(entry(name, pointer), expected, "{name}");
    }
}

#[test]
fn codex_may_write_the_index_from_its_sandbox() {
    let place = Place::new();
    let made = place
        .set_up(find("codex").expect("known"), Scope::User)
        .expect("sets up");
    let data = place.data().to_string_lossy().into_owned();
    let expected = format!(
        "[mcp_servers.wherein]\ncommand = \"/opt/wherein/bin/wherein\"\nargs = [\"mcp\"]\nstartup_timeout_sec = 20\ntool_timeout_sec = 120\n\n[sandbox_workspace_write]\nwritable_roots = [\"{data}\"]\n"
    );
    assert_eq!(read(servers(&made)), expected);
}

#[test]
fn files_that_cannot_be_read_are_not_touched_and_the_place_is_told() {
    for (name, file, text, said) in [
        (
            "claude",
            "home/.claude.json",
            "{\n  \"a\": 1,\n  \"b\" 2\n}\n",
            ".claude.json:3:7",
        ),
        (
            "claude",
            "home/.claude.json",
            "[1, 2]\n",
            "it is not an object",
        ),
        (
            "claude",
            "home/.claude.json",
            "{\"mcpServers\": []}\n",
            "`mcpServers` is not an object",
        ),
        (
            "codex",
            "home/.codex/config.toml",
            "a = 1\nb = = 2\n",
            "config.toml:2:5",
        ),
        (
            "codex",
            "home/.codex/config.toml",
            "mcp_servers = 3\n",
            "`mcp_servers` is not a table",
        ),
        (
            "codex",
            "home/.codex/config.toml",
            "[sandbox_workspace_write]\nwritable_roots = \"/a\"\n",
            "is not a list",
        ),
    ] {
        let place = Place::new();
        let path = place.write(file, text);
        let agent = find(name).expect("known");
        let error = place
            .set_up(agent, Scope::User)
            .expect_err("is refused")
            .to_string();
        assert!(error.contains(said), "{error}");
        assert_eq!(read(&path), text);
        // Not one of its files.
        assert_eq!(place.files().len(), 1, "{:?}", place.files());
    }
    let place = Place::new();
    let path = place.path("home/.claude.json");
    fs::write(&path, b"{\"a\": \"\xff\"}").expect("writes");
    let error = place.set_up(find("claude").expect("known"), Scope::User);
    assert!(
        error
            .expect_err("is refused")
            .to_string()
            .contains("not UTF-8")
    );
}

#[test]
fn what_was_changed_since_is_kept_without_our_part() {
    let place = Place::new();
    let agent = find("claude").expect("known");
    let path = place.write("home/.claude.json", "{\n  \"numStartups\": 1\n}\n");
    place.set_up(agent, Scope::User).expect("sets up");
    // The agent writes its own file all the time.
    let grown = read(&path).replace("\"numStartups\": 1", "\"numStartups\": 2");
    fs::write(&path, grown).expect("writes");
    let undone = place.undo(agent, Scope::User).expect("undoes");
    assert!(
        undone.contains(&Undone::TakenOut(path.clone())),
        "{undone:?}"
    );
    assert_eq!(read(&path), "{\n  \"numStartups\": 2\n}\n");
}

#[test]
fn another_place_of_the_program_takes_the_place_of_the_first() {
    let place = Place::new();
    let agent = find("cursor").expect("known");
    let before = "{\"mcpServers\": {\"other\": {\"command\": \"x\"}}}\n";
    let path = place.write("home/.cursor/mcp.json", before);
    place.set_up(agent, Scope::User).expect("sets up");
    let mut server = place.server();
    server.command = "/usr/bin/wherein".to_owned();
    let options = Options {
        scope: Scope::User,
        instructions: true,
    };
    let again = plan(agent, &place.places(), &server, &options).expect("plans");
    assert!(
        again.changes[0].diff().contains("/usr/bin/wherein"),
        "{}",
        again.changes[0].diff()
    );
    again.apply(&place.data()).expect("applies");
    assert!(read(&path).contains("/usr/bin/wherein") && !read(&path).contains("/opt"));
    place.undo(agent, Scope::User).expect("undoes");
    assert_eq!(read(&path), before);
}

#[test]
fn instructions_that_several_agents_read_stay_until_the_last_one_goes() {
    let place = Place::new();
    let path = place.write("project/AGENTS.md", "# Ours\n");
    let (codex, cursor) = (
        find("codex").expect("known"),
        find("cursor").expect("known"),
    );
    place.set_up(codex, Scope::Project).expect("sets up");
    place.set_up(cursor, Scope::Project).expect("sets up");
    assert_eq!(read(&path).matches("wherein:start").count(), 1);
    place.undo(codex, Scope::Project).expect("undoes");
    assert!(read(&path).contains("wherein:start"));
    place.undo(cursor, Scope::Project).expect("undoes");
    assert_eq!(read(&path), "# Ours\n");
}

#[test]
fn a_sub_agent_of_the_same_name_is_left_as_it_is() {
    let place = Place::new();
    let path = place.write("home/.claude/agents/wherein.md", "mine\n");
    let options = Options {
        scope: Scope::User,
        instructions: true,
    };
    let agent = find("claude").expect("known");
    let plan = plan(agent, &place.places(), &place.server(), &options).expect("plans");
    assert_eq!(plan.notes.len(), 1, "{plan:?}");
    plan.apply(&place.data()).expect("applies");
    place.undo(agent, Scope::User).expect("undoes");
    assert_eq!(read(&path), "mine\n");
}

#[cfg(unix)]
#[test]
fn links_and_rights_are_kept() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let kept = place.write("dotfiles/claude.json", "{}\n");
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o600)).expect("sets");
    let link = place.path("home/.claude.json");
    std::os::unix::fs::symlink(&kept, &link).expect("links");
    let agent = find("claude").expect("known");
    place.set_up(agent, Scope::User).expect("sets up");
    assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
    assert!(read(&kept).contains("wherein"));
    let mode = fs::metadata(&kept).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    place.undo(agent, Scope::User).expect("undoes");
    assert_eq!(read(&kept), "{}\n");
}

#[test]
fn names_and_scopes_that_there_are_not() {
    let error = find("emacs").expect_err("unknown").to_string();
    assert!(error.contains("claude-code, codex, copilot"), "{error}");
    let place = Place::new();
    let error = place.set_up(find("windsurf").expect("known"), Scope::Project);
    let error = error.expect_err("no such scope").to_string();
    assert!(error.contains("--user"), "{error}");
}

#[test]
fn no_secret_of_another_is_copied() {
    let secret = "sk-secret-of-another";
    let entry = format!("{{\"command\":\"x\",\"env\":{{\"API_KEY\":\"{secret}\"}}}}");
    for (name, file, text) in [
        (
            "claude",
            "home/.claude.json",
            format!("{{\"oauthToken\":\"{secret}\"}}"),
        ),
        (
            "claude",
            "home/.claude.json",
            format!("{{\"mcpServers\":{{\"other\":{entry}}},\"z\":\"{secret}\"}}"),
        ),
        (
            "codex",
            "home/.codex/config.toml",
            format!(
                "[mcp_servers.a]\ncommand = \"x\"\n\n[model_providers.b]\nkey = \"{secret}\"\n\n[sandbox_workspace_write]\nwritable_roots = []\n"
            ),
        ),
        (
            "codex",
            "home/.codex/config.toml",
            format!("a = 1\r\n[b]\r\nkey = \"{secret}\"\r\n"),
        ),
    ] {
        let place = Place::new();
        let path = place.write(file, &text);
        place
            .set_up(find(name).expect("known"), Scope::User)
            .expect("sets up");
        let journal = read(&place.path("data/setup/journal.json"));
        assert!(!journal.contains(secret), "{journal}");
        place
            .undo(find(name).expect("known"), Scope::User)
            .expect("undoes");
        assert_eq!(read(&path), text);
    }
}

#[test]
fn what_a_person_wrote_by_hand_is_kept() {
    let place = Place::new();
    let cursor = find("cursor").expect("known");
    let by_hand = "{\"mcpServers\": {\n  // mine\n  \"wherein\": {\"command\": \"/old\", \"disabled\": false, \"env\": {\"A\": \"b\"}}\n}}\n";
    let path = place.write("home/.cursor/mcp.json", by_hand);
    place.set_up(cursor, Scope::User).expect("sets up");
    let with = read(&path);
    for kept in [
        "// mine",
        "\"disabled\": false",
        "\"A\": \"b\"",
        "/opt/wherein/bin/wherein",
    ] {
        assert!(with.contains(kept), "{with}");
    }
    place.undo(cursor, Scope::User).expect("undoes");
    assert_eq!(read(&path), by_hand);

    let codex = find("codex").expect("known");
    let by_hand = "[mcp_servers.wherein]\ncommand = \"/old\"\nstartup_timeout_sec = 60\nenv = { A = \"b\" }\n";
    let path = place.write("home/.codex/config.toml", by_hand);
    place.set_up(codex, Scope::User).expect("sets up");
    let with = read(&path);
    for kept in [
        "startup_timeout_sec = 60",
        "A = \"b\"",
        "/opt/wherein/bin/wherein",
    ] {
        assert!(with.contains(kept), "{with}");
    }
    place.undo(codex, Scope::User).expect("undoes");
    assert_eq!(read(&path), by_hand);

    let http = "[mcp_servers.wherein]\nurl = \"http://127.0.0.1:7717/mcp\"\n";
    fs::write(&path, http).expect("writes");
    let error = place
        .set_up(codex, Scope::User)
        .expect_err("is refused")
        .to_string();
    assert!(error.contains("over HTTP"), "{error}");
    assert_eq!(read(&path), http);
}

#[test]
fn undo_leaves_no_file_that_is_none() {
    let place = Place::new();
    let gemini = find("gemini").expect("known");
    // Changed by hand after the setup.
    let path = place.write("home/.gemini/settings.json", "{}\n");
    place.set_up(gemini, Scope::User).expect("sets up");
    let grown = read(&path).replace("\"args\"", "\"timeout\": 5, \"args\"");
    fs::write(&path, grown).expect("writes");
    place.undo(gemini, Scope::User).expect("undoes");
    let left: Value = serde_json::from_str(&read(&path)).expect("JSON");
    assert_eq!(left, json!({}));
    // A comment among the servers is not ours.
    let zed = find("zed").expect("known");
    let path = place.write("home/.config/zed/settings.json", "// top\n{\n}\n");
    place.set_up(zed, Scope::User).expect("sets up");
    let grown = read(&path).replace("\"wherein\": {", "// \"old\": {},\n    \"wherein\": {");
    fs::write(&path, grown).expect("writes");
    place.undo(zed, Scope::User).expect("undoes");
    let left = read(&path);
    assert!(
        left.contains("// top") && left.contains("// \"old\""),
        "{left}"
    );
}

#[test]
fn settings_that_were_elsewhere_are_taken_back_too() {
    let place = Place::new();
    let codex = find("codex").expect("known");
    let moved = Places {
        codex: Some(place.path("home/moved")),
        ..place.places()
    };
    let options = Options {
        scope: Scope::User,
        instructions: true,
    };
    let made = plan(codex, &moved, &place.server(), &options).expect("plans");
    made.apply(&place.data()).expect("applies");
    assert_eq!(place.files().len(), 2);
    place.undo(codex, Scope::User).expect("undoes");
    assert_eq!(place.files(), []);
}

#[test]
fn a_project_holds_no_folder_of_one_person() {
    let place = Place::new();
    let made = place
        .set_up(find("codex").expect("known"), Scope::Project)
        .expect("sets up");
    let text = read(servers(&made));
    assert!(!text.contains("writable_roots"), "{text}");
}

#[cfg(unix)]
#[test]
fn links_that_lead_nowhere_and_files_that_may_not_be_written_are_left() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let claude = find("claude").expect("known");
    let link = place.path("home/.claude.json");
    std::os::unix::fs::symlink(place.path("not/mounted.json"), &link).expect("links");
    let error = place
        .set_up(claude, Scope::User)
        .expect_err("is refused")
        .to_string();
    assert!(
        error.contains("a link to a file that is not there"),
        "{error}"
    );
    assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
    fs::remove_file(&link).expect("removes");
    fs::write(&link, "{}\n").expect("writes");
    fs::set_permissions(&link, fs::Permissions::from_mode(0o444)).expect("sets");
    let error = place
        .set_up(claude, Scope::User)
        .expect_err("is refused")
        .to_string();
    assert!(error.contains("may not be written"), "{error}");
    assert_eq!(read(&link), "{}\n");
    let folder = fs::metadata(place.path("data/setup"))
        .expect("there")
        .permissions();
    assert_eq!(folder.mode() & 0o077, 0);
}
