//! What an index holds and answers, to be compared with that of a clean build.

use wherein_core::Query;
use wherein_index::Repository;

/// All that can be seen of an index but its generation.
#[derive(Debug, PartialEq)]
pub(crate) struct Shown {
    /// Path, lines and text of each chunk, in order.
    chunks: Vec<String>,
    /// For each query its first ten, with their scores.
    answers: Vec<String>,
    /// What was passed over, and why.
    skips: Vec<String>,
    /// What `wherein status` says.
    states: Vec<String>,
}

impl Shown {
    /// Of an index that must be whole.
    pub(crate) fn of(repository: &Repository, queries: &[&str]) -> Self {
        let current = repository.current().expect("an index");
        current.snapshot.check().expect("whole");
        let chunk = |row| {
            let chunk = current.snapshot.chunk(row);
            let text = current.snapshot.file_text(chunk.file).expect("its text");
            let span = chunk.span;
            let text = span.bytes.of(&text);
            format!(
                "{}:{}-{} {text}",
                chunk.path, span.start_line, span.end_line
            )
        };
        let mut chunks: Vec<String> = current.rows.iter().map(chunk).collect();
        chunks.sort();
        let mut answers = Vec::new();
        for &text in queries {
            let query = Query::new(text, 10).expect("a query");
            for hit in repository.search(&query).expect("an answer").hits {
                let (path, start, end) = (hit.path, hit.start_line, hit.end_line);
                answers.push(format!("{text}: {path}:{start}-{end} {:.4}", hit.score));
            }
        }
        let status = repository.status().expect("a status");
        let skips = repository.with_view(|_, view| {
            let shown = view.skips.iter().map(|skip| {
                let (path, reason, detail) = (&skip.path, skip.reason(), &skip.detail);
                format!("{path} {reason:?} {detail}")
            });
            shown.collect::<Vec<_>>()
        });
        let mut skips = skips.unwrap_or_default();
        skips.sort();
        let said = [
            format!("head {:?}", status.head),
            format!("complete {}, fresh {}", status.complete, status.fresh),
            format!("pending {}", status.pending_files),
            format!("{} files, {} bytes", status.files, status.source_bytes),
            format!("{:?} {:?}", status.languages, status.partial),
            format!("{:?}", status.vectors),
        ];
        Self {
            chunks,
            answers,
            skips,
            states: said.to_vec(),
        }
    }

    /// The first thing in which two differ.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        let parts = [
            (&self.chunks, &other.chunks),
            (&self.answers, &other.answers),
            (&self.skips, &other.skips),
            (&self.states, &other.states),
        ];
        for (own, others) in parts {
            let longest = own.len().max(others.len());
            for at in 0..longest {
                if own.get(at) != others.get(at) {
                    return Some(format!("{:?} and {:?}", own.get(at), others.get(at)));
                }
            }
        }
        None
    }
}
