//! Resolves `HEAD` to an object id from git's own files.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::discover::GitInfo;
use crate::open::{open_for_reading, read_small};

/// Longest file of one reference, in bytes.
const MAX_REF_BYTES: u64 = 4 << 10;

/// Symbolic references that are followed, as git does.
const MAX_HOPS: usize = 5;

/// The object id of `HEAD` in hexadecimal.
pub(crate) fn read(git: &GitInfo) -> Option<String> {
    let mut name = "HEAD".to_owned();
    for _ in 0..MAX_HOPS {
        match loose(git, &name) {
            Some(value) => match value.strip_prefix("ref:") {
                Some(target) => name = checked(target.trim())?,
                None => return object_id(&value),
            },
            None => return packed(&git.common_dir.join("packed-refs"), &name),
        }
    }
    None
}

/// The trimmed text of a reference's own file: this worktree's, else the shared one.
fn loose(git: &GitInfo, name: &str) -> Option<String> {
    [&git.git_dir, &git.common_dir]
        .into_iter()
        .find_map(|folder| read_small(&folder.join(name), MAX_REF_BYTES).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(|text| text.trim().to_owned())
}

/// A reference name that cannot lead out of git's folder.
fn checked(name: &str) -> Option<String> {
    let safe = name.starts_with("refs/")
        && !name.contains('\0')
        && name
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..");
    safe.then(|| name.to_owned())
}

fn packed(path: &Path, name: &str) -> Option<String> {
    let file: File = open_for_reading(path).ok()?;
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        let Ok(text) = std::str::from_utf8(line.trim_ascii_end()) else {
            continue;
        };
        if let Some((id, found)) = text.split_once(' ')
            && found == name
        {
            return object_id(id);
        }
    }
}

/// The text when it is an object id (SHA-1 or SHA-256).
fn object_id(text: &str) -> Option<String> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hex && matches!(text.len(), 40 | 64)).then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_cannot_leave_the_git_folder() {
        assert_eq!(
            checked("refs/heads/main").as_deref(),
            Some("refs/heads/main")
        );
        for name in [
            "/etc/passwd",
            "refs/../../x",
            "refs//x",
            "main",
            "refs/a/./b",
        ] {
            assert_eq!(checked(name), None, "{name}");
        }
    }

    #[test]
    fn only_whole_object_ids_count() {
        let id = "0123456789abcdef0123456789ABCDEF01234567";
        assert_eq!(object_id(id).as_deref(), Some(id.to_lowercase().as_str()));
        assert_eq!(object_id(&id[1..]), None);
        assert_eq!(object_id(&id.replace('0', "g")), None);
    }
}
