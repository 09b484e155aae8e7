//! Which repository a checkout belongs to, wherever it lies: clones of one have the
//! same origin.
//!
//! Only the address is read, from the repository's own configuration without its
//! includes. It may be a lie: all that comes of it is that indexes are shared, whose
//! contents go by their hashes and whose answers by the checkout.

use std::path::{Path, PathBuf};

use gix::config::File;
use gix::config::file::Metadata;
use gix::config::file::init::Options;

use crate::discover::{GitInfo, git_data_of};
use crate::open::read_small;

/// Largest configuration that is read, in bytes.
const MAX_CONFIG_BYTES: u64 = 1 << 20;
/// Longest chain of clones of local clones that is followed.
const MAX_STEPS: usize = 8;

/// Where a repository comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An address on some host, without what differs between ways to reach it.
    Elsewhere(String),
    /// Its data lie in this folder.
    Here(PathBuf),
}

impl Origin {
    /// The origin of a repository; that of a local clone is the origin of what it was
    /// cloned from.
    pub(crate) fn of(git: &GitInfo) -> Self {
        let (mut data, mut top) = (git.common_dir.clone(), git.toplevel.clone());
        for _ in 0..MAX_STEPS {
            let Some(address) = address_in(&data.join("config")) else {
                break;
            };
            let local = match address_of(&address) {
                Some(Address::Remote(address)) => return Self::Elsewhere(address),
                Some(Address::Local(path)) => top.join(path),
                None => break,
            };
            let Ok(local) = std::fs::canonicalize(&local) else {
                // It was there once.
                data = if local.ends_with(".git") || local.extension().is_some() {
                    local
                } else {
                    local.join(".git")
                };
                break;
            };
            let Some(next) = git_data_of(&local) else {
                break;
            };
            if next == data {
                break;
            }
            (data, top) = (next, local);
        }
        Self::Here(data)
    }
}

/// The address of the remote `origin`, or of the only one.
fn address_in(config: &Path) -> Option<String> {
    let bytes = read_small(config, MAX_CONFIG_BYTES).ok()?;
    let file =
        File::from_bytes_no_includes(&bytes, Metadata::default(), Options::default()).ok()?;
    if let Some(address) = file.string("remote.origin.url") {
        return Some(address.to_string());
    }
    let mut remotes = file.sections_by_name("remote")?;
    match (remotes.next(), remotes.next()) {
        (Some(only), None) => Some(only.value("url")?.to_string()),
        _ => None,
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Address {
    Remote(String),
    Local(PathBuf),
}

/// `host/path` for each way to write an address; user, password and usual ports are
/// left out.
fn address_of(text: &str) -> Option<Address> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    if let Some(path) = text.strip_prefix("file://") {
        return Some(Address::Local(PathBuf::from(path)));
    }
    let (authority, path) = if let Some((_, rest)) = text.split_once("://") {
        rest.split_once('/')?
    } else {
        match text.split_once(':') {
            // `host:path`, as for scp; a single letter is a drive.
            Some((host, path)) if host.len() > 1 && !host.contains(['/', '\\']) => (host, path),
            _ => return Some(Address::Local(PathBuf::from(text))),
        }
    };
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let host = ["22", "80", "443", "9418"]
        .iter()
        .find_map(|port| host.strip_suffix(port)?.strip_suffix(':'))
        .unwrap_or(host);
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let path = path.trim_end_matches('/');
    (!host.is_empty() && !path.is_empty())
        .then(|| Address::Remote(format!("{}/{path}", host.to_ascii_lowercase())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_to_write_an_address_are_one() {
        for text in [
            "https://Example.org/team/app.git",
            "https://example.org/team/app/",
            "https://user:secret@example.org/team/app.git",
            "http://example.org:80/team/app",
            "ssh://git@example.org/team/app.git",
            "ssh://git@example.org:22/team/app.git",
            "git@example.org:team/app.git",
            "git@example.org:/team/app.git",
            "git://example.org/team/app",
            " https://example.org/team/app.git\n",
        ] {
            let expected = Address::Remote("example.org/team/app".to_owned());
            assert_eq!(address_of(text), Some(expected), "{text}");
        }
        for text in [
            "https://example.org:8443/team/app",
            "https://example.org/team/App",
            "https://example.org/app",
            "git@example.com:team/app.git",
        ] {
            let same = Address::Remote("example.org/team/app".to_owned());
            assert_ne!(address_of(text), Some(same), "{text}");
        }
        for (text, path) in [
            ("/srv/app", "/srv/app"),
            ("../app", "../app"),
            ("file:///srv/app", "/srv/app"),
            ("C:/src/app", "C:/src/app"),
            ("./a:b", "./a:b"),
        ] {
            assert_eq!(
                address_of(text),
                Some(Address::Local(path.into())),
                "{text}"
            );
        }
        for text in [
            "",
            "https://",
            "https://example.org",
            "https://example.org/",
            ":x",
        ] {
            assert!(
                !matches!(address_of(text), Some(Address::Remote(_))),
                "{text}"
            );
        }
    }
}
