//! What `wherein doctor` finds: whether program, runtime, model, folders and
//! index are as they should be, and what to do where they are not.

mod added;

use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use wherein_embed::{DocumentParts, Embedder};
use wherein_pack::Tokenizer;

use crate::error::IndexError;
use crate::locate::{Location, home};
use crate::repository::Repository;
use crate::settings::Settings;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// As it should be.
    Good,
    /// It works, but not as somebody wanted.
    Note,
    /// It does not work.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub name: &'static str,
    /// How it is.
    pub health: Health,
    /// What was found.
    pub found: String,
    /// What to do, when there is something.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub advice: String,
}

impl Finding {
    fn good(name: &'static str, found: String) -> Self {
        Self {
            name,
            health: Health::Good,
            found,
            advice: String::new(),
        }
    }

    fn other(name: &'static str, health: Health, found: String, advice: &str) -> Self {
        Self {
            name,
            health,
            found,
            advice: advice.to_owned(),
        }
    }
}

/// Looks at the index that answers for a location alone: every byte of it.
pub fn diagnose_index(location: Location) -> Finding {
    match Settings::load(Some(&location.checkout.root)) {
        Ok(settings) => index_of(location, settings),
        Err(error) => bad_settings(&error),
    }
}

/// Looks at everything that an answer about `path` depends on; nothing is
/// changed but for a file that is written and removed again.
pub fn diagnose(path: Option<&Path>) -> Vec<Finding> {
    let mut all = vec![Finding::good(
        "program",
        format!(
            "wherein {} on {} {}",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            std::env::consts::ARCH
        ),
    )];
    let home = home();
    if let Ok(home) = &home {
        added::prefer_their_runtime(home);
    }
    all.push(runtime());
    all.push(model());
    all.push(tokenizers());
    match home {
        Ok(home) => {
            added::models(&home, &mut all);
            all.push(data_folder(&home));
            index(&home, path, &mut all);
        }
        Err(error) => all.push(Finding::other(
            "data folder",
            Health::Bad,
            error.to_string(),
            "set WHEREIN_HOME to a folder",
        )),
    }
    all
}

fn runtime() -> Finding {
    let name = "runtime";
    match wherein_embed::backend() {
        Ok(backend) => {
            let library = backend.library.as_ref();
            let from = library.map_or(String::new(), |path| format!(" ({})", path.display()));
            let found = format!("{} {}{from}", backend.name, backend.version);
            if backend.refused.is_empty() {
                Finding::good(name, found)
            } else {
                let refused = backend.refused.join("; ");
                Finding::other(
                    name,
                    Health::Note,
                    format!("{found}, because {refused}"),
                    "name another library with WHEREIN_ONNXRUNTIME, or `off`",
                )
            }
        }
        Err(error) => Finding::other(
            name,
            Health::Bad,
            error.to_string(),
            "WHEREIN_ONNXRUNTIME=off takes the built-in one",
        ),
    }
}

/// Loads the model and asks it something with a known answer.
fn model() -> Finding {
    let name = "model";
    let started = Instant::now();
    let bad = |error: String| {
        Finding::other(
            name,
            Health::Bad,
            error,
            "WHEREIN_ONNXRUNTIME=off takes the built-in runtime",
        )
    };
    let model = match wherein_embed::shipped() {
        Ok(model) => model,
        Err(error) => return bad(error.to_string()),
    };
    let loaded = started.elapsed().as_secs_f64() * 1000.0;
    match nearer(&*model) {
        Ok(true) => Finding::good(
            name,
            format!(
                "{}, {} dimensions, loaded in {loaded:.0} ms",
                model.model_id(),
                model.dimensions()
            ),
        ),
        Ok(false) => bad(format!("{} answers wrongly", model.model_id())),
        Err(error) => bad(error.to_string()),
    }
}

/// Whether code is nearer to a question about it than other code is.
fn nearer(model: &dyn Embedder) -> Result<bool, IndexError> {
    let code = [
        "def verify_password(user, password):\n    return hash(password) == user.password_hash",
        "def draw_circle(canvas, radius):\n    canvas.arc(radius)",
    ]
    .map(|body| DocumentParts {
        body,
        ..DocumentParts::default()
    });
    let question = model.embed_queries(&["where is the password checked"])?;
    let texts = model.embed_documents(&code)?;
    let mut cosines = texts
        .chunks_exact(model.dimensions())
        .map(|row| row.iter().zip(&question).map(|(a, b)| a * b).sum::<f32>());
    let (right, wrong) = (cosines.next(), cosines.next());
    Ok(right > wrong && right.is_some_and(f32::is_finite))
}

