//! The answer to a search: one shape for `--json`, HTTP and MCP.

use serde::{Deserialize, Serialize};

use crate::{ChunkKind, Mode};

/// Ranked hits and the state of the index that gave them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SearchAnswer {
    /// The query as it was understood: trimmed.
    pub query: String,
    /// The mode that answered; never `auto`.
    pub mode: Mode,
    /// Time from query to ranked hits, in milliseconds.
    pub took_ms: f64,
    /// What answered.
    pub index: IndexState,
    /// Best first.
    pub hits: Vec<Hit>,
    /// No word of the query occurs in what was searched: what was found is near
    /// in meaning alone, and may be no answer.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub by_meaning_alone: bool,
    /// Every place where exactly what was asked for stands, when it is a name or a
    /// regular expression and the places were asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exact: Option<ExactMatches>,
}

/// All lines with a name or a match of a regular expression.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExactMatches {
    /// The name, looked for as a whole word and in this case, or the expression.
    pub text: String,
    /// Lines with it.
    pub lines: u64,
    /// Files with it.
    pub files: u64,
    /// Whether `places` has every line of every indexed file as it is on disk now:
    /// there is nothing more to look for.
    pub complete: bool,
    /// The lines of each file, by path.
    pub places: Vec<ExactPlaces>,
}

/// Lines of one file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExactPlaces {
    /// Relative to the repository root, joined by `/`.
    pub path: String,
    /// 1-based, rising.
    pub lines: Vec<u32>,
}

/// What belongs to a place in the code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RelatedAnswer {
    /// Time from question to answer, in milliseconds.
    pub took_ms: f64,
    /// What answered.
    pub index: IndexState,
    /// The span at the place.
    pub of: Hit,
    /// Spans that resemble it, best first; `score` is the cosine.
    pub hits: Vec<Hit>,
    /// Calls of what the span defines.
    pub callers: Vec<CallSite>,
    /// Whether `callers` has every call by that name in the indexed files.
    pub callers_complete: bool,
    /// Definitions that it calls.
    pub callees: Vec<CallSite>,
}

/// A call, or what is called; found by name in the syntax tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CallSite {
    /// Relative to the repository root, joined by `/`.
    pub path: String,
    /// Of a caller the line of the call, of a callee that of its definition; 1-based.
    pub line: u32,
    /// That line, trimmed.
    pub text: String,
    /// Of a caller the definition that the call stands in, of a callee its own.
    pub symbol: Option<String>,
    /// Enclosing names and the own one, joined by `::`.
    pub breadcrumb: String,
}

/// Which index answered, and how fresh it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IndexState {
    /// Absolute path of the checkout.
    pub repo: String,
    /// Counts commits of the index.
    pub generation: u64,
    /// Git's HEAD when the index was brought up to date; null outside git.
    pub head: Option<String>,
    /// Whether every file was seen to be as indexed.
    pub fresh: bool,
    /// Files known to differ from the index.
    pub pending_files: u64,
    /// Share of chunks that have a vector of `model`, 0 to 1.
    pub vector_coverage: f64,
    /// The embedding model.
    pub model: String,
}

/// One ranked span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Hit {
    /// 1 is best.
    pub rank: usize,
    /// Comparable within one answer only.
    pub score: f32,
    /// Name of the repository, where several are searched.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repo: Option<String>,
    /// Relative to the repository root, joined by `/`.
    pub path: String,
    /// First line, 1-based.
    pub start_line: u32,
    /// Last line, 1-based, inclusive.
    pub end_line: u32,
    /// Canonical language name.
    pub language: String,
    /// What the span is.
    pub kind: ChunkKind,
    /// Name of its main definition.
    pub symbol: Option<String>,
    /// Enclosing names and the own one, joined by `::`.
    pub breadcrumb: String,
    /// The file's own lines.
    pub text: String,
    /// How the score came about, when asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explain: Option<Explanation>,
}

impl Hit {
    /// As an agent reads it: where it stands, what it is, its lines.
    pub fn as_read(&self) -> String {
        let before = self.repo.as_deref().unwrap_or_default();
        let colon = if before.is_empty() { "" } else { ": " };
        let space = if self.breadcrumb.is_empty() { "" } else { " " };
        let (start, end) = (self.start_line, self.end_line);
        let (path, kind, crumb) = (&self.path, self.kind, &self.breadcrumb);
        let code = self.text.trim_end();
        format!("{before}{colon}{path}:{start}-{end} {kind}{space}{crumb}\n{code}\n\n")
    }
}

/// The parts of a score; their sum is the score.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Explanation {
    /// What each feature added, in the ranker's order.
    pub contributions: Vec<Contribution>,
    /// Words of the query that the span holds.
    pub matched_words: Vec<String>,
}

/// One part of a score.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Contribution {
    /// Name of the feature.
    pub feature: String,
    /// Its value for this hit.
    pub value: f32,
    /// What it added to the score.
    pub added: f32,
}

/// What an index has to say to a question, cut to a token budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ContextAnswer {
    /// The query as it was understood: trimmed.
    pub query: String,
    /// Time from query to packed text, in milliseconds.
    pub took_ms: f64,
    /// What answered.
    pub index: IndexState,
    /// How `text` is written: `markdown`, `xml` or `json`.
    pub format: String,
    /// The vocabulary that tokens are counted with.
    pub tokenizer: String,
    /// Most tokens that `text` may have.
    pub budget_tokens: usize,
    /// Tokens that it has.
    pub tokens: usize,
    /// The text for the prompt.
    pub text: String,
    /// What is in it, in the order of the text.
    pub blocks: Vec<PackBlock>,
    /// Spans that were found but did not fit.
    pub left_out: usize,
    /// Of `exclude`, what names no file of the index.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub not_excluded: Vec<String>,
    /// No word of the query occurs in what was searched: what was found is near
    /// in meaning alone, and may be no answer.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub by_meaning_alone: bool,
}

/// Lines of one file in a pack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PackBlock {
    /// To be given as `exclude` when asking again: `path:start-end@hash`, for a
    /// block with lines from above `path:start-end,start-end@hash`.
    pub id: String,
    /// Name of the repository, where several are searched.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repo: Option<String>,
    /// Relative to the repository root, joined by `/`.
    pub path: String,
    /// First line, 1-based.
    pub start_line: u32,
    /// Last line, 1-based, inclusive.
    pub end_line: u32,
    /// Canonical language name.
    pub language: String,
    /// What the lines define.
    pub kind: ChunkKind,
    /// Name of that definition.
    pub symbol: Option<String>,
    /// Enclosing names and the own one, joined by `::`.
    pub breadcrumb: String,
    /// Of the best span in it; comparable within one answer only.
    pub score: f32,
    /// The lines, under those of what encloses them and the imports they use;
    /// `...` where lines are left out between.
    pub text: String,
}
