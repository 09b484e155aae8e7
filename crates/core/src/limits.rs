//! Bounds on everything that comes from outside. Each has its reason beside it;
//! the measurements are in the design notes (ARCHITECTURE.md, "Limits").

/// Largest file that is read, in bytes. Larger ones are data or generated.
pub const MAX_FILE_BYTES: u64 = 4 << 20;

/// Largest text given to a parser, in bytes; above it a file is chunked by
/// lines. 20 MB of minified JavaScript took a parser 16 s and 2.2 GB.
pub const MAX_PARSE_BYTES: usize = 1 << 20;

/// Longest time one parse may take, in milliseconds.
pub const MAX_PARSE_MS: u64 = 500;

/// Stack of a thread that parses, in bytes: some grammars recurse by nesting
/// depth in their scanners and overflow the usual 2 MiB.
pub const PARSE_STACK_BYTES: usize = 64 << 20;

/// Most chunks of one file: a chunk's number within its file is 16 bits.
pub const MAX_CHUNKS_PER_FILE: usize = 1 << 16;

/// Longest name of a symbol that is kept, in bytes.
pub const MAX_SYMBOL_BYTES: usize = 256;

/// Longest breadcrumb that is kept, in bytes.
pub const MAX_BREADCRUMB_BYTES: usize = 1024;

/// Longest query, in bytes. Longer ones are refused, not cut.
pub const MAX_QUERY_BYTES: usize = 16 << 10;

/// Most results one query may ask for.
pub const MAX_RESULTS: usize = 1000;

/// Results when the query does not say.
pub const DEFAULT_RESULTS: usize = 10;

/// Longest name of a revision, in bytes: git bounds its reference names alike.
pub const MAX_REVISION_BYTES: usize = 1024;

/// Most filters of one sort in one query.
pub const MAX_FILTERS: usize = 64;

/// Tokens of a pack when the request does not say: what an agent reads without
/// noticing.
pub const DEFAULT_BUDGET_TOKENS: usize = 4000;

/// Most tokens of a pack that may be asked for: more than any model reads.
pub const MAX_BUDGET_TOKENS: usize = 10_000_000;

/// The highest number of a line: the largest file that is read has no more.
pub const MAX_LINE: u32 = 1 << 22;

/// Most lines that are listed of those where a name stands.
pub const MAX_EXACT_LINES: usize = 1000;

/// Most spans that a request may name as known.
pub const MAX_EXCLUDED: usize = 500;
