//! How fast an index follows its repository: new processes, a running service,
//! worktrees, branches, hooks, and a very large repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::corpus::{self, Until};
use crate::measure::{self, Server};
use crate::process::{Program, Run};

/// Files of the repository that is followed.
const FILES: u64 = 10_000;
/// Files that are changed at once.
const CHANGED: usize = 5;
const ROUNDS: usize = 9;
const COMMITS: usize = 21;

/// All figures, with what they were measured on.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figures {
    #[serde(flatten)]
    pub(crate) conditions: measure::Conditions,
    pub(crate) files: u64,
    /// A new process; nothing has changed.
    pub(crate) no_change_ms: f64,
    /// A new process answers with what five changed files hold now.
    pub(crate) changed_process_ms: f64,
    /// From when five files are written to an answer of a running service with what they
    /// hold; nobody tells it.
    pub(crate) changed_service_ms: f64,
    /// A running service is asked for a run, and nothing has changed.
    pub(crate) no_change_service_ms: f64,
    /// A commit with hooks, and what it takes more than one without.
    pub(crate) commit_ms: f64,
    pub(crate) hook_ms: f64,
    /// A second worktree: until it is indexed, and what it adds to the index.
    pub(crate) worktree_seconds: f64,
    pub(crate) worktree_share: f64,
    /// A branch that is switched back to: files that were made anew.
    pub(crate) branch_files: u64,
    pub(crate) branch_made_anew: u64,
    pub(crate) branch_seconds: f64,
    /// A synthetic repository: files, seconds for half of them and for all, and for
    /// all once more with one in ten changed.
    pub(crate) large_files: u64,
    pub(crate) large_half_seconds: f64,
    pub(crate) large_seconds: f64,
    pub(crate) large_memory_mb: f64,
    pub(crate) large_again_seconds: f64,
    pub(crate) large_again_memory_mb: f64,
}

pub(crate) fn all(
    program: &Program,
    sources: &Path,
    scratch: &Path,
    large: u64,
) -> Result<Figures> {
    let conditions = measure::Conditions::now();
    let root = scratch.join("followed");
    let corpus = corpus::lay_out(sources, &root, Until::Files(FILES))?;
    git(&root, &["init", "--quiet", "--initial-branch=main"])?;
    commit_all(&root)?;
    let shown = text(&root)?;
    program.run(&["index", shown])?;
    // Files written just before the first run are read once more.
    std::thread::sleep(Duration::from_secs(2));
    program.run(&["index", shown])?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        times.push(program.run(&["index", shown])?.seconds * 1000.0);
    }
    let no_change_ms = measure::percentile(&times, 0.5);
    let changed_process_ms = by_process(program, &root)?;
    let (changed_service_ms, no_change_service_ms) = by_service(program, &root)?;
    commit_all(&root)?;
    program.run(&["index", shown])?;
    let (worktree_seconds, worktree_share) = worktree(program, &root, scratch)?;
    let branch = branch(program, &root)?;
    let (commit_ms, hook_ms) = hooks(program, &root)?;
    let large = synthetic(program, scratch, large)?;
    Ok(Figures {
        conditions,
        files: corpus.files,
        no_change_ms,
        changed_process_ms,
        changed_service_ms,
        no_change_service_ms,
        commit_ms,
        hook_ms,
        worktree_seconds,
        worktree_share,
        branch_files: branch.0,
        branch_made_anew: branch.1,
        branch_seconds: branch.2,
        large_files: large.files,
        large_half_seconds: large.half.seconds,
        large_seconds: large.all.seconds,
        large_memory_mb: large.all.peak_bytes as f64 / 1e6,
        large_again_seconds: large.again.seconds,
        large_again_memory_mb: large.again.peak_bytes as f64 / 1e6,
    })
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is UTF-8")
}

