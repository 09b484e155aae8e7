//! Benchmarks as a command: runs the real program on real sources, writes
//! JSON, and makes the README's table and picture from it.

mod client;
mod corpus;
mod measure;
mod process;
mod report;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;

/// Measures indexing, memory and latency of a wherein binary.
#[derive(Parser)]
struct Arguments {
    /// The program to measure
    #[arg(long)]
    wherein: PathBuf,
    /// Where sources come from; read only [default: what cargo has downloaded]
    #[arg(long)]
    sources: Option<PathBuf>,
    /// Scratch folder for corpora and indexes
    #[arg(long, default_value = "target/bench")]
    scratch: PathBuf,
    /// README whose table and picture are rewritten
    #[arg(long)]
    readme: Option<PathBuf>,
    /// Where the figures go
    #[arg(long, default_value = "benches/results.json")]
    out: PathBuf,
    /// Chunks of the large corpus, roughly
    #[arg(long, default_value_t = 100_000)]
    chunks: u64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    std::fs::create_dir_all(&arguments.scratch)
        .with_context(|| format!("cannot create {}", arguments.scratch.display()))?;
    let sources = match arguments.sources {
        Some(sources) => sources,
        None => corpus::downloaded_sources()?,
    };
    let figures = measure::all(
        &arguments.wherein,
        &sources,
        &arguments.scratch,
        arguments.chunks,
    )?;
    let text = serde_json::to_string_pretty(&figures)? + "\n";
    std::fs::write(&arguments.out, text)
        .with_context(|| format!("cannot write {}", arguments.out.display()))?;
    if let Some(readme) = arguments.readme {
        report::write(&figures, &readme)?;
    }
    Ok(())
}
