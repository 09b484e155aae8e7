//! Which index answers for a path, and where it lies.
//!
//! A folder that has an index of its own is answered from it, else by the
//! index of the nearest folder above that has one (and hits are kept to the
//! folder, unless it is one that index leaves out). Without any, a folder that was named gets an index of its own, and
//! a folder that was merely stood in means the whole checkout around it.

use std::env;
use std::path::{Path, PathBuf};

use wherein_walk::{Checkout, Verdict};

use crate::error::IndexError;

/// The folder under which all indexes lie: `$WHEREIN_HOME`, else the
/// platform's data folder.
pub fn home() -> Result<PathBuf, IndexError> {
    if let Some(home) = env::var_os("WHEREIN_HOME").filter(|home| !home.is_empty()) {
        return Ok(PathBuf::from(home));
    }
    let data = if cfg!(windows) {
        env::var_os("LOCALAPPDATA").map(PathBuf::from)
    } else if cfg!(target_os = "macos") {
        env::home_dir().map(|home| home.join("Library/Application Support"))
    } else {
        env::var_os("XDG_DATA_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| Some(env::home_dir()?.join(".local/share")))
    };
    data.map(|data| data.join("wherein"))
        .ok_or(IndexError::NoHome)
}

/// A checkout, the folder of its index, and what part of it was meant.
#[derive(Clone, Debug)]
pub struct Location {
    /// What is indexed.
    pub checkout: Checkout,
    /// Where the index lies.
    pub index: PathBuf,
    /// The folder that was named, relative to the root; empty for all.
    pub below: String,
}

impl Location {
    /// For `path`, or for the working directory when none was named.
    pub fn find(home: &Path, path: Option<&Path>) -> Result<Self, IndexError> {
        let named = path.unwrap_or(Path::new("."));
        let own = not_too_broad(Checkout::at(named)?)?;
        let top = own.git.as_ref().map_or(Path::new("/"), |git| &git.toplevel);
        for root in own.root.ancestors() {
            // A repository's index never answers for a folder outside of it.
            if own.git.is_some() && !root.starts_with(top) {
                break;
            }
            let checkout = Checkout {
                root: root.to_owned(),
                git: own.git.clone(),
            };
            let index = index_folder(home, &checkout);
            if index.join("lexical").join("meta.json").exists() {
                let below = relative(&own.root, root);
                if !below.is_empty() && path.is_some() && is_left_out(&checkout, &own.root) {
                    // A folder that is ignored, and named all the same.
                    break;
                }
                return Ok(Self {
                    checkout,
                    index,
                    below,
                });
            }
        }
        let checkout = match path {
            Some(_) => own,
            None => Checkout::enclosing(named)?,
        };
        Ok(Self {
            index: index_folder(home, &checkout),
            checkout,
            below: String::new(),
        })
    }

    /// For the whole checkout around the folder `path`, of which that is a part; for the
    /// folder alone where the checkout leaves it out.
    pub fn around(home: &Path, path: &Path) -> Result<Self, IndexError> {
        let checkout = not_too_broad(Checkout::enclosing(path)?)?;
        let own = Checkout::at(path)?.root;
        if own != checkout.root && is_left_out(&checkout, &own) {
            return Self::exactly(home, path);
        }
        Ok(Self {
            index: index_folder(home, &checkout),
            below: relative(&own, &checkout.root),
            checkout,
        })
    }

    /// For exactly the folder `path`, whatever indexes lie around it.
    pub fn exactly(home: &Path, path: &Path) -> Result<Self, IndexError> {
        let checkout = not_too_broad(Checkout::at(path)?)?;
        Ok(Self {
            index: index_folder(home, &checkout),
            checkout,
            below: String::new(),
        })
    }
}

/// Whether the walk of a checkout passes over a folder in it.
fn is_left_out(checkout: &Checkout, folder: &Path) -> bool {
    let options = wherein_walk::Options::default();
    matches!(
        wherein_walk::why(checkout, folder, &options),
        Ok(Verdict::Skipped(_))
    )
}

/// An index of everything would hold what nobody meant to give.
fn not_too_broad(checkout: Checkout) -> Result<Checkout, IndexError> {
    if checkout.root.parent().is_none() {
        return Err(IndexError::TooBroad {
            path: checkout.root,
        });
    }
    Ok(checkout)
}

fn relative(path: &Path, root: &Path) -> String {
    let inside = path.strip_prefix(root).unwrap_or(Path::new(""));
    let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// `index/<name>-<hash>`: readable, different for different repositories, and
/// the same for all worktrees and clones of one.
fn index_folder(home: &Path, checkout: &Checkout) -> PathBuf {
    let (identity, name) = checkout.identity();
    let name: String = name
        .chars()
        .map(|c| {
            let plain = c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if plain { c } else { '_' }
        })
        .take(40)
        .collect();
    let hash = blake3::hash(identity.as_bytes()).to_hex();
    home.join("index").join(format!("{name}-{}", &hash[..16]))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_nearest_index_answers_and_hits_keep_to_the_folder() {
        let folder = tempfile::tempdir().expect("folder");
        let home = folder.path().join("home");
        let repository = folder.path().join("repo");
        let inner = repository.join("src/deep");
        fs::create_dir_all(&inner).expect("creates");
        let named = Location::find(&home, Some(&inner)).expect("finds");
        assert_eq!(named.checkout.root, inner.canonicalize().expect("exists"));
        assert_eq!(named.below, "");
        let above = Location::exactly(&home, &repository).expect("finds");
        fs::create_dir_all(above.index.join("lexical")).expect("creates");
        fs::write(above.index.join("lexical/meta.json"), "{}").expect("writes");
        let named = Location::find(&home, Some(&inner)).expect("finds");
        assert_eq!(named.index, above.index);
        assert_eq!(named.below, "src/deep");
        // An ignored folder that is named has an index of its own.
        fs::write(repository.join(".whereinignore"), "deep\n").expect("writes");
        let ignored = Location::find(&home, Some(&inner)).expect("finds");
        assert_ne!(ignored.index, above.index);
        assert_eq!(ignored.below, "");
        assert!(Location::find(&home, Some(&folder.path().join("no"))).is_err());
        for refused in [
            Location::find(&home, Some(Path::new("/"))),
            Location::exactly(&home, Path::new("/")),
        ] {
            assert!(matches!(refused, Err(IndexError::TooBroad { .. })));
        }
    }
}
