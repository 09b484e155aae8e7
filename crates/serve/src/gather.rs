//! One answer from one repository, or one answer made of several.

use std::sync::Arc;
use std::time::Instant;

use wherein_core::{Hit, IndexState, Query, SearchAnswer};
use wherein_index::{Current, IndexError, Repository, SearchOptions};

use crate::job::Wish;
use crate::problem::Problem;
use crate::served::Served;
use crate::state::AppState;

/// Which repositories to search.
pub(crate) struct Scope {
    pub(crate) repositories: Vec<Arc<Served>>,
    /// Whether they were named; else those that cannot answer are left out.
    pub(crate) is_named: bool,
}

struct Part {
    answer: SearchAnswer,
    chunks: usize,
}

/// Searches; blocks. Starts a look where the last one is old.
pub(crate) fn search(
    state: &AppState,
    scope: &Scope,
    query: &Query,
    options: &SearchOptions,
) -> Result<SearchAnswer, Problem> {
    let began = Instant::now();
    if let Some(refresher) = state.refresher() {
        refresher.bring_in(&scope.repositories);
    }
    let mut parts = Vec::with_capacity(scope.repositories.len());
    let mut first_problem = None;
    for served in &scope.repositories {
        match part(state, served, query, options) {
            Ok(part) => parts.push(part),
            Err(failure) if scope.is_named || !failure.is_of_repository => {
                return Err(failure.problem);
            }
            Err(failure) => {
                first_problem.get_or_insert(failure.problem);
            }
        }
    }
    let is_whole = first_problem.is_none();
    let Some(mut answer) = merged(parts, query.k) else {
        return Err(first_problem.unwrap_or_else(|| {
            Problem::not_indexed("no repository is registered; PUT /v1/repos/{name} with {\"path\": \"/its/folder\"}")
        }));
    };
    answer.index.fresh &= is_whole;
    answer.took_ms = began.elapsed().as_secs_f64() * 1000.0;
    Ok(answer)
}

/// Why one repository gives no answer.
struct Failure {
    problem: Problem,
    /// Another repository may answer the same query.
    is_of_repository: bool,
}

impl Failure {
    fn of_repository(problem: Problem) -> Self {
        Self {
            problem,
            is_of_repository: true,
        }
    }
}

fn part(
    state: &AppState,
    served: &Arc<Served>,
    query: &Query,
    options: &SearchOptions,
) -> Result<Part, Failure> {
    let search = |repository: &Repository| repository.search_with(query, options);
    let (mut answer, current) = asked(state, served, search)?;
    answer.index.fresh &= served.is_seen_within(state.fresh_age());
    if let Some(exact) = &mut answer.exact {
        exact.complete &= answer.index.fresh;
    }
    for hit in &mut answer.hits {
        hit.repo = Some(served.name.clone());
    }
    Ok(Part {
        answer,
        chunks: current.rows.count(),
    })
}

/// One answer of one repository; blocks. What has just been written is brought in first.
pub(crate) fn answer<A>(
    state: &AppState,
    served: &Arc<Served>,
    question: impl Fn(&Repository) -> Result<A, IndexError>,
    index_of: impl Fn(&mut A) -> &mut IndexState,
) -> Result<A, Problem> {
    if let Some(refresher) = state.refresher() {
        refresher.bring_in(std::slice::from_ref(served));
    }
    let (mut answer, _) = asked(state, served, question).map_err(|failure| failure.problem)?;
    index_of(&mut answer).fresh &= served.is_seen_within(state.fresh_age());
    Ok(answer)
}

fn asked<A>(
    state: &AppState,
    served: &Arc<Served>,
    question: impl Fn(&Repository) -> Result<A, IndexError>,
) -> Result<(A, Arc<Current>), Failure> {
    let name = &served.name;
    let repository = served.repository().map_err(|error| {
        tracing::warn!(%error, repo = name, "a repository cannot be opened");
        let detail = format!("repository {name:?} cannot be opened: {error}");
        Failure::of_repository(Problem::unavailable(detail).retry_after(5))
    })?;
    let Some(current) = repository.current() else {
        return Err(Failure::of_repository(not_indexed(state, served)));
    };
    let answer = match question(repository) {
        Ok(answer) => answer,
        Err(error) if error.is_mended_by_rebuild() => {
            tracing::error!(%error, repo = name, "a damaged index is built anew");
            let mut problem = Problem::unavailable(format!(
                "the index of {name:?} is damaged and is built anew"
            ));
            if let Ok(job) = state.ask(served, Wish::Asked { full: true }) {
                problem = problem.job(&job.view_id());
            }
            return Err(Failure::of_repository(problem.retry_after(1)));
        }
        Err(error) => {
            return Err(Failure {
                is_of_repository: error.is_of_repository(),
                problem: Problem::from(error),
            });
        }
    };
    state.refresh(served);
    Ok((answer, current))
}

