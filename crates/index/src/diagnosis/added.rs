//! What `wherein doctor` finds of the models that were added.

use std::path::Path;

use wherein_embed::{Installed, ModelKind, Registry};

use super::{Finding, Health};

const NAME: &str = "added model";

/// Chooses the runtime that added models would have, when there are any.
pub(super) fn prefer_their_runtime(home: &Path) {
    let is_any = Registry::new(home)
        .list()
        .is_ok_and(|models| !models.is_empty());
    if is_any {
        wherein_embed::prefer_added_runtime(home);
    }
}

/// Checks each, loads it and asks it something with a known answer.
pub(super) fn models(home: &Path, all: &mut Vec<Finding>) {
    let registry = Registry::new(home);
    let in_use = registry.in_use();
    let models = match registry.list() {
        Ok(models) => models,
        Err(error) => {
            let advice = "see that the folder can be read";
            all.push(Finding::other(
                NAME,
                Health::Note,
                error.to_string(),
                advice,
            ));
            return;
        }
    };
    if let Some(name) = &in_use
        && models.iter().all(|one| one.name != *name)
    {
        let found = format!("{name} is in use and not there: the built-in model answers alone");
        all.push(broken(name, found));
    }
    for one in models {
        let is_used = in_use.as_deref() == Some(&one.name);
        all.push(model(&registry, one, is_used));
    }
}

fn model(registry: &Registry, one: Installed, is_used: bool) -> Finding {
    let tried = registry
        .verified(&one.name)
        .and_then(|verified| verified.tried())
        .and(one.manifest);
    match tried {
        Ok(manifest) => {
            let what = match manifest.kind {
                ModelKind::Encoder if is_used => "in use beside the built-in one",
                ModelKind::Encoder => "an encoder that is not in use",
                ModelKind::Reranker => "the re-ranker of --rerank",
            };
            Finding::good(NAME, format!("{}, {what}", one.name))
        }
        Err(error) => broken(&one.name, format!("{}: {error}", one.name)),
    }
}

/// The built-in model goes on answering, so it is no more than a note.
fn broken(name: &str, found: String) -> Finding {
    let advice = format!(
        "`wherein model add {name}` adds it again, `wherein model use built-in` does without"
    );
    Finding::other(NAME, Health::Note, found, &advice)
}
