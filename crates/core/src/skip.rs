//! Why a file is not in the index, or only in part.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! skip_reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $sentence:literal;)*) => {
        /// Why a path was passed over.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum SkipReason { $($(#[$doc])* $variant,)* }

        impl SkipReason {
            /// All reasons; the index of a reason is its code on disk, so new
            /// ones go to the end.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in `status --json`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// A clause that a person understands, without a final period.
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }
        }
    };
}

skip_reasons! {
    /// A rule of `.gitignore`, `info/exclude` or the global ignore file.
    GitIgnored = "git_ignored", "git ignores it";
    /// A rule of `.whereinignore`.
    WhereinIgnored = "wherein_ignored", "a .whereinignore rule excludes it";
    /// Git's own folder, or another version control system's.
    VersionControl = "version_control", "it belongs to the version control system";
    /// Contains NUL bytes or is not text in any known encoding.
    Binary = "binary", "it is not text";
    /// Above [`crate::limits::MAX_FILE_BYTES`].
    TooLarge = "too_large", "it is larger than the limit";
    /// Machine-shortened code.
    Minified = "minified", "it is minified";
    /// Says of itself that a program wrote it, or is a lock file.
    Generated = "generated", "it is generated";
    /// A key, certificate, credential or environment file.
    Secret = "secret", "it may hold secrets";
    /// A symbolic link; what it points to is indexed where it lies.
    Symlink = "symlink", "it is a symbolic link";
    /// A pipe, socket or device.
    NotRegular = "not_regular", "it is not a regular file";
    /// The operating system refused to read it.
    Unreadable = "unreadable", "it cannot be read";
    /// Vanished or changed while it was read.
    Changed = "changed", "it changed while it was read";
    /// Has no line that is not blank.
    Empty = "empty", "it has no text";
    /// A name that is not UTF-8.
    BadName = "bad_name", "its name is not UTF-8";
    /// Another repository inside this one (submodule or nested clone).
    NestedRepository = "nested_repository", "it is a repository of its own";
    /// Indexed by lines: larger than a parser is given.
    TooLargeToParse = "too_large_to_parse", "indexed by lines: too large to parse";
    /// Indexed by lines: the parser ran out of time.
    ParseTimeout = "parse_timeout", "indexed by lines: the parser ran out of time";
    /// Indexed by lines: the parser failed.
    ParseFailed = "parse_failed", "indexed by lines: the parser failed";
}

impl SkipReason {
    /// Whether the file is in the index all the same, only not by syntax.
    pub fn is_partial(self) -> bool {
        matches!(
            self,
            Self::TooLargeToParse | Self::ParseTimeout | Self::ParseFailed
        )
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One path that was passed over, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skip {
    /// Relative to the repository root, joined by `/`; ends in `/` for a whole folder.
    pub path: String,
    /// Why.
    pub reason: SkipReason,
    /// What decided: the rule and the file it stands in, a size, an error text.
    pub detail: String,
}
