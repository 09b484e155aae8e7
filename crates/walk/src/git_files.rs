//! What must hold of git's own files before another's code opens them: a pipe in
//! their place would be waited for without end, a device read without end.

use std::path::Path;

use walkdir::WalkDir;

use crate::discover::GitInfo;

/// Files that are read whole.
const WHOLE: [&str; 7] = [
    "HEAD",
    "config",
    "config.worktree",
    "packed-refs",
    "shallow",
    "commondir",
    "gitdir",
];

/// Largest of them, in bytes: a million references.
const MAX_WHOLE_BYTES: u64 = 256 << 20;

/// Entries that are looked at below `refs` and `objects`; more are no
/// repository that git itself could work with.
const MAX_ENTRIES: usize = 1 << 20;

/// Whether the files that are read whole, configuration among them, are regular
/// files; else which is not.
pub(crate) fn check_whole(git: &GitInfo) -> Result<(), String> {
    for folder in [&git.git_dir, &git.common_dir] {
        for name in WHOLE {
            let path = folder.join(name);
            if let Ok(metadata) = path.metadata()
                && (!metadata.is_file() || metadata.len() > MAX_WHOLE_BYTES)
            {
                return Err(no_file(&path));
            }
        }
    }
    Ok(())
}

/// Whether everything that a look at a revision may open is a regular file;
/// else which is not.
pub(crate) fn check(git: &GitInfo) -> Result<(), String> {
    check_whole(git)?;
    let below = [
        git.git_dir.join("refs"),
        git.common_dir.join("refs"),
        git.common_dir.join("objects"),
    ];
    let entries = below.iter().flat_map(WalkDir::new);
    for (number, entry) in entries.enumerate() {
        // What cannot be listed cannot be opened either.
        let Ok(entry) = entry else { continue };
        let kind = entry.file_type();
        let is_plain = kind.is_dir()
            || kind.is_file()
            || kind.is_symlink() && entry.path().metadata().is_ok_and(|one| one.is_file());
        if !is_plain {
            return Err(no_file(entry.path()));
        }
        if number > MAX_ENTRIES {
            return Err(format!("more than {MAX_ENTRIES} files of git's own"));
        }
    }
    Ok(())
}

fn no_file(path: &Path) -> String {
    format!("{} is not a file of git's", path.display())
}
