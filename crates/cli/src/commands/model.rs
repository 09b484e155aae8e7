//! `wherein model`: the models of this machine, beside the one that is built in.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;
use wherein_index::{IndexError, ModelKind, OFFERED, RUNTIME, Registry};

use super::{json, remark};
use crate::args::ModelCommand;
use crate::{Ending, display};

/// One line of the list.
#[derive(Serialize)]
struct Line {
    name: String,
    kind: &'static str,
    /// `built-in`, `in use`, `here`, `broken` or `offered`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    licence: String,
    about: String,
}

/// What a change did, for `--json`.
#[derive(Serialize)]
struct Done<'a> {
    done: &'static str,
    names: Vec<&'a str>,
}

pub(crate) fn run(command: &ModelCommand) -> Result<Ending> {
    let registry = Registry::new(&wherein_index::home()?);
    match command {
        ModelCommand::List { json: as_json } => list(&registry, *as_json),
        ModelCommand::Add {
            what,
            from,
            json: as_json,
        } => {
            let added = what.iter().try_fold(Vec::new(), |mut added, what| {
                added.push(registry.add(what, from.as_deref(), &remark)?);
                Ok::<_, wherein_index::ModelError>(added)
            })?;
            // Kept when something failed: the next try goes on from there.
            registry.clean();
            for one in &added {
                let next = match one.kind {
                    Some(ModelKind::Encoder) => {
                        format!("; `wherein model use {}` searches with it", one.name)
                    }
                    Some(ModelKind::Reranker) => "; --rerank uses it".to_owned(),
                    None => "; models that were added run on it".to_owned(),
                };
                remark(&format!("added {}{next}", one.name));
            }
            let names = added.iter().map(|one| one.name.as_str()).collect();
            done(*as_json, "added", names)
        }
        ModelCommand::Use {
            name,
            json: as_json,
        } => {
            let built_in = wherein_index::shipped_model()?;
            let none = name == "built-in" || built_in.model_id().starts_with(name.as_str());
            registry.choose((!none).then_some(name.as_str()))?;
            remark(&if none {
                "searches use the built-in model alone".to_owned()
            } else {
                format!(
                    "searches use {name} beside the built-in model; `wherein index` makes its vectors"
                )
            });
            done(*as_json, "in use", vec![name])
        }
        ModelCommand::Remove {
            name,
            json: as_json,
        } => {
            registry.remove(name)?;
            remark(&format!("removed {name}"));
            done(*as_json, "removed", vec![name])
        }
        ModelCommand::Verify {
            names,
            json: as_json,
        } => verify(&registry, names, *as_json),
    }
}

fn done(as_json: bool, done: &'static str, names: Vec<&str>) -> Result<Ending> {
    if as_json {
        json(&Done { done, names })?;
    }
    Ok(Ending::Found)
}

fn verify(registry: &Registry, names: &[String], as_json: bool) -> Result<Ending> {
    let all: Vec<String> = if names.is_empty() {
        registry.list()?.into_iter().map(|one| one.name).collect()
    } else {
        names.to_vec()
    };
    let mut first = None;
    for name in &all {
        match registry.verified(name).and_then(|one| one.tried()) {
            Ok(()) => remark(&format!("{name} is whole and works")),
            Err(error) => {
                remark(&format!("{name}: {error}"));
                first.get_or_insert(error);
            }
        }
    }
    match first {
        Some(error) => Err(IndexError::from(error).into()),
        None => done(
            as_json,
            "verified",
            all.iter().map(String::as_str).collect(),
        ),
    }
}

fn list(registry: &Registry, as_json: bool) -> Result<Ending> {
    let built_in = wherein_index::shipped_model()?;
    let mut lines = vec![Line {
        name: built_in.model_id().to_owned(),
        kind: "encoder",
        state: "built-in",
        dimensions: Some(built_in.dimensions()),
        bytes: None,
        licence: "MIT OR Apache-2.0".to_owned(),
        about: "answers at once, always used".to_owned(),
    }];
    let in_use = registry.in_use();
    for one in registry.list()? {
        lines.push(match &one.manifest {
            Ok(manifest) => Line {
                kind: kind(manifest.kind),
                state: if in_use.as_ref() == Some(&one.name) {
                    "in use"
                } else {
                    "here"
                },
                dimensions: (manifest.dimensions > 0).then_some(manifest.dimensions),
                bytes: Some(one.bytes),
                licence: manifest.licence.clone(),
                about: manifest.source.clone(),
                name: one.name,
            },
            Err(error) => Line {
                kind: "unknown",
                state: "broken",
                dimensions: None,
                bytes: Some(one.bytes),
                licence: String::new(),
                about: error.to_string(),
                name: one.name,
            },
        });
    }
    for offer in OFFERED {
        if !lines.iter().any(|line| line.name == offer.name) {
            lines.push(Line {
                name: offer.name.to_owned(),
                kind: kind(offer.kind),
                state: "offered",
                dimensions: None,
                bytes: None,
                licence: offer.licence.to_owned(),
                about: offer.about.to_owned(),
            });
        }
    }
    if as_json {
        json(&lines)?;
        return Ok(Ending::Found);
    }
    let mut out = anstream::stdout().lock();
    let width = lines.iter().map(|line| line.name.len()).max().unwrap_or(0);
    for line in &lines {
        let size = line.bytes.map(display::size).unwrap_or_default();
        let text = format!(
            "{:<width$}  {:<8}  {:<8}  {size:>8}  {:<17}  {}",
            line.name, line.state, line.kind, line.licence, line.about
        );
        writeln!(out, "{}", display::sanitized(text.trim_end()))?;
    }
    writeln!(
        out,
        "\n`wherein model add NAME` adds one that is offered, a folder, or an id of a hub; `wherein model add {RUNTIME}` a faster runtime"
    )?;
    out.flush()?;
    Ok(Ending::Found)
}

fn kind(kind: ModelKind) -> &'static str {
    match kind {
        ModelKind::Encoder => "encoder",
        ModelKind::Reranker => "reranker",
    }
}