/// Says which job makes the index, and starts one unless one has just failed.
fn not_indexed(state: &AppState, served: &Arc<Served>) -> Problem {
    let name = &served.name;
    match state.refresh(served) {
        Some(job) => Problem::unavailable(format!(
            "repository {name:?} is being indexed; ask again in a moment"
        ))
        .job(&job.view_id())
        .retry_after(1),
        None => Problem::not_indexed(format!(
            "repository {name:?} is not indexed and its last job has not changed that; POST /v1/repos/{name}/index starts another"
        )),
    }
}

/// The best of all by score; equal ones in the order of the repositories.
fn merged(mut parts: Vec<Part>, k: usize) -> Option<SearchAnswer> {
    if parts.len() < 2 {
        return parts.pop().map(|part| part.answer);
    }
    let index = merged_state(&parts);
    let by_meaning_alone = parts.iter().all(|part| part.answer.by_meaning_alone);
    let mut answers = parts.into_iter().map(|part| part.answer);
    let mut answer = answers.next()?;
    answer.hits.extend(answers.flat_map(|other| other.hits));
    answer
        .hits
        .sort_by(|a: &Hit, b: &Hit| b.score.total_cmp(&a.score));
    answer.hits.truncate(k);
    for (index, hit) in answer.hits.iter_mut().enumerate() {
        hit.rank = index + 1;
    }
    answer.index = index;
    // Its paths are of one repository.
    answer.exact = None;
    answer.by_meaning_alone = by_meaning_alone;
    Some(answer)
}

fn merged_state(parts: &[Part]) -> IndexState {
    let mut state = IndexState {
        fresh: true,
        ..IndexState::default()
    };
    let (mut covered, mut chunks) = (0.0, 0);
    let mut models: Vec<&str> = Vec::new();
    for part in parts {
        let index = &part.answer.index;
        state.generation += index.generation;
        state.fresh &= index.fresh;
        state.pending_files += index.pending_files;
        covered += index.vector_coverage * part.chunks as f64;
        chunks += part.chunks;
        if !models.contains(&index.model.as_str()) {
            models.push(&index.model);
        }
    }
    state.vector_coverage = if chunks == 0 {
        1.0
    } else {
        covered / chunks as f64
    };
    state.model = models.join(", ");
    state
}

#[cfg(test)]
mod tests {
    use wherein_core::{ChunkKind, Mode};

    use super::*;

    fn part(repo: &str, scores: &[f32], chunks: usize, coverage: f64) -> Part {
        let hit = |(index, score): (usize, &f32)| Hit {
            rank: index + 1,
            score: *score,
            repo: Some(repo.to_owned()),
            path: format!("{index}.rs"),
            start_line: 1,
            end_line: 1,
            language: "rust".to_owned(),
            kind: ChunkKind::Function,
            symbol: None,
            breadcrumb: String::new(),
            text: String::new(),
            explain: None,
        };
        Part {
            answer: SearchAnswer {
                query: "q".to_owned(),
                mode: Mode::Hybrid,
                took_ms: 0.0,
                index: IndexState {
                    repo: format!("/{repo}"),
                    generation: 2,
                    head: Some("x".to_owned()),
                    fresh: repo == "a",
                    pending_files: 3,
                    vector_coverage: coverage,
                    model: "m".to_owned(),
                },
                hits: scores.iter().enumerate().map(hit).collect(),
                by_meaning_alone: repo == "a",
                exact: None,
            },
            chunks,
        }
    }

    #[test]
    fn several_answers_become_one() {
        let one = merged(vec![part("a", &[0.5], 1, 1.0)], 10).expect("answer");
        assert_eq!((one.index.repo.as_str(), one.index.generation), ("/a", 2));
        let both = vec![
            part("a", &[0.9, 0.5], 3, 1.0),
            part("b", &[0.9, 0.7], 1, 0.0),
        ];
        let answer = merged(both, 3).expect("answer");
        // Where one has the words, the others stand behind it.
        assert!(!answer.by_meaning_alone);
        let order: Vec<_> = answer
            .hits
            .iter()
            .map(|hit| (hit.rank, hit.repo.as_deref().expect("repo"), hit.score))
            .collect();
        assert_eq!(order, [(1, "a", 0.9), (2, "b", 0.9), (3, "b", 0.7)]);
        let expected = IndexState {
            repo: String::new(),
            generation: 4,
            head: None,
            fresh: false,
            pending_files: 6,
            vector_coverage: 0.75,
            model: "m".to_owned(),
        };
        assert_eq!(answer.index, expected);
        assert!(merged(Vec::new(), 3).is_none());
    }
}
