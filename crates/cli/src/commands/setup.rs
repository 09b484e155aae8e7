//! `wherein setup AGENT`: register with a coding agent, and take that back.

use std::io::Write;
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Effects, Style};
use anyhow::{Context, Result};
use serde::Serialize;
use wherein_index::Location;
use wherein_setup::{Agent, Options, Places, Plan, Scope, Server, Undone};

use super::{json, remark};
use crate::args::SetupArguments;
use crate::{Ending, display};

const ADDED: Style = AnsiColor::Green.on_default();
const GONE: Style = AnsiColor::Red.on_default();
const NAME: Style = Style::new().effects(Effects::BOLD);

/// One agent of `--list`.
#[derive(Serialize)]
struct Listed {
    name: &'static str,
    title: &'static str,
    installed: bool,
    user: bool,
    project: bool,
}

/// What a setup did or would do.
#[derive(Serialize)]
struct Told {
    agent: &'static str,
    scope: &'static str,
    changed: Vec<PathBuf>,
    unchanged: Vec<PathBuf>,
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
}

/// What became of a file of `--undo`.
#[derive(Serialize)]
struct Back {
    path: PathBuf,
    result: &'static str,
}

pub(crate) fn run(arguments: &SetupArguments) -> Result<Ending> {
    let here = std::env::current_dir().context("the working directory is gone")?;
    // Outside of a checkout the folder itself is the project.
    let project = Location::around(&wherein_index::home()?, &here)
        .map_or_else(|_| here.clone(), |location| location.checkout.root);
    let places = Places::of_environment(&project)
        .context("no home folder: set HOME to the folder that agents keep their settings in")?;
    if arguments.list {
        return list(&places, arguments.json);
    }
    let scope = if arguments.project {
        Scope::Project
    } else {
        Scope::User
    };
    let server = server(scope)?;
    if let Some(name) = &arguments.undo {
        return undo(
            wherein_setup::find(name)?,
            &places,
            &server,
            scope,
            arguments.json,
        );
    }
    let Some(name) = &arguments.agent else {
        return list(&places, arguments.json);
    };
    let agent = wherein_setup::find(name)?;
    let options = Options {
        scope,
        instructions: !arguments.no_instructions,
    };
    let plan = wherein_setup::plan(agent, &places, &server, &options)?;
    if !arguments.dry_run {
        plan.apply(&server.data)?;
    }
    told(agent, scope, &plan, arguments)?;
    Ok(Ending::Found)
}

/// How the server is started. Programs that a desktop starts look in few folders, so for
/// the user it goes by its path; others of a project have it elsewhere.
fn server(scope: Scope) -> Result<Server> {
    let data = std::path::absolute(wherein_index::home()?)?;
    let own = std::env::current_exe().context("cannot tell where this program lies")?;
    let own = as_found(&own).unwrap_or(own);
    let moved = std::env::var_os("WHEREIN_HOME").filter(|home| !home.is_empty());
    let environment = match (scope, moved) {
        (Scope::User, Some(_)) => {
            vec![(
                "WHEREIN_HOME".to_owned(),
                data.to_string_lossy().into_owned(),
            )]
        }
        _ => Vec::new(),
    };
    Ok(Server {
        command: match scope {
            Scope::User => own.to_string_lossy().into_owned(),
            Scope::Project => "wherein".to_owned(),
        },
        arguments: vec!["mcp".to_owned()],
        environment,
        data,
    })
}

/// Where the program is found by its name, if that is this one: an update replaces what a
/// link leads to, and the link stays.
fn as_found(own: &Path) -> Option<PathBuf> {
    let real = own.canonicalize().ok()?;
    let folders = std::env::var_os("PATH")?;
    let mut found = std::env::split_paths(&folders).map(|folder| folder.join("wherein"));
    found.find(|path| path.is_absolute() && path.canonicalize().is_ok_and(|one| one == real))
}

