//! Looks at the working tree: all of it, or what a watcher has told of.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use wherein_walk::{Listing, Part};
use wherein_watch::{Changes, Followed, WatchError, Watcher};

use crate::error::IndexError;
use crate::plan::Basis;
use crate::repository::Repository;

/// How long what a watcher tells is believed before all is looked at again: some
/// changes are never told (writes through memory that is mapped, a user's own rules).
const BELIEVED: Duration = Duration::from_mins(10);

/// What is known of a checkout that is followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settled {
    /// The generation that the checkout was compared with last.
    generation: u64,
    /// When all of it was looked at last.
    whole: Instant,
}

/// A look at the working tree. Until it is settled, what a watcher told of before
/// it counts as not yet looked at.
pub(crate) struct Look {
    pub(crate) listing: Listing,
    /// What the listing covers; `None` for all.
    pub(crate) covered: Option<Part>,
    began: Instant,
    followed: Option<(Arc<Followed>, Changes)>,
}

impl Look {
    fn alone(listing: Listing) -> Self {
        Self {
            listing,
            covered: None,
            began: Instant::now(),
            followed: None,
        }
    }

    /// What it showed is in the index of `repository`.
    pub(crate) fn settle(mut self, repository: &Repository) {
        let Some((followed, _)) = self.followed.take() else {
            return;
        };
        if let Some(current) = repository.current() {
            let generation = current.snapshot.generation();
            let mut settled = repository.settled();
            let before = settled.map_or(self.began, |before| before.whole);
            let whole = match self.covered {
                Some(_) => before,
                None => self.began,
            };
            *settled = Some(Settled { generation, whole });
        }
        followed.done();
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        if let Some((followed, changes)) = self.followed.take() {
            followed.give_back(changes);
        }
    }
}

impl Repository {
    /// Has changes of the checkout told by a watcher from now on, so that a run
    /// looks at nothing else. `on_change` is called, on any thread, when something
    /// changes while nothing else was pending.
    ///
    /// # Errors
    /// The file system does not tell of changes: then all is looked at, as before.
    pub fn follow(
        &self,
        watcher: &Watcher,
        on_change: impl Fn() + Send + Sync + 'static,
    ) -> Result<(), WatchError> {
        let followed = watcher.follow(self.checkout(), on_change)?;
        // What was looked at before was not followed.
        self.listed().take();
        *self
            .followed
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(followed));
        Ok(())
    }

    pub(crate) fn followed(&self) -> Option<Arc<Followed>> {
        let followed = self.followed.read();
        followed.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn unfollow(&self) {
        let followed = self.followed.write();
        *followed.unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether a watcher tells of changes.
    pub fn is_followed(&self) -> bool {
        self.followed().is_some()
    }

    /// A watcher may have missed something: all is looked at again.
    pub fn doubt(&self) {
        if let Some(followed) = self.followed() {
            followed.doubt_everything();
        }
    }

    /// Whether a watcher has told of changes that are not in the index; `false` without
    /// a watcher.
    pub fn has_changes(&self) -> bool {
        self.followed().is_some_and(|one| !one.is_unchanged())
    }

    /// Whether a watcher has told of changes, or it is time to look at everything for
    /// once; `false` without a watcher.
    pub fn is_look_due(&self) -> bool {
        let is_doubtful = || self.settled().is_none_or(|one| !one.is_believed());
        self.has_changes() || self.is_followed() && is_doubtful()
    }

    /// When a watcher last told of a change.
    pub fn changed_last(&self) -> Option<Instant> {
        self.followed()?.heard_last()
    }

    pub(crate) fn settled(&self) -> std::sync::MutexGuard<'_, Option<Settled>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what may have changed since the view of the newest generation, which
    /// is opened, was made.
    pub(crate) fn look_around(&self, basis: Basis) -> Result<Look, IndexError> {
        // What is made anew may be damaged.
        if !basis.full {
            self.open_newest()?;
        }
        if let Some(listing) = self.listed().take() {
            return Ok(Look::alone(listing));
        }
        let settled = *self.settled();
        let may_be_part = self
            .with_view(|current, view| {
                let generation = current.snapshot.generation();
                let is_same = settled.is_some_and(|one| one.generation == generation);
                is_same && basis.allows_parts(view)
            })
            .unwrap_or(false);
        self.look_at(!may_be_part || settled.is_none_or(|one| !one.is_believed()))
    }

    /// Looks at everything.
    pub(crate) fn look_at_everything(&self) -> Result<Look, IndexError> {
        self.look_at(true)
    }

    fn look_at(&self, is_whole: bool) -> Result<Look, IndexError> {
        let (checkout, options) = (self.checkout(), self.walk_options());
        let Some(followed) = self.followed() else {
            return Ok(Look::alone(wherein_walk::list(checkout, &options)?));
        };
        followed.catch_up();
        if is_whole {
            followed.doubt_everything();
        }
        let changes = followed.take();
        // A listing that fails half way has entered some folders, which would then not
        // count as new.
        let mut look = Look {
            listing: Listing::default(),
            covered: Some(Part::default()),
            began: Instant::now(),
            followed: Some((Arc::clone(&followed), Changes::Everything)),
        };
        match &changes {
            Changes::Nothing => look.followed = Some((Arc::clone(&followed), changes)),
            Changes::Part(part) => {
                let (listing, covered) =
                    wherein_walk::list_part(checkout, &options, part, &*followed)?;
                look.listing = listing;
                // With the folders that were new.
                look.followed = Some((Arc::clone(&followed), Changes::Part(covered.clone())));
                look.covered = Some(covered);
            }
            Changes::Everything => {
                look.listing = wherein_walk::list_followed(checkout, &options, &*followed)?;
                look.covered = None;
            }
        }
        if followed.failure().is_some() {
            // Watches are few; those that there are help nobody.
            self.unfollow();
        }
        Ok(look)
    }
}

impl Settled {
    fn is_believed(&self) -> bool {
        self.whole.elapsed() < BELIEVED
    }
}
