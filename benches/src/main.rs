//! Benchmarks as a command: runs the real program on real sources, writes
//! JSON, and makes the README's table and picture from it.

#![allow(clippy::print_stderr, reason = "it is a program")]

mod agents;
mod chunks;
mod client;
mod corpus;
mod features;
mod fresh;
mod load;
mod measure;
mod messages;
mod mine;
mod models;
mod pairs;
mod process;
mod report;
mod service;
mod vectors;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::process::Program;

/// Measures a wherein binary.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// The program to measure
    #[arg(long, default_value = "target/release/wherein")]
    wherein: PathBuf,
    /// Where sources come from; read only [default: what cargo has downloaded]
    #[arg(long)]
    sources: Option<PathBuf>,
    /// Scratch folder for corpora and indexes
    #[arg(long, default_value = "target/bench")]
    scratch: PathBuf,
    /// README whose tables and pictures are rewritten
    #[arg(long)]
    readme: Option<PathBuf>,
    /// Where the figures go [default: results.json, vectors.json, models.json or fresh.json in benches]
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Subcommand)]
enum What {
    /// Indexing, memory, latency
    Program {
        /// Chunks of the large corpus, roughly
        #[arg(long, default_value_t = 100_000)]
        chunks: u64,
    },
    /// Measures nothing: makes tables and picture from the figures of before
    Report,
    /// Writes the features of labelled queries, to train a ranker on
    Features(features::FeatureArguments),
    /// Mines queries from doc comments
    Mine(mine::MineArguments),
    /// Mines queries from messages that programs give
    Messages(messages::MessagesArguments),
    /// How fast an index follows its repository
    Fresh {
        /// Files of the synthetic repository
        #[arg(long, default_value_t = 200_000)]
        files: u64,
    },
    /// What the service bears
    Service {
        /// Chunks of the repository that is searched, roughly
        #[arg(long, default_value_t = 125_000)]
        chunks: u64,
        /// Seconds of the load
        #[arg(long, default_value_t = 20)]
        seconds: u64,
    },
    /// What agents see: first answers, sessions, tokens spent
    Agents(agents::AgentArguments),
    /// How fast the models load and read
    Models(models::ModelArguments),
    /// Prints what the embedding model is trained on
    Pairs(pairs::PairArguments),
    /// Prints what the embedding model is shown of a code base
    Chunks(chunks::ChunkArguments),
    /// Exact scan against graph, by the number of vectors
    Vectors {
        /// Chunks of the largest corpus, roughly
        #[arg(long, default_value_t = 120_000)]
        chunks: u64,
    },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments.what {
        What::Features(arguments) => return features::run(arguments),
        What::Mine(arguments) => return mine::run(arguments),
        What::Messages(arguments) => return messages::run(arguments),
        What::Pairs(arguments) => return pairs::run(arguments),
        What::Chunks(arguments) => return chunks::run(arguments),
        _ => {}
    }
    std::fs::create_dir_all(&arguments.scratch)
        .with_context(|| format!("cannot create {}", arguments.scratch.display()))?;
    let scratch = arguments.scratch.canonicalize()?;
    let sources = match &arguments.sources {
        Some(sources) => sources.clone(),
        None => corpus::downloaded_sources()?,
    };
    let wherein = arguments
        .wherein
        .canonicalize()
        .with_context(|| format!("no program at {}", arguments.wherein.display()))?;
    let home = scratch.join("home");
    if home.exists() {
        std::fs::remove_dir_all(&home)?;
    }
    let program = Program { wherein, home };
    let readme = arguments.readme.as_deref();
    let out = |name: &str| arguments.out.clone().unwrap_or_else(|| PathBuf::from(name));
    match &arguments.what {
        What::Features(_)
        | What::Mine(_)
        | What::Messages(_)
        | What::Pairs(_)
        | What::Chunks(_) => Ok(()),
        What::Report => {
            let readme = readme.context("name the README with --readme")?;
            report::write(&read("benches/results.json")?, readme)?;
            report::write_vectors(&read("benches/vectors.json")?, readme)?;
            report::write_models(&read("benches/models.json")?, readme)?;
            report::write_fresh(&read("benches/fresh.json")?, readme)?;
            report::write_agents(&read("benches/agents.json")?, readme)
        }
        What::Program { chunks } => {
            let figures = measure::all(&program, &sources, &scratch, *chunks)?;
            write(&out("benches/results.json"), &figures)?;
            readme.map_or(Ok(()), |readme| report::write(&figures, readme))
        }
        What::Fresh { files } => {
            let figures = fresh::all(&program, &sources, &scratch, *files)?;
            write(&out("benches/fresh.json"), &figures)?;
            readme.map_or(Ok(()), |readme| report::write_fresh(&figures, readme))
        }
        What::Service { chunks, seconds } => {
            let figures = service::all(&program, &sources, &scratch, *chunks, *seconds)?;
            write(&out("benches/service.json"), &figures)
        }
        What::Agents(arguments) => {
            let before = read("benches/agents.json").ok();
            let figures = agents::all(arguments, &program, &sources, &scratch, before)?;
            write(&out("benches/agents.json"), &figures)?;
            readme.map_or(Ok(()), |readme| report::write_agents(&figures, readme))
        }
        What::Models(arguments) => {
            let Some(figures) = models::all(arguments, &sources, &scratch)? else {
                return Ok(());
            };
            write(&out("benches/models.json"), &figures)?;
            readme.map_or(Ok(()), |readme| report::write_models(&figures, readme))
        }
        What::Vectors { chunks } => {
            let figures = vectors::all(&program, &sources, &scratch, *chunks)?;
            write(&out("benches/vectors.json"), &figures)?;
            readme.map_or(Ok(()), |readme| report::write_vectors(&figures, readme))
        }
    }
}

fn read<T: DeserializeOwned>(path: &str) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    serde_json::from_str(&text).with_context(|| format!("{path} has other figures"))
}

fn write(path: &Path, figures: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(figures)? + "\n";
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