fn told(agent: &Agent, scope: Scope, plan: &Plan, arguments: &SetupArguments) -> Result<()> {
    let diff: String = plan
        .changes
        .iter()
        .map(wherein_setup::Change::diff)
        .collect();
    let paths = || plan.changes.iter().map(|change| &change.path);
    if arguments.json {
        return json(&Told {
            agent: agent.name,
            scope: scope.name(),
            changed: paths().cloned().collect(),
            unchanged: plan.settled.clone(),
            notes: plan.notes.clone(),
            diff: arguments.dry_run.then_some(diff),
        });
    }
    let mut out = anstream::stdout().lock();
    if arguments.dry_run {
        write_diff(&mut out, &diff)?;
    } else {
        for path in paths() {
            writeln!(out, "{}", shown(path))?;
        }
    }
    out.flush()?;
    for note in &plan.notes {
        remark(note);
    }
    let title = agent.title;
    match (plan.changes.is_empty(), arguments.dry_run) {
        (true, _) => remark(&format!("{title} is set up already; nothing was changed")),
        (false, true) => remark("nothing was changed; without --dry-run it will be"),
        (false, false) => {
            let project = match scope {
                Scope::Project => "; who opens the project is asked whether to trust it",
                Scope::User => "",
            };
            let name = match scope {
                Scope::Project => format!("{} --project", agent.name),
                Scope::User => agent.name.to_owned(),
            };
            remark(&format!(
                "{title} has wherein from its next start on{project}; `wherein setup --undo {name}` takes it back"
            ));
        }
    }
    Ok(())
}

fn write_diff(out: &mut dyn Write, diff: &str) -> std::io::Result<()> {
    for line in diff.lines() {
        let style = match line.as_bytes() {
            [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => NAME,
            [b'+', ..] => ADDED,
            [b'-', ..] => GONE,
            _ => Style::new(),
        };
        writeln!(out, "{style}{}{style:#}", display::sanitized(line))?;
    }
    Ok(())
}

fn shown(path: &Path) -> String {
    display::sanitized(&path.display().to_string())
}

fn undo(
    agent: &'static Agent,
    places: &Places,
    server: &Server,
    scope: Scope,
    as_json: bool,
) -> Result<Ending> {
    let undone = wherein_setup::undo(agent, places, server, scope, &server.data)?;
    let back: Vec<Back> = undone
        .into_iter()
        .map(|one| {
            let (path, result) = match one {
                Undone::Restored(path) => (path, "restored"),
                Undone::Removed(path) => (path, "removed"),
                Undone::TakenOut(path) => (path, "taken out of what was changed since"),
                Undone::Nothing(path) => (path, "left as it is"),
            };
            Back { path, result }
        })
        .collect();
    if as_json {
        json(&serde_json::json!({"agent": agent.name, "scope": scope.name(), "files": back}))?;
        return Ok(Ending::Found);
    }
    let mut out = anstream::stdout().lock();
    for Back { path, result } in &back {
        writeln!(out, "{}: {result}", shown(path))?;
    }
    out.flush()?;
    Ok(Ending::Found)
}

fn list(places: &Places, as_json: bool) -> Result<Ending> {
    let server = server(Scope::User)?;
    let all: Vec<Listed> = wherein_setup::all()
        .iter()
        .map(|agent| {
            let state = wherein_setup::state(agent, places, &server);
            Listed {
                name: agent.name,
                title: agent.title,
                installed: state.is_installed,
                user: state.of_user,
                project: state.of_project,
            }
        })
        .collect();
    if as_json {
        json(&serde_json::json!({"agents": all}))?;
        return Ok(Ending::Found);
    }
    let mut out = anstream::stdout().lock();
    for one in &all {
        let what = match (one.user, one.project, one.installed) {
            (true, true, _) => "set up for the user and this project",
            (true, false, _) => "set up for the user",
            (false, true, _) => "set up for this project",
            (false, false, true) => "found on this machine",
            (false, false, false) => "",
        };
        writeln!(
            out,
            "{NAME}{:<12}{NAME:#} {:<26} {what}",
            one.name, one.title
        )?;
    }
    out.flush()?;
    Ok(Ending::Found)
}
