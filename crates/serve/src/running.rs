//! Services that run, so that a git hook finds the one that holds its repository:
//! a file for each, locked as long as it lives.

use std::fs::{self, File, TryLockError};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// A running service, announced until this is dropped or the process ends.
pub(crate) struct Announced {
    path: PathBuf,
    _lock: File,
}

fn folder(home: &Path) -> PathBuf {
    home.join("serve").join("running")
}

impl Announced {
    /// Announces the service at an address.
    pub(crate) fn new(home: &Path, address: SocketAddr) -> io::Result<Self> {
        let folder = folder(home);
        fs::create_dir_all(&folder)?;
        // A file has its name only once it is locked: nobody takes it for left over.
        let name = name_of(address);
        let new = folder.join(format!(".{name}-{}", std::process::id()));
        let lock = File::create(&new)?;
        lock.lock()?;
        let path = folder.join(name);
        fs::rename(&new, &path)?;
        Ok(Self { path, _lock: lock })
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        // One that stays is seen to be unlocked.
        let _ = fs::remove_file(&self.path);
    }
}

/// Addresses of the services that run; files of those that died are removed.
pub(crate) fn addresses(home: &Path) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder(home)).into_iter().flatten().flatten() {
        let Some(address) = address_of(&entry.file_name().to_string_lossy()) else {
            continue;
        };
        let path = entry.path();
        let Ok(file) = File::open(&path) else {
            continue;
        };
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => found.push(address),
            Ok(()) => {
                let _ = fs::remove_file(&path);
            }
            Err(TryLockError::Error(_)) => {}
        }
    }
    found
}

/// An address as a file's name on every system: `127.0.0.1-7717`.
fn name_of(address: SocketAddr) -> String {
    let ip = address.ip().to_string().replace(':', "_");
    format!("{ip}-{}", address.port())
}

fn address_of(name: &str) -> Option<SocketAddr> {
    let (ip, port) = name.rsplit_once('-')?;
    let ip: IpAddr = ip.replace('_', ":").parse().ok()?;
    Some(SocketAddr::new(ip, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_living_are_found_and_the_dead_are_cleared_away() {
        let home = tempfile::tempdir().expect("folder");
        assert!(addresses(home.path()).is_empty());
        for text in ["127.0.0.1:7717", "[::1]:80"] {
            let address: SocketAddr = text.parse().expect("an address");
            let announced = Announced::new(home.path(), address).expect("announced");
            assert_eq!(addresses(home.path()), [address]);
            drop(announced);
            assert!(addresses(home.path()).is_empty());
            let left = folder(home.path()).join(name_of(address));
            fs::write(&left, "").expect("written");
            assert!(addresses(home.path()).is_empty());
            assert!(!left.exists());
        }
    }
}
