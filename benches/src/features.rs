//! Writes the features of labelled queries: indexes each repository of a
//! dataset and describes the candidates of its queries.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use wherein_eval::{Dataset, FeatureWriter, Scope, Selection};
use wherein_index::{AddedModels, IndexOptions, Location, Progress, Repository, Settings};

/// Which queries, and where the features go.
#[derive(Args)]
pub(crate) struct FeatureArguments {
    /// Folder with labels
    #[arg(long)]
    dataset: PathBuf,
    /// Folder with a folder of sources for each repository
    #[arg(long)]
    corpus: Option<PathBuf>,
    /// A part that the dataset's split.json names
    #[arg(long)]
    split: Option<String>,
    /// Index all of each repository, tests and documentation included
    #[arg(long)]
    full: bool,
    /// With the model in use beside the shipped one (`wherein model use`)
    #[arg(long)]
    quality: bool,
    /// Folder for indexes
    #[arg(long)]
    home: PathBuf,
    /// Folder for the features
    #[arg(long)]
    to: PathBuf,
}

pub(crate) fn run(arguments: &FeatureArguments) -> Result<()> {
    let selection = Selection {
        corpus: arguments.corpus.clone(),
        split: arguments.split.clone(),
        repositories: Vec::new(),
        scope: if arguments.full {
            Scope::Full
        } else {
            Scope::Root
        },
    };
    let dataset = Dataset::read(&arguments.dataset, &selection)?;
    for (repository, path) in &dataset.dangling {
        eprintln!("{repository}: no file {path}");
    }
    let added = if arguments.quality {
        AddedModels::in_use(&wherein_index::home()?, &Settings::load(None)?)?
    } else {
        AddedModels::default()
    };
    let model = wherein_index::shipped_model()?;
    let mut writer = FeatureWriter::create(&arguments.to, arguments.quality)?;
    for labelled in &dataset.repositories {
        let location = Location::exactly(&arguments.home, &labelled.root)?;
        let settings = Settings::load(None)?;
        let repository = Repository::open_without_index(location, settings, Some(model.clone()))
            .beside(added.clone());
        // One of an older format is built anew.
        let full = match repository.reload() {
            Err(error) if error.is_mended_by_rebuild() => true,
            opened => opened
                .with_context(|| format!("cannot open the index of {}", labelled.name))
                .map(|()| false)?,
        };
        let options = IndexOptions {
            full,
            wait: Duration::from_mins(1),
        };
        repository.index(options, &Progress::default())?;
        if let Some(filled) = repository.fill(&Progress::default())? {
            eprintln!(
                "{}: {} vectors in {:.0} s",
                labelled.name, filled.chunks, filled.seconds
            );
        }
        writer.add(labelled, &repository)?;
    }
    writer.finish()?;
    eprintln!("{} repositories", dataset.repositories.len());
    Ok(())
}
