//! Vectors by content: what a slow model has read once it need not read again,
//! on another branch, in another worktree or another repository.
//!
//! One SQLite file for all of a machine's indexes. It is a cache: whatever goes
//! wrong with it is logged, and costs time only.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use half::f16;
use half::slice::HalfFloatSliceExt;
use rusqlite::{Connection, OptionalExtension, params};

/// Hash of a model and of a text as the model reads it.
pub(crate) type Key = [u8; 16];

/// Version of the table; another one is thrown away.
const FORMAT: i64 = 1;
/// How long another process that writes is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Share of the rows that go when the cache is full: those that were not used for longest.
const FREED: i64 = 4;

/// The cache of a data folder.
pub struct VectorCache {
    path: PathBuf,
    most_bytes: u64,
    connection: Mutex<Option<Connection>>,
}

impl VectorCache {
    /// The cache of the data folder `home`, of at most about `most_bytes`; 0 keeps none.
    /// Nothing is opened yet.
    pub fn new(home: &Path, most_bytes: u64) -> Self {
        Self {
            path: home.join("cache").join("vectors.sqlite"),
            most_bytes,
            connection: Mutex::new(None),
        }
    }

    /// The vector of each key, where there is one of so many dimensions.
    pub(crate) fn get(&self, keys: &[Key], dimensions: usize) -> Vec<Option<Vec<f32>>> {
        self.with(|connection| read(connection, keys, dimensions))
            .unwrap_or_else(|| vec![None; keys.len()])
    }

    /// Keeps vectors.
    pub(crate) fn put(&self, rows: &[(Key, &[f32])]) {
        self.with(|connection| {
            write(connection, rows)?;
            if size(connection)? > self.most_bytes {
                free(connection)?;
            }
            Ok(())
        });
    }

    fn with<T>(&self, work: impl Fn(&mut Connection) -> rusqlite::Result<T>) -> Option<T> {
        if self.most_bytes == 0 {
            return None;
        }
        let mut held = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut attempt = || {
            if held.is_none() {
                *held = Some(open(&self.path)?);
            }
            held.as_mut().map(&work).transpose()
        };
        match attempt() {
            Ok(done) => return done,
            Err(error) if is_damage(&error) => {
                tracing::warn!(path = %self.path.display(), %error, "the cache of vectors is made anew");
                held = self.emptied(held);
            }
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "the cache of vectors is not used");
                return None;
            }
        }
        let mut again = || {
            *held = Some(open(&self.path)?);
            held.as_mut().map(&work).transpose()
        };
        again().ok().flatten()
    }

    /// Removes the files of a damaged cache.
    fn emptied<'a>(
        &self,
        mut held: std::sync::MutexGuard<'a, Option<Connection>>,
    ) -> std::sync::MutexGuard<'a, Option<Connection>> {
        *held = None;
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.path.clone().into_os_string();
            name.push(suffix);
            let _ = std::fs::remove_file(name);
        }
        held
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    error
        .sqlite_error_code()
        .is_some_and(|code| matches!(code, DatabaseCorrupt | NotADatabase))
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    if let Some(folder) = path.parent() {
        let _ = std::fs::create_dir_all(folder);
    }
    let connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    // What is lost in a power cut is computed again; a torn file is not an option.
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version != FORMAT {
        connection.execute_batch("DROP TABLE IF EXISTS vectors")?;
    }
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS vectors (
            key BLOB PRIMARY KEY, day INTEGER NOT NULL, vector BLOB NOT NULL
        ) WITHOUT ROWID",
    )?;
    connection.pragma_update(None, "user_version", FORMAT)?;
    Ok(connection)
}

fn read(
    connection: &mut Connection,
    keys: &[Key],
    dimensions: usize,
) -> rusqlite::Result<Vec<Option<Vec<f32>>>> {
    let today = today();
    let transaction = connection.transaction()?;
    let mut found = Vec::with_capacity(keys.len());
    {
        let mut select =
            transaction.prepare_cached("SELECT day, vector FROM vectors WHERE key = ?")?;
        let mut touch = transaction.prepare_cached("UPDATE vectors SET day = ? WHERE key = ?")?;
        for key in keys {
            let row: Option<(i64, Vec<u8>)> = select
                .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let vector =
                row.and_then(|(day, bytes)| Some((day, decoded(key, &bytes, dimensions)?)));
            if vector.as_ref().is_some_and(|(day, _)| *day != today) {
                touch.execute(params![today, key])?;
            }
            found.push(vector.map(|one| one.1));
        }
    }
    transaction.commit()?;
    Ok(found)
}

fn write(connection: &mut Connection, rows: &[(Key, &[f32])]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction
            .prepare_cached("INSERT OR REPLACE INTO vectors (key, day, vector) VALUES (?, ?, ?)")?;
        for (key, vector) in rows {
            insert.execute(params![key, today(), encoded(key, vector)])?;
        }
    }
    transaction.commit()
}

