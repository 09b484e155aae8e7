//! `wherein hook install|uninstall|status|run`: git hooks that keep the index fresh.

use std::io::Write;
use std::time::Instant;

use anyhow::{Context, Result};
use serde::Serialize;
use wherein_hook::{HookState, Hooks};
use wherein_index::{IndexOptions, LastRun, Location, Progress, Repository, Turn};

use super::{json, remark};
use crate::args::HookCommand;
use crate::session::{self, Wanted};
use crate::{Ending, behind, display};

/// What `--json` prints.
#[derive(Serialize)]
struct Output<'a> {
    #[serde(flatten)]
    hooks: &'a Hooks,
    /// Whether there is an index that they keep fresh.
    is_indexed: bool,
    last_run: Option<LastRun>,
}

pub(crate) fn run(command: &HookCommand) -> Result<Ending> {
    let (path, as_json) = match command {
        HookCommand::Run { hook } => return behind_hook(hook),
        HookCommand::Install { path, json }
        | HookCommand::Uninstall { path, json }
        | HookCommand::Status { path, json } => (path.as_deref(), *json),
    };
    let location = session::locate(path)?;
    let checkout = &location.checkout;
    let hooks = match command {
        HookCommand::Install { .. } => {
            let program = std::env::current_exe().context("where this program lies is unknown")?;
            wherein_hook::install(checkout, &program)?
        }
        HookCommand::Uninstall { .. } => wherein_hook::uninstall(checkout)?,
        _ => wherein_hook::status(checkout)?,
    };
    if as_json {
        json(&Output {
            hooks: &hooks,
            is_indexed: location.is_indexed(),
            last_run: location.last_run(),
        })?;
    } else {
        print(&hooks)?;
        if !matches!(command, HookCommand::Uninstall { .. }) {
            tell(&hooks, &location);
        }
    }
    let is_wanted = !matches!(command, HookCommand::Uninstall { .. });
    Ok(if is_wanted && !hooks.are_installed() {
        Ending::NothingFound
    } else {
        Ending::Found
    })
}

fn print(hooks: &Hooks) -> Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(
        out,
        "{}",
        display::sanitized(&hooks.folder.to_string_lossy())
    )?;
    for hook in &hooks.hooks {
        let state = match hook.state {
            HookState::Absent => "not installed",
            HookState::Other => "not installed, another hook is there",
            HookState::Installed => "installed",
            HookState::Chained => "installed, then runs the one that was there before",
        };
        write!(out, "  {:<14} {state}", hook.name)?;
        if let Some(program) = &hook.missing_program {
            let program = program.to_string_lossy();
            let program = display::sanitized(&program);
            write!(out, "; {program} is gone, `wherein hook install` mends it")?;
        }
        writeln!(out)?;
    }
    out.flush()?;
    Ok(())
}

/// What is worth knowing beside the states.
fn tell(hooks: &Hooks, location: &Location) {
    if hooks.is_shared {
        remark("other repositories have the same hooks; those without an index are left alone");
    }
    let is_new = |hook: &wherein_hook::Hook| hook.state == HookState::Installed;
    if hooks.is_in_working_tree && hooks.hooks.iter().any(is_new) {
        remark(
            "the hooks lie in the working tree; see that git ignores those that are yours alone",
        );
    }
    if !location.is_indexed() {
        remark("there is no index to keep fresh yet; `wherein index` builds it");
    }
    if let Some(run) = location.last_run() {
        let age = display::ago(run.at);
        let (hook, files) = (&run.hook, display::counted(run.files, "file"));
        remark(&match run.error {
            Some(error) => format!("the last run, of {hook} {age}, failed: {error}"),
            None => format!(
                "the last run, of {hook} {age}, brought in {files} in {:.2} s",
                run.seconds
            ),
        });
    }
}

/// What an installed hook starts: nobody waits for it, and nobody reads what it says.
fn behind_hook(hook: &str) -> Result<Ending> {
    behind::step_back();
    // Git runs hooks at the top of the checkout. What it has set for them in
    // `GIT_*` is about its own command; none of it is obeyed here.
    let location = session::locate(None)?;
    if !location.is_indexed() {
        return Ok(Ending::NothingFound);
    }
    if wherein_serve::tell(&wherein_index::home()?, &location.checkout.root) {
        return Ok(Ending::Found);
    }
    location.leave_note(hook)?;
    while location.has_note() {
        let Some(turn) = location.take_turn()? else {
            // Whoever has it sees the note.
            return Ok(Ending::Found);
        };
        while let Some(hook) = turn.take_note()? {
            bring_up(&location, &turn, hook);
        }
    }
    Ok(Ending::Found)
}

/// One run; what is wrong with it is noted, and told by `wherein hook status`.
fn bring_up(location: &Location, turn: &Turn, hook: String) {
    let began = Instant::now();
    let ran = indexed(location.clone());
    let (files, error) = match ran {
        Ok(files) => (files, None),
        Err(error) => (0, Some(display::one_line(&error))),
    };
    turn.report(&LastRun {
        hook,
        at: wherein_index::now(),
        seconds: began.elapsed().as_secs_f64(),
        files,
        error,
    });
}

fn indexed(location: Location) -> Result<u64> {
    let opened = session::open_looking(location, Wanted::default())?;
    let repository: &Repository = &opened.repository;
    let options = IndexOptions {
        full: opened.damage.is_some(),
        wait: session::WAIT,
    };
    let report = repository.index_alone(options, &Progress::default())?;
    repository.tidy(false);
    repository.fill(&Progress::default())?;
    Ok(report.files_indexed + report.files_reused + report.files_removed)
}
