//! Runs the program: wall time, peak memory, its JSON.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The program under measurement and its data folder.
pub(crate) struct Program {
    pub(crate) wherein: PathBuf,
    pub(crate) home: PathBuf,
}

/// One finished run.
pub(crate) struct Run {
    pub(crate) seconds: f64,
    pub(crate) peak_bytes: u64,
    pub(crate) json: Value,
}

impl Program {
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.wherein);
        command.args(arguments).env("WHEREIN_HOME", &self.home);
        command
    }

    /// Runs to the end; standard output goes to a file, so that a full pipe
    /// never stalls what is measured.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Run> {
        self.run_with(arguments, &[])
    }

    /// As [`Program::run`], with settings in the environment.
    pub(crate) fn run_with(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Result<Run> {
        let out = self.home.with_extension("out.json");
        let file =
            fs::File::create(&out).with_context(|| format!("cannot create {}", out.display()))?;
        let started = Instant::now();
        let mut child = self
            .command(arguments)
            .arg("--json")
            .envs(settings.iter().copied())
            .stdout(file)
            .stderr(Stdio::inherit())
            .spawn()
            .with_context(|| format!("cannot start {}", self.wherein.display()))?;
        let mut peak = 0;
        let status = loop {
            peak = peak.max(peak_bytes(child.id()));
            if let Some(status) = child.try_wait()? {
                break status;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let seconds = started.elapsed().as_secs_f64();
        ensure!(
            status.code().is_some_and(|code| code < 2),
            "{arguments:?} ended with {status}"
        );
        let text = fs::read_to_string(&out)?;
        let json = serde_json::from_str(&text).with_context(|| format!("no JSON: {text}"))?;
        Ok(Run {
            seconds,
            peak_bytes: peak,
            json,
        })
    }
}

/// The high-water mark of a process's resident memory.
pub(crate) fn peak_bytes(process: u32) -> u64 {
    status_field(process, "VmHWM:")
}

/// Private memory of a process: not shared with the page cache.
pub(crate) fn private_bytes(process: u32) -> u64 {
    status_field(process, "RssAnon:")
}

/// Memory of a process, shared pages of files included.
pub(crate) fn resident_bytes(process: u32) -> u64 {
    status_field(process, "VmRSS:")
}

fn status_field(process: u32, field: &str) -> u64 {
    let path = Path::new("/proc").join(process.to_string()).join("status");
    let status = fs::read_to_string(path).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .map_or(0, |kib| kib * 1024)
}