fn size(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let used = number("page_count")? - number("freelist_count")?;
    Ok((used * number("page_size")?).max(0) as u64)
}

/// Drops the rows that were not used for longest.
fn free(connection: &mut Connection) -> rusqlite::Result<()> {
    let all: i64 = connection.query_row("SELECT count(*) FROM vectors", [], |row| row.get(0))?;
    connection.execute(
        "DELETE FROM vectors WHERE key IN (SELECT key FROM vectors ORDER BY day LIMIT ?)",
        [all.div_euclid(FREED).max(1)],
    )?;
    Ok(())
}

fn today() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| (since.as_secs() / 86_400) as i64)
}

/// Rounded as it comes back out of the cache, so that a vector is the same
/// whether it was there or not.
pub(crate) fn rounded(vector: &mut [f32]) {
    for value in vector {
        *value = f16::from_f32(*value).to_f32();
    }
}

fn checksum(key: &Key, values: &[u8]) -> [u8; 4] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(key).update(values);
    let mut sum = [0; 4];
    sum.copy_from_slice(&hasher.finalize().as_bytes()[..4]);
    sum
}

/// f16 values, little-endian, and a checksum.
fn encoded(key: &Key, vector: &[f32]) -> Vec<u8> {
    let mut bytes: Vec<u8> = vector
        .iter()
        .flat_map(|value| f16::from_f32(*value).to_le_bytes())
        .collect();
    let sum = checksum(key, &bytes);
    bytes.extend(sum);
    bytes
}

fn decoded(key: &Key, bytes: &[u8], dimensions: usize) -> Option<Vec<f32>> {
    let (values, sum) = bytes.split_last_chunk::<4>()?;
    if values.len() != dimensions * 2 || checksum(key, values) != *sum {
        return None;
    }
    let halves: Vec<f16> = values
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| f16::from_le_bytes(*pair))
        .collect();
    let mut vector = vec![0.0; dimensions];
    halves.convert_to_f32_slice(&mut vector);
    Some(vector)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: u64 = 1 << 30;

    fn key(number: u32) -> Key {
        let mut key = [0; 16];
        key[..4].copy_from_slice(&number.to_le_bytes());
        key
    }

    #[test]
    fn vectors_come_back_as_they_were_rounded() {
        let home = tempfile::tempdir().expect("a folder");
        let cache = VectorCache::new(home.path(), ROOM);
        let mut vector = vec![0.1, -0.25, 3.0, f32::MIN_POSITIVE];
        cache.put(&[(key(1), &vector)]);
        rounded(&mut vector);
        let other = VectorCache::new(home.path(), ROOM);
        assert_eq!(other.get(&[key(2), key(1)], 4), [None, Some(vector)]);
        assert_eq!(other.get(&[key(1)], 3), [None], "other dimensions");
    }

    #[test]
    fn a_damaged_cache_is_made_anew_and_a_changed_row_is_not_believed() {
        let home = tempfile::tempdir().expect("a folder");
        let cache = VectorCache::new(home.path(), ROOM);
        cache.put(&[(key(1), &[1.0, 0.0])]);
        cache
            .with(|connection| {
                connection.execute("UPDATE vectors SET vector = x'3c0000000000'", [])?;
                connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            })
            .expect("written");
        assert_eq!(cache.get(&[key(1)], 1), [None]);
        drop(cache);
        std::fs::write(home.path().join("cache/vectors.sqlite"), vec![7; 40_000]).expect("written");
        let cache = VectorCache::new(home.path(), ROOM);
        assert_eq!(cache.get(&[key(1)], 2), [None]);
        cache.put(&[(key(1), &[1.0, 0.0])]);
        assert_eq!(cache.get(&[key(1)], 2), [Some(vec![1.0, 0.0])]);
    }

    #[test]
    fn it_stays_within_its_bounds_and_0_is_none() {
        let home = tempfile::tempdir().expect("a folder");
        let cache = VectorCache::new(home.path(), 400 << 10);
        for round in 0..20 {
            let rows: Vec<Key> = (0..100).map(|number| key(round * 100 + number)).collect();
            let vector = vec![0.5; 384];
            let rows: Vec<(Key, &[f32])> = rows.iter().map(|key| (*key, &vector[..])).collect();
            cache.put(&rows);
        }
        let used = cache.with(|connection| size(connection)).expect("a size");
        assert!((100 << 10..600 << 10).contains(&used), "{used}");
        let none = VectorCache::new(home.path(), 0);
        none.put(&[(key(9999), &[1.0])]);
        assert_eq!(none.get(&[key(9999)], 1), [None]);
    }

    #[test]
    fn without_a_folder_it_is_silent() {
        let home = tempfile::tempdir().expect("a folder");
        std::fs::write(home.path().join("cache"), "a file").expect("written");
        let cache = VectorCache::new(home.path(), ROOM);
        cache.put(&[(key(1), &[1.0])]);
        assert_eq!(cache.get(&[key(1)], 1), [None]);
    }
}
