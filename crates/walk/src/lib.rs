//! From a repository to a stream of files: ignore rules, gates, and what git knows.
//!
//! [`Checkout`] says what is indexed, [`list`] which of its files are to be read
//! and which are not and why, [`read`](read()) gives one file as text, and
//! [`why`](why()) explains one path by the same decisions. [`changed_since`] tells
//! which files differ from a revision of git. Who is told of changes (a [`Follower`])
//! has [`list_part`] list what they touch, by the same decisions again.
//!
//! # Ignore rules
//! Git's own: `.gitignore` files from the top of the checkout down, `info/exclude`
//! and the user's global excludes, matched by a port of git's matcher. Files that
//! git tracks are never left out for git's rules. `.whereinignore` files have the
//! same syntax and stand above all of git's rules, tracked files included; with
//! `!` they take in again what git ignores. As for git, what lies in a folder that
//! is left out cannot be taken in again.
//!
//! Differences from git, all deliberate:
//! - `core.ignoreCase` is not asked: rules match names as they are written.
//! - `core.excludesFile` is taken from the system and user configuration only,
//!   without its includes; `core.worktree` is not obeyed.
//! - The index of a SHA-256 repository is not read: there no rule is lifted for
//!   tracked files.
//! - A `.git` entry below the root marks a nested repository, whatever is in it.
//! - A pattern with more than 256 wildcards within one another matches nothing.
//!
//! # Safety
//! Git is never run and nothing of its configuration is executed. No symbolic link
//! is followed below the root, no pipe or device is opened, no file is mapped into
//! memory, and what is read is bounded. Files that hold secrets are told by name
//! before they are opened, and private keys in source are masked.

mod attributes;
mod beneath;
mod changed;
mod checkout;
mod content;
mod discover;
mod error;
mod folders;
mod follow;
mod git_files;
mod head;
mod hooks;
mod keys;
mod levels;
mod listing;
mod markers;
mod marks;
mod names;
mod open;
mod origin;
mod read;
mod rules;
mod secrets;
mod survey;
mod tracked;
mod trouble;
mod user_config;
mod why;
mod wildcard;

pub use beneath::stat;
pub use changed::changed_since;
pub use checkout::Checkout;
pub use discover::GitInfo;
pub use error::WalkError;
pub use follow::{Follower, Part, is_rule_file};
pub use hooks::{HooksFolder, HooksReach};
pub use listing::{Entry, Listing, list, list_followed, list_part};
pub use read::{Options, Unread, read};

/// Bumped whenever the gates may judge the same file otherwise.
pub const GATES_VERSION: u32 = 1;
pub use tracked::tracked_key;
pub use user_config::GlobalExcludes;
pub use why::{Verdict, why};