fn git(folder: &Path, arguments: &[&str]) -> Result<()> {
    let output = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
        .args(["-c", "gc.auto=0"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .context("cannot start git")?;
    ensure!(output.status.success(), "git {arguments:?}: {output:?}");
    Ok(())
}

fn commit_all(root: &Path) -> Result<()> {
    git(root, &["add", "--all"])?;
    git(root, &["commit", "--quiet", "--allow-empty", "-m", "all"])
}

/// Source files, spread over the repository.
fn some_files(root: &Path, count: usize) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)?.flatten() {
            let path = entry.path();
            if entry.file_name() == ".git" {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|one| one == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    let step = (found.len() / count).max(1);
    Ok(found.into_iter().step_by(step).take(count).collect())
}

/// Gives each of some files a function of a name that is nowhere else.
fn change(files: &[PathBuf], round: usize) -> Result<String> {
    let name = format!("quokka_number_{round}");
    for (number, file) in files.iter().enumerate() {
        let before = fs::read_to_string(file)?;
        // Words of its own: near copies are shown once.
        let letter = char::from(b'a' + (number % 26) as u8).to_string().repeat(5);
        let words: Vec<String> = ('a'..='p').map(|last| format!("{letter}{last}")).collect();
        let words = words.join(" ");
        fs::write(file, format!("{before}\n/// {words}\nfn {name}() {{}}\n"))?;
    }
    Ok(name)
}

fn by_process(program: &Program, root: &Path) -> Result<f64> {
    let files = some_files(root, CHANGED)?;
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let name = change(&files, round)?;
        let run = program.run(&["search", &name, text(root)?, "--mode", "symbol"])?;
        let hits = run.json["hits"].as_array().map_or(0, Vec::len);
        ensure!(hits == CHANGED, "{hits} hits for {name}");
        times.push(run.seconds * 1000.0);
    }
    Ok(measure::percentile(&times, 0.5))
}

/// Milliseconds until five changed files are found, and until a run that has nothing to
/// do is over.
fn by_service(program: &Program, root: &Path) -> Result<(f64, f64)> {
    let files = some_files(root, CHANGED)?;
    let mut server = Server::start(program, text(root)?)?;
    let client = &mut server.client;
    let (mut times, mut idle_times) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        // Settled, as between two edits of a person.
        std::thread::sleep(Duration::from_secs(2));
        let began = Instant::now();
        let (_, job, _) = client.post("/v1/repos/followed/index", &json!({}))?;
        let path = format!("/v1/jobs/{}", job["id"].as_str().context("a job")?);
        loop {
            let job = client.get(&path)?;
            if job["state"] == "done" {
                ensure!(job["report"]["files_indexed"] == 0, "{job}");
                break;
            }
            ensure!(began.elapsed() < Duration::from_mins(1), "{job}");
        }
        if round > 0 {
            idle_times.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        let name = change(&files, 100 + round)?;
        let began = Instant::now();
        let question = json!({"query": name, "mode": "symbol"});
        loop {
            let (_, answer, _) = client.post("/v1/search", &question)?;
            if answer["hits"].as_array().map_or(0, Vec::len) == CHANGED {
                break;
            }
            ensure!(
                began.elapsed() < Duration::from_mins(1),
                "{name} is not found"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
        if round > 0 {
            times.push(began.elapsed().as_secs_f64() * 1000.0);
        }
    }
    let median = |times: &[f64]| measure::percentile(times, 0.5);
    Ok((median(&times), median(&idle_times)))
}

fn index_bytes(program: &Program, root: &Path) -> Result<f64> {
    let status = program.run(&["status", text(root)?])?;
    status.json["index_bytes"]
        .as_f64()
        .context("status tells no size")
}

fn worktree(program: &Program, root: &Path, scratch: &Path) -> Result<(f64, f64)> {
    let second = scratch.join("second");
    if second.exists() {
        fs::remove_dir_all(&second)?;
    }
    let shown = text(&second)?;
    git(root, &["worktree", "add", "--quiet", "--detach", shown])?;
    let before = index_bytes(program, root)?;
    let run = program.run(&["index", shown])?;
    let made = run.json["files_indexed"].as_u64();
    ensure!(made == Some(0), "the worktree was made anew: {}", run.json);
    let after = index_bytes(program, root)?;
    git(root, &["worktree", "remove", "--force", shown])?;
    Ok((run.seconds, after / before - 1.0))
}

fn branch(program: &Program, root: &Path) -> Result<(u64, u64, f64)> {
    let files = some_files(root, 200)?;
    git(root, &["checkout", "--quiet", "-b", "side"])?;
    change(&files, 1000)?;
    commit_all(root)?;
    let shown = text(root)?;
    let there = program.run(&["index", shown])?;
    let changed = there.json["files_indexed"].as_u64().unwrap_or(0);
    git(root, &["checkout", "--quiet", "main"])?;
    let back = program.run(&["index", shown])?;
    git(root, &["checkout", "--quiet", "side"])?;
    let again = program.run(&["index", shown])?;
    git(root, &["checkout", "--quiet", "main"])?;
    program.run(&["index", shown])?;
    let made = |run: &Run| run.json["files_indexed"].as_u64().unwrap_or(u64::MAX);
    Ok((changed, made(&back) + made(&again), again.seconds))
}

/// Commits with and without hooks by turns: the median of the first, and by how much
/// it is above that of the others.
fn hooks(program: &Program, root: &Path) -> Result<(f64, f64)> {
    let shown = text(root)?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..COMMITS {
        for is_hooked in [false, true] {
            let what = if is_hooked { "install" } else { "uninstall" };
            program.run(&["hook", what, shown])?;
            let file = root.join("note.md");
            fs::write(&file, format!("# Note\n\nRound {round}, {is_hooked}.\n"))?;
            git(root, &["add", "note.md"])?;
            let began = Instant::now();
            git(root, &["commit", "--quiet", "-m", "note"])?;
            let took = began.elapsed().as_secs_f64() * 1000.0;
            if is_hooked { &mut with } else { &mut without }.push(took);
            // What the hook has started is done before the next is timed.
            std::thread::sleep(Duration::from_millis(400));
        }
    }
    program.run(&["hook", "uninstall", shown])?;
    let with = measure::percentile(&with, 0.5);
    Ok((with, with - measure::percentile(&without, 0.5)))
}

/// A synthetic repository: runs over half of it, all, and again with a tenth changed.
struct Synthetic {
    files: u64,
    half: Run,
    all: Run,
    again: Run,
}

fn synthetic(program: &Program, scratch: &Path, files: u64) -> Result<Synthetic> {
    let root = scratch.join("synthetic");
    let write = |number: u64, version: u64| {
        let folder = root.join(format!("part{}/deep{}", number / 1000, number / 100 % 10));
        fs::create_dir_all(&folder)?;
        let text = format!(
            "\"\"\"Step {number} of the work, version {version}.\"\"\"\n\n\ndef step_{number}(value):\n    return value + {number} * {version}\n"
        );
        fs::write(folder.join(format!("step{number}.py")), text)
    };
    let first = |count: u64| {
        if root.exists() {
            fs::remove_dir_all(&root)?;
        }
        for number in 0..count {
            write(number, 1)?;
        }
        let run = program.run(&["index", text(&root)?, "--full"])?;
        ensure!(run.json["files"].as_u64() == Some(count), "{}", run.json);
        Ok(run)
    };
    let (half, all) = (first(files / 2)?, first(files)?);
    for number in (0..files).step_by(10) {
        write(number, 2)?;
    }
    let again = program.run(&["index", text(&root)?])?;
    let changed = again.json["files_indexed"].as_u64();
    ensure!(changed == Some(files.div_ceil(10)), "{}", again.json);
    fs::remove_dir_all(&root)?;
    Ok(Synthetic {
        files,
        half,
        all,
        again,
    })
}
