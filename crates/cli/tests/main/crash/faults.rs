//! Runs the program with `faults.c` preloaded.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// What happens at an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Nothing.
    None,
    /// The process is killed before it.
    Kill,
    /// Half of a write is done, then the process is killed; it is killed instead of
    /// any other.
    Torn,
    /// It fails with EIO.
    Io,
    /// It fails with ENOSPC when it changes the disk, else with EIO.
    NoSpace,
    /// Half of a write is done, and the file takes nothing more.
    Short,
}

impl How {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Kill => "kill",
            Self::Torn => "torn",
            Self::Io => "eio",
            Self::NoSpace => "enospc",
            Self::Short => "short",
        }
    }
}

/// What happens, and at which operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) how: How,
    pub(super) at: u64,
}

impl Plan {
    pub(super) fn none() -> Self {
        let how = How::None;
        Self { how, at: 0 }
    }
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Ran {
    /// `None` when it was killed.
    pub(super) code: Option<i32>,
    pub(super) err: String,
    /// A line for each operation, up to the one where something happened.
    trace: String,
}

impl Ran {
    pub(super) fn is_killed(&self) -> bool {
        self.code.is_none()
    }

    /// How many operations there were.
    pub(super) fn operations(&self) -> u64 {
        self.trace.lines().count() as u64
    }

    /// The last operation, by name.
    pub(super) fn operation(&self) -> &str {
        self.trace.lines().last().unwrap_or("none")
    }
}

/// The library, compiled once; the C compiler is needed to build wherein anyway.
fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/main/crash/faults.c");
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults.so");
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(&library)
            .arg(source)
            .arg("-ldl")
            .output()
            .expect("cc starts");
        assert!(output.status.success(), "{output:?}");
        library
    })
}

/// Runs a command with a plan for its file operations below a folder.
pub(super) fn run(mut command: Command, below: &Path, plan: Plan) -> Ran {
    let trace = below.with_file_name("trace");
    let _ = std::fs::remove_file(&trace);
    let output = command
        .env("LD_PRELOAD", library())
        .env("FAULTS_BELOW", below)
        .env("FAULTS_HOW", plan.how.name())
        .env("FAULTS_AT", plan.at.to_string())
        .env("FAULTS_TRACE", &trace)
        .output()
        .expect("starts");
    let trace = std::fs::read_to_string(&trace).unwrap_or_default();
    let kept = trace
        .lines()
        .take_while(|line| {
            let number = line.split(' ').next().and_then(|text| text.parse().ok());
            plan.at == 0 || number.is_some_and(|number: u64| number <= plan.at)
        })
        .fold(String::new(), |all, line| all + line + "\n");
    Ran {
        code: output.status.code(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        trace: kept,
    }
}

/// Runs a command and kills it after some time.
pub(super) fn run_for(mut command: Command, time: Duration) {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    std::thread::sleep(time);
    // One that has ended meanwhile is one that was killed late.
    let _ = child.kill();
    child.wait().expect("waited for");
}