fn tokenizers() -> Finding {
    let name = "tokenizers";
    // What both vocabularies are known to make of it.
    let right = Tokenizer::ALL
        .iter()
        .all(|one| one.count("fn main() {}") == 4);
    if right {
        let names: Vec<&str> = Tokenizer::ALL.iter().map(|one| one.name()).collect();
        Finding::good(name, names.join(", "))
    } else {
        Finding::other(
            name,
            Health::Bad,
            "they count wrongly".to_owned(),
            "the program is damaged; install it anew",
        )
    }
}

fn data_folder(home: &Path) -> Finding {
    let name = "data folder";
    let shown = home.display();
    // The folder is made by the first index; until then the one above counts.
    let Some(there) = home.ancestors().find(|folder| folder.is_dir()) else {
        return Finding::other(
            name,
            Health::Bad,
            format!("{shown} cannot be reached"),
            "set WHEREIN_HOME to a folder",
        );
    };
    match tempfile::Builder::new()
        .prefix(".wherein")
        .tempfile_in(there)
    {
        Ok(_) => Finding::good(name, shown.to_string()),
        Err(error) => Finding::other(
            name,
            Health::Note,
            format!("{shown} cannot be written to: {error}"),
            "indexes that are there answer as they are; set WHEREIN_HOME to a folder that can be written to for new ones",
        ),
    }
}

/// Settings and index of the repository around `path`.
fn index(home: &Path, path: Option<&Path>, all: &mut Vec<Finding>) {
    let location = match Location::find(home, path) {
        Ok(location) => location,
        Err(error) => {
            all.push(Finding::other(
                "repository",
                Health::Bad,
                error.to_string(),
                "name a folder that can be read",
            ));
            return;
        }
    };
    let root = location.checkout.root.display().to_string();
    let git = if location.checkout.git.is_some() {
        "git"
    } else {
        "no git"
    };
    all.push(Finding::good("repository", format!("{root} ({git})")));
    let settings = match Settings::load(Some(&location.checkout.root)) {
        Ok(settings) => settings,
        Err(error) => {
            all.push(bad_settings(&error));
            return;
        }
    };
    all.push(Finding::good("settings", "read".to_owned()));
    all.push(index_of(location, settings));
}

fn bad_settings(error: &IndexError) -> Finding {
    Finding::other(
        "settings",
        Health::Bad,
        error.to_string(),
        "config/wherein.toml lists what there is",
    )
}

fn index_of(location: Location, settings: Settings) -> Finding {
    let name = "index";
    let folder = location.index.display().to_string();
    let rebuild = |error: String| {
        Finding::other(
            name,
            Health::Bad,
            error,
            "`wherein doctor --repair` builds it anew",
        )
    };
    let repository = match Repository::open(location, settings, wherein_embed::shipped().ok()) {
        Ok(repository) => repository,
        Err(error) => return rebuild(error.to_string()),
    };
    let Some(current) = repository.current().filter(|_| repository.is_indexed()) else {
        return Finding::other(
            name,
            Health::Note,
            "there is none yet".to_owned(),
            "the first search makes it, or `wherein index`",
        );
    };
    if let Err(error) = current.snapshot.check() {
        return rebuild(error.to_string());
    }
    let chunks = current.rows.count();
    if chunks == 0 {
        return Finding::other(
            name,
            Health::Note,
            format!("{folder} has no file"),
            "`wherein status --skipped` says why each was left out",
        );
    }
    if current.vector_coverage < 1.0 {
        return Finding::other(
            name,
            Health::Note,
            format!(
                "{folder}: {:.0} % of {chunks} chunks have vectors",
                current.vector_coverage * 100.0
            ),
            "`wherein index` makes the others",
        );
    }
    Finding::good(
        name,
        format!("{folder}: {chunks} chunks, every byte checked"),
    )
}
